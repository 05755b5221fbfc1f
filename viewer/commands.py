"""The one table of commands: what each is called, its keys, and what it does.

Keys, the command palette, the overview of keys, hints and tooltips are all made from it; a script
runs a command by its name. A command answers with actions, as a panel does.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from ballgan.view import CODES, LAYERS

from . import actions as act
from . import camera_actions as cam
from . import latent_actions as lat
from . import output_actions as out
from .preferences import SECTIONS
from .presets import BUILT_IN
from .state import ViewerState

Actions = list[act.Action]
RANDOM_SEEDS = 100_000
ZOOM_STEP = 1.1
GESTURES = (  # of the pointer in the picture; navigation.py says what they mean
    ("Drag", "Orbit, or look round"),
    ("Right-drag", "Pan; also Shift-drag"),
    ("Wheel", "Zoom; also Ctrl-drag"),
    ("Alt+wheel", "Change the angle of view"),
    ("Double-click", "Turn round that point"),
    ("Drop a file", "Open it, whatever it is"),
)
MODS = ("control", "shift", "alt")  # in the order in which they are written


@dataclass(frozen=True)
class Chord:
    """A key with the modifiers that have to be held."""

    key: str  # as events.KeyPressed names it
    mods: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self == Chord("/", frozenset({"shift"})):
            return "?"
        held = [mod.replace("control", "ctrl").capitalize() for mod in MODS if mod in self.mods]
        return "+".join([*held, self.key])


def chord(text: str) -> Chord:
    """A chord as it is written: "B", "Shift+Right", "Ctrl+K"."""
    *mods, key = text.split("+")
    return Chord(key, frozenset(mod.lower().replace("ctrl", "control") for mod in mods))


def always(state: ViewerState) -> bool:
    """Enabled whatever the state."""
    return True


def with_model(state: ViewerState) -> bool:
    """Enabled once a model is open."""
    return state.model is not None


def with_keys(state: ViewerState) -> bool:
    """Enabled once a model is open and the film has keys."""
    return state.model is not None and bool(state.animation.keys)


@dataclass(frozen=True)
class Command:
    """Something to do, for keys, palette and scripts."""

    name: str  # for scripts, such as "background.toggle"
    title: str  # as a person reads it, such as "Background on or off"
    group: str  # heading in the overview
    actions: Callable[[ViewerState], Actions]
    keys: tuple[Chord, ...] = ()
    hint: str = ""  # short words for the status bar; empty: not shown there
    tip: str = ""  # what it means, where the title does not say
    enabled: Callable[[ViewerState], bool] = always


def command(
    name: str,
    title: str,
    actions: Callable[[ViewerState], Actions] | act.Action,
    keys: str = "",
    *,
    hint: str = "",
    tip: str = "",
    enabled: Callable[[ViewerState], bool] = always,
) -> Command:
    """A row of the table: `keys` as in "Ctrl+Y Ctrl+Shift+Z", `actions` or the only one."""
    if isinstance(actions, act.Action):
        only = actions
        actions = lambda state: [only]  # noqa: E731
    chords = tuple(chord(text) for text in keys.split())
    return Command(name, title, "", actions, chords, hint, tip, enabled)


def _step(which: str, step: int) -> act.Action:
    return lat.StepSeed(which, step)


def _draw(which: str) -> Callable[[ViewerState], Actions]:
    """Random seeds, drawn when the command is used."""
    return lambda state: [lat.TakeSeeds(which, *(random.randrange(RANDOM_SEEDS) for _ in "fb"))]


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
    "surface": "The mesh that an export would write, as clay.",
}
SIDE_KEYS = {  # those of the number pad as in Blender
    "front": "F Num1",
    "back": "Shift+F Ctrl+Num1",
    "right": "L Num3",
    "left": "Shift+L Ctrl+Num3",
    "top": "U Num7",
    "bottom": "Shift+U Ctrl+Num7",
}


def _toggle_flight(state: ViewerState) -> Actions:
    way = state.navigation
    mode = "orbit" if way.flies else "fly"
    return [cam.ReleaseKeys(), cam.SetNavigation(replace(way, mode=mode, held=frozenset()))]


def _toggle_comparison(state: ViewerState) -> Actions:
    how = state.view.comparison
    return [out.SetComparison(replace(how, on=not how.on))]


def _toggle_wireframe(state: ViewerState) -> Actions:
    style = state.view.mesh
    return [out.SetMesh(replace(style, wireframe=not style.wireframe))]


def _toggle_turntable(state: ViewerState) -> Actions:
    way = state.navigation
    return [cam.SetNavigation(replace(way, turntable=not way.turntable))]


def _other_theme(state: ViewerState) -> Actions:
    return [act.SetTheme("light" if state.preferences.theme == "dark" else "dark")]


def _zoom(factor: float) -> Callable[[ViewerState], Actions]:
    return lambda state: [act.SetZoom(state.preferences.zoom * factor)]


def _toggle_light(state: ViewerState) -> Actions:
    backdrop = state.view.backdrop
    return [act.SetBackdrop(replace(backdrop, match_light=not backdrop.match_light))]


def _turn(degrees: float) -> Callable[[ViewerState], Actions]:
    """Turn the background further."""

    def actions(state: ViewerState) -> Actions:
        backdrop = state.view.backdrop
        return [act.SetBackdrop(backdrop.turned((backdrop.turn or 0.0) + math.radians(degrees)))]

    return actions


def _expose(stops: float) -> Callable[[ViewerState], Actions]:
    """Make the background brighter."""

    def actions(state: ViewerState) -> Actions:
        backdrop = state.view.backdrop
        return [act.SetBackdrop(backdrop.exposed((backdrop.stops or 0.0) + stops))]

    return actions


def _can_turn(state: ViewerState) -> bool:
    backdrop = state.view.backdrop
    plane = backdrop.kind == "learnt" and state.model is not None and not state.model.unrolls
    return backdrop.visible and backdrop.turn is not None and not plane


def _can_expose(state: ViewerState) -> bool:
    return state.view.backdrop.visible and state.view.backdrop.stops is not None


def _has_sphere(state: ViewerState) -> bool:
    return state.can_unroll and state.job("sphere") is None


def _fold(section: str) -> Callable[[ViewerState], Actions]:
    """Open or close a section of the panel."""
    return lambda state: [act.FoldSections(tuple(sorted({*state.preferences.folded} ^ {section})))]


_TABLE: dict[str, tuple[Command, ...]] = {
    "Help": (
        command("palette", "Find a command", act.ShowOverlay("palette"), "Ctrl+K", hint="commands"),
        command("keys", "Show all keys", act.ShowOverlay("keys"), "Shift+/ F1", hint="keys"),
    ),
    "File": (
        command("file.open", "Open a model ...", act.Browse("model"), "Ctrl+O"),
        command(
            "model.next",
            "Next open model",
            act.StepModel(1),
            "Tab",
            tip="The codes stay: the same seeds in another model.",
            enabled=lambda state: len(state.models) > 1,
        ),
        command(
            "model.previous",
            "Previous open model",
            act.StepModel(-1),
            "Shift+Tab",
            enabled=lambda state: len(state.models) > 1,
        ),
        command("session.open", "Open a session ...", act.Browse("session"), "Ctrl+Shift+O"),
        command(
            "session.save",
            "Save the session",
            act.SaveSession(),
            "Ctrl+S",
            tip="All that is shown, as a file that brings it back.",
            enabled=with_model,
        ),
        command(
            "session.save_as",
            "Save the session as ...",
            act.Browse("save_session"),
            "Ctrl+Shift+S",
            enabled=with_model,
        ),
        command("file.picture", "Open a background picture ...", act.Browse("picture")),
        command(
            "file.screenshot",
            "Save the finished picture",
            act.SaveScreenshot(),
            "S",
            hint="screenshot",
            tip="A PNG with its transparency.",
            enabled=with_model,
        ),
        command("file.quit", "Quit", act.Quit(), "Ctrl+Q"),
    ),
    "Edit": (
        command(
            "edit.undo",
            "Undo",
            act.Undo(),
            "Ctrl+Z",
            enabled=lambda state: bool(state.history.undoes),
        ),
        command(
            "edit.redo",
            "Redo",
            act.Redo(),
            "Ctrl+Shift+Z Ctrl+Y",
            enabled=lambda state: bool(state.history.redoes),
        ),
    ),
    "Codes": (
        command("foreground.next", "Next foreground", _step("foreground", 1), "Right"),
        command("foreground.previous", "Previous foreground", _step("foreground", -1), "Left"),
        command("codes.random", "Random codes", _draw("both"), "N", hint="random"),
        command("foreground.random", "Random foreground", _draw("foreground")),
        command("background.random", "Random background", _draw("background")),
        *(
            command(f"{which}.{name}", f"{title} the {which}", action(which), tip=tip)
            for which in CODES
            for name, title, action, tip in (
                ("animate", "Animate or stop", lat.ToggleAnimation, "It glides from seed to seed."),
                ("lock", "Lock or unlock", lat.ToggleLock, "Nothing changes a locked code."),
            )
        ),
        command(
            "codes.stop",
            "Stop all that moves",
            lat.StopAnimations(),
            tip="Animated codes, the turntable and the film.",
            enabled=lambda state: (
                state.playhead.playing
                or state.navigation.moves
                or any(state.view.latents.of(which).moves for which in CODES)
            ),
        ),
        command(
            "codes.side",
            "Side A or B",
            lat.ToggleSide(),
            "X",
            hint="A/B",
            tip="Two states of both codes to compare.",
        ),
        command("codes.copy_side", "Make the other side the same", lat.CopySide()),
        command(
            "codes.keep",
            "Keep the codes as a favourite",
            lat.AddFavourite(),
            tip="In the gallery, for this model.",
            enabled=with_model,
        ),
        command(
            "gallery.sheet",
            "Make a contact sheet",
            lat.MakeSheet(),
            tip="Pictures of neighbouring seeds, in the gallery.",
            enabled=with_model,
        ),
    ),
    "Background": (
        command(
            "background.toggle",
            "Background on or off",
            act.ToggleBackground(),
            "B",
            hint="background on/off",
        ),
        command(
            "background.still",
            "Background still or turning",
            lambda state: [act.HoldBackground(state.view.backdrop.camera is None)],
            "H",
            tip="Still: the object turns before a background that stays as it is seen now.",
        ),
        command(
            "background.light",
            "Match the background's light (approximate)",
            _toggle_light,
            tip="Shades the foreground with the light of the background.",
        ),
        *(
            command(name, title, _turn(angle), enabled=_can_turn)
            for name, title, angle in (
                ("background.turn_left", "Turn the background to the left", -15.0),
                ("background.turn_right", "Turn the background to the right", 15.0),
            )
        ),
        *(
            command(name, title, _expose(stops), enabled=_can_expose)
            for name, title, stops in (
                ("background.brighter", "Brighter background", 1 / 3),
                ("background.darker", "Darker background", -1 / 3),
            )
        ),
        command(
            "background.save",
            "Save the whole background as a PNG",
            act.WriteSphere(),
            enabled=_has_sphere,
        ),
        command(
            "background.edit",
            "Edit a copy of the background in another program",
            act.WriteSphere(edit=True),
            enabled=_has_sphere,
        ),
        command("background.next", "Next background", _step("background", 1), "Shift+Right"),
        command(
            "background.previous", "Previous background", _step("background", -1), "Shift+Left"
        ),
    ),
    "Camera": (
        command("camera.reset", "Reset the camera", act.ResetCamera(), "R", hint="reset camera"),
        *(
            command(f"camera.{side}", f"Look at the {side}", cam.FaceSide(side), keys)
            for side, keys in SIDE_KEYS.items()
        ),
        command(
            "camera.fly",
            "Fly or orbit",
            _toggle_flight,
            "V",
            tip="Drags turn the head; W A S D move, Q and E go down and up, Shift is faster.",
        ),
        command("camera.turntable", "Turntable on or off", _toggle_turntable, "Shift+Space"),
        command("camera.copy", "Copy the camera as JSON", cam.CopyCamera(), "Ctrl+C"),
        command("camera.paste", "Paste a camera", cam.PasteCamera(), "Ctrl+V"),
        command("camera.copy_opencv", "Copy the camera for OpenCV", cam.CopyCamera("opencv")),
        command("camera.copy_opengl", "Copy the camera for NeRF", cam.CopyCamera("opengl")),
        command("camera.save_opencv", "Save the camera as cameras.json", cam.SaveCamera("opencv")),
        command(
            "camera.save_opengl", "Save the camera as transforms.json", cam.SaveCamera("opengl")
        ),
        command(
            "camera.trackpad",
            "Scrolling zooms or orbits",
            lambda state: [cam.SetTrackpad(not state.preferences.trackpad)],
            tip="Orbiting is for trackpads: pinch zooms, Shift pans.",
        ),
    ),
    "Output": (
        *(
            command(
                f"layer.{layer}",
                LAYER_TITLES[layer],
                act.SetLayer(layer),
                str(number),
                tip=LAYER_TIPS[layer],
            )
            for number, layer in enumerate(LAYERS, start=1)
        ),
        *(
            command(
                f"preset.{preset.name.lower()}",
                f"Preset: {preset.name}",
                act.ApplyPreset(preset.name),
                tip="How to render; the scene stays.",
            )
            for preset in BUILT_IN
        ),
        command(
            "preview.toggle",
            "OpenGL preview on or off",
            act.TogglePreview(),
            "P",
            hint="preview on/off",
        ),
    ),
    "Window": (
        command("window.theme", "Light or dark window", _other_theme),
        command("window.larger", "Larger interface", _zoom(ZOOM_STEP), "Ctrl+="),
        command("window.smaller", "Smaller interface", _zoom(1 / ZOOM_STEP), "Ctrl+-"),
        command("window.size", "Normal size of the interface", act.SetZoom(1.0), "Ctrl+0"),
    ),
    "Film": (
        command(
            "film.timeline",
            "Timeline on or off",
            lambda state: [act.ShowTimeline(not state.playhead.shown)],
            "Ctrl+T",
            tip="Keys of camera, codes and background.",
        ),
        command(
            "film.play",
            "Play or stop the film",
            lambda state: [act.PlayFilm(not state.playhead.playing)],
            "Space",
            enabled=with_keys,
        ),
        command("film.add", "Add a key of what is shown", act.AddKey(), "K", enabled=with_model),
        command(
            "film.remove",
            "Remove the selected key",
            lambda state: [act.RemoveKey(state.playhead.key)],
            "Delete",
            enabled=lambda state: 0 <= state.playhead.key < len(state.animation.keys),
        ),
        command(
            "film.previous",
            "To the key before",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, -1))],
            "PageUp",
            enabled=with_keys,
        ),
        command(
            "film.next",
            "To the next key",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, 1))],
            "PageDown",
            enabled=with_keys,
        ),
        command(
            "film.turntable",
            "Make a turntable",
            lambda state: [act.MakeTurntable(state.animation.duration)],
            tip="A film that goes once round what is shown.",
            enabled=with_model,
        ),
        command(
            "film.slower",
            "Make the film a quarter longer",
            lambda state: [act.SetAnimation(state.animation.stretched(1.25))],
            enabled=with_keys,
        ),
        command(
            "film.faster",
            "Make the film a fifth shorter",
            lambda state: [act.SetAnimation(state.animation.stretched(0.8))],
            enabled=with_keys,
        ),
        command(
            "film.clear",
            "Remove all keys",
            lambda state: [act.SetAnimation(replace(state.animation, keys=()))],
            enabled=with_keys,
        ),
        command(
            "film.render",
            "Render the film",
            act.StartFilm(),
            enabled=lambda state: with_keys(state) and state.job("film") is None,
        ),
        command(
            "capture.render",
            "Render a capture",
            act.StartCapture(),
            "Shift+S",
            tip="A picture with the size and the passes of the capture panel.",
            enabled=lambda state: with_model(state) and state.job("capture") is None,
        ),
    ),
    "Looking closer": (
        command("compare.toggle", "Split screen on or off", _toggle_comparison, "C"),
        command("compare.pin", "Pin this and compare", out.PinView(), "Shift+C"),
        command("inspect.toggle", "Inspect pixels on or off", out.ToggleInspector(), "I"),
        command("mesh.wireframe", "Wireframe on or off", _toggle_wireframe, "W"),
    ),
    "Mesh": (
        command(
            "mesh.export",
            "Export the mesh",
            lambda state: [act.StartExport(f"{state.export.resolution}\u00b3 mesh")],
            enabled=lambda state: with_model(state) and state.job("export") is None,
        ),
    ),
    "Panel": (
        *(
            command(
                f"section.{name}",
                f"Open or fold the section {name.capitalize()}",
                _fold(f"section.{name}"),
            )
            for name in SECTIONS
        ),
    ),
}
COMMANDS: tuple[Command, ...] = tuple(
    Command(row.name, row.title, group, row.actions, row.keys, row.hint, row.tip, row.enabled)
    for group, rows in _TABLE.items()
    for row in rows
)
_BY_NAME = {row.name: row for row in COMMANDS}
_BY_CHORD = {keys: row for row in COMMANDS for keys in row.keys}


def run(name: str, state: ViewerState) -> Actions:
    """What the command `name` does now. ValueError if there is none, or it cannot be done now."""
    row = _BY_NAME.get(name)
    if row is None:
        raise ValueError(f"no command is called {name!r}; there are {', '.join(sorted(_BY_NAME))}")
    if not row.enabled(state):
        raise ValueError(f"the command {name!r} cannot be used now")
    return row.actions(state)


def press(key: str, mods: frozenset[str], state: ViewerState) -> Actions:
    """What a key does now; the system key counts as control."""
    mods = mods - {"super"} | ({"control"} if "super" in mods else set())
    row = _BY_CHORD.get(Chord(key, mods))
    return row.actions(state) if row is not None and row.enabled(state) else []


def keys_of(name: str) -> str:
    """The keys of a command as they are written; empty if it has none."""
    return " or ".join(str(keys) for keys in _BY_NAME[name].keys)


def tip_of(name: str) -> str:
    """A tooltip for what does the same as the command `name`: its keys, and what it means."""
    return keyed(name, _BY_NAME[name].tip)


def keyed(name: str, text: str) -> str:
    """A tooltip: `text` after the keys of the command that does the same."""
    return f"{keys_of(name)}. {text}"
