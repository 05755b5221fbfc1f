"""Small models that every test can afford."""

import copy
import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ballgan.checkpoint import save
from ballgan.config import (
    BackboneConfig,
    CameraConfig,
    FieldConfig,
    MappingConfig,
    ModelConfig,
    SphereConfig,
    SuperResolutionConfig,
)
from ballgan.generator import Generator
from ballgan.scene import Scene

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script that is started with "&" ignores Ctrl-C, and so would the programs tested here.
    signal.signal(signal.SIGINT, signal.default_int_handler)

TINY = ModelConfig(
    mapping=MappingConfig(z_dim=16, w_dim=16, num_layers=2),
    backbone=BackboneConfig(resolution=16, channel_base=128, channel_max=16),
    field=FieldConfig(plane_channels=8, hidden_size=16, feature_channels=8),
    background=SphereConfig(
        z_dim=16, w_dim=16, mapping_layers=2, hidden_size=16, num_layers=2, num_frequencies=4
    ),
    camera=CameraConfig(radius=2.5, pivot=(0.0, 0.0, 0.2)),
    neural_resolution=16,
    super_resolution=SuperResolutionConfig(input_resolution=16, channels=(16, 8)),
)


def make_model(config: ModelConfig, seed: int = 0) -> Generator:
    """A generator with random weights, a visible foreground and empty space round the box."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Generator(config)
    with torch.no_grad():
        model.field.density_head.weight.mul_(40)
        centre = torch.zeros(1, 1, 3)
        planes = torch.zeros(1, 3, config.field.plane_channels, 4, 4)  # as outside the box
        model.field.density_head.bias -= model.field.density(planes, centre).item() + 5
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def tiny_model() -> Generator:
    """A BallGAN-like model with super-resolution: 16 rays wide, pictures of 64 pixels."""
    return make_model(TINY)


@pytest.fixture(scope="session")
def tiny_model_without_background() -> Generator:
    """An EG3D-like model with the same sizes."""
    return make_model(dataclasses.replace(TINY, background=None))


@pytest.fixture(scope="session")
def references() -> Path:
    """Folder of reference networks and their recorded outputs; skips where there is none."""
    folder = references_folder()
    if not folder.is_dir():
        pytest.skip(f"no reference networks in {folder} (set BALLGAN_REFERENCES)")
    return folder


def references_folder() -> Path:
    """The folder named by BALLGAN_REFERENCES, else shared/refs beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "refs"
    return Path(os.environ.get("BALLGAN_REFERENCES", default))


@pytest.fixture
def screen() -> Iterator[Any]:
    """The viewer's panels in a pure ImGui context."""
    pytest.importorskip("imgui_bundle")
    from imgui_bundle import imgui
    from panel_screen import Screen

    made = Screen()
    yield made
    imgui.destroy_context(made.context)


@pytest.fixture
def app(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The viewer on the tiny model, offscreen, with folders of its own."""
    from viewer_driver import open_app

    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    with open_app(model_file) as opened:
        yield opened


@pytest.fixture(scope="module")
def model_file(tiny_model: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a file."""
    path = tmp_path_factory.mktemp("models") / "tiny.pkl"
    save(tiny_model, path)
    return path


@pytest.fixture(scope="module")
def other_file(
    tiny_model_without_background: Generator, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny model without background as a file."""
    path = tmp_path_factory.mktemp("models") / "other.safetensors"
    save(tiny_model_without_background, path)
    return path


@pytest.fixture(scope="session")
def model(tiny_model: Generator) -> Generator:
    """The tiny model with a foreground that is opaque in some places and absent in others."""
    model = copy.deepcopy(tiny_model)
    scene = Scene(model)
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    density = model.density(scene.planes(), points)
    head = model.field.density_head
    scale = 40 / density.std()
    head.weight *= scale
    head.bias += 10 - scale * (density.quantile(0.85) - head.bias) - head.bias
    return model


@pytest.fixture(scope="session")
def model_path(model: Generator, tmp_path_factory: pytest.TempPathFactory) -> str:
    """That model as a file."""
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    save(model, path)
    return str(path)


@pytest.fixture(scope="session")
def plain_model_path(
    tiny_model_without_background: Generator, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The tiny model without background as a file."""
    path = tmp_path_factory.mktemp("model") / "plain.pkl"
    save(tiny_model_without_background, path)
    return str(path)
