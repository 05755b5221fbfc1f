"""The whole background, unrolled, with a frame where the camera looks."""

import math
from collections.abc import Iterator

import numpy as np
from imgui_bundle import ImVec4, imgui

from ballgan.panoramas import bundled_panoramas
from ballgan.view import Orbit

from .. import actions as act
from .. import icons, theme
from ..baker import backdrop_camera, turned_camera
from ..info import ViewInfo
from ..layout import Rect
from ..navigation import eye_position, image_axes
from ..state import ViewerState
from ..surroundings import UNROLLED
from ..ui import Ui, colour_u32

VEIL = 0.7  # opacity
SIDE_POINTS = 12  # on each side of the frame
SAVE_TIP = (
    "Writes the whole background as an equirectangular PNG of 2048 x 1024 pixels, in its raw "
    "colours, before super-resolution."
)
EDIT_TIP = (
    "Writes the same PNG and shows the file instead. Change it in any program: what you save there "
    "shows here at once."
)
WATCHED = "Change this file in any program: what you save there shows here at once."


def draw_sphere(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The fold; nothing where there is no whole to show."""
    if not state.can_unroll:
        return []
    tip = "The whole background as a map: what is ahead in the middle, what is behind at the edges."
    with ui.fold("background.sphere", "Unrolled", tip=tip) as unfolded:
        if not unfolded:
            return []
        width = imgui.get_content_region_avail().x
        ui.picture("background.unrolled", info.picture(UNROLLED), (width, width / 2))
        place = ui.rects["background.unrolled"]
        if info.unrolled:
            _veil(ui, place, info.unrolled)
        _draw_frame(ui, place, find_frame(state))
        return _draw_buttons(ui, state)


def _veil(ui: Ui, place: Rect, words: str) -> None:
    """Dim a picture that is not, or no longer, that of the present background, and say so."""
    draw, size = imgui.get_window_draw_list(), imgui.calc_text_size(words)
    low, high = (place.x, place.y), (place.x + place.width, place.y + place.height)
    colour = ImVec4(theme.CONTROL.x, theme.CONTROL.y, theme.CONTROL.z, VEIL)
    draw.add_rect_filled(low, high, colour_u32(colour), ui.px(5))
    corner = (place.centre[0] - size.x / 2, place.y + 0.75 * place.height - size.y / 2)
    draw.add_text(corner, colour_u32(theme.TEXT_DIM), words)


def _draw_buttons(ui: Ui, state: ViewerState) -> list[act.Action]:
    free = state.job("sphere") is None
    gap = ui.px(4)
    backdrop = state.view.backdrop
    is_file = backdrop.kind == "photo" and backdrop.photo not in bundled_panoramas().values()
    width = -1.0 if is_file else (imgui.get_content_region_avail().x - gap) / 2
    actions: list[act.Action] = []
    if ui.button(
        "background.sphere.save",
        "Save as PNG",
        icon=icons.SAVE,
        width=width,
        enabled=free,
        tip=SAVE_TIP,
    ):
        actions.append(act.WriteSphere())
    if is_file:
        ui.text(WATCHED, theme.TEXT_DIM, small=True, wrap=True)
        return actions
    imgui.same_line(0, gap)
    if ui.button(
        "background.sphere.edit",
        "Edit a copy",
        icon=icons.EDIT,
        width=-1,
        enabled=free,
        tip=EDIT_TIP,
    ):
        actions.append(act.WriteSphere(edit=True))
    return actions


def find_frame(state: ViewerState) -> np.ndarray:
    """The border of what the camera sees on the unrolled background (see `outline`)."""
    model, backdrop = state.model, state.view.backdrop
    camera = backdrop_camera(state.seen.view)
    if model is None:
        return outline(camera)
    if backdrop.kind != "learnt":
        return outline(camera, radius=model.surround_radius)
    # A cube turns with the background; where it lies still it is parallel to the axes.
    turned = turned_camera(camera, backdrop.sphere_yaw)
    line = outline(turned, radius=model.background_radius, side=model.background_side)
    line[:, 0] = (line[:, 0] + backdrop.sphere_yaw / math.tau) % 1
    return line


def _draw_frame(ui: Ui, place: Rect, frame: np.ndarray) -> None:
    """Draw a line on the unrolled picture."""
    draw = imgui.get_window_draw_list()
    draw.push_clip_rect((place.x, place.y), (place.x + place.width, place.y + place.height), True)
    for line in split_at_seam(frame):
        points = [(place.x + u * place.width, place.y + v * place.height) for u, v in line]
        for colour, thickness in ((theme.STAGE, 3.0), (theme.ACCENT, 1.5)):
            for start, end in zip(points, points[1:], strict=False):
                draw.add_line(start, end, colour_u32(colour), ui.px(thickness))
    draw.pop_clip_rect()


def outline(camera: Orbit, *, radius: float = 0.0, side: float = 0.0) -> np.ndarray:
    """The border of a camera's square picture on the unrolled background: (N, 2), closed.

    radius: of the background's sphere, side: of its cube, world units, round the camera; both 0:
    infinitely far. Places are right and down, in [0, 1], as ballgan.geometry has them.
    """
    run = np.linspace(-1.0, 1.0, SIDE_POINTS, endpoint=False)
    one = np.ones_like(run)
    across = np.concatenate([run, one, -run, -one, run[:1]])
    down = np.concatenate([-one, run, one, -run, -one[:1]])
    right, up = (np.array(axis) for axis in image_axes(camera))
    spread = math.tan(camera.fov / 2)
    rays = spread * (across[:, None] * right - down[:, None] * up) - np.array(camera.direction)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    eye = np.array(eye_position(camera))
    if side > 0:
        steep = np.where(np.abs(rays) > 1e-9, rays, 1e-9)
        faces = (np.copysign(side / 2, steep) - eye) / steep  # distances to the faces ahead
        rays = eye + faces.min(1, keepdims=True) * rays
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    elif radius > 0:
        closest = -rays @ eye
        foot = eye + closest[:, None] * rays
        chord = np.sqrt(np.maximum(radius**2 - (foot**2).sum(1), 0.0))
        rays = eye + (closest + chord)[:, None] * rays
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    u = 0.5 + np.arctan2(rays[:, 0], -rays[:, 2]) / (2 * math.pi)
    v = np.arccos(np.clip(rays[:, 1], -1.0, 1.0)) / math.pi
    return np.stack([u, v], axis=1)


def split_at_seam(line: np.ndarray) -> Iterator[np.ndarray]:
    """Pieces of a line (N, 2) that do not leave the picture at its left or right edge."""
    jumps = np.flatnonzero(np.abs(np.diff(line[:, 0])) > 0.5) + 1
    yield from (piece for piece in np.split(line, jumps) if len(piece) > 1)
