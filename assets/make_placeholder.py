"""Makes placeholder.pkl, the model that is bundled until there is a trained one.

It has seen no image. A small generator is fitted to formulas, at points in space: glazed rings,
whose form and colours depend on the code, in front of a soft sky on the sphere. That is enough to
show what a trained model shows: a foreground with its own outline, and a background behind it.

    python assets/make_placeholder.py [--seed 13] [--steps 2000] [--output assets/placeholder.pkl]

takes about two minutes on two cores; the same seed gives the same model on the same machine.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ballgan
from ballgan.backgrounds import SphereBackground
from ballgan.config import (
    BackboneConfig,
    CameraConfig,
    FieldConfig,
    MappingConfig,
    ModelConfig,
    SamplingConfig,
    SphereConfig,
)
from ballgan.fields import TriplaneField
from ballgan.mesh import PUBLISHED_LEVEL
from ballgan.stylegan2 import Mapping

CONFIG = ModelConfig(
    mapping=MappingConfig(z_dim=64, w_dim=64, num_layers=2, label_dim=0),
    backbone=BackboneConfig(resolution=64, channel_base=1536, channel_max=64),
    field=FieldConfig(box_warp=0.8, plane_channels=16, hidden_size=48, feature_channels=3),
    sampling=SamplingConfig(near=None, far=None, coarse_samples=32, fine_samples=24),
    background=SphereConfig(
        z_dim=64, w_dim=64, mapping_layers=2, hidden_size=32, num_layers=3, num_frequencies=4
    ),
    camera=CameraConfig(radius=2.7, fov=math.radians(17)),
    neural_resolution=256,
)
META = {
    "placeholder": True,
    "kind": "BallGAN",
    "description": "untrained placeholder: fitted to formulas, has seen no image",
}

SEED = 13  # of the bundled file
STEPS = 2000
EMPTY, DENSE = -12.0, 60.0  # raw densities outside and inside
SLOPE = 1000.0  # raw density per world unit of depth below the surface
LIGHT = F.normalize(torch.tensor([0.35, 0.8, 0.5]), dim=0)
GLINT = F.normalize(LIGHT + torch.tensor([0.0, 0.0, 1.0]), dim=0)  # half way to the front camera
TILT = math.radians(32)  # of the ring's axis, from the front camera upwards
STEEPER = 3.0  # the fitted density is made steeper by this, for a crisp outline
DOUGHS = ((0.90, 0.70, 0.46), (0.80, 0.56, 0.36), (0.66, 0.42, 0.26), (0.48, 0.30, 0.22))
LOW_SKIES = ((0.12, 0.16, 0.32), (0.32, 0.16, 0.33), (0.09, 0.27, 0.33), (0.38, 0.23, 0.24))
HIGH_SKIES = ((0.38, 0.47, 0.72), (0.70, 0.42, 0.53), (0.34, 0.62, 0.62), (0.80, 0.56, 0.42))
NUM_TRAITS = 8
CODES_PER_STEP = 4
POINTS_PER_CODE = 3072
LEARNING_RATE = 3e-2


def make_placeholder(seed: int = SEED, steps: int = STEPS) -> ballgan.Generator:
    """A fitted generator; the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ballgan.Generator(CONFIG)
    assert model.background is not None
    fit_foreground(model, steps, torch.Generator().manual_seed(2 * seed))
    fit_background(model.background, steps, torch.Generator().manual_seed(2 * seed + 1))
    sharpen(model.field)
    model.meta = dict(META)
    return model.eval().requires_grad_(False)


# Fitting


def centre_codes(mapping: Mapping, random: torch.Generator) -> None:
    """Freeze a mapping network and set its average code, to which truncation pulls."""
    mapping.requires_grad_(False)
    mapping.w_avg.copy_(draw_codes(mapping, 4096, random).mean(0))


def draw_codes(mapping: Mapping, count: int, random: torch.Generator) -> Tensor:
    """w (count, w_dim) of random codes, some of them truncated."""
    w = mapping(torch.randn(count, mapping.config.z_dim, generator=random))
    psi = torch.rand(count, 1, generator=random).sqrt()
    return mapping.w_avg.lerp(w, psi) if bool(mapping.w_avg.any()) else w


