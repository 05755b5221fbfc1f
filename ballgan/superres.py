"""Super-resolution: from the feature image to the picture (EG3D sec. 4.3)."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SuperResolutionConfig
from .graphs import replay
from .quick_synthesis import fast_dtype, half_precision, run_blocks
from .shortage import try_with_less
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
        last = ws[:, -1:].expand(-1, 3, -1)
        if not quick:
            return self._run(features, last, generator, step)
        if features.device.type == "cpu":
            return self._run_in_strips(features, last, step)
        return try_with_less(
            lambda: self._run_at_once(features, last, generator, step),
            lambda: self._run_in_strips(features, last, step),
            self,
        )

    def _run(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> Tensor:
        """The blocks, whose rows are ws (B, 3, w_dim)."""
        x, image = features.contiguous(memory_format=torch.channels_last), features[:, :3]
        for block in self.blocks:
            x, image = block(x, image, ws, self.config.noise, generator, step)
        return image

    def _run_at_once(
        self, features: Tensor, ws: Tensor, generator: torch.Generator | None, step: Step | None
    ) -> Tensor:
        """For a GPU."""
        if self.config.noise == "random":  # which a CUDA graph would repeat, or share with others
            with half_precision(features.device):
                return self._run(features, ws, generator, step).float()
        return replay(self, _run_in_half_precision, features, ws, step=step)

    def _run_in_strips(self, features: Tensor, ws: Tensor, step: Step | None) -> Tensor:
        """For a CPU, and for a GPU that is short of memory."""
        image = features[:, :3]
        x = features[0].permute(1, 2, 0).to(fast_dtype(features.device))
        return run_blocks(self.blocks, x, image, [ws] * len(self.blocks), self.config.noise, step)

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


def _run_in_half_precision(
    network: SuperResolution, features: Tensor, ws: Tensor, step: Step | None
) -> Tensor:
    with half_precision(features.device):
        return network._run(features, ws, step=step).float()
