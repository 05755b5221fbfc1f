"""Every foreground before every background trains; growing and the NeRF path."""

import dataclasses
import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from ballgan_train.__main__ import main
from ballgan_train.config import PRESETS, DiscriminatorConfig, TrainConfig
from ballgan_train.distributed import World
from ballgan_train.fine_tuning import adopt
from ballgan_train.loop import Trainer
from ballgan_train.nerf_path import in_order, lattice, nerf_path_loss, path_samples
from ballgan_train.phases import make_plan
from ballgan_train.train_command import preset_of
from ballgan_train.variants import BACKGROUNDS, FOREGROUNDS, choose_parts
from stylenerf_writer import stylenerf_file
from test_stylenerf_parity import Reference, pairs, with_alpha

import ballgan
from ballgan.camera import Camera, rays_from_labels
from ballgan.stylenerf_config import StyleUpsamplingConfig

CPU = torch.device("cpu")


def labels(config: TrainConfig, count: int) -> torch.Tensor:
    """Cameras that a plane covers too."""
    cameras = [Camera.orbit(0.02 * i).resolve(config.model.camera) for i in range(count)]
    return torch.cat([camera.label() for camera in cameras])


def make_trainer(config: TrainConfig) -> Trainer:
    return Trainer(config, labels(config, 16), CPU, World())


def step(trainer: Trainer) -> None:
    size = trainer.config.model.image_resolution
    batch = trainer.config.schedule.batch_size
    random = torch.Generator().manual_seed(trainer.steps)
    images = torch.randint(0, 256, (batch, 3, size, size), generator=random, dtype=torch.uint8)
    trainer.step(images, labels(trainer.config, batch))


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("foreground", FOREGROUNDS)
def test_every_pair_trains(foreground: str, background: str) -> None:
    preset = PRESETS["smoke"]
    model = choose_parts(preset.model, foreground, background)
    assert (model.backbone is None) == (foreground == "stylenerf")
    assert (model.background.KIND if model.background else "none") == background
    trainer = make_trainer(dataclasses.replace(preset, model=model))
    before = [p.clone() for p in trainer.generator.parameters()]
    step(trainer)
    stats = trainer.flush_stats()
    assert stats["bad_steps"] == 0 and np.isfinite(list(stats.values())).all()
    names = [name for name, _ in trainer.generator.named_parameters()]
    after = trainer.generator.parameters()
    same = [n for n, a, b in zip(names, before, after, strict=True) if torch.equal(a, b)]
    assert all("noise_strength" in name for name in same), same
    restored = TrainConfig.from_dict(json.loads(json.dumps(trainer.config.to_dict())))
    assert restored == trainer.config


def test_variants_of_a_preset_leave_the_cameras_as_much_space() -> None:
    model = PRESETS["toy64"].model
    for name in ("cube", "inverted-sphere"):
        changed = choose_parts(model, background=name)
        assert changed.background is not None
        assert changed.background.camera_limit == pytest.approx(3.0)
        assert choose_parts(changed, background="sphere") == model
    assert choose_parts(model, "triplane", "sphere") == model


