import dataclasses

import pytest
import torch
from ballgan_train.config import PRESETS, DiscriminatorConfig, TrainConfig
from ballgan_train.distributed import World
from ballgan_train.loop import Trainer

from ballgan.camera import Camera
from ballgan.config import SuperResolutionConfig

CPU = torch.device("cpu")


def data(config: TrainConfig, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The pictures and labels of one step."""
    random = torch.Generator().manual_seed(step)
    size, batch = config.model.image_resolution, config.schedule.batch_size
    images = torch.randint(0, 256, (batch, 3, size, size), generator=random, dtype=torch.uint8)
    return images, labels(config, batch)


def labels(config: TrainConfig, count: int) -> torch.Tensor:
    cameras = [Camera.orbit(0.1 * i).resolve(config.model.camera) for i in range(count)]
    return torch.cat([camera.label() for camera in cameras])


def make_trainer(config: TrainConfig) -> Trainer:
    return Trainer(config, labels(config, 16), CPU, World())


def train(trainer: Trainer, steps: int) -> dict[str, float]:
    for _ in range(steps):
        trainer.step(*data(trainer.config, trainer.steps))
    return trainer.flush_stats()


def small(**loss: object) -> TrainConfig:
    smoke = PRESETS["smoke"]
    return dataclasses.replace(smoke, loss=dataclasses.replace(smoke.loss, **loss))


def weights(trainer: Trainer) -> list[torch.Tensor]:
    modules = (trainer.generator, trainer.average, trainer.judge)
    return [t.clone() for m in modules for t in m.state_dict().values()]


def with_super_resolution(config: TrainConfig) -> TrainConfig:
    model = dataclasses.replace(
        config.model,
        field=dataclasses.replace(config.model.field, feature_channels=8),
        super_resolution=SuperResolutionConfig(16, (8, 8), (False, True)),
    )
    discriminator = DiscriminatorConfig(
        32, dual=True, channel_base=512, channel_max=32, mapping_layers=2
    )
    return dataclasses.replace(config, model=model, discriminator=discriminator)


@pytest.mark.parametrize("objective", ["logistic", "relativistic"])
@pytest.mark.parametrize("kind", ["distortion", "published"])
@pytest.mark.parametrize("dual", [False, True])
def test_every_combination_takes_finite_steps(objective: str, kind: str, dual: bool) -> None:
    config = small(objective=objective, foreground_density_kind=kind)
    trainer = make_trainer(with_super_resolution(config) if dual else config)
    before = weights(trainer)
    stats = train(trainer, 3)
    assert stats["bad_steps"] == 0
    assert all(value == value for value in stats.values())
    expected = {"loss/g", "loss/d", "loss/r1", "loss/binarization"}
    expected |= {"loss/foreground_density", "loss/density_variation", "alpha/mean", "alpha/min_t"}
    assert expected <= stats.keys()
    assert ("loss/r2" in stats) == (objective == "relativistic")
    changed = [not torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True)]
    assert sum(changed) > len(changed) / 2


def test_a_restored_trainer_goes_on_bit_for_bit() -> None:
    whole = make_trainer(small())
    train(whole, 6)
    first = make_trainer(small())
    train(first, 3)
    saved = {k: v for k, v in first.state().items()}
    second = make_trainer(small())
    train(second, 1)  # other weights, other moments
    second.restore(saved)
    train(second, 3)
    for a, b in zip(weights(whole), weights(second), strict=True):
        assert torch.equal(a, b)


def test_bad_gradients_are_left_out_and_counted() -> None:
    smoke = small()
    config = dataclasses.replace(smoke, run=dataclasses.replace(smoke.run, max_bad_steps=3))
    trainer = make_trainer(config)
    train(trainer, 1)
    good = weights(trainer)
    with torch.no_grad():
        trainer.judge.discriminator.output.bias.fill_(torch.nan)
    trainer.step(*data(config, 1))
    assert trainer.bad_steps.item() == 2  # of both networks
    assert all(p.isfinite().all() for p in trainer.generator.parameters())
    assert any(torch.equal(a, b) for a, b in zip(good, weights(trainer), strict=True))
    trainer.step(*data(config, 2))
    with pytest.raises(FloatingPointError, match="not finite"):
        trainer.flush_stats()


def test_the_average_follows_the_weights() -> None:
    trainer = make_trainer(small())
    train(trainer, 2)
    pairs = zip(trainer.average.parameters(), trainer.generator.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert trainer.average.mapping.w_avg.abs().sum() > 0
    assert torch.equal(trainer.average.mapping.w_avg, trainer.generator.mapping.w_avg)


def test_the_foreground_starts_visible_and_soft() -> None:
    stats = train(make_trainer(small()), 1)
    assert 0.2 < stats["alpha/mean"] < 0.7
