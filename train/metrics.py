"""Measures of single pictures and pairs of pictures; those of sets of pictures: distances.py.

All are plain functions of tensors, none is meant to be differentiated. Where a picture has no
pixel to measure, its value is NaN: take means with `nanmean`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ballgan.camera import rays_from_labels

OPAQUE = 0.95  # alpha above which a pixel is foreground
CLEAR = 0.05  # alpha below which a pixel is background
OCCLUSION_TOLERANCE = 0.01  # of the distance: more is another surface
_LEAST_PIXELS = 8  # of a depth map that can be normalised


# Against ground truth or a judge


def mask_ious(alpha: Tensor, mask: Tensor) -> Tensor:
    """Intersection over union of alpha > 1/2 and mask > 1/2, (B, 1, H, W) each: (B,).

    0 where both are empty: every picture should show an object, and a model that has lost its
    foreground is no good one.
    """
    a, b = (alpha > 0.5).flatten(1), (mask > 0.5).flatten(1)
    return (a & b).sum(1) / (a | b).sum(1).clamp_min(1)


def normalized_depth_errors(depth: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference of depths, each with mean 0 and variance 1 over the mask: (B,).

    The protocol of the tables of EG3D (sec. 5.2) and BallGAN. Depths (B, 1, H, W) are finite
    inside `mask`, (B, 1, H, W) bool. 0 is equal up to scale and offset, 2 unrelated, 4 inside out.
    NaN where the mask has less than 8 pixels.
    """
    inside = mask.flatten(1)
    count = inside.sum(1)
    first, second = (_normalize(values.flatten(1), inside) for values in (depth, truth))
    error = ((first - second).square() * inside).sum(1) / count.clamp_min(1)
    return torch.where(count >= _LEAST_PIXELS, error, torch.nan)


