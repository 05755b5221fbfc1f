"""The trainer: networks, optimisers, averages, and one step after the other."""

import contextlib
import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ballgan.config import ModelConfig
from ballgan.frame import resize
from ballgan.generator import Generator
from ballgan.stylegan2 import SynthesisLayer

from .config import TrainConfig
from .distributed import World
from .phases import (
    DiscriminatorPhase,
    GeneratorPhase,
    Judge,
    Part,
    Pictures,
    Plan,
    Stats,
    make_discriminator,
    make_plan,
    seeded,
)
from .schedule import ema_decay, growth
from .start import make_generator

BETAS = (0.0, 0.99)
W_AVERAGE_DECAY = 0.998
AUGMENTATION_INTERVAL = 4  # steps between adaptations
AUGMENTATION_KIMG = 500.0  # in which the probability can go from 0 to 1


@dataclass
class Sum:
    """A statistic gathered on the device; values that are not finite are left out."""

    total: Tensor
    count: Tensor


class Trainer:
    """Trains one generator; `step` takes the share of a batch that belongs to this process.

    Nothing here reads the device: statistics are gathered there until `flush_stats`.
    """

    def __init__(
        self,
        config: TrainConfig,
        labels: Tensor,
        device: torch.device,
        world: World,
        *,
        continues: bool = False,
    ) -> None:
        """Networks with random weights.

        labels: (N, 25), the cameras of the data; fakes are rendered from them, unless the
        configuration draws others. continues: weights will be put in their place (`restore`,
        `start_from`), so the beginning need not be good.
        """
        self.config, self.device, self.world = config, device, world
        self.labels = labels.to(device)
        with torch.random.fork_rng():
            torch.manual_seed(config.run.seed)
            generator = make_generator(config, shaped=not continues)
            discriminator = make_discriminator(config.discriminator)
        generator.check_cameras(labels)
        if config.cameras.is_drawn:  # not after hours, when one is drawn that is beyond
            generator.check_cameras(config.cameras.extremes(config.model.camera))
        self.generator = generator.to(device).train()
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        if config.schedule.samples is not None:
            self.generator.config = with_samples(
                config.model, config.schedule.samples, config.schedule.fine_samples
            )
        self.judge = Judge(discriminator, config).to(device)
        self.judge.label_deviation.copy_(self.labels.std(0, correction=0))
        schedule = config.schedule
        self.generator_optimizer = torch.optim.Adam(
            self._generator_groups(), lr=schedule.generator_learning_rate, betas=BETAS
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.judge.parameters(), lr=schedule.discriminator_learning_rate, betas=BETAS
        )
        self.steps = 0
        self.images = 0
        self.bad_in_a_row = torch.zeros(2, device=device)  # of generator and discriminator
        self.worst_bad = torch.zeros((), device=device)
        self.bad_steps = torch.zeros((), device=device)
        self.recent_sign = torch.zeros(2, device=device)  # sum and number of mean signs of D(real)
        self._sums: dict[str, Sum] = {}
        if config.run.precision == "bfloat16":
            self._use_bfloat16()
        if config.run.compile:
            # Not the discriminator: gradient penalties differentiate it twice.
            if self.generator.backbone is not None:
                self.generator.backbone.compile()
            if self.generator.super_resolution is not None:
                self.generator.super_resolution.compile()
        self._generator_phase = self._distribute(GeneratorPhase(self.generator, config))
        self._discriminator_phase = self._distribute(DiscriminatorPhase(self.judge))

    def _generator_groups(self) -> list[dict[str, Any]]:
        """The generator's weights; those that make the raw density learn at a rate of their own."""
        schedule = self.config.schedule
        density = list(self.generator.field.density_head.parameters())
        known = {id(p) for p in density}
        others = [p for p in self.generator.parameters() if id(p) not in known]
        rate = schedule.generator_learning_rate * schedule.density_rate
        return [{"params": others}, {"params": density, "lr": rate}]

    def _use_bfloat16(self) -> None:
        """Convolutions in bfloat16; densities, compositing and logits stay in float32."""
        discriminator = self.judge.discriminator
        backbone = self.generator.backbone
        for module in backbone.modules() if backbone is not None else ():
            if isinstance(module, SynthesisLayer):  # not the planes that they add up to
                run_in_bfloat16(module, self.device)
        if self.generator.super_resolution is not None:
            run_in_bfloat16(self.generator.super_resolution, self.device)
        for module in discriminator.picture_layers:
            run_in_bfloat16(module, self.device)

    def _distribute(self, phase: nn.Module) -> nn.Module:
        if self.world.size == 1:
            return phase
        # Super-resolution without noise leaves the strengths of its noise unused.
        unused = self.config.model.super_resolution is not None
        return DistributedDataParallel(phase, find_unused_parameters=unused)

    # One step

    def step(self, images: Tensor, labels: Tensor) -> None:
        """One step of both networks on uint8 pictures (B, 3, H, W) and labels (B, 25) or (B, 0)."""
        self._grow()
        plan = make_plan(self.config, self.steps, self.images)
        parts = self._split(images, labels)
        fakes, averages = self._step_generator(parts, plan)
        self._step_discriminator(parts, fakes, plan)
        self._update_w_average(averages)
        self.steps += 1
        self.images += self.config.schedule.batch_size
        self._update_average()
        self._adapt_augmentation()

    def _grow(self) -> None:
        """Give the generators the levels that they have by now."""
        if self.config.schedule.growth_kimg:
            for generator in (self.generator, self.average):
                generator.grow(growth(self.config.schedule, self.images))

    def _split(self, images: Tensor, labels: Tensor) -> list[Part]:
        """The parts of this process's share of the batch, with their random numbers."""
        accumulation = self.config.schedule.accumulation
        images = images.to(self.device, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        parts = []
        shares = zip(images.chunk(accumulation), labels.chunk(accumulation), strict=True)
        for i, (real, real_labels) in enumerate(shares):
            number = self.world.rank * accumulation + i
            random = seeded(self.config.run.seed, self.steps, number, self.device)
            cameras = self._choose_cameras(len(real), random)
            pictures = resize(real.float() / 127.5 - 1, self.config.model.image_resolution)
            parts.append(Part(pictures, real_labels, cameras, random))
        return parts

    def _choose_cameras(self, count: int, random: torch.Generator) -> Tensor:
        """Labels (count, 25) for fakes."""
        if self.config.cameras.is_drawn:
            return self.config.cameras.sample(random, count, self.config.model.camera)
        chosen = torch.randint(len(self.labels), (count,), generator=random, device=self.device)
        return self.labels[chosen]

    def _step_generator(self, parts: list[Part], plan: Plan) -> tuple[list[Pictures], list[Tensor]]:
        self.judge.requires_grad_(False)
        self.generator_optimizer.zero_grad(set_to_none=True)
        fakes, averages = [], []
        for i, part in enumerate(parts):
            with self._synchronizing(self._generator_phase, i == len(parts) - 1):
                loss, fake, average, stats = self._generator_phase(part, plan, self.judge)
                (loss / len(parts)).backward()
            self._gather(stats)
            fakes.append(fake)
            averages.append(average)
        self.judge.requires_grad_(True)
        self._apply(self.generator_optimizer, self.generator, 0)
        return fakes, averages

    def _step_discriminator(self, parts: list[Part], fakes: list[Pictures], plan: Plan) -> None:
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        phase = self._discriminator_phase
        for i, (part, fake) in enumerate(zip(parts, fakes, strict=True)):
            with self._synchronizing(phase, i == len(parts) - 1):
                loss, stats = phase(part, fake, plan)
                (loss / len(parts)).backward()
            self._gather(stats)
            self.recent_sign += torch.stack([stats["d/sign_real"], self.recent_sign.new_ones(())])
        self._apply(self.discriminator_optimizer, self.judge, 1)

    def _synchronizing(
        self, phase: nn.Module, last: bool
    ) -> contextlib.AbstractContextManager[Any]:
        """Gradients are averaged over processes after the last part only."""
        if isinstance(phase, DistributedDataParallel) and not last:
            return phase.no_sync()
        return contextlib.nullcontext()

    def _apply(self, optimizer: torch.optim.Optimizer, module: nn.Module, which: int) -> None:
        """Step the optimiser; gradients that are not all finite are left out and counted.

        With a first beta of 0, a step with zero gradients does not move the weights.
        """
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        norms = torch._foreach_norm(gradients)
        finite = torch.stack(norms).isfinite().all()
        for gradient in gradients:
            gradient.nan_to_num_(0.0, 0.0, 0.0)
        torch._foreach_mul_(gradients, finite.to(gradients[0].dtype))
        optimizer.step()
        bad = (~finite).to(self.bad_steps.dtype)
        self.bad_steps += bad
        self.bad_in_a_row[which].add_(1).mul_(bad)
        torch.maximum(self.worst_bad, self.bad_in_a_row.amax(), out=self.worst_bad)

    # Averages

    @torch.no_grad()
    def _update_w_average(self, averages: list[Tensor]) -> None:
        """w_avg <- 0.998 w_avg + 0.002 (mean w of the whole batch), for both mappings."""
        mean = self.world.mean(torch.stack(averages).mean(0))
        targets = [self.generator.mapping.w_avg]
        background = self.generator.background
        if background is not None and background.mapping is not None:
            targets.append(background.mapping.w_avg)
        for target, value in zip(targets, mean.split([len(t) for t in targets]), strict=True):
            value = torch.where(value.isfinite(), value.to(target.dtype), target)
            target.lerp_(value, 1 - W_AVERAGE_DECAY)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the generator's weights; buffers are copied."""
        decay = ema_decay(self.config.schedule, self.images)
        averaged: list[Tensor] = list(self.average.parameters())
        current: list[Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(averaged, current, 1 - decay)
        pairs = zip(self.average.buffers(), self.generator.buffers(), strict=True)
        for mine, theirs in pairs:
            mine.copy_(theirs)

    @torch.no_grad()
    def _adapt_augmentation(self) -> None:
        """Nudge the probability until the mean sign of D(real) meets its target (ADA sec. 3.1)."""
        target = self.config.schedule.augmentation_target
        if target is None or self.steps % AUGMENTATION_INTERVAL:
            return
        change = self.config.schedule.batch_size * AUGMENTATION_INTERVAL / (AUGMENTATION_KIMG * 1e3)
        total, count = self.world.mean(self.recent_sign).unbind()
        self.judge.augmentation.add_((total / count - target).sign() * change).clamp_(0, 1)
        self.recent_sign.zero_()

    # Statistics

    def _gather(self, stats: Stats) -> None:
        for name, value in stats.items():
            value = value.float()
            finite = value.isfinite()
            known = self._sums.setdefault(
                name, Sum(torch.zeros_like(value), torch.zeros_like(value))
            )
            known.total = known.total + torch.where(finite, value, 0.0)
            known.count = known.count + finite

    def flush_stats(self) -> dict[str, float]:
        """Means since the last call, over all processes. This reads the device."""
        stats = {}
        for name, known in sorted(self._sums.items()):
            stats[name] = self.world.mean(known.total / known.count).item()
        self._sums.clear()
        stats["augmentation"] = self.judge.augmentation.item()
        stats["bad_steps"] = self.bad_steps.item()
        if self.worst_bad.item() >= self.config.run.max_bad_steps:
            raise FloatingPointError(
                f"{self.worst_bad.item():.0f} steps in a row gave gradients that are not finite. "
                "Lower the learning rates or raise loss.gamma, and resume from the last state."
            )
        return stats

    # State

    def start_from(self, model: Generator, discriminator: dict[str, Tensor] | None) -> None:
        """Begin with the weights of a trained generator, and of its discriminator if known."""
        for generator in (self.generator, self.average):
            generator.load_state_dict(model.state_dict())
        if discriminator is not None:
            self.judge.discriminator.load_state_dict(discriminator)

    def state(self) -> dict[str, Any]:
        """Everything that a run needs to go on exactly, as plain containers and tensors."""
        return {
            "steps": self.steps,
            "images": self.images,
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "judge": self.judge.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "counters": [counter.clone() for counter in self._counters()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.steps, self.images = state["steps"], state["images"]
        self._grow()
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        self.judge.load_state_dict(state["judge"])
        self.generator_optimizer.load_state_dict(state["generator_optimizer"])
        self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        self._use_options()
        for mine, saved in zip(self._counters(), state["counters"], strict=True):
            mine.copy_(saved)

    def _use_options(self) -> None:
        """Let options hold that were changed for going on; the saved state has the old ones."""
        schedule = self.config.schedule
        for optimizer, groups in (
            (self.generator_optimizer, self._generator_groups()),
            (self.discriminator_optimizer, [{"lr": schedule.discriminator_learning_rate}]),
        ):
            for group, wanted in zip(optimizer.param_groups, groups, strict=True):
                group["lr"] = wanted.get("lr", schedule.generator_learning_rate)
        if schedule.augmentation_target is None:
            self.judge.augmentation.fill_(schedule.augmentation)

    def _counters(self) -> tuple[Tensor, ...]:
        return self.bad_in_a_row, self.worst_bad, self.bad_steps, self.recent_sign


def with_samples(model: ModelConfig, coarse: int, fine: int) -> ModelConfig:
    """The same model with other numbers of samples a ray."""
    sampling = dataclasses.replace(model.sampling, coarse_samples=coarse, fine_samples=fine)
    return dataclasses.replace(model, sampling=sampling)


def run_in_bfloat16(module: nn.Module, device: torch.device) -> None:
    """Run `module`, with weights in float32, by autocast to bfloat16; its result is float32."""
    plain = module.forward

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return plain(*args, **kwargs).float()

    module.forward = forward
