"""Plots with a legend that tells values: the last ones, or those under the pointer."""

import math
from collections.abc import Mapping

import dearpygui.dearpygui as dpg
import numpy as np

from . import palette, theme
from .curves import Curve, Panel, find_limits, resolve_names
from .headline import format_kimg, format_number
from .layout import Rect
from .parts import Item, add_tip, place_box

Range = tuple[float, float]


class Line:
    """One curve: the mean as a line, the spread behind it as an area, an entry in the legend."""

    def __init__(
        self, y_axis: Item, before: Item, label: str, colour: palette.Colour, scale: float
    ) -> None:
        self.label = label
        faint = (*colour[:3], 46)
        self.area = dpg.add_shade_series([0.0], [0.0], y2=[0.0], parent=y_axis)
        dpg.bind_item_theme(self.area, theme.make_series_theme(faint, scale))
        self.line = dpg.add_line_series([0.0], [0.0], parent=y_axis, skip_nan=True)
        dpg.bind_item_theme(self.line, theme.make_series_theme(colour, scale))
        self.entry = dpg.add_text(label, color=colour, before=before)

    def show(self, curve: Curve, *, logarithmic: bool) -> None:
        """Draw the curve."""
        mean, low, high = curve.mean, curve.low, curve.high
        if logarithmic:  # what is not positive has no place on the axis
            mean, low, high = (np.where(y > 0, y, np.nan) for y in (mean, low, high))
        dpg.set_value(self.line, [curve.kimg, mean])
        spread = curve.decimated and bool(np.isfinite(low).all())
        dpg.configure_item(self.area, show=spread)
        if spread:
            dpg.set_value(self.area, [curve.kimg, low, high])

    def tell(self, value: float) -> None:
        """Write a value into the legend."""
        dpg.set_value(self.entry, f"{self.label} {format_number(value)}")


class Chart:
    """The plot of a panel. It follows the data until a person zooms, and again on double-click."""

    def __init__(self, panel: Panel, parent: Item, look: theme.Look):
        self.panel = panel
        self._scale = look.scale
        self._lines: dict[str, Line] = {}
        self._curves: dict[str, Curve] = {}
        self._view = View()
        with dpg.child_window(parent=parent, no_scrollbar=True, no_scroll_with_mouse=True) as box:
            self._build(panel, look)
        self.box = box
        dpg.bind_item_theme(box, look.themes.bare)

    def _build(self, panel: Panel, look: theme.Look) -> None:
        with dpg.group(horizontal=True, horizontal_spacing=12 * self._scale) as self._legend:
            title = dpg.add_text(panel.title)
            dpg.bind_item_font(title, look.fonts.bold)
            self._place = dpg.add_text("", color=palette.TEXT_DIM, show=False)
        if panel.hint:
            add_tip(title, panel.hint, look)
        with dpg.plot(
            width=round(-12 * self._scale), height=-1, no_menus=True, no_mouse_pos=True
        ) as self.plot:
            self.x_axis = dpg.add_plot_axis(dpg.mvXAxis, tick_format="%gk", no_highlight=True)
            kind = dpg.mvPlotScale_Log10 if panel.logarithmic else dpg.mvPlotScale_Linear
            with dpg.plot_axis(dpg.mvYAxis, scale=kind, no_highlight=True) as self.y_axis:
                self._pointer = _add_rule(palette.CONTROL_ACTIVE, self._scale, horizontal=False)
                if panel.target is not None:
                    target = _add_rule((*palette.WARNING[:3], 150), self._scale, horizontal=True)
                    dpg.set_value(target, [[panel.target]])
                    dpg.show_item(target)
        dpg.bind_item_theme(self.plot, look.themes.plot)
        dpg.bind_item_font(self.plot, look.fonts.small)
        dpg.bind_item_font(self._legend, look.fonts.small)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)

    def show(self, curves: Mapping[str, Curve]) -> None:
        """Draw the curves that belong here."""
        names = resolve_names(self.panel, tuple(curves))[: len(palette.SERIES)]
        self._curves = {name: curves[name] for name, _ in names}
        for name in [name for name in self._lines if name not in self._curves]:
            self._forget(name)
        for name, label in names:
            if name not in self._lines:
                colour = palette.SERIES[len(self._lines)]
                self._lines[name] = Line(self.y_axis, self._place, label, colour, self._scale)
            self._lines[name].show(curves[name], logarithmic=self.panel.logarithmic)
        dpg.configure_item(self.plot, show=bool(self._curves))
        if self._curves:
            self._view.follow(*self._find_view())
            self._tell_last()

    def _forget(self, name: str) -> None:
        line = self._lines.pop(name)
        for item in (line.area, line.line, line.entry):
            dpg.delete_item(item)

    def _find_view(self) -> tuple[Range, Range]:
        curves = list(self._curves.values())
        first = min(curve.kimg[0] for curve in curves)
        last = max(curve.kimg[-1] for curve in curves)
        if first == last:
            first, last = first - 0.5, last + 0.5
        return (float(first), float(last)), find_limits(self.panel, curves)

    @property
    def x_range(self) -> Range:
        """The kimg from the left to the right edge."""
        low, high = dpg.get_axis_limits(self.x_axis)
        return low, high

    def reset(self) -> None:
        """Follow the data again."""
        self._view.release()
        if self._curves:
            self._view.follow(*self._find_view())

    def step(self) -> None:
        """What is to be done before every frame."""
        self._view.apply(self.x_axis, self.y_axis)
        if self._curves and dpg.is_item_hovered(self.plot):
            self._tell_under_pointer(dpg.get_plot_mouse_pos()[0])
        elif dpg.is_item_shown(self._pointer):
            self._tell_last()

    def _tell_under_pointer(self, kimg: float) -> None:
        dpg.set_value(self._pointer, [[kimg]])
        dpg.show_item(self._pointer)
        dpg.set_value(self._place, f"at {format_kimg(max(kimg, 0.0))} kimg")
        dpg.show_item(self._place)
        for name, line in self._lines.items():
            line.tell(self._curves[name].value_at(kimg))

    def _tell_last(self) -> None:
        dpg.hide_item(self._pointer)
        dpg.hide_item(self._place)
        for name, line in self._lines.items():
            line.tell(self._curves[name].last)


