"""The window's widgets: Dear ImGui's, in our look, each with a name.

A panel calls `ui.button("export.start", "Export mesh")`; `Ui` keeps where it was drawn, so that
scripts and tests can find widgets by name, scroll them into view and type into them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from . import icons, theme
from .info import Thumbnail
from .places import Places

Col = imgui.Col_
LARGEST_INTEGER = 2**31 - 1  # that a widget can hold
LABEL_WIDTH = 84.0  # logical pixels, of the column of labels
SMALL_ROUNDING = 5.0
FADE_HEIGHT = 36.0
FOLD_HEIGHT = 19.0  # of a smaller group's head


def colour_u32(colour: ImVec4) -> int:
    """A colour as draw lists want it, faint where widgets are disabled."""
    return imgui.get_color_u32(colour)


class Ui(Places):
    """Draws named widgets and remembers where they are."""

    def __init__(self, fonts: theme.Fonts | None = None) -> None:
        super().__init__()
        self.fonts = fonts or theme.Fonts()
        self.focus: str | None = None  # a widget to type into
        self.travel: dict[str, float] = {}  # how far the pointer was dragged in a widget
        self.choices: dict[str, Any] = {}  # what is looked at in a panel
        self.editing: str | None = None  # a widget whose name is written
        self.dragged: Any = None  # what the pointer carries
        self.closed: set[str] = set()  # sections
        self.folds: dict[str, bool] = {}  # smaller groups that were drawn: whether they are open

    @staticmethod
    def _width(width: float) -> float:
        return imgui.get_content_region_avail().x if width < 0 else width

    def _prepare(self, name: str) -> None:
        if self.focus == name:
            imgui.set_keyboard_focus_here()
            self.focus = None

    def fold_sections(self, names: Iterable[str]) -> None:
        """Which sections are closed; one that was opened from elsewhere scrolls into view."""
        opened = self.closed - set(names)
        if len(opened) == 1 and self.reveal is None:
            (self.reveal,) = opened
        self.closed = set(names)

    @contextmanager
    def section(self, name: str, title: str) -> Iterator[bool]:
        """A group with a head that folds it; gives whether it is unfolded."""
        start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        height = self.px(24)
        if imgui.invisible_button(f"##{name}", (width, height)):
            self.closed ^= {name}
        self.record(name)
        unfolded = name not in self.closed
        ink = theme.TEXT if imgui.is_item_hovered() else theme.TEXT_DIM
        draw = imgui.get_window_draw_list()
        chevron = icons.CHEVRON_DOWN if unfolded else icons.CHEVRON_RIGHT
        with imgui_ctx.push_font(self.fonts.bold, 12.5):
            baseline = start.y + (height - imgui.get_text_line_height()) / 2
            draw.add_text((start.x, baseline), colour_u32(ink), title.upper())
            text_width = imgui.calc_text_size(title.upper()).x
        with imgui_ctx.push_font(None, 9.0):
            top = start.y + (height - imgui.get_text_line_height()) / 2
            draw.add_text((start.x + width - self.px(9), top), colour_u32(ink), chevron)
        middle = start.y + height / 2
        left = start.x + text_width + self.px(10)
        right = start.x + width - self.px(18)
        draw.add_line((left, middle), (right, middle), colour_u32(theme.LINE), self.px(1))
        with imgui_ctx.push_id(name):
            yield unfolded
        if unfolded:
            imgui.dummy((0, self.px(2)))

    @contextmanager
    def fold(self, name: str, title: str, summary: str = "", *, tip: str = "") -> Iterator[bool]:
        """A smaller group, folded at first; `summary` tells at the right what is in it."""
        start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        height = self.px(FOLD_HEIGHT)
        unfolded = self.folds.setdefault(name, False)
        if imgui.invisible_button(f"##{name}.fold", (width, height)):
            unfolded = self.folds[name] = not unfolded
        self.record(f"{name}.fold")
        ink = theme.TEXT if imgui.is_item_hovered() else theme.TEXT_DIM
        draw = imgui.get_window_draw_list()
        chevron = icons.CHEVRON_DOWN if unfolded else icons.CHEVRON_RIGHT
        with imgui_ctx.push_font(None, 9.0):
            middle = start.y + (height - imgui.get_text_line_height()) / 2
            draw.add_text((start.x + self.px(2), middle), colour_u32(ink), chevron)
        middle = start.y + (height - imgui.get_text_line_height()) / 2
        draw.add_text((start.x + self.px(17), middle), colour_u32(ink), title)
        summary = self.printable(summary)
        with imgui_ctx.push_font(None, theme.SMALL_SIZE):
            size = imgui.calc_text_size(summary)
            place = (start.x + width - size.x, start.y + (height - size.y) / 2)
            draw.add_text(place, colour_u32(theme.ACCENT), summary)
        self.tip(tip)
        with imgui_ctx.push_id(name):
            yield unfolded

    def label(self, text: str, tip: str = "") -> None:
        """A dim label in the left column; the next widget fills the rest of the line."""
        imgui.align_text_to_frame_padding()
        with imgui_ctx.push_style_color(Col.text, theme.TEXT_DIM):
            imgui.text(text)
        self.tip(tip)
        imgui.same_line(self.px(LABEL_WIDTH))

    def text(
        self, text: str, colour: ImVec4 = theme.TEXT, *, small: bool = False, wrap: bool = False
    ) -> None:
        """A piece of text."""
        size = theme.SMALL_SIZE if small else 0.0
        with imgui_ctx.push_font(None, size), imgui_ctx.push_style_color(Col.text, colour):
            if wrap:
                with imgui_ctx.push_text_wrap_pos(0.0):
                    imgui.text_unformatted(self.printable(text))
            else:
                imgui.text_unformatted(self.printable(text))

    def tip(self, text: str) -> None:
        """An explanation that appears when the pointer rests on the last item."""
        if text and imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            padding = ImVec2(self.px(11), self.px(8))
            with (
                imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
                imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, self.px(7)),
                imgui_ctx.push_style_color(Col.popup_bg, theme.CONTROL),
                imgui_ctx.begin_tooltip(),
                imgui_ctx.push_font(None, theme.SMALL_SIZE),
                imgui_ctx.push_text_wrap_pos(self.px(250)),
            ):
                imgui.text_unformatted(self.printable(text))

    def button(
        self,
        name: str,
        label: str,
        *,
        icon: str = "",
        kind: str = "normal",
        width: float = 0.0,
        enabled: bool = True,
        tip: str = "",
    ) -> bool:
        """A button: kind "normal", "primary" or "quiet"; width 0 fits, -1 fills the line."""
        width = self._width(width)
        if kind == "primary" and not (enabled and self._enabled):
            kind = "normal"  # faint words on the accent could not be read
        ink, normal, hovered, active = _BUTTONS[kind]
        caption = "  ".join(part for part in (icon, self.printable(label)) if part)
        with (
            self.enabled_if(enabled),
            imgui_ctx.push_style_color(Col.text, ink),
            imgui_ctx.push_style_color(Col.button, normal),
            imgui_ctx.push_style_color(Col.button_hovered, hovered),
            imgui_ctx.push_style_color(Col.button_active, active),
        ):
            clicked = imgui.button(f"{caption}##{name}", (width, 0))
        self.record(name, enabled=enabled)
        self.tip(tip)
        return clicked

    def icon_button(
        self,
        name: str,
        icon: str,
        tip: str,
        *,
        kind: str = "normal",
        width: float = 0.0,
        enabled: bool = True,
    ) -> bool:
        """A button with a pictogram only; square if no width is given."""
        width = width or imgui.get_frame_height()
        with imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(0, self.px(5))):
            return self.button(
                name, "", icon=icon, kind=kind, width=width, enabled=enabled, tip=tip
            )

    def segments(
        self,
        name: str,
        options: Sequence[tuple[str, str]],
        current: str,
        *,
        columns: int = 0,
        width: float = -1,
        tips: Mapping[str, str] | None = None,
        obstacles: Mapping[str, str] | None = None,
    ) -> str | None:
        """One choice of several (key, label), as joined buttons; the key that was clicked.

        tips: explanations of choices, by their keys. obstacles: why some cannot be chosen.
        """
        columns = columns or len(options)
        clicked = None
        gap = self.px(2)
        width = (self._width(width) - gap * (columns - 1)) / columns
        for index, (key, label) in enumerate(options):
            if index % columns:
                imgui.same_line(0, gap)
            elif index:
                imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() - self.px(4))
            kind = "selected" if key == current else "segment"
            padding = ImVec2(0, self.px(6))
            with (
                imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding),
                imgui_ctx.push_font(None, theme.SMALL_SIZE),
            ):
                obstacle = (obstacles or {}).get(key, "")
                enabled = not obstacle
                if self.button(f"{name}.{key}", label, kind=kind, width=width, enabled=enabled):
                    clicked = key
            self.tip(obstacle or (tips or {}).get(key, ""))
        return clicked

    def switch(self, name: str, label: str, value: bool, *, tip: str = "") -> bool | None:
        """An on/off switch with its label; the new value when it was clicked."""
        start, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
        track_width, track_height = self.px(28), self.px(16)
        text_width = imgui.calc_text_size(label).x
        size = ImVec2(track_width + self.px(8) + text_width, height)
        clicked = imgui.invisible_button(f"##{name}", size)
        self.record(name)
        hovered = imgui.is_item_hovered()
        if value:
            track = theme.ACCENT_HOVERED if hovered else theme.ACCENT
        else:
            track = theme.CONTROL_ACTIVE if hovered else theme.CONTROL_HOVERED
        draw = imgui.get_window_draw_list()
        top = start.y + (height - track_height) / 2
        low, high = (start.x, top), (start.x + track_width, top + track_height)
        draw.add_rect_filled(low, high, colour_u32(track), track_height / 2)
        radius = track_height / 2 - self.px(3)
        centre_x = high[0] - track_height / 2 if value else low[0] + track_height / 2
        knob = theme.ON_ACCENT if value else theme.TEXT_DIM
        draw.add_circle_filled((centre_x, top + track_height / 2), radius, colour_u32(knob))
        baseline = start.y + (height - imgui.get_text_line_height()) / 2
        place = (high[0] + self.px(8), baseline)
        draw.add_text(place, colour_u32(theme.TEXT if value else theme.TEXT_DIM), label)
        self.tip(tip)
        return (not value) if clicked else None

    def slider(
        self,
        name: str,
        value: float,
        low: float,
        high: float,
        form: str = "%.2f",
        *,
        width: float = -1,
        tip: str = "",
        centred: bool = False,
    ) -> float | None:
        """A number on a filled bar; the new value when it changed. Width -1 fills the line.

        centred: the bar is filled from its middle.
        """
        self._prepare(name)
        width = self._width(width)
        imgui.set_next_item_width(width)
        self._draw_bar(width, (value - low) / (high - low), 0.5 if centred else 0.0)
        with _transparent(Col.frame_bg, Col.frame_bg_hovered, Col.frame_bg_active):
            with _transparent(Col.slider_grab, Col.slider_grab_active):
                changed, new = imgui.slider_float(f"##{name}", value, low, high, form)
        self.record(name)
        self.tip(tip)
        return new if changed and math.isfinite(new) else None

    def _draw_bar(self, width: float, fraction: float, origin: float = 0.0) -> None:
        """What a slider stands on: a frame, filled from `origin`, with a bright foot."""
        start, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
        end = (start.x + width, start.y + height)
        hovered = imgui.is_mouse_hovering_rect(start, end) and imgui.is_window_hovered()
        frame = theme.CONTROL_HOVERED if hovered else theme.CONTROL
        draw, rounding = imgui.get_window_draw_list(), self.px(SMALL_ROUNDING)
        draw.add_rect_filled(start, end, colour_u32(frame), rounding)
        left, right = sorted(start.x + width * min(max(f, 0.0), 1.0) for f in (origin, fraction))
        foot = end[1] - self.px(2)
        for top, colour in (start.y, theme.ACCENT_SOFT), (foot, theme.ACCENT):
            draw.push_clip_rect((left, top), (right, end[1]), True)
            draw.add_rect_filled(start, end, colour_u32(colour), rounding)
            draw.pop_clip_rect()

    def integer(
        self,
        name: str,
        value: int,
        low: int,
        high: int,
        form: str = "%d",
        *,
        width: float = -1,
        tip: str = "",
    ) -> int | None:
        """A whole number to drag or, after a double click, to type; the new value if changed."""
        self._prepare(name)
        imgui.set_next_item_width(self._width(width))
        always_clamp = imgui.SliderFlags_.always_clamp
        changed, new = imgui.drag_int(f"##{name}", value, 0.08, low, high, form, always_clamp)
        self.record(name)
        self.tip(tip)
        return new if changed else None

    def number(
        self,
        name: str,
        value: float,
        low: float = 0.0,
        high: float = 0.0,
        form: str = "%.2f",
        *,
        speed: float = 0.02,
        width: float = -1,
        tip: str = "",
    ) -> float | None:
        """A number to drag or, after a double click, to type; the new value if it changed.

        low = high: any number. speed: for a pixel of a drag.
        """
        self._prepare(name)
        imgui.set_next_item_width(self._width(width))
        always_clamp = imgui.SliderFlags_.always_clamp if low < high else 0
        changed, new = imgui.drag_float(f"##{name}", value, speed, low, high, form, always_clamp)
        self.record(name)
        self.tip(tip)
        return new if changed and math.isfinite(new) else None

    def line(
        self, name: str, value: str, hint: str, *, width: float = -1, whole: bool = False
    ) -> str | None:
        """A line of text; the new text when it changed.

        whole: only once it is finished: for names, which are incomplete or empty on the way.
        """
        self._prepare(name)
        imgui.set_next_item_width(self._width(width))
        hint, value = self.printable(hint), self.printable(value)
        changed, new = imgui.input_text_with_hint(f"##{name}", hint, value)
        self._note_letters(new)
        self.record(name)
        finished = imgui.is_item_deactivated_after_edit()
        return new if changed and (finished or not whole) else None

    def colour(
        self, name: str, value: tuple[float, float, float]
    ) -> tuple[float, float, float] | None:
        """A colour with a picker behind it; the new one when it changed."""
        self._prepare(name)
        imgui.set_next_item_width(self._width(-1))
        flags = imgui.ColorEditFlags_.display_hex | imgui.ColorEditFlags_.picker_hue_wheel
        changed, new = imgui.color_edit3(f"##{name}", list(value), flags)
        self.record(name)
        return (new[0], new[1], new[2]) if changed else None

    def swatch(
        self,
        name: str,
        colour: tuple[float, float, float],
        width: float,
        *,
        below: tuple[float, float, float] | None = None,
        selected: bool = False,
    ) -> bool:
        """A button that shows a colour, or a passage from it to another one `below`."""
        height = self.px(20 if below is None else 28)
        clicked = imgui.invisible_button(f"##{name}", (width, height))
        self.record(name)
        rect, draw = self.rects[name], imgui.get_window_draw_list()
        low, high = (rect.x, rect.y), (rect.x + rect.width, rect.y + rect.height)
        top, foot = (colour_u32(ImVec4(*each, 1.0)) for each in (colour, below or colour))
        draw.add_rect_filled_multi_color(low, high, top, top, foot, foot)
        hovered = imgui.is_item_hovered()
        edge = theme.ACCENT if selected else theme.TEXT if hovered else theme.LINE
        draw.add_rect(low, high, colour_u32(edge), 0.0, self.px(2 if selected else 1))
        return clicked

    def picture(
        self,
        name: str,
        picture: Thumbnail | None,
        size: tuple[float, float],
        *,
        selected: bool = False,
    ) -> bool:
        """A picture that can be clicked, or an empty frame while there is none."""
        clicked = imgui.invisible_button(f"##{name}", size)
        self.record(name)
        rect, draw, rounding = self.rects[name], imgui.get_window_draw_list(), self.px(5)
        low, high = (rect.x, rect.y), (rect.x + rect.width, rect.y + rect.height)
        if picture is None:
            draw.add_rect_filled(low, high, colour_u32(theme.CONTROL), rounding)
        else:
            texture, white = imgui.ImTextureRef(picture.texture), colour_u32(_WHITE)
            draw.add_image_rounded(texture, low, high, picture.low, picture.high, white, rounding)
        if selected or imgui.is_item_hovered():
            edge = theme.ACCENT if selected else theme.TEXT
            draw.add_rect(low, high, colour_u32(edge), rounding, self.px(2))
        return clicked

    def fade_bottom(self, colour: ImVec4) -> None:
        """Let the window's lower edge fade into `colour` while there is more below it."""
        if imgui.get_scroll_y() >= imgui.get_scroll_max_y() - 1:
            return
        corner, size = imgui.get_window_pos(), imgui.get_window_size()
        right = corner.x + size.x - imgui.get_style().scrollbar_size - self.px(2)
        foot, height = corner.y + size.y, self.px(FADE_HEIGHT)
        clear = colour_u32(ImVec4(colour.x, colour.y, colour.z, 0.0))
        solid = colour_u32(colour)
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled_multi_color(
            (corner.x, foot - height), (right, foot), clear, clear, solid, solid
        )

    def progress(self, fraction: float, text: str, *, width: float) -> None:
        """A bar as high as a button, with `text` in it."""
        self._draw_bar(width, fraction)
        start, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
        text = self.printable(text)
        with imgui_ctx.push_font(None, theme.SMALL_SIZE):
            size = imgui.calc_text_size(text)
            place = (start.x + (width - size.x) / 2, start.y + (height - size.y) / 2)
            imgui.get_window_draw_list().add_text(place, colour_u32(theme.TEXT), text)
        imgui.dummy((width, height))


@contextmanager
def _transparent(*colours: imgui.Col_) -> Iterator[None]:
    for colour in colours:
        imgui.push_style_color(colour, ImVec4(0, 0, 0, 0))
    try:
        yield
    finally:
        imgui.pop_style_color(len(colours))


_WHITE = ImVec4(1, 1, 1, 1)
_CLEAR = ImVec4(0, 0, 0, 0)
_BUTTONS = {  # ink, normal, hovered, active
    "normal": (theme.TEXT, theme.CONTROL, theme.CONTROL_HOVERED, theme.CONTROL_ACTIVE),
    "primary": (theme.ON_ACCENT, theme.ACCENT, theme.ACCENT_HOVERED, theme.ACCENT_ACTIVE),
    "quiet": (theme.TEXT_DIM, _CLEAR, theme.CONTROL, theme.CONTROL_HOVERED),
    "segment": (theme.TEXT_DIM, theme.CONTROL, theme.CONTROL_HOVERED, theme.CONTROL_ACTIVE),
    "selected": (theme.ACCENT, theme.ACCENT_SOFT, theme.ACCENT_SOFT, theme.ACCENT_SOFT),
}
