"""Measuring a model: its pictures against real ones, against a judge, and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ballgan.frame import resize

from .distances import (
    Estimate,
    diversity,
    feature_statistics,
    frechet_distance,
    kernel_distance,
    sliced_wasserstein,
)
from .fakes import Fakes, Sampler
from .inception import Inception
from .judge import Judge
from .judge_training import view_directions
from .metrics import (
    CLEAR,
    OPAQUE,
    View,
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
LEAST = 8  # pictures of each kind that sets can be compared with

JUDGED = (
    "mask_iou",
    "depth_error",
    "pose_deg",
    "yaw_deg",
    "pitch_deg",
    "judge_kid",
    "judge_kid_real",
    "diversity",
)
INCEPTION = ("fid", "kid")
BACKGROUND = ("foreground_change", "background_change", "background_own_change")

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured, and how."""

    count: int = 1000  # pictures of the model, and as many real ones ...
    real_count: int | None = None  # ... or so many, if there are
    pairs: int = 200  # codes of which the background, the foreground or the view is changed
    size: int = 64  # pixels a side at which pictures are compared
    view_angle: float = 0.4  # radians between the two views


@dataclass
class Results:
    """What was measured; report.ROWS says what the names mean."""

    values: dict[str, Estimate] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # name -> why
    series: dict[str, np.ndarray] = field(default_factory=dict)  # for the plots

    def put(self, name: str, value: float) -> None:
        """Keep a value without a standard error."""
        self.values[name] = Estimate(value, math.nan)

    def put_means(self, found: dict[str, list[Tensor]]) -> None:
        """Keep means over pictures with their standard errors; NaN is a picture without value."""
        for name, parts in found.items():
            values = torch.cat(parts).cpu().double()
            values = values[values.isfinite()]
            if len(values):
                spread = values.std().item() if len(values) > 1 else math.nan
                self.values[name] = Estimate(values.mean().item(), spread / math.sqrt(len(values)))
            else:
                self.left_out[name] = "no picture has a pixel to measure it on"

    def leave_out(self, names: tuple[str, ...], why: str) -> None:
        """Say why some values are missing."""
        self.left_out.update(dict.fromkeys(names, why))


@dataclass
class _Gathered:
    """What sets of pictures are compared by."""

    pixels: list[Tensor] = field(default_factory=list)  # uint8 (B, 3, S, S)
    judged: list[Tensor] = field(default_factory=list)
    inception: list[Tensor] = field(default_factory=list)

    def add(self, pictures: Tensor, size: int, inception: Inception | None) -> None:
        """Take in pictures (B, 3, H, W) in [0, 1]."""
        if sum(map(len, self.pixels)) < KEPT:
            small = resize(pictures, size).clamp(0, 1)
            self.pixels.append((small * 255).round().to(torch.uint8).cpu())
        if inception is not None:
            self.inception.append(inception(pictures))


def evaluate(
    sampler: Sampler,
    reals: Reals,
    plan: Plan,
    *,
    judge: Judge | None = None,
    inception: Inception | None = None,
    progress: Progress | None = None,
) -> Results:
    """All measurements of a model that make sense for it and for what is given.

    `plan.size` is the judge's, where there is one. `progress` is called with the fraction done.
    """
    results = Results()
    count_real = reals.limit(plan.real_count or plan.count)
    total = plan.count + count_real + 4 * plan.pairs
    report = progress or (lambda fraction: None)
    fake, real = _Gathered(), _Gathered()
    cameras = reals.cameras(plan.count)
    found: dict[str, list[Tensor]] = {}
    for numbers in batches(plan.count, sampler.batch):
        fakes = sampler.render(numbers, cameras[numbers.start : numbers.stop])
        fake.add(fakes.picture, plan.size, inception)
        _look_at(fakes, plan.size, judge, found, fake)
        report(numbers.stop / total)
    for numbers in batches(count_real, max(sampler.batch, 16)):
        # Larger pictures are compared as the model would show them: sharpness is not what it lacks.
        pictures = reals.pictures(numbers)
        pictures = resize(pictures, min(pictures.shape[-1], sampler.picture_size))
        real.add(pictures, plan.size, inception)
        if judge is not None:
            real.judged.append(judge.look(2 * pictures - 1).features.cpu())
        report((plan.count + numbers.stop) / total)
    _keep_series(results, found)
    results.put_means(found)
    _compare_sets(results, real, fake)
    if judge is None:
        results.leave_out(JUDGED, "no judge: it knows toyworld only (--domain, --judge)")
    if inception is None:
        results.leave_out(INCEPTION, "no Inception network was given (--inception FILE)")
    _change_one_thing(
        sampler,
        cameras,
        plan,
        results,
        lambda part: report(1 - (1 - part) * 4 * plan.pairs / total),
    )
    return results