class View:
    """The range that a plot shows. Setting it locks the axes, which are freed two frames later."""

    def __init__(self) -> None:
        self._wanted: tuple[Range, Range] | None = None
        self._set: tuple[Range, Range] | None = None
        self._frames_locked = 0
        self._following = True

    def follow(self, x: Range, y: Range) -> None:
        """Show this range, unless a person has chosen another."""
        if self._following and (x, y) != self._set:
            self._wanted = (x, y)

    def release(self) -> None:
        """Forget that a person has chosen another range."""
        self._following, self._set = True, None

    def apply(self, x_axis: Item, y_axis: Item) -> None:
        """Before every frame."""
        if self._wanted is not None:
            for axis, (low, high) in zip((x_axis, y_axis), self._wanted, strict=True):
                dpg.set_axis_limits(axis, low, high)
            self._set, self._wanted, self._frames_locked = self._wanted, None, 3
        elif self._frames_locked:
            self._frames_locked -= 1
            if not self._frames_locked:
                dpg.set_axis_limits_auto(x_axis)
                dpg.set_axis_limits_auto(y_axis)
        elif self._following and self._set is not None:
            now = (dpg.get_axis_limits(x_axis), dpg.get_axis_limits(y_axis))
            self._following = all(
                _same(tuple(is_now), was) for is_now, was in zip(now, self._set, strict=True)
            )


def _same(one: tuple[float, ...], other: Range) -> bool:
    tolerance = 1e-3 * (other[1] - other[0])
    return all(
        math.isclose(a, b, rel_tol=0, abs_tol=tolerance) for a, b in zip(one, other, strict=True)
    )


def _add_rule(colour: palette.Colour, scale: float, *, horizontal: bool) -> Item:
    """A line across the whole plot, hidden at first."""
    rule = dpg.add_inf_line_series([0.0], horizontal=horizontal, show=False)
    dpg.bind_item_theme(rule, theme.make_series_theme(colour, scale, weight=1.0))
    return rule
