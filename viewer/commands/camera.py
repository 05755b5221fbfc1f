"""Commands of the camera."""

import math
from dataclasses import replace

from .. import actions as act
from ..actions import camera as cam
from ..state import ViewerState
from .command import Actions, Table, command

SIDE_KEYS = {  # those of the number pad as in Blender
    "front": "F Num1",
    "back": "Shift+F Ctrl+Num1",
    "right": "L Num3",
    "left": "Shift+L Ctrl+Num3",
    "top": "U Num7",
    "bottom": "Shift+U Ctrl+Num7",
}


ROLL_STEP = math.radians(5)


def _toggle_flight(state: ViewerState) -> Actions:
    way = state.navigation.released
    return [cam.SetNavigation(replace(way, mode="orbit" if way.flies else "fly"))]


def _toggle_turntable(state: ViewerState) -> Actions:
    way = state.navigation
    return [cam.SetNavigation(replace(way, turntable=not way.turntable))]


TABLE: Table = {
    "Camera": (
        command("camera.reset", "Reset the camera", act.ResetCamera(), "R", hint="reset camera"),
        *(
            command(f"camera.{side}", f"Look at the {side}", cam.FaceSide(side), keys)
            for side, keys in SIDE_KEYS.items()
        ),
        *(
            command(
                f"camera.roll_{side}",
                f"Roll the camera to its {side}",
                cam.RollBy(angle),
                key,
                repeats=True,
            )
            for side, angle, key in (("left", -ROLL_STEP, "["), ("right", ROLL_STEP, "]"))
        ),
        command("camera.upright", "Set the camera upright", cam.SetUpright(), "Shift+R"),
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
        command(
            "camera.glide",
            "The camera glides or jumps",
            lambda state: [cam.SetGlide(not state.preferences.glide)],
            tip="To where a key, the cube or a double click sends it.",
        ),
    ),
}
