"""Saving and loading in every format, what is checked on the way, and what it costs."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TINY, make_model
from hostile import native, native_tensor
from published_writer import PublishedOptions, published_file, published_root, write_pickle
from safetensors.torch import load_file

import ballgan.checkpoint
from ballgan.checkpoint import choose_device, detect_format, load, map_file, read_published, save
from ballgan.config import MappingConfig
from ballgan.errors import CheckpointError
from ballgan.generator import Generator
from ballgan.pickle_reader import PersistentObject

FORMATS = ("model.pkl", "model.safetensors")


def assert_same(one: Generator, other: Generator) -> None:
    """Both have the same configuration and weights."""
    assert one.config == other.config
    weights = other.state_dict()
    assert list(one.state_dict()) == list(weights)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def published_path(folder: Path, **options: Any) -> Path:
    """A published file of the smallest kind."""
    path = folder / "published.pkl"
    path.write_bytes(published_file(PublishedOptions(**options)))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_save_and_load(name: str, tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / name)
    loaded = load(tmp_path / name, "cpu")
    assert_same(loaded, tiny_model)
    assert not loaded.training and loaded.device.type == "cpu"
    for tensor in loaded.state_dict().values():
        assert tensor.dtype == torch.float32 and not tensor.requires_grad and not tensor.is_meta
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", FORMATS)
def test_model_without_background(
    name: str, tiny_model_without_background: Generator, tmp_path: Path
) -> None:
    save(tiny_model_without_background, tmp_path / name)
    assert_same(load(tmp_path / name, "cpu"), tiny_model_without_background)


@pytest.mark.parametrize("name", FORMATS)
def test_loaded_model_renders_like_the_saved_one(
    name: str, tiny_model: Generator, tmp_path: Path
) -> None:
    save(tiny_model, tmp_path / name)
    loaded = load(tmp_path / name, "cpu")
    label = torch.eye(5).flatten()[None]
    expected = tiny_model.planes(tiny_model.map(tiny_model.z(3), label))
    assert torch.equal(loaded.planes(loaded.map(loaded.z(3), label)), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_content_decides_not_the_name(name: str, tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / name)
    for other in ("model.pt", "model", "model.png", "model.pkl", "model.safetensors"):
        os.replace(tmp_path / name, tmp_path / "x")
        os.replace(tmp_path / "x", tmp_path / other)
        assert_same(load(str(tmp_path / other), "cpu"), tiny_model)
        name = other


@pytest.mark.parametrize("name", FORMATS)
def test_half_precision_file(name: str, tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "full")
    save(tiny_model, tmp_path / name, half=True)
    assert (tmp_path / name).stat().st_size < 0.75 * (tmp_path / "full").stat().st_size
    loaded = load(tmp_path / name, "cpu").state_dict()
    for key, tensor in tiny_model.state_dict().items():
        assert loaded[key].dtype == torch.float32
        assert torch.equal(loaded[key], tensor.half().float())


def test_half_precision_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    model = make_model(TINY)
    model.mapping.w_avg[0] = 1e5
    with pytest.raises(ValueError, match="half precision cannot hold the weight mapping.w_avg"):
        save(model, tmp_path / "model.pkl", half=True)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_meta_survives(name: str, tmp_path: Path) -> None:
    model = make_model(TINY)
    model.meta = {"kind": "BallGAN", "notes": ["\u00e4", 1, 2.5, None], "training": {"kimg": 5}}
    save(model, tmp_path / name)
    assert load(tmp_path / name, "cpu").meta == model.meta


def test_meta_has_to_be_plain(tmp_path: Path) -> None:
    model = make_model(TINY)
    model.meta = {"weights": torch.zeros(1)}
    with pytest.raises(ValueError, match="model.meta holds a Tensor"):
        save(model, tmp_path / "model.pkl")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_weights_that_are_not_finite_are_noted(name: str, tmp_path: Path) -> None:
    model = make_model(TINY)
    model.backbone.const.data[0, 0, 0] = float("nan")
    model.mapping.w_avg[0] = float("inf")
    save(model, tmp_path / name)
    loaded = load(tmp_path / name, "cpu")
    note = "weights that are not finite: mapping.w_avg, backbone.const"
    assert loaded.meta["notes"] == [note]
    save(loaded, tmp_path / name)
    assert load(tmp_path / name, "cpu").meta["notes"] == [note]


@pytest.mark.parametrize("background", ["ver1", "ver0", None])
@pytest.mark.parametrize("name", FORMATS)
def test_convert_a_published_file(background: str | None, name: str, tmp_path: Path) -> None:
    model = load(published_path(tmp_path, background=background), "cpu")
    assert (model.config.background is None) == (background is None)
    save(model, tmp_path / name)
    converted = load(tmp_path / name, "cpu")
    assert_same(converted, model)
    assert converted.meta == model.meta


def test_convert_onto_itself(tmp_path: Path) -> None:
    path = published_path(tmp_path)
    model = load(path, "cpu")
    save(model, path)
    assert_same(load(path, "cpu"), model)


def test_averaged_generator_is_taken(tmp_path: Path) -> None:
    root, other = published_root(seed=0), published_root(seed=1)
    path = tmp_path / "model.pkl"
    path.write_bytes(write_pickle({**root, "G": other["G_ema"]}))
    expected = root["G_ema"].children["backbone"].children["synthesis"].children["b4"]
    assert torch.equal(load(path, "cpu").backbone.const, expected.parameters["const"])


def test_read_published(tmp_path: Path) -> None:
    tree = read_published(published_path(tmp_path))
    assert tree["training_set_kwargs"]["use_labels"] is True
    assert isinstance(tree["G_ema"], PersistentObject)
    (tmp_path / "page.pkl").write_bytes(b"<html>")
    with pytest.raises(CheckpointError, match=r"cannot load .*page.pkl: it is a web page"):
        read_published(tmp_path / "page.pkl")


def test_read_published_refuses_other_formats(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    with pytest.raises(CheckpointError, match="not a published pickle"):
        read_published(tmp_path / "model.pkl")


def test_detect_format(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    save(tiny_model, tmp_path / "model.safetensors")
    assert detect_format(map_file(tmp_path / "model.pkl")) == "native"
    assert detect_format(map_file(tmp_path / "model.safetensors")) == "safetensors"
    assert detect_format(map_file(published_path(tmp_path))) == "published"


def test_native_file_is_an_ordinary_torch_archive(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    root = torch.load(tmp_path / "model.pkl", weights_only=True)
    assert (root["format"], root["version"]) == ("ballgan", 2)
    assert json.loads(json.dumps(root["config"])) == root["config"]
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(root["state_dict"][name], tensor)


def test_safetensors_file_is_an_ordinary_one(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensors[name], tensor)


def test_views_are_saved_alone(tmp_path: Path) -> None:
    model = make_model(TINY)
    model.mapping.w_avg = torch.zeros(10**6)[:16]
    save(model, tmp_path / "model.pkl")
    assert (tmp_path / "model.pkl").stat().st_size < 10**6


def test_failed_save_keeps_the_old_file(
    tiny_model: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tiny_model, tmp_path / "model.pkl")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(tiny_model, tmp_path / "model.pkl")
    assert os.listdir(tmp_path) == ["model.pkl"]
    assert_same(load(tmp_path / "model.pkl", "cpu"), tiny_model)


def test_model_does_not_depend_on_the_file(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    model = load(tmp_path / "model.pkl", "cpu")
    with open(tmp_path / "model.pkl", "r+b") as file:
        file.truncate(0)
    assert_same(model, tiny_model)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    model = make_model(TINY)
    other = dataclasses.replace(TINY, mapping=MappingConfig(z_dim=16, w_dim=16, num_layers=3))
    wider = dataclasses.replace(TINY, mapping=MappingConfig(z_dim=17, w_dim=16, num_layers=2))
    for config, message in (
        (other, r"missing: mapping.layers.2.weight, mapping.layers.2.bias\)"),
        (wider, r"mapping.layers.0.weight has \(16, 32\) instead of \(16, 33\)"),
    ):
        model.config = config
        save(model, tmp_path / "model.pkl")
        with pytest.raises(CheckpointError, match=message):
            load(tmp_path / "model.pkl", "cpu")


def test_unexpected_weights_are_listed(tmp_path: Path) -> None:
    model = make_model(TINY)
    for i in range(9):
        model.register_buffer(f"extra{i}", torch.zeros(1))
    save(model, tmp_path / "model.pkl")
    with pytest.raises(CheckpointError, match="unexpected: extra0, .*, extra3 and 5 more"):
        load(tmp_path / "model.pkl", "cpu")


def test_weights_that_share_numbers_claim_too_much(tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, mapping=MappingConfig(z_dim=512, w_dim=512, num_layers=40))
    shapes = {
        name: tuple(t.shape)
        for name, t in ballgan.checkpoint.build_empty(config).state_dict().items()
    }
    state = {
        name: native_tensor(shape, torch.empty(shape, device="meta").stride(), 2**20)
        for name, shape in shapes.items()
    }
    path = tmp_path / "model.pkl"
    path.write_bytes(native(state, {"0": bytes(2**22)}, config.to_dict()))
    with pytest.raises(CheckpointError, match="claim more numbers than the file holds"):
        load(path, "cpu")


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    model = make_model(TINY)
    save(model, tmp_path / "model.pkl")
    root = torch.load(tmp_path / "model.pkl", weights_only=True)
    root["state_dict"]["mapping.w_avg"] = torch.zeros(16, dtype=torch.int64)
    root["state_dict"]["backbone.const"] = None
    torch.save(root, tmp_path / "model.pkl")
    with pytest.raises(
        CheckpointError, match="not a tensor of real numbers: 'mapping.w_avg'.*const"
    ):
        load(tmp_path / "model.pkl", "cpu")


def test_double_precision_is_read(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    root = torch.load(tmp_path / "model.pkl", weights_only=True)
    root["state_dict"] = {k: v.double() for k, v in root["state_dict"].items()}
    torch.save(root, tmp_path / "model.pkl")
    assert_same(load(tmp_path / "model.pkl", "cpu"), tiny_model)


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(torch.device("cpu")) == torch.device("cpu")
    assert choose_device("auto").type in ("cuda", "mps", "cpu")
    with pytest.raises(ValueError, match="'auto' or a torch device; got 'gpu'"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device 'cuda' is not available here"):
            choose_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_load_onto_the_gpu(tiny_model: Generator, tmp_path: Path) -> None:
    save(tiny_model, tmp_path / "model.pkl")
    loaded = load(tmp_path / "model.pkl")
    assert loaded.device.type == "cuda"
    assert_same(loaded.cpu(), tiny_model)


LARGE = PublishedOptions(
    super_resolution="SuperresolutionHybrid8XDC",
    resolution=256,
    channel_base=32768,
    channel_max=512,
    w_dim=512,
    background_layers=4,
    hidden_size=64,
)

MEASURE = """
import resource, sys, time
import torch, ballgan.checkpoint
torch.set_num_threads(1)
unit = 1 if sys.platform == "darwin" else 1024
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
before, start = peak(), time.process_time()
model = ballgan.checkpoint.load(sys.argv[1], "cpu")
seconds, memory = time.process_time() - start, peak() - before
weights = sum(tensor.nbytes for tensor in model.state_dict().values())
print(seconds, memory, weights, "sympy" in sys.modules)
"""


@pytest.mark.slow
def test_large_model_loads_soon_and_in_little_memory(tmp_path: Path) -> None:
    """The 512x512 configuration, in its published form with a raw and an averaged generator."""
    root = published_root(LARGE)
    path = tmp_path / "large.pkl"
    path.write_bytes(write_pickle({**root, "G": published_root(LARGE, seed=1)["G_ema"]}))
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    seconds, memory, weights, sympy = result.stdout.split()
    assert 30e6 < float(weights) / 4 < 33e6
    assert float(seconds) < 2  # of CPU time, which other programs do not disturb
    assert float(memory) < 1.6 * float(weights)  # less than the file, which holds two generators
    assert sympy == "False"


def test_loading_tells_how_far_it_is_and_can_be_stopped(model_file: Path) -> None:
    told: list[float] = []

    def stop(fraction: float) -> None:
        raise ballgan.Cancelled

    ballgan.load(model_file, progress=told.append)
    assert told == sorted(told) and told[0] == 0 and 0.5 < told[-1] < 1
    with pytest.raises(ballgan.Cancelled):
        ballgan.load(model_file, progress=stop)
