"""The report of an evaluation: one page of Markdown, plots, a contact sheet, and the numbers."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ballgan.backgrounds import LearntBackground
from ballgan.camera import Camera
from ballgan.frame import RenderSettings, resize
from ballgan.images import contact_sheet, write_png
from ballgan.latents import MAX_SEED, Latent
from ballgan.scene import Scene

from .batches import ALPHA_BINS
from .distances import Estimate
from .evaluation import Results
from .fakes import BACKGROUND_SEEDS, Sampler
from .judge import Judge
from .plots import Axes, draw_bars, draw_scatter, join_plots
from .samples import shade_depth

REPORT, NUMBERS, PLOTS, SAMPLES = "report.md", "metrics.json", "plots.png", "samples.png"
_FILES = {REPORT, NUMBERS, PLOTS, SAMPLES}
SHOWN = 6  # rows of the contact sheet


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    title: str
    better: str = ""  # "higher", "lower" or nothing
    bar: float | None = None  # that a demo model should reach


ROWS = {
    "Against the judge": (
        Row("mask_iou", "mask IoU of alpha and the judge's mask", "higher", 0.90),
        Row("depth_error", "depth error: MSE of normalised depths", "lower"),
        Row(
            "background_depth_error", "background depth error: the same of inverse depths", "lower"
        ),
        Row("pose_deg", "pose error: angle of the camera's direction, degrees", "lower"),
        Row("yaw_deg", "of it yaw, degrees", "lower"),
        Row("pitch_deg", "of it pitch, degrees", "lower"),
    ),
    "Against real pictures": (
        Row("fid", "FID, Inception features", "lower"),
        Row("kid", "KID, Inception features", "lower"),
        Row("judge_kid", "KID, the judge's features", "lower"),
        Row("judge_kid_real", "the same between two halves of the real pictures"),
        Row("swd", "sliced Wasserstein distance x 1000, mean of the levels", "lower"),
        Row("swd_real", "the same between two halves of the real pictures"),
        Row("diversity", "diversity: distance between fakes relative to real ones", "higher"),
    ),
    "Separation": (
        Row("min_t", "mean of min(T, 1 - T)", "lower", 0.03),
        Row("coverage", "coverage: mean alpha"),
        Row("foreground_change", "foreground, other background code, 1/255", "lower", 2.0),
        Row("background_change", "background, other foreground code, 1/255", "lower"),
        Row("background_own_change", "background, other background code, 1/255"),
    ),
    "Two views": (
        Row("view_error", "colour error on co-visible pixels, 1/255", "lower"),
        Row("view_share", "co-visible share of the foreground", "higher"),
    ),
}


def format_value(value: Estimate) -> str:
    """A value with its standard error, if it has one."""
    shown = f"{value.value:.4g}"
    return shown if math.isnan(value.error) else f"{shown} +- {value.error:.2g}"


def passes(row: Row, value: Estimate) -> bool:
    """Whether a value is at or beyond the bar of its row."""
    assert row.bar is not None
    return value.value >= row.bar if row.better == "higher" else value.value <= row.bar


def format_report(title: str, protocol: dict[str, Any], results: Results, judge: str) -> str:
    """The page. `protocol`: what was measured how; `judge`: the judge's own accuracy in words."""
    lines = [f"# {title}", "", *(f"- {name}: {text}" for name, text in protocol.items()), ""]
    lines += [f"Judge: {judge}", "", f"![samples]({SAMPLES})", ""]
    for section, rows in ROWS.items():
        measured = [row for row in rows if row.name in results.values]
        if measured:
            lines += [
                f"## {section}",
                "",
                "| | value | better | bar |",
                "| --- | --- | --- | --- |",
            ]
            lines += [_format_row(row, results.values[row.name]) for row in measured]
            lines.append("")
    lines += [f"![plots]({PLOTS})", "", *_format_left_out(results)]
    return "\n".join(lines)


def _format_row(row: Row, value: Estimate) -> str:
    bar = ""
    if row.bar is not None:
        sign = "at least" if row.better == "higher" else "at most"
        bar = f"{sign} {row.bar:g}: {'reached' if passes(row, value) else '**missed**'}"
    return f"| {row.title} | {format_value(value)} | {row.better} | {bar} |"


def _format_left_out(results: Results) -> list[str]:
    if not results.left_out:
        return []
    reasons: dict[str, list[str]] = {}
    titles = {row.name: row.title for rows in ROWS.values() for row in rows}
    for name, why in results.left_out.items():
        reasons.setdefault(why, []).append(titles.get(name, name))
    lines = [f"- {'; '.join(names)}: {why}." for why, names in reasons.items()]
    return ["## Left out", "", *lines, ""]


def describe_judge(judge: Judge | None) -> str:
    """The judge's own accuracy, which every figure that rests on it should be read with."""
    if judge is None:
        return "none."
    info, accuracy = judge.info, judge.info.accuracy
    behind = ""
    if accuracy.background_depth_error is not None:
        behind = (
            f"background depth error {accuracy.background_depth_error:.3f} "
            f"({accuracy.background_distance:.3f} world units), "
        )
    return (
        f"toyworld {info.domain} at {info.size} pixels, trained on {info.kimg:g} kimg. On "
        f"{accuracy.count} held-out pictures its own mask IoU is {accuracy.mask_iou:.3f}, depth "
        f"error {accuracy.depth_error:.3f} ({accuracy.depth_distance:.4f} world units), {behind}"
        f"pose error {accuracy.pose_deg:.2f} degrees (yaw {accuracy.yaw_deg:.2f}, pitch "
        f"{accuracy.pitch_deg:.2f}): no model can be seen to do better."
    )


