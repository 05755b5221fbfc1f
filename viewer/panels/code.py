"""Controls of one latent code: pad, seed, truncation. Foreground and background share them."""

import random
from dataclasses import replace

from imgui_bundle import imgui, imgui_ctx

from ballgan.view import Code

from .. import icons
from ..ui import Ui
from .pad import latent_pad

LARGEST_TYPED_SEED = 2**31 - 1  # what the widget can hold
RANDOM_SEEDS = 100_000
GAP = 4.0  # logical pixels between buttons
SEED_TIP = "A code is drawn from its seed. Drag to run through seeds, double-click to type one."
TRUNCATION_TIP = (
    "How far from the average: 0 gives the average for every seed, 1 what was drawn. "
    "Less is safer, more is more varied."
)


def draw_code(ui: Ui, name: str, code: Code) -> Code | None:
    """The controls of the code called `name` ("foreground" or "background"); the changed code."""
    spacing = imgui.get_style().item_spacing.y
    side = 3 * imgui.get_frame_height() + 2 * spacing
    moved = latent_pad(ui, f"{name}.pad", code, side * 1.15, side)
    imgui.same_line(0, ui.px(10))
    with imgui_ctx.begin_group():
        result = _draw_seed(ui, name, code)
        tip, form = TRUNCATION_TIP, "Truncation  %.2f"
        psi = ui.slider(f"{name}.truncation", code.truncation_psi, 0.0, 1.5, form, tip=tip)
        if psi is not None:
            result = replace(code, truncation_psi=min(max(psi, 0.0), 2.0))
    return moved or result


def _draw_seed(ui: Ui, name: str, code: Code) -> Code | None:
    shown = min(code.seed, LARGEST_TYPED_SEED)
    form = "Near seed  %d" if code.is_blend else "Seed  %d"
    seed = ui.integer(f"{name}.seed", shown, 0, LARGEST_TYPED_SEED, form, tip=SEED_TIP)
    gap = ui.px(GAP)
    width = (imgui.get_content_region_avail().x - 2 * gap) / 3
    if ui.icon_button(f"{name}.previous", icons.CHEVRON_LEFT, "Previous seed", width=width):
        seed = code.seed - 1
    imgui.same_line(0, gap)
    if ui.icon_button(f"{name}.next", icons.CHEVRON_RIGHT, "Next seed", width=width):
        seed = code.seed + 1
    imgui.same_line(0, gap)
    if ui.icon_button(f"{name}.random", icons.DICE, "Random seed", width=width):
        seed = random.randrange(RANDOM_SEEDS)
    return None if seed is None else code.at_seed(seed)
