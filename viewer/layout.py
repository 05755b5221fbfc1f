"""Where things are in the window."""

from dataclasses import dataclass

from .ui import Rect

PANEL_WIDTH = 344.0  # logical pixels
STATUS_HEIGHT = 30.0


@dataclass(frozen=True)
class Layout:
    """Rectangles in window coordinates."""

    stage: Rect  # everything beside the panel, above the status bar
    picture: Rect  # the largest square in the middle of the stage
    panel: Rect
    status: Rect


def arrange(width: float, height: float, scale: float) -> Layout:
    """Divide a window of any size, down to a pixel; `scale`: units a logical pixel."""
    status_height = min(STATUS_HEIGHT * scale, height)
    panel_width = min(PANEL_WIDTH * scale, 0.5 * width)
    stage = Rect(0.0, 0.0, width - panel_width, height - status_height)
    side = max(min(stage.width, stage.height), 1.0)
    picture = Rect((stage.width - side) / 2, (stage.height - side) / 2, side, side)
    return Layout(
        stage,
        picture,
        panel=Rect(stage.width, 0.0, panel_width, height - status_height),
        status=Rect(0.0, height - status_height, width, status_height),
    )
