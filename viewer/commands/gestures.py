"""What the pointer does in the picture, and keys that are held; navigation.py says how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gesture:
    """A movement, in full words for the overview and in short ones for the status bar."""

    name: str
    title: str
    orbit: str = ""  # what it does while the camera orbits; empty: not shown there
    fly: str = ""  # and in flight


GESTURES = (
    Gesture("Drag", "Orbit, or look round in flight", "orbit", "look round"),
    Gesture("Right-drag", "Pan; also Shift-drag", "pan"),
    Gesture("Wheel", "Zoom; also Ctrl-drag", "zoom"),
    Gesture("Alt+wheel", "Change the angle of view"),
    Gesture("Ctrl+Shift-drag", "Roll round the middle"),
    Gesture("Double-click", "Turn round that point"),
    Gesture("W A S D", "Move in flight", fly="move"),
    Gesture("Q E", "Down and up in flight", fly="down, up"),
    Gesture("Shift", "Faster in flight", fly="faster"),
    Gesture("Drop a file", "Open it, whatever it is"),
)
