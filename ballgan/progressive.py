"""The ladder from the first preview to the converged picture.

Rungs, each shown as soon as it is there: "preview", at a resolution that the measured speed allows
30 times a second; "raw", at the full neural resolution; "full", with super-resolution; "refined",
means of ever more samples, until the picture stays as it is. Every rung is the same picture: pixel
centres, bounds of rays and colours agree, and only detail is added.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from .camera import AnyCamera
from .chunks import part_of
from .foreground import Foreground
from .frame import Frame, RenderSettings
from .shot import Progress, Shot, ascending
from .stopwatch import Stopwatch
from .volume import Composite

if TYPE_CHECKING:
    from .scene import Scene

FRAMES_PER_S = 30.0
SHARE_OF_RAYS = 0.7  # of a frame's time; the rest goes to the background and to the picture
PREVIEW_RESOLUTIONS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
PREVIEW_STEPS = 24  # along a ray: a new code is seen before it is known what it needs
FIRST_PREVIEW = 32  # before anything was measured
REFINEMENTS = (3, 7, 15)  # passes: each has the former's, and one between any two of their samples
CONVERGED = 0.5 / 255  # root of the mean square of the change of colour and opacity


class Pace:
    """Measured rays per second, and the resolution of previews that follows from them."""

    def __init__(self) -> None:
        self.rays_per_s: float | None = None
        self._index = PREVIEW_RESOLUTIONS.index(FIRST_PREVIEW)
        self._marching: list[tuple[int, Stopwatch]] = []  # what a GPU may still be at

    @contextmanager
    def measure(self, rays: int, device: torch.device) -> Iterator[None]:
        """March along `rays`; how long a GPU takes for them is noted when it has done so."""
        with Stopwatch(device) as watch:
            yield
        self._marching.append((rays, watch))
        self._note_finished()

    def _note_finished(self) -> None:
        while self._marching and self._marching[0][1].stopped():
            rays, watch = self._marching.pop(0)
            self.note(rays, watch.seconds())

    def note(self, rays: int, seconds: float) -> None:
        """`rays` were marched along in `seconds`."""
        rate = rays / max(seconds, 1e-6)
        former = rate if self.rays_per_s is None else self.rays_per_s
        self.rays_per_s = math.sqrt(former * rate)  # halves surprises in either direction
        affordable = self.rays_per_s * SHARE_OF_RAYS / FRAMES_PER_S
        # A change needs a margin: the resolution should not flicker while a person drags.
        last = len(PREVIEW_RESOLUTIONS) - 1
        while self._index < last and affordable > 1.3 * PREVIEW_RESOLUTIONS[self._index + 1] ** 2:
            self._index += 1
        while self._index > 0 and affordable < 0.8 * PREVIEW_RESOLUTIONS[self._index] ** 2:
            self._index -= 1

    @property
    def preview_resolution(self) -> int:
        """Side of a preview, in rays."""
        self._note_finished()
        return PREVIEW_RESOLUTIONS[self._index]


def climb_ladder(
    scene: Scene,
    camera: AnyCamera,
    settings: RenderSettings,
    progress: Progress | None,
    *,
    with_preview: bool = True,
) -> Iterator[Frame]:
    """Frames of one view of a scene, ever better (see `Scene.render_progressively`)."""
    full = scene.neural_resolution(settings)
    enlarged = scene.model.super_resolution is not None and settings.layer in ("full", "foreground")
    preview = scene.pace.preview_resolution
    if with_preview and preview < full:
        samples = settings.samples or (PREVIEW_STEPS if settings.sampler == "fast" else None)
        coarse = replace(settings, neural_resolution=preview, samples=samples)
        yield scene.render_stage(camera, coarse, "preview", ascending(progress))
    if enlarged:
        yield scene.render_stage(camera, settings, "raw", ascending(progress))
    frame = scene.render_stage(camera, settings, "full", ascending(progress))
    refinements = REFINEMENTS if can_be_refined(settings) else ()
    yield replace(frame, convergence=1 / (1 + REFINEMENTS[-1]) if refinements else 1.0)
    settings = replace(settings, matte="solved")
    for passes in refinements:
        better = scene.render_stage(camera, settings, "refined", ascending(progress), passes)
        converged = passes == REFINEMENTS[-1] or change(frame, better) < CONVERGED
        frame = better
        yield replace(frame, convergence=1.0 if converged else passes / (1 + REFINEMENTS[-1]))
        if converged:
            return


def can_be_refined(settings: RenderSettings) -> bool:
    """Whether more samples change the picture: not the published scheme, nor a mere background."""
    return settings.sampler == "fast" and settings.layer != "background"


def change(before: Frame, after: Frame) -> float:
    """Root of the mean square of the differences of two frames' colours and opacities."""
    return math.sqrt(float(np.square(after.rgba() - before.rgba()).mean()))


def march_passes(
    foreground: Foreground, shot: Shot, former: Composite | None, pace: Pace
) -> Composite:
    """The mean of `shot.passes` passes of the fast sampler, those of `former` among them."""
    parts = [] if former is None else [former.scaled(shot.passes // 2)]  # at most two at a time
    places = passes_between(shot.passes)
    for k, (offset, right, down) in enumerate(places):
        bundle = foreground.bundle(shot.rays_through(right, down), offset)
        report = part_of(shot.report, k / len(places), (k + 1) / len(places))
        with pace.measure(shot.resolution * shot.lines, shot.device):
            parts.append(foreground.march_quickly(bundle, shot.settings.samples, report))
            parts = [Composite.sum(parts)]
    return parts[0].scaled(1 / shot.passes)


def passes_between(passes: int) -> list[tuple[float, float, float]]:
    """The samples that a refinement of `passes` adds to those of the former one.

    Each has the place in its step, and in its pixel (horizontal, vertical), all in [0, 1) and 0.5
    on average: odd multiples of 1 / (2 n), for n = (passes + 1) / 2 samples. The first pass, of
    one sample, has their centres.
    """
    count = (passes + 1) // 2
    bits = (count - 1).bit_length()
    samples = []
    for i in range(count):
        reversed_bits = int(format(i, f"0{bits}b")[::-1], 2) if bits else 0
        places = ((3 * i) % count, i, reversed_bits)
        step, right, down = ((2 * place + 1) / (2 * count) for place in places)
        samples.append((step, right, down))
    return samples
