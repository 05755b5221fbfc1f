"""Mesh: how the foreground becomes a file, and how large that will be."""

from dataclasses import replace
from pathlib import PurePath

from imgui_bundle import imgui

from .. import actions as act
from .. import icons, theme
from ..info import SurfaceInfo, ViewInfo
from ..paths import describe_mesh_path, mesh_name
from ..state import MESH_FORMATS, ExportOptions, ViewerState
from ..ui import Ui
from .jobs import draw_job, draw_written

FORMATS = (("glb", "GLB"), ("obj", "OBJ"), ("ply", "PLY"), ("stl", "STL"))
RESOLUTIONS = (("128", "128"), ("256", "256"), ("384", "384"), ("512", "512"))
SIMPLIFIED = (("0", "All"), ("100000", "100k"), ("30000", "30k"), ("10000", "10k"))
BYTES = {"glb": 30.0, "obj": 48.0, "ply": 26.5, "stl": 50.0}  # a triangle, measured
TEXTURED_BYTES = {"glb": 33.0, "obj": 104.0}  # a triangle of a mesh with a texture, likewise
TEXTURED_FACES = 30_000  # of a mesh with a texture, unless it is simplified otherwise
TEXTURE, DOME = 0.65e6, 0.6e6  # bytes, measured with the bundled model
FILE_TIP = "a file or a folder. Nothing is overwritten: a number is added to a name that is taken."
TEXTURED_FORMATS = ("glb", "obj")
TEXTURE_TIP = "A picture of 1024 pixels on a mesh of 30,000 triangles, instead of vertex colours."
SIMPLIFY_TIP = "Triangles that are kept, where the surface bends most (quadric edge collapse)."
DOME_TIP = "The background as a sphere round the mesh, in the same file."
LEVEL_TIP = (
    "The density at which the surface is taken: lower includes thinner matter. "
    "The eye shows the surface while you change it."
)
UNKNOWN_LEVEL = "Show the surface before, with the eye: then its automatic level is known."
NO_SURFACE = "There is no surface at this level."
FINDING = "Finding the surface ..."
UNKNOWN_SIZE = "Show the surface (the eye) for an estimate of the size."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    job = state.job("export")
    with ui.enabled_if(job is None):
        actions = _draw_options(ui, state, info)
    if job is not None:
        return draw_job(ui, job, "export.cancel")
    title = f"{state.export.resolution}\u00b3 mesh"
    if ui.button("export", "Export mesh", icon=icons.CUBE, kind="primary", width=-1):
        actions.append(act.StartExport(title))
    domed = state.export.dome and not why_no_dome(state)
    options = replace(state.export, dome=domed)
    size = describe_size(options, _known(info), _why_unknown(state, info))
    ui.text(size, theme.TEXT_DIM, small=True, wrap=True)
    return [*actions, *draw_written(ui, "export.reveal", state.exported)]


def _why_unknown(state: ViewerState, info: ViewInfo) -> str:
    """What there is to say while there is no surface to count."""
    if info.surface_failed:
        return NO_SURFACE
    return FINDING if state.view.layer == "surface" else UNKNOWN_SIZE


def _known(info: ViewInfo) -> SurfaceInfo | None:
    """The surface of the present code, if it was looked at."""
    return info.surface if info.surface is not None and info.surface.current else None


