"""StyleNeRF's NeRF-path regularisation: the picture as volume rendering alone would make it.

StyleNeRF sec. 3.3. On a lattice of pixels of the finished picture, the colour of every sample along
the ray, through all 1x1 layers of the image head, is composited; the picture should be like it.
"""

import torch
from torch import Tensor

from ballgan.camera import rays_from_labels
from ballgan.generator import Generator
from ballgan.inverted_sphere import InvertedSphereBackground
from ballgan.style_upsampling import StyleUpsampling
from ballgan.volume import RaySamples


def nerf_path_loss(
    generator: Generator,
    image: Tensor,
    ws: Tensor,
    ws_bg: Tensor | None,
    labels: Tensor,
    side: int,
    random: torch.Generator | None,
    offsets: Tensor | None = None,
) -> Tensor:
    """Twice the mean squared distance of colours, over a lattice of side^2 pixels: ().

    Args:
        image: (B, 3, H, H), what the generator made of ws and ws_bg for labels (B, 25).
        side: of the lattice, at most H.
        random: places the samples and the lattice; None: no jitter.
        offsets: (B, 2) in [0, 1), where in its cells the lattice is: right, down; None: drawn.
    """
    batch, size = len(labels), image.shape[-1]
    if offsets is None:
        offsets = torch.rand(batch, 2, generator=random, device=image.device)
    pixels = lattice(size, side, offsets)
    origins, directions = (
        rays.gather(1, pixels[..., None].expand(-1, -1, 3))
        for rays in rays_from_labels(labels, size)
    )
    colors, weights = path_samples(generator, ws, ws_bg, labels, (origins, directions), random)
    path = (weights[..., None] * colors).sum(2)  # (B, n^2, 3)
    shown = image.flatten(2).gather(2, pixels[:, None].expand(-1, 3, -1)).transpose(1, 2)
    return 2 * (path - shown).square().sum(-1).mean()


def lattice(size: int, side: int, offsets: Tensor) -> Tensor:
    """Indices (B, side^2) of pixels, row by row, in a picture of `size`."""
    spacing = size // side
    first = (offsets * spacing).long()  # (B, 2)
    steps = spacing * torch.arange(side, device=offsets.device)
    columns, rows = first[:, :1] + steps, first[:, 1:] + steps
    return (rows[:, :, None] * size + columns[:, None]).flatten(1)


def path_samples(
    generator: Generator,
    ws: Tensor,
    ws_bg: Tensor | None,
    labels: Tensor,
    rays: tuple[Tensor, Tensor],
    random: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Colours (B, N, S, 3) in [-1, 1] of all samples along rays (B, N, 3), and their weights."""
    origins, directions = rays
    batch, count, _ = origins.shape
    head = generator.super_resolution
    assert isinstance(head, StyleUpsampling)
    samples = generator.sample_rays(
        generator.field_code(ws),
        origins,
        directions,
        interval=generator.ray_interval(origins, directions, labels[:, [2, 6, 10]]),
        generator=random,
    )
    weights, transmittance = samples.weights()
    features, shares = [in_order(samples)], [weights]
    if ws_bg is not None and isinstance(generator.background, InvertedSphereBackground):
        behind = generator.background.sample(ws_bg, origins, directions, generator=random)
        features.append(behind.features)
        shares.append(transmittance[:, None] * behind.weights()[0])
    elif ws_bg is not None:
        surface, _ = generator.look_behind(ws_bg, origins, directions)
        features.append(surface.flatten(0, 1)[:, None])
        shares.append(transmittance[:, None])
    every = torch.cat(features, dim=1).reshape(batch, -1, features[0].shape[-1])
    colors = head.colors(every * 2 - 1, ws).view(batch, count, -1, 3)
    return colors, torch.cat(shares, dim=1).view(batch, count, -1)


def in_order(samples: RaySamples) -> Tensor:
    """Features (N, S, F) by distance."""
    if samples.order is None:
        return samples.features
    order = samples.order[..., None].expand(-1, -1, samples.features.shape[-1])
    return samples.features.gather(1, order)
