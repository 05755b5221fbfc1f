"""Capture: pictures of any size, and films."""

from dataclasses import replace

from imgui_bundle import imgui

from ballgan.animation import MAX_DURATION

from .. import actions as act
from .. import icons, theme
from ..commands import keyed
from ..info import ViewInfo
from ..state import CAPTURE_PASSES, CAPTURE_SIZES, FILM_SIZES, ViewerState
from ..ui import Ui
from .jobs import draw_job

SIZE_LABELS = tuple((str(size), f"{size // 1024}k" if size else "Shown") for size in CAPTURE_SIZES)
FILM_SIZE_LABELS = tuple(
    (str(size), (f"{size // 1024}k" if size >= 1024 else str(size)) if size else "Model")
    for size in FILM_SIZES
)
LEAST_SIDE, LARGEST_SIDE = 16, 8192  # pixels
PASS_LABELS = tuple((str(passes), str(passes)) for passes in CAPTURE_PASSES)
FORMATS = (("mp4", "MP4"), ("webm", "WebM"), ("gif", "GIF"), ("png", "PNG"))
RATES = ((12.0, "12"), (24.0, "24"), (30.0, "30"), (60.0, "60"))
SIZE_TIP = (
    "Side of the saved picture in pixels. Shown: the finished picture as it is, at once. Others, "
    "and what is not finished yet, are rendered beside your work. Super-resolution has its own "
    "size: beyond it, it is enlarged."
)
PASS_TIP = "Sets of samples in each pixel: more make outlines smoother, and take as much longer."
SAVE_TIP = keyed(
    "file.screenshot",
    "A PNG with straight colours and transparency. It brings back what it shows when you "
    "drop it on the window.",
)
LENGTH_TIP = "Seconds until the end, or until the first key comes again. Keys stay where they are."
LOOP_TIP = "The first key follows the last one, without a jump of place or speed."
TIMELINE_TIP = keyed(
    "film.timeline", "Keys of camera, codes and background, to play, drag and change."
)
TURNTABLE_TIP = "A film that goes once round the object in this length, instead of the present one."
FILM_TIP = "Rendered beside your work, into the folder of pictures. You can cancel it."
FOLDER_TIP = (
    "Where pictures, films, meshes and sessions go; it is made if it is missing. Nothing is "
    "overwritten: a number is added to a name that is taken."
)
RATE_TIP = "Pictures per second."
NOTES = {
    "mp4": "MP4 shows white where it is transparent.",
    "gif": "GIF has 256 colours in a picture, and at most 50 pictures a second.",
    "png": "A folder of numbered pictures.",
}


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    return [*_draw_picture(ui, state), *_draw_film(ui, state), *_draw_folder(ui, state)]


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
    actions: list[act.Action] = [act.SetCapture(options)] if options != state.capture else []
    job = state.job("capture")
    if job is not None:
        return [*actions, *draw_job(ui, job, "capture.cancel")]
    if ui.button("screenshot", "Save picture", icon=icons.CAMERA, width=-1, tip=SAVE_TIP):
        actions.append(act.SaveScreenshot())
    return actions


def _draw_film(ui: Ui, state: ViewerState) -> list[act.Action]:
    imgui.dummy((0, ui.px(4)))
    actions = [*_draw_file(ui, state), *_draw_time(ui, state)]
    gap = ui.px(4)
    width = (imgui.get_content_region_avail().x - gap) / 2
    shown = state.playhead.shown
    kind = "selected" if shown else "normal"
    if ui.button(
        "film.timeline", "Timeline", icon=icons.FILM, kind=kind, width=width, tip=TIMELINE_TIP
    ):
        actions.append(act.ShowTimeline(not shown))
    imgui.same_line(0, gap)
    if ui.button("film.turntable", "Turntable", icon=icons.TURN, width=width, tip=TURNTABLE_TIP):
        actions.append(act.MakeTurntable(state.animation.duration))
    job = state.job("film")
    if job is not None:
        return [*actions, *draw_job(ui, job, "film.cancel")]
    enabled = bool(state.animation.keys)
    if ui.button(
        "film.render",
        "Render film",
        icon=icons.FILM,
        kind="primary",
        width=-1,
        enabled=enabled,
        tip=FILM_TIP if enabled else "A film needs keys: add one in the timeline, or a turntable.",
    ):
        actions.append(act.StartFilm())
    ui.text(describe(state), theme.TEXT_DIM, small=True, wrap=True)
    return actions


def _draw_file(ui: Ui, state: ViewerState) -> list[act.Action]:
    options = state.capture
    ui.label("Film", "Format of the film. All but MP4 keep transparency.")
    kind = ui.segments("film.format", FORMATS, options.film)
    ui.label("Size", "Side of the film in pixels.")
    size = ui.segments("film.size", FILM_SIZE_LABELS, str(options.film_size))
    if kind is not None:
        options = replace(options, film=kind)
    if size is not None:
        options = replace(options, film_size=int(size))
    return [act.SetCapture(options)] if options != state.capture else []


def _draw_time(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Rate, length, and whether the film loops."""
    film = state.animation
    ui.label("Rate", RATE_TIP)
    labels = [(f"{rate:g}", label) for rate, label in RATES]
    rate = ui.segments("film.rate", labels, f"{film.fps:g}")
    ui.label("Length", LENGTH_TIP)
    width = imgui.get_content_region_avail().x - ui.px(92)
    length = ui.number(
        "film.length", film.duration, film.shortest, MAX_DURATION, "%.2f s", width=width
    )
    imgui.same_line(0, ui.px(12))
    loop = ui.switch("film.loop", "Loop", film.loop, tip=LOOP_TIP)
    changed = film
    if rate is not None:
        changed = replace(changed, fps=float(rate))
    if length is not None:
        changed = replace(changed, duration=max(length, film.shortest))
    if loop is not None:
        changed = changed.looping(loop)
    return [act.SetAnimation(changed)] if changed != film else []


def describe(state: ViewerState) -> str:
    """The film in words, and what its format does to it."""
    film = state.animation
    note = NOTES.get(state.capture.film, "")
    if not film.keys:
        return f"No keys yet. {note}".strip()
    keys = "1 key" if len(film.keys) == 1 else f"{len(film.keys)} keys"
    return f"{keys}, {len(film.frame_times)} pictures. {note}".strip()
