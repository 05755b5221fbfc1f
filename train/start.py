"""The generator that training starts with: random weights, but already something to look at.

A foreground that starts out transparent is lost for good (the sphere explains everything), and an
even fog leaves open which of foreground and sphere is to draw the object.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ballgan.fields import uniform_extinction
from ballgan.generator import Generator

from .config import TrainConfig

FOG_OPACITY = 0.45  # of a ray through the box, where nothing else is asked for
BALL_EXTINCTION = 8.0  # inside the ball, per world unit
BALL_EDGE = 0.05  # over which it falls off, world units
FIT_STEPS = 100
FIT_POINTS = 1024  # for each of ...
FIT_CODES = 4
FIT_LEARNING_RATE = 0.01


def make_generator(config: TrainConfig, *, shaped: bool = True) -> Generator:
    """A generator with a visible, soft foreground: a fog, or a ball (`schedule.start_radius`).

    Draws from torch's global random numbers. shaped: False leaves the ball out.
    """
    generator = Generator(config.model)
    field = generator.field
    with torch.no_grad():
        # What the last hidden layer has is positive; the weights' mean is near 0.
        extinction = uniform_extinction(FOG_OPACITY, config.model.field.box_warp)
        head = field.density_head
        head.weight.mul_(0.5)
        head.bias.fill_(field.raw_of_extinction(extinction) / head.bias_gain)
    if shaped and config.schedule.start_radius is not None:
        fit_ball(generator, config.schedule.start_radius)
    return generator


def fit_ball(generator: Generator, radius: float) -> None:
    """Fit the density of all codes to a soft ball of `radius` round the origin, world units.

    A geometric initialisation (after Atzmon and Lipman 2020, sec. 5, there for networks of
    positions), found by some seconds of least squares on the raw density.
    """
    mapping, field = generator.mapping, generator.field
    weights = list(field.parameters())
    if generator.backbone is not None:
        weights += generator.backbone.parameters()
    optimizer = torch.optim.Adam(weights, lr=FIT_LEARNING_RATE, betas=(0.9, 0.99))
    for _ in range(FIT_STEPS):
        z = torch.randn(FIT_CODES, mapping.config.z_dim)
        label = torch.zeros(FIT_CODES, 25) if mapping.config.label_dim else None
        with torch.no_grad():
            ws = mapping(z, label)[:, None].repeat(1, generator.config.num_ws, 1)
        points = (torch.rand(FIT_CODES, FIT_POINTS, 3) - 0.5) * field.config.box_warp
        density = field.density(generator.field_code(ws, noise="none"), points)
        loss = F.mse_loss(density, ball_density(points, radius))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    generator.zero_grad(set_to_none=True)


def ball_density(points: Tensor, radius: float) -> Tensor:
    """Raw density (...) of the soft ball at points (..., 3): inverse of softplus(raw - 1)."""
    extinction = BALL_EXTINCTION * torch.sigmoid((radius - points.norm(dim=-1)) / BALL_EDGE)
    return torch.log(torch.expm1(extinction.clamp_min(0.02))) + 1
