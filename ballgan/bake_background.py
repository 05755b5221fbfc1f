"""Bakes the learnt background for the preview: at once as far as a camera sees it, then whole.

Painted surfaces become one picture: of all directions, or of the plane's square. NeRF++'s volume
becomes shells, one for each of its samples: these are at fixed inverse radii and as far apart for
every ray, so that what a shell adds to a ray depends on the place where it is passed alone, and a
camera anywhere inside sees the volume with its whole parallax.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .background_network import RAYS_AT_ONCE, BackgroundNetwork
from .camera import Camera
from .geometry import directions_to_equirectangular, equirectangular_to_directions
from .inverted_sphere import InvertedSphereBackground, scaled_distance
from .surfaces import CubeBackground, PlaneBackground, SphereBackground
from .volume import RaySamples, composite

HEIGHT = 512  # pixels from pole to pole, as the scene's own cached sphere
SQUARE_HEIGHT = 1024  # pixels of the plane's square, of which cameras see a part
AROUND_HEIGHT = 32  # of what lies outside the window
MAX_WINDOW = 16_000  # pixels that are baked at once
MARGIN = 0.2  # of the window's size, on each side, for the camera to move in
PROBES = 9  # rays along a side of the picture that tell what the camera sees
MAX_SHELLS = 8  # of a volume; the samples of deeper ones are joined


class Chart(ABC):
    """A background with one code, as pictures with places (u, v) in [0, 1], right and down.

    kind: its geometry, and sizes: its measures in world units. aspect: width by height of a
    picture. wraps: whether its left and right border are the same. height: of a sharp picture.
    """

    kind: str
    sizes: tuple[float, ...]
    layers = 1
    aspect = 2
    wraps = True
    height = HEIGHT

    def __init__(self, ws: Tensor) -> None:
        self._ws = ws
        self.device = ws.device

    @abstractmethod
    def places(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Where unit rays (N, 3) pass the layers: (layers, N, 2)."""

    @abstractmethod
    def colors(self, places: Tensor) -> Tensor:
        """Raw colours and opacities (layers, N, 4) in [0, 1] at places (N, 2), straight."""


def make_chart(network: BackgroundNetwork, ws: Tensor) -> Chart:
    """The chart of a background with its mapped code."""
    if isinstance(network, InvertedSphereBackground):
        return ShellChart(network, ws)
    if isinstance(network, PlaneBackground):
        return SquareChart(network, ws)
    assert isinstance(network, SphereBackground | CubeBackground)
    return RoundChart(network, ws)


