"""Large pictures in bands from top to bottom, so that memory does not grow with their height.

A picture with a ray for each pixel is rendered band by band. One that is enlarged, by a network or
because more rays were not asked for, is rendered whole and enlarged band by band. Either way the
bands are those of the picture that `Scene.render` gives, to rounding: only the colour of wholly
transparent pixels far from the foreground may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from .backgrounds import GivenBackground, LearntBackground
from .frame import Frame, enlarge_rows, resize
from .shot import Shot, ascending
from .volume import Composite

if TYPE_CHECKING:
    from .backdrop import Backdrop
    from .scene import Scene

PIXELS = 2**20  # of a band, more or less
ALIGNMENT = 64  # rows: the colour beyond an outline comes from cells of up to this size
WHOLE_SIZE = 2048  # pixels, up to which pictures are rendered as a whole


@dataclass(frozen=True)
class Layers:
    """A picture before it has its size.

    rgb (1, 3, h, w) in [0, 1], alpha and depth (1, 1, h', w'): each at its own resolution. depth is
    the foreground's, and means nothing where alpha is 0; depth_behind, of the background, where it
    has one. behind: the background still to come, of full size; None: none. opaque: as of Frame.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    opaque: bool
    behind: GivenBackground | None = None
    depth_behind: Tensor | None = None

    @property
    def side(self) -> int:
        """Width of what is largest."""
        return max(image.shape[-1] for image in (self.rgb, self.alpha, self.depth))

    def crop(self, rows: slice) -> Layers:
        """Some rows; all parts have one resolution."""
        return self._changed(lambda image: image[:, :, rows])

    def enlarge(self, size: int, rows: slice) -> Layers:
        """Some rows of these layers with `size` rows."""
        return self._changed(lambda image: enlarge_rows(image, size, rows))

    def _changed(self, change: Callable[[Tensor], Tensor]) -> Layers:
        behind = self.depth_behind
        return replace(
            self,
            rgb=change(self.rgb),
            alpha=change(self.alpha),
            depth=change(self.depth),
            depth_behind=None if behind is None else change(behind),
        )


def finish(scene: Scene, shot: Shot, layers: Layers, stage: str) -> Frame:
    """The frame of a shot, or of a band of one, whose layers are `layers`."""
    return scene.within_memory(lambda: _finish(scene.backdrop, shot, layers, stage))


def _finish(backdrop: Backdrop, shot: Shot, layers: Layers, stage: str) -> Frame:
    rgb = layers.rgb
    if shot.settings.layer == "normals" and shot.size != shot.resolution:
        rgb = F.normalize(2 * resize(rgb, shot.size) - 1, dim=1) / 2 + 0.5
    if layers.behind is not None:
        if shot.size > rgb.shape[-1]:
            rgb = resize(rgb, shot.size)
        opacity = resize(layers.alpha, rgb.shape[-1])
        camera, lines = shot.backdrop_camera, rgb.shape[-2]
        rest = backdrop.render(layers.behind, camera, rgb.shape[-1], lines)
        rgb = rgb * opacity + rest * (1 - opacity)
    return Frame.from_images(
        rgb,
        layers.alpha,
        layers.depth,
        shot.size,
        layer=shot.settings.layer,
        neural_resolution=shot.resolution,
        stage=stage,
        depth_behind=layers.depth_behind,
        opaque=layers.opaque or layers.behind is not None,
        keep_pixels=shot.settings.keep_pixels and shot.size <= WHOLE_SIZE,
    )


def render_bands(scene: Scene, shot: Shot, stage: str) -> Iterator[Frame]:
    """The frame of a shot in bands from top to bottom."""
    if shot.enlarge or shot.resolution != shot.size:
        layers = scene.layers(shot)
        if layers.side > shot.size:
            yield finish(scene, shot, layers, stage)
            return
        for rows in cut_into_bands(shot.size):
            band = replace(shot, lines=shot.size).crop(rows)
            yield finish(scene, band, layers.enlarge(shot.size, rows), stage)
        return
    for band, layers in _render_rays(scene, shot):
        yield finish(scene, band, layers, stage)


def cut_into_bands(size: int) -> list[slice]:
    """Rows of the bands of a picture of `size` x `size`."""
    lines = max(ALIGNMENT, PIXELS // size // ALIGNMENT * ALIGNMENT)
    return [slice(top, min(top + lines, size)) for top in range(0, size, lines)]


def _render_rays(scene: Scene, shot: Shot) -> Iterator[tuple[Shot, Layers]]:
    """Bands of a shot whose pixels have a ray each, with their layers."""
    bands = cut_into_bands(shot.size)

    def crop(index: int) -> Shot:
        progress = ascending(shot.progress, index, len(bands))
        return replace(shot.crop(bands[index]), progress=progress)

    if not _continues_colours(scene, shot):
        for index in range(len(bands)):
            band = crop(index)
            yield band, scene.layers(band)
        return
    # The colour beyond an outline is found with the bands above and below.
    gathered: list[Composite | None] = []
    for index, rows in enumerate(bands):
        while len(gathered) < min(index + 2, len(bands)):
            gathered.append(_without_features(scene.gather(crop(len(gathered)))))
        first, last = max(index - 1, 0), min(index + 1, len(bands) - 1)
        around = shot.crop(slice(bands[first].start, bands[last].stop))
        parts = [part for part in gathered[first : last + 1] if part is not None]
        layers = scene.layers(around, Composite.concatenate(parts))
        top = rows.start - bands[first].start
        yield crop(index), layers.crop(slice(top, top + rows.stop - rows.start))
        if index > 0:
            gathered[index - 1] = None  # no longer needed


def _continues_colours(scene: Scene, shot: Shot) -> bool:
    """Whether the foreground's colour is needed beyond its outline."""
    layer = shot.settings.layer
    given = not isinstance(scene.background, LearntBackground)
    return layer == "foreground" or (layer in ("full", "raw") and given)


def _without_features(gathered: Composite) -> Composite:
    """Only the colours: no network follows."""
    return replace(gathered, features=gathered.features[:, :3].clone())


def join_bands(frames: Iterator[Frame], size: int) -> Frame:
    """The whole frame of bands."""
    rgb = np.empty((size, size, 3), np.float32)
    alpha, depth = np.empty((2, size, size), np.float32)
    top = 0
    for frame in frames:
        rows = slice(top, top + len(frame.rgb))
        rgb[rows], alpha[rows], depth[rows] = frame.rgb, frame.alpha, frame.depth
        top = rows.stop
    return replace(frame, rgb=rgb, alpha=alpha, depth=depth)
