"""Style mixing: some rows of ws come from a second seed."""

from dataclasses import replace

from imgui_bundle import imgui

from ballgan.latents import StyleMix
from ballgan.view import Code

from .. import icons
from ..actions.latents import random_seed
from ..state import CodeSpace
from ..ui import LARGEST_INTEGER, Ui
from .rows import draw_rows, format_rows

TIP = (
    "Takes some rows of ws from a second seed. Early rows shape the form, "
    "late ones colours and details."
)
SEED_TIP = "The second seed. Drag, or double-click to type."
GAP = 4.0  # logical pixels


def draw_mixing(ui: Ui, which: str, code: Code, space: CodeSpace, *, locked: bool) -> Code | None:
    """The fold with a code's style mixing; the changed code."""
    mix = code.mix or StyleMix(1, ())
    summary = f"seed {mix.seed}, rows {format_rows(mix.rows)}" if mix.rows else ""
    with ui.fold(f"{which}.mix", "Style mixing", summary, tip=TIP) as unfolded:
        if not unfolded:
            return None
        with ui.enabled_if(not locked):
            new = _draw_seed(ui, which, mix) or mix
            rows = draw_rows(ui, f"{which}.mix.rows", mix.rows, space.rows, none="None")
        if rows is not None:
            new = replace(new, rows=rows)
    return replace(code, mix=new if new.rows or new.seed != 1 else None) if new != mix else None


def _draw_seed(ui: Ui, which: str, mix: StyleMix) -> StyleMix | None:
    gap, shown = ui.px(GAP), min(mix.seed, LARGEST_INTEGER)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - gap
    name, form = f"{which}.mix.seed", "Second seed  %d"
    seed = ui.integer(name, shown, 0, LARGEST_INTEGER, form, width=width, tip=SEED_TIP)
    imgui.same_line(0, gap)
    if ui.icon_button(f"{which}.mix.random", icons.DICE, "Random second seed"):
        seed = random_seed()
    return None if seed is None else replace(mix, seed=seed)
