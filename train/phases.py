"""The two phases of a step: what the generator and the discriminator minimise on part of a batch.

A batch is split into parts (processes times accumulation). Every random number of a part comes
from a generator seeded by the run's seed, the step and the part, so that neither resuming nor the
number of processes changes what is drawn.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ballgan.generator import Generator, Synthesis
from ballgan.stylenerf_config import StyleUpsamplingConfig
from ballgan.volume import interval_weights

from .augment import augment
from .config import DiscriminatorConfig, TrainConfig
from .discriminator import Discriminator
from .losses import (
    binarization_loss,
    density_variation_loss,
    distortion_loss,
    gradient_penalty,
    logistic_discriminator_loss,
    logistic_generator_loss,
    published_density_loss,
    relativistic_loss,
    sparsity_loss,
)
from .nerf_path import nerf_path_loss
from .progressive_discriminator import ProgressiveDiscriminator
from .schedule import (
    blur,
    fading,
    growth,
    neural_resolution,
    regularizer_strength,
    swap_probability,
)

AnyDiscriminator = Discriminator | ProgressiveDiscriminator
Stats = dict[str, Tensor]  # scalars on the device, not yet read
Pictures = list[Tensor]  # at the final and at the neural resolution, in [-1, 1]
RANDOM_POINTS = 1000


@dataclass(frozen=True)
class Plan:
    """What a step does, from the number of steps and images alone."""

    step: int
    images: int
    neural_resolution: int
    image_resolution: int  # of pictures, which may still grow
    fade: float  # weight of the resolution that was added last
    blur_px: float
    density_noise: float
    swap: float
    regularizer: float  # factor of BallGAN's regularisers; 0 where the step leaves them out
    variation: bool  # whether the step has density variation
    sparsity: bool  # whether it has sparsity
    nerf_path: bool
    penalty: bool  # whether the step has gradient penalties


def make_plan(config: TrainConfig, step: int, images: int) -> Plan:
    """The plan of one step."""
    loss, schedule = config.loss, config.schedule
    model, fade = config.model, 1.0
    if schedule.growth_kimg:
        model = model.grown(growth(schedule, images))
        assert isinstance(model.super_resolution, StyleUpsamplingConfig)
        fade = model.super_resolution.fade
    regularize = step % loss.regularizer_interval == 0
    return Plan(
        step=step,
        images=images,
        neural_resolution=neural_resolution(schedule, model.neural_resolution, images),
        image_resolution=model.image_resolution,
        fade=fade,
        blur_px=fading(images, schedule.blur_px, schedule.blur_kimg),
        density_noise=fading(images, schedule.density_noise, schedule.density_noise_kimg),
        swap=swap_probability(schedule, images),
        regularizer=regularizer_strength(loss, images) if regularize else 0.0,
        variation=loss.density_variation > 0 and step % loss.density_variation_interval == 0,
        nerf_path=loss.nerf_path > 0 and model.image_resolution > model.neural_resolution,
        sparsity=loss.sparsity > 0 and step % loss.sparsity_interval == 0,
        penalty=loss.gamma > 0 and step % loss.penalty_interval == 0,
    )


def seeded(seed: int, step: int, part: int, device: torch.device) -> torch.Generator:
    """The random numbers of one part of one step."""
    digest = hashlib.blake2b(f"{seed} {step} {part}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)


@dataclass
class Part:
    """Real pictures (B, 3, H, W) in [-1, 1], their labels, and labels (B, 25) for as many fakes.

    Real pictures may have no labels, (B, 0), where the discriminator asks for none.
    """

    real: Tensor
    real_labels: Tensor
    fake_labels: Tensor
    random: torch.Generator


class GeneratorPhase(nn.Module):
    """Loss of the generator on fakes that it makes for the given labels."""

    def __init__(self, generator: Generator, config: TrainConfig) -> None:
        super().__init__()
        self.generator = generator
        self.config = config

    def forward(
        self, part: Part, plan: Plan, judge: "Judge"
    ) -> tuple[Tensor, Pictures, Tensor, Stats]:
        """Returns loss, fakes without gradients, mean w (of both mappings, joined) and stats."""
        fakes, averages, codes = self._synthesize(part, plan)
        logits = judge(fakes.image, fakes.raw, part.fake_labels, plan, part.random)
        loss_config = self.config.loss
        ahead = logits.detach()
        if loss_config.objective == "relativistic":
            with torch.no_grad():
                real = judge.real_logits(part, plan)
            loss = relativistic_loss(logits, real)
            ahead = ahead - real  # logits have no zero point then
        else:
            loss = logistic_generator_loss(logits)
        transmittance = fakes.transmittance
        stats = {
            "loss/g": loss.detach(),
            "d/sign_fake": ahead.sign().mean(),
            "alpha/mean": fakes.opacity.detach().mean(),
            "alpha/min_t": torch.minimum(transmittance, 1 - transmittance).detach().mean(),
        }
        loss = loss + self._regularize(fakes, part, plan, stats)
        if plan.nerf_path:
            path = nerf_path_loss(
                self.generator,
                fakes.image,
                *codes,
                part.fake_labels,
                loss_config.nerf_path_side,
                part.random,
            )
            stats["loss/nerf_path"] = path.detach()
            loss = loss + loss_config.nerf_path * path
        return loss, [fakes.image.detach(), fakes.raw.detach()], averages, stats

    def _synthesize(
        self, part: Part, plan: Plan
    ) -> tuple[Synthesis, Tensor, tuple[Tensor, Tensor | None]]:
        """Fakes, mean w (of both mappings, joined), and the mapped codes ws and ws_bg."""
        generator, random, labels = self.generator, part.random, part.fake_labels
        batch, device = len(labels), labels.device
        z = _normal(batch, generator.config.mapping.z_dim, random, device)
        swapped = torch.rand(batch, 1, generator=random, device=device) < plan.swap
        conditioning = torch.where(swapped, labels.roll(1, 0), labels)
        w = generator.mapping(z, conditioning)
        ws = w[:, None].repeat(1, generator.config.num_ws, 1)
        if self.config.schedule.style_mixing > 0:
            ws = self._mix_styles(ws, conditioning, random)
        averages, ws_bg = [w.detach().mean(0)], None
        background = generator.background
        if background is not None:
            z_bg = _normal(batch, background.config.z_dim, random, device)
            ws_bg = generator.map_background(z_bg)
            if background.mapping is not None:
                averages.append(ws_bg[:, 0].detach().mean(0))
        fakes = generator.synthesize(
            ws,
            ws_bg,
            labels,
            neural_resolution=plan.neural_resolution,
            coarse_gradient=not self.config.schedule.fine_samples,
            density_noise=plan.density_noise,
            noise="random",
            generator=random,
        )
        return fakes, torch.cat(averages), (ws, ws_bg)

    def _mix_styles(self, ws: Tensor, conditioning: Tensor, random: torch.Generator) -> Tensor:
        """Rows from a random cutoff on come from another code (StyleGAN sec. 3.1)."""
        batch, count, device = *ws.shape[:2], ws.device
        z = _normal(batch, self.generator.config.mapping.z_dim, random, device)
        other = self.generator.mapping(z, conditioning)[:, None]
        mixes = torch.rand(batch, 1, generator=random, device=device)
        mixes = mixes < self.config.schedule.style_mixing
        cutoff = torch.randint(1, count, (batch, 1), generator=random, device=device)
        rows = torch.arange(count, device=device)
        return torch.where((mixes & (rows >= cutoff))[..., None], other, ws)

    def _regularize(self, fakes: Synthesis, part: Part, plan: Plan, stats: Stats) -> Tensor:
        """Weighted regularisers of this step; each is made up for by its interval."""
        loss, total = self.config.loss, fakes.image.new_zeros(())
        strength = plan.regularizer * loss.regularizer_interval
        if strength and loss.binarization:
            binarization = binarization_loss(fakes.transmittance)
            stats["loss/binarization"] = binarization.detach()
            total = total + strength * loss.binarization * binarization
        if strength and loss.foreground_density:
            samples = fakes.samples
            if loss.foreground_density_kind == "published":
                density = published_density_loss(samples.distances, samples.density)
            else:
                weights, _ = interval_weights(samples.distances, samples.density)
                density = distortion_loss(samples.distances, weights)
            stats["loss/foreground_density"] = density.detach()
            total = total + strength * loss.foreground_density * density
        if plan.variation:
            variation = self._variation(fakes.field_code, part.random)
            stats["loss/density_variation"] = variation.detach()
            scale = loss.density_variation_interval * loss.density_variation
            total = total + scale * variation
        if plan.sparsity:
            sparsity = self._sparsity(fakes.field_code, part.random)
            stats["loss/sparsity"] = sparsity.detach()
            total = total + loss.sparsity_interval * loss.sparsity * sparsity
        return total

    def _random_points(self, field_code: Tensor, random: torch.Generator) -> Tensor:
        """Points (B, N, 3), uniform in the box."""
        shape, device = (field_code.shape[0], RANDOM_POINTS, 3), field_code.device
        uniform = torch.rand(shape, generator=random, device=device) - 0.5
        return uniform * self.generator.field.config.box_warp

    def _sparsity(self, field_code: Tensor, random: torch.Generator) -> Tensor:
        """Sparsity at random points away from the middle of the box."""
        points = self._random_points(field_code, random)
        counted = (points.norm(dim=-1) > self.config.loss.sparsity_radius).to(points.dtype)
        return sparsity_loss(self.generator.field.density(field_code, points), counted)

    def _variation(self, field_code: Tensor, random: torch.Generator) -> Tensor:
        """Density variation at random points of the box and points beside them."""
        field = self.generator.field
        points = self._random_points(field_code, random)
        offset = torch.randn(points.shape, generator=random, device=points.device)
        beside = points + offset * self.config.loss.density_variation_distance
        half = field.config.box_warp / 2
        beside = beside.clamp(-half, half)  # there is nothing beyond, and that is no variation
        both = field.density(field_code, torch.cat([points, beside], dim=1))
        density, displaced = both.chunk(2, dim=1)
        return density_variation_loss(density, displaced, self.config.loss.density_variation_kind)


class DiscriminatorPhase(nn.Module):
    """Loss of the discriminator on real pictures and given fakes."""

    def __init__(self, judge: "Judge") -> None:
        super().__init__()
        self.judge = judge

    def forward(self, part: Part, fake: Pictures, plan: Plan) -> tuple[Tensor, Stats]:
        """Returns loss and stats; `fake` without gradients."""
        loss_config, judge = self.judge.config.loss, self.judge
        relativistic = loss_config.objective == "relativistic"
        real = judge.real_pictures(part, plan)
        if plan.penalty:
            for picture in [*real, *(fake if relativistic else [])]:
                picture.requires_grad_(True)
        real_logits = judge(*real, part.real_labels, plan, part.random)
        fake_logits = judge(*fake, part.fake_labels, plan, part.random)
        ahead = real_logits.detach()
        if relativistic:
            loss = relativistic_loss(real_logits, fake_logits)
            ahead = ahead - fake_logits.detach()
        else:
            loss = logistic_discriminator_loss(real_logits, fake_logits)
        stats = {
            "loss/d": loss.detach(),
            "d/sign_real": ahead.sign().mean(),
        }
        if plan.penalty:
            used = slice(None) if judge.config.discriminator.dual else slice(1)
            penalty = gradient_penalty(real_logits, real[used], loss_config.gamma)
            stats["loss/r1"] = penalty.detach()
            if relativistic:
                r2 = gradient_penalty(fake_logits, fake[used], loss_config.gamma)
                stats["loss/r2"] = r2.detach()
                penalty = penalty + r2
            loss = loss + loss_config.penalty_interval * penalty
        return loss, stats


class Judge(nn.Module):
    """The discriminator with all that is done to pictures and labels before it sees them."""

    def __init__(self, discriminator: AnyDiscriminator, config: TrainConfig) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.config = config
        self.label_deviation: Tensor
        self.augmentation: Tensor
        self.register_buffer("label_deviation", torch.zeros(25))
        self.register_buffer("augmentation", torch.tensor(config.schedule.augmentation))

    def real_pictures(self, part: Part, plan: Plan) -> Pictures:
        """Real pictures at the generator's final and at its neural resolution."""
        size = (plan.neural_resolution, plan.neural_resolution)
        raw = nn.functional.interpolate(part.real, size=size, mode="bilinear", antialias=True)
        if self.config.model.super_resolution is None:
            return [raw, raw]
        if plan.image_resolution == part.real.shape[-1]:
            return [part.real.clone(), raw]
        size = (plan.image_resolution, plan.image_resolution)
        small = nn.functional.interpolate(part.real, size=size, mode="bilinear", antialias=True)
        return [small, raw]

    def real_logits(self, part: Part, plan: Plan) -> Tensor:
        """Logits of the real pictures."""
        return self(*self.real_pictures(part, plan), part.real_labels, plan, part.random)

    def forward(
        self, image: Tensor, raw: Tensor, labels: Tensor, plan: Plan, random: torch.Generator
    ) -> Tensor:
        """Logits (B, 1) of pictures (B, 3, H, W) and (B, 3, n, n) with their camera labels."""
        size = self.config.discriminator.resolution
        progressive = isinstance(self.discriminator, ProgressiveDiscriminator)
        wanted = plan.image_resolution if progressive else size
        if image.shape[-1] != wanted:
            # A generator without super-resolution may render below the final resolution.
            image = nn.functional.interpolate(image, size=(wanted, wanted), mode="bilinear")
        pictures = [image, raw] if self.config.discriminator.dual else [image]
        if plan.blur_px > 0:
            pictures = [blur(p, plan.blur_px * p.shape[-1] / size) for p in pictures]
        schedule = self.config.schedule
        if schedule.augmentation > 0 or schedule.augmentation_target is not None:
            pictures = augment(pictures, self.augmentation, random)
        if schedule.label_noise > 0 and self.config.discriminator.conditional:
            noise = torch.randn(labels.shape, generator=random, device=labels.device)
            labels = labels + schedule.label_noise * self.label_deviation * noise
        if progressive:
            return self.discriminator(pictures[0], plan.fade).float()
        return self.discriminator(pictures[0], pictures[-1], labels).float()


def make_discriminator(config: DiscriminatorConfig) -> AnyDiscriminator:
    """The discriminator of the configured architecture."""
    skip = config.architecture == "skip"
    return ProgressiveDiscriminator(config) if skip else Discriminator(config)


def _normal(batch: int, width: int, random: torch.Generator, device: torch.device) -> Tensor:
    return torch.randn(batch, width, generator=random, device=device)
