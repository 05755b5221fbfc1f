"""One foreground code, ready to be seen by any camera."""

from collections.abc import Callable
from functools import cached_property

from torch import Tensor

from .camera import Orbit, Rays
from .chunks import Progress, part_of
from .cores import cut_for_cores, run_on_cores
from .generator import Generator
from .marching import RayBundle, choose_steps, march_in_tiles, march_quickly
from .occupancy import OccupancyGrid, find_occupancy, refine_occupancy
from .quick_field import AnyQuickField, prepare_field
from .volume import Composite

# Small tiles stay in a processor's cache and can be cancelled soon; a GPU wants large ones.
PLAIN_RAYS_PER_TILE = {"cpu": 1024, "cuda": 2**14}
QUICK_RAYS_PER_TILE = {"cpu": 4096, "cuda": 2**14}
FEW_RAYS = 48**2  # for which the fine grid costs more than it saves
TRIAL_RESOLUTION = 16  # of the picture that shows how many steps a field needs


class Foreground:
    """What the field is looked up in, and what the fast sampler makes of it when it first needs it.

    field_code: as `Generator.field_code` gives it, for one scene.
    """

    def __init__(self, model: Generator, field_code: Tensor) -> None:
        self.field_code = field_code
        self._model = model

    @cached_property
    def field(self) -> AnyQuickField:
        """The field, prepared for many look-ups."""
        return prepare_field(self._model.field, self.field_code)

    @cached_property
    def coarse_grid(self) -> OccupancyGrid:
        """Where the field is not empty: found quickly, for a preview of a new code."""
        return find_occupancy(self.field)

    @cached_property
    def grid(self) -> OccupancyGrid:
        """Where the field is not empty."""
        return refine_occupancy(self.field, self.coarse_grid)

    @cached_property
    def steps(self) -> int:
        """Steps along a ray that show the field's detail, found with the model's front camera."""
        camera = Orbit().resolve(self._model.config.camera)
        rays = camera.rays(TRIAL_RESOLUTION, TRIAL_RESOLUTION, self.field_code.device)
        return choose_steps(self.field, self.coarse_grid, self.bundle(rays))

    def bundle(self, rays: Rays, offset: float = 0.5) -> RayBundle:
        """Rays with the interval in which the model samples them, and where in its steps."""
        near, far = self._model.ray_interval(
            rays.origins[None], rays.directions[None], rays.axis[None]
        )
        return RayBundle(rays.origins, rays.directions, near, far, offset)

    def march_plainly(
        self, rays: RayBundle, samples: int | None, report: Callable[[float], None]
    ) -> Composite:
        """The published two-pass scheme to rounding; `report` gets the fraction done."""
        count = len(rays.origins)

        def march(part: slice) -> Composite:
            report(part.start / count)
            tile = rays.tile(part)
            return self._model.march(
                self.field_code,
                tile.origins[None],
                tile.directions[None],
                interval=(tile.near, tile.far),
                samples=samples,
            )

        return march_in_tiles(march, count, _tile_of(self.field_code, PLAIN_RAYS_PER_TILE))

    def march_quickly(
        self, rays: RayBundle, samples: int | None, report: Callable[[float], None]
    ) -> Composite:
        """One pass of even steps through what is not empty; `samples`: steps, None: chosen."""
        count, steps = len(rays.origins), samples or self.steps
        field, grid = self.field, self.grid if count > FEW_RAYS else self.coarse_grid
        tile = _tile_of(self.field_code, QUICK_RAYS_PER_TILE)

        def march(part: slice, report: Progress) -> Composite:
            return march_quickly(field, grid, rays.tile(part), steps, report)

        if self.field_code.device.type == "cpu":
            gathered = Composite.empty(count, field.feature_channels, like=rays.origins)
            run_on_cores(
                lambda part, report: gathered.put(part, march(part, report)),
                cut_for_cores(count, tile),
                report,
            )
            return gathered

        def march_tile(part: slice) -> Composite:
            return march(part, part_of(report, part.start / count, min(part.stop / count, 1.0)))

        return march_in_tiles(march_tile, count, tile)


def _tile_of(field_code: Tensor, sizes: dict[str, int]) -> int:
    return sizes.get(field_code.device.type, sizes["cpu"])
