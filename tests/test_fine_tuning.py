import dataclasses
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from ballgan_train.__main__ import main
from ballgan_train.config import PRESETS, DiscriminatorConfig
from ballgan_train.discriminator import Discriminator
from ballgan_train.distributed import World
from ballgan_train.fine_tuning import adopt, adopt_model, grow, widened
from ballgan_train.loop import Trainer
from ballgan_train.published_discriminator import read_discriminator
from ballgan_train.run import read_state
from published_writer import Network, PublishedOptions, published_root, write_pickle

from ballgan.errors import CheckpointError

RES, WIDTH, LAST = 128, 4, 8


def channels(resolution: int) -> int:
    return min(WIDTH * RES // resolution, LAST)


def published_discriminator() -> Network:
    """A small DualDiscriminator with random weights (OFFICIAL_FORMAT.md, section 14)."""
    shapes: dict[str, tuple[int, ...]] = {}
    resolution = RES
    while resolution > 4:
        c, half = channels(resolution), channels(resolution // 2)
        block = f"b{resolution}"
        shapes[f"{block}.conv0.weight"], shapes[f"{block}.conv0.bias"] = (c, c, 3, 3), (c,)
        shapes[f"{block}.conv1.weight"], shapes[f"{block}.conv1.bias"] = (half, c, 3, 3), (half,)
        shapes[f"{block}.skip.weight"] = (half, c, 1, 1)
        resolution //= 2
    shapes[f"b{RES}.fromrgb.weight"] = (channels(RES), 6, 1, 1)
    shapes[f"b{RES}.fromrgb.bias"] = (channels(RES),)
    for name, outputs, inputs in (
        ("mapping.embed", LAST, 25),
        *((f"mapping.fc{i}", LAST, LAST) for i in range(8)),
        ("b4.fc", LAST, 16 * LAST),
        ("b4.out", LAST, LAST),
    ):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)
    shapes["b4.conv.weight"], shapes["b4.conv.bias"] = (LAST, LAST + 1, 3, 3), (LAST,)
    shapes["b4.conv.resample_filter"] = (4, 4)
    random = torch.Generator().manual_seed(0)
    root = Network("DualDiscriminator")
    for name, shape in shapes.items():
        *path, leaf = name.split(".")
        network = root
        for part in path:
            network = network.children.setdefault(part, Network("DiscriminatorBlock"))
        network.parameters[leaf] = torch.randn(shape, generator=random)
    return root


def write_model(folder: Path, discriminator: Network | None) -> Path:
    root = published_root(PublishedOptions())
    root["D"] = discriminator
    path = folder / "network.pkl"
    path.write_bytes(write_pickle(root))
    return path


def test_published_discriminators_are_adopted(tmp_path: Path) -> None:
    path = write_model(tmp_path, published_discriminator())
    config, model, weights, _ = adopt_model(PRESETS["cars128"], str(path))
    assert config.model == model.config
    assert config.discriminator.dual and config.discriminator.resolution == 128
    discriminator = Discriminator(config.discriminator)
    discriminator.load_state_dict(weights)
    logits = discriminator(torch.rand(4, 3, 128, 128), torch.rand(4, 3, 64, 64), torch.rand(4, 25))
    assert logits.shape == (4, 1) and logits.isfinite().all()
    assert config.schedule.blur_px == 0 and config.schedule.ema_rampup == 0


def test_the_first_block_by_the_formula(tmp_path: Path) -> None:
    """Section 14 of OFFICIAL_FORMAT, written out with the published names."""
    network = published_discriminator()
    config, weights = read_discriminator(write_model(tmp_path, network), RES)
    discriminator = Discriminator(config)
    discriminator.load_state_dict(weights)
    children = network.children[f"b{RES}"].children
    x = torch.randn(2, channels(RES), RES, RES, generator=torch.Generator().manual_seed(1))

    def parameters(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        p = children[name].parameters
        gain = 1 / math.sqrt(p["weight"][0].numel())
        return p["weight"] * gain, p.get("bias", torch.zeros(len(p["weight"])))

    def smooth(y: torch.Tensor, pad: int) -> torch.Tensor:
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = torch.outer(taps, taps).expand(y.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(y, (pad,) * 4), kernel, groups=y.shape[1])

    skip = F.conv2d(smooth(x, 1)[:, :, ::2, ::2], parameters("skip")[0]) * math.sqrt(0.5)
    y = F.leaky_relu(F.conv2d(x, *parameters("conv0"), padding=1), 0.2) * math.sqrt(2)
    y = F.leaky_relu(F.conv2d(smooth(y.clamp(-256, 256), 2), *parameters("conv1"), stride=2), 0.2)
    expected = y.clamp(-256 * math.sqrt(0.5), 256 * math.sqrt(0.5)) + skip
    assert torch.allclose(discriminator.blocks[0](x), expected, atol=1e-4)


def test_discriminators_that_ask_for_no_cameras_are_adopted(tmp_path: Path) -> None:
    network = published_discriminator()
    del network.children["mapping"]
    kept, reason = adopt_model(PRESETS["cars128"], str(write_model(tmp_path, network)))[2:]
    assert kept is None and "output.weight is (8, 8), where (1, 8) is needed" in reason
    output = network.children["b4"].children["out"].parameters
    output |= {"weight": output["weight"][:1], "bias": output["bias"][:1]}
    config, _, weights, _ = adopt_model(PRESETS["cars128"], str(write_model(tmp_path, network)))
    assert config.discriminator.dual and not config.discriminator.conditional
    discriminator = Discriminator(config.discriminator)
    discriminator.load_state_dict(weights)
    logits = discriminator(torch.rand(4, 3, 128, 128), torch.rand(4, 3, 64, 64))
    assert logits.shape == (4, 1)


def test_damaged_discriminators_are_refused(tmp_path: Path) -> None:
    network = published_discriminator()
    del network.children["mapping"].children["embed"]
    with pytest.raises(CheckpointError, match="lacks the weight 'mapping.embed"):
        adopt_model(PRESETS["cars128"], str(write_model(tmp_path, network)))


def test_files_without_a_discriminator_begin_with_a_new_one(tmp_path: Path) -> None:
    path = write_model(tmp_path, None)
    config, _, weights, why = adopt_model(PRESETS["cars128"], str(path))
    assert weights is None and why == "the file has none"
    assert config.discriminator.channel_base == PRESETS["cars128"].discriminator.channel_base


NAME = "{:05d}-smoke-toyworld-heads"
SMALL = DiscriminatorConfig(16, channel_base=512, channel_max=8, mapping_layers=1)


def test_a_grown_discriminator_hands_reduced_pictures_on() -> None:
    small = Discriminator(SMALL)
    large = dataclasses.replace(SMALL, resolution=64)
    grown = Discriminator(large)
    grown.load_state_dict(grow(small.state_dict(), SMALL, large))
    colors = torch.rand(2, 3, 1, 1) * 2 - 1
    x = grown.from_rgb(colors.expand(-1, -1, 64, 64))
    for block in grown.blocks[:2]:
        x = block(x)
    expected = small.from_rgb(colors.expand(-1, -1, 16, 16))
    inner = (..., slice(2, -2), slice(2, -2))  # at the border the filter meets zeros
    torch.testing.assert_close(x[inner], expected[inner], rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(grown.blocks[2:].parameters(), small.blocks.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(grown.output.weight, small.output.weight)


def test_discriminators_do_not_shrink_or_change_width() -> None:
    small = Discriminator(SMALL).state_dict()
    with pytest.raises(ValueError, match="at that size or above"):
        grow(small, SMALL, dataclasses.replace(SMALL, resolution=8))
    narrow = dataclasses.replace(SMALL, resolution=128, channel_base=512)
    with pytest.raises(ValueError, match=r"channel_base of the earlier run to 1024"):
        grow(small, SMALL, narrow)


def test_blocks_that_are_added_are_as_wide_as_the_first() -> None:
    assert widened(dataclasses.replace(SMALL, channel_base=128), 128) == 8 * 128
    assert widened(dataclasses.replace(SMALL, channel_base=4096), 128) == 4096
    narrow = dataclasses.replace(SMALL, channel_base=64)  # 4 channels at 16: cannot stay so
    assert widened(narrow, 32) == 64


def test_a_run_goes_on_at_a_larger_size(tmp_path: Path) -> None:
    data = ["--data", "toyworld:heads", "--output", str(tmp_path)]
    short = ["--schedule.total-kimg", "0.016", "--schedule.start-radius", "None"]
    assert main(["--preset", "smoke", *data, *short]) == 0
    (first,) = tmp_path.iterdir()
    config, model, discriminator, _ = adopt(PRESETS["toy32"], str(first))
    state = read_state(first)["trainer"]
    torch.testing.assert_close(dict(model.state_dict()), state["average"])
    assert config.model.neural_resolution == config.discriminator.resolution == 32
    assert discriminator is not None and "blocks.2.conv0.weight" in discriminator
    Trainer(config, torch.zeros(2, 25), torch.device("cpu"), World()).start_from(
        model, discriminator
    )


def test_options_decide_the_size_that_a_run_grows_to(tmp_path: Path) -> None:
    data = ["--data", "toyworld:heads", "--output", str(tmp_path)]
    assert main(["--preset", "smoke", *data, "--schedule.total-kimg", "0.008"]) == 0
    size = ["--model.neural-resolution", "32", "--discriminator.resolution", "32"]
    short = ["--schedule.total-kimg", "0.008", "--init-from", str(tmp_path / NAME.format(0))]
    assert main(["--preset", "smoke", *data, *short, *size]) == 0
    state = read_state(tmp_path / NAME.format(1))
    assert "discriminator.blocks.2.conv0.weight" in state["trainer"]["judge"]


def test_a_run_with_super_resolution_keeps_its_size(tmp_path: Path) -> None:
    config = PRESETS["cars128"]
    state = {"format": "ballgan training state", "settings": {"config": config.to_dict()}}
    torch.save(state, tmp_path / "training-state.pt")
    with pytest.raises(ValueError, match="its size is fixed"):
        adopt(config, str(tmp_path))
