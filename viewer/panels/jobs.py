"""The list of long work: how far it is, how long it takes, and a cross to cancel."""

from pathlib import PurePath

from imgui_bundle import ImVec2, imgui, imgui_ctx

from .. import actions as act
from .. import icons, theme
from ..info import ViewInfo
from ..state import Job, ViewerState
from ..ui import Ui
from ..words import printable
from .tiles import shorten_end

WIDTH, LEAST_WIDTH = 300.0, 80.0  # logical pixels, of a job
MARGIN, PADDING = 14.0, 10.0  # round the list, and in it


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw the list over the lower left corner of the stage; nothing while nothing runs."""
    stage = info.layout.stage
    width = min(ui.px(WIDTH), stage.width - 2 * ui.px(MARGIN + PADDING))
    if not state.jobs or width < ui.px(LEAST_WIDTH) or stage.height < ui.px(80):
        return []
    flags = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_saved_settings
    flags |= imgui.WindowFlags_.no_move | imgui.WindowFlags_.always_auto_resize
    flags |= imgui.WindowFlags_.no_focus_on_appearing
    corner = (stage.x + ui.px(MARGIN), stage.y + stage.height - ui.px(MARGIN))
    imgui.set_next_window_pos(corner, imgui.Cond_.always, (0.0, 1.0))
    actions: list[act.Action] = []
    padding = ImVec2(ui.px(PADDING), ui.px(PADDING))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, ui.px(8)),
        imgui_ctx.push_style_color(imgui.Col_.window_bg, theme.RAISED),
        imgui_ctx.begin("##jobs", None, flags),
    ):
        for job in state.jobs:
            with imgui_ctx.push_id(job.lane):
                actions += draw_job(ui, job, f"jobs.{job.lane}.cancel", width=width)
    return actions


def draw_job(ui: Ui, job: Job, cancel: str, *, width: float = 0.0) -> list[act.Action]:
    """A bar with title, share and time left, and a cross with the name `cancel`.

    Where there is no room for all of that, the title is shortened: a tip has the whole of it.
    """
    gap, side = ui.px(4), imgui.get_frame_height()
    width = (width or imgui.get_content_region_avail().x) - side - gap
    title, rest = describe(job)
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        room = width - imgui.calc_text_size(rest).x - ui.px(16)
        text = shorten_end(printable(title), room) + rest
    ui.progress(job.fraction, text, width=width)
    ui.tip(title + rest)
    imgui.same_line(0, gap)
    enabled = not job.cancelling
    if ui.icon_button(cancel, icons.CLOSE, "Cancel", enabled=enabled):
        return [act.CancelJob(job.lane)]
    return []


def draw_written(ui: Ui, name: str, path: str | None) -> list[act.Action]:
    """The last file that was written, and a button called `name` that shows it; nothing if there is
    none."""
    if path is None:
        return []
    ui.text(f"Wrote {PurePath(path).name}", theme.TEXT_DIM, small=True, wrap=True)
    tip = f"Show {path} in its folder"
    if ui.button(name, "Show the file", icon=icons.FOLDER, width=-1, tip=tip):
        return [act.RevealFile(path)]
    return []


def describe(job: Job) -> tuple[str, str]:
    """A job in words: what it is, and how far it is."""
    if job.cancelling:
        return "Stopping ...", ""
    left = "" if job.seconds_left is None else f", {describe_time(job.seconds_left)} left"
    return job.title, f"  {100 * job.fraction:.0f} %{left}"


def describe_time(seconds: float) -> str:
    """A duration in words: "8 s", "3:05 min" or "1:20 h"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
