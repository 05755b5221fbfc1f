"""Cameras that are drawn: their distribution, and data sets and models that need them."""

import dataclasses
import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ballgan_train.__main__ import main
from ballgan_train.config import PRESETS, TrainConfig
from ballgan_train.data import Batches, Dataset
from ballgan_train.distributed import World
from ballgan_train.fine_tuning import adopt_run
from ballgan_train.labels import measure_orbit, split_labels
from ballgan_train.loop import Trainer
from ballgan_train.reals import open_reals
from ballgan_train.run import read_state
from PIL import Image
from small_datasets import random_image, sound_files, write_files
from stylenerf_writer import StyleNerfOptions, stylenerf_file

import ballgan
from ballgan.camera import Camera
from ballgan.camera_prior import CameraPrior
from ballgan.cli.main import main as command_main
from ballgan.config import CameraConfig

CPU = torch.device("cpu")
HOME = CameraConfig(radius=2.0, pivot=(0.1, 0.0, 0.3), fov=0.3)
DRAWN = CameraPrior("normal", yaw=(-0.2, 0.6), pitch=(0.0, 0.2))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def measure(prior: CameraPrior, count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances from the pivot, yaws and pitches of drawn cameras."""
    labels = prior.sample(seeded(), count, HOME).double().numpy()
    poses, _ = split_labels(labels)
    poses[:, :3, 3] -= HOME.pivot
    return measure_orbit(poses)


def test_drawn_cameras_are_orbits_of_the_library() -> None:
    for label in DRAWN.sample(seeded(), 5, HOME):
        pose = label[:16].double().view(1, 4, 4).numpy().copy()
        pose[:, :3, 3] -= HOME.pivot
        radius, yaw, pitch = (float(value[0]) for value in measure_orbit(pose))
        assert radius == pytest.approx(HOME.radius, rel=1e-5)
        orbit = Camera.orbit(yaw, pitch).resolve(HOME)
        torch.testing.assert_close(orbit.label()[0], label, atol=2e-6, rtol=0)


def test_bounds_of_even_cameras_and_deviations_of_normal_ones() -> None:
    even = CameraPrior("uniform", (-1.0, 2.0), (0.1, 0.5), radius=(1.0, 3.0), fov=(0.2, 0.4))
    for values, (low, high) in zip(measure(even), [(1, 3), (-1, 2), (0.1, 0.5)], strict=True):
        assert low - 1e-5 <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high + 1e-5
        assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.05)
    focal = even.sample(seeded(), 4000, HOME)[:, 16].double()
    assert 2 * math.atan(0.5 / float(focal.max())) == pytest.approx(0.2, rel=0.01)
    assert 2 * math.atan(0.5 / float(focal.min())) == pytest.approx(0.4, rel=0.01)
    radius, yaw, pitch = measure(DRAWN)
    assert np.ptp(radius) < 1e-5
    assert (yaw.mean(), yaw.std()) == (pytest.approx(0.2, abs=0.03), pytest.approx(0.4, rel=0.05))
    assert (pitch.mean(), pitch.std()) == (
        pytest.approx(0.1, abs=0.01),
        pytest.approx(0.1, rel=0.05),
    )


def test_cameras_never_tip_over() -> None:
    _, _, pitch = measure(CameraPrior("normal", pitch=(-1.5, 1.5)))
    assert np.abs(pitch).max() <= math.radians(90)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"distribution": "gauss"}, "cameras.distribution is 'data', 'uniform' or 'normal'"),
        ({"yaw": (0.5, 0.1)}, "cameras.yaw should be two ascending numbers"),
        ({"pitch": (-2.0, 0.1)}, "cameras.pitch should be two ascending numbers"),
        ({"radius": (0.0, 1.0)}, "cameras.radius should be two ascending numbers"),
        ({"fov": (0.1, 4.0)}, "cameras.fov should be two ascending numbers"),
    ],
)
def test_unusable_priors_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CameraPrior(**wrong)


# Data without labels


def photos(path: Path, count: int = 12, size: int = 16) -> Path:
    """A data set whose pictures have no cameras."""
    files = sound_files(count, size)
    del files["dataset.json"]
    return write_files(path, files)


def test_pictures_without_labels_make_batches(tmp_path: Path) -> None:
    dataset = Dataset(photos(tmp_path / "photos.zip", 6), mirror=True, posed=False)
    assert len(dataset) == 12 and dataset.labels.shape == (12, 0)
    assert torch.equal(dataset.image(7), dataset.image(1).flip(2))
    images, labels = next(Batches(dataset, 4, 0))
    assert images.shape == (4, 3, 16, 16) and labels.shape == (4, 0)


def test_where_cameras_are_not_drawn_the_message_says_how(tmp_path: Path) -> None:
    path = photos(tmp_path / "photos")
    with pytest.raises(ValueError, match=r"no cameras\. .*--cameras.distribution uniform") as none:
        Dataset(path)
    assert "\n" not in str(none.value)
    (path / "dataset.json").write_text(json.dumps({"labels": None}))
    with pytest.raises(ValueError, match=r"no label for 12 of 12.*--cameras.distribution"):
        Dataset(path)


def test_discriminators_cannot_ask_for_cameras_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="discriminator.conditional to False"):
        dataclasses.replace(PRESETS["smoke"], cameras=DRAWN)


def test_photos_are_packed_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cars").mkdir()
    for number, (width, height) in enumerate([(40, 32), (32, 50), (32, 32)]):
        image = random_image(64, number)[:height, :width]
        Image.fromarray(image).save(tmp_path / "cars" / f"{number}.png")
    output = tmp_path / "cars.zip"
    command = ["data", "pack", str(tmp_path / "cars"), "--output", str(output)]
    assert main([*command, "--size", "16"]) == 2
    assert "one of the arguments --cameras --unposed is required" in capsys.readouterr().err
    for option in (["--radius", "0"], ["--up", "z"], ["--force"], ["--center", "0", "0", "0"]):
        assert main([*command, "--unposed", *option]) == 1
        assert f"leave the options for them out ({option[0]})" in capsys.readouterr().err
    assert main([*command, "--unposed", "--size", "16"]) == 0
    assert "3 images, 16 x 16, without cameras" in capsys.readouterr().out
    assert Dataset(output, posed=False).image(2).shape == (3, 16, 16)
    assert main(["data", "check", str(output), "--unposed"]) == 0
    assert "no faults" in capsys.readouterr().out
    assert main(["data", "check", str(output)]) == 1


# Models


def test_published_files_tell_their_cameras(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(stylenerf_file())
    prior = CameraPrior.of_model(ballgan.load(path, device="cpu").meta)
    assert prior.distribution == "uniform" and prior.radius == (1.0, 1.0)
    assert prior.yaw == pytest.approx((-math.pi, math.pi), abs=1e-6)
    assert prior.pitch == pytest.approx((-0.155, 0.155), abs=1e-6)
    assert command_main(["info", str(path)]) == 0
    assert "cameras           drawn uniform in yaw -3.142 to 3.142" in capsys.readouterr().out
    assert command_main(["convert", str(path), str(tmp_path / "model.safetensors")]) == 0
    converted = ballgan.load(tmp_path / "model.safetensors", device="cpu")
    assert CameraPrior.of_model(converted.meta) == prior
    upwards = {"gaussian_camera": True, "range_v": [1.2, 1.5]}
    path.write_bytes(stylenerf_file(StyleNerfOptions(camera=upwards)))
    prior = CameraPrior.of_model(ballgan.load(path, device="cpu").meta)
    assert prior.distribution == "normal"  # a smaller polar angle is further up
    assert prior.pitch == pytest.approx((math.pi / 2 - 1.5, math.pi / 2 - 1.2))


@pytest.mark.parametrize(
    "camera", [{"angular_camera": False}, {"range_u": "x"}, {"range_v": [3.0]}, {"range_u": [9, 9]}]
)
def test_cameras_that_cannot_be_used_are_left_out(camera: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(stylenerf_file(StyleNerfOptions(camera=camera)))
    assert not CameraPrior.of_model(ballgan.load(path, device="cpu").meta).is_drawn


# Training and measuring


def drawn(**changes: Any) -> TrainConfig:
    smoke = PRESETS["smoke"]
    judge = dataclasses.replace(smoke.discriminator, conditional=False)
    return dataclasses.replace(smoke, discriminator=judge, cameras=DRAWN, **changes)


def make_trainer(config: TrainConfig) -> Trainer:
    return Trainer(config, config.cameras.sample(seeded(), 16, config.model.camera), CPU, World())


def train(trainer: Trainer, steps: int) -> None:
    config = trainer.config
    for _ in range(steps):
        random, size = seeded(trainer.steps), config.model.image_resolution
        shape = (config.schedule.batch_size, 3, size, size)
        images = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
        trainer.step(images, torch.zeros(len(images), 0))


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_ranges_a_little_beyond_the_sphere_are_refused(distribution: str) -> None:
    radius = PRESETS["smoke"].model.background.radius
    for least, most, refused in ((1.0, 0.999, False), (1.0, 1.001, True)):
        prior = CameraPrior(distribution, radius=(least, most * radius))
        config = dataclasses.replace(drawn(), cameras=prior)
        seen = config.cameras.sample(seeded(), 1, config.model.camera)  # well within
        with pytest.raises(ValueError, match="inside the background") if refused else nullcontext():
            Trainer(config, seen, CPU, World())


def test_normal_cameras_reach_four_deviations() -> None:
    poses, _ = split_labels(DRAWN.extremes(HOME).double().numpy())
    poses[:, :3, 3] -= HOME.pivot
    _, yaw, pitch = measure_orbit(poses)
    assert (yaw.min(), yaw.max()) == pytest.approx((0.2 - 4 * 0.4, 0.2 + 4 * 0.4), abs=1e-5)
    assert (pitch.min(), pitch.max()) == pytest.approx((0.1 - 4 * 0.1, 0.1 + 4 * 0.1), abs=1e-5)


def test_drawn_cameras_are_resumed_bit_for_bit() -> None:
    whole, first, second = (make_trainer(drawn()) for _ in range(3))
    train(whole, 4)
    train(first, 2)
    second.restore(first.state())
    train(second, 2)
    for a, b in zip(whole.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(a, b)


def test_parts_of_a_batch_see_cameras_of_their_own() -> None:
    trainer = make_trainer(drawn())
    size = trainer.config.model.image_resolution
    images = torch.zeros(8, 3, size, size, dtype=torch.uint8)
    labels = torch.cat([p.fake_labels for p in trainer._split(images, torch.zeros(8, 0))])
    assert labels.shape == (8, 25) and len(torch.unique(labels, dim=0)) == 8
    again = torch.cat([p.fake_labels for p in trainer._split(images, torch.zeros(8, 0))])
    assert torch.equal(labels, again)
    trainer.steps += 1
    later = torch.cat([p.fake_labels for p in trainer._split(images, torch.zeros(8, 0))])
    assert not torch.equal(labels, later)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on photos without cameras, and the photos."""
    folder = tmp_path_factory.mktemp("unposed")
    data = photos(folder / "photos.zip")
    options = ["--preset", "smoke", "--data", str(data), "--output", str(folder / "runs")]
    options += ["--schedule.total-kimg", "0.016", "--run.grid", "2", "--mirror"]
    options += ["--cameras.distribution", "normal", "--cameras.yaw", "-0.2", "0.6"]
    options += ["--discriminator.conditional", "False", "--schedule.label-noise", "0"]
    assert main(options) == 0
    return next((folder / "runs").iterdir()), data


def test_a_run_on_photos_without_cameras(finished: tuple[Path, Path]) -> None:
    folder, _ = finished
    model = ballgan.load(folder / "model-000000.pkl", device="cpu")
    assert CameraPrior.of_model(model.meta) == CameraPrior("normal", yaw=(-0.2, 0.6))
    assert (folder / "samples" / "000000-full.png").is_file()
    state = read_state(folder)
    assert TrainConfig.from_dict(state["settings"]["config"]).cameras.is_drawn
    assert main(["--resume", str(folder), "--schedule.total-kimg", "0.024"]) == 0


def test_models_are_measured_on_photos_without_cameras(
    finished: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ballgan_train import report

    monkeypatch.setattr(report, "SHOWN", 1)
    folder, data = finished
    command = ["evaluate", str(folder / "model-000000.pkl"), "--data", str(data), "--count", "8"]
    assert main([*command, "--pairs", "2", "--output", str(tmp_path / "report")]) == 0
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["values"]["swd"] and metrics["values"]["min_t"]
    assert "the model's own, normal in yaw -0.2 to 0.6" in json.dumps(metrics)


def test_cameras_of_a_measurement_depend_on_its_seed_alone(
    finished: tuple[Path, Path],
) -> None:
    folder, data = finished
    model = ballgan.load(folder / "model-000000.pkl", device="cpu")
    options = {"model": model, "size": 16, "domain": None}
    first, again, other = (open_reals(str(data), seed=s, **options) for s in (0, 0, 1))
    assert torch.equal(first.cameras(20), again.cameras(20))
    assert not torch.equal(first.cameras(20), other.cameras(20))


def test_models_without_a_prior_need_cameras(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = photos(tmp_path / "photos.zip")
    assert main(["evaluate", str(model_file), "--data", str(data), "--count", "8"]) == 1
    assert "are for models that draw their own" in capsys.readouterr().err


def test_a_run_that_begins_with_it_draws_the_same_cameras(
    finished: tuple[Path, Path],
) -> None:
    folder, _ = finished
    config, _, weights, _ = adopt_run(PRESETS["toy32"], folder)
    assert config.cameras == CameraPrior("normal", yaw=(-0.2, 0.6)) and weights
    assert config.discriminator.conditional is False