def background_depth_errors(depth: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """The same of inverse depths, (B, 1, H, W), which may be infinite: (B,).

    So the far end of an unbounded background, where pictures hardly change, counts little. 1 is a
    background of one depth, 2 unrelated.
    """
    return normalized_depth_errors(1 / depth, 1 / truth, mask)


def _normalize(values: Tensor, inside: Tensor) -> Tensor:
    """Values (B, N) with mean 0 and variance 1 over `inside`; 0 outside."""
    values = torch.where(inside, values, 0.0)
    count = inside.sum(1, keepdim=True).clamp_min(1)
    values = torch.where(inside, values - values.sum(1, keepdim=True) / count, 0.0)
    variance = values.square().sum(1, keepdim=True) / count
    return values / variance.sqrt().clamp_min(1e-6)


def pose_errors(direction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How far apart two directions to a camera are, (B, 3) unit vectors, y up.

    Returns the angle between them and the absolute differences of yaw and pitch, (B,) degrees.
    """
    # The chord is exact for small angles, where the arc cosine is not.
    half = ((direction - truth).norm(dim=1) / 2).clamp(0, 1)
    angle = 2 * torch.asin(half)
    (yaw, pitch), (true_yaw, true_pitch) = orbit_angles(direction), orbit_angles(truth)
    turn = (yaw - true_yaw + math.pi) % (2 * math.pi) - math.pi
    return angle.rad2deg(), turn.abs().rad2deg(), (pitch - true_pitch).abs().rad2deg()


def orbit_angles(direction: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw and pitch (B,) in radians of unit directions (B, 3) to a camera."""
    x, y, z = direction.unbind(1)
    return torch.atan2(x, z), torch.asin(y.clamp(-1, 1))


# Separation of foreground and background


def binariness(transmittance: Tensor) -> Tensor:
    """Mean over the pixels of min(T, 1 - T), for T (B, 1, H, W): (B,); 0 is fully separated."""
    return torch.minimum(transmittance, 1 - transmittance).flatten(1).mean(1)


def mean_change(before: Tensor, after: Tensor, region: Tensor) -> Tensor:
    """Mean absolute difference over a region, in steps of 1/255: (B,).

    Pictures (B, 3, H, W) in [0, 1]; `region` (B, 1, H, W) bool. NaN where it is empty.
    """
    difference = (before - after).abs().mean(1, keepdim=True) * region
    count = region.sum((1, 2, 3))
    return torch.where(count > 0, 255 * difference.sum((1, 2, 3)) / count.clamp_min(1), torch.nan)


# Consistency of two views


@dataclass(frozen=True)
class View:
    """What a camera sees of an object."""

    picture: Tensor  # (B, 3, S, S) in [0, 1]
    alpha: Tensor  # (B, 1, S, S)
    depth: Tensor  # (B, 1, S, S) along the unit ray; infinite where nothing is
    label: Tensor  # (B, 25)


def view_consistency(
    first: View, second: View, *, tolerance: float = OCCLUSION_TOLERANCE
) -> tuple[Tensor, Tensor]:
    """How well two views of the same object agree where both see the same point.

    Each opaque pixel (alpha > 0.95) of the first view is moved by its depth into the second, and
    compared there with the bilinear colour if that is opaque and no other surface is in front or
    behind: its depth differs by less than `tolerance` times the distance.

    Returns the mean absolute colour difference on co-visible pixels, in steps of 1/255 (NaN where
    there are none), and the co-visible share of the first view's opaque pixels (NaN where it has
    none): (B,) each. Bilinear sampling alone leaves a small error on fine texture.
    """
    opaque = ((first.alpha > OPAQUE) & first.depth.isfinite()).flatten(1)
    origins, directions = rays_from_labels(first.label, first.picture.shape[-1])
    depth = torch.where(opaque, first.depth.flatten(1), 1.0)
    points = origins + depth[..., None] * directions  # (B, N, 3)
    place, distance, ahead = project(points, second.label)
    finite = torch.where(second.depth.isfinite(), second.depth, 0.0)
    layers = torch.cat([second.picture, second.alpha, finite], dim=1)
    sampled = F.grid_sample(layers, place[:, None], padding_mode="zeros", align_corners=False)
    sampled = sampled[:, :, 0]  # (B, 5, N)
    inside = (place.abs() < 1).all(-1) & ahead
    same = (sampled[:, 4] - distance).abs() < tolerance * distance
    seen = opaque & inside & (sampled[:, 3] > OPAQUE) & same
    difference = (sampled[:, :3] - first.picture.flatten(2)).abs().mean(1) * seen
    count, total = seen.sum(1), opaque.sum(1)
    error = torch.where(count > 0, 255 * difference.sum(1) / count.clamp_min(1), torch.nan)
    return error, torch.where(total > 0, count / total.clamp_min(1), torch.nan)


def project(points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """World points (B, N, 3) in the pictures of cameras (B, 25).

    Returns places (B, N, 2) as for grid_sample ([-1, 1] is the picture), distances (B, N) from
    the camera, and whether a point is in front of it (B, N).
    """
    pose = labels[:, :16].unflatten(1, (4, 4))
    intrinsics = labels[:, 16:].unflatten(1, (3, 3))
    offset = points - pose[:, None, :3, 3]
    local = offset @ pose[:, :3, :3]  # (B, N, 3): R^T applied to each row
    ahead = local[..., 2] > 1e-6
    flat = local / local[..., 2:].clamp_min(1e-6)
    place = flat @ intrinsics.transpose(1, 2)
    return 2 * place[..., :2] - 1, offset.norm(dim=-1), ahead


def turn_labels(labels: Tensor, yaw: Tensor, pivot: tuple[float, float, float]) -> Tensor:
    """Cameras (B, 25) carried round the vertical through `pivot` by `yaw` (B,) radians.

    Positive yaw moves a camera in front of the object to its right.
    """
    cos, sin, zero, one = yaw.cos(), yaw.sin(), torch.zeros_like(yaw), torch.ones_like(yaw)
    rotation = torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], dim=1)
    rotation = rotation.unflatten(1, (3, 3))
    pose = labels[:, :16].unflatten(1, (4, 4)).clone()
    center = labels.new_tensor(pivot)
    moved = (rotation @ (pose[:, :3, 3] - center)[..., None])[..., 0] + center
    pose[:, :3, :3] = rotation @ pose[:, :3, :3]
    pose[:, :3, 3] = moved
    return torch.cat([pose.flatten(1), labels[:, 16:]], dim=1)


def turn_to_front(labels: Tensor, angle: float, pivot: tuple[float, float, float]) -> Tensor:
    """Second views: cameras (B, 25) turned by `angle` radians towards the front (yaw 0).

    So they stay among the directions that a model of frontal views was trained on.
    """
    position = labels[:, 3:12:4] - labels.new_tensor(pivot)
    yaw, _ = orbit_angles(F.normalize(position, dim=1))
    return turn_labels(labels, torch.where(yaw > 0, -angle, angle), pivot)
