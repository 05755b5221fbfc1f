"""`ballgan export` and `ballgan convert`: a mesh or a panorama from a model, a model in another
format."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import ballgan
from ballgan.checkpoint import choose_device
from ballgan.files import check_writable
from ballgan.images import write_png
from ballgan.mesh import check_mesh_parts, part_of, write_mesh

from .backdrops import choose_background
from .latents import list_latents
from .progress import ProgressBar

DEFAULT_HEIGHT = 1024  # pixels, of an unrolled background
MODEL_SUFFIXES = (".pkl", ".pt", ".pth", ".safetensors")  # the first three: our native format


def prepare_export(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job: extract the mesh and write it.

    Raises ValueError for options that cannot work, before the model is read.
    """
    output = Path(args.output)
    if output.is_dir():
        raise ValueError(f"--output {output} is a folder; a file name is needed")
    if output.suffix.lower() == ".png":
        return prepare_panorama(args, output)
    if args.height is not None:
        raise ValueError("--height needs an --output that ends in .png")
    dome = args.background not in (None, "none")
    check_mesh_parts(output, texture=args.texture is not None, dome=dome)
    for moves in (*(args.move or ()), *(args.background_move or ())):
        if len(moves.amounts) > 1:
            raise ValueError("--move takes one amount here: an export writes one mesh")
    background = choose_background(args, "none")
    (latent,) = list_latents(args, (args.seed,), ballgan.Latent)
    device = choose_device(args.device)

    def run() -> str:
        check_writable(output)
        scene = ballgan.Scene(ballgan.load(args.model, device=device))
        scene.latent, scene.background = latent, background
        output.parent.mkdir(parents=True, exist_ok=True)
        with ProgressBar("export") as bar:
            mesh = scene.mesh(
                args.resolution,
                level=args.level,
                simplify=args.simplify,
                largest_component=not args.all_components,
                texture=args.texture,
                progress=part_of(bar, 0.0, 0.9 if dome else 1.0),
            )
            sphere = scene.dome(progress=part_of(bar, 0.9, 1.0)) if dome else None
            write_mesh(mesh, output, dome=sphere)
        level = f", level {mesh.metadata['level']:g}" if "level" in mesh.metadata else ""
        return f"{output}: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces{level}"

    return run


def prepare_panorama(args: Namespace, output: Path) -> Callable[[], str]:
    """Check the options and return the job: write the background as an equirectangular picture."""
    background = choose_background(args, "learnt")
    if background is None:
        raise ValueError("a .png file gets the background; --background none leaves nothing")
    height = args.height or DEFAULT_HEIGHT
    device = choose_device(args.device)

    def run() -> str:
        check_writable(output)
        scene = ballgan.Scene(ballgan.load(args.model, device=device))
        if args.background_seed is not None and scene.model.config.background is None:
            raise ValueError("--background-seed: this model has no background network")
        scene.background = background
        output.parent.mkdir(parents=True, exist_ok=True)
        with ProgressBar("export") as bar:
            write_png(output, scene.unroll(height, progress=bar))
        return f"{output}: {2 * height} x {height} pixels, equirectangular"

    return run


def prepare_convert(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job: read a model and write it in a native format."""
    output = Path(args.output)
    if output.is_dir():
        raise ValueError(f"{output} is a folder; a file name is needed")
    if output.suffix.lower() not in MODEL_SUFFIXES:
        known = ", ".join(MODEL_SUFFIXES)
        raise ValueError(f'a model file should end in one of {known}; got "{output.name}"')

    def run() -> str:
        check_writable(output)
        model = ballgan.load(args.input, device="cpu")
        output.parent.mkdir(parents=True, exist_ok=True)
        ballgan.save(model, output, half=args.half)
        return f"{output}: {output.stat().st_size / 1e6:.1f} MB"

    return run
