import dataclasses
import json

import pytest
from conftest import TINY

from ballgan.config import BackboneConfig, ModelConfig, SuperResolutionConfig


def test_round_trip_through_json() -> None:
    for config in (ModelConfig(), TINY, dataclasses.replace(TINY, background=None)):
        assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_unknown_and_missing_keys_are_refused() -> None:
    data = TINY.to_dict()
    data["backbone"]["colour"] = 3
    with pytest.raises(ValueError, match=r"config\.backbone has unknown keys: colour"):
        ModelConfig.from_dict(data)
    data = TINY.to_dict()
    del data["field"]["box_warp"]
    with pytest.raises(ValueError, match=r"config\.field lacks the keys: box_warp"):
        ModelConfig.from_dict(data)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("mapping", "z_dim", 10**12, "mapping.z_dim"),
        ("mapping", "z_dim", "512", "type int"),
        ("mapping", "num_layers", True, "type int"),
        ("backbone", "resolution", 2**40, "power of two"),
        ("backbone", "resolution", 48, "power of two"),
        ("field", "plane_axes", ["xy", "xz"], "three pairs"),
        ("field", "plane_axes", ["xy", "xz", "xw"], "three pairs"),
        ("field", "box_warp", float("nan"), "box_warp"),
        ("sampling", "near", None, "both"),
        ("sampling", "far", 1.0, "sampling.far"),
        ("background", "encoding", "fourier", "encoding"),
        ("super_resolution", "resize", "never", "resize"),
        ("super_resolution", "channels", [16], "items"),
        ("camera", "fov", 9.0, "camera.fov"),
    ],
)
def test_bad_values_are_named(section: str, key: str, value: object, message: str) -> None:
    data = TINY.to_dict()
    data[section][key] = value
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(data)


def test_derived_sizes() -> None:
    config = BackboneConfig(resolution=256)
    assert config.resolutions == (4, 8, 16, 32, 64, 128, 256)
    assert config.num_ws == 14
    assert [config.channels(r) for r in (4, 64, 128, 256)] == [512, 512, 256, 128]
    assert SuperResolutionConfig(128, upsample=(True, True)).output_resolution == 512
    assert TINY.image_resolution == 64
    assert dataclasses.replace(TINY, super_resolution=None).image_resolution == 16
