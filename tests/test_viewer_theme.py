"""The two themes: what is written can be read, and what lies behind the picture takes part."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import theme
from imgui_bundle import ImVec4
from viewer_driver import open_app, play, stage_pixels

READABLE, SECONDARY = 4.5, 4.0  # WCAG 2.1, 1.4.3; and for what one need not read
SURFACES = (theme.PANEL, theme.RAISED)
TEXTS = (theme.TEXT, theme.TEXT_DIM, theme.ACCENT, theme.WARNING, theme.ERROR)


@pytest.fixture(params=theme.THEMES)
def chosen(request: pytest.FixtureRequest) -> Iterator[str]:
    theme.choose(request.param)
    yield request.param
    theme.choose("dark")


def luminance(colour: np.ndarray) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.1)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(ink: ImVec4, *layers: ImVec4) -> float:
    """Contrast of a text before layers, the opaque one last."""
    ground = np.zeros(3)
    for layer in reversed(layers):
        ground = layer.w * np.array(theme.rgb(layer)) + (1 - layer.w) * ground
    light, dark = sorted((luminance(np.array(theme.rgb(ink))), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_can_be_read(chosen: str) -> None:
    for ink, surface in product(TEXTS, SURFACES):
        assert contrast(ink, surface) >= READABLE
    for ink in theme.TEXT, theme.TEXT_DIM, theme.ACCENT:
        assert contrast(ink, theme.CONTROL) >= READABLE
    assert contrast(theme.ACCENT, theme.ACCENT_SOFT, theme.PANEL) >= READABLE  # what is selected
    for surface in theme.ACCENT, theme.ACCENT_HOVERED, theme.ACCENT_ACTIVE:
        assert contrast(theme.ON_ACCENT, surface) >= READABLE
    assert contrast(theme.TEXT_DIM, theme.STAGE) >= READABLE  # seeds on the pad
    for surface in SURFACES:
        assert contrast(theme.TEXT_FAINT, surface) >= SECONDARY


def test_what_lies_behind_the_picture_is_light_in_the_light_theme(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    pictures: dict[tuple[str, str], Any] = {}
    with open_app(model_file) as app:
        for name, layer in product(theme.THEMES, ("foreground", "surface")):
            play(app, {"click": f"window.theme.{name}"}, {"click": f"layer.{layer}"})
            play(app, {"wait": "converged"})
            pictures[name, layer] = stage_pixels(app).astype(int)
        play(app, {"click": "window.theme.dark"})
    for layer in "foreground", "surface":
        dark, light = pictures["dark", layer], pictures["light", layer]
        behind = (light - dark).min(-1) > 165
        assert behind.mean() > 0.02
        assert light[behind].min() > 200 and dark[behind].max() < 70
        assert np.abs(light - dark).min() == 0  # what is before it is the same
