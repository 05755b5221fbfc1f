"""Evaluation of whole models: every kind gets what makes sense, and a report."""

import dataclasses
import json
import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from ballgan_train.__main__ import main
from ballgan_train.archive import data_version
from ballgan_train.batches import Batch, Measurement, Plan, compare_changes
from ballgan_train.evaluate import _common_size
from ballgan_train.evaluation import BACKGROUND, INCEPTION, JUDGED, evaluate
from ballgan_train.fakes import Fakes, Sampler
from ballgan_train.inception import Inception
from ballgan_train.judge import Judge, JudgeInfo, Opinion, save_judge
from ballgan_train.plots import Axes, draw_bars, draw_scatter, join_plots
from ballgan_train.reals import ToyReals, open_reals
from ballgan_train.report import ROWS, check_output, passes, write_report
from conftest import TINY, make_model
from small_datasets import sound_files, write_files
from torch import Tensor, nn

import ballgan
from ballgan import Camera, Generator, Latent, LearntBackground, RenderSettings, Scene
from ballgan.camera_prior import META, CameraPrior
from ballgan.config import SamplingConfig
from ballgan.frame import resize_depth
from ballgan.images import load_image
from ballgan.plain import to_plain

CPU = torch.device("cpu")
PLAN = Plan(count=8, pairs=3, size=16)
SMALL = dataclasses.replace(
    TINY,
    super_resolution=None,
    field=dataclasses.replace(TINY.field, feature_channels=3),
    sampling=SamplingConfig(coarse_samples=12, fine_samples=0),
)


@pytest.fixture(scope="module")
def model() -> Generator:
    """A model without super-resolution: pictures of 16 pixels."""
    return make_model(SMALL)