def as_json(protocol: dict[str, Any], results: Results, judge: Judge | None) -> dict[str, Any]:
    """Everything measured as plain values; a missing standard error is null."""
    accuracy = None
    if judge is not None:
        info = judge.info
        accuracy = {"domain": info.domain, "size": info.size, "kimg": info.kimg}
        accuracy["held_out"] = vars(info.accuracy)
    values = {
        name: {"value": v.value, "error": None if math.isnan(v.error) else v.error}
        for name, v in results.values.items()
    }
    return {
        "protocol": protocol,
        "judge": accuracy,
        "values": values,
        "left_out": results.left_out,
    }


# Pictures


def draw_plots(results: Results) -> np.ndarray:
    """All plots that there are numbers for, as one picture (H, W, 3) in [0, 1]."""
    series = results.series
    shares = series["alpha_histogram"]
    axes = Axes("Opacity of the pixels", "alpha", "share", (0, 1), (0, max(shares.max(), 0.01)))
    plots = [draw_bars(axes, [shares], [])]
    assert len(shares) == ALPHA_BINS
    if "mask_iou" in series:
        counts, _ = np.histogram(series["mask_iou"], 20, (0, 1))
        axes = Axes("Mask IoU with the judge", "IoU", "pictures", (0, 1), (0, max(counts.max(), 1)))
        plots.append(draw_bars(axes, [counts], []))
        degrees = np.rad2deg(np.stack([series["yaw_given"], series["yaw_seen"]], axis=1))
        limit = float(max(np.abs(degrees).max(), 1.0))
        ends = (-limit, limit)
        axes = Axes("Yaw that the judge sees, degrees", "yaw of the camera", "seen", ends, ends)
        line = ((-limit, -limit), (limit, limit))
        plots.append(draw_scatter(axes, [degrees], [], line))
    if "swd_levels" in series:
        fake, real = series["swd_levels"], series["swd_real_levels"]
        top = float(max(fake[:, 1].max(), real[:, 1].max(), 1e-6))
        axes = Axes("Sliced Wasserstein x 1000", "level, pixels", "", (0, 1), (0, top))
        ticks = [f"{side:g}" for side in fake[:, 0]]
        plots.append(draw_bars(axes, [fake[:, 1], real[:, 1]], ["generated", "real"], ticks))
    if "real_features" in series:
        axes = Axes("Judge's features, main axes", "first", "second", (-3.5, 3.5), (-3.5, 3.5))
        groups = [series["fake_features"][:1000], series["real_features"][:1000]]
        plots.append(draw_scatter(axes, groups, ["generated", "real"]))
    return join_plots(plots, columns=3)


def draw_samples(sampler: Sampler, labels: torch.Tensor, judge: Judge | None) -> np.ndarray:
    """The first codes: picture, foreground, background, depth, and the judge's mask."""
    scene = Scene(sampler.model)
    rows, names = [], [f"{sampler.seed + i}" for i in range(len(labels))]
    for number, label in enumerate(labels):
        camera = Camera.from_label(label.cpu().numpy())
        seed, psi = (sampler.seed + number) % (MAX_SEED + 1), sampler.truncation_psi
        scene.latent = Latent(seed, truncation_psi=psi)
        behind = (seed + BACKGROUND_SEEDS) % (MAX_SEED + 1)
        scene.background = LearntBackground(behind, truncation_psi=psi)
        scene.conditioning = camera
        rows.append(_sample_row(scene, camera, sampler, judge))
    columns = ["picture", "foreground", "background", "depth"]
    columns += ["judge's mask"] if judge is not None else []
    return contact_sheet(rows, names, columns)


def _sample_row(
    scene: Scene, camera: Camera, sampler: Sampler, judge: Judge | None
) -> list[np.ndarray]:
    size = max(sampler.picture_size, 64)
    plain = RenderSettings(size=size, neural_resolution=sampler.resolution, sampler="plain")
    full = scene.render(camera, plain).rgb
    front = scene.render(camera, replace(plain, layer="foreground"))
    behind = scene.render(camera, replace(plain, layer="background")).rgb
    row = [full, front.rgba(), behind, shade_depth(front)]
    if judge is not None:
        picture = torch.from_numpy(full.transpose(2, 0, 1))[None].to(scene.model.device)
        mask = resize(judge.look(2 * picture - 1).mask, size)
        row.append(mask[0].expand(3, -1, -1).permute(1, 2, 0).cpu().numpy())
    return row


# Files


def check_output(folder: Path) -> None:
    """Raise ValueError if a report cannot replace what is at `folder`."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; --output names a folder for the report.")
    others = sorted(path.name for path in folder.iterdir() if path.name not in _FILES)
    if others:
        raise ValueError(
            f"{folder} holds other things ({', '.join(others[:3])}); --output names a new folder, "
            "or one with an earlier report."
        )


def write_report(
    folder: Path, page: str, numbers: dict[str, Any], pictures: dict[str, np.ndarray]
) -> None:
    """Write all files into `folder`, or none; an earlier report there is replaced.

    Raises ValueError if the folder holds other things.
    """
    check_output(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.tmp")
    old = new.with_suffix(".old")
    new.mkdir()
    try:
        (new / REPORT).write_text(page, encoding="utf-8")
        text = json.dumps(numbers, indent=2, allow_nan=False)
        (new / NUMBERS).write_text(text + "\n", encoding="utf-8")
        for name, picture in pictures.items():
            write_png(new / name, picture)
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        shutil.rmtree(old, ignore_errors=True)
