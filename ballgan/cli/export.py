"""`ballgan export` and `ballgan convert`: a mesh from a model, a model in another format."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import ballgan
from ballgan.backgrounds import Background
from ballgan.checkpoint import choose_device
from ballgan.files import check_writable
from ballgan.mesh import check_mesh_parts, part_of, write_mesh

from .latents import list_latents
from .progress import ProgressBar
from .render import list_backdrops

MODEL_SUFFIXES = (".pkl", ".pt", ".pth", ".safetensors")  # the first three: our native format


def prepare_export(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job: extract the mesh and write it.

    Raises ValueError for options that cannot work, before the model is read.
    """
    output = Path(args.output)
    dome = args.background != "none"
    check_mesh_parts(output, texture=args.texture is not None, dome=dome)
    for moves in (*(args.move or ()), *(args.background_move or ())):
        if len(moves.amounts) > 1:
            raise ValueError("--move takes one amount here: an export writes one mesh")
    background = choose_background(args)
    if output.is_dir():
        raise ValueError(f"--output {output} is a folder; a file name is needed")
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


def choose_background(args: Namespace) -> Background:
    """The background of `--background` and `--background-seed`; ValueError if there is none."""
    if args.background_seed is not None and args.background != "learnt":
        raise ValueError("--background-seed needs --background learnt")
    seeds = None if args.background_seed is None else (args.background_seed,)
    return list_backdrops(Namespace(**vars(args), background_seeds=seeds))[0].background


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