def fit_foreground(model: ballgan.Generator, steps: int, random: torch.Generator) -> None:
    """Fit the planes and the decoder to `ring_depth` and `ring_color`."""
    centre_codes(model.mapping, random)
    read_traits = TraitReader(model.mapping, random)
    num_ws = model.config.backbone.num_ws
    for _ in optimise([model.backbone, model.field], steps):
        w = draw_codes(model.mapping, CODES_PER_STEP, random)
        traits = read_traits(w)
        points = draw_points(traits, random)
        depth, normals = measure_ring(points, traits)
        planes = model.planes(w[:, None].repeat(1, num_ws, 1), noise="none")
        density, color = model.field(planes, points)
        shown = (depth > -0.02).float()[..., None]
        error = (color - ring_color(points, normals, traits)).square() * shown
        loss = density_error(density, depth * SLOPE).mean() + 40 * error.mean()
        loss.backward()


def fit_background(background: SphereBackground, steps: int, random: torch.Generator) -> None:
    """Fit the sphere's network to `sky_color`."""
    mapping = background.mapping
    assert mapping is not None
    centre_codes(mapping, random)
    read_traits = TraitReader(mapping, random)
    for _ in optimise([background], steps):
        w = draw_codes(mapping, CODES_PER_STEP, random)
        directions = torch.randn(CODES_PER_STEP, 1024, 3, generator=random)
        directions = F.normalize(directions, dim=-1)
        color = background(directions, w[:, None].repeat(1, background.num_ws, 1))
        (color - sky_color(directions, read_traits(w))).square().mean().backward()


def optimise(modules: list[nn.Module], steps: int) -> Iterator[int]:
    """Yields before each step of Adam; the caller computes gradients."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.05
    )
    for step in range(steps):
        optimiser.zero_grad(set_to_none=True)
        yield step
        optimiser.step()
        schedule.step()


@torch.no_grad()
def sharpen(field: TriplaneField) -> None:
    """Make the density steeper where it has the level at which meshes are taken."""
    head = field.density_head
    head.weight.mul_(STEEPER)
    head.bias.copy_((head.bias - PUBLISHED_LEVEL) * STEEPER + PUBLISHED_LEVEL)


def density_error(raw: Tensor, target: Tensor) -> Tensor:
    """Error of raw densities; beyond EMPTY and DENSE any value will do."""
    outside = (raw - EMPTY).clamp_min(0)
    inside = (DENSE - raw).clamp_min(0)
    between = (raw - target).abs()
    error = torch.where(target <= EMPTY, outside, torch.where(target >= DENSE, inside, between))
    return F.smooth_l1_loss(error / 10, torch.zeros_like(error), reduction="none", beta=0.5)


def draw_points(traits: Tensor, random: torch.Generator) -> Tensor:
    """Points (B, N, 3), half of them anywhere in the box, half near the surface."""
    half = CONFIG.field.box_warp / 2
    points = (2 * torch.rand(len(traits), POINTS_PER_CODE, 3, generator=random) - 1) * half
    near = points[:, ::2]
    depth, normals = measure_ring(near, traits)
    noise = 0.02 * torch.randn(near.shape, generator=random)
    points[:, ::2] = near + depth[..., None] * normals + noise
    return points


class TraitReader:
    """Reads NUM_TRAITS numbers in [-1, 1] off a code w, by a random projection."""

    def __init__(self, mapping: Mapping, random: torch.Generator) -> None:
        codes = mapping(torch.randn(4096, mapping.config.z_dim, generator=random))
        directions = torch.randn(NUM_TRAITS, mapping.config.w_dim, generator=random)
        self._average = mapping.w_avg
        spread = ((codes - self._average) @ directions.T).std(0)
        self._directions = directions / spread[:, None]

    def __call__(self, w: Tensor) -> Tensor:
        """w (B, w_dim) -> (B, NUM_TRAITS)."""
        return torch.tanh((w - self._average) @ self._directions.T)


# The formulas


def ring_coordinates(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (across, up, along) of points (B, N, 3), the last along the ring's axis."""
    x, y, z = points.unbind(-1)
    cos, sin = math.cos(TILT), math.sin(TILT)
    return x, cos * y - sin * z, sin * y + cos * z


