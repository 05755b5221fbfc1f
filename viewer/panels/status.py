"""The status bar: what is rendered, at which quality, how fast; and what the keys do."""

import math

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from .. import actions as act
from .. import theme
from ..commands import COMMANDS, GESTURES, keys_of
from ..info import Quality, ViewInfo
from ..state import ViewerState
from ..ui import Ui, colour_u32
from .output import LAYER_LABELS

HINTS = tuple((str(row.keys[0]), row.hint) for row in COMMANDS if row.hint and row.keys)
PREVIEW_TIP = (
    "OpenGL draws a copy of the scene, baked into a volume of so many cells a side, while anything "
    "moves or the network is not ready."
)
NEURAL_TIP = (
    "What the network itself has drawn, from so many rays across and down. It gets better step by "
    "step; final: nothing better will come."
)
SPEED_TIP = "How long the last picture took to compute, and how long the window takes to draw."
SEPARATOR = "   \u00b7   "


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw the bar over the bottom of the window; nothing can be done with it but read."""
    bar = info.layout.status
    flags = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_saved_settings
    flags |= imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_nav
    flags |= (
        imgui.WindowFlags_.no_bring_to_front_on_focus | imgui.WindowFlags_.no_focus_on_appearing
    )
    imgui.set_next_window_pos((bar.x, bar.y))
    imgui.set_next_window_size((bar.width, bar.height))
    padding = ImVec2(ui.px(12), 0)
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_min_size, ImVec2(1, 1)),
        imgui_ctx.push_style_color(imgui.Col_.window_bg, theme.RAISED),
        imgui_ctx.begin("##status", None, flags),
        imgui_ctx.push_font(None, theme.SMALL_SIZE),
    ):
        line = imgui.get_text_line_height()
        top = (bar.height - line) / 2
        imgui.set_cursor_pos((ui.px(12), top))
        _draw_lamp(ui, state, info, line)
        ui.text(describe_picture(state, info))
        ui.record("status.picture")
        ui.tip(explain_picture(state, info))
        left_end = imgui.get_item_rect_max().x
        speed = describe_speed(info)
        right = bar.width - ui.px(14) - imgui.calc_text_size(speed).x
        if right > left_end + ui.px(20):
            imgui.set_cursor_pos((right, top))
            ui.text(speed, theme.TEXT_DIM)
            ui.record("status.speed")
            ui.tip(SPEED_TIP)
            hints = [*describe_gestures(state.navigation.mode), *HINTS]
            _draw_hints(ui, hints, left_end + ui.px(28), bar.x + right - ui.px(28), top)
    return []


def describe_gestures(mode: str) -> list[tuple[str, str]]:
    """What moves the camera while it orbits or flies, as a key or movement and short words."""
    if mode == "orbit":
        return [(gesture.name, gesture.orbit) for gesture in GESTURES if gesture.orbit]
    flight = [(gesture.name, gesture.fly) for gesture in GESTURES if gesture.fly]
    return [*flight, (keys_of("camera.fly"), "orbit again")]


def describe_picture(state: ViewerState, info: ViewInfo) -> str:
    """Model, layer and quality in words."""
    if state.model is None:
        return "Opening ..." if state.loading else "No model"
    parts = [state.model.name, dict(LAYER_LABELS)[state.view.layer]]
    previewed = info.quality is not None and info.quality.engine == "preview"
    if state.view.layer == "surface" and not previewed:
        parts.append(describe_surface(info))
    elif info.quality is not None:
        parts.append(describe_quality(info.quality))
    if info.progress is not None:
        what = "mesh" if state.view.layer == "surface" else "picture"
        done = f"{info.progress:.0%}" if info.progress < 1 else "almost done"
        parts.append(f"next {what} {done}")
    return SEPARATOR.join(parts)


def explain_picture(state: ViewerState, info: ViewInfo) -> str:
    """What the words about the quality mean."""
    if state.model is None or info.quality is None or state.view.layer == "surface":
        return ""
    return PREVIEW_TIP if info.quality.engine == "preview" else NEURAL_TIP


def describe_surface(info: ViewInfo) -> str:
    """What is known of the surface."""
    if info.surface_failed:
        return "no surface at this level"
    found = info.surface
    return f"{found.triangles:,} triangles" if found and found.current else "finding the surface"


def describe_quality(quality: Quality) -> str:
    """How good the picture is."""
    if quality.engine == "preview":
        if not quality.current:
            return "OpenGL preview, changing"
        grid = f"{quality.cells}\u00b3 volume"
        return f"OpenGL preview, {grid}" if quality.refined else f"OpenGL preview, coarse {grid}"
    if not quality.current:
        return "previous picture"
    rays = f"{quality.neural_resolution}\u00b2 rays"
    if quality.settled:
        return f"neural final, {quality.size} px, {rays}"
    if quality.stage in ("preview", "raw"):
        return f"neural {quality.stage}, {rays}"
    return f"neural, {quality.convergence:.0%} refined, {rays}"


def describe_speed(info: ViewInfo) -> str:
    """Times of the picture and of the window."""
    parts = []
    if info.quality is not None:
        parts.append(f"picture {_describe_time(info.quality.milliseconds)}")
    rate = f", {info.frames_per_second:.0f} fps" if info.frames_per_second else ""
    parts.append(f"window {info.frame_ms:.1f} ms{rate}")
    return SEPARATOR.join(parts)


def _describe_time(milliseconds: float) -> str:
    """Such as "85 ms" or "2.4 s"."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _draw_lamp(ui: Ui, state: ViewerState, info: ViewInfo, line: float) -> None:
    """A dot: still and bright when the picture is finished, breathing while it gets better."""
    busy = info.rendering or state.loading is not None
    glow = 0.35 + 0.65 * (0.5 + 0.5 * math.sin(6 * info.clock)) if busy else 1.0
    base = theme.WARNING if busy else theme.ACCENT
    if state.model is None and not busy:
        base = theme.TEXT_FAINT
    corner = imgui.get_cursor_screen_pos()
    centre = (corner.x + ui.px(5), corner.y + line / 2 + ui.px(0.5))
    colour = ImVec4(base.x, base.y, base.z, glow)
    imgui.get_window_draw_list().add_circle_filled(centre, ui.px(4), colour_u32(colour))
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + ui.px(17))


def _draw_hints(ui: Ui, rows: list[tuple[str, str]], left: float, right: float, top: float) -> None:
    """Keys and what they do, as many as there is room for, to the right."""
    gap = ui.px(16)
    widths = [imgui.calc_text_size(f"{key}  {text}").x + gap for key, text in rows]
    hints = list(zip(rows, widths, strict=True))
    while hints and sum(width for _, width in hints) > right - left:
        hints.pop()
    x = right - sum(width for _, width in hints)
    for (key, text), width in hints:
        imgui.set_cursor_pos((x, top))
        ui.text(key, theme.TEXT)
        imgui.same_line(0, ui.px(6))
        ui.text(text, theme.TEXT_FAINT)
        x += width
