"""The GL preview: the baked foreground before the background, drawn in the frame that asks for it.

What is drawn comes from the baker's thread (baker.py) and is uploaded in slices. Only for the
thread with the context. Rectangles are in framebuffer pixels, y down.
"""

import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ballgan.colormaps import apply_colormap
from ballgan.view import Backdrop, Identity, Orbit, View

from . import gl
from .baker import backdrop_camera, essence, gain_of, lights_key, needs_worker
from .gl_volume import Canvas, Grid, SlicedPicture, Stopwatch, format_of
from .layout import Rect
from .navigation import eye_position, image_axes, ray_direction
from .picture import place
from .requests import Backcloth, Lights, Model, Volume, VolumeDetail

SLICE = 2**22  # bytes that are uploaded in a frame
STRIDES = 64.0  # samples along a side of the volume
NORMAL_REACH = 1 / 64  # of the volume's side, for the density's gradient
SHARES = (1.0, 0.75, 0.5, 0.375, 0.25)  # of the picture's side, in rays while something moves
FIRST_SHARE = 0.5  # until it is known how fast this machine is
PATIENCE_MS = 16.0  # for the rays of a frame while something moves
STILL_PATIENCE_MS = 80.0  # and while nothing does
LAYERS = {"alpha": 1, "depth": 2, "normals": 3, "surface": 4, "probe": 5}  # others show colours: 0
# Of what is behind, in behind.glsl; 0: nothing.
KINDS = {"plain": 1, "panorama": 2, "photo": 3, "gradient": 4, "cube": 5, "plane": 6, "shells": 7}
MOST_SIZES = 8  # that the shader has room for
RAMP = np.linspace(0.0, 1.0, 33)  # places of the colours that the shader knows
FAR = 1e6  # beyond everything, world units

Job = Callable[[], None]


