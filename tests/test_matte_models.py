"""Mattes of models whose super-resolution has structure: true to the network, and without halos."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import ballgan
from ballgan import RenderSettings, Scene
from ballgan.composition import Composition
from ballgan.frame import resize
from ballgan.matte import extend_colors
from ballgan.shot import aim
from ballgan.volume import Composite

GREYS = (0.25, 0.5, 0.75)  # that the network knows: it clips what is much darker or brighter


class Cutout:
    """A foreground cut out by both mattes, and the network's own pictures of it to compare with."""

    def __init__(self, model: ballgan.Generator) -> None:
        self.scene = Scene(model)
        self.scene.latent = ballgan.Latent(5)
        self.shot = aim(self.scene, ballgan.Camera.orbit(0.2), RenderSettings(), "full")
        self.gathered: Composite = self.scene.gather(self.shot)
        opacity = self.image(self.gathered.opacity[:, None])
        self.made = Composition(self.scene, self.scene._stages, self.shot)
        self.solved = self.made.solve_matte(self.gathered, opacity)
        extended = extend_colors(self.image(self.gathered.features), opacity)
        rgb = self.made.picture(extended)
        self.quick = resize(opacity, rgb.shape[-1]), rgb

    def image(self, values: Tensor) -> Tensor:
        return self.shot.image(values)

    def even(self, grey: float) -> Tensor:
        features = self.made.mean_background().clone()
        features[:3] = grey
        return features.expand_as(self.gathered.features)

    def errors(self, grey: float) -> tuple[float, float]:
        """Mean difference, where edges are, of both mattes' pictures from the network's before a
        grey: solved, quick."""
        behind = self.even(grey)
        true = self.made.picture(self.image(self.gathered.over(behind))).clamp(0, 1)
        ground = self.made.picture(self.image(behind)).clamp(0, 1)
        edges = (self.quick[0] > 0.05) & (self.quick[0] < 0.95)
        assert edges.any()

        def error(alpha: Tensor, rgb: Tensor) -> float:
            difference = (rgb * alpha + ground * (1 - alpha) - true).abs()
            return difference.mean(1, keepdim=True)[edges].mean().item()

        return error(*self.solved), error(*self.quick)


def check(model: ballgan.Generator) -> None:
    with torch.inference_mode():
        cutout = Cutout(model)
        errors = [cutout.errors(grey) for grey in GREYS]
        solved, quick = (sum(parts) / len(GREYS) for parts in zip(*errors, strict=True))
        assert solved < 0.03
        assert solved < 0.9 * quick
        alpha, rgb = cutout.solved
        # Before white, black and a checkerboard nothing shows beside the foreground.
        far = resize(cutout.image(cutout.gathered.opacity[:, None]), 32) < 1e-4
        far = torch.nn.functional.interpolate(far.float(), alpha.shape[-2:]) == 1
        side = torch.arange(alpha.shape[-1]) // 8 % 2
        checker = (side[:, None] ^ side[None]).expand_as(rgb).float()
        for behind in torch.ones_like(rgb), torch.zeros_like(rgb), checker:
            shown = rgb * alpha + behind * (1 - alpha)
            beside = (shown - behind).abs()[far.expand_as(rgb)]
            assert beside.numel() == 0 or beside.mean() < 5e-3
        # And in its edges there is no colour that is neither in the foreground nor near it.
        assert 0 <= rgb.min() and rgb.max() <= 1 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ballgan-tiny", "eg3d-tiny512"])
def test_the_matte_of_reference_models(references: Path, name: str) -> None:
    check(ballgan.load(str(references / f"{name}.pkl"), device="cpu"))


def test_the_matte_of_a_small_model(tiny_model: ballgan.Generator) -> None:
    check(tiny_model)
