import dataclasses

import pytest
import torch
from ballgan_train.config import PRESETS, DiscriminatorConfig, TrainConfig
from ballgan_train.distributed import World
from ballgan_train.loop import Trainer
from ballgan_train.phases import GeneratorPhase

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
    expected |= {"loss/foreground_density", "loss/density_variation", "loss/sparsity"}
    expected |= {"alpha/mean", "alpha/min_t"}
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
    for step in (2, 3):
        trainer.step(*data(config, step))
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


def test_options_that_were_changed_hold_after_going_on() -> None:
    first = make_trainer(small())
    train(first, 1)
    schedule = dataclasses.replace(
        first.config.schedule,
        generator_learning_rate=1e-4,
        discriminator_learning_rate=2e-4,
        density_rate=3.0,
        augmentation=0.7,
    )
    second = make_trainer(dataclasses.replace(first.config, schedule=schedule))
    second.restore(first.state())
    rates = [g["lr"] for g in second.generator_optimizer.param_groups]
    assert rates == pytest.approx([1e-4, 3e-4])
    assert [g["lr"] for g in second.discriminator_optimizer.param_groups] == [2e-4]
    assert second.judge.augmentation.item() == pytest.approx(0.7)


def test_a_generator_that_is_always_bad_stops_the_run() -> None:
    smoke = small()
    config = dataclasses.replace(smoke, run=dataclasses.replace(smoke.run, max_bad_steps=3))
    trainer = make_trainer(config)
    for parameter in trainer.generator.field.density_head.parameters():
        parameter.register_hook(lambda gradient: gradient * torch.nan)
    for step in range(3):
        trainer.step(*data(config, step))
    assert trainer.bad_steps.item() == 3
    with pytest.raises(FloatingPointError, match="3 steps in a row"):
        trainer.flush_stats()


def test_values_that_are_not_finite_are_left_out_of_means() -> None:
    trainer = make_trainer(small())
    for value in (1.0, torch.nan, 3.0):
        trainer._gather({"x": torch.tensor(value)})
    assert trainer.flush_stats()["x"] == 2.0


def test_a_constant_field_has_no_variation() -> None:
    trainer = make_trainer(small(density_variation_distance=0.1))
    phase = GeneratorPhase(trainer.generator, trainer.config)
    planes = torch.zeros(2, 3, 16, 16, 16)
    assert phase._variation(planes, torch.Generator().manual_seed(0)).item() == 0


def test_relativistic_signs_compare_real_with_fake() -> None:
    trainer = make_trainer(small(objective="relativistic"))
    shifted = trainer.judge.forward
    trainer.judge.forward = lambda *a: shifted(*a) + 100.0  # type: ignore[method-assign]
    stats = train(trainer, 2)  # all logits are positive, but not one above the other
    assert stats["d/sign_real"] < 1
    assert stats["d/sign_fake"] < 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # dynamo's own
def test_compiled_networks_take_steps_with_gradient_penalties(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self: compile_module(self, backend="aot_eager")
    )
    smoke = small(penalty_interval=1)
    trainer = make_trainer(
        dataclasses.replace(smoke, run=dataclasses.replace(smoke.run, compile=True))
    )
    assert train(trainer, 1)["bad_steps"] == 0


@pytest.mark.parametrize(
    "options, message",
    [
        ({"start_radius": -1.0}, "start_radius should be between"),
        ({"blur_px": -1.0}, "blur_px should be between"),
        ({"neural_resolution_start": 0}, "neural_resolution_start should be between"),
        ({"samples": 1}, "samples should be between"),
        ({"samples": None, "fine_samples": 4}, "fine_samples needs schedule.samples"),
    ],
)
def test_unusable_schedules_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PRESETS["smoke"].schedule, **options)


def test_bfloat16_planes_are_close_to_float32() -> None:
    smoke = small()
    half = dataclasses.replace(smoke, run=dataclasses.replace(smoke.run, precision="bfloat16"))
    full = dataclasses.replace(smoke, run=dataclasses.replace(smoke.run, precision="float32"))
    z = torch.randn(2, smoke.model.mapping.z_dim, generator=torch.Generator().manual_seed(0))
    planes = []
    for config in (half, full):
        generator = make_trainer(config).generator
        with torch.no_grad():
            ws = generator.map(z)
            planes.append(generator.field_code(ws, noise="none"))
    assert planes[0].dtype == torch.float32
    error = (planes[0] - planes[1]).square().mean().sqrt() / planes[1].std()
    assert 0 < error < 0.01
