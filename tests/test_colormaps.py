from dataclasses import replace

import numpy as np
import pytest

from ballgan.colormaps import apply_colormap
from ballgan.config import FieldConfig, ModelConfig
from ballgan.depth import find_depth_range, shade_depth
from ballgan.view import COLORMAPS

# Linear sRGB as a person without red or green cones sees it (Vienot, Brettel and Mollon 1999).
PROTANOPIA = np.array(
    [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]], np.float64
)
DEUTERANOPIA = np.array(
    [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]], np.float64
)


def lightness(linear: np.ndarray) -> np.ndarray:
    """CIE L* of linear sRGB (..., 3)."""
    luminance = np.clip(linear @ [0.2126, 0.7152, 0.0722], 0, 1)
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def to_linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("name", COLORMAPS)
@pytest.mark.parametrize("vision", [np.eye(3), PROTANOPIA, DEUTERANOPIA])
def test_lightness_rises_evenly_for_everyone(name: str, vision: np.ndarray) -> None:
    colors = apply_colormap(np.linspace(0, 1, 65), name).astype(np.float64)
    steps = np.diff(lightness(to_linear(colors) @ vision.T))
    assert steps.min() > 0.4  # of about 1.2 on average
    assert steps.max() < 3


def test_published_colours_are_hit() -> None:
    assert (255 * apply_colormap(np.array(0.0), "viridis")).round().tolist() == [68, 1, 84]
    assert (255 * apply_colormap(np.array(1.0), "viridis")).round().tolist() == [253, 231, 37]
    assert (255 * apply_colormap(np.array(0.5), "viridis")) == pytest.approx([33, 145, 140], abs=1)
    assert (255 * apply_colormap(np.array(1.0), "cividis")).round().tolist() == [254, 232, 56]


def test_values_are_clipped_and_names_checked() -> None:
    out = apply_colormap(np.array([-1.0, np.inf, -np.inf]), "grey")
    assert out.tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    with pytest.raises(ValueError, match="viridis, cividis, grey; got 'jet'"):
        apply_colormap(np.zeros(2), "jet")


def test_near_is_bright_and_far_is_dark() -> None:
    depth = np.array([[1.0, 2.0, 2.5], [3.0, 9.0, np.inf]])
    grey = shade_depth(depth, 2.0, 3.0)
    assert grey[..., 0].tolist() == [[1, 1, 0.5], [0, 0, 0]]
    assert (shade_depth(depth, 2.0, 3.0, "viridis")[0, 0] > shade_depth(depth, 2, 3)[1, 1]).all()


def test_the_range_is_the_models_sampling_interval() -> None:
    assert find_depth_range(ModelConfig()) == (2.25, 3.3)


def test_of_a_model_that_samples_its_cube_it_is_from_face_to_face() -> None:
    sampling = replace(ModelConfig().sampling, near=None, far=None)
    config = replace(ModelConfig(), sampling=sampling, field=FieldConfig(box_warp=0.8))
    assert find_depth_range(config) == pytest.approx((2.3, 3.1))
