"""StyleNeRF's discriminator: the published logits, growing, and reading it from published files."""

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ballgan_train.config import PRESETS, DiscriminatorConfig
from ballgan_train.fine_tuning import adopt_model
from ballgan_train.progressive_discriminator import ProgressiveDiscriminator
from ballgan_train.published_discriminator import describe_progressive, rename_progressive, trim
from published_writer import Network, write_pickle
from stylenerf_writer import StyleNerfOptions, stylenerf_generator

from ballgan.errors import CheckpointError

REFERENCES = Path(os.environ.get("BALLGAN_STYLENERF_REFERENCES", "../shared/refs-stylenerf"))
FILE = REFERENCES / "stylenerf-tiny-d.npz"
HAS_FILE = pytest.mark.skipif(not FILE.is_file(), reason="no reference data")
TOLERANCE = 1e-5  # of the references' README


@pytest.fixture(scope="module")
def references() -> dict[str, torch.Tensor]:
    with np.load(FILE) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def reference_weights(references: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, value in references.items():
        ours = rename_progressive(name[2:], 64) if name.startswith("w:") else None
        if ours is not None:
            renamed[ours] = value
    return renamed


def make(weights: dict[str, torch.Tensor], resolution: int) -> ProgressiveDiscriminator:
    config = dataclasses.replace(describe_progressive(weights, resolution), group_size=4)
    discriminator = ProgressiveDiscriminator(config)
    discriminator.load_state_dict(weights)
    return discriminator.eval()


@HAS_FILE
@pytest.mark.parametrize(
    "logits, size, fade",
    [
        ("alpha100_res64", 64, 1.0),
        ("alpha075_res64", 64, 1.0),
        ("alpha025_res32", 32, 1.0),
        ("alpha000_res16", 16, 1.0),
        ("alpha075_res64_fade", 64, 0.5),
        ("alpha025_res32_fade", 32, 0.5),
    ],
)
def test_logits_are_the_published_ones(
    references: dict[str, torch.Tensor], logits: str, size: int, fade: float
) -> None:
    discriminator = make(reference_weights(references), 64)
    with torch.no_grad():
        mine = discriminator(references[f"img{size}"], fade)
    torch.testing.assert_close(mine, references[f"logits_{logits}"], atol=TOLERANCE, rtol=0)


@HAS_FILE
def test_larger_pictures_than_the_present_ones_are_reduced_first(
    references: dict[str, torch.Tensor],
) -> None:
    """As the published one does by itself: bilinear, without antialiasing."""
    small = torch.nn.functional.interpolate(references["img64"], (16, 16), mode="bilinear")
    with torch.no_grad():
        mine = make(reference_weights(references), 64)(small)
    expected = references["logits_alpha000_res64"]
    torch.testing.assert_close(mine, expected, atol=TOLERANCE, rtol=0)


@HAS_FILE
@pytest.mark.parametrize("size", [16, 32])
def test_what_is_trimmed_for_small_pictures_judges_them_the_same(
    references: dict[str, torch.Tensor], size: int
) -> None:
    weights = reference_weights(references)
    small = make(trim(weights, size), size)
    with torch.no_grad():
        mine = small(references[f"img{size}"])
        theirs = make(weights, 64)(references[f"img{size}"])
    torch.testing.assert_close(mine, theirs, atol=TOLERANCE, rtol=0)


def test_it_has_the_published_number_of_weights() -> None:
    counts = {256: (16384, 23_052_353), 512: (32768, 27_774_017), 1024: (32768, 27_801_889)}
    for resolution, (base, count) in counts.items():
        config = DiscriminatorConfig(
            resolution, conditional=False, channel_base=base, architecture="skip"
        )
        with torch.device("meta"):
            discriminator = ProgressiveDiscriminator(config)
        assert sum(p.numel() for p in discriminator.parameters()) == count
    preset = PRESETS["compcars256-stylenerf"].discriminator
    with torch.device("meta"):
        assert sum(p.numel() for p in ProgressiveDiscriminator(preset).parameters()) == 23_052_353


def small_discriminator() -> ProgressiveDiscriminator:
    torch.manual_seed(0)
    config = DiscriminatorConfig(
        32, conditional=False, channel_base=256, channel_max=16, architecture="skip"
    )
    return ProgressiveDiscriminator(config)


def test_a_new_resolution_fades_in() -> None:
    discriminator = small_discriminator()
    image = torch.randn(4, 3, 32, 32)
    half = torch.nn.functional.interpolate(image, scale_factor=0.5, mode="bilinear")
    torch.testing.assert_close(discriminator(image, 0.0), discriminator(half))
    torch.testing.assert_close(discriminator(image, 1 - 1e-7), discriminator(image))


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (1, 3, 12, 12), (1, 3, 16, 8), (1, 3, 4, 4)])
def test_pictures_of_other_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="power of two from 8 to 32"):
        small_discriminator()(torch.zeros(shape))


