"""Super-resolution: from the feature image to the picture (EG3D sec. 4.3)."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SuperResolutionConfig
from .quick_synthesis import fast_dtype, half_precision, run_block
from .stylegan2 import Step, SynthesisBlock


class SuperResolution(nn.Module):
    """Two modulated blocks; which of them upsample, and the widths, come from the config."""

    def __init__(self, config: SuperResolutionConfig, *, feature_channels: int, w_dim: int) -> None:
        super().__init__()
        self.config = config
        widths = (feature_channels, *config.channels)
        resolution = config.input_resolution
        blocks = []
        for i, up in enumerate(config.upsample):
            resolution *= 2 if up else 1
            blocks.append(
                SynthesisBlock(
                    widths[i],
                    widths[i + 1],
                    3,
                    w_dim=w_dim,
                    resolution=resolution,
                    up=up,
                    clamp=config.clamp,
                )
            )
        self.blocks = nn.ModuleList(blocks)

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws from the end, and what turns w into styles (I, w_dim)."""
        for block in self.blocks:
            assert isinstance(block, SynthesisBlock)
            yield from ((-1, weight) for _, weight in block.style_weights())

    def forward(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
        *,
        quick: bool = False,
    ) -> Tensor:
        """features (B, F, H, W) and ws (B, num_ws, w_dim), of which the last row is used.

        Returns the picture (B, 3, H', W'), nominally in [-1, 1]. Non-square features are resized
        so that the shorter side is the input resolution. `step` is called between layers. quick:
        one picture, not differentiable, less precise where that is faster.
        """
        features = self.resize(features)
        image = features[:, :3]
        last = ws[:, -1:].expand(-1, 3, -1)
        if quick and features.device.type == "cpu":
            return self._run_quickly(features, image, last, step)
        x = features.contiguous(memory_format=torch.channels_last)
        with half_precision(x.device) if quick else nullcontext():
            for block in self.blocks:
                x, image = block(x, image, last, self.config.noise, generator, step)
        return image.float() if quick else image

    def _run_quickly(
        self, features: Tensor, image: Tensor, ws: Tensor, step: Step | None
    ) -> Tensor:
        """The blocks on a processor."""
        x = features[0].permute(1, 2, 0).to(fast_dtype(features.device))
        for i, block in enumerate(self.blocks):
            assert isinstance(block, SynthesisBlock)
            last = i + 1 == len(self.blocks)
            x, image = run_block(block, x, image, ws, self.config.noise, step, last=last)
        return image

    def resize(self, features: Tensor) -> Tensor:
        """Features (B, F, H, W) at the input resolution, where the config says so."""
        config = self.config
        shorter = min(features.shape[2:])
        if shorter < config.input_resolution or (
            shorter > config.input_resolution and config.resize == "always"
        ):
            scale = config.input_resolution / shorter
            size = [round(side * scale) for side in features.shape[2:]]
            features = F.interpolate(
                features, size=size, mode="bilinear", antialias=config.antialias
            )
        return features
