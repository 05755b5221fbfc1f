"""A button that lists files which were opened before."""

from pathlib import Path

from imgui_bundle import imgui, imgui_ctx

from .. import icons
from ..ui import Ui


def recent_files(ui: Ui, name: str, tip: str, paths: tuple[str, ...]) -> str | None:
    """A square button with a menu of `paths`; the one that was chosen."""
    popup_name = f"{name}.menu"
    if ui.icon_button(name, icons.HISTORY, tip, enabled=bool(paths)):
        imgui.open_popup(popup_name)
    corner = imgui.get_item_rect_max()
    place = (corner.x, corner.y + ui.px(4))
    imgui.set_next_window_pos(place, imgui.Cond_.appearing, (1.0, 0.0))
    chosen = None
    with imgui_ctx.begin_popup(popup_name) as popup:
        if popup:
            for index, path in enumerate(paths):
                if imgui.menu_item_simple(f"{ui.printable(Path(path).name)}##{index}"):
                    chosen = path
                ui.record(f"{name}.{index}")
                ui.tip(path)
    return chosen
