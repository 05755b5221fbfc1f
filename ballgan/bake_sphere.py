"""Bakes the learnt background for the preview: at once as far as a camera sees it, then whole."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .background_network import BackgroundNetwork
from .camera import Camera
from .geometry import (
    directions_to_equirectangular,
    equirectangular_directions,
    intersect_sphere,
    pixel_directions,
)

HEIGHT = 512  # pixels from pole to pole, as the scene's own cached sphere
AROUND_HEIGHT = 32  # of what lies outside the window
MAX_WINDOW = 16_000  # pixels that are baked at once
MARGIN = 0.2  # of the window's size, on each side, for the camera to move in
PROBES = 9  # rays along a side of the picture that tell what the camera sees


@torch.inference_mode()
def bake_window(network: BackgroundNetwork, ws: Tensor, camera: Camera) -> np.ndarray:
    """An equirectangular picture (H, 2 H, 4) uint8, sharp where the camera looks, coarse elsewhere.

    network, ws: the background and its mapped code. It is as seen from the origin, for a sphere of
    the background's `preview_radius`. H is smaller than HEIGHT if the camera sees much.
    """
    device = ws.device
    whole = equirectangular_directions(AROUND_HEIGHT, 2 * AROUND_HEIGHT, device)
    around = to_bytes(_colors(network, ws, whole))
    rows, columns, height = find_window(camera, network.config.preview_radius)
    picture = enlarge(around, height)
    some = torch.arange(*rows, device=device)
    window = pixel_directions(some, columns.to(device), height, 2 * height)
    picture[rows[0] : rows[1], columns.numpy()] = to_bytes(_colors(network, ws, window))
    return picture


def find_window(camera: Camera, radius: float) -> tuple[tuple[int, int], Tensor, int]:
    """Rows (first, end) and columns of the sphere's picture that a camera sees, and its height."""
    rays = camera.rays(PROBES, PROBES)
    distance = intersect_sphere(rays.origins, rays.directions, radius)
    points = rays.origins + distance[:, None] * rays.directions
    u, v = directions_to_equirectangular(points).unbind(-1)
    middle = u[len(u) // 2]
    beside = (u - middle + 0.5) % 1 - 0.5  # the way round that is shorter
    low_u, high_u = _widen(beside.min().item(), beside.max().item())
    low_v, high_v = _widen(v.min().item(), v.max().item())
    height = HEIGHT
    while True:
        first, end = max(math.floor(low_v * height), 0), min(math.ceil(high_v * height), height)
        left = math.floor((middle.item() + low_u) * 2 * height)
        count = min(math.ceil((high_u - low_u) * 2 * height) + 1, 2 * height)
        if (end - first) * count <= MAX_WINDOW or height <= 2 * AROUND_HEIGHT:
            columns = (left + torch.arange(count)) % (2 * height)
            return (first, end), columns, height
        height //= 2


def enlarge(picture: np.ndarray, height: int) -> np.ndarray:
    """Picture (h, w, 4) uint8 at another height, bilinear."""
    width = height * picture.shape[1] // picture.shape[0]
    image = torch.from_numpy(picture).permute(2, 0, 1)[None]
    return F.interpolate(image, size=(height, width), mode="bilinear")[0].permute(1, 2, 0).numpy()


def to_bytes(picture: Tensor) -> np.ndarray:
    """Colours (H, W, 3 or more) in [0, 1] -> (H, W, 4) uint8 on the CPU, opaque."""
    scaled = (picture[..., :3] * 255).round().clamp(0, 255).byte()
    opaque = torch.full_like(scaled[..., :1], 255)
    return torch.cat([scaled, opaque], dim=-1).cpu().numpy()


def _colors(network: BackgroundNetwork, ws: Tensor, directions: Tensor) -> Tensor:
    """Raw colours (H, W, 3) of the background in directions (H, W, 3) from the origin."""
    rays = directions.reshape(1, -1, 3)
    features, _ = network.look(ws, torch.zeros_like(rays), rays)
    return features[0, :, :3].reshape(*directions.shape)


def _widen(low: float, high: float) -> tuple[float, float]:
    margin = MARGIN * (high - low)
    return low - margin, high + margin