def ring_depth(points: Tensor, traits: Tensor) -> Tensor:
    """Depth (B, N) below the surface of the ring: positive inside, about a distance."""
    size, thickness, flatness, waviness = traits[:, :4, None].unbind(1)
    across, up, along = ring_coordinates(points)
    angle = torch.atan2(up, across)
    waves = (0.012 + 0.012 * waviness) * torch.cos(5 * angle)
    middle = 0.2 + 0.02 * size
    tube = 0.105 + 0.02 * thickness + waves
    radial = (across.square() + up.square() + 1e-8).sqrt() - middle
    return tube - (radial.square() + (along * (1.1 + 0.15 * flatness)).square() + 1e-8).sqrt()


def measure_ring(points: Tensor, traits: Tensor) -> tuple[Tensor, Tensor]:
    """Depth (B, N) below the surface and the outward unit normals (B, N, 3)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        depth = ring_depth(points, traits)
        (gradient,) = torch.autograd.grad(depth.sum(), points)
    return depth.detach(), F.normalize(-gradient, dim=-1)


def ring_color(points: Tensor, normals: Tensor, traits: Tensor) -> Tensor:
    """Colours (B, N, 3): glaze on the front of the ring, dough below, lit from above."""
    across, up, along = ring_coordinates(points)
    angle = torch.atan2(up, across)
    edge = 0.012 * torch.cos(7 * angle + 1.0) + 0.008 * torch.cos(4 * angle)
    glaze = torch.sigmoid((along - edge) / 0.006)[..., None]
    albedo = torch.lerp(mix_colors(DOUGHS, traits[:, 6:8]), glaze_color(traits[:, 4:6]), glaze)
    diffuse = (normals @ LIGHT).clamp(-1, 1)[..., None] * 0.5 + 0.5
    glint = glaze * (normals @ GLINT).clamp_min(0)[..., None] ** 40
    return (albedo * (0.42 + 0.62 * diffuse) + 0.3 * glint).clamp(0, 1)


def glaze_color(traits: Tensor) -> Tensor:
    """A light tint (B, 1, 3), whose hue is the angle of two traits (B, 2)."""
    hue = torch.atan2(traits[:, 1], traits[:, 0])[:, None]
    strength = traits.norm(dim=1, keepdim=True)
    strength = strength / (strength + 0.1)
    thirds = torch.tensor([0.0, -2.0, 2.0]) * math.pi / 3
    return (0.75 + 0.22 * strength * torch.cos(hue + thirds))[:, None]


def mix_colors(colors: tuple[tuple[float, ...], ...], traits: Tensor) -> Tensor:
    """Mixtures (B, 1, 3) of four colours at the corners of a square, by two traits (B, 2)."""
    u, v = torch.sigmoid(4 * traits)[:, :, None].unbind(1)  # (B, 1)
    first, second, third, fourth = torch.tensor(colors)
    below, above = torch.lerp(first, second, u), torch.lerp(third, fourth, u)
    return torch.lerp(below, above, v)[:, None]


def sky_color(directions: Tensor, traits: Tensor) -> Tensor:
    """Colours (B, N, 3) of directions (B, N, 3): two tints in soft clouds."""
    x, y, z = directions.unbind(-1)
    drift = math.pi * traits[:, :3, None]
    clouds = (
        torch.sin(7 * x + 4 * y + drift[:, 0])
        + torch.sin(6 * z - 5 * y + 2 * x + drift[:, 1])
        + torch.sin(9 * y + 3 * x - 4 * z + drift[:, 2])
    )
    mix = torch.sigmoid(2.5 * y + 0.9 * clouds)[..., None]
    hue = traits[:, 3:5]
    return torch.lerp(mix_colors(LOW_SKIES, hue), mix_colors(HIGH_SKIES, hue), mix)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the bundled untrained placeholder model.")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=STEPS, help="default: %(default)s")
    parser.add_argument("--output", default=Path(__file__).with_name("placeholder.pkl"))
    options = parser.parse_args()
    ballgan.save(make_placeholder(options.seed, options.steps), options.output, half=True)
    print(f"wrote {options.output} ({Path(options.output).stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
