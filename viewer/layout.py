"""Where things are in the window."""

from dataclasses import dataclass

PANEL_WIDTH = 344.0  # logical pixels
STATUS_HEIGHT = 30.0
TIMELINE_HEIGHT = 96.0


@dataclass(frozen=True)
class Rect:
    """A rectangle in window coordinates."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point as a place of it: (0, 0) is its top left corner, (1, 1) the other."""
        return (x - self.x) / self.width, (y - self.y) / self.height

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies inside."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True)
class Layout:
    """Rectangles in window coordinates."""

    stage: Rect  # everything beside the panel, above the status bar
    picture: Rect  # the largest square in the middle of the stage
    panel: Rect
    status: Rect
    timeline: Rect  # under the stage; without height unless it is shown


def arrange(width: float, height: float, scale: float, *, timeline: bool = False) -> Layout:
    """Divide a window of any size, down to a pixel; `scale`: units a logical pixel."""
    status_height = min(STATUS_HEIGHT * scale, height)
    panel_width = min(PANEL_WIDTH * scale, 0.5 * width)
    foot = height - status_height
    strip = min(TIMELINE_HEIGHT * scale, foot / 2) if timeline else 0.0
    stage = Rect(0.0, 0.0, width - panel_width, foot - strip)
    side = max(min(stage.width, stage.height), 1.0)
    picture = Rect((stage.width - side) / 2, (stage.height - side) / 2, side, side)
    return Layout(
        stage,
        picture,
        panel=Rect(stage.width, 0.0, panel_width, foot),
        status=Rect(0.0, height - status_height, width, status_height),
        timeline=Rect(0.0, foot - strip, stage.width, strip),
    )
