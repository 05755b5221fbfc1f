"""Output: which layer is shown, pictures, and the mesh."""

from dataclasses import replace

from imgui_bundle import imgui

from .. import actions as act
from .. import icons
from ..info import ViewInfo
from ..paths import describe_mesh_path, mesh_name
from ..state import ExportOptions, ViewerState
from ..ui import Ui
from . import presets
from .jobs import draw_job

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
FORMATS = (("glb", "GLB"), ("obj", "OBJ"), ("ply", "PLY"), ("stl", "STL"))
RESOLUTIONS = (("128", "128"), ("256", "256"), ("384", "384"), ("512", "512"))
RAYS = (("0", "Model"), ("64", "64"), ("128", "128"), ("256", "256"))
FILE_TIP = "a file or a folder. Nothing is overwritten: a number is added to a name that is taken."
PREVIEW_TIP = (
    "Key P. While something moves, the graphics card draws a baked copy of the scene at once; "
    "the network's picture replaces it. The status bar says which one you see."
)
TEXTURED_FORMATS = ("glb", "obj")
TEXTURE_TIP = "A picture of 1024 pixels on a mesh of 30,000 triangles, instead of vertex colours."
LEVEL_TIP = (
    "The density at which the surface is taken: lower includes thinner matter. "
    "The eye shows the surface while you change it."
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    layer = ui.segments("layer", LAYER_LABELS, state.view.layer, columns=4)
    if layer is not None:
        actions.append(act.SetLayer(layer))
    actions += _draw_rays(ui, state)
    actions += presets.draw(ui, state)
    on = ui.switch("preview", "OpenGL preview", state.preview)
    ui.tip(PREVIEW_TIP)
    if on is not None and on != state.preview:
        actions.append(act.TogglePreview())
    tip = "Key S. PNG of the finished picture, with its transparency."
    if ui.button("screenshot", "Save picture", icon=icons.CAMERA, width=-1, tip=tip):
        actions.append(act.SaveScreenshot())
    return actions


def draw_mesh(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section about the mesh."""
    job = state.job("export")
    with ui.enabled_if(job is None):
        actions = _draw_options(ui, state, info)
    if job is not None:
        return draw_job(ui, job, "export.cancel")
    title = f"{state.export.resolution}\u00b3 mesh"
    if ui.button("export", "Export mesh", icon=icons.CUBE, kind="primary", width=-1):
        actions.append(act.StartExport(title))
    return actions


def _draw_options(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    options = _draw_size(ui, state.export)
    options, actions = _draw_level(ui, options, state, info)
    ui.label("File")
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - ui.px(4)
    path = ui.line("export.path", options.path, mesh_name(state), width=width)
    ui.tip(f"{describe_mesh_path(state)}: {FILE_TIP}")
    if path is not None:
        options = replace(options, path=path)
    imgui.same_line(0, ui.px(4))
    if ui.icon_button("export.browse", icons.FOLDER, "Choose where the mesh goes"):
        actions.append(act.Browse("export"))
    return [*actions, act.SetExport(options)] if options != state.export else actions


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
    if options.format in TEXTURED_FORMATS:
        ui.label("Colours")
        texture = ui.switch("export.texture", "Texture", options.texture, tip=TEXTURE_TIP)
        if texture is not None:
            options = replace(options, texture=texture)
    if kind is not None:
        options = replace(options, format=kind)
    if size is not None:
        options = replace(options, resolution=int(size))
    return options


def _draw_level(
    ui: Ui, options: ExportOptions, state: ViewerState, info: ViewInfo
) -> tuple[ExportOptions, list[act.Action]]:
    """Automatic or a number, and an eye that shows the surface."""
    ui.label("Level", LEVEL_TIP)
    automatic = ui.switch("export.automatic", "Auto", options.automatic_level)
    if automatic is not None:
        level = info.surface.level if info.surface else options.level
        options = replace(options, automatic_level=automatic, level=level)
    imgui.same_line()
    gap, side = ui.px(4), imgui.get_frame_height()
    width = imgui.get_content_region_avail().x - side - gap
    if options.automatic_level:
        imgui.dummy((width, side))
    else:
        low, high = info.surface.density_range if info.surface else (-20.0, 40.0)
        moved = ui.slider(
            "export.level", options.level, low, high, "%.1f", width=width, tip=LEVEL_TIP
        )
        options = options if moved is None else replace(options, level=moved)
    imgui.same_line(0, gap)
    shown = state.view.layer == "surface"
    icon = icons.EYE_OFF if shown else icons.EYE
    tip = "Back to the picture" if shown else "Show the surface at this level"
    if ui.icon_button("export.preview", icon, tip):
        return options, [act.SetLayer("full" if shown else "surface")]
    return options, []
