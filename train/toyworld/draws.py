"""Random numbers that depend on (seed, image, stream, position) alone, and colour palettes.

A counter-based generator: every number is a hash of its address, computed for all images of a
batch at once in 64-bit integers, so that it is the same in any batch and on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

import torch
from torch import Tensor

Parameters = TypeVar("Parameters")
Palette = Sequence[str]

_GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_STREAMS = {"object": 1, "background": 2, "camera": 3}


class Draws:
    """The sequence of random numbers of one stream for a batch of images.

    Args:
        seed: the world's seed, 0 <= seed < 2^63.
        indices: (B,) int64, the images' numbers.
        stream: "object", "background" or "camera"; streams are independent of each other.
    """

    def __init__(self, seed: int, indices: Tensor, stream: str) -> None:
        start = _mix(torch.tensor([_signed(seed + _STREAMS[stream] * _GOLDEN)]))
        self._state = _mix(start + indices.cpu().long() * _signed(_GOLDEN))[:, None]
        self._count = 0

    def uniform(self, low: float = 0.0, high: float = 1.0, *, count: int = 1) -> Tensor:
        """(B, count) float32, uniform in [low, high)."""
        slots = torch.arange(self._count + 1, self._count + count + 1)
        self._count += count
        bits = _mix(self._state + slots * _signed(_GOLDEN))
        unit = _shift_right(bits, 40).float() * 2.0**-24
        return low + (high - low) * unit

    def bump(self, low: float, high: float) -> Tensor:
        """(B, 1): the mean of two uniform numbers, so that the middle is more frequent."""
        return 0.5 * (self.uniform(low, high) + self.uniform(low, high))

    def chance(self, probability: float) -> Tensor:
        """(B, 1) float32: 1 with this probability, otherwise 0."""
        return (self.uniform() < probability).float()

    def uniforms(self, *ranges: tuple[float, float]) -> Tensor:
        """(B, N): `uniform` in each of N ranges."""
        return torch.cat([self.uniform(*ends) for ends in ranges], 1)

    def bumps(self, *ranges: tuple[float, float]) -> Tensor:
        """(B, N): `bump` in each of N ranges."""
        return torch.cat([self.bump(*ends) for ends in ranges], 1)

    def chances(self, *probabilities: float) -> Tensor:
        """(B, N): `chance` with each of N probabilities."""
        return torch.cat([self.chance(probability) for probability in probabilities], 1)

    def pick(self, weights: Sequence[float]) -> Tensor:
        """(B, 1) int64: the number of a choice with these relative weights."""
        edges = torch.tensor(weights, dtype=torch.float64).cumsum(0)
        return torch.bucketize(self.uniform().double() * edges[-1], edges[:-1], right=True)

    def color(self, palette: Palette, *, spread: float = 0.25) -> Tensor:
        """(B, 3, 1) linear RGB: one of the palette's colours, mixed with another by <= spread."""
        table = palette_table(palette)
        first = self.pick([1.0] * len(palette))[:, 0]
        second = self.pick([1.0] * len(palette))[:, 0]
        mixed = torch.lerp(table[first], table[second], self.uniform(0.0, spread))
        return (mixed * self.uniform(0.88, 1.12))[..., None]

    def tone(self, palette: Palette) -> Tensor:
        """(B, 3, 1) linear RGB: any point of the polyline through the palette's colours."""
        table = palette_table(palette)
        position = self.uniform() * (len(palette) - 1)
        left = position.floor().long().clamp(0, len(palette) - 2)[:, 0]
        return torch.lerp(table[left], table[left + 1], position - left[:, None])[..., None]


def palette_table(palette: Palette) -> Tensor:
    """(N, 3) linear RGB of N hexadecimal sRGB colours."""
    values = [[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in palette]
    return torch.tensor(values, dtype=torch.float64).pow(2.2).float()


def move(parameters: Parameters, device: torch.device) -> Parameters:
    """The same dataclass of (B, ...) tensors on another device, carried there as one tensor."""
    if device.type == "cpu":
        return parameters
    parts = {f.name: getattr(parameters, f.name) for f in fields(parameters)}  # type: ignore[arg-type]
    flat = torch.cat([part.flatten(1) for part in parts.values()], dim=1).to(device)
    columns = flat.split([part[0].numel() for part in parts.values()], dim=1)
    moved = {
        name: column.reshape(part.shape)
        for (name, part), column in zip(parts.items(), columns, strict=True)
    }
    return type(parameters)(**moved)


def _mix(value: Tensor) -> Tensor:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014) on int64 tensors."""
    value = (value ^ _shift_right(value, 30)) * _signed(_MULTIPLIERS[0])
    value = (value ^ _shift_right(value, 27)) * _signed(_MULTIPLIERS[1])
    return value ^ _shift_right(value, 31)


def _shift_right(value: Tensor, bits: int) -> Tensor:
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value
