"""What a checked dataset holds, as text and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .archive import Archive, read_picture
from .labels import measure_orbit, split_labels

_BAR = 40  # characters of the longest bar
_BINS = 10

_EXAMPLES = 8
_CELL = 120  # pixels
_PANEL = (248, 220)
_GAP = 16
_GROUND = (30, 32, 36)
_TEXT = (208, 210, 214)
_FRAME = (88, 92, 100)
_INK = (102, 170, 238)


@dataclass(frozen=True, order=True)
class Fault:
    """Something wrong with one file; `name` is empty if it concerns the whole dataset."""

    kind: str
    name: str
    detail: str


@dataclass(frozen=True)
class Report:
    """What a dataset holds."""

    archive: Archive
    resolution: int  # the most frequent width of the pictures; 0 if none can be read
    labels: np.ndarray  # (M, 25) float64 of the images whose camera is sound
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]  # unusual, but not wrong


def format_report(report: Report, limit: int | None = 5) -> str:
    """The report for people; at most `limit` faults of each kind are listed, None lists all."""
    archive, labels = report.archive, report.labels
    lines = [
        f"{archive.path}: {len(archive.images)} images, {report.resolution} x {report.resolution}; "
        f"{len(labels)} sound camera labels"
    ]
    if len(labels):
        lines += _format_ranges(labels)
        for title, values in _camera_values(labels).items():
            lines += ["", title, *_format_histogram(values)]
    lines += [f"\nnote: {note}" for note in report.notes]
    lines += ["", *_format_faults(report.faults, limit)]
    return "\n".join(lines)


def draw_report(report: Report) -> np.ndarray:
    """Examples, histograms and a map of the cameras; (H, W, 3) float32 in [0, 1]."""
    width = 4 * _PANEL[0] + 5 * _GAP
    top = 2 * _GAP + _CELL
    sheet = Image.new("RGB", (width, top + _PANEL[1] + _GAP), _GROUND)
    for number, example in enumerate(_read_examples(report)):
        sheet.paste(example, (_GAP + number * (_CELL + 7), _GAP))
    values = _camera_values(report.labels)
    draw = ImageDraw.Draw(sheet)
    for column, (title, numbers) in enumerate(values.items()):
        _draw_histogram(draw, _panel_box(column, top), title, numbers)
    _draw_map(draw, _panel_box(3, top), *list(values.values())[1:])
    return np.asarray(sheet, np.float32) / 255


def _camera_values(labels: np.ndarray) -> dict[str, np.ndarray]:
    radius, yaw, pitch = measure_orbit(split_labels(labels)[0])
    return {
        "camera distance from the origin": radius,
        "camera yaw, radians": yaw,
        "camera pitch, radians": pitch,
    }


def _format_ranges(labels: np.ndarray) -> Iterator[str]:
    poses, intrinsics = split_labels(labels)
    quantities = {
        "position x": poses[:, 0, 3],
        "position y": poses[:, 1, 3],
        "position z": poses[:, 2, 3],
        "focal length x": intrinsics[:, 0, 0],
        "focal length y": intrinsics[:, 1, 1],
        "principal point x": intrinsics[:, 0, 2],
        "principal point y": intrinsics[:, 1, 2],
    }
    yield f"{'':<18}{'least':>10}{'mean':>10}{'most':>10}"
    for name, values in quantities.items():
        yield f"{name:<18}{values.min():>10.4f}{values.mean():>10.4f}{values.max():>10.4f}"


def _format_histogram(values: np.ndarray) -> Iterator[str]:
    counts, edges = _count(values)
    longest = max(counts.max(), 1)
    for count, low, high in zip(counts, edges, edges[1:], strict=False):
        bar = "#" * int(np.ceil(_BAR * count / longest))
        yield f"{low:>9.3f} to {high:<8.3f} {bar:<{_BAR}} {count}"


def _format_faults(faults: tuple[Fault, ...], limit: int | None) -> Iterator[str]:
    if not faults:
        yield "no faults"
        return
    yield f"{len(faults)} fault{'s' if len(faults) > 1 else ''}:"
    for kind, group in groupby(faults, key=lambda fault: fault.kind):
        members = list(group)
        yield f"{kind} ({len(members)}):" if len(members) > 1 else f"{kind}:"
        for fault in members[:limit]:
            yield f"  {fault.name}: {fault.detail}" if fault.name else f"  {fault.detail}"
        if limit is not None and len(members) > limit:
            yield f"  ... and {len(members) - limit} more (--all lists them)"


def _count(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Histogram of values (N,): counts (bins,), edges (bins + 1,); equal values are one bin."""
    if not len(values):
        return np.zeros(1, int), np.zeros(2)
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-4 * max(1, abs(high)):
        return np.array([len(values)]), np.array([low, high])
    return np.histogram(values, bins=_BINS)


def _read_examples(report: Report) -> Iterator[Image.Image]:
    """Some pictures, evenly chosen, as cells; damaged ones are left out."""
    images = report.archive.images
    for index in np.unique(np.linspace(0, len(images) - 1, _EXAMPLES).astype(int)):
        try:
            picture = read_picture(report.archive, images[index])
        except ValueError:
            continue
        yield picture.convert("RGB").resize((_CELL, _CELL), Image.Resampling.BICUBIC)


_Box = tuple[int, int, int, int]  # left, top, right, bottom


def _panel_box(column: int, top: int) -> _Box:
    left = _GAP + column * (_PANEL[0] + _GAP)
    return (left, top, left + _PANEL[0], top + _PANEL[1])


def _draw_frame(draw: ImageDraw.ImageDraw, box: _Box, title: str, low: str, high: str) -> _Box:
    """Title, frame and the ends of the x axis; returns the box inside."""
    left, top, right, bottom = box
    font = ImageFont.load_default(size=13)
    inside = (left, top + 20, right, bottom - 20)
    draw.text((left, top), title, _TEXT, font=font)
    draw.rectangle(inside, outline=_FRAME)
    draw.text((left, bottom - 16), low, _TEXT, font=font)
    draw.text((right, bottom - 16), high, _TEXT, font=font, anchor="ra")
    return inside


def _draw_histogram(draw: ImageDraw.ImageDraw, box: _Box, title: str, values: np.ndarray) -> None:
    counts, edges = _count(values)
    ends = (f"{edges[0]:.3f}", f"{edges[-1]:.3f}")
    left, top, right, bottom = _draw_frame(draw, box, title, *ends)
    step = (right - left - 2) / len(counts)
    for place, count in enumerate(counts):
        height = (bottom - top - 8) * count / max(counts.max(), 1)
        start = left + 1 + place * step
        if count:
            draw.rectangle((start + 1, bottom - 1 - height, start + step - 1, bottom - 1), _INK)


def _draw_map(draw: ImageDraw.ImageDraw, box: _Box, yaw: np.ndarray, pitch: np.ndarray) -> None:
    """Where the cameras stand: yaw -pi to pi across, pitch -pi/2 to pi/2 up."""
    title = "camera yaw across, pitch up"
    left, top, right, bottom = _draw_frame(draw, box, title, "-3.14", "3.14")
    middle = (top + bottom) // 2
    draw.line((left, middle, right, middle), _FRAME)
    draw.line(((left + right) // 2, top, (left + right) // 2, bottom), _FRAME)
    x = left + 1 + (yaw / np.pi + 1) / 2 * (right - left - 2)
    y = bottom - 1 - (pitch / np.pi + 0.5) * (bottom - top - 2)
    draw.point(np.stack([x, y], 1).round().ravel().tolist(), _INK)
