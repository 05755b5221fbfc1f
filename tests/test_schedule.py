import dataclasses

import pytest
import torch
from ballgan_train.config import LossConfig, ScheduleConfig
from ballgan_train.schedule import (
    blur,
    ema_decay,
    fading,
    neural_resolution,
    progress,
    regularizer_strength,
    swap_probability,
)

SCHEDULE = ScheduleConfig(batch_size=32)


def test_progress_and_fading() -> None:
    assert [progress(n, 1.0, 2.0) for n in (0, 1000, 2000, 3000, 9000)] == [0, 0, 0.5, 1, 1]
    assert progress(0, 0.0, 0.0) == 1.0
    assert [fading(n, 10.0, 4.0) for n in (0, 1000, 4000, 5000)] == [10, 7.5, 0, 0]
    assert fading(0, 10.0, 0.0) == 0


def test_regularisers_start_late() -> None:
    config = LossConfig(regularizer_start_kimg=10, regularizer_ramp_kimg=10)
    assert [regularizer_strength(config, n * 1000) for n in (0, 10, 15, 20)] == [0, 0, 0.5, 1]


def test_swap_goes_from_always_to_its_probability() -> None:
    schedule = dataclasses.replace(SCHEDULE, conditioning_swap=0.5, conditioning_swap_kimg=100)
    chances = [swap_probability(schedule, n * 1000) for n in (0, 50, 100, 200)]
    assert chances == [1, 0.75, 0.5, 0.5]


def test_resolution_grows_to_the_models() -> None:
    assert neural_resolution(SCHEDULE, 128, 0) == 128
    schedule = dataclasses.replace(
        SCHEDULE,
        neural_resolution_start=64,
        neural_resolution_start_kimg=10,
        neural_resolution_kimg=10,
    )
    assert [neural_resolution(schedule, 128, n * 1000) for n in (0, 10, 15, 30)] == [
        64,
        64,
        96,
        128,
    ]


def test_average_halves_within_its_half_life_and_warms_up() -> None:
    assert ema_decay(SCHEDULE, 10**9) ** (10_000 / 32) == pytest.approx(0.5)
    assert ema_decay(SCHEDULE, 32) < 1e-6  # nothing to average yet
    assert ema_decay(dataclasses.replace(SCHEDULE, ema_rampup=0.0), 32) > 0.99


def test_blur_keeps_the_mean_and_spreads_an_impulse() -> None:
    image = torch.zeros(1, 3, 33, 33)
    image[..., 16, 16] = 1.0
    spread = blur(image, 2.0)
    assert spread.sum(dim=(2, 3)).tolist()[0] == pytest.approx([1, 1, 1])
    # Taps 2^(-(x / 2)^2): half the height at a distance of 2 pixels.
    assert (spread[0, 0, 16, 18] / spread[0, 0, 16, 16]).item() == pytest.approx(0.5)
    assert blur(image, 0.2) is image