def _draw_options(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    options = _draw_size(ui, state)
    options, actions = _draw_level(ui, options, state, info)
    ui.label("File")
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - ui.px(4)
    path = ui.line("export.path", options.path, mesh_name(state), width=width, whole=True)
    ui.tip(f"{describe_mesh_path(state)}: {FILE_TIP}")
    if options != state.export:
        actions.append(act.SetExport(options))
    if path is not None:
        actions.append(act.SetExportPath(path))
    imgui.same_line(0, ui.px(4))
    if ui.icon_button("export.browse", icons.FOLDER, "Choose where the mesh goes"):
        actions.append(act.Browse("export"))
    return actions


def _draw_size(ui: Ui, state: ViewerState) -> ExportOptions:
    options = state.export
    ui.label("Format", "STL has no colours.")
    kind = ui.segments("export.format", FORMATS, options.format)
    ui.label("Grid", "Samples along a side of the cube: twice as many take eight times as long.")
    size = ui.segments("export.resolution", RESOLUTIONS, str(options.resolution))
    if options.format in TEXTURED_FORMATS:
        ui.label("Include")
        texture = ui.switch("export.texture", "Texture", options.texture, tip=TEXTURE_TIP)
        if texture is not None:
            options = replace(options, texture=texture)
    if options.format == "glb":
        imgui.same_line(0, ui.px(18))
        obstacle = why_no_dome(state)
        shown = options.dome and not obstacle
        with ui.enabled_if(not obstacle):
            dome = ui.switch("export.dome", "Background", shown, tip=obstacle or DOME_TIP)
        options = options if dome is None else replace(options, dome=dome)
    ui.label("Simplify", SIMPLIFY_TIP)
    faces = ui.segments("export.faces", SIMPLIFIED, str(options.faces))
    if faces is not None:
        options = replace(options, faces=int(faces))
    if kind is not None:
        options = _with_format(options, kind)
    if size is not None:
        options = replace(options, resolution=int(size))
    return options


def _with_format(options: ExportOptions, kind: str) -> ExportOptions:
    """The options with another format, in the name that was typed, too."""
    suffix = PurePath(options.path).suffix
    known = suffix.lower().lstrip(".") in MESH_FORMATS
    path = f"{options.path.removesuffix(suffix)}.{kind}" if known else options.path
    return replace(options, format=kind, path=path)


def why_no_dome(state: ViewerState) -> str:
    """Why the background that shows cannot be put round the mesh; empty if it can."""
    if state.model is None or state.can_unroll:
        return ""
    if not state.view.backdrop.visible:
        return "Not here: the background is switched off."
    if not state.model.has_background:
        return "Not here: this model has no background; choose a colour or a picture."
    return "Not here: this model's background is a plane, which does not go round the mesh."


def _draw_level(
    ui: Ui, options: ExportOptions, state: ViewerState, info: ViewInfo
) -> tuple[ExportOptions, list[act.Action]]:
    """Automatic or a number, and an eye that shows the surface."""
    ui.label("Level", LEVEL_TIP)
    known = _known(info)
    ready = known is not None or info.surface_failed or not options.automatic_level
    with ui.enabled_if(ready):
        automatic = ui.switch("export.automatic", "Auto", options.automatic_level)
    if not ready:
        ui.tip(UNKNOWN_LEVEL)
    if automatic is not None:
        level = known.level if known else options.level
        options = replace(options, automatic_level=automatic, level=level)
    imgui.same_line()
    gap, side = ui.px(4), imgui.get_frame_height()
    width = imgui.get_content_region_avail().x - side - gap
    if options.automatic_level:
        imgui.dummy((width, side))
    else:
        low, high = known.density_range if known else (-20.0, 40.0)
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


def describe_size(
    options: ExportOptions, surface: SurfaceInfo | None, unknown: str = UNKNOWN_SIZE
) -> str:
    """How many triangles and bytes to expect; `unknown`: what to say where that is not known."""
    if surface is None or surface.triangles == 0:
        return unknown
    textured = options.texture and options.format in TEXTURED_FORMATS
    kept = options.faces or (TEXTURED_FACES if textured else 0)
    finer = (options.resolution / surface.resolution) ** 2
    triangles = int(surface.triangles * finer)
    triangles = min(triangles, kept) if kept else triangles
    size = triangles * (TEXTURED_BYTES if textured else BYTES)[options.format]
    size += TEXTURE * textured + DOME * (options.dome and options.format == "glb")
    return f"About {round_number(triangles)} triangles, {describe_bytes(size)}"


def round_number(count: int) -> str:
    """A count with two digits that mean something: "180,000"."""
    unit = 10 ** max(len(str(count)) - 2, 0)
    return f"{round(count / unit) * unit:,}"


def describe_bytes(size: float) -> str:
    """A file's size: "9.4 MB"."""
    return f"{size / 1e6:.2g} MB" if size < 1e7 else f"{size / 1e6:.0f} MB"
