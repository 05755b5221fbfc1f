"""Capture: pictures of any size, films, and where they go."""

from dataclasses import replace

from imgui_bundle import imgui

from .. import actions as act
from .. import icons
from ..commands import keyed, keys_of
from ..commands.film import save_picture
from ..info import ViewInfo
from ..state import CAPTURE_PASSES, CAPTURE_SIZES, LARGEST_SIDE, ViewerState
from ..ui import Ui
from .film import draw_film
from .jobs import draw_job, draw_written

SIZE_LABELS = tuple((str(size), f"{size // 1024}k" if size else "Shown") for size in CAPTURE_SIZES)
LEAST_SIDE = 16  # pixels
PASS_LABELS = tuple((str(passes), str(passes)) for passes in CAPTURE_PASSES)
SIZE_TIP = (
    "Side of the saved picture in pixels. Shown: the finished picture as it is, at once. Others, "
    "and what is not finished yet, are rendered beside your work. Super-resolution has its own "
    "size: beyond it, it is enlarged."
)
SIDE_LABELS = (("both", "Both"), ("left", "Left"), ("right", "Right"))
SIDES_TIP = "Of the split screen, for pictures and films: both sides with the divider, or one."
PASS_TIP = (
    "Sets of samples in each pixel, of films and of pictures of a size of their own: more make "
    "outlines smoother, and take as much longer. Shown: as many as the window's picture has."
)
SAVE_TIP = keyed(
    "capture.render",
    "A PNG with straight colours and transparency. It brings back what it shows when you drop it "
    f"on the window. {keys_of('file.save_picture')} alone saves it as large as it is shown.",
)
FOLDER_TIP = (
    "Where pictures, films, meshes and sessions go; it is made if it is missing. Nothing is "
    "overwritten: a number is added to a name that is taken."
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    return [*_draw_picture(ui, state), *draw_film(ui, state), *_draw_folder(ui, state)]


def _draw_folder(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Where files go."""
    ui.label("Folder", FOLDER_TIP)
    folder = state.preferences.output_folder
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - ui.px(4)
    typed = ui.line("capture.folder", folder, "the current folder", width=width)
    imgui.same_line(0, ui.px(4))
    if ui.icon_button("capture.browse", icons.FOLDER, "Choose a folder"):
        return [act.Browse("folder")]
    return [act.SetOutputFolder(typed)] if typed is not None else []


def _draw_picture(ui: Ui, state: ViewerState) -> list[act.Action]:
    options = state.capture
    ui.label("Picture", SIZE_TIP)
    size = ui.segments("capture.size", SIZE_LABELS, str(options.size))
    if size is not None:
        options = replace(options, size=int(size))
    if options.size:
        ui.label("Side", "Any number of pixels: drag, or type after a double click.")
        side = ui.integer("capture.side", options.size, LEAST_SIDE, LARGEST_SIDE, "%d px")
        options = replace(options, size=options.size if side is None else side)
    ui.label("Passes", PASS_TIP)
    passes = ui.segments("capture.passes", PASS_LABELS, str(options.passes))
    if passes is not None:
        options = replace(options, passes=int(passes))
    if state.view.compared() is not None:
        ui.label("Split", SIDES_TIP)
        sides = ui.segments("capture.sides", SIDE_LABELS, options.sides)
        if sides is not None:
            options = replace(options, sides=sides)
    actions: list[act.Action] = [act.SetCapture(options)] if options != state.capture else []
    job = state.job("capture")
    if job is not None:
        return [*actions, *draw_job(ui, job, "capture.cancel")]
    if ui.button("capture.save", "Save picture", icon=icons.CAMERA, width=-1, tip=SAVE_TIP):
        actions += save_picture(state)
    return [*actions, *draw_written(ui, "capture.reveal", state.captured)]