class Preview:
    """Owns the scene as GL resources."""

    def __init__(self) -> None:
        self._march = gl.Program("picture.vert", "preview.frag")
        self._compose = gl.Program("picture.vert", "scene.frag")
        self._quad = gl.Quad()
        self._coarse = (Grid(), Grid())
        self._fine = (Grid(), Grid())
        self._cleared: Any = None  # of what kind the fine grid is, once every sample is defined
        self._emptiness = Grid()
        self._panorama = SlicedPicture()
        self._canvas = Canvas()
        self._point = Canvas()  # of one pixel
        self._stopwatch = Stopwatch()
        self._volume: Volume | None = None
        self._backcloth: Backcloth | None = None
        self._lights: Lights | None = None
        self.refined = False  # whether the fine grid of the volume shows
        self.milliseconds = 0.0  # that the rays of the last measured frame took
        self._ms_a_ray = 0.0
        self._measured_side = 0
        self._drawn: Any = None  # what the canvas shows
        self._volume_jobs: deque[tuple[int, Job]] = deque()  # bytes, upload
        self._picture_jobs: deque[tuple[int, Job]] = deque()
        self._sender: Model | None = None  # of what waits to be uploaded

    # What arrives

    def forget_closed(self, models: Collection[Model]) -> None:
        """Let go of what belongs to none of the open `models`."""
        for name in "_volume", "_backcloth", "_lights":
            kept = getattr(self, name)
            if kept is not None and kept.model not in models:
                setattr(self, name, None)
        if self._sender not in models:
            self._volume_jobs.clear()
            self._picture_jobs.clear()
            self._sender = None

    def receive(self, result: Volume | VolumeDetail | Backcloth | Lights) -> None:
        """Take what the baker has made."""
        self._sender = result.model
        if isinstance(result, Volume):
            self._volume_jobs.clear()
            size = result.coarse.density.nbytes + result.coarse.color.nbytes
            self._volume_jobs.append((size, partial(self._use_volume, result)))
            self._volume_jobs.extend(self._clear_fine(result.coarse))
        elif isinstance(result, VolumeDetail):
            bricks = result.bricks
            size = bricks.density.nbytes + bricks.color.nbytes
            self._volume_jobs.append((size, partial(self._add_bricks, result)))
        elif isinstance(result, Lights):
            self._lights = result
        else:
            self._picture_jobs = deque(self._hang(result))

    def upload(self) -> bool:
        """Upload a slice of what has arrived; whether something is left."""
        for jobs in self._picture_jobs, self._volume_jobs:
            done = 0
            while jobs and done < SLICE:
                size, job = jobs.popleft()
                job()
                done += size
        return self.pending

    @property
    def pending(self) -> bool:
        """Whether something waits to be uploaded."""
        return bool(self._picture_jobs or self._volume_jobs)

    def _use_volume(self, volume: Volume) -> None:
        self._coarse[0].upload(volume.coarse.density)
        self._coarse[1].upload(volume.coarse.color)
        self._emptiness.upload(volume.coarse.distance)
        self._volume, self.refined, self._drawn = volume, False, None

    def _clear_fine(self, coarse: Any) -> list[tuple[int, Job]]:
        """Uploads that define a fine grid for a `Coarse` of another kind than before: filters may
        touch unused samples."""
        side = coarse.extent.cells + 1
        kind = side, coarse.color.dtype
        if self._cleared == kind:
            return []
        self._cleared = None
        jobs: list[tuple[int, Job]] = []
        for grid, like in zip(self._fine, (coarse.density, coarse.color), strict=True):
            grid.allocate(side, format_of(like))
            layer = np.zeros((1, side, side, *like.shape[3:]), like.dtype)
            depth = max(1, SLICE // layer.nbytes)
            for z in range(0, side, depth):
                slab = np.broadcast_to(layer, (min(depth, side - z), *layer.shape[1:]))
                jobs.append((slab.nbytes, partial(grid.write, (z, 0, 0), slab)))
        jobs.append((0, partial(setattr, self, "_cleared", kind)))
        return jobs

    def _add_bricks(self, detail: VolumeDetail) -> None:
        if self._volume is None or detail.identity != self._volume.identity:
            return
        bricks = detail.bricks
        cells = bricks.density.shape[1] - 1
        for corner, density, color in zip(
            cells * bricks.places, bricks.density, bricks.color, strict=True
        ):
            self._fine[0].write(corner, density)
            self._fine[1].write(corner, color)
        if bricks.fraction >= 1:
            self.refined, self._drawn = True, None

    def _hang(self, cloth: Backcloth) -> list[tuple[int, Job]]:
        jobs: list[tuple[int, Job]] = []
        pixels = cloth.pixels
        if pixels is not None:
            height, width, _ = pixels.shape
            mirrored = cloth.kind in ("photo", "plane")
            begin = partial(self._panorama.begin, width, height, mirrored=mirrored)
            jobs.append((0, begin))
            rows = max(1, SLICE // (2 * 4 * width))
            for row in range(0, height, rows):
                part = pixels[row : row + rows]
                jobs.append((part.nbytes, partial(self._panorama.write, row, part)))
        jobs.append((0, partial(self._use_backcloth, cloth)))
        return jobs

    def _use_backcloth(self, cloth: Backcloth) -> None:
        if cloth.pixels is not None:
            self._panorama.show()
        self._backcloth = cloth

    # What can be shown

    def shows(self, model: Model | None, view: View) -> bool:
        """Whether there is anything of the model that can be drawn for the view."""
        if model is None:
            return False
        has_volume = self._volume is not None and self._volume.model == model
        if view.layer != "background" and not has_volume:
            return False
        cloth = self._backcloth
        return not needs_worker(shown_backdrop(view)) or (
            cloth is not None and cloth.model == model
        )

    def is_current(self, model: Model | None, view: View) -> bool:
        """Whether what `draw` shows has the view's codes and background."""
        if model is None or not self.shows(model, view):
            return False
        volume, backdrop = self._volume, shown_backdrop(view)
        if view.layer != "background" and (volume is None or volume.identity != view.identity):
            return False
        if backdrop.match_light and (
            self._lights is None or self._lights.backdrop != lights_key(backdrop)
        ):
            return False
        return not needs_worker(backdrop) or (
            self._backcloth is not None and self._backcloth.backdrop == essence(backdrop)
        )

    @property
    def identity(self) -> Identity | None:
        """The foreground that `draw` shows."""
        return self._volume.identity if self._volume is not None else None

    @property
    def side(self) -> int:
        """Rays along a side of the last picture."""
        return self._canvas.side

    @property
    def cells(self) -> int:
        """Along a side of the grid that shows."""
        if self._volume is None:
            return 0
        extent = self._volume.coarse.extent
        return int(extent.cells) if self.refined else self._coarse[0].side - 1

    @property
    def _ray_shift(self) -> float:
        """Of the model's rays (see ModelInfo)."""
        source = self._volume or self._backcloth
        return source.model.info.ray_shift if source is not None else 0.0

    # Drawing

    def draw(
        self,
        view: View,
        rectangle: Rect,
        framebuffer: tuple[int, int],
        scale: float,
        *,
        moving: bool = False,
    ) -> None:
        """Draw the view into `rectangle`; `scale`: pixels a logical pixel.

        moving: hurry. One ray a pixel is shot where that is quick enough, else fewer; what is
        behind them is always drawn pixel by pixel.
        """
        foreground = view.layer != "background" and self._volume is not None
        if foreground:
            self._shoot(view, self._choose_side(round(rectangle.width), moving))
        self._canvas.bind(0)
        self._panorama.bind(1)
        self._compose.use(
            foreground=0,
            panorama=1,
            has_foreground=float(foreground),
            **place(rectangle, framebuffer, scale, grounded=view.layer == "surface"),
            **_camera_uniforms(backdrop_camera(view)),
            ray_shift=self._ray_shift,
            **self._behind_uniforms(view),
        )
        gl.draw_flat(self._quad)

    def _choose_side(self, side: int, moving: bool) -> int:
        """Rays along a side of the picture."""
        if not self._ms_a_ray:
            return max(round(FIRST_SHARE * side), 1)
        most = (PATIENCE_MS if moving else STILL_PATIENCE_MS) / self._ms_a_ray
        share = next((s for s in SHARES if (s * side) ** 2 <= most), SHARES[-1])
        return max(round(share * side), 1)

    def _shoot(self, view: View, side: int) -> None:
        """Draw the foreground into the canvas, unless that is what it shows."""
        assert self._volume is not None
        light = self._light_uniforms(view)
        shaded = (id(self._lights), view.backdrop.camera, view.backdrop.light_strength)
        wanted = (view.camera, view.layer, view.relevant().depth, shaded if light["lit"] else None)
        if self._drawn == wanted and self.side >= side:
            return
        self._read_stopwatch()
        self._use_march(view, LAYERS.get(view.layer, 0))
        with self._canvas.drawing(side), self._stopwatch.measuring():
            gl.draw_flat(self._quad)
        self._measured_side = self._measured_side or side
        self._drawn = wanted

    def _use_march(self, view: View, layer: int) -> None:
        """Make the march current for a view, with all its uniforms."""
        assert self._volume is not None
        extent = self._volume.coarse.extent
        grids = self._fine if self.refined else self._coarse
        for unit, grid in enumerate((*grids, self._emptiness)):
            grid.bind(unit)
        length = 2 * extent.half_side
        self._march.use(
            density=0,
            colours=1,
            emptiness=2,
            cells=float(self.cells),
            bricks=float(self._emptiness.side),
            half_side=float(extent.half_side),
            interval=extent.interval or (0.0, FAR),
            outside=extent.outside or (0.0, 0.0, 0.0, -FAR),
            bounded=extent.outside is None,
            stride=length / STRIDES,
            most_steps=int(4 * STRIDES),
            layer=layer,
            depth_range=view.depth.resolve(self._volume.model.info.depth_range),
            ramp=apply_colormap(RAMP, view.depth.colormap),
            normal_reach=NORMAL_REACH * length,
            rectangle=(-1.0, -1.0, 1.0, 1.0),
            **_camera_uniforms(view.camera),
            ray_shift=self._ray_shift,
            **self._light_uniforms(view),
        )

    def probe(self, view: View, place: tuple[float, float]) -> tuple[float, float] | None:
        """Opacity and distance of the foreground at a place of the picture, in [0, 1] each way.

        None if there is no foreground to shoot a ray through. Waits for the graphics card.
        """
        if self._volume is None:
            return None
        info = self._volume.model.info
        reach = 2 * info.camera_limit + info.box
        self._use_march(view, LAYERS["probe"])
        x, y, z = ray_direction(view.camera, *place, info.ray_shift)
        right, up = image_axes(view.camera)
        ray = {"right": right, "up": up, "back": (-x, -y, -z), "spread": 0.0}
        self._march.use(**ray, depth_range=(0.0, reach))
        with self._point.drawing(1):
            gl.draw_flat(self._quad)
        high, low, opacity, _ = self._point.read()[0, 0].tolist()
        return opacity / 255, reach * (256 * high + low) / 65535

    def _read_stopwatch(self) -> None:
        milliseconds = self._stopwatch.read_ms()
        if milliseconds is not None:
            self.milliseconds = max(milliseconds, 1e-3)  # some drivers count nothing
            measured = self.milliseconds / max(self._measured_side, 1) ** 2
            before = self._ms_a_ray or measured
            self._ms_a_ray = before + 0.3 * (measured - before)
            self._measured_side = 0

    def _light_uniforms(self, view: View) -> dict[str, Any]:
        """Uniforms of light.glsl."""
        lights, backdrop = self._lights, shown_backdrop(view)
        model = self._volume.model if self._volume is not None else None
        if not backdrop.match_light or lights is None or lights.model != model:
            return {"lit": False}
        if lights.new is None or lights.old is None:
            return {"lit": False}
        return {
            "lit": True,
            "light_new": lights.new,
            "light_old": lights.old,
            "light_strength": float(backdrop.light_strength),
            "light_turn": axes(backdrop_camera(view)).T @ axes(view.camera),
        }

    def _behind_uniforms(self, view: View) -> dict[str, Any]:
        """Uniforms of behind.glsl."""
        nothing = {"behind": 0}
        if view.layer == "alpha":
            return {"behind": KINDS["plain"], "behind_colour": (0.0, 0.0, 0.0)}
        backdrop = shown_backdrop(view)
        if not backdrop.visible:
            return nothing
        if view.layer == "depth":
            (far,) = apply_colormap(RAMP[:1], view.depth.colormap).tolist()
            return {"behind": KINDS["plain"], "behind_colour": tuple(far)}
        if backdrop.kind == "colour":
            return {"behind": KINDS["plain"], "behind_colour": backdrop.colour}
        if backdrop.kind == "gradient":
            info = self._volume.model.info if self._volume is not None else None
            return {
                "behind": KINDS["gradient"],
                "behind_colour": backdrop.top,
                "lower_colour": backdrop.bottom,
                "turn": backdrop.roll,
                "sizes": _fill((info.surround_radius if info else 0.0,)),
                "photo_span": (1.0, info.visible_span if info else 1.0),
            }
        cloth = self._backcloth
        if cloth is None:
            return nothing
        photo = backdrop.kind == "photo"
        return {
            "behind": KINDS[cloth.kind],
            "behind_colour": cloth.colour,
            "sizes": _fill(cloth.sizes),
            "layers": len(cloth.sizes) if cloth.kind == "shells" else 1,
            "turn": backdrop.yaw if photo else backdrop.sphere_yaw,
            "gain": gain_of(backdrop.exposure if photo else backdrop.sphere_exposure),
            "photo_span": cloth.span,
        }

    def close(self) -> None:
        """Delete everything."""
        for part in (
            self._march,
            self._compose,
            self._quad,
            *self._coarse,
            *self._fine,
            self._emptiness,
            self._panorama,
            self._canvas,
            self._point,
            self._stopwatch,
        ):
            part.close()


def _fill(sizes: tuple[float, ...]) -> np.ndarray:
    """As many sizes as the shader has room for."""
    return np.array(sizes + (0.0,) * (MOST_SIZES - len(sizes)), np.float32)


def shown_backdrop(view: View) -> Backdrop:
    """The background that the view's layer shows."""
    return view.relevant().backdrop


def for_baker(view: View) -> View:
    """A view that asks the baker for what the preview of the layer "surface" needs."""
    return replace(view, layer="foreground") if view.layer == "surface" else view


def axes(camera: Orbit) -> np.ndarray:
    """The camera's right, up and back, world units: rows of a matrix (3, 3)."""
    return np.array([*image_axes(camera), camera.direction])


def _camera_uniforms(camera: Orbit) -> dict[str, Any]:
    """Uniforms of camera.glsl."""
    right, up = image_axes(camera)
    return {
        "eye": eye_position(camera),
        "right": right,
        "up": up,
        "back": camera.direction,
        "spread": math.tan(camera.fov / 2),
    }
