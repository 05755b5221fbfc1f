"""`ballgan-train data pack`: make a dataset from images, with known cameras or without."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ballgan.cli.progress import ProgressBar
from ballgan.images import load_image, resize_image

from .archive import LABEL_FILE, Archive, hash_versions
from .camera_files import Photo, View, read_photos, read_views
from .data_check import check_cameras
from .labels import OPENGL_AXES, find_axes_crossing, join_labels, measure_orbit
from .toyworld.archive_parts import write_archives
from .toyworld.dataset import image_name

# Rotations (3, 3) that turn a world into one with y up; what was in front stays in front (+z):
# Blender's front view looks along +y, with z up.
WORLD_TURNS = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "minus-y": np.diag([1.0, -1.0, -1.0]),
}

_PART_BYTES = 2**27  # of decoded images that are held at once


@dataclass(frozen=True)
class PackOptions:
    """How cameras and images are brought into EG3D's form."""

    convention: Literal["opencv", "opengl"]  # of the camera axes
    up: str = "y"  # axis of the file's world that points up, a key of WORLD_TURNS
    size: int | None = None  # side of the images in pixels; None keeps that of the crops
    radius: float | None = None  # mean camera distance from the object; None keeps positions
    center: tuple[float, float, float] | None = None  # of the object, in the file's world
    force: bool = False  # write even if the cameras look wrong

    def __post_init__(self) -> None:
        if self.convention not in ("opencv", "opengl"):
            raise ValueError(f"convention should be opencv or opengl; got {self.convention!r}")
        if self.up not in WORLD_TURNS:
            raise ValueError(f"up should be one of {', '.join(WORLD_TURNS)}; got {self.up!r}")
        if self.size is not None and not 4 <= self.size <= 8192:
            raise ValueError(f"size should be from 4 to 8192 pixels; got {self.size}")
        if self.radius is not None and not 0 < self.radius < np.inf:
            raise ValueError(f"radius should be above 0; got {self.radius:g}")
        if self.center is not None and not np.isfinite(self.center).all():
            raise ValueError(f"center should be three finite numbers; got {self.center}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = (
        'cameras.json: {"cameras": {"a.png": {"cam2world": 4x4 matrix}, ...}, "intrinsics_px": 3x3 '
        'matrix in pixels, or "intrinsics": divided by width and height}; a camera may have its '
        "own intrinsics. Lenses are pinholes: undistort the images first. Transparent parts become "
        "white. An interrupted run, started again, goes on where it stopped."
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder of the images")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--cameras",
        metavar="FILE",
        help="cameras.json, a NeRF transforms.json, or an EG3D dataset.json",
    )
    which.add_argument(
        "--unposed",
        action="store_true",
        help="photos without cameras, all that are in the folder, for models that draw their own "
        "(preset compcars256-stylenerf, or --cameras.distribution)",
    )
    parser.add_argument("--output", metavar="FILE", required=True, help="zip file to write")
    parser.add_argument(
        "--size",
        metavar="PIXELS",
        type=int,
        help="side of the images: the largest centred square is cut out and shrunk to it, and the "
        "intrinsics follow (default: that square as it is)",
    )
    _add_camera_arguments(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="write even if the cameras look wrong, or are distorted",
    )


