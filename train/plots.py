"""Small plots as pictures, drawn with Pillow: bars and scatters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = (380, 280)  # pixels of a plot
_GROUND = (30, 32, 36)
_TEXT = (208, 210, 214)
_FRAME = (88, 92, 100)
COLORS = ((102, 170, 238), (244, 160, 76))  # of the first and the second series
_MARGINS = (52, 48, 12, 40)  # left, top, right, bottom

_Range = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """Title, names and ranges of a plot."""

    title: str
    x: str
    y: str
    x_range: _Range
    y_range: _Range


def draw_bars(
    axes: Axes, groups: Sequence[np.ndarray], names: Sequence[str], ticks: Sequence[str] = ()
) -> np.ndarray:
    """Bars side by side: `groups` are one or two arrays (N,) that share their places.

    `names`: of the groups; drawn if there are two. `ticks`: below the bars, instead of the ends
    of the x axis. Returns (H, W, 3) in [0, 1].
    """
    sheet, box = _begin(axes, names if len(groups) > 1 else (), bool(ticks))
    draw = ImageDraw.Draw(sheet)
    left, top, right, bottom = box
    low, high = axes.y_range
    step = (right - left) / len(groups[0])
    width = step * 0.84 / len(groups)
    for place in range(len(groups[0])):
        for number, values in enumerate(groups):
            start = left + place * step + 0.08 * step + number * width
            share = np.clip((values[place] - low) / (high - low), 0, 1)
            if share > 0:
                y = bottom - share * (bottom - top)
                draw.rectangle((start, y, start + width - 1, bottom), COLORS[number])
        if ticks:
            center = left + (place + 0.5) * step
            draw.text((center, bottom + 4), ticks[place], _TEXT, font=_font(12), anchor="ma")
    return np.asarray(sheet, np.float32) / 255


def draw_scatter(
    axes: Axes,
    groups: Sequence[np.ndarray],
    names: Sequence[str],
    line: tuple[_Range, _Range] | None = None,
) -> np.ndarray:
    """Points: one or two arrays (N, 2) of x, y; those outside are drawn at the edge.

    `line`: two points that a line is drawn through. Returns (H, W, 3) in [0, 1].
    """
    sheet, box = _begin(axes, names if len(groups) > 1 else (), False)
    draw = ImageDraw.Draw(sheet)
    if line is not None:
        draw.line(_place(axes, box, np.array(line)).ravel().tolist(), _FRAME)
    for color, points in zip(COLORS, groups, strict=False):
        for x, y in _place(axes, box, points):
            draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), color)
    return np.asarray(sheet, np.float32) / 255


def join_plots(plots: Sequence[np.ndarray], columns: int = 2) -> np.ndarray:
    """Plots of one size as a table, row by row."""
    rows = -(-len(plots) // columns)
    height, width = plots[0].shape[:2]
    ground = np.array(_GROUND, np.float32) / 255
    table = np.tile(ground, (rows * height, min(columns, len(plots)) * width, 1))
    for number, plot in enumerate(plots):
        y, x = divmod(number, columns)
        table[y * height : (y + 1) * height, x * width : (x + 1) * width] = plot
    return table


_Box = tuple[int, int, int, int]


def _begin(axes: Axes, names: Sequence[str], ticks: bool) -> tuple[Image.Image, _Box]:
    """An empty plot, and the box inside its frame: left, top, right, bottom."""
    sheet = Image.new("RGB", SIZE, _GROUND)
    draw = ImageDraw.Draw(sheet)
    left, top = _MARGINS[:2]
    right, bottom = SIZE[0] - _MARGINS[2], SIZE[1] - _MARGINS[3]
    draw.text((12, 8), axes.title, _TEXT, font=_font(14))
    draw.rectangle((left, top, right, bottom), outline=_FRAME)
    x = right
    for color, name in reversed(list(zip(COLORS, names, strict=False))):
        draw.text((x, top - 5), name, color, font=_font(12), anchor="rd")
        x -= round(_font(12).getlength(name)) + 12
    draw.text((12, top - 5), axes.y, _TEXT, font=_font(12), anchor="ld")
    draw.text(((left + right) / 2, SIZE[1] - 6), axes.x, _TEXT, font=_font(12), anchor="md")
    for value, y, anchor in ((axes.y_range[0], bottom, "rd"), (axes.y_range[1], top, "ra")):
        draw.text((left - 4, y), f"{value:.3g}", _TEXT, font=_font(12), anchor=anchor)
    if not ticks:
        for value, place, anchor in ((axes.x_range[0], left, "la"), (axes.x_range[1], right, "ra")):
            draw.text((place, bottom + 4), f"{value:.3g}", _TEXT, font=_font(12), anchor=anchor)
    return sheet, (left + 1, top + 1, right - 1, bottom - 1)


def _place(axes: Axes, box: _Box, points: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of points (N, 2)."""
    left, top, right, bottom = box
    (x_low, x_high), (y_low, y_high) = axes.x_range, axes.y_range
    x = np.clip((points[:, 0] - x_low) / (x_high - x_low), 0, 1)
    y = np.clip((points[:, 1] - y_low) / (y_high - y_low), 0, 1)
    return np.stack([left + x * (right - left), bottom - y * (bottom - top)], axis=1)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
