"""The pictures to choose a background from: bundled panoramas, and those opened last."""

from pathlib import Path

from imgui_bundle import imgui

from ballgan.panoramas import bundled_panoramas

from .. import actions as act
from .. import icons
from ..info import ViewInfo
from ..state import ViewerState
from ..surroundings import list_panoramas
from ..ui import Ui
from .tiles import CORNER, draw_corner

COLUMNS = 4
GAP = 4.0  # logical pixels
FORGET_TIP = "Take it off this list; the file stays"


def first_panorama() -> str | None:
    """Path of the picture that shows before any was chosen."""
    bundled = bundled_panoramas()
    return bundled.get("studio") or next(iter(bundled.values()), None)


def draw_panoramas(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Thumbnails, and a button for other files."""
    backdrop = state.view.backdrop
    names = {path: name for name, path in bundled_panoramas().items()}
    gap = ui.px(GAP)
    width = (imgui.get_content_region_avail().x - (COLUMNS - 1) * gap) / COLUMNS
    actions: list[act.Action] = []
    recent = 0
    for index, path in enumerate(list_panoramas(state)):
        if index % COLUMNS:
            imgui.same_line(0, gap)
        name = names.get(path)
        widget = f"background.panorama.{name}" if name else f"background.recent.{recent}"
        recent += name is None
        chosen = path == backdrop.photo
        corner = imgui.get_cursor_screen_pos()
        imgui.set_next_item_allow_overlap()
        clicked = ui.picture(widget, info.picture(path), (width, width / 2), selected=chosen)
        hovered = imgui.is_item_hovered()
        ui.tip(name.replace("-", " ").capitalize() if name else path)
        if name is None and not chosen:
            place = (corner.x + width - ui.px(CORNER), corner.y)
            if draw_corner(ui, f"{widget}.remove", icons.CLOSE, place, FORGET_TIP, lit=hovered):
                actions.append(act.ForgetPhoto(path))
                clicked = False
        if clicked and not chosen:
            actions.append(act.OpenPhoto(path))
    label = "Open a picture ..."
    if backdrop.photo and backdrop.photo not in names:
        label = shorten(ui.printable(Path(backdrop.photo).name), _room(ui))
    tip = "A PNG, JPEG or WebP. One twice as wide as high wraps round the scene."
    if ui.button("background.browse", label, icon=icons.PICTURE, width=-1, tip=tip):
        actions.append(act.Browse("picture"))
    return actions


def _room(ui: Ui) -> float:
    return imgui.get_content_region_avail().x - ui.px(50)


def shorten(name: str, room: float) -> str:
    """`name` with dots in the middle if it is wider than `room`."""
    if imgui.calc_text_size(name).x <= room:
        return name
    keep = len(name)
    while keep > 6 and imgui.calc_text_size(f"{name[:keep]}...").x > room:
        keep -= 1
    half = keep // 2
    return f"{name[:half]}...{name[-half:]}"
