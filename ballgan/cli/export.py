"""`ballgan export` and `ballgan convert`: a mesh or a panorama from a model, a model in another
format."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import ballgan
from ballgan.chunks import part_of
from ballgan.files import check_writable
from ballgan.images import write_png
from ballgan.mesh import check_mesh_parts, write_mesh
from ballgan.model_files import hash_file
from ballgan.plain import to_plain
from ballgan.shot import Progress

from .backdrops import choose_background, describe_background
from .crew import Crew
from .latents import list_latents
from .progress import ProgressBar
from .work import Piece, Work, forget

DEFAULT_HEIGHT = 1024  # pixels, of an unrolled background
MODEL_SUFFIXES = (".pkl", ".pt", ".pth", ".safetensors")  # the first three: our native format


# Writes the file of a number, with texts if it is a PNG; returns what to tell of it.
Writer = Callable[[ballgan.Scene, int, Path, dict[str, str], Progress], str]


@dataclass(frozen=True)
class ExportJob:
    """The files of one `ballgan export`: one, or one for each of several seeds."""

    model: str
    crew: Crew
    overwrite: bool
    output: Path
    suffixes: tuple[str, ...]  # of the files' names; empty: one file, of the name as it is
    origin: Callable[[int], dict[str, Any]]  # all that decides the file of a number
    write: Writer
    check: Callable[[ballgan.Scene], None] = lambda scene: None

    def run(self, device: torch.device) -> str:
        """Write what is missing of all files; returns what to tell the user."""
        check_writable(self.output)
        scene = ballgan.Scene(ballgan.load(self.model, device=device))
        self.check(scene)
        folder = self.output.parent
        if not self.suffixes:
            folder.mkdir(parents=True, exist_ok=True)
            forget(self.output)
            with ProgressBar("export") as bar:
                return f"{self.output}: {self.write(scene, 0, self.output, {}, bar)}"
        model = hash_file(self.model)
        pieces = [
            Piece(
                self.output.stem + suffix + self.output.suffix, {"model": model, **self.origin(i)}
            )
            for i, suffix in enumerate(self.suffixes)
        ]
        work = Work(folder, pieces, self.crew, overwrite=self.overwrite)

        def make(index: int, progress: Progress) -> None:
            self.write(scene, index, folder / pieces[index].name, work.texts(index), progress)

        with ProgressBar("export", shown=self.crew.is_first) as bar:
            complete = work.run(make, bar)
        if not complete:
            return work.describe_share()
        before = f", {work.found} of them from before" if work.found else ""
        return f"{folder}: {len(work)} files{before}, {pieces[0].name} to {pieces[-1].name}"


def prepare_export(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job: extract meshes and write them.

    Raises ValueError for options that cannot work, before the model is read.
    """
    output = Path(args.output)
    if output.is_dir():
        raise ValueError(f"--output {output} is a folder; a file name is needed")
    if args.seeds is not None and args.seed != 0:
        raise ValueError("--seed and --seeds exclude each other")
    if output.suffix.lower() == ".png":
        return prepare_panorama(args, output)
    if args.height is not None:
        raise ValueError("--height needs an --output that ends in .png")
    if args.background_seeds is not None:
        raise ValueError("--background-seeds are for .png files; a dome has one --background-seed")
    dome = args.background not in (None, "none")
    check_mesh_parts(output, texture=args.texture is not None, dome=dome)
    for moves in (*(args.move or ()), *(args.background_move or ())):
        if len(moves.amounts) > 1:
            raise ValueError("--move takes one amount here: an export writes one mesh a seed")
    background = choose_background(args, "none")
    latents = list_latents(args, args.seeds or (args.seed,), ballgan.Latent)

    def write(
        scene: ballgan.Scene, index: int, path: Path, texts: dict[str, str], progress: Progress
    ) -> str:
        scene.latent, scene.background = latents[index], background
        # First: a background that cannot go round the mesh is told at once.
        sphere = scene.dome(progress=part_of(progress, 0.0, 0.1)) if dome else None
        mesh = scene.mesh(
            args.resolution,
            level=args.level,
            simplify=args.simplify,
            largest_component=not args.all_components,
            texture=args.texture,
            progress=part_of(progress, 0.1 if dome else 0.0, 1.0),
        )
        write_mesh(mesh, path, dome=sphere)
        level = f", level {mesh.metadata['level']:g}" if "level" in mesh.metadata else ""
        return f"{len(mesh.vertices)} vertices, {len(mesh.faces)} faces{level}"

    def origin(index: int) -> dict[str, Any]:
        names = ("resolution", "level", "simplify", "all_components", "texture")
        return {
            "foreground": to_plain(latents[index]),
            **describe_background(background),
            **{name: getattr(args, name) for name in names},
        }

    suffixes = tuple(f"_seed{seed:04d}" for seed in args.seeds or ())
    return prepare_files(args, suffixes, origin, write)


def prepare_panorama(args: Namespace, output: Path) -> Callable[[], str]:
    """Check the options and return the job: write backgrounds as equirectangular pictures."""
    if args.seeds is not None:
        raise ValueError("a .png file gets the background: --background-seeds, not --seeds")
    if args.background_seeds is not None and args.background_seed is not None:
        raise ValueError("--background-seed and --background-seeds exclude each other")
    chosen = args.background_seeds or (args.background_seed,)
    backgrounds = [
        choose_background(Namespace(**{**vars(args), "background_seed": seed}), "learnt")
        for seed in chosen
    ]
    if backgrounds[0] is None:
        raise ValueError("a .png file gets the background; --background none leaves nothing")
    height = args.height or DEFAULT_HEIGHT

    def check(scene: ballgan.Scene) -> None:
        if chosen != (None,) and scene.model.config.background is None:
            raise ValueError("--background-seed: this model has no background network")

    def write(
        scene: ballgan.Scene, index: int, path: Path, texts: dict[str, str], progress: Progress
    ) -> str:
        scene.background = backgrounds[index]
        write_png(path, scene.unroll(height, progress=progress), texts)
        return f"{2 * height} x {height} pixels, equirectangular"

    def origin(index: int) -> dict[str, Any]:
        return {**describe_background(backgrounds[index]), "height": height}

    suffixes = tuple(f"_bg{seed:04d}" for seed in args.background_seeds or ())
    return prepare_files(args, suffixes, origin, write, check)


def prepare_files(
    args: Namespace,
    suffixes: tuple[str, ...],
    origin: Callable[[int], dict[str, Any]],
    write: Writer,
    check: Callable[[ballgan.Scene], None] = lambda scene: None,
) -> Callable[[], str]:
    """The job of an `ExportJob`. Raises ValueError for a device that is not there."""
    job = ExportJob(
        args.model, args.crew, args.overwrite, Path(args.output), suffixes, origin, write, check
    )
    device = args.crew.choose_device(args.device)
    if not suffixes and not args.crew.is_first:
        return str  # one file is nothing to share
    return lambda: job.run(device)


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