def test_what_asks_for_cameras_or_raw_pictures_is_residual() -> None:
    for option in ({"conditional": True}, {"conditional": False, "dual": True}):
        with pytest.raises(ValueError, match="set discriminator.dual and discriminator.cond"):
            DiscriminatorConfig(64, architecture="skip", **option)


# Published files


def published(discriminator: ProgressiveDiscriminator, resolution: int) -> Network:
    """The network as StyleNeRF's program keeps it."""
    root = Network("Discriminator")
    weights = dict(discriminator.state_dict()) | {"alpha": torch.tensor(1.0)}
    for name, value in weights.items():
        *path, leaf = name.split(".")
        if path[:1] == ["blocks"]:
            path = [f"b{resolution >> int(path[1])}", path[2]]
        elif path:
            path = ["b4", *path]
        path = [{"from_rgb": "fromrgb", "output": "out"}.get(part, part) for part in path]
        network = root
        for part in path:
            network = network.children.setdefault(part, Network("DiscriminatorBlock"))
        network.parameters[leaf] = value
    return root


def write_model(folder: Path, discriminator: Network | None, alpha: float = 1.0) -> Path:
    options = StyleNerfOptions(alpha=alpha)
    root = {"training_set_kwargs": {}, "G": None, "D": discriminator}
    root |= {"G_ema": stylenerf_generator(options), "augment_pipe": None}
    path = folder / "network.pkl"
    path.write_bytes(write_pickle(root))
    return path


def test_training_goes_on_with_the_discriminator_of_the_file(tmp_path: Path) -> None:
    theirs = small_discriminator()
    path = write_model(tmp_path, published(theirs, 32))
    config, model, weights, _ = adopt_model(PRESETS["compcars256-stylenerf"], str(path))
    assert config.discriminator.architecture == "skip" and config.discriminator.resolution == 32
    assert config.discriminator.group_size == 8 and not config.discriminator.conditional
    mine = ProgressiveDiscriminator(dataclasses.replace(config.discriminator, group_size=4))
    mine.load_state_dict(weights)
    image = torch.randn(4, 3, 32, 32)
    assert torch.equal(mine(image), theirs(image))
    assert config.model == model.config


def test_a_discriminator_that_still_grows_is_trimmed(tmp_path: Path) -> None:
    theirs = small_discriminator()
    path = write_model(tmp_path, published(theirs, 32), alpha=0.25)
    config, _, weights, _ = adopt_model(PRESETS["compcars256-stylenerf"], str(path))
    assert config.model.image_resolution == config.discriminator.resolution == 16
    mine = ProgressiveDiscriminator(dataclasses.replace(config.discriminator, group_size=4))
    mine.load_state_dict(weights)
    image = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(mine(image), theirs(image))


def test_files_without_it_begin_with_a_new_one(tmp_path: Path) -> None:
    config, _, weights, _ = adopt_model(PRESETS["toy64"], str(write_model(tmp_path, None)))
    assert weights is None
    assert not config.discriminator.conditional and not config.discriminator.dual
    assert config.cameras.is_drawn  # as the file says


def conditional() -> Network:
    network = published(small_discriminator(), 32)
    network.children["mapping"] = Network("MappingNetwork", parameters={"x": torch.zeros(1)})
    return network


def wide() -> Network:
    network = published(small_discriminator(), 32)
    network.children["b8"].children["conv0"].parameters["weight"] = torch.zeros(2, 2, 3, 3)
    return network


@pytest.mark.parametrize(
    "network, reason",
    [
        (lambda: None, "the file has none"),
        (lambda: Network("DiscriminatorBlock"), "of the unknown kind 'DiscriminatorBlock'"),
        (lambda: Network("Discriminator"), "not for pictures of 32 pixels"),
        (lambda: published(small_discriminator(), 16), "not for pictures of 32 pixels"),
        (conditional, "StyleNeRF's has no weight 'mapping.x'"),
        (wide, r"blocks.2.conv0.weight is \(2, 2, 3, 3\)"),
    ],
)
def test_where_it_cannot_be_used_a_new_one_begins(
    network: Callable[[], Network | None], reason: str, tmp_path: Path
) -> None:
    adopted = adopt_model(PRESETS["compcars256-stylenerf"], str(write_model(tmp_path, network())))
    assert adopted.discriminator is None and re.search(reason, adopted.reason)


def test_damaged_ones_are_refused(tmp_path: Path) -> None:
    network = published(small_discriminator(), 32)
    del network.children["b8"].children["fromrgb"]
    del network.children["b4"].children["conv"].parameters["bias"]
    with pytest.raises(CheckpointError, match=r"lacks the weight 'conv.bias'"):
        adopt_model(PRESETS["compcars256-stylenerf"], str(write_model(tmp_path, network)))