def batches(count: int, size: int) -> Iterator[range]:
    """Numbers 0 ... count - 1 in ranges of at most `size`."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _look_at(
    fakes: Fakes, size: int, judge: Judge | None, found: dict[str, list[Tensor]], seen: _Gathered
) -> None:
    """Measures of generated pictures one by one, and what the judge sees in them."""
    values = {
        "min_t": binariness(fakes.transmittance),
        "coverage": fakes.alpha.flatten(1).mean(1),
        "alpha_histogram": torch.stack([_histogram(alpha) for alpha in fakes.alpha]),
    }
    if judge is not None:
        view = fakes.view(size)
        opinion = judge.look(2 * view.picture - 1)
        inside = (opinion.mask > 0.5) & (view.alpha > 0.5) & view.depth.isfinite()
        truth = view_directions(fakes.label)
        angle, yaw, pitch = pose_errors(opinion.direction, truth)
        values |= {
            "mask_iou": mask_ious(view.alpha, opinion.mask),
            "depth_error": normalized_depth_errors(view.depth, opinion.depth, inside),
            "pose_deg": angle,
            "yaw_deg": yaw,
            "pitch_deg": pitch,
            "yaw_given": orbit_angles(truth)[0],
            "yaw_seen": orbit_angles(opinion.direction)[0],
        }
        seen.judged.append(opinion.features.cpu())
    for name, value in values.items():
        found.setdefault(name, []).append(value.cpu())


def _histogram(alpha: Tensor) -> Tensor:
    """Share of the pixels in each of ALPHA_BINS bins of alpha."""
    return torch.histc(alpha.cpu(), ALPHA_BINS, 0, 1) / alpha.numel()


def _keep_series(results: Results, found: dict[str, list[Tensor]]) -> None:
    """Take what is only plotted out of `found`, and copy the rest that is."""
    results.series["alpha_histogram"] = torch.cat(found.pop("alpha_histogram")).mean(0).numpy()
    for name in ("yaw_given", "yaw_seen"):
        if name in found:
            results.series[name] = torch.cat(found.pop(name)).numpy()
    if "mask_iou" in found:
        results.series["mask_iou"] = torch.cat(found["mask_iou"]).numpy()


def _compare_sets(results: Results, real: _Gathered, fake: _Gathered) -> None:
    """Distances between the real and the generated pictures."""
    pixels = [torch.cat(side.pixels)[:KEPT] for side in (real, fake)]
    few = f"too few pictures: at least {LEAST} of each kind are needed"
    half = min(map(len, pixels)) // 2
    if 2 * half < LEAST:
        results.leave_out(("swd", "swd_real", *JUDGED[-3:], *INCEPTION), few)
        return
    first, second, made = pixels[0][:half], pixels[0][half : 2 * half], pixels[1][:half]
    for name, other in (("swd", made), ("swd_real", second)):
        levels = sliced_wasserstein(first, other)
        results.put(name, float(np.mean(list(levels.values()))))
        results.series[f"{name}_levels"] = np.array(list(levels.items()))
    if real.judged:
        truth, seen = torch.cat(real.judged), torch.cat(fake.judged)
        middle = len(truth) // 2
        results.values["judge_kid"] = kernel_distance(truth, seen)
        results.values["judge_kid_real"] = kernel_distance(truth[:middle], truth[middle:])
        results.put("diversity", diversity(truth[:KEPT], seen[:KEPT]))
        results.series["real_features"], results.series["fake_features"] = (
            principal_plane(truth[:KEPT], features[:KEPT]) for features in (truth, seen)
        )
    if real.inception:
        truth, seen = torch.cat(real.inception), torch.cat(fake.inception)
        statistics = [*feature_statistics(truth), *feature_statistics(seen)]
        results.put("fid", frechet_distance(*statistics))
        results.values["kid"] = kernel_distance(truth, seen)


def principal_plane(reference: Tensor, features: Tensor) -> np.ndarray:
    """Features (N, F) on the two main axes of the reference's, in its deviations: (N, 2)."""
    mean = reference.mean(0)
    _, lengths, axes = torch.linalg.svd(reference - mean, full_matrices=False)
    scale = lengths[:2] / math.sqrt(max(len(reference) - 1, 1))
    return ((features - mean) @ axes[:2].t() / scale.clamp_min(1e-9)).numpy()


def _change_one_thing(
    sampler: Sampler, cameras: Tensor, plan: Plan, results: Results, report: Progress
) -> None:
    """Separation and consistency: other background, other foreground, other view."""
    model = sampler.model
    found: dict[str, list[Tensor]] = {"view_error": [], "view_share": []}
    for numbers in batches(plan.pairs, sampler.batch):
        labels = cameras[numbers.start : numbers.stop].to(model.device)
        others = range(numbers.start + plan.pairs, numbers.stop + plan.pairs)
        plain = sampler.render(numbers, labels)
        if model.background is not None:
            behind = sampler.render(numbers, labels, behind=others)
            front = sampler.render(others, labels, behind=numbers)
            for name, value in compare_changes(plain, behind, front).items():
                found.setdefault(name, []).append(value)
        turned = turn_to_front(labels, plan.view_angle, model.config.camera.pivot)
        second = sampler.render(numbers, turned, conditioning=labels)
        views: tuple[View, View] = (plain.view(plan.size), second.view(plan.size))
        for pair in (views, views[::-1]):
            error, share = view_consistency(*pair)
            found["view_error"].append(error)
            found["view_share"].append(share)
        report(numbers.stop / plan.pairs)
    results.put_means(found)
    if model.background is None:
        results.leave_out(BACKGROUND, "the model has no background of its own")


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
