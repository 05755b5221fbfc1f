"""Controls of one latent code. Foreground and background share them."""

from dataclasses import replace
from functools import partial

from imgui_bundle import imgui, imgui_ctx

from ballgan.view import Code, slide

from .. import actions as act
from .. import icons
from ..actions import latents as lat
from ..state import CodeSpace, ViewerState
from ..ui import LARGEST_INTEGER, Ui
from .directions import draw_directions
from .mixing import draw_mixing
from .pad import latent_pad

GAP = 4.0  # logical pixels between buttons
SPEEDS = (0.05, 4.0)  # seeds a second
SEED_TIP = "A code is drawn from its seed. Drag to run through seeds, double-click to type one."
TRUNCATION_TIP = (
    "How far from the average: 0 gives the average for every seed, 1 what was drawn. "
    "Less is safer, more is more varied."
)
CUTOFF_TIP = (
    "How many rows of ws are truncated. With fewer rows the form stays safe, while colours and "
    "details, which come from later rows, keep their full variety."
)


def draw_code(ui: Ui, state: ViewerState, which: str) -> list[act.Action]:
    """The controls of the "foreground" or the "background"."""
    code, control = state.view.code(which), state.view.latents.of(which)
    space = state.model.space(which) if state.model else CodeSpace()
    changed: Code | None = None
    actions: list[act.Action] = []
    with ui.enabled_if(not control.locked):
        rows = 4 if space.truncatable else 2
        spacing = imgui.get_style().item_spacing.y
        side = rows * imgui.get_frame_height() + (rows - 1) * spacing
        moved = latent_pad(ui, f"{which}.pad", code, max(side * 0.98, ui.px(100)), side)
        imgui.same_line(0, ui.px(10))
    with imgui_ctx.begin_group():
        with ui.enabled_if(not control.locked):
            changed = _draw_seed(ui, which, code)
        actions += _draw_buttons(ui, state, which)
        with ui.enabled_if(not control.locked):
            if space.truncatable:
                changed = _draw_truncation(ui, which, code, space) or changed
    if control.animated and not control.locked:
        actions += _draw_speed(ui, state, which)
    with ui.enabled_if(not control.locked):
        if len(code.blend) == 2:
            changed = _draw_blend(ui, which, code) or changed
    if space.rows > 1:
        changed = draw_mixing(ui, which, code, space, locked=control.locked) or changed
    actions += draw_directions(ui, state, which, space)
    changed = moved or changed
    return [*actions, lat.SetCode(which, changed)] if changed is not None else actions


def _draw_seed(ui: Ui, which: str, code: Code) -> Code | None:
    shown = min(code.seed, LARGEST_INTEGER)
    number = "%d" if shown == code.seed else str(code.seed)  # longer than the widget can hold
    form = f"{'Near seed' if code.is_blend else 'Seed'}  {number}"
    seed = ui.integer(f"{which}.seed", shown, 0, LARGEST_INTEGER, form, tip=SEED_TIP)
    return None if seed is None else code.at_seed(seed)


def _draw_buttons(ui: Ui, state: ViewerState, which: str) -> list[act.Action]:
    """Previous, next and random seed, animation, lock."""
    control = state.view.latents.of(which)
    gap = ui.px(GAP)
    width = (imgui.get_content_region_avail().x - 4 * gap) / 5
    actions: list[act.Action] = []
    playing = control.animated
    buttons = (
        ("previous", icons.CHEVRON_LEFT, "Previous seed", partial(lat.StepSeed, which, -1)),
        ("next", icons.CHEVRON_RIGHT, "Next seed", partial(lat.StepSeed, which, 1)),
        ("random", icons.DICE, "Random seed", partial(lat.take_random, which)),
        (
            "animate",
            icons.PAUSE if playing else icons.PLAY,
            "Stop the animation" if playing else "Animate: glide from seed to seed",
            partial(lat.ToggleAnimation, which),
        ),
    )
    with ui.enabled_if(not control.locked):
        for name, icon, tip, make in buttons:
            kind = "selected" if name == "animate" and playing else "normal"
            if ui.icon_button(f"{which}.{name}", icon, tip, width=width, kind=kind):
                actions.append(make())
            imgui.same_line(0, gap)
    icon = icons.LOCK if control.locked else icons.UNLOCK
    tip = "Unlock this code" if control.locked else "Lock: nothing changes this code"
    kind = "selected" if control.locked else "normal"
    if ui.icon_button(f"{which}.lock", icon, tip, width=width, kind=kind):
        actions.append(lat.ToggleLock(which))
    return actions


def _draw_truncation(ui: Ui, which: str, code: Code, space: CodeSpace) -> Code | None:
    form = "Truncation  %.2f"
    psi = ui.slider(f"{which}.truncation", code.truncation_psi, 0, 1.5, form, tip=TRUNCATION_TIP)
    rows = max(space.rows, 1)
    cutoff = rows if code.truncation_cutoff is None else min(code.truncation_cutoff, rows)
    form = "Cutoff  all rows" if cutoff == rows else f"Cutoff  {cutoff} of {rows} rows"
    chosen = ui.slider(f"{which}.cutoff", cutoff, 0, rows, form, tip=CUTOFF_TIP)
    if psi is not None:
        return replace(code, truncation_psi=min(max(psi, 0.0), 2.0))
    if chosen is None:
        return None
    rounded = max(round(chosen), 0)
    return replace(code, truncation_cutoff=None if rounded >= rows else rounded)


def _draw_speed(ui: Ui, state: ViewerState, which: str) -> list[act.Action]:
    control = state.view.latents.of(which)
    ui.label("Speed", "How fast the animation goes from seed to seed.")
    speed = ui.slider(f"{which}.speed", control.speed, *SPEEDS, "%.2f seeds/s")
    if speed is None:
        return []
    speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
    return [lat.SetControl(which, replace(control, speed=speed))]


def _draw_blend(ui: Ui, which: str, code: Code) -> Code | None:
    """The way between the two codes of a blend."""
    (start, _), (end, weight) = code.blend
    gap = ui.px(GAP)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - gap
    form = f"Seed {start.seed} to seed {end.seed}   %.2f"
    new = ui.slider(f"{which}.blend", weight, 0.0, 1.0, form, width=width)
    imgui.same_line(0, gap)
    if ui.icon_button(f"{which}.blend.end", icons.CLOSE, "Go to the nearer of the two"):
        return code.end(int(weight >= 0.5))
    return None if new is None else slide(code, new)
