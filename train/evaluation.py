"""What a model's measurements amount to: means, distances between sets, and what is plotted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .batches import KEPT, Batch, Measurement, Plan
from .distances import (
    Estimate,
    diversity,
    feature_statistics,
    frechet_distance,
    kernel_distance,
    sliced_wasserstein,
)
from .fakes import Sampler
from .inception import Inception
from .judge import Judge
from .reals import Reals

LEAST = 8  # pictures of each kind that sets can be compared with

JUDGED = (
    "mask_iou",
    "depth_error",
    "background_depth_error",
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
Found = dict[str, Tensor]  # values of all pictures of a kind by their names


@dataclass
class Results:
    """What was measured; report.ROWS says what the names mean."""

    values: dict[str, Estimate] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # name -> why
    series: dict[str, np.ndarray] = field(default_factory=dict)  # for the plots

    def put(self, name: str, value: float) -> None:
        """Keep a value without a standard error."""
        self.values[name] = Estimate(value, math.nan)

    def put_means(self, found: Found) -> None:
        """Keep means over pictures with their standard errors; NaN is a picture without value."""
        for name, values in found.items():
            values = values.double()
            values = values[values.isfinite()]
            if len(values):
                spread = values.std().item() if len(values) > 1 else math.nan
                self.values[name] = Estimate(values.mean().item(), spread / math.sqrt(len(values)))
            else:
                self.left_out[name] = "no picture has a pixel to measure it on"

    def leave_out(self, names: tuple[str, ...], why: str) -> None:
        """Say why some values are missing."""
        self.left_out.update(dict.fromkeys(names, why))


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
    measurement = Measurement(sampler, reals, plan, judge, inception)
    measured, pictures = {}, sum(len(batch.numbers) for batch in measurement.batches)
    done = 0
    for batch in measurement.batches:
        measured[batch] = measurement.measure(batch)
        done += len(batch.numbers)
        if progress is not None:
            progress(done / pictures)
    return summarize(measurement, lambda batch: measured[batch])


def summarize(measurement: Measurement, read: Callable[[Batch], Found]) -> Results:
    """Results of all batches; `read` gives what `Measurement.measure` found in one.

    They are joined in one order, whoever measured them: results do not depend on it.
    """
    results = Results()
    fakes, reals, pairs = (join(measurement, kind, read) for kind in ("fakes", "reals", "pairs"))
    real, fake = (_take_sets(found) for found in (reals, fakes))
    _keep_series(results, fakes)
    results.put_means(fakes)
    _compare_sets(results, real, fake)
    if measurement.judge is None:
        results.leave_out(JUDGED, "no judge: it knows toyworld only (--domain, --judge)")
    elif not measurement.judge.info.sees_background:
        domain = measurement.judge.info.domain
        results.leave_out(
            ("background_depth_error",),
            f"the background of {domain} is painted on a sphere: it has no depth to be seen",
        )
    if measurement.inception is None:
        results.leave_out(INCEPTION, "no Inception network was given (--inception FILE)")
    results.put_means(pairs)
    if measurement.sampler.model.background is None:
        results.leave_out(BACKGROUND, "the model has no background of its own")
    return results


def join(measurement: Measurement, kind: str, read: Callable[[Batch], Found]) -> Found:
    """All values of a kind of batches, in order of the pictures' numbers."""
    parts: dict[str, list[Tensor]] = {}
    for batch in measurement.batches:
        if batch.kind == kind:
            for name, value in read(batch).items():
                parts.setdefault(name, []).append(value)
    return {name: torch.cat(parts[name]) for name in sorted(parts)}


def _take_sets(found: Found) -> Found:
    """Take what sets of pictures are compared by out of `found`."""
    return {name: found.pop(name) for name in ("pixels", "judged", "inception") if name in found}


def _keep_series(results: Results, found: Found) -> None:
    """Take what is only plotted out of `found`, and copy the rest that is."""
    results.series["alpha_histogram"] = found.pop("alpha_histogram").mean(0).numpy()
    for name in ("yaw_given", "yaw_seen"):
        if name in found:
            results.series[name] = found.pop(name).numpy()
    if "mask_iou" in found:
        results.series["mask_iou"] = found["mask_iou"].numpy()


def _compare_sets(results: Results, real: Found, fake: Found) -> None:
    """Distances between the real and the generated pictures."""
    pixels = [side["pixels"][:KEPT] for side in (real, fake)]
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
    if "judged" in real:
        truth, seen = real["judged"], fake["judged"]
        middle = len(truth) // 2
        results.values["judge_kid"] = kernel_distance(truth, seen)
        results.values["judge_kid_real"] = kernel_distance(truth[:middle], truth[middle:])
        results.put("diversity", diversity(truth[:KEPT], seen[:KEPT]))
        results.series["real_features"], results.series["fake_features"] = (
            principal_plane(truth[:KEPT], features[:KEPT]) for features in (truth, seen)
        )
    if "inception" in real:
        truth, seen = real["inception"], fake["inception"]
        statistics = [*feature_statistics(truth), *feature_statistics(seen)]
        results.put("fid", frechet_distance(*statistics))
        results.values["kid"] = kernel_distance(truth, seen)


def principal_plane(reference: Tensor, features: Tensor) -> np.ndarray:
    """Features (N, F) on the two main axes of the reference's, in its deviations: (N, 2)."""
    mean = reference.mean(0)
    _, lengths, axes = torch.linalg.svd(reference - mean, full_matrices=False)
    scale = lengths[:2] / math.sqrt(max(len(reference) - 1, 1))
    return ((features - mean) @ axes[:2].t() / scale.clamp_min(1e-9)).numpy()
