"""Measuring a model batch by batch: what each batch of pictures says, as tensors to be joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ballgan.frame import resize, resize_depth

from .fakes import Fakes, Sampler
from .inception import Inception
from .judge import Judge
from .judge_training import view_directions
from .metrics import (
    CLEAR,
    OPAQUE,
    View,
    background_depth_errors,
    binariness,
    mask_ious,
    mean_change,
    normalized_depth_errors,
    orbit_angles,
    pose_errors,
    turn_to_front,
    view_consistency,
)
from .reals import Reals

ALPHA_BINS = 20
KEPT = 4096  # pictures of each kind for the sliced Wasserstein distance


@dataclass(frozen=True)
class Plan:
    """How much is measured, and how."""

    count: int = 1000  # pictures of the model, and as many real ones ...
    real_count: int | None = None  # ... or so many, if there are
    pairs: int = 200  # codes of which the background, the foreground or the view is changed
    size: int = 64  # pixels a side at which pictures are compared
    view_angle: float = 0.4  # radians between the two views


@dataclass(frozen=True)
class Batch:
    """Some pictures of a kind: "fakes", "reals", or "pairs", with one thing changed."""

    kind: str
    numbers: range

    @property
    def name(self) -> str:
        """Of the file that holds what was measured."""
        return f"{self.kind}{self.numbers.start:07d}.safetensors"


@dataclass(frozen=True)
class Measurement:
    """What is measured, of which pictures, and by whom."""

    sampler: Sampler
    reals: Reals
    plan: Plan
    judge: Judge | None = None
    inception: Inception | None = None

    @cached_property
    def cameras(self) -> Tensor:
        """Labels (count, 25) of the generated pictures."""
        return self.reals.cameras(self.plan.count)

    @cached_property
    def batches(self) -> list[Batch]:
        """All batches, so mixed that every stretch of the list has its share of each kind."""
        plan, size = self.plan, self.sampler.batch
        count_real = self.reals.limit(plan.real_count or plan.count)
        kinds = {
            "fakes": (plan.count, size),
            "reals": (count_real, max(size, 16)),
            "pairs": (plan.pairs, size),
        }
        placed = [
            (numbers.start / count, Batch(kind, numbers))
            for kind, (count, some) in kinds.items()
            for numbers in split(count, some)
        ]
        return [batch for _, batch in sorted(placed, key=lambda entry: entry[0])]

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        """Values (B, ...) of a batch's pictures by their names, on the CPU."""
        measure = {
            "fakes": self._measure_fakes,
            "reals": self._measure_reals,
            "pairs": self._measure_pairs,
        }[batch.kind]
        return {name: value.cpu().contiguous() for name, value in measure(batch.numbers).items()}

    def _measure_fakes(self, numbers: range) -> dict[str, Tensor]:
        """Measures of generated pictures one by one, and what the judge sees in them."""
        fakes = self.sampler.render(numbers, self.cameras[numbers.start : numbers.stop])
        values = self._keep(fakes.picture, numbers) | {
            "min_t": binariness(fakes.transmittance),
            "coverage": fakes.alpha.flatten(1).mean(1),
            "alpha_histogram": torch.stack([_histogram(alpha) for alpha in fakes.alpha]),
        }
        if self.judge is None:
            return values
        view = fakes.view(self.plan.size)
        opinion = self.judge.look(2 * view.picture - 1)
        inside = (opinion.mask > 0.5) & (view.alpha > 0.5) & view.depth.isfinite()
        truth = view_directions(fakes.label)
        angle, yaw, pitch = pose_errors(opinion.direction, truth)
        if opinion.background_depth is not None:
            distance = resize_depth(fakes.distance, self.plan.size)
            values["background_depth_error"] = background_depth_errors(
                distance, opinion.background_depth, opinion.mask < CLEAR
            )
        return values | {
            "mask_iou": mask_ious(view.alpha, opinion.mask),
            "depth_error": normalized_depth_errors(view.depth, opinion.depth, inside),
            "pose_deg": angle,
            "yaw_deg": yaw,
            "pitch_deg": pitch,
            "yaw_given": orbit_angles(truth)[0],
            "yaw_seen": orbit_angles(opinion.direction)[0],
            "judged": opinion.features,
        }

    def _measure_reals(self, numbers: range) -> dict[str, Tensor]:
        pictures = self.reals.pictures(numbers)
        # Larger pictures are compared as the model would show them: sharpness is not what it lacks.
        pictures = resize(pictures, min(pictures.shape[-1], self.sampler.picture_size))
        values = self._keep(pictures, numbers)
        if self.judge is not None:
            values["judged"] = self.judge.look(2 * pictures - 1).features
        return values

    def _keep(self, pictures: Tensor, numbers: range) -> dict[str, Tensor]:
        """What sets of pictures (B, 3, H, W) in [0, 1] are compared by."""
        kept = {}
        if numbers.start < KEPT:
            small = resize(pictures, self.plan.size).clamp(0, 1)
            kept["pixels"] = (small * 255).round().to(torch.uint8)  # (B, 3, S, S)
        if self.inception is not None:
            kept["inception"] = self.inception(pictures)
        return kept

    def _measure_pairs(self, numbers: range) -> dict[str, Tensor]:
        """Separation and consistency: other background, other foreground, other view."""
        sampler, model, plan = self.sampler, self.sampler.model, self.plan
        labels = self.cameras[numbers.start : numbers.stop].to(model.device)
        others = range(numbers.start + plan.pairs, numbers.stop + plan.pairs)
        plain = sampler.render(numbers, labels)
        values: dict[str, Tensor] = {}
        if model.background is not None:
            behind = sampler.render(numbers, labels, behind=others)
            front = sampler.render(others, labels, behind=numbers)
            values |= compare_changes(plain, behind, front)
        turned = turn_to_front(labels, plan.view_angle, model.config.camera.pivot)
        second = sampler.render(numbers, turned, conditioning=labels)
        views: tuple[View, View] = (plain.view(plan.size), second.view(plan.size))
        errors, shares = zip(
            *(view_consistency(*pair) for pair in (views, views[::-1])), strict=True
        )
        return values | {"view_error": torch.cat(errors), "view_share": torch.cat(shares)}


def split(count: int, size: int) -> Iterator[range]:
    """Numbers 0 ... count - 1 in ranges of at most `size`."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _histogram(alpha: Tensor) -> Tensor:
    """Share of the pixels in each of ALPHA_BINS bins of alpha."""
    return torch.histc(alpha.cpu(), ALPHA_BINS, 0, 1) / alpha.numel()


def compare_changes(plain: Fakes, behind: Fakes, front: Fakes) -> dict[str, Tensor]:
    """What a changed background does to the foreground, and the reverse, in steps of 1/255.

    `behind`: only the background's code differs from `plain`; `front`: only the foreground's.
    """
    alpha, other = (resize(f.alpha, plain.picture.shape[-1]) for f in (plain, front))
    clear = (alpha < CLEAR) & (other < CLEAR)
    return {
        "foreground_change": mean_change(plain.picture, behind.picture, alpha > OPAQUE),
        "background_change": mean_change(plain.picture, front.picture, clear),
        "background_own_change": mean_change(plain.picture, behind.picture, alpha < CLEAR),
    }
