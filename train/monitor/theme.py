"""The look of the window: fonts, colours and metrics, close to the viewer's, for Dear PyGui."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import dearpygui.dearpygui as dpg

from . import palette
from .palette import Colour


@dataclass(frozen=True)
class Fonts:
    """Dear PyGui's fonts; 0 is its own."""

    regular: int | str = 0
    small: int | str = 0
    bold: int | str = 0
    large: int | str = 0


@dataclass(frozen=True)
class Look:
    """What a part of the window needs to look right."""

    fonts: Fonts
    themes: "Themes"
    scale: float  # units a logical pixel


def create_look(scale: float) -> Look:
    """Load the fonts and create the themes in the current context."""
    return Look(load_fonts(scale), create_themes(scale), scale)


def load_fonts(scale: float) -> Fonts:
    """Roboto, as in the viewer; Dear PyGui's own font if it is not found."""
    spec = find_spec("imgui_bundle")
    if spec is None or not spec.submodule_search_locations:
        return Fonts()
    folder = Path(spec.submodule_search_locations[0]) / "assets" / "fonts" / "Roboto"
    if not (folder / "Roboto-Regular.ttf").is_file() or not (folder / "Roboto-Bold.ttf").is_file():
        return Fonts()
    # On a Mac a logical pixel has several real ones: twice the size, shown at half of it.
    density = 2 if sys.platform == "darwin" else 1
    dpg.set_global_font_scale(1 / density)
    with dpg.font_registry():
        fonts = [
            dpg.add_font(str(folder / f"Roboto-{name}.ttf"), round(size * scale * density))
            for name, size in (("Regular", 15), ("Regular", 13), ("Bold", 13), ("Bold", 23))
        ]
    dpg.bind_font(fonts[0])
    return Fonts(*fonts)


@dataclass(frozen=True)
class Themes:
    """Dear PyGui's themes of the parts that differ from the window's."""

    tile: int | str
    tip: int | str
    text: int | str  # without the padding that aligns it with buttons
    stage: int | str
    plot: int | str
    picture: int | str
    primary: int | str  # the one button that matters most
    chosen: int | str  # of several buttons
    bare: int | str  # text fields that look like text


def create_themes(scale: float) -> Themes:
    """Create the themes and bind the window's."""
    dpg.bind_theme(_make_theme(COLOURS, METRICS, scale))
    return Themes(
        tile=_make_theme(
            {"ChildBg": palette.RAISED}, {"WindowPadding": (0, 0), "FramePadding": (0, 0)}, scale
        ),
        tip=_make_theme({}, {"WindowPadding": (10, 8), "FramePadding": (0, 0)}, scale),
        text=_make_theme({}, {"FramePadding": (0, 0)}, scale),
        stage=_make_theme({"ChildBg": palette.STAGE}, {"WindowPadding": (0, 0)}, scale),
        plot=make_plot_theme(PLOT_METRICS, scale),
        picture=make_plot_theme({**PLOT_METRICS, **PICTURE_METRICS}, scale),
        primary=_make_theme(
            {
                "Button": palette.ACCENT,
                "ButtonHovered": palette.ACCENT_HOVERED,
                "ButtonActive": palette.ACCENT_ACTIVE,
                "Text": palette.ON_ACCENT,
            },
            {},
            scale,
        ),
        chosen=_make_theme(
            {
                "Button": palette.ACCENT_SOFT,
                "ButtonHovered": palette.ACCENT_SOFT,
                "ButtonActive": palette.ACCENT_SOFT,
                "Text": palette.ACCENT,
            },
            {},
            scale,
        ),
        bare=_make_theme({"ChildBg": palette.CLEAR}, {"WindowPadding": (0, 0)}, scale),
    )


def _make_theme(
    colours: dict[str, Colour], metrics: dict[str, tuple[float, ...]], scale: float
) -> int | str:
    with dpg.theme() as theme, dpg.theme_component(dpg.mvAll):
        for name, colour in colours.items():
            dpg.add_theme_color(getattr(dpg, f"mvThemeCol_{name}"), colour)
        for name, values in metrics.items():
            scaled = [value * scale for value in values]
            dpg.add_theme_style(getattr(dpg, f"mvStyleVar_{name}"), *scaled)
    return theme


