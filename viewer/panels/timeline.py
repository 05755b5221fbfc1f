"""The timeline under the picture: keys to add, drag and change, and the film to play and scrub."""

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ballgan.animation import Animation

from .. import actions as act
from .. import icons, theme
from ..commands import keyed
from ..info import ViewInfo
from ..layout import Rect
from ..state import ViewerState
from ..ui import Ui, colour_u32
from .film import EXTEND_TIP

EASES = (("smooth", "Smooth"), ("stop", "Stop"), ("linear", "Linear"), ("hold", "Hold"))
EASE_TIPS = {
    "smooth": "Pass the selected key without a stop.",
    "stop": "Come to rest at the selected key, and leave it slowly.",
    "linear": "Go straight to the next key, at one speed.",
    "hold": "Nothing changes until the next key, then all of it at once.",
}
EASE_TIP = "How the selected key is passed: select one first."
ADD_TIP = keyed(
    "film.add", "A key of what is shown, at the playhead; it replaces one that is there."
)
REMOVE_TIP = keyed("film.remove", "Remove the selected key.")
PREVIOUS_TIP = keyed("film.previous", "To the key before.")
NEXT_TIP = keyed("film.next", "To the next key.")
CLOSE_TIP = keyed("film.timeline", "Close the timeline.")
HALF = 6.5  # logical pixels, half the width of a key
STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)  # seconds of the ruler


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw the strip, where it is shown and there is room."""
    strip = info.layout.timeline
    if strip.width < ui.px(80) or strip.height < ui.px(40):
        return []
    imgui.set_next_window_pos((strip.x, strip.y))
    imgui.set_next_window_size((strip.width, strip.height))
    flags = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move
    flags |= imgui.WindowFlags_.no_saved_settings | imgui.WindowFlags_.no_scroll_with_mouse
    flags |= imgui.WindowFlags_.no_bring_to_front_on_focus
    padding = ImVec2(ui.px(12), ui.px(8))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
        imgui_ctx.begin("##timeline", None, flags),
    ):
        with ui.enabled_if(state.model is not None):
            return [*_draw_transport(ui, state), *_draw_track(ui, state)]


def _draw_transport(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The row of buttons."""
    film, head = state.animation, state.playhead
    actions: list[act.Action] = []
    gap, keys = ui.px(4), bool(film.keys)
    icon, tip = (icons.PAUSE, "Stop.") if head.playing else (icons.PLAY, "Play.")
    if ui.icon_button("timeline.play", icon, keyed("film.play", tip), enabled=keys):
        actions.append(act.PlayFilm(not head.playing))
    for name, icon, step, tip in (
        ("timeline.previous", icons.STEP_BACK, -1, PREVIOUS_TIP),
        ("timeline.next", icons.STEP_ON, 1, NEXT_TIP),
    ):
        imgui.same_line(0, gap)
        if ui.icon_button(name, icon, tip, enabled=keys):
            actions.append(act.SelectKey(film.key_beside(head.time, step)))
    imgui.same_line(0, ui.px(10))
    imgui.align_text_to_frame_padding()
    ui.text(f"{head.time:.2f}", theme.TEXT)
    imgui.same_line(0, ui.px(5))
    ui.text(f"/ {film.duration:.2f} s", theme.TEXT_DIM)
    imgui.same_line(0, gap)
    if ui.icon_button("timeline.extend", icons.PLUS, EXTEND_TIP, kind="quiet"):
        actions.append(act.SetAnimation(film.extended(1.0)))
    imgui.same_line(0, ui.px(12))
    if ui.button("timeline.add", "Key", icon=icons.PLUS, tip=ADD_TIP):
        actions.append(act.AddKey())
    imgui.same_line(0, gap)
    selected = 0 <= head.key < len(film.keys)
    if ui.icon_button("timeline.remove", icons.TRASH, REMOVE_TIP, enabled=selected):
        actions.append(act.RemoveKey(head.key))
    actions += _draw_ease(ui, state, selected)
    return actions


def _draw_ease(ui: Ui, state: ViewerState, selected: bool) -> list[act.Action]:
    """How the selected key is passed, as far as there is room, and the cross that closes."""
    film, head, side = state.animation, state.playhead, imgui.get_frame_height()
    actions: list[act.Action] = []
    imgui.same_line(0, ui.px(12))
    room = imgui.get_content_region_avail().x - side - ui.px(12)
    if room >= ui.px(150):
        with ui.enabled_if(selected), imgui_ctx.begin_group():
            current = film.keys[head.key].ease if selected else ""
            width = min(room, ui.px(280))
            tips = EASE_TIPS if selected else dict.fromkeys(EASE_TIPS, EASE_TIP)
            ease = ui.segments("timeline.ease", EASES, current, width=width, tips=tips)
        if ease is not None:
            actions.append(act.SetAnimation(film.with_ease(head.key, ease)))
        imgui.same_line()
    imgui.set_cursor_pos_x(imgui.get_window_width() - side - ui.px(12))
    if ui.icon_button("timeline.close", icons.CLOSE, CLOSE_TIP):
        actions.append(act.ShowTimeline(False))
    return actions


