"""Output: which layer is shown and how, what it is compared with, and how well it is rendered."""

from dataclasses import replace

from imgui_bundle import imgui

from .. import actions as act
from .. import theme
from ..actions import output as out
from ..commands import keyed, keys_of, tip_of
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from . import presets

LAYER_LABELS = (
    ("full", "Full"),
    ("foreground", "Foreground"),
    ("background", "Background"),
    ("raw", "Raw"),
    ("normals", "Normals"),
    ("depth", "Depth"),
    ("alpha", "Alpha"),
    ("surface", "Surface"),
)
LAYER_TIPS = {layer: tip_of(f"layer.{layer}") for layer, _ in LAYER_LABELS}
RAYS = (("0", "Model"), ("64", "64"), ("128", "128"), ("256", "256"), ("512", "512"))
COLORMAP_LABELS = (("viridis", "Viridis"), ("cividis", "Cividis"), ("grey", "Grey"))
PAINT_LABELS = (("clay", "Clay"), ("colour", "Colour"))
COMPARISON_LABELS = (("layer", "Layer"), ("codes", "A | B"), ("pinned", "Pinned"))
PREVIEW_TIP = keyed(
    "preview.toggle",
    "While something moves, the graphics card draws a baked copy of the scene at once; "
    "the network's picture replaces it. The status bar says which one you see.",
)
RANGE_TIP = (
    "Distances from the camera, world units, at the two ends of the colours. They stay as they are "
    "while the camera moves, so that pictures can be compared."
)
COLORMAP_TIP = "All three also read for the colour-blind: their lightness alone tells the distance."
COMPARE_TIP = keyed(
    "compare.toggle",
    "Right of the divider, another picture by the same camera: another layer, the other "
    "codes of the A/B toggle, or what was pinned.",
)
PIN_TIP = keyed("compare.pin", "Keep all that shows now, and compare what comes with it.")
NOTHING_TO_COMPARE = {
    "codes": f"There are no codes B yet: press {keys_of('codes.side')}, then change the codes.",
    "pinned": f"Nothing is pinned yet: press {keys_of('compare.pin')}.",
}
INSPECT_TIP = keyed(
    "inspect.toggle", "Colour, opacity, depth and place of the pixel under the pointer."
)
MESH_TIP = "The surface at the level of the section Mesh, from a coarser grid than an export."
PAINT_TIPS = {
    "clay": "Grey, lit from beside the camera: shows the form.",
    "colour": "The colours that an export has, as they are seen from outside.",
}
WIRE_TIP = keyed("mesh.wireframe", "The edges of the triangles.")


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    obstacles = {"raw": state.why_no_raw}
    layer = ui.segments(
        *("layer", LAYER_LABELS, state.view.layer),
        columns=4,
        tips=LAYER_TIPS,
        obstacles=obstacles,
    )
    if layer is not None:
        actions.append(act.SetLayer(layer))
    styled = {side.layer for side in state.view.sides()}
    if state.view.comparison.kind == "pinned":  # what was pinned keeps its own styles
        styled = {state.view.layer}
    if "depth" in styled:
        actions += _draw_depth(ui, state)
    if "surface" in styled:
        actions += _draw_mesh(ui, state)
    actions += _draw_comparison(ui, state)
    actions += _draw_rays(ui, state)
    actions += presets.draw(ui, state)
    return actions + _draw_switches(ui, state)


def _draw_depth(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Colours and range of distances."""
    style = changed = state.view.depth
    ui.label("Colours", COLORMAP_TIP)
    colormap = ui.segments("depth.colormap", COLORMAP_LABELS, style.colormap)
    if colormap is not None:
        changed = replace(changed, colormap=colormap)
    own = state.model.depth_range if state.model else (2.25, 3.3)
    near, far = style.resolve(own)
    ui.label("Range", RANGE_TIP)
    gap = imgui.get_style().item_spacing.x
    width = (imgui.get_content_region_avail().x - 2 * gap - ui.px(54)) / 2
    most = max(far - 0.01, 0.001)  # more than 0: equal limits are none
    low = ui.number("depth.near", near, 0.0, most, "%.2f", width=width, tip=RANGE_TIP)
    imgui.same_line()
    high = ui.number("depth.far", far, near + 0.01, 1e4, "%.2f", width=width, tip=RANGE_TIP)
    imgui.same_line()
    if low is not None:
        changed = replace(changed, near=low)
    if high is not None:
        changed = replace(changed, far=high)
    tip = "The range in which the model has its foreground"
    enabled = (style.near, style.far) != (None, None)
    if ui.button("depth.model", "Model", width=-1, enabled=enabled, tip=tip):
        changed = replace(changed, near=None, far=None)
    return [out.SetDepth(changed)] if changed != style else []


def _draw_mesh(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The look of the surface."""
    style = changed = state.view.mesh
    ui.label("Mesh", MESH_TIP)
    paint = ui.segments("mesh.paint", PAINT_LABELS, style.paint, tips=PAINT_TIPS)
    if paint is not None:
        changed = replace(changed, paint=paint)
    ui.label("Edges")
    wireframe = ui.switch("mesh.wireframe", "Wireframe", style.wireframe, tip=WIRE_TIP)
    if wireframe is not None:
        changed = replace(changed, wireframe=wireframe)
    return [out.SetMesh(changed)] if changed != style else []


def _draw_comparison(ui: Ui, state: ViewerState) -> list[act.Action]:
    """A switch, and what stands on the other side of the divider."""
    how = changed = state.view.comparison
    ui.label("Compare", COMPARE_TIP)
    on = ui.switch("compare", "Split", how.on, tip=COMPARE_TIP)
    if on is not None:
        changed = replace(changed, on=on)
    imgui.same_line()
    actions: list[act.Action] = []
    if ui.button("compare.pin", "Pin this", width=-1, tip=PIN_TIP):
        actions.append(out.PinView())
    if how.on:
        kind = ui.segments("compare.kind", COMPARISON_LABELS, how.kind)
        if kind is not None:
            changed = replace(changed, kind=kind)
        if how.kind == "layer":
            obstacles = {"raw": state.why_no_raw}
            layer = ui.segments(
                "compare.layer", LAYER_LABELS, how.layer, columns=4, obstacles=obstacles
            )
            if layer is not None:
                changed = replace(changed, layer=layer)
        if state.view.compared() is None:
            ui.text(NOTHING_TO_COMPARE[how.kind], theme.TEXT_DIM, small=True, wrap=True)
            ui.record("compare.nothing")
    return [*actions, out.SetComparison(changed)] if changed != how else actions


def _draw_rays(ui: Ui, state: ViewerState) -> list[act.Action]:
    ui.label("Rays", "Side of the volume-rendered image: more is finer and slower.")
    current = str(state.view.neural_resolution or 0)
    rays = ui.segments("rays", RAYS, current)
    return [act.SetNeuralResolution(int(rays) or None)] if rays is not None else []


def _draw_switches(ui: Ui, state: ViewerState) -> list[act.Action]:
    actions: list[act.Action] = []
    on = ui.switch("preview", "OpenGL preview", state.preview)
    ui.tip(PREVIEW_TIP)
    if on is not None and on != state.preview:
        actions.append(act.TogglePreview())
    imgui.same_line(0, ui.px(20))
    inspects = ui.switch("inspect", "Inspect pixels", state.inspects, tip=INSPECT_TIP)
    if inspects is not None and inspects != state.inspects:
        actions.append(out.ToggleInspector())
    return actions
