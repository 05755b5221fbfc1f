"""The film's half of the capture panel: its file, its time, and rendering it."""

from dataclasses import replace

from imgui_bundle import imgui

from ballgan.animation import MAX_DURATION, Animation
from ballgan.video import FORMATS as FILES
from ballgan.view import CUT_OUT

from .. import actions as act
from .. import icons, theme
from ..commands import keyed
from ..state import FILM_SIZES, LARGEST_FILM, ViewerState
from ..ui import Ui
from .jobs import draw_job, draw_written

LEAST_SIDE = 16  # pixels
SIZE_LABELS = tuple(
    (str(size), (f"{size // 1024}k" if size >= 1024 else str(size)) if size else "Model")
    for size in FILM_SIZES
)
FORMATS = (("mp4", "MP4"), ("webm", "WebM"), ("gif", "GIF"), ("png", "PNG"))
FORMAT_TIP = "Format of the film. All but MP4 keep transparency."
FORMAT_TIPS = {
    "mp4": "H.264: plays everywhere. It shows white where it is transparent.",
    "webm": "VP9, with transparency: for browsers and editors.",
    "gif": "256 colours a picture, at most 50 pictures a second, and pixels that are transparent "
    "or not.",
    "png": "A folder of numbered pictures without loss, with transparency.",
}
RATES = ((12.0, "12"), (24.0, "24"), (30.0, "30"), (60.0, "60"))
RATE_TIP = "Pictures per second: 24 looks like cinema, 60 is smoothest and takes longest."
SIZE_TIP = (
    f"Side of the film in pixels, at most {LARGEST_FILM}: players decode no more. Larger pictures "
    "are saved one by one."
)
SIDE_TIP = "Any number of pixels: drag, or type after a double click. MP4 takes even ones."
LENGTH_TIP = "Seconds until the end, or until the first key comes again. Keys stay where they are."
LOOP_TIP = "The first key follows the last one, without a jump of place or speed."
TIMELINE_TIP = keyed(
    "film.timeline", "Keys of camera, codes and background, to play, drag and change."
)
TURNTABLE_TIP = "A film that goes once round the object in this length, instead of the present one."
FILM_TIP = "Rendered beside your work, into the folder of pictures. You can cancel it."
EXTEND_TIP = "Make the film a second longer; the keys stay where they are."
KEYS_WITH_BACKGROUND = (
    "Keys still have the background that they were made with: replace them, or make the turntable "
    "anew."
)
ASKED = "film.length"  # the choice that keeps a length that was asked for, and of which keys


def draw_film(ui: Ui, state: ViewerState) -> list[act.Action]:
    """What makes a film of the timeline's keys."""
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
    return [*actions, *draw_written(ui, "film.reveal", state.filmed)]


def _draw_file(ui: Ui, state: ViewerState) -> list[act.Action]:
    options = state.capture
    ui.label("Film", FORMAT_TIP)
    kind = ui.segments("film.format", FORMATS, options.film, tips=FORMAT_TIPS)
    if kind is not None:
        options = replace(options, film=kind)
    ui.label("Size", SIZE_TIP)
    size = ui.segments("film.size", SIZE_LABELS, str(options.film_size))
    if size is not None:
        options = replace(options, film_size=int(size))
    if options.film_size:
        ui.label("Side", SIDE_TIP)
        side = ui.integer(
            "film.side", options.film_size, LEAST_SIDE, LARGEST_FILM, "%d px", tip=SIDE_TIP
        )
        if side is not None:
            options = replace(options, film_size=side)
    if options.film == "mp4":
        options = replace(options, film_size=options.film_size + options.film_size % 2)
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
        "film.length",
        film.duration,
        1 / film.fps,
        MAX_DURATION,
        "%.2f s",
        width=width,
        tip=LENGTH_TIP,
    )
    imgui.same_line(0, ui.px(12))
    loop = ui.switch("film.loop", "Loop", film.loop, tip=LOOP_TIP)
    changed = film
    if rate is not None:
        changed = replace(changed, fps=float(rate))
    if length is not None:
        ui.choices[ASKED] = (film.keys, length)
        changed = replace(changed, duration=max(length, film.shortest))
    if loop is not None:
        changed = changed.looping(loop)
    changed = _draw_limit(ui, changed)
    return [act.SetAnimation(changed)] if changed != film else []


def _draw_limit(ui: Ui, film: Animation) -> Animation:
    """Where the last key ends the film: that it does, and what can be done about it."""
    if len(film.keys) < 2 or film.duration > film.shortest + 1e-3:
        return film
    keys, asked = ui.choices.get(ASKED, ((), 0.0))
    last, squeezes = film.keys[-1].time, keys == film.keys and asked < film.shortest - 0.01
    note = f"The last key is at {last:.2f} s, so the film ends there at the earliest."
    ui.text(note, theme.TEXT_DIM, small=True, wrap=True)
    gap = ui.px(4)
    width = (imgui.get_content_region_avail().x - gap) / 2 if squeezes else -1
    if ui.button("film.extend", "Extend by 1 s", icon=icons.PLUS, width=width, tip=EXTEND_TIP):
        return film.extended(1.0)
    if squeezes:
        imgui.same_line(0, gap)
        tip = f"Move all keys closer, in proportion, so that the film lasts {asked:.2f} s."
        if ui.button("film.squeeze", f"Fit into {asked:.2f} s", width=-1, tip=tip):
            return film.fitted(asked)
    return film


def describe(state: ViewerState) -> str:
    """The film in words, and what its format does to it."""
    film = state.animation
    note = FORMAT_TIPS[state.capture.film]
    if not film.keys:
        return f"No keys yet. {note}"
    if not state.view.backdrop.visible and state.view.layer not in (*CUT_OUT, "alpha"):
        if any(key.backdrop.visible for key in film.keys):  # seldom what one expects
            note = f"{KEYS_WITH_BACKGROUND} {note}"
    keys = "1 key" if len(film.keys) == 1 else f"{len(film.keys)} keys"
    count = film.timeline.frame_count(min(film.fps, FILES[state.capture.film].max_fps))
    return f"{keys}, {count} pictures. {note}"
