"""Training the judge on toyworld renders, and measuring it on others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .judge import (
    BACKGROUND_INVERSE,
    BACKGROUND_SCALE,
    DEPTH_SCALE,
    Accuracy,
    Judge,
    JudgeInfo,
)
from .labels import mirror_labels
from .metrics import (
    CLEAR,
    background_depth_errors,
    mask_ious,
    normalized_depth_errors,
    pose_errors,
)
from .toyworld import ToyBatch, ToyWorld
from .toyworld.world import RADIUS

TRAINING_SEED = 2**40  # of toyworld; far from those that people give
HELD_OUT_SEED = 2**40 + 1
HELD_OUT_COUNT = 512

_BATCH = 16
_ROUND = 16  # batches that are drawn between two renderings
_FRESH = {"cpu": 16}  # pictures rendered then; elsewhere as many as are drawn
_POOL = 2048  # pictures that are kept to be shown again: rendering is the dear part on a CPU
_LEARNING_RATE = 3e-3
_WARM_UP = 0.05  # share of the training
_WEIGHTS = (1.0, 1.0, 4.0, 0.25)  # of mask, depth, camera and background depth in the loss

Progress = Callable[[float], None]


def train_judge(
    info: JudgeInfo,
    *,
    device: torch.device | str = "cpu",
    held_out: int = HELD_OUT_COUNT,
    progress: Progress | None = None,
) -> Judge:
    """Train a judge on `info.kimg` thousand pictures and measure it on `held_out` others.

    The same arguments give the same judge on a CPU. `progress` is called with the fraction done.
    """
    device = torch.device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge = Judge(info).to(device)
    steps = max(1, round(info.kimg * 1000 / _BATCH))
    pool = _Pool(info, device)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * _schedule(step / steps)
        batch = augment(empty_first(pool.draw(generator), generator), generator)
        loss = judge_loss(judge, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimizer.step()
        if progress is not None:
            progress((step + 1) / steps)
    judge.eval().requires_grad_(False)
    measure_judge(judge, held_out)
    return judge


def judge_loss(judge: Judge, batch: ToyBatch) -> Tensor:
    """Cross-entropy of the mask, L1 of the depth over it, squared error of the direction.

    For a judge that sees the background, also L1 of its inverse depth outside the mask. Of pictures
    without an object only the mask counts.
    """
    mask, depth, direction, _ = judge(batch.image)
    inside = (batch.mask > 0.5) & batch.depth.isfinite()
    target = torch.where(inside, (batch.depth - RADIUS) / DEPTH_SCALE, 0.0)
    depth_loss = _mean_over(inside, (depth[:, :1] - target).abs())
    shown = batch.mask.flatten(1).amax(1) > 0.5
    off = (direction - view_directions(batch.label)).square().sum(1) * shown
    pose_loss = off.sum() / shown.sum().clamp_min(1)
    mask_loss = F.binary_cross_entropy_with_logits(mask, batch.mask)
    losses = [mask_loss, depth_loss, pose_loss]
    if judge.info.sees_background:
        outside = (batch.mask <= 0.5) & batch.background_depth.isfinite()
        behind = (1 / batch.background_depth - BACKGROUND_INVERSE) / BACKGROUND_SCALE
        losses.append(_mean_over(outside, (depth[:, 1:] - behind).abs()))
    parts = zip(_WEIGHTS, losses, strict=False)
    return torch.stack([weight * loss for weight, loss in parts]).sum()


def _mean_over(region: Tensor, values: Tensor, over: tuple[int, ...] = (0, 1, 2, 3)) -> Tensor:
    """Mean of values over a region, both (B, 1, H, W); 0 where it is empty."""
    return torch.where(region, values, 0.0).sum(over) / region.sum(over).clamp_min(1)


def empty_first(batch: ToyBatch, generator: torch.Generator) -> ToyBatch:
    """Make the first picture of a batch one without an object.

    It is the enlarged corner of its background, or else clouds of colour. Without such pictures
    a judge sees a head in everything.
    """
    size, device = batch.image.shape[-1], batch.image.device
    part = size // 4
    corner, covered = (values[:1, :, :part, :part] for values in (batch.image, batch.mask))
    clouds = 0.6 * torch.randn(1, 3, 4, 4, generator=generator).to(device)
    corner, clouds = (F.interpolate(x, (size, size), mode="bicubic") for x in (corner, clouds))
    use_corner = (covered.amax() < 0.05) & (torch.rand((), generator=generator) < 0.5).to(device)
    empty = torch.where(use_corner, corner, clouds).clamp(-1, 1)
    unknown = torch.full_like(batch.depth[:1], math.inf)
    return replace(
        batch,
        image=torch.cat([empty, batch.image[1:]]),
        mask=torch.cat([torch.zeros_like(batch.mask[:1]), batch.mask[1:]]),
        depth=torch.cat([unknown, batch.depth[1:]]),
        background_depth=torch.cat([unknown, batch.background_depth[1:]]),
    )


def augment(batch: ToyBatch, generator: torch.Generator) -> ToyBatch:
    """Mirror half of the pictures, and change colours, sharpness and noise a little.

    What generators make is softer and noisier than what is rendered. Normals are left as they are.
    """
    count, device = len(batch.image), batch.image.device
    flip = (torch.rand(count, 1, 1, 1, generator=generator) < 0.5).to(device)
    image, mask, depth, behind = (
        torch.where(flip, values.flip(3), values)
        for values in (batch.image, batch.mask, batch.depth, batch.background_depth)
    )
    label = torch.where(flip[:, :, 0, 0], mirror_labels(batch.label), batch.label)
    gain = 0.8 + 0.4 * torch.rand(count, 3, 1, 1, generator=generator)
    shift = 0.2 * torch.rand(count, 3, 1, 1, generator=generator) - 0.1
    image = image * gain.to(device) + shift.to(device)
    half = F.interpolate(image, scale_factor=0.5, mode="bilinear", antialias=True)
    soft = F.interpolate(half, size=image.shape[-2:], mode="bilinear")
    share = torch.rand(count, 1, 1, 1, generator=generator).to(device)
    image = image + share * (soft - image)
    noise = torch.randn(image.shape, generator=generator) * 0.04
    amount = torch.rand(count, 1, 1, 1, generator=generator)
    image = (image + (amount * noise).to(device)).clamp(-1, 1)
    return replace(batch, image=image, mask=mask, depth=depth, background_depth=behind, label=label)


def view_directions(labels: Tensor) -> Tensor:
    """Unit directions (B, 3) from the world's origin to the cameras of labels (B, 25)."""
    return F.normalize(labels[:, 3:12:4], dim=1)


