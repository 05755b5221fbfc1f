"""How clearly the foreground is apart from the background: a meter."""

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from .. import theme
from ..info import ViewInfo
from ..ui import Ui, colour_u32

if TYPE_CHECKING:
    from ballgan.separation import Separation

TIP = (
    "Of every ray a share T of the light comes from the background. Apart: T is 0 or 1. The number "
    "is the mean of min(T, 1 - T): 0 is perfect, 0.03 good, 0.5 fog."
)
HEIGHT = 44.0  # logical pixels, of the histogram
LEAST = 0.02  # of the height, for a bin that is not empty


def draw_separation(ui: Ui, info: ViewInfo) -> None:
    """The fold, with the number in its head and the histogram in it; dots while the picture that
    it was measured in is not the one that shows."""
    separation = info.separation
    pending = info.quality is not None and not info.quality.settled
    dots = " ..." if pending else ""
    summary = "" if separation is None else f"{separation.mean_min_t:.3f}{dots}"
    with ui.fold("background.separation", "Separation", summary, tip=TIP) as unfolded:
        if unfolded and separation is not None:
            _draw_histogram(ui, separation)
        elif unfolded:
            ui.text("Measured when the picture is finished.", theme.TEXT_DIM, small=True)


def _draw_histogram(ui: Ui, separation: "Separation") -> None:
    """Shares of rays by T. The height is that share's square root, so that few rays show too."""
    start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    height, draw = ui.px(HEIGHT), imgui.get_window_draw_list()
    ground = (start.x + width, start.y + height)
    draw.add_rect_filled(start, ground, colour_u32(theme.CONTROL), ui.px(5))
    step = width / len(separation.histogram)
    for index, share in enumerate(separation.histogram):
        tall = height * max(share**0.5, LEAST if share else 0.0)
        left = start.x + index * step
        low, high = (left + ui.px(1), ground[1] - tall), (left + step - ui.px(1), ground[1])
        draw.add_rect_filled(low, high, colour_u32(theme.ACCENT), ui.px(1))
    imgui.dummy((width, height))
    ui.record("background.histogram")
    ui.tip(
        "Shares of the rays by T, from 0 (foreground) to 1 (background); heights are square roots."
    )
    text = f"mean min(T, 1 \u2212 T)  {separation.mean_min_t:.4f}"
    ui.text(f"{text}      covers {100 * separation.coverage:.0f} %", theme.TEXT_DIM, small=True)