def _add_camera_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how cameras are read and moved."""
    parser.add_argument(
        "--convention",
        choices=("opencv", "opengl"),
        help="camera axes of the poses, needed with --cameras: opencv (x right, y down, z forward; "
        "COLMAP, EG3D) or opengl (x right, y up, z backward; Blender, NeRF's transforms.json)",
    )
    parser.add_argument(
        "--up",
        choices=tuple(WORLD_TURNS),
        default="y",
        help="world axis that points up in the file: z in Blender and NeRF's scenes, often minus-y "
        "in COLMAP's (default: y)",
    )
    parser.add_argument(
        "--radius",
        metavar="R",
        type=float,
        help="move the object to the origin and scale the world, so that the cameras are R from it "
        "on average, e.g. 2.7; the object is taken to be where all optical axes come nearest to "
        "each other (default: positions stay as they are)",
    )
    parser.add_argument(
        "--center",
        metavar=("X", "Y", "Z"),
        nargs=3,
        type=float,
        help="where the object is in the world of the file; it is moved to the origin",
    )


def run(args: argparse.Namespace) -> int:
    """Write the dataset and tell what is in it; returns the exit status 0."""
    if args.unposed:
        _refuse_camera_options(args)
    if args.cameras and not args.convention:
        raise ValueError("--convention is needed: it is never guessed what the axes are (--help)")
    if args.unposed:
        with ProgressBar("packing") as progress:
            summary = pack_photos(args.folder, args.output, args.size, progress=progress)
        sys.stdout.write(summary + "\n")
        return 0
    options = PackOptions(
        convention=args.convention,
        up=args.up,
        size=args.size,
        radius=args.radius,
        center=None if args.center is None else (args.center[0], args.center[1], args.center[2]),
        force=args.force,
    )
    with ProgressBar("packing") as progress:
        summary = pack_dataset(args.folder, args.cameras, args.output, options, progress=progress)
    sys.stdout.write(summary + "\n")
    return 0


def _refuse_camera_options(args: argparse.Namespace) -> None:
    """Raise ValueError if there is an option that means nothing without cameras."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    names = ("convention", "up", "radius", "center", "force")
    given = [f"--{name}" for name in names if getattr(args, name) != parser.get_default(name)]
    if given:
        raise ValueError(
            f"--unposed is for photos without cameras: leave the options for them out "
            f"({', '.join(given)})"
        )


def pack_dataset(
    folder: str | Path,
    cameras: str | Path,
    output: str | Path,
    options: PackOptions,
    *,
    progress: Callable[[float], None] | None = None,
) -> str:
    """Write a dataset from a folder of images and a camera file; see `add_arguments`.

    Images are in the order of their names; the key "sources" of dataset.json tells each one's
    name in the camera file. Transparent parts become white. If it is interrupted, the same call
    goes on where it stopped. Returns a summary in words; raises ValueError if an image or camera
    is unusable, or the cameras look wrong and `force` is not set.
    """
    _check_places(folder, output)
    views = read_views(cameras, folder)
    poses = convert_poses(np.stack([view.cam2world for view in views]), options)
    intrinsics = np.stack([crop_intrinsics(view) for view in views])
    labels = join_labels(poses, intrinsics)
    if not options.force:
        _refuse_wrong_cameras(views, labels, cameras)
    size = _choose_size(views, options.size)
    _write(output, views, labels, size, progress)
    distance = measure_orbit(poses)[0]
    used = {view.path.resolve() for view in views}
    unused = sum((Path(folder) / name).resolve() not in used for name in Archive(folder).images)
    return (
        f"{output}: {len(views)} images, {size} x {size}; cameras {distance.mean():.3f} from the "
        f"origin on average ({distance.min():.3f} to {distance.max():.3f})"
        + (f"; images in {folder} without a camera: {unused}" if unused else "")
    )


def pack_photos(
    folder: str | Path,
    output: str | Path,
    size: int | None,
    *,
    progress: Callable[[float], None] | None = None,
) -> str:
    """Write a dataset without cameras from all images of a folder; otherwise as `pack_dataset`.

    size: side of the images; None keeps that of the squares cut out, if all have one.
    """
    _check_places(folder, output)
    photos = read_photos(folder)
    side = _choose_size(photos, size)
    _write(output, photos, None, side, progress)
    return f"{output}: {len(photos)} images, {side} x {side}, without cameras"


def _check_places(folder: str | Path, output: str | Path) -> None:
    if not Path(folder).is_dir():
        raise ValueError(f"{folder} is not a folder")
    if Path(output).is_dir():
        raise ValueError(f"{output} is a folder; a zip file is to be written")


