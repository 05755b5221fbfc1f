"""Semantic directions of a code as sliders, which a person can name."""

from dataclasses import replace

from imgui_bundle import imgui

from ballgan.latents import METHODS, Direction
from ballgan.view import Code

from .. import actions as act
from .. import icons
from ..actions import latents as lat
from ..state import CodeSpace, ViewerState
from ..ui import Ui
from .rows import draw_rows, format_rows

SHOWN = 8  # directions of a method
REACH = 4.0  # standard deviations, of a slider
GAP = 4.0  # logical pixels
SHEET = "gallery.sheet"  # the widget where the contact sheet begins
SHOW_TIP = "Makes a contact sheet in the gallery: each direction from -3 to +3 deviations."
LABELS = {"sefa": "Factorised", "pca": "Components", "named": "Named"}
TIP = (
    "Directions that change one thing at a time, found without labels. Move one, see what it "
    "does, and give it a name: names are kept for this model."
)
METHOD_TIPS = {
    "sefa": "The directions along which the weights change the styles most (SeFa).",
    "pca": "The directions along which codes differ most (GANSpace).",
    "named": "Directions that you have given a name.",
}


def draw_directions(ui: Ui, state: ViewerState, which: str, space: CodeSpace) -> list[act.Action]:
    """The fold with the sliders."""
    code = state.view.code(which)
    summary = f"{len(code.moves)} moved" if code.moves else ""
    with ui.fold(f"{which}.directions", "Directions", summary, tip=TIP) as unfolded:
        if not unfolded or not space.dimensions:
            return []
        named = [n.direction for n in state.notes.directions if n.which == which]
        method = _choose_method(ui, which, any(named))
        if method == "named":
            directions = named
        else:
            rows = _choose_rows(ui, which, space)
            count = min(SHOWN, space.dimensions)
            directions = [Direction(method, index, rows) for index in range(count)]
        actions: list[act.Action] = []
        for number, direction in enumerate(directions):
            actions += _draw_slider(ui, state, which, number, direction)
        actions += _draw_reset(ui, state, which, code)
        name, label = f"{which}.directions.show", "See what they do"
        if ui.button(name, label, icon=icons.GRID, width=-1, tip=SHOW_TIP):
            ui.reveal = SHEET
            actions.append(lat.ShowDirections(which, tuple(directions)))
        return actions


def _choose_method(ui: Ui, which: str, has_names: bool) -> str:
    methods = [*METHODS, "named"] if has_names else METHODS
    current = ui.choices.get(f"{which}.method", "named" if has_names else METHODS[0])
    if current not in methods:
        current = METHODS[0]
    options = [(method, LABELS[method]) for method in methods]
    clicked = ui.segments(f"{which}.method", options, current, tips=METHOD_TIPS)
    ui.choices[f"{which}.method"] = clicked or current
    return clicked or current


def _choose_rows(ui: Ui, which: str, space: CodeSpace) -> tuple[int, ...] | None:
    """The rows of ws that directions move; None: all."""
    if space.rows < 2:
        return None
    name = f"{which}.directions.rows"
    everything = tuple(range(space.rows))
    rows = ui.choices.get(name) or everything
    rows = tuple(row for row in rows if row < space.rows) or everything
    rows = draw_rows(ui, name, rows, space.rows, none="All") or rows
    ui.choices[name] = rows
    return None if rows == everything else rows


def _draw_slider(
    ui: Ui, state: ViewerState, which: str, number: int, direction: Direction
) -> list[act.Action]:
    """One direction: its amount, or its name while that is written."""
    name, code = f"{which}.direction.{number}", state.view.code(which)
    given = state.notes.name_of(which, direction)
    gap = ui.px(GAP)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - gap
    actions: list[act.Action] = []
    editing = ui.editing == name
    if editing:
        hint = "name of this direction"
        text = ui.line(f"{name}.name", given, hint, width=width, whole=True)
        if text is not None:
            actions.append(lat.NameDirection(which, direction, text))
        if imgui.is_item_deactivated():
            ui.editing = None
    else:
        amount = code.amount(direction)
        caption = (given or describe(direction)).replace("%", "%%")
        with ui.enabled_if(not state.view.latents.of(which).locked):
            new = ui.slider(
                name, amount, -REACH, REACH, f"{caption}   %+.2f", width=width, centred=True
            )
            if imgui.is_item_hovered() and imgui.is_mouse_clicked(imgui.MouseButton_.right):
                new = 0.0
        ui.tip(f"{describe(direction)}, in standard deviations. Right-click: back to 0.")
        if new is not None:
            actions.append(lat.SetCode(which, _snap(code, direction, new)))
    imgui.same_line(0, gap)
    tip = "Name this direction" if not given else "Change or clear its name"
    if ui.icon_button(f"{name}.rename", icons.PENCIL, tip, kind="quiet"):
        ui.editing = None if editing else name
        ui.focus = None if editing else f"{name}.name"
    return actions


def _draw_reset(ui: Ui, state: ViewerState, which: str, code: Code) -> list[act.Action]:
    if not code.moves:
        return []
    with ui.enabled_if(not state.view.latents.of(which).locked):
        label = "Reset all directions"
        if ui.button(f"{which}.directions.reset", label, icon=icons.RESET, width=-1):
            return [lat.SetCode(which, replace(code, moves=()))]
    return []


def _snap(code: Code, direction: Direction, amount: float) -> Code:
    """The moved code; amounts near 0 are 0, so that a slider can be put back."""
    return code.moved(direction, 0.0 if abs(amount) < 0.04 else float(amount))


def describe(direction: Direction) -> str:
    """A direction without a name."""
    kind = "Direction" if direction.method == "sefa" else "Component"
    rows = "" if direction.rows is None else f", rows {format_rows(direction.rows)}"
    return f"{kind} {direction.index + 1}{rows}"
