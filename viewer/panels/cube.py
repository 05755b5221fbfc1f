"""The orientation cube in the corner of the stage: it turns with the object; clicks and drags on
it turn the camera.
"""

import math

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from ballgan.view import Orbit

from .. import actions as act
from .. import navigation, theme
from ..actions import camera as cam
from ..info import ViewInfo
from ..layout import Rect
from ..state import ViewerState
from ..ui import Ui, colour_u32
from .notices import BASE_FLAGS

SIZE = 84.0  # logical pixels, side of the window
MARGIN = 4.0  # logical pixels to the stage's edges: the window is larger than the cube
HALF = 0.30  # of that, half an edge of the cube
LEAST_STAGE = 260.0  # logical pixels of the stage's sides, from which there is room for it
LABELLED = 0.35  # cosine between a face and the view from which its name can be read
LIGHT = (0.35, 0.8, 0.5)  # towards the light, in the camera's axes: right, up, back
FACES: dict[str, tuple[navigation.Vector, navigation.Vector]] = {  # outward, and up on the face
    "front": ((0, 0, 1), (0, 1, 0)),
    "back": ((0, 0, -1), (0, 1, 0)),
    "right": ((1, 0, 0), (0, 1, 0)),
    "left": ((-1, 0, 0), (0, 1, 0)),
    "top": ((0, 1, 0), (0, 0, -1)),
    "bottom": ((0, -1, 0), (0, 0, 1)),
}
Corners = list[tuple[float, float]]


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw it where there is room; what the person did with it."""
    stage = info.layout.stage
    if state.model is None or min(stage.width, stage.height) < ui.px(LEAST_STAGE):
        return []
    side, margin = ui.px(SIZE), ui.px(MARGIN)
    corner = ImVec2(stage.x + stage.width - side - margin, stage.y + margin)
    imgui.set_next_window_pos(corner)
    imgui.set_next_window_size((side, side))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
        imgui_ctx.push_style_color(imgui.Col_.window_bg, ImVec4(0, 0, 0, 0)),
        imgui_ctx.begin("##cube", None, BASE_FLAGS),
    ):
        imgui.invisible_button("##cube", (side, side))
        ui.record("cube")
        middle = (corner.x + side / 2, corner.y + side / 2)
        shapes = project(state.camera, middle, HALF * side)
        pointed = _find_face(shapes) if imgui.is_item_hovered() else None
        _draw_faces(ui, state.camera, shapes, pointed)
        return _turn(ui, state.camera, pointed)


def project(
    camera: Orbit, middle: tuple[float, float], half: float
) -> dict[str, tuple[float, Corners]]:
    """The faces that can be seen: how much each is turned to the viewer, and its corners.

    The projection is parallel; the corners go round the face from its top left.
    """
    right, up = navigation.image_axes(camera)

    def place(point: navigation.Vector) -> tuple[float, float]:
        return middle[0] + half * _dot(point, right), middle[1] - half * _dot(point, up)

    shapes = {}
    for name, (outward, rise) in FACES.items():
        facing = _dot(outward, camera.direction)
        if facing > 0.02:
            across = _cross(rise, outward)
            signs = ((-1, 1), (1, 1), (1, -1), (-1, -1))
            corners = [
                place(navigation.move(navigation.move(outward, across, a), rise, r))
                for a, r in signs
            ]
            shapes[name] = (facing, corners)
    return shapes


def _turn(ui: Ui, camera: Orbit, pointed: str | None) -> list[act.Action]:
    """A drag orbits; a click without one looks at the face."""
    travelled = ui.travel.get("cube", 0.0)
    if imgui.is_item_activated():
        travelled = 0.0
    delta = imgui.get_io().mouse_delta
    actions: list[act.Action] = []
    if imgui.is_item_active():
        travelled += math.hypot(delta.x, delta.y)
        if travelled > ui.px(3):
            # Half a turn for a drag across the cube: its front stays under the pointer.
            turn = 1 / (math.pi * ui.px(SIZE) * HALF)
            actions.append(act.MoveCamera(navigation.orbit(camera, turn * delta.x, turn * delta.y)))
    if imgui.is_item_deactivated() and travelled <= ui.px(3) and pointed is not None:
        actions.append(cam.FaceSide(pointed))
    ui.travel["cube"] = travelled
    return actions


def _find_face(shapes: dict[str, tuple[float, Corners]]) -> str | None:
    """The face under the pointer."""
    pointer = imgui.get_mouse_pos()
    for name, (_, corners) in shapes.items():
        edges = zip(corners, [*corners[1:], corners[0]], strict=True)
        if all(
            (b[0] - a[0]) * (pointer.y - a[1]) - (b[1] - a[1]) * (pointer.x - a[0]) >= 0
            for a, b in edges
        ):
            return name
    return None


def _draw_faces(
    ui: Ui, camera: Orbit, shapes: dict[str, tuple[float, Corners]], pointed: str | None
) -> None:
    draw = imgui.get_window_draw_list()
    right, up = navigation.image_axes(camera)
    for name, (facing, corners) in shapes.items():
        outward = FACES[name][0]
        axes = (right, up, camera.direction)
        light = max(sum(k * _dot(outward, a) for k, a in zip(LIGHT, axes, strict=True)), 0.0)
        fill = theme.ACCENT if name == pointed else _mix(theme.CUBE_SHADE, theme.CUBE_LIT, light)
        a, b, c, d = (ImVec2(*corner) for corner in corners)
        draw.add_quad_filled(a, b, c, d, colour_u32(fill))
        draw.add_quad(a, b, c, d, colour_u32(theme.CUBE_EDGE), ui.px(1.5))
        x, y = (sum(corner[axis] for corner in corners) / 4 for axis in range(2))
        reach = ui.px(4)
        ui.record_at(f"cube.{name}", Rect(x - reach, y - reach, 2 * reach, 2 * reach))
        if facing > LABELLED:
            ink = theme.ON_ACCENT if name == pointed else theme.TEXT
            faded = ImVec4(ink.x, ink.y, ink.z, min(1.0, (facing - LABELLED) / 0.25))
            with imgui_ctx.push_font(ui.fonts.bold, 10.0):
                size = imgui.calc_text_size(name.capitalize())
                place = (x - size.x / 2, y - size.y / 2)
                draw.add_text(place, colour_u32(faded), name.capitalize())


def _mix(a: ImVec4, b: ImVec4, share: float) -> ImVec4:
    t = min(share, 1.0)
    return ImVec4(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y), a.z + t * (b.z - a.z), 0.94)


def _dot(a: navigation.Vector, b: navigation.Vector) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def _cross(a: navigation.Vector, b: navigation.Vector) -> navigation.Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
