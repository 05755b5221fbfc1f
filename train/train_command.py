"""`ballgan-train [train]`: start, resume or fine-tune a run."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .config import PRESETS, TrainConfig
from .variants import BACKGROUNDS, FOREGROUNDS, choose_parts

if TYPE_CHECKING:
    import torch

    from .distributed import World
    from .run import Run

EPILOG = (
    "Every option of the configuration can be given after these, such as --loss.gamma 2 or "
    "--schedule.batch-size 8; --options lists them with the values of the preset. Ctrl-C saves "
    "and stops; --resume goes on exactly there. Several GPUs or machines: torchrun "
    "--nproc-per-node 8 --max-restarts 3 -m ballgan_train --preset ...; when a worker dies, all "
    "go on from the last saved state (the folder must be one that all machines see; on several "
    "machines give torchrun an --rdzv-id of your own)."
)


# Python's own words about a value, and those of this program.
PLAIN_WORDS = (
    (r"invalid literal for int\(\) with base 10: (.*)", r"\1 should be a whole number"),
    (r"could not convert string to float: (.*)", r"\1 should be a number"),
    (r"^Error parsing ", ""),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command itself; the rest is read by `override`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), default="toy64", help="default: %(default)s"
    )
    parser.add_argument(
        "--data",
        help="dataset in the EG3D format (folder or zip; photos alone where cameras are drawn), "
        "toyworld:heads, toyworld:cars or toyworld:rooms",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", default="runs", help="where the run's folder is made (runs)"
    )
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with this run folder, exactly; its configuration and data are kept. With "
        "options of the configuration, they are changed from here on",
    )
    parser.add_argument(
        "--init-from",
        metavar="MODEL|RUN",
        help="begin with the weights of this model (published or ours), and its configuration; or "
        "with the networks of a run folder, grown to the preset's size",
    )
    parser.add_argument(
        "--foreground",
        choices=FOREGROUNDS,
        help="instead of the preset's: EG3D's tri-planes or StyleNeRF's MLP",
    )
    parser.add_argument(
        "--background",
        choices=BACKGROUNDS,
        help="instead of the preset's: what is behind it",
    )
    parser.add_argument("--mirror", action="store_true", help="add mirrored copies of the data")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")
    parser.add_argument(
        "--options", action="store_true", help="list all options of the configuration and exit"
    )


def preset_of(args: argparse.Namespace) -> TrainConfig:
    """The preset, with the foreground and background that were asked for."""
    preset = PRESETS[args.preset]
    model = choose_parts(preset.model, args.foreground, args.background)
    return dataclasses.replace(preset, model=model)


def override(config: TrainConfig, arguments: Sequence[str]) -> TrainConfig:
    """The configuration changed by options such as --loss.gamma 2.

    Raises SystemExit, after a message of one line, if an option is unknown or a value unusable.
    """
    import tyro

    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(
                tyro.conf.configure(tyro.conf.AvoidSubcommands, tyro.conf.FlagConversionOff)(
                    TrainConfig
                ),
                prog="ballgan-train",
                default=config,
                args=list(arguments),
            )
    except SystemExit as stop:
        if stop.code:
            sys.stderr.write(f"ballgan-train: error: {unbox(told.getvalue())}\n")
        raise


def unbox(text: str) -> str:
    """What tyro says below a title, in a box or between rules, in one line."""
    lines = [line.strip("│╭╮╰╯ ") for line in text.strip().splitlines()[1:]]
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.strip("─-"):
            sections[-1].append(line)
        elif sections[-1]:
            sections.append([])
    message = " ".join(sections[0]).rstrip(".")
    for unclear, clear in PLAIN_WORDS:
        message = re.sub(unclear, clear, message)
    rest = [line for section in sections[1:] for line in section]
    options = (re.match(r"--[\w.-]+", line) for line in rest)
    names = dict.fromkeys(found[0] for found in options if found and found[0] not in message)
    hint = f"; perhaps {' or '.join(list(names)[:3])}" if names else ""
    return f"{message}{hint} (see ballgan-train --options)"


def run(args: argparse.Namespace, rest: Sequence[str] = ()) -> int:
    """Train; 0 when the run is finished or was asked to stop."""
    if args.options:
        override(preset_of(args), ["--help"])
        return 0
    _check(args, rest)
    from ballgan.checkpoint import choose_device
    from ballgan.process import keep_freed_memory

    from .distributed import join_world, leave_world

    keep_freed_memory()
    device = choose_device(args.device)
    world = join_world(device.type)
    try:
        training = _prepare(args, rest, device, world)
        finished = training.go()
    finally:
        leave_world(world)
    if world.is_first:
        what = "finished" if finished else f"stopped; go on with --resume {training.folder}"
        training.print(f"{training.folder}: {what}")
    return 0


def _check(args: argparse.Namespace, rest: Sequence[str]) -> None:
    """Raise ValueError for options that say nothing, or that would be ignored."""
    if rest and not rest[0].startswith("-"):
        raise ValueError(f"{rest[0]!r} is no command: see ballgan-train --help")
    if args.resume is None and args.data is None:
        raise ValueError("--data is needed: a dataset, or toyworld:heads (see --help)")
    if args.resume is not None and (args.data or args.init_from or args.mirror):
        raise ValueError(
            "--resume keeps the run's data and networks: leave the options for them out"
        )
    if (args.resume or args.init_from) and (args.foreground or args.background):
        raise ValueError(
            "--foreground and --background choose the parts of a new network: a run that goes on, "
            "or begins with a model, has its own"
        )
    if args.mirror and (args.data or "").startswith("toyworld:"):
        raise ValueError("--mirror is for datasets on disk: toyworld has no end as it is")


def _prepare(
    args: argparse.Namespace, rest: Sequence[str], device: torch.device, world: World
) -> Run:
    """The run to go on with: a new one, or a saved one."""
    from .run import Run, next_folder, read_state

    resume = args.resume or _restarted_folder(Path(args.output))
    if resume is not None:
        folder = Path(resume)
        state = read_state(folder)
        config = override(TrainConfig.from_dict(state["settings"]["config"]), rest)
        settings = state["settings"]
        kept = {"preset": settings["preset"], "mirror": settings["mirror"], "job": job_name()}
        data = settings["data"]
        training = Run(config, folder, data, **kept, device=device, world=world, continues=True)
        training.restore(state)
        return training
    config = preset_of(args)
    model, discriminator, reason = None, None, ""
    if args.init_from is not None:
        from .fine_tuning import adopt

        # The options decide the size to which a run is grown, and then hold for all else.
        config, model, discriminator, reason = adopt(override(config, rest), args.init_from)
    config = override(config, rest)
    parts = [part for part in (args.foreground, args.background) if part]
    name = f"{'-'.join([args.preset, *parts])}-{Path(args.data.replace(':', '-')).stem}"
    folder = next_folder(Path(args.output), name)
    kept = {"preset": args.preset, "mirror": args.mirror, "job": job_name()}
    training = Run(
        config,
        folder,
        args.data,
        **kept,
        device=device,
        world=world,
        continues=model is not None,
    )
    if model is not None:
        training.trainer.start_from(model, discriminator)
        if discriminator is None and world.is_first:
            training.print(f"{args.init_from}: the discriminator begins anew, because {reason}")
    return training


def _restarted_folder(output: Path) -> Path | None:
    """The folder that this torchrun job was writing before it restarted its workers."""
    if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) == 0 or job_name() is None:
        return None
    from .run import STATE_NAME, read_settings

    for folder in sorted(output.iterdir(), reverse=True) if output.is_dir() else ():
        if (folder / STATE_NAME).is_file() and read_settings(folder).get("job") == job_name():
            return folder
    return None


def job_name() -> str | None:
    """What torchrun calls this job; None without torchrun, and if it calls every job the same."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    return None if name == "none" else name
