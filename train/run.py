"""A run: its folder, its log, its models, and how it is stopped and continued."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import torch

import ballgan
from ballgan.camera_prior import META
from ballgan.files import atomic_write
from ballgan.plain import to_plain

from .config import TrainConfig
from .distributed import World
from .labels import find_convention_faults
from .loop import Trainer
from .samples import render_grids, write_grids
from .source import Source, choose_cameras, open_source

STATE_NAME = "training-state.pt"
CONFIG_NAME = "config.json"
LOG_NAME = "log.jsonl"
WINNING = 0.95  # mean sign of the discriminator at which it has won
AGREEMENT_STEPS = 4  # between questions whether to stop, among several processes
COLLAPSED = 0.02  # mean opacity that is nearly none, or short of nearly all


class Run:
    """One training run in a folder; `go` trains until the end or until it is told to stop."""

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        data: str,
        *,
        preset: str,
        job: str | None,
        mirror: bool,
        device: torch.device,
        world: World,
        continues: bool = False,
        out: TextIO = sys.stdout,
    ) -> None:
        """continues: `restore`, or the trainer's `start_from`, will be called."""
        self.config, self.folder, self.world, self.out = config, folder, world, out
        self.source: Source = open_source(
            data,
            size=config.model.image_resolution,
            batch_size=config.schedule.batch_size,
            mirror=mirror,
            posed=not config.cameras.is_drawn,
            seed=config.run.seed,
            workers=config.run.workers,
            device=device,
            world=world,
        )
        self.cameras = choose_cameras(config, self.source)
        self.trainer = Trainer(config, self.cameras, device, world, continues=continues)
        self.device = device
        self.stopping = False
        self._goes_on = False
        self._settings: dict[str, Any] = {
            "preset": preset,
            "job": job,
            "data": data,
            "mirror": mirror,
            "config": config.to_dict(),
        }
        self._tick_started = time.time()
        self._tick_images = 0

    # Training

    def go(self) -> bool:
        """Train; returns whether the run is finished. The last state is always saved."""
        total = self.config.schedule.total_kimg * 1000
        if self.world.is_first:
            if not self._goes_on:
                self.folder = claim_folder(self.folder)
            text = json.dumps(self._settings, indent=2)
            with atomic_write(self.folder / CONFIG_NAME) as file:
                file.write(text.encode())
        self._tick_started, self._tick_images = time.time(), self.trainer.images
        try:
            with self._signals(), self._explaining_disk():
                if self.world.is_first:
                    self._announce()
                while self.trainer.images < total and not self._agreed_to_stop():
                    self.trainer.step(*next(self.source))
                    if self._passed(self.config.run.tick_kimg):
                        self._tick()
                    if self._passed(self.config.run.snapshot_kimg):
                        self.save()
                self._tick()
                self.save()
        finally:
            self.source.close()
        return self.trainer.images >= total

    def _agreed_to_stop(self) -> bool:
        """Whether to stop now; several processes agree on it every few steps."""
        if self.world.size == 1:
            return self.stopping
        # Soon: torchrun kills what has not saved itself 30 s after a signal.
        return self.trainer.steps % AGREEMENT_STEPS == 0 and self.world.any(self.stopping)

    def _passed(self, interval_kimg: float) -> bool:
        """Whether the last step crossed a multiple of the interval."""
        now, interval = self.trainer.images, interval_kimg * 1000
        return int(now / interval) > int((now - self.config.schedule.batch_size) / interval)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C (or SIGTERM) stops after the step, a second one at once."""

        def stop(number: int, _: Any) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True
            if self.world.is_first:
                self.print("stopping after this step; once more to stop at once")

        try:
            previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread: the caller sets `stopping`
            yield
            return
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    # Reports

    def _tick(self) -> None:
        """Write a log line."""
        trainer, now = self.trainer, time.time()
        images = trainer.images - self._tick_images
        if not images:
            return
        seconds = max(now - self._tick_started, 1e-9)
        stats = trainer.flush_stats()
        rate = images / seconds
        left = self.config.schedule.total_kimg * 1000 - trainer.images
        line = {
            "kimg": trainer.images / 1000,
            "time": now,
            "images_per_s": rate,
            "s_per_kimg": 1000 / rate,
            "memory_mb": memory_mb(self.device),
            "eta_s": max(left, 0) / rate,
            **stats,
        }
        self._tick_started, self._tick_images = now, trainer.images
        if not self.world.is_first:
            return
        with (self.folder / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.print(describe(line))
        for warning in warnings_for(stats):
            self.print("warning: " + warning)
        self._write_tensorboard(line)

    def _write_tensorboard(self, line: dict[str, float]) -> None:
        writer = self._tensorboard()
        for name, value in line.items():
            writer.add_scalar(name, value, self.trainer.images)
        writer.flush()

    def _tensorboard(self) -> Any:
        if not hasattr(self, "_writer"):
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder))
        return self._writer

    def _announce(self) -> None:
        """Say what is going to be trained, where."""
        config, trainer = self.config, self.trainer
        counts = [
            sum(p.numel() for p in module.parameters()) / 1e6
            for module in (trainer.generator, trainer.judge)
        ]
        self.print(
            f"{self.folder}: {config.model.image_resolution} px, generator {counts[0]:.2f} M, "
            f"discriminator {counts[1]:.2f} M parameters, batch {config.schedule.batch_size} on "
            f"{self.world.size} x {self.device}, from {trainer.images / 1000:g} to "
            f"{config.schedule.total_kimg:g} kimg"
        )

        for warning in self._misgivings():
            self.print("warning: " + warning)

    def _misgivings(self) -> Iterator[str]:
        """What is likely to be a mistake in the configuration or in the data."""
        config = self.config
        part = config.schedule.batch_size // (self.world.size * config.schedule.accumulation)
        group = config.discriminator.group_size
        if part % group:
            yield (
                f"{part} pictures at a time are no multiple of the {group} that the discriminator "
                "compares (discriminator.group_size): lower schedule.accumulation or raise "
                "schedule.batch_size"
            )
        faults, _ = find_convention_faults(self.cameras.cpu().numpy())
        for fault in faults:
            yield f"the cameras look wrong: {fault} (see ballgan-train data check)"

    def print(self, text: str) -> None:
        """A line of the run's report."""
        self.out.write(text + "\n")
        self.out.flush()

    # Files

    def save(self) -> None:
        """Write the averaged model, image grids, and the state to go on from."""
        self.world.wait()
        if self.world.is_first:
            self._write_state()
            self._write_model()
        self.world.wait()

    @contextmanager
    def _explaining_disk(self) -> Iterator[None]:
        """Say what to do when a file cannot be written, a line of the log as well as a state."""
        try:
            yield
        except OSError as error:
            raise RuntimeError(
                f"{error}. What was saved before in {self.folder} is intact: make room, then go on "
                f"with --resume {self.folder}"
            ) from error

    def _write_state(self) -> None:
        state = {
            "format": "ballgan training state",
            "settings": self._settings,
            "trainer": self.trainer.state(),
            "source": self.source.state(),
        }
        with atomic_write(self.folder / STATE_NAME) as file:
            torch.save(state, file)

    def _write_model(self) -> None:
        name = f"{self.trainer.images // 1000:06d}"
        average = self.trainer.average
        average.meta = {
            "kind": average.config.kind,
            "source": "ballgan-train",
            "kimg": self.trainer.images / 1000,
        }
        if self.config.cameras.is_drawn:
            average.meta[META] = to_plain(self.config.cameras)
        ballgan.save(average, self.folder / f"model-{name}.pkl")
        grids = render_grids(average, self.config.run.grid, self.cameras.cpu().numpy())
        write_grids(grids, self.folder / "samples", name)
        writer = self._tensorboard()
        for layer, grid in grids.items():
            writer.add_image(f"samples/{layer}", grid, self.trainer.images, dataformats="HWC")
        self._remove_old_models()

    def _remove_old_models(self) -> None:
        keep = self.config.run.keep
        models = sorted(self.folder.glob("model-*.pkl"))
        for old in models[:-keep] if keep else []:
            old.unlink()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state (see `read_state`)."""
        self._goes_on = True
        self.trainer.restore(state["trainer"])
        self.source.restore(state["source"])


def read_state(folder: Path) -> dict[str, Any]:
    """The saved state of a run; ValueError if there is none or it is damaged."""
    path = folder / STATE_NAME
    if not path.is_file():
        raise ValueError(f"{folder} has no {STATE_NAME} to resume from: is it a run folder?")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged and cannot be resumed from: {error}") from error
    if not isinstance(state, dict) or state.get("format") != "ballgan training state":
        raise ValueError(f"{path} is no state of ballgan-train.")
    return state


def read_settings(folder: Path) -> dict[str, Any]:
    """What was written to the folder when the run began; empty if nothing readable was."""
    try:
        settings = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def next_folder(output: Path, name: str) -> Path:
    """OUTPUT/00003-NAME with the next free number."""
    taken = [int(p.name[:5]) for p in output.glob("[0-9][0-9][0-9][0-9][0-9]-*")]
    return output / f"{max(taken, default=-1) + 1:05d}-{name}"


def claim_folder(folder: Path) -> Path:
    """Make a folder named by `next_folder`; under the next number if another run was faster."""
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            folder = next_folder(folder.parent, folder.name[6:])


def memory_mb(device: torch.device) -> float:
    """Largest memory of this process so far, in MiB: the GPU's on CUDA."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (2**20 if sys.platform == "darwin" else 2**10)