@pytest.fixture(scope="module")
def judge() -> Judge:
    """An untrained judge: any opinion will do."""
    return Judge(JudgeInfo("heads", 16)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def reals() -> ToyReals:
    return ToyReals("heads", 16, seed=0, device=CPU)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with the interface of the FID Inception file."""

    class Network(nn.Module):
        def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
            assert images.dtype == torch.uint8
            features = (images.float() / 255).mean((2, 3))
            return features if return_features else features.sum(1)

    path = tmp_path_factory.mktemp("inception") / "inception.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Network()).save(str(path))
    return path


# Pictures


def test_sampler_renders_what_a_scene_does(tiny_model: Generator) -> None:
    camera = Camera.orbit(0.3, 0.1).resolve(tiny_model.config.camera)
    fakes = Sampler(tiny_model, truncation_psi=0.8, seed=4).render(range(2, 3), camera.label())
    scene = Scene(tiny_model)
    scene.latent = Latent(6, truncation_psi=0.8)
    scene.background = LearntBackground(1_000_006, truncation_psi=0.8)
    scene.conditioning = camera
    frame = scene.render(camera, RenderSettings(sampler="plain"))
    full, front = (  # where a pixel is a ray
        scene.render(camera, RenderSettings(16, layer=layer, sampler="plain"))
        for layer in ("full", "foreground")
    )
    assert np.abs(fakes.picture[0].permute(1, 2, 0).numpy() - frame.rgb).max() < 2e-3
    view = fakes.view(64)
    assert np.abs(view.alpha[0, 0].numpy() - frame.alpha).max() < 1e-4
    hit = np.isfinite(front.depth)
    assert np.allclose(fakes.depth[0, 0].numpy()[hit], front.depth[hit], atol=1e-4)
    distance = fakes.distance[0, 0].numpy()
    assert np.allclose(distance[hit], full.depth[hit], atol=1e-4)
    assert np.allclose(distance, full.depth, atol=0.01) and (distance < 100).all()


def test_codes_depend_on_the_number_alone(model: Generator) -> None:
    labels = Camera.orbit().resolve(model.config.camera).label().expand(3, -1)
    sampler = Sampler(model)
    together, alone = sampler.render(range(3), labels), sampler.render(range(1, 2), labels[:1])
    assert torch.allclose(together.picture[1:2], alone.picture, atol=1e-5)
    other = sampler.render(range(3), labels, behind=range(5, 8))
    assert torch.equal(other.alpha, together.alpha)
    assert not torch.allclose(other.picture, together.picture, atol=1e-3)


def test_fully_separated_layers_do_not_change_each_other() -> None:
    alpha = torch.zeros(1, 1, 2, 2)
    alpha[..., 0] = 1.0

    def picture(front: float, behind: float, mask: Tensor = alpha) -> Fakes:
        colors = (mask * front + (1 - mask) * behind).expand(-1, 3, -1, -1)
        depth = torch.ones_like(mask)
        return Fakes(colors, mask, 1 - mask, depth, depth, torch.zeros(1, 25))

    change = compare_changes(picture(0.2, 0.4), picture(0.2, 0.8), picture(0.6, 0.4))
    assert change["foreground_change"].item() == 0
    assert change["background_change"].item() == 0
    assert change["background_own_change"].item() == pytest.approx(0.4 * 255)
    leaking = 0.96 * alpha
    change = compare_changes(
        picture(0.2, 0.4, leaking), picture(0.2, 0.8, leaking), picture(0.6, 0.4, leaking)
    )
    assert change["foreground_change"].item() == pytest.approx(0.04 * 0.4 * 255, rel=1e-4)


# Evaluation


def test_everything_is_measured(
    model: Generator, judge: Judge, reals: ToyReals, inception_file: Path
) -> None:
    done: list[float] = []
    results = evaluate(
        Sampler(model),
        reals,
        PLAN,
        judge=judge,
        inception=Inception(inception_file),
        progress=done.append,
    )
    names = {row.name for rows in ROWS.values() for row in rows}
    assert set(results.values) | set(results.left_out) == names
    assert set(results.left_out) <= {"depth_error", "background_depth_error", "view_error"}
    assert "heads is painted on a sphere" in results.left_out["background_depth_error"]
    assert done == sorted(done) and done[-1] == pytest.approx(1) and done[0] > 0
    assert results.series["alpha_histogram"].sum() == pytest.approx(1)
    assert 0 <= results.values["mask_iou"].value <= 1
    assert results.values["min_t"].error > 0
    again = evaluate(Sampler(model), reals, PLAN, judge=judge)
    assert again.values["swd"] == results.values["swd"]
    assert set(again.left_out) >= set(INCEPTION)


def test_model_without_background_gets_the_rest(
    tiny_model_without_background: Generator, reals: ToyReals
) -> None:
    results = evaluate(Sampler(tiny_model_without_background), reals, PLAN)
    assert set(results.left_out) >= {*BACKGROUND, *JUDGED, *INCEPTION}
    assert "no background of its own" in results.left_out["foreground_change"]
    assert {"min_t", "coverage", "swd"} <= set(results.values)


def test_background_depth_is_measured_in_rooms(
    model: Generator, tiny_model_without_background: Generator
) -> None:
    """Who sees the very distances that a model has finds no error, whatever is behind."""

    class Seeing:
        info = JudgeInfo("rooms", 16)

        def look(self, pictures: Tensor) -> Opinion:
            nothing = torch.zeros(len(pictures), 1, 16, 16)
            direction = torch.tensor([[0.0, 0.0, 1.0]]).expand(len(pictures), 3)
            return Opinion(nothing, nothing, direction, torch.ones(len(pictures), 3), distance)

    reals = ToyReals("rooms", 16, seed=0, device=CPU)
    for kind in (model, tiny_model_without_background):
        sampler = Sampler(kind)
        distance = resize_depth(sampler.render(range(4), reals.cameras(4)).distance, 16)
        measurement = Measurement(sampler, reals, Plan(4, size=16), Seeing())  # type: ignore[arg-type]
        values = measurement.measure(Batch("fakes", range(4)))
        assert values["background_depth_error"].tolist() == pytest.approx([0] * 4, abs=1e-4)
    judge = Judge(JudgeInfo("rooms", 16)).eval().requires_grad_(False)
    judge.head.bias[:4] = -9.0  # it sees no object
    results = evaluate(Sampler(model), reals, PLAN, judge=judge)
    assert 0 < results.values["background_depth_error"].value <= 4


def test_few_pictures_are_not_compared_as_sets(model: Generator, reals: ToyReals) -> None:
    results = evaluate(Sampler(model), reals, Plan(count=2, pairs=1, size=16))
    assert "too few pictures" in results.left_out["swd"]
    assert math.isfinite(results.values["min_t"].value)


def test_real_pictures_are_new_and_reproducible(
    model: Generator, reals: ToyReals, tmp_path: Path
) -> None:
    again = ToyReals("heads", 16, seed=0, device=CPU)
    other = ToyReals("heads", 16, seed=1, device=CPU)
    assert torch.equal(reals.pictures(range(1, 2)), again.pictures(range(1, 2)))
    assert not torch.equal(reals.pictures(range(1)), other.pictures(range(1)))
    assert torch.equal(reals.cameras(2), again.cameras(3)[:2])
    path = write_files(tmp_path / "data.zip", sound_files(6, 16))
    data = open_reals(str(path), model=model, size=99, domain=None, seed=0)
    assert data.resolution == 16 and data.limit(100) == 6 and data.domain is None
    assert data.pictures(range(6)).shape == (6, 3, 16, 16)
    assert len(data.cameras(15)) == 15
    assert len(torch.unique(data.cameras(6), dim=0)) == 6


def test_pictures_are_never_enlarged_to_be_compared(model: Generator, tmp_path: Path) -> None:
    path = write_files(tmp_path / "data.zip", sound_files(4, 24))
    data = open_reals(str(path), model=model, size=0, domain=None, seed=0)
    assert _common_size(Sampler(model, resolution=128), data) == 16
    assert (
        _common_size(Sampler(model, resolution=32), ToyReals("cars", 64, seed=0, device=CPU)) == 32
    )


def test_models_that_draw_their_cameras_are_seen_from_these(reals: ToyReals) -> None:
    model = make_model(SMALL)
    prior = CameraPrior("uniform", yaw=(2.0, 2.5))
    model.meta = {**model.meta, META: to_plain(prior)}
    own = open_reals("toyworld:heads", model=model, size=16, domain=None, seed=0)
    position = own.cameras(9)[:, 3:12:4] - torch.tensor(model.config.camera.pivot)
    yaw = torch.atan2(position[:, 0], position[:, 2])
    assert 2.0 - 1e-5 <= yaw.min() and yaw.max() <= 2.5 + 1e-5
    assert torch.equal(own.pictures(range(1)), reals.pictures(range(1)))
    assert "cameras: the model's own, uniform in yaw 2 to 2.5" in own.protocol
    assert "drawn anew from the domain's range" in reals.protocol


def test_exchanged_photos_are_other_data(tmp_path: Path) -> None:
    files = sound_files(3, 8)
    labels = files.pop("dataset.json")
    folder = write_files(tmp_path / "photos", files)
    version = data_version(folder)
    assert data_version(folder) == version
    os.utime(folder / "00000" / "img00000001.png", (1, 1))
    exchanged = data_version(folder)
    assert exchanged != version
    (folder / "dataset.json").write_text(json.dumps(labels))
    assert data_version(folder) not in (version, exchanged)


# Inception


def test_inception_gives_features(inception_file: Path) -> None:
    features = Inception(inception_file)(torch.full((2, 3, 8, 8), 0.6))
    assert torch.allclose(features, torch.full((2, 3), 153 / 255))


def test_unusable_inception_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none.pt does not exist; --inception needs the FID"):
        Inception(tmp_path / "none.pt")
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"weights.pt is no TorchScript file"):
        Inception(path)


# Report


def test_command_writes_a_report(
    model: Generator, judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ballgan.save(model, tmp_path / "model.pkl")
    save_judge(judge, tmp_path / "judge.pt")
    output = tmp_path / "made" / "report"
    command = ["evaluate", str(tmp_path / "model.pkl"), "--data", "toyworld:heads"]
    command += ["--judge", str(tmp_path / "judge.pt"), "--count", "8", "--pairs", "2"]
    command += ["--output", str(output), "--device", "cpu"]
    for _ in range(2):  # the second replaces the first
        assert main(command) == 0, capsys.readouterr().err
    assert "mask IoU" in capsys.readouterr().out
    assert sorted(p.name for p in output.parent.iterdir()) == ["report"]
    numbers = json.loads((output / "metrics.json").read_text())
    assert numbers["values"]["min_t"]["value"] >= 0
    assert numbers["judge"]["domain"] == "heads" and "held_out" in numbers["judge"]
    assert numbers["left_out"].keys() >= {"fid", "kid"}
    page = (output / "report.md").read_text()
    for part in (
        "## Separation",
        "its own mask IoU is",
        "## Left out",
        "no training saw",
        "at most 2",
    ):
        assert part in page
    for picture in ("plots.png", "samples.png"):
        assert f"({picture})" in page
        assert load_image(output / picture).std() > 0.02


def test_command_with_real_data_has_no_judge(
    tiny_model_without_background: Generator, inception_file: Path, tmp_path: Path
) -> None:
    ballgan.save(tiny_model_without_background, tmp_path / "model.pkl")
    data = write_files(tmp_path / "data.zip", sound_files(8, 64))
    command = ["evaluate", str(tmp_path / "model.pkl"), "--data", str(data), "--count", "8"]
    command += ["--pairs", "1", "--inception", str(inception_file), "--output", str(tmp_path / "r")]
    assert main([*command, "--device", "cpu"]) == 0
    page = (tmp_path / "r" / "report.md").read_text()
    assert "Judge: none" in page and "FID, Inception features |" in page
    assert "the standard protocol is 50000" in page and "8 real" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "toyworld:cats"], "domain should be one of heads, cars"),
        (["--data", "toyworld:heads", "--domain", "cars"], "is not of the domain cars"),
        (["--data", "nothing.zip"], "nothing.zip"),
        (["--data", "toyworld:heads", "--count", "0"], "--count should be 1 or more"),
        (["--data", "toyworld:heads", "--pairs", "9", "--count", "5"], "got 5 and 9"),
        (["--data", "toyworld:heads", "--seed", "-1"], "--seed should be in"),
        (["--data", "toyworld:heads", "--resolution", "4"], "--resolution should be in"),
        (["--data", "toyworld:heads", "--inception", "no.pt"], "no.pt does not exist"),
        (["--data", "toyworld:heads", "--judge-kimg", "0"], "--judge-kimg should be above 0"),
        (["--data", "toyworld:heads", "--judge-size", "20"], "at 16, 32, 64, 128, 256 pixels"),
    ],
)
def test_mistakes_are_one_line(
    options: list[str],
    message: str,
    model: Generator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BALLGAN_CACHE_DIR", str(tmp_path))
    ballgan.save(model, tmp_path / "model.pkl")
    command = ["evaluate", str(tmp_path / "model.pkl"), "--output", str(tmp_path / "out")]
    assert main([*command, "--device", "cpu", *options]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_judge_is_trained_once_and_kept(
    model: Generator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BALLGAN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("ballgan_train.judge_training.measure_judge", lambda judge, count: None)
    monkeypatch.setattr("ballgan_train.report.SHOWN", 1)
    ballgan.save(model, tmp_path / "model.pkl")
    command = ["evaluate", str(tmp_path / "model.pkl"), "--data", "toyworld:heads", "--count", "2"]
    command += ["--pairs", "1", "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*command, "--judge-kimg", "0.016"]) == 0
    assert "training a judge of heads at 16 pixels, 0.016 kimg" in capsys.readouterr().out
    (kept,) = (tmp_path / "cache" / "judges").iterdir()
    assert main([*command, "--judge-kimg", "0.01"]) == 0
    assert "training a judge" not in capsys.readouterr().out
    kept.write_bytes(b"damaged")
    assert main([*command, "--judge-kimg", "0.032"]) == 0
    assert "training again" in capsys.readouterr().out
    wrong = [*command[:3], "toyworld:cars", *command[4:], "--judge", str(kept)]
    assert main(wrong) == 1
    assert "judges heads, not cars" in capsys.readouterr().err


def test_report_replaces_only_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "report"
    picture = {"plots.png": np.zeros((4, 4, 3))}
    write_report(folder, "first", {}, picture)
    with pytest.raises(ValueError, match="NaN"):
        write_report(folder, "second", {}, {"plots.png": np.full((4, 4, 3), np.nan)})
    with pytest.raises(ValueError, match="[Oo]ut of range"):
        write_report(folder, "third", {"value": math.inf}, picture)
    assert (folder / "report.md").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"holds other things \(thesis.tex\)"):
        check_output(folder)
    with pytest.raises(ValueError, match="is a file"):
        check_output(folder / "thesis.tex")


def test_bars_of_the_table() -> None:
    rows = {row.name: row for section in ROWS.values() for row in section}
    from ballgan_train.distances import Estimate

    assert passes(rows["mask_iou"], Estimate(0.91, 0)) and not passes(
        rows["mask_iou"], Estimate(0.89, 0)
    )
    assert passes(rows["min_t"], Estimate(0.02, 0)) and not passes(rows["min_t"], Estimate(0.04, 0))


def test_plots_show_their_numbers() -> None:
    axes = Axes("title", "x", "y", (0, 1), (0, 2))
    half = draw_bars(axes, [np.array([1.0, 0.0])], [])
    blue = np.isclose(half, np.array([102, 170, 238]) / 255, atol=1e-3).all(-1)
    rows, columns = np.nonzero(blue)
    frame_height = 280 - 48 - 40
    assert rows.max() - rows.min() == pytest.approx(frame_height / 2, abs=2)
    assert columns.max() < (52 + 368) / 2
    dots = draw_scatter(axes, [np.array([[1.0, 2.0]])], [])
    rows, columns = np.nonzero(np.isclose(dots, np.array([102, 170, 238]) / 255, atol=1e-3).all(-1))
    assert rows.mean() == pytest.approx(48, abs=3) and columns.mean() == pytest.approx(367, abs=3)
    assert join_plots([half, dots, half], columns=2).shape == (560, 760, 3)