def make_plot_theme(metrics: dict[str, tuple[float, ...]], scale: float) -> int | str:
    """Plots without frames: thin grid, dim numbers."""
    plots = dpg.mvThemeCat_Plots
    with dpg.theme() as theme, dpg.theme_component(dpg.mvAll):
        for name, colour in PLOT_COLOURS.items():
            dpg.add_theme_color(getattr(dpg, f"mvPlotCol_{name}"), colour, category=plots)
        dpg.add_theme_style(dpg.mvPlotStyleVar_MinorAlpha, 0.35, category=plots)
        for name, values in metrics.items():
            scaled = [value * scale for value in values]
            dpg.add_theme_style(getattr(dpg, f"mvPlotStyleVar_{name}"), *scaled, category=plots)
    return theme


def make_series_theme(colour: Colour, scale: float, weight: float = 1.6) -> int | str:
    """A line of `colour`, or an area of it."""
    plots = dpg.mvThemeCat_Plots
    with dpg.theme() as theme, dpg.theme_component(dpg.mvAll):
        dpg.add_theme_color(dpg.mvPlotCol_Line, colour, category=plots)
        dpg.add_theme_color(dpg.mvPlotCol_Fill, colour, category=plots)
        dpg.add_theme_style(dpg.mvPlotStyleVar_LineWeight, weight * scale, category=plots)
    return theme


COLOURS: dict[str, Colour] = {
    "WindowBg": palette.PANEL,
    "ChildBg": palette.CLEAR,
    "PopupBg": palette.RAISED,
    "Border": palette.LINE,
    "Text": palette.TEXT,
    "TextDisabled": palette.TEXT_DIM,
    "FrameBg": palette.CONTROL,
    "FrameBgHovered": palette.CONTROL_HOVERED,
    "FrameBgActive": palette.CONTROL_ACTIVE,
    "Button": palette.CONTROL,
    "ButtonHovered": palette.CONTROL_HOVERED,
    "ButtonActive": palette.CONTROL_ACTIVE,
    "Header": palette.ACCENT_SOFT,
    "HeaderHovered": palette.CONTROL_HOVERED,
    "HeaderActive": palette.CONTROL_ACTIVE,
    "SliderGrab": palette.ACCENT,
    "SliderGrabActive": palette.ACCENT_HOVERED,
    "CheckMark": palette.ACCENT,
    "Separator": palette.LINE,
    "ScrollbarBg": palette.CLEAR,
    "ScrollbarGrab": palette.CONTROL_HOVERED,
    "ScrollbarGrabHovered": palette.CONTROL_ACTIVE,
    "ScrollbarGrabActive": palette.ACCENT_ACTIVE,
    "PlotHistogram": palette.ACCENT,
    "TextSelectedBg": palette.ACCENT_SOFT,
    "NavHighlight": palette.ACCENT,
    "TableRowBg": palette.CLEAR,
    "TableRowBgAlt": palette.RAISED,
    "TableBorderLight": palette.LINE,
    "TableBorderStrong": palette.LINE,
}

METRICS: dict[str, tuple[float, ...]] = {
    "WindowPadding": (0, 0),
    "WindowBorderSize": (0,),
    "ChildBorderSize": (0,),
    "ChildRounding": (7,),
    "FramePadding": (8, 6),
    "FrameRounding": (5,),
    "PopupRounding": (7,),
    "GrabRounding": (4,),
    "GrabMinSize": (14,),
    "ItemSpacing": (8, 6),
    "ItemInnerSpacing": (6, 6),
    "ScrollbarSize": (9,),
    "ScrollbarRounding": (5,),
}

PLOT_COLOURS: dict[str, Colour] = {
    "FrameBg": palette.CLEAR,
    "PlotBg": palette.STAGE,
    "PlotBorder": palette.CLEAR,
    "AxisText": palette.TEXT_FAINT,
    "AxisGrid": palette.LINE,
    "AxisTick": palette.LINE,
    "AxisBg": palette.CLEAR,
    "AxisBgHovered": palette.CLEAR,
    "AxisBgActive": palette.CLEAR,
    "Selection": palette.ACCENT,
    "InlayText": palette.TEXT_DIM,
}

PLOT_METRICS: dict[str, tuple[float, ...]] = {
    "PlotPadding": (2, 2),
    "LabelPadding": (5, 4),
    "PlotBorderSize": (0,),
    "PlotMinSize": (120, 50),
    "MajorTickLen": (0, 0),
    "MinorTickLen": (0, 0),
}

PICTURE_METRICS: dict[str, tuple[float, ...]] = {"PlotPadding": (0, 0), "LabelPadding": (0, 0)}
