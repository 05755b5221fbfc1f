"""Cameras of the command line: angles, or a file with cameras."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

import ballgan
from ballgan.camera_text import FILE_NAMES, decode_cameras, encode_cameras, fit_orbit
from ballgan.files import atomic_write
from ballgan.staging import find_home
from ballgan.view import Orbit

from .values import format_signed
from .views import describe_camera

MAX_BYTES = 2**26  # of a file with cameras
ANGLES = ("yaw", "pitch", "radius", "fov", "roll")  # options that --cameras takes the place of


@dataclass(frozen=True)
class Viewpoint:
    """A camera, and how file names and labels call it."""

    camera: ballgan.Camera | ballgan.Orbit
    tokens: tuple[str, ...]
    label: str
    choices: dict[str, float | None] = field(default_factory=dict)  # for the name; None: default
    facts: dict[str, float | str | None] = field(default_factory=dict)  # for the picture's text

    def orbit(self, config: ballgan.ModelConfig) -> Orbit:
        """The camera as the window has it."""
        if isinstance(self.camera, ballgan.Camera):
            return fit_orbit(self.camera, find_home(config))
        return describe_camera(self.camera, config)


def list_viewpoints(args: Namespace) -> tuple[Viewpoint, ...]:
    """What --cameras or the angles say. Raises ValueError for a file that is none."""
    if args.cameras is None:
        return tuple(_look_from(args, yaw, pitch) for pitch in args.pitch for yaw in args.yaw)
    given = [name for name in ANGLES if getattr(args, name) != args.defaults[name]]
    if given:
        raise ValueError(f"--cameras says where to look from: it does not go with --{given[0]}")
    cameras = decode_cameras(_read(Path(args.cameras)), args.cameras)
    return tuple(
        Viewpoint(camera, (f"cam{index:04d}",), name, facts={"camera": name})
        for index, (name, camera) in enumerate(cameras.items())
    )


def write_cameras(
    folder: Path, convention: str, cameras: dict[str, ballgan.Camera], size: int
) -> Path:
    """Write the cameras of the pictures in a folder, by their names; returns the file."""
    path = folder / FILE_NAMES[convention]
    with atomic_write(path) as file:
        file.write(encode_cameras(cameras, convention, size).encode())
    return path


def _look_from(args: Namespace, yaw: float, pitch: float) -> Viewpoint:
    fov = None if args.fov is None else math.radians(args.fov)
    signed = (format_signed(yaw), format_signed(pitch))
    several = len(set(args.pitch)) > 1
    return Viewpoint(
        camera=ballgan.Camera.orbit(yaw, pitch, radius=args.radius, fov=fov, roll=args.roll),
        tokens=(f"yaw{signed[0]}", f"pitch{signed[1]}"),
        label=f"yaw {signed[0]}" + (f", pitch {signed[1]}" if several else ""),
        choices={"fov": args.fov, "radius": args.radius, "roll": args.roll or None},
        facts={
            **{"yaw": yaw, "pitch": pitch, "roll": args.roll},
            **{"radius": args.radius, "fov_deg": args.fov},
        },
    )


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"--cameras {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"--cameras {path} is no file with cameras: it is over 64 MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"--cameras {path} is no file with cameras: it is not text") from None