def _write(
    output: str | Path,
    photos: Sequence[Photo],
    labels: np.ndarray | None,
    size: int,
    progress: Callable[[float], None] | None,
) -> None:
    """The archive: squares of the images, and dataset.json with labels (N, 25), where there are."""
    names = [image_name(number) for number in range(len(photos))]
    index = {
        "labels": None if labels is None else list(zip(names, labels.tolist(), strict=True)),
        "sources": {name: photo.name for name, photo in zip(names, photos, strict=True)},
    }
    write_archives(
        [output],
        len(photos),
        lambda items: [{names[i]: _encode_png(read_square(photos[i], size)) for i in items}],
        settings={"packed": _fingerprint(photos, size)},
        closing=[{LABEL_FILE: json.dumps(index).encode()}],
        part=max(1, min(256, _PART_BYTES // (3 * size * size))),
        progress=progress,
    )


def convert_poses(poses: np.ndarray, options: PackOptions) -> np.ndarray:
    """Poses (N, 4, 4) of a file -> OpenCV camera-to-world with y up and the object at the origin.

    With R = `radius` and object centre c: position <- (position - c) * R / mean |position - c|.
    """
    if options.convention == "opengl":
        poses = poses @ OPENGL_AXES
    position = poses[:, :3, 3]
    if options.center is not None:
        position = position - np.array(options.center)
    elif options.radius is not None:
        position = position - find_axes_crossing(poses)
    if options.radius is not None:
        mean = np.linalg.norm(position, axis=1).mean()
        if mean < 1e-9:
            raise ValueError("all cameras are at the centre, so they cannot be scaled to a radius")
        position = position * (options.radius / mean)
    turn = WORLD_TURNS[options.up]
    turned = poses.copy()
    turned[:, :3, :3] = turn @ poses[:, :3, :3]
    turned[:, :3, 3] = position @ turn.T
    return turned


def crop_intrinsics(view: View) -> np.ndarray:
    """Intrinsics (3, 3) of the largest centred square of an image, normalised by its side."""
    left, top, side = _square(view)
    shifted = view.intrinsics.copy()
    shifted[:2, 2] -= (left, top)
    return np.diag([1 / side, 1 / side, 1.0]) @ shifted


def read_square(view: Photo, size: int) -> np.ndarray:
    """The largest centred square of an image, shrunk: (size, size, 3) uint8."""
    image = load_image(view.path)
    if image.shape[:2] != (view.height, view.width):
        raise ValueError(f"{view.path} is turned by its EXIF tag; store it upright")
    left, top, side = _square(view)
    square = resize_image(image[top : top + side, left : left + side], size)
    return np.rint(square.clip(0, 1) * 255).astype(np.uint8)


def _encode_png(image: np.ndarray) -> bytes:
    """A PNG file without compression, as EG3D's format advises: it is read fastest."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()


def _fingerprint(views: Sequence[Photo], size: int) -> str:
    """Tells whether an interrupted run had the same images; labels are written at the end."""
    return f"{size} {hash_versions((view.name, view.path) for view in views)}"


def _square(view: Photo) -> tuple[int, int, int]:
    """Left, top and side of the largest centred square in pixels."""
    side = min(view.width, view.height)
    return (view.width - side) // 2, (view.height - side) // 2, side


def _choose_size(views: Sequence[Photo], wanted: int | None) -> int:
    """The side of all images in pixels; ValueError if images are smaller or differ."""
    sides = {min(view.width, view.height): view.name for view in views}
    least, most = min(sides), max(sides)
    if wanted is not None and least < wanted:
        raise ValueError(f"{sides[least]} has only {least} pixels a side; choose --size {least}")
    if wanted is None and least != most:
        raise ValueError(
            f"images differ in size ({sides[least]}: {least}, {sides[most]}: {most}); choose one "
            f"with --size, at most {least}"
        )
    return least if wanted is None else wanted


def _refuse_wrong_cameras(views: list[View], labels: np.ndarray, cameras: str | Path) -> None:
    distorted = [view.name for view in views if view.distorted]
    if distorted:
        raise ValueError(
            f"{cameras}: {distorted[0]} has lens distortion, which labels cannot express; "
            "undistort the images first (--force ignores it)"
        )
    faults, _ = check_cameras([view.name for view in views], labels)
    if faults:
        first = faults[0]
        where = f"{first.name}: {first.kind}" if first.name else first.kind
        more = f"; {len(faults) - 1} more faults" if len(faults) > 1 else ""
        raise ValueError(
            f"{cameras}: {where}: {first.detail}{more}. Are --convention, --up, --radius and "
            "--center right? (--force writes the dataset anyway)"
        )
