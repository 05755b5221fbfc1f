import dataclasses

import torch
from ballgan_train.config import PRESETS, TrainConfig
from ballgan_train.distributed import World
from ballgan_train.loop import Trainer
from ballgan_train.start import BALL_EXTINCTION, ball_density, make_generator

from ballgan.volume import composite, density_to_extinction

SMOKE = PRESETS["smoke"]


def start_with(**schedule: float | int | None) -> TrainConfig:
    return dataclasses.replace(SMOKE, schedule=dataclasses.replace(SMOKE.schedule, **schedule))


def opacity_through(config: TrainConfig, offset: float) -> torch.Tensor:
    """Opacity of rays along -z that pass the origin at `offset`, for some codes."""
    torch.manual_seed(0)
    generator = make_generator(config)
    with torch.no_grad():
        planes = generator.field_code(generator.map(torch.randn(4, generator.config.mapping.z_dim)))
        origins = torch.tensor([offset, 0.0, 2.7]).expand(4, 1, 3)
        directions = torch.tensor([0.0, 0.0, -1.0]).expand(4, 1, 3)
        return composite(generator.sample_rays(planes, origins, directions)).opacity


def test_the_ball_has_its_extinction_inside_and_next_to_none_outside() -> None:
    points = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.0, 0.0], [0.0, 0.7, 0.0]])
    inside, edge, outside = density_to_extinction(ball_density(points, 0.3))
    assert abs(inside - BALL_EXTINCTION) < 0.05
    assert abs(edge - BALL_EXTINCTION / 2) < 1e-3
    assert outside < 0.03


def test_a_start_as_a_ball_is_opaque_in_the_middle_only() -> None:
    config = start_with(start_radius=0.3)
    assert opacity_through(config, 0.0).min() > 0.9
    assert opacity_through(config, 0.43).max() < 0.6
    assert opacity_through(config, 0.43).mean() < 0.45


def test_a_start_as_fog_is_the_same_everywhere() -> None:
    config = start_with(start_radius=None)
    opacity = torch.cat([opacity_through(config, offset) for offset in (0.0, 0.2, 0.4)])
    assert (opacity - 0.45).abs().max() < 0.25


def test_training_has_its_own_samples_and_density_rate() -> None:
    config = start_with(samples=5, fine_samples=3, density_rate=3.0, start_radius=None)
    trainer = Trainer(config, torch.zeros(2, 25), torch.device("cpu"), World())
    assert trainer.generator.config.sampling.coarse_samples == 5
    assert trainer.generator.config.sampling.fine_samples == 3
    assert trainer.average.config == config.model
    others, density = trainer.generator_optimizer.param_groups
    assert density["lr"] == 3 * others["lr"]
    assert {id(p) for p in density["params"]} == {
        id(p) for p in trainer.generator.field.density_head.parameters()
    }