def describe(line: dict[str, float]) -> str:
    """One line of progress."""
    minutes = round(line["eta_s"] / 60)
    return (
        f"{line['kimg']:9.2f} kimg  {line['images_per_s']:7.1f} img/s  "
        f"{line['s_per_kimg']:7.1f} s/kimg  G {line['loss/g']:6.3f}  D {line['loss/d']:6.3f}  "
        f"alpha {line['alpha/mean']:4.2f}  min(T,1-T) {line['alpha/min_t']:5.3f}  "
        f"{line['memory_mb']:6.0f} MB  {minutes // 60}:{minutes % 60:02d} h left"
    )


def warnings_for(stats: dict[str, float]) -> Iterator[str]:
    """What goes wrong, and what to change."""
    if stats["d/sign_real"] > WINNING and stats["d/sign_fake"] < -WINNING:
        yield (
            "the discriminator tells all pictures apart: raise loss.gamma (x4), "
            "schedule.label_noise or schedule.augmentation, or lower "
            "schedule.discriminator_learning_rate"
        )
    if stats["alpha/mean"] < COLLAPSED:
        yield (
            "the foreground has vanished, the background explains everything: start again with a "
            "higher loss.gamma or a weaker loss.binarization and loss.foreground_density"
        )
    if stats["alpha/mean"] > 1 - COLLAPSED:
        yield (
            "the foreground covers everything: lower loss.binarization or start it later "
            "(loss.regularizer_start_kimg), and check that the data's backgrounds vary"
        )