def _draw_track(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The ruler with the keys and the playhead: click or drag to go there, drag keys."""
    start, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
    track = Rect(start.x + ui.px(HALF), start.y, room.x - 2 * ui.px(HALF), room.y)
    if track.width < ui.px(40) or track.height < ui.px(20):
        return []
    film = state.animation
    actions: list[act.Action] = []
    imgui.set_next_item_allow_overlap()
    imgui.invisible_button("##timeline.track", (room.x, room.y))
    ui.record("timeline.track")
    if imgui.is_item_active():
        actions.append(act.Seek(_time_under_pointer(film, track)))
    _draw_ruler(ui, film, track)
    for index in range(len(film.keys)):
        actions += _draw_key(ui, state, index, track)
    _draw_playhead(ui, state, track)
    return actions


def _draw_key(ui: Ui, state: ViewerState, index: int, track: Rect) -> list[act.Action]:
    film, half = state.animation, ui.px(HALF)
    key = film.keys[index]
    x, y = _place(film, key.time, track), track.y + 0.62 * track.height
    imgui.set_cursor_screen_pos((x - half, y - half))
    imgui.set_next_item_allow_overlap()
    imgui.invisible_button(f"##timeline.key.{index}", (2 * half, 2 * half))
    name = f"timeline.key.{index}"
    ui.record(name)
    ui.tip(f"{key.time:.2f} s, {key.ease}")
    active, hovered = imgui.is_item_active(), imgui.is_item_hovered()
    selected = index == state.playhead.key
    colour = theme.ACCENT if selected else theme.ACCENT_HOVERED if hovered else theme.TEXT_DIM
    draw = imgui.get_window_draw_list()
    draw.add_quad_filled(
        (x, y - half), (x + half, y), (x, y + half), (x - half, y), colour_u32(colour)
    )
    if key.ease in ("stop", "hold"):  # rests there
        draw.add_circle_filled((x, y), ui.px(2), colour_u32(theme.PANEL))
    if imgui.is_item_activated():
        return [act.SelectKey(index)]
    if active and imgui.is_mouse_dragging(imgui.MouseButton_.left):
        moved = film.with_time(index, _time_under_pointer(film, track))
        if moved != film:
            return [act.SetAnimation(moved), act.SelectKey(index)]
    return []


def _draw_ruler(ui: Ui, film: Animation, track: Rect) -> None:
    draw = imgui.get_window_draw_list()
    top, foot = track.y + ui.px(2), track.y + track.height - ui.px(2)
    frame = colour_u32(theme.CONTROL)
    half = ui.px(HALF)
    draw.add_rect_filled(
        (track.x - half, top), (track.x + track.width + half, foot), frame, ui.px(5)
    )
    wanted = film.duration * ui.px(56) / track.width
    step = next((step for step in STEPS if step >= wanted), STEPS[-1])
    count = int(film.duration / step + 1e-6)
    with imgui_ctx.push_font(None, 11.0):
        for i in range(count + 1):
            x = _place(film, i * step, track)
            line = colour_u32(theme.CONTROL_ACTIVE)
            draw.add_line((x, top), (x, top + ui.px(6)), line, ui.px(1))
            text = f"{i * step:g}"
            if x + imgui.calc_text_size(text).x + ui.px(4) < track.x + track.width + half:
                draw.add_text((x + ui.px(3), top + ui.px(1)), colour_u32(theme.TEXT_DIM), text)
    y = track.y + 0.62 * track.height
    line = colour_u32(theme.CONTROL_ACTIVE)
    draw.add_line((track.x, y), (track.x + track.width, y), line, ui.px(2))
    if film.keys and not film.loop:
        first, last = (_place(film, film.keys[i].time, track) for i in (0, -1))
        draw.add_line((first, y), (last, y), colour_u32(theme.ACCENT_SOFT), ui.px(2))


def _draw_playhead(ui: Ui, state: ViewerState, track: Rect) -> None:
    x = _place(state.animation, state.playhead.time, track)
    draw, colour = imgui.get_window_draw_list(), colour_u32(theme.ACCENT)
    top, half = track.y, ui.px(5)
    draw.add_line((x, top), (x, track.y + track.height), colour, ui.px(1.5))
    draw.add_triangle_filled((x - half, top), (x + half, top), (x, top + ui.px(7)), colour)


def _place(film: Animation, time: float, track: Rect) -> float:
    return track.x + track.width * min(time / film.duration, 1.0)


def _time_under_pointer(film: Animation, track: Rect) -> float:
    """The time at the pointer, at a picture of the film."""
    along = (imgui.get_mouse_pos().x - track.x) / track.width
    time = min(max(along, 0.0), 1.0) * film.duration
    return min(round(time * film.fps) / film.fps, film.duration)