def measure_judge(judge: Judge, count: int = HELD_OUT_COUNT) -> None:
    """Measure a judge on held-out pictures: sets its accuracy and the scale of its features."""
    device = judge.feature_mean.device
    world = ToyWorld(judge.info.domain, judge.info.size, seed=HELD_OUT_SEED, device=device)
    judge.feature_mean.zero_()
    judge.feature_scale.fill_(1)
    found: dict[str, list[Tensor]] = {}
    features = []
    for start in range(0, count, _BATCH):
        truth = world.render(range(start, min(start + _BATCH, count)))
        opinion = judge.look(truth.image)
        inside = (truth.mask > 0.5) & truth.depth.isfinite()
        off = (opinion.depth - truth.depth).abs()
        angle, yaw, pitch = pose_errors(opinion.direction, view_directions(truth.label))
        values = {
            "mask_iou": mask_ious(opinion.mask, truth.mask),
            "depth_error": normalized_depth_errors(opinion.depth, truth.depth, inside),
            "depth_distance": _mean_over(inside, off, (1, 2, 3)),
            "pose_deg": angle,
            "yaw_deg": yaw,
            "pitch_deg": pitch,
        }
        if opinion.background_depth is not None:
            seen, behind = opinion.background_depth, truth.background_depth
            outside = truth.mask < CLEAR
            values["background_depth_error"] = background_depth_errors(seen, behind, outside)
            values["background_distance"] = _mean_over(outside, (seen - behind).abs(), (1, 2, 3))
        for name, value in values.items():
            found.setdefault(name, []).append(value)
        features.append(opinion.features)
    joined = torch.cat(features)
    judge.feature_mean.copy_(joined.mean(0))
    judge.feature_scale.copy_(joined.std(0, correction=0).clamp_min(1e-4))
    means = {name: torch.cat(parts).nanmean().item() for name, parts in found.items()}
    judge.info = replace(judge.info, accuracy=Accuracy(count, **means))


def _schedule(done: float) -> float:
    """Learning rate relative to its top: a short warm-up, then half a cosine."""
    return min(done / _WARM_UP + 0.02, 1.0) * 0.5 * (1 + math.cos(math.pi * done))


class _Pool:
    """The pictures rendered last, each shown about 16 times on a CPU, and once elsewhere."""

    def __init__(self, info: JudgeInfo, device: torch.device) -> None:
        self._world = ToyWorld(info.domain, info.size, seed=TRAINING_SEED, device=device)
        self._fresh = _FRESH.get(device.type, _ROUND * _BATCH)
        self._limit = _POOL if device.type in _FRESH else self._fresh
        self._drawn = 0  # batches
        self._pictures: list[ToyBatch] = []

    def draw(self, generator: torch.Generator) -> ToyBatch:
        """A batch of the pictures at random."""
        turn, place = divmod(self._drawn, _ROUND)
        self._drawn += 1
        if not place:
            made = self._world.render(range(turn * self._fresh, (turn + 1) * self._fresh))
            made = replace(made, normals=made.normals[:, :0])  # nobody asks for them
            self._pictures += [_row(made, row) for row in range(self._fresh)]
            self._pictures = self._pictures[-self._limit :]
        chosen = torch.randint(len(self._pictures), (_BATCH,), generator=generator)
        return _join([self._pictures[int(index)] for index in chosen])


def _row(batch: ToyBatch, row: int) -> ToyBatch:
    return ToyBatch(**{name: value[row : row + 1] for name, value in vars(batch).items()})


def _join(parts: list[ToyBatch]) -> ToyBatch:
    names = vars(parts[0])
    return ToyBatch(**{name: torch.cat([vars(p)[name] for p in parts]) for name in names})