class RoundChart(Chart):
    """A surface round the scene, which depends on the direction from the origin alone.

    sizes: the sphere's radius, or the cube's side.
    """

    def __init__(self, network: SphereBackground | CubeBackground, ws: Tensor) -> None:
        super().__init__(ws)
        self._network = network
        if isinstance(network, CubeBackground):
            self.kind, self.sizes = "cube", (network.config.side,)
        else:
            self.kind, self.sizes = "panorama", (network.config.radius,)

    def places(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See `Chart.places`."""
        distance = self._network.distance(origins, directions)
        return directions_to_equirectangular(origins + distance[:, None] * directions)[None]

    def colors(self, places: Tensor) -> Tensor:
        """See `Chart.colors`."""
        features = self._network(equirectangular_to_directions(places)[None], self._ws)
        return _opaque(features)


class SquareChart(Chart):
    """The square of a plane. sizes: the plane's distance behind the origin, the square's side."""

    kind, aspect, wraps, height = "plane", 1, False, SQUARE_HEIGHT

    def __init__(self, network: PlaneBackground, ws: Tensor) -> None:
        super().__init__(ws)
        self._network = network
        self.sizes = (network.config.distance, network.config.extent)

    def places(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See `Chart.places`; rays beside the square have places beyond [0, 1]."""
        distance = self._network.distance(origins, directions)
        points = origins + distance[:, None] * directions
        flip = points.new_tensor([1.0, -1.0])
        return (points[:, :2] * flip / self.sizes[1] + 0.5)[None]

    def colors(self, places: Tensor) -> Tensor:
        """See `Chart.colors`."""
        distance, extent = self.sizes
        across, down = ((places - 0.5) * extent).unbind(-1)
        points = torch.stack([across, -down, torch.full_like(down, -distance)], dim=-1)
        return _opaque(self._network(points[None], self._ws))


class ShellChart(Chart):
    """NeRF++'s volume as shells round the origin, nearest first.

    sizes: their radii; 0 is infinity, where the last sample is.
    """

    kind = "shells"

    def __init__(self, network: InvertedSphereBackground, ws: Tensor) -> None:
        super().__init__(ws)
        self._network = network
        samples, start = network.config.samples, network.config.start
        self.layers = min(samples, MAX_SHELLS)
        bounds = [round(i * samples / self.layers) for i in range(self.layers + 1)]
        self._groups = [slice(*ends) for ends in zip(bounds, bounds[1:], strict=False)]
        inverse = start * (1 - np.arange(samples) / (samples - 1))
        self._inverse = [float(inverse[group].mean()) for group in self._groups]
        self.sizes = tuple(1 / u if u > 1e-9 * start else 0.0 for u in self._inverse)

    def places(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See `Chart.places`."""
        inverse = origins.new_tensor(self._inverse).expand(1, len(origins), -1)
        along = scaled_distance(origins[None], directions[None], inverse)[0].t()  # (L, N)
        inverse = inverse[0].t()
        points = inverse[..., None] * origins + along[..., None] * directions
        return directions_to_equirectangular(points)

    def colors(self, places: Tensor) -> Tensor:
        """See `Chart.colors`: what each shell's samples add up to along rays from the origin."""
        directions = equirectangular_to_directions(places)[None]
        samples = self._network.sample(self._ws, torch.zeros_like(directions), directions)
        return torch.stack([_join(samples, group) for group in self._groups])


def _join(samples: RaySamples, group: slice) -> Tensor:
    """Straight colours and opacities (N, 4) of some of the samples of rays."""
    last = group.stop == samples.distances.shape[1]
    part = slice(group.start, group.stop + 1)  # the next sample ends the last one's interval
    gathered = composite(
        replace(
            samples,
            distances=samples.distances[:, part],
            density=samples.density[:, part],
            features=samples.features[:, part, :3],
            opaque_end=last,
        )
    )
    opacity = gathered.opacity[:, None]
    return torch.cat([gathered.features / opacity.clamp_min(1e-6), opacity], dim=-1)


@torch.inference_mode()
def bake_window(chart: Chart, camera: Camera) -> np.ndarray:
    """Pictures (layers * H, W, 4) uint8, one below the other: sharp where the camera looks.

    They are coarse elsewhere. H is smaller than the chart's if the camera sees much.
    """
    rows, columns, height = find_window(chart, camera)
    around = _paint(chart, *_all(chart, AROUND_HEIGHT), AROUND_HEIGHT)
    picture = enlarge(around, height)
    window = _paint(chart, torch.arange(*rows), columns, height)
    picture[:, rows[0] : rows[1], columns.numpy()] = window
    return picture.reshape(-1, *picture.shape[2:])


@torch.inference_mode()
def bake_whole(chart: Chart, step: Callable[[], None] | None = None) -> np.ndarray:
    """The sharp pictures (layers * H, W, 4) uint8. `step` is called now and then, to stop."""
    rows, columns = _all(chart, chart.height)
    parts = []
    for some in rows.split(max(1, RAYS_AT_ONCE // len(columns))):
        if step is not None:
            step()
        parts.append(_paint(chart, some, columns, chart.height))
    picture = np.concatenate(parts, axis=1)
    return picture.reshape(-1, *picture.shape[2:])


def find_window(chart: Chart, camera: Camera) -> tuple[tuple[int, int], Tensor, int]:
    """Rows (first, end) and columns of the pictures that a camera sees, and their height."""
    rays = camera.rays(PROBES, PROBES)
    u, v = chart.places(rays.origins, rays.directions).flatten(0, 1).unbind(-1)
    middle = u[len(u) // 2]
    if chart.wraps:
        beside = (u - middle + 0.5) % 1 - 0.5  # the way round that is shorter
    else:
        middle, v = middle.clamp(0, 1), v.clamp(0, 1)
        beside = u.clamp(0, 1) - middle
    low_u, high_u = _widen(beside.min().item(), beside.max().item())
    low_v, high_v = _widen(v.min().item(), v.max().item())
    height = chart.height
    while True:
        width = chart.aspect * height
        first, end = max(math.floor(low_v * height), 0), min(math.ceil(high_v * height), height)
        left = math.floor((middle.item() + low_u) * width)
        count = min(math.ceil((high_u - low_u) * width) + 1, width)
        columns = left + torch.arange(count)
        columns = columns % width if chart.wraps else columns[(columns >= 0) & (columns < width)]
        area = chart.layers * (end - first) * len(columns)
        if area <= MAX_WINDOW or height <= 2 * AROUND_HEIGHT:
            return (first, end), columns, height
        height //= 2


def enlarge(pictures: np.ndarray, height: int) -> np.ndarray:
    """Pictures (L, h, w, 4) uint8 at another height, bilinear."""
    width = height * pictures.shape[2] // pictures.shape[1]
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return F.interpolate(images, size=(height, width), mode="bilinear").permute(0, 2, 3, 1).numpy()


def to_bytes(picture: Tensor) -> np.ndarray:
    """Colours (..., 3 or 4) in [0, 1] -> (..., 4) uint8 on the CPU; opaque without a fourth."""
    scaled = (picture * 255).round().clamp(0, 255).byte()
    if scaled.shape[-1] == 3:
        scaled = torch.cat([scaled, torch.full_like(scaled[..., :1], 255)], dim=-1)
    return scaled.cpu().numpy()


def _all(chart: Chart, height: int) -> tuple[Tensor, Tensor]:
    """All rows and columns of pictures of a height."""
    return torch.arange(height), torch.arange(chart.aspect * height)


def _paint(chart: Chart, rows: Tensor, columns: Tensor, height: int) -> np.ndarray:
    """Some pixels (layers, R, C, 4) uint8 of the pictures of a height."""
    v, u = (rows + 0.5) / height, (columns + 0.5) / (chart.aspect * height)
    v, u = torch.meshgrid(v, u, indexing="ij")
    colors = chart.colors(torch.stack([u, v], dim=-1).flatten(0, 1).to(chart.device))
    return to_bytes(colors.unflatten(1, (len(rows), len(columns))))


def _opaque(features: Tensor) -> Tensor:
    """The raw colours of features (1, N, F), with their opacity of 1: (1, N, 4)."""
    return F.pad(features[..., :3], (0, 1), value=1.0)


def _widen(low: float, high: float) -> tuple[float, float]:
    margin = MARGIN * (high - low)
    return low - margin, high + margin