def test_the_command_chooses_parts() -> None:
    args = Namespace(preset="toy64", foreground="stylenerf", background="cube")
    assert preset_of(args).model.kind == "StyleNeRF's MLP before a cube"
    args = Namespace(preset="compcars256-stylenerf", foreground=None, background="inverted-sphere")
    assert preset_of(args).model.kind == "StyleNeRF"
    assert PRESETS["toy64-stylenerf"].model.kind == "BallGAN on StyleNeRF"
    assert PRESETS["compcars256-stylenerf"].model.image_resolution == 256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss.gama", "3"], "Unrecognized options: --loss.gama, 3; perhaps --loss.gamma"),
        (["--loss.gamma", "x"], "--loss.gamma: 'x' should be a number"),
        (["--schedule.batch-size", "1.5"], "--schedule.batch-size: '1.5' should be a whole number"),
        (["--loss.gamma", "-1"], "loss.gamma should be between 0 and 1e+06; got -1.0"),
        (["--schedule.batch-size"], "Missing value for argument '--schedule.batch-size'"),
        (["--mirorr"], "Unrecognized options: --mirorr"),
        (["data"], "one of check, pack, toyworld is needed"),
        (["data", "chek", "x"], "one of check, pack, toyworld is needed; got 'chek'"),
        (["evaluate", "m.pkl", "--data", "x", "--cuont", "3"], "arguments: --cuont 3; perhaps --c"),
        (["--preset", "toy99"], "invalid choice: 'toy99'"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    command = arguments if arguments[0][0] != "-" else ["--data", "toyworld:heads", *arguments]
    assert main(command) == 2
    told = capsys.readouterr()
    assert message in told.err and told.out == ""
    assert told.err.count("\n") == 1 and told.err.startswith("ballgan-train")
    assert not list(tmp_path.iterdir())


def growing() -> TrainConfig:
    """A small StyleNeRF that grows from 8 to 32 within 64 pictures, with the NeRF path."""
    preset = PRESETS["smoke"]
    model = choose_parts(preset.model, "stylenerf")
    field = dataclasses.replace(model.field, feature_channels=11)
    head = StyleUpsamplingConfig(16, (8,), start_resolution=8)
    return dataclasses.replace(
        preset,
        model=dataclasses.replace(model, field=field, super_resolution=head),
        discriminator=dataclasses.replace(preset.discriminator, resolution=32),
        loss=dataclasses.replace(preset.loss, nerf_path=1.0, nerf_path_side=4),
        schedule=dataclasses.replace(
            preset.schedule, growth_start_kimg=0.008, growth_kimg=0.016, accumulation=1
        ),
    )


def test_pictures_grow_while_training_goes_on() -> None:
    trainer = make_trainer(growing())
    sizes = []
    for _ in range(4):
        step(trainer)
        sizes.append(trainer.generator.config.image_resolution)
        assert trainer.average.config.image_resolution == sizes[-1]
    assert sizes == [8, 8, 32, 32]  # growth 0, 0, 1/2, 1
    stats = trainer.flush_stats()
    assert stats["bad_steps"] == 0 and stats["loss/nerf_path"] > 0
    plans = [make_plan(trainer.config, i, 8 * i) for i in range(4)]
    assert [plan.neural_resolution for plan in plans] == [8, 8, 16, 16]
    assert [plan.nerf_path for plan in plans] == [False, False, True, True]
    magnitude = trainer.generator.super_resolution.blocks[0].conv0.magnitude
    assert magnitude.item() != 1  # learnt while training
    other = make_trainer(growing())
    other.restore(trainer.state())
    assert other.generator.config.image_resolution == 32
    scene = ballgan.Scene(trainer.average)
    assert scene.render(Camera.orbit()).rgb.shape == (32, 32, 3)


def test_a_discriminator_of_stylenerf_grows_with_the_pictures() -> None:
    config = growing()
    judge = DiscriminatorConfig(
        32, conditional=False, channel_base=512, channel_max=16, architecture="skip"
    )
    config = dataclasses.replace(config, discriminator=judge)
    config = dataclasses.replace(
        config, schedule=dataclasses.replace(config.schedule, growth_kimg=0.048)
    )
    whole, first, second = (make_trainer(config) for _ in range(3))
    seen: list[tuple[int, float]] = []
    forward = whole.judge.discriminator.forward

    def watch(image: torch.Tensor, fade: float) -> torch.Tensor:
        seen.append((image.shape[-1], fade))
        return forward(image, fade)

    whole.judge.discriminator.forward = watch  # type: ignore[method-assign]
    untouched = whole.judge.discriminator.blocks[0].conv0.weight.clone()
    for number in range(6):
        step(whole)
        grown = not torch.equal(whole.judge.discriminator.blocks[0].conv0.weight, untouched)
        assert grown == (number >= 5)  # what is for 32 pixels learns nothing before
    # Growth 0, 0, 1/6, 1/3, 1/2, 2/3 of the two levels 16 and 32.
    fades = list(dict.fromkeys((size, round(fade, 3)) for size, fade in seen))
    assert fades == [(8, 1.0), (16, 0.333), (16, 0.667), (32, 0.0), (32, 0.333)]
    assert whole.flush_stats()["bad_steps"] == 0
    for _ in range(3):
        step(first)
    second.restore(first.state())
    for _ in range(3):
        step(second)
    for a, b in zip(whole.judge.parameters(), second.judge.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_published_stylenerf_is_trained_on(tmp_path) -> None:
    path = tmp_path / "cars.pkl"
    path.write_bytes(stylenerf_file())
    preset = dataclasses.replace(growing(), loss=PRESETS["smoke"].loss)
    config, model, discriminator, _ = adopt(preset, str(path))
    assert discriminator is None and config.schedule.growth_kimg == 0
    assert config.model.kind == "StyleNeRF" and config.discriminator.resolution == 32
    trainer = Trainer(config, labels(config, 16), CPU, World(), continues=True)
    trainer.start_from(model, None)
    step(trainer)
    assert trainer.flush_stats()["bad_steps"] == 0


def test_only_what_can_grow_grows() -> None:
    preset = PRESETS["smoke"]
    schedule = dataclasses.replace(preset.schedule, growth_kimg=1.0)
    with pytest.raises(ValueError, match="needs StyleNeRF's image head"):
        dataclasses.replace(preset, schedule=schedule)
    with pytest.raises(ValueError, match="nerf-path needs StyleNeRF's image head"):
        dataclasses.replace(preset, loss=dataclasses.replace(preset.loss, nerf_path=1.0))


def test_lattice_by_hand() -> None:
    pixels = lattice(8, 2, torch.tensor([[0.3, 0.8]]))  # spacing 4: 1 to the right, 3 down
    assert pixels.tolist() == [[3 * 8 + 1, 3 * 8 + 5, 7 * 8 + 1, 7 * 8 + 5]]


@pytest.mark.parametrize("path", pairs())
def test_nerf_path_is_that_of_the_published_program(path) -> None:
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        if "reg_loss" not in arrays:
            pytest.skip("nothing recorded for this network")
        reference = Reference(path, ballgan.load(path, device="cpu"), dict(arrays))
    model = with_alpha(reference)
    offsets = torch.tensor([[0.37, 0.81]])
    with torch.inference_mode():
        ws, label = reference.ws(0), reference.label(0)
        rows = reference.rows_behind(ws)
        image = reference.picture(reference.view(ws, label), ws)[None]
        loss = nerf_path_loss(model, image, ws, rows, label, 16, None, offsets)
        pixels = lattice(image.shape[-1], 16, offsets)[0]
        origins, directions = (r[:, pixels] for r in rays_from_labels(label, image.shape[-1]))
        colors, weights = path_samples(model, ws, rows, label, (origins, directions), None)
    assert loss.item() == pytest.approx(reference["reg_loss"].item(), abs=1e-4)
    assert torch.allclose(weights.sum(-1), torch.ones(1, 256), atol=1e-4)
    # The mosaic: sample 8 i + j of pixel (row, column) is at (16 i + row, 16 j + column).
    mosaic = colors[0].view(16, 16, 4, 8, 3).permute(4, 2, 0, 3, 1).reshape(3, 64, 128)
    difference = (mosaic - reference["reg_img_samples"]).abs()
    assert difference.max() < 3e-2 and difference.square().mean().sqrt() < 1e-3
    small = image[0, :, ::2, ::2] - reference["reg_img_s2"]
    assert small.abs().max() < 1e-2 and small.square().mean().sqrt() < 3e-4


def test_samples_are_put_in_order() -> None:
    model = make_trainer(PRESETS["smoke"]).average
    label = labels(PRESETS["smoke"], 1)
    origins, directions = rays_from_labels(label, 2)
    planes = model.field_code(model.map(torch.randn(1, model.config.mapping.z_dim), label))
    samples = model.sample_rays(planes, origins, directions)
    points = origins[0, :, None] + samples.distances[..., None] * directions[0, :, None]
    _, features = model.field(planes, points.view(1, -1, 3))
    assert torch.allclose(in_order(samples).flatten(0, 1), features[0], atol=1e-5)
