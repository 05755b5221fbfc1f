"""`ballgan-train data check`: what a dataset holds, and everything that is wrong with it."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageOps

from ballgan.cli.progress import ProgressBar
from ballgan.images import write_png

from .archive import (
    LABEL_FILE,
    Archive,
    describe_label_fault,
    read_label_entries,
    read_picture,
)
from .data import map_ahead
from .data_report import Fault, Report, draw_report, format_report
from .labels import (
    LABEL_SIZE,
    find_convention_faults,
    find_label_faults,
    measure_orbit,
    mirror_labels,
    split_labels,
)

_USUAL_DISTANCES = (0.8, 5.0)  # world units; objects fill a cube of about side 1
_MIRROR_TOLERANCE = 1e-3
_MIRROR_STEPS = 8.0  # of 255, mean difference of pixels: what JPEG's losses stay below


@dataclass(frozen=True)
class _Picture:
    """What was found when a picture was read."""

    name: str
    width: int = 0
    height: int = 0
    mode: str = ""
    digest: bytes = b""
    damage: str = ""  # why it could not be read
    unlike: float = 0.0  # its original's mirror image: mean difference, in steps of 1/255


@dataclass
class _Labels:
    """The labels of the images that have 25 numbers."""

    names: list[str] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("data", metavar="DATA", help="folder or zip file in EG3D's format")
    parser.add_argument(
        "--picture", metavar="FILE", help="draw examples and camera histograms into a PNG file"
    )
    parser.add_argument(
        "--all", action="store_true", help="list every fault, not five of each kind"
    )
    parser.add_argument(
        "--unposed", action="store_true", help="photos without cameras: look at the pictures alone"
    )


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 if the dataset has faults, else 0."""
    with ProgressBar("checking") as progress:
        workers = os.cpu_count() or 1
        report = check_dataset(
            args.data, posed=not args.unposed, workers=workers, progress=progress
        )
    if args.picture:
        write_png(args.picture, draw_report(report))
    sys.stdout.write(format_report(report, limit=None if args.all else 5) + "\n")
    return 1 if report.faults else 0


