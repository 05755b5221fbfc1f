"""Commands of layers, presets, comparison and the mesh."""

from dataclasses import replace

from ballgan.view import LAYERS

from .. import actions as act
from ..actions import output as out
from ..presets import BUILT_IN
from ..state import ViewerState
from .command import Actions, Table, always, command, reveal, with_model

LAYER_TITLES = {
    "full": "Show the whole picture",
    "foreground": "Show the foreground alone",
    "background": "Show the background alone",
    "raw": "Show the raw image",
    "normals": "Show normals",
    "depth": "Show depth",
    "alpha": "Show alpha",
    "surface": "Show the surface",
}
LAYER_TIPS = {
    "full": "The foreground before the background, as the model draws both.",
    "foreground": "The foreground alone, transparent where there is none.",
    "background": "The whole background, as if there were no foreground.",
    "raw": "The volume-rendered image, before super-resolution makes it larger and sharper.",
    "normals": "Which way the surface faces, as colours.",
    "depth": "Distance from the camera, in colours.",
    "alpha": "How opaque the foreground is: white hides the background.",
    "surface": "The mesh that an export would write, coarser: as clay or in its colours.",
}
PRESET_TIP = "How to render; the scene stays."


def _toggle_comparison(state: ViewerState) -> Actions:
    how = state.view.comparison
    return [out.SetComparison(replace(how, on=not how.on))]


def _toggle_wireframe(state: ViewerState) -> Actions:
    style = state.view.mesh
    return [out.SetMesh(replace(style, wireframe=not style.wireframe))]


def _with_raw(state: ViewerState) -> bool:
    return not state.why_no_raw


TABLE: Table = {
    "Output": (
        *(
            command(
                f"layer.{layer}",
                LAYER_TITLES[layer],
                act.SetLayer(layer),
                str(number),
                tip=LAYER_TIPS[layer],
                enabled=_with_raw if layer == "raw" else always,
            )
            for number, layer in enumerate(LAYERS, start=1)
        ),
        *(
            command(
                f"preset.{name.lower()}",
                f"Preset: {name}",
                act.ApplyPreset(name),
                tip=PRESET_TIP,
            )
            for name in BUILT_IN
        ),
        command(
            "preview.toggle",
            "OpenGL preview on or off",
            act.TogglePreview(),
            "P",
            hint="preview on/off",
        ),
    ),
    "Looking closer": (
        command("compare.toggle", "Split screen on or off", _toggle_comparison, "C"),
        command("compare.pin", "Pin this and compare", out.PinView(), "Shift+C"),
        command("inspect.toggle", "Inspect pixels on or off", out.ToggleInspector(), "I"),
        command(
            "mesh.wireframe",
            "Wireframe on or off",
            _toggle_wireframe,
            "W",
            tip="Of the layer Surface.",
            enabled=lambda state: any(side.layer == "surface" for side in state.view.sides()),
        ),
    ),
    "Mesh": (
        command(
            "mesh.export",
            "Export the mesh",
            lambda state: [act.StartExport(f"{state.export.resolution}\u00b3 mesh")],
            enabled=lambda state: with_model(state) and state.job("export") is None,
        ),
        reveal("mesh", "Show the mesh in its folder", lambda state: state.exported),
    ),
}
