"""Output: which layer is shown, pictures, and the mesh."""

from dataclasses import replace

from imgui_bundle import imgui

from .. import actions as act
from .. import icons, theme
from ..info import ViewInfo
from ..state import ExportOptions, Job, ViewerState
from ..ui import Ui

LAYER_LABELS = (
    ("full", "Full"),
    ("foreground", "Front"),
    ("background", "Back"),
    ("raw", "Raw"),
    ("normals", "Normals"),
    ("depth", "Depth"),
    ("alpha", "Alpha"),
    ("surface", "Surface"),
)
FORMATS = (("glb", "GLB"), ("obj", "OBJ"), ("ply", "PLY"), ("stl", "STL"))
RESOLUTIONS = (("128", "128"), ("256", "256"), ("384", "384"), ("512", "512"))
RAYS = (("0", "Model"), ("64", "64"), ("128", "128"), ("256", "256"))
LEVEL_TIP = (
    "The density at which the surface is taken. Lower includes thinner matter. "
    "The layer Surface shows it live."
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    layer = ui.segments("layer", LAYER_LABELS, state.view.layer, columns=4)
    if layer is not None:
        actions.append(act.SetLayer(layer))
    actions += _draw_rays(ui, state)
    if ui.button(
        "screenshot",
        "Save picture",
        icon=icons.CAMERA,
        width=-1,
        enabled=state.model is not None,
        tip="Key S. PNG of the finished picture, with transparency.",
    ):
        actions.append(act.SaveScreenshot())
    return actions


def draw_mesh(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section about the mesh."""
    options = state.export
    imgui.begin_disabled(state.job is not None)
    changed = _draw_level(ui, _draw_size(ui, options), info)
    actions: list[act.Action] = [act.SetExport(changed)] if changed != options else []
    ui.label("File")
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - ui.px(4)
    path = ui.line("export.path", options.path, info.export_path, width=width)
    if path is not None:
        actions.append(act.SetExport(replace(changed, path=path)))
    imgui.same_line(0, ui.px(4))
    if ui.icon_button("export.browse", icons.FOLDER, "Choose where the mesh goes"):
        actions.append(act.Browse("export"))
    imgui.end_disabled()
    if state.job is not None:
        return _draw_job(ui, state.job)
    ready = state.model is not None
    if ui.button("export", "Export mesh", icon=icons.CUBE, kind="primary", width=-1, enabled=ready):
        actions.append(act.StartExport(info.export_path, f"{options.resolution}\u00b3 mesh"))
    return actions


def _draw_rays(ui: Ui, state: ViewerState) -> list[act.Action]:
    ui.label("Rays", "Side of the volume-rendered image: more is finer and slower.")
    current = str(state.view.neural_resolution or 0)
    rays = ui.segments("rays", RAYS, current)
    return [act.SetNeuralResolution(int(rays) or None)] if rays is not None else []


def _draw_size(ui: Ui, options: ExportOptions) -> ExportOptions:
    ui.label("Format", "STL has no colours.")
    kind = ui.segments("export.format", FORMATS, options.format)
    ui.label("Grid", "Samples along a side of the cube: twice as many take eight times as long.")
    size = ui.segments("export.resolution", RESOLUTIONS, str(options.resolution))
    if kind is not None:
        options = replace(options, format=kind)
    if size is not None:
        options = replace(options, resolution=int(size))
    return options


def _draw_level(ui: Ui, options: ExportOptions, info: ViewInfo) -> ExportOptions:
    ui.label("Level", LEVEL_TIP)
    automatic = ui.switch("export.automatic", "Automatic", options.automatic_level)
    if automatic is not None:
        level = info.surface.level if info.surface else options.level
        options = replace(options, automatic_level=automatic, level=level)
    if not options.automatic_level:
        low, high = info.surface.density_range if info.surface else (-20.0, 40.0)
        imgui.same_line()
        level_set = ui.slider("export.level", options.level, low, high, "%.1f", tip=LEVEL_TIP)
        if level_set is not None:
            options = replace(options, level=level_set)
    return options


def _draw_job(ui: Ui, job: Job) -> list[act.Action]:
    ui.progress(job.fraction)
    ui.text(f"{job.title}  {100 * job.fraction:.0f} %", theme.TEXT_DIM, small=True)
    label = "Stopping ..." if job.cancelling else "Cancel"
    if ui.button("export.cancel", label, width=-1, enabled=not job.cancelling):
        return [act.CancelExport()]
    return []
