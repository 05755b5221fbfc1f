"""The generator: codes -> field -> volume rendering before a background -> picture.

Each stage is a method, so that callers can keep the results of the earlier ones (see scene.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .background_network import BackgroundNetwork
from .camera import corner_rays, rays_from_labels
from .config import ModelConfig
from .geometry import intersect_box
from .latents import z_from_seed
from .parts import make_background, make_foreground, make_super_resolution
from .quick_synthesis import synthesize_planes
from .style_field import StyleField
from .style_upsampling import StyleUpsampling
from .stylegan2 import Mapping, Step, truncate
from .stylenerf_config import StyleUpsamplingConfig
from .volume import (
    Composite,
    RaySamples,
    composite,
    draw_coarse,
    draw_fine,
    interval_weights,
)


@dataclass(frozen=True)
class Synthesis:
    """Result of `Generator.forward`.

    image: (B, 3, H, W), nominally in [-1, 1]. raw: (B, 3, n, n), the volume-rendered picture.
    opacity, transmittance: (B, 1, n, n), of the foreground. distance: (B, 1, n, n), expected, of
    the full picture. field_code: as `Generator.field_code` gives it. samples: of the B n^2 rays.
    """

    image: Tensor
    raw: Tensor
    opacity: Tensor
    transmittance: Tensor
    distance: Tensor
    field_code: Tensor
    samples: RaySamples


class Generator(nn.Module):
    """A 3D-aware generator: foreground field, background and image head, as `config` says.

    EG3D's tri-planes or StyleNeRF's MLP in front; behind it BallGAN's sphere, another background,
    or none.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.meta: dict[str, Any] = {}
        self.mapping = Mapping(config.mapping)
        self.backbone, self.field = make_foreground(config)
        self.background = make_background(config)
        self.super_resolution = make_super_resolution(config)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mapping.w_avg.device

    def grow(self, growth: float) -> None:
        """Take another state of progressive growing; only with StyleNeRF's image head."""
        self.config = self.config.grown(growth)
        if isinstance(self.super_resolution, StyleUpsampling):
            assert isinstance(self.config.super_resolution, StyleUpsamplingConfig)
            self.super_resolution.config = self.config.super_resolution

    # Codes

    def map(
        self,
        z: Tensor,
        label: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """z (B, z_dim) and the conditioning camera label (B, 25) -> ws (B, num_ws, w_dim).

        The label conditions the mapping only; it need not be the camera that renders.
        """
        w = self.mapping(z, label)
        return truncate(
            w, self.mapping.w_avg, truncation_psi, truncation_cutoff, self.config.num_ws
        )

    def map_background(
        self,
        z: Tensor,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """z (B, z_dim) of the background -> ws_bg (B, rows, w_dim).

        Where the raw code is concatenated, it is returned as (B, 1, z_dim), untruncated. A
        background without a mapping network of its own takes its rows of what `map` gives.
        """
        background = self._require_background()
        if self.config.shares_mapping:
            ws = self.map(z, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
            first = self.config.num_field_ws
            return ws[:, first : first + self.config.num_shared_ws]
        if background.mapping is None:
            return z[:, None]
        return truncate(
            background.mapping(z),
            background.mapping.w_avg,
            truncation_psi,
            truncation_cutoff,
            background.num_ws,
        )

    def z(self, seed: int) -> Tensor:
        """Foreground z (1, z_dim) of a seed."""
        return z_from_seed(seed, self.config.mapping.z_dim).to(self.device)

    def z_background(self, seed: int) -> Tensor:
        """Background z (1, z_dim) of a seed."""
        return z_from_seed(seed, self._require_background().config.z_dim).to(self.device)

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer that reads ws: its row, and what turns w into styles (C, w_dim)."""
        if self.backbone is not None:
            yield from self.backbone.style_weights()
        elif isinstance(self.field, StyleField):
            yield from self.field.style_weights()
        if self.super_resolution is not None:
            count = self.config.num_ws
            yield from ((count + row, w) for row, w in self.super_resolution.style_weights())

    # Foreground

    def field_code(
        self,
        ws: Tensor,
        *,
        noise: str = "const",
        generator: torch.Generator | None = None,
        step: Step | None = None,
        quick: bool = False,
    ) -> Tensor:
        """ws -> the code of B scenes that the field is looked up with.

        Of tri-planes: feature planes (B, 3, C, H, W), laid out in memory with channels last. Of
        StyleNeRF's MLP: the rows of ws (B, R, w_dim) that style its layers.

        noise: "none", "const" or "random". step: called between layers; it may raise to stop.
        quick: one code, constant noise, no gradients; less precise where that is faster.
        """
        ws = ws[:, : self.config.num_field_ws]
        if self.backbone is None:
            return ws
        if quick:
            image = synthesize_planes(self.backbone, ws, step)
        else:
            image = self.backbone(ws, noise, generator, step)
        image = image.view(image.shape[0], 3, -1, *image.shape[2:])
        return image.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)

    def planes(self, ws: Tensor, *, noise: str = "const", quick: bool = False) -> Tensor:
        """Feature planes (B, 3, C, H, W) of ws: the field code of tri-planes; see `field_code`.

        Raises ValueError for a model whose field has no planes.
        """
        if self.backbone is None:
            raise ValueError("This model's field is an MLP, without planes; use field_code.")
        return self.field_code(ws, noise=noise, quick=quick)

    def density(self, field_code: Tensor, points: Tensor) -> Tensor:
        """Raw density (N,) at points (N, 3) of one scene."""
        return self.field.density(field_code, points[None])[0]

    def color(self, field_code: Tensor, points: Tensor) -> Tensor:
        """Raw colour (N, 3) in [0, 1] at points (N, 3) of one scene, before super-resolution."""
        return self.field.features(field_code, points[None])[0, :, :3].clamp(0, 1)

    def march(
        self,
        field_code: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        interval: tuple[Tensor, Tensor] | None = None,
        samples: int | None = None,
    ) -> Composite:
        """Gather the foreground along rays; arguments as for `sample_rays`."""
        return composite(
            self.sample_rays(field_code, origins, directions, interval=interval, samples=samples)
        )

    def sample_rays(
        self,
        field_code: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        interval: tuple[Tensor, Tensor] | None = None,
        samples: int | None = None,
        coarse_gradient: bool = True,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> RaySamples:
        """The field along rays, by the published two-pass scheme to rounding.

        Args:
            field_code: as `field_code` gives it, for B scenes.
            origins, directions: (B, N, 3); directions of unit length.
            interval: near and far distance of each ray, (B * N, 1); None: `ray_interval`, for
                rays that are a whole image.
            samples: coarse, and as many fine, samples a ray; None: the model's numbers.
            coarse_gradient: whether gradients pass the coarse samples, too: without, many of them
                cost little in training, and the fine ones are where they matter.
            density_noise: standard deviation of noise added to the raw density.
            generator: random placement in the strata, and the noise; None: centres, no noise.

        Returns samples of B * N rays.
        """
        config = self.config.sampling
        coarse_count = config.coarse_samples if samples is None else samples
        fine_count = config.fine_samples if samples is None else samples
        batch, count, _ = origins.shape
        near, far = interval or self.ray_interval(origins, directions)
        stretch, near, far = self._measure_depth(near, far)
        directions = directions * stretch.view(batch, count, 1)

        def evaluate(distances: Tensor) -> tuple[Tensor, Tensor]:
            density, features = self._field_along_rays(field_code, origins, directions, distances)
            if density_noise and generator is not None:
                noise = torch.randn(density.shape, generator=generator, device=density.device)
                density = density + density_noise * noise
            return density, features

        def gather(
            distances: Tensor, density: Tensor, features: Tensor, order: Tensor | None = None
        ) -> RaySamples:
            along, rest = distances * stretch, (order, config.scheme, config.opaque_end)
            return RaySamples(along, density, features, *rest)

        jitter = _uniform((batch * count, coarse_count), generator, origins)
        coarse = draw_coarse(
            near, far, coarse_count, config.scheme, jitter=jitter, disparity=config.disparity
        )  # (B N, S)
        with torch.set_grad_enabled(coarse_gradient and torch.is_grad_enabled()):
            density, features = evaluate(coarse)
        if not fine_count:
            return gather(coarse, density, features)
        with torch.no_grad():
            weights, _ = interval_weights(coarse * stretch, density, config.scheme)
        u = _uniform((batch * count, fine_count), generator, coarse)
        if u is not None:  # one in each of as many parts: fewer rays miss what is thin
            u = (torch.arange(fine_count, device=u.device, dtype=u.dtype) + u) / fine_count
        fine = draw_fine(coarse, weights, fine_count, config.scheme, u=u)
        fine_density, fine_features = evaluate(fine)
        distances, order = torch.cat([coarse, fine], dim=1).sort(dim=1, stable=True)
        density = torch.cat([density, fine_density], dim=1).gather(1, order)
        return gather(distances, density, torch.cat([features, fine_features], dim=1), order)

    def _measure_depth(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Factors by which rays are lengthened, and near and far (M, 1) in their new lengths.

        Planar models measure along the camera's axis: near and far are the same numbers for all
        rays. Importance sampling would amplify the rounding of any other way.
        """
        config = self.config.sampling
        if not config.planar or config.near is None or config.far is None:
            return torch.ones_like(near), near, far
        stretch = near / config.near
        return stretch, torch.full_like(near, config.near), torch.full_like(far, config.far)

    def ray_interval(
        self, origins: Tensor, directions: Tensor, axis: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Near and far distance at which to sample rays (B, N, 3): (B * N, 1) each.

        axis: (B, 3), in which direction the cameras look, for models that measure depth along it;
        None: the middle of the rays.
        """
        config = self.config.sampling
        if config.near is not None and config.far is not None:
            stretch = torch.ones_like(origins[..., 0])
            if config.planar:
                if axis is None:
                    axis = nn.functional.normalize(directions.mean(1), dim=-1)
                stretch = 1 / (directions * axis[:, None]).sum(-1)
            stretch = stretch.view(-1, 1)
            return config.near * stretch, config.far * stretch
        near, far = intersect_box(origins, directions, self.config.field.box_warp)
        hit = far > near
        # Rays beside the box get the interval that published models with these bounds use: from
        # the nearest to the farthest entry of the others. (No branch: it would wait for the GPU.)
        closest = torch.where(hit, near, torch.inf).amin().nan_to_num(posinf=0.0)
        farthest = torch.where(hit, near, -torch.inf).amax().nan_to_num(neginf=1.0)
        near = torch.where(hit, near, closest)
        far = torch.where(hit, far, farthest)
        return near.view(-1, 1), far.view(-1, 1)

    def _field_along_rays(
        self, field_code: Tensor, origins: Tensor, directions: Tensor, distances: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Raw density (B N, S) and features (B N, S, F) at `distances` (B N, S) along the rays."""
        batch, count, _ = origins.shape
        steps = distances.shape[1]
        along = distances.view(batch, count, steps, 1)
        points = origins[:, :, None] + along * directions[:, :, None]  # (B, N, S, 3)
        density, features = self.field(field_code, points.flatten(1, 2))
        return density.view(batch * count, steps), features.view(batch * count, steps, -1)

    # Background

    def look_behind(
        self,
        ws_bg: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What rays (B, N, 3) see of the background: features (B, N, F) and distance (B, N)."""
        return self._require_background().look(
            ws_bg, origins, directions, density_noise=density_noise, generator=generator
        )

    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError if rays (..., 3) come from where the background cannot be seen."""
        if self.background is not None:
            self.background.check_rays(origins, directions)

    def check_cameras(self, labels: Tensor) -> None:
        """Raise ValueError if a camera, labels (B, 25), is where the background cannot be seen."""
        self.check_rays(*corner_rays(labels))

    # Picture

    def picture(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
        *,
        quick: bool = False,
    ) -> Tensor:
        """Feature image (B, F, n, n) in [0, 1] -> picture (B, 3, H, W), nominally in [-1, 1].

        step: called between layers; it may raise to stop. quick: see `SuperResolution.forward`.
        """
        features = features * 2 - 1
        if self.super_resolution is None:
            return features[:, :3]
        return self.super_resolution(features, ws, generator, step, quick=quick)

    def forward(
        self,
        z: Tensor,
        label: Tensor,
        z_bg: Tensor | None = None,
        *,
        conditioning: Tensor | None = None,
        truncation_psi: float = 1.0,
        neural_resolution: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Synthesis:
        """The whole pass, differentiable.

        Args:
            z: (B, z_dim). z_bg: (B, background z_dim), where the model has a background.
            label: (B, 25), the camera that renders (see `Camera.label`).
            conditioning: (B, 25), the camera that conditions the mapping; None: `label`.
            neural_resolution: side of the volume-rendered image; None: the model's.
            generator: draws the jitter of the samples; None: their centres.

        Raises ValueError for a camera outside the background.
        """
        self.check_cameras(label)
        ws = self.map(
            z, label if conditioning is None else conditioning, truncation_psi=truncation_psi
        )
        ws_bg = None
        if self.background is not None:
            if z_bg is None:
                raise ValueError("This model has a background: pass z_bg (B, z_dim).")
            ws_bg = self.map_background(z_bg, truncation_psi=truncation_psi)
        return self.synthesize(
            ws, ws_bg, label, neural_resolution=neural_resolution, generator=generator
        )

    def synthesize(
        self,
        ws: Tensor,
        ws_bg: Tensor | None,
        label: Tensor,
        *,
        neural_resolution: int | None = None,
        coarse_gradient: bool = True,
        density_noise: float = 0.0,
        noise: str = "const",
        generator: torch.Generator | None = None,
    ) -> Synthesis:
        """From mapped codes to pictures; `noise` is that of the backbone's layers.

        Other arguments as for `forward` and `sample_rays`. Does not wait for the GPU, and so does
        not check the cameras.
        """
        size = neural_resolution or self.config.neural_resolution
        field_code = self.field_code(ws, noise=noise, generator=generator)
        origins, directions = rays_from_labels(label, size, self.config.sampling.ray_shift)
        samples = self.sample_rays(
            field_code,
            origins,
            directions,
            interval=self.ray_interval(origins, directions, label[:, [2, 6, 10]]),
            coarse_gradient=coarse_gradient,
            density_noise=density_noise,
            generator=generator,
        )
        gathered = composite(samples)
        if ws_bg is None:
            features, distance = self.without_background(gathered), gathered.mean_distance()
        else:
            behind, far = self.look_behind(
                ws_bg, origins, directions, density_noise=density_noise, generator=generator
            )
            features = gathered.over(behind.flatten(0, 1))
            distance = gathered.mean_distance(far.flatten())
        batch = ws.shape[0]
        image = features.view(batch, size, size, -1).permute(0, 3, 1, 2)
        return Synthesis(
            image=self.picture(image, ws, generator),
            raw=image[:, :3] * 2 - 1,
            opacity=gathered.opacity.view(batch, 1, size, size),
            distance=distance.view(batch, 1, size, size),
            transmittance=gathered.transmittance.view(batch, 1, size, size),
            field_code=field_code,
            samples=samples,
        )

    def without_background(self, gathered: Composite) -> Tensor:
        """Features (N, F) of a model without a background: black or white where nothing is."""
        if self.config.white_background:
            return gathered.features + 1 - gathered.opacity[:, None]
        return gathered.features

    def _require_background(self) -> BackgroundNetwork:
        if self.background is None:
            raise ValueError("This model has no background network; its background is one colour.")
        return self.background


def _uniform(
    shape: tuple[int, int], generator: torch.Generator | None, like: Tensor
) -> Tensor | None:
    """Random numbers in [0, 1), or None for the centres of the strata."""
    if generator is None:
        return None
    return torch.rand(shape, generator=generator, device=like.device, dtype=like.dtype)
