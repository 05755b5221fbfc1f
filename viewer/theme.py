"""The look of the window: palettes, metrics, fonts. One accent colour, on ink or on paper."""

from dataclasses import dataclass
from pathlib import Path

import imgui_bundle
from imgui_bundle import ImVec2, ImVec4, imgui

from .preferences import THEMES

FONT_SIZE = 15.0  # logical pixels
SMALL_SIZE = 13.0


def _set(colour: ImVec4, code: str) -> None:
    colour.x, colour.y, colour.z = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))


_CODES: list[tuple[ImVec4, str, str]] = []  # each colour with its dark and its light code


def _colour(dark: str, light: str, alpha: float = 1.0) -> ImVec4:
    """A colour of the dark theme; `choose` sets it to that of another, in place."""
    colour = ImVec4(0, 0, 0, alpha)
    _set(colour, dark)
    _CODES.append((colour, dark, light))
    return colour


STAGE = _colour("0c0e12", "cfd4da")  # behind the picture
GROUND = _colour("242a34", "dfe4ea")  # behind the mesh
CHECKER = _colour("282a2f", "d5dae0"), _colour("34373d", "e9ecf0")  # behind what is transparent
PANEL = _colour("15181e", "f3f5f7")
RAISED = _colour("1b1f27", "ffffff")  # sections' heads, popups
CONTROL = _colour("242a34", "e2e6eb")
CONTROL_HOVERED = _colour("2e3541", "d6dce3")
CONTROL_ACTIVE = _colour("38414f", "c8d0d9")
SCROLLBAR = _colour("4a5566", "b4bdc8")
CUBE_SHADE = _colour("242a34", "c4ccd5")  # of the orientation cube: away from the light
CUBE_LIT = _colour("4a5566", "ffffff")
CUBE_EDGE = _colour("0c0e12", "98a2ae")
LINE = _colour("262c36", "d9dee4")
TEXT = _colour("e4e8ee", "1a2027")
TEXT_DIM = _colour("9aa4b3", "4d5866")
TEXT_FAINT = _colour("7b8595", "657080")
ACCENT = _colour("4fd1b5", "066857")
ACCENT_HOVERED = _colour("6fe0c7", "0a7a67")
ACCENT_ACTIVE = _colour("3bb89d", "045345")
ACCENT_SOFT = _colour("4fd1b5", "066857", 0.18)
ON_ACCENT = _colour("07211c", "ffffff")
WARNING = _colour("f0b354", "945700")
ERROR = _colour("ff6b6b", "b92531")


def rgb(colour: ImVec4) -> tuple[float, float, float]:
    """A colour as GL takes it."""
    return colour.x, colour.y, colour.z


def choose(name: str) -> None:
    """Take the colours of one of THEMES, wherever they are used; then `apply_style`."""
    for colour, *codes in _CODES:
        _set(colour, codes[THEMES.index(name)])


@dataclass
class Fonts:
    """The fonts of the current ImGui context; None where a file was not found."""

    regular: imgui.ImFont | None = None
    bold: imgui.ImFont | None = None


def load_fonts() -> Fonts:
    """Add Roboto with the icons to the current context; ImGui's own font where they lack."""
    folder = Path(imgui_bundle.__file__).parent / "assets" / "fonts"
    regular = _add_font(folder / "Roboto" / "Roboto-Regular.ttf", folder)
    bold = _add_font(folder / "Roboto" / "Roboto-Bold.ttf", folder)
    if regular is None:
        imgui.get_io().fonts.add_font_default()
    return Fonts(regular, bold)


def _add_font(path: Path, folder: Path) -> imgui.ImFont | None:
    if not path.is_file():
        return None
    atlas = imgui.get_io().fonts
    font = atlas.add_font_from_file_ttf(str(path), FONT_SIZE)
    icons = folder / "Font_Awesome_6_Free-Solid-900.otf"
    if icons.is_file():
        config = imgui.ImFontConfig()
        config.merge_mode = True
        config.glyph_offset = ImVec2(0.0, 1.0)
        atlas.add_font_from_file_ttf(str(icons), 0.86 * FONT_SIZE, config)
    return font


def merge_font(fonts: Fonts, path: str, size: float) -> None:
    """Take what our fonts lack from another file; size: of its letters, beside that of ours."""
    for font in fonts.regular, fonts.bold:
        if font is not None:
            config = imgui.ImFontConfig()
            config.merge_mode, config.dst_font = True, font
            imgui.get_io().fonts.add_font_from_file_ttf(path, size * FONT_SIZE, config)


def apply_style(scale: float) -> None:
    """Set colours and metrics of the current context for `scale` units a logical pixel."""
    style = imgui.get_style()
    for name, value in METRICS.items():
        if isinstance(value, tuple):
            setattr(style, name, ImVec2(value[0] * scale, value[1] * scale))
        else:
            setattr(style, name, value * scale)
    for name, colour in COLOURS.items():
        style.set_color_(getattr(imgui.Col_, name), colour)
    style.disabled_alpha = 0.5
    style.font_size_base = FONT_SIZE
    style.font_scale_dpi = scale


METRICS: dict[str, float | tuple[float, float]] = {
    "window_padding": (16, 8),
    "frame_padding": (10, 5),
    "item_spacing": (8, 6),
    "item_inner_spacing": (6, 6),
    "scrollbar_size": 12,
    "scrollbar_rounding": 6,
    "grab_min_size": 12,
    "grab_rounding": 4,
    "frame_rounding": 5,
    "popup_rounding": 7,
    "child_rounding": 7,
    "window_rounding": 0,
    "window_border_size": 0,
    "child_border_size": 0,
    "popup_border_size": 1,
    "frame_border_size": 0,
}


COLOURS: dict[str, ImVec4] = {
    "text": TEXT,
    "text_disabled": TEXT_DIM,
    "window_bg": PANEL,
    "child_bg": ImVec4(0, 0, 0, 0),
    "popup_bg": RAISED,
    "border": LINE,
    "frame_bg": CONTROL,
    "frame_bg_hovered": CONTROL_HOVERED,
    "frame_bg_active": CONTROL_ACTIVE,
    "scrollbar_bg": ImVec4(0, 0, 0, 0),
    "scrollbar_grab": SCROLLBAR,
    "scrollbar_grab_hovered": TEXT_FAINT,
    "scrollbar_grab_active": ACCENT_ACTIVE,
    "check_mark": ACCENT,
    "slider_grab": ACCENT,
    "slider_grab_active": ACCENT_HOVERED,
    "button": CONTROL,
    "button_hovered": CONTROL_HOVERED,
    "button_active": CONTROL_ACTIVE,
    "header": RAISED,
    "header_hovered": CONTROL,
    "header_active": CONTROL_HOVERED,
    "separator": LINE,
    "plot_histogram": ACCENT,
    "text_selected_bg": ACCENT_SOFT,
    "nav_cursor": ACCENT,
    "drag_drop_target": ACCENT,
    "input_text_cursor": ACCENT,
}