def check_dataset(
    path: str | os.PathLike[str],
    *,
    posed: bool = True,
    workers: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Read a whole dataset and collect every fault.

    Args:
        path: folder or zip file.
        posed: whether the pictures have camera labels; if not, none are looked for.
        workers: threads that decode pictures.
        progress: called with a fraction in [0, 1] between pictures; may raise to stop.

    Raises ValueError if there is no such folder or zip file, or no image in it.
    """
    archive = Archive(path)
    if not archive.images:
        raise ValueError(f"{archive.path} holds no PNG or JPEG images")
    labels = _Labels()
    faults = [
        Fault("file is twice in the zip file", name, "which of them is read is undefined")
        for name, count in Counter(archive.names).items()
        if count > 1
    ]
    if posed:
        faults += _check_entries(archive, labels)
    pictures = []
    images = set(archive.images)
    for picture in map_ahead(lambda name: _look_at(archive, name, images), archive.images, workers):
        pictures.append(picture)
        if progress is not None:
            progress(len(pictures) / len(archive.images))
    resolution = _most_frequent_width(pictures)
    faults += _check_pictures(pictures, resolution)
    camera_faults, sound = check_cameras(labels.names, _as_array(labels.values))
    faults += [*camera_faults, *_check_mirrored(labels)]
    return Report(
        archive, resolution, sound, tuple(sorted(faults)), tuple(_note(resolution, sound))
    )


def check_cameras(names: Sequence[str], labels: np.ndarray) -> tuple[list[Fault], np.ndarray]:
    """Check labels (N, 25) of the images `names`.

    Returns the faults, and the labels (M, 25) that are cameras at all, whatever they look at.
    """
    faults = find_label_faults(labels)
    sound = np.setdiff1d(np.arange(len(labels)), [fault.index for fault in faults])
    overall, single = find_convention_faults(labels[sound])
    found = [Fault("cameras follow another convention", "", text) for text in overall]
    found += [Fault(fault.kind, names[fault.index], fault.detail) for fault in faults]
    found += [Fault(fault.kind, names[sound[fault.index]], fault.detail) for fault in single]
    return found, labels[sound]


def _check_entries(archive: Archive, labels: _Labels) -> Iterator[Fault]:
    """Faults of dataset.json as a file; fills in the labels that are 25 numbers."""
    try:
        entries = read_label_entries(archive)
    except ValueError as error:
        yield Fault(f"{LABEL_FILE} is unusable", "", str(error))
        return
    images, seen = set(archive.images), set()
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            yield Fault("entry is malformed", LABEL_FILE, f"{_shorten(entry)} is no [name, label]")
            continue
        name, label = entry
        if name not in images:
            yield Fault("label without image", name, f"only {LABEL_FILE} names it")
        elif name in seen:
            yield Fault("label is given twice", name, "the last one counts")
        else:
            fault = describe_label_fault(label)
            if fault is not None:
                yield Fault("label is malformed", name, fault)
            else:
                labels.names.append(name)
                labels.values.append(label)
        seen.add(name)
    for name in archive.images:
        if name not in seen:
            yield Fault("image without label", name, f"{LABEL_FILE} does not name it")


def _look_at(archive: Archive, name: str, images: set[str]) -> _Picture:
    """Read a picture, and compare it with that which its name says it mirrors."""
    original, unlike = _original_of(name), 0.0
    try:
        picture = read_picture(archive, name)
        # Decoding ignores checksums of PNG files; verifying looks at nothing else.
        Image.open(io.BytesIO(archive.read(name))).verify()
    except Exception as error:  # verifying a damaged file raises anything
        return _Picture(name, damage=" ".join(str(error).split()))
    content = f"{picture.mode} {picture.size} ".encode() + picture.tobytes()
    digest = hashlib.blake2b(content, digest_size=16).digest()
    if original in images:
        try:
            unlike = _measure_unlikeness(picture, read_picture(archive, original))
        except ValueError:
            pass  # that the original is damaged is told of itself
    return _Picture(name, *picture.size, picture.mode, digest, unlike=unlike)


def _original_of(name: str) -> str:
    """The name of the picture that a picture mirrors by its own name; empty if it mirrors none."""
    path = PurePosixPath(name)
    if not path.stem.endswith("_mirror"):
        return ""
    return str(path.with_name(path.stem.removesuffix("_mirror") + path.suffix))


def _measure_unlikeness(picture: Image.Image, original: Image.Image) -> float:
    """Mean difference of a picture from the mirror image of another, in steps of 1/255."""
    if picture.size != original.size:
        return 255.0
    mirrored = ImageOps.mirror(original.convert("RGB"))
    difference = ImageChops.difference(picture.convert("RGB"), mirrored)
    return float(np.asarray(difference).mean())


def _most_frequent_width(pictures: list[_Picture]) -> int:
    widths = Counter(picture.width for picture in pictures if not picture.damage)
    return widths.most_common(1)[0][0] if widths else 0


def _check_pictures(pictures: list[_Picture], resolution: int) -> Iterator[Fault]:
    first: dict[bytes, str] = {}
    for picture in pictures:
        if picture.damage:
            yield Fault("picture is damaged", picture.name, picture.damage)
            continue
        size = f"{picture.width} x {picture.height}"
        if (picture.width, picture.height) != (resolution, resolution):
            wanted = f"it is {size}, not {resolution} x {resolution}"
            yield Fault("picture has another size", picture.name, wanted)
        if picture.mode != "RGB":
            yield Fault("picture is not RGB", picture.name, f"its mode is {picture.mode}")
        if picture.unlike > _MIRROR_STEPS:
            detail = (
                f"its pixels differ by {picture.unlike:.0f}/255 on average from the mirrored "
                f"{_original_of(picture.name)}"
            )
            yield Fault("picture is not the mirrored one", picture.name, detail)
        original = first.setdefault(picture.digest, picture.name)
        if original != picture.name:
            yield Fault("picture is a duplicate", picture.name, f"it equals {original}")


def _check_mirrored(labels: _Labels) -> Iterator[Fault]:
    """Pictures named `<stem>_mirror.<ext>` should have the mirrored label of `<stem>.<ext>`."""
    table = dict(zip(labels.names, labels.values, strict=True))
    for name, label in table.items():
        original = _original_of(name)
        if original not in table:
            continue
        expected = mirror_labels(np.array(table[original]))
        difference = np.abs(expected - label).max()
        if difference > _MIRROR_TOLERANCE:
            yield Fault(
                "label is not the mirrored one",
                name,
                f"it differs by up to {difference:.3g} from the mirrored label of {original}",
            )


def _note(resolution: int, labels: np.ndarray) -> Iterator[str]:
    if resolution & (resolution - 1):
        yield f"models need images whose side is a power of two; it is {resolution}"
    if not len(labels):
        return
    low, high = _USUAL_DISTANCES
    distance = float(measure_orbit(split_labels(labels)[0])[0].mean())
    if not low <= distance <= high:
        yield (
            f"the cameras are {distance:.3g} from the origin on average; models expect about "
            f"{low:g} to {high:g}, with an object of about size 1. `data pack --radius` rescales"
        )
    if len(labels) > 1 and np.ptp(labels, axis=0).max() < 1e-6:
        yield "all cameras are equal: nothing can be learnt about the shape"


def _as_array(values: list[list[float]]) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, LABEL_SIZE)


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
