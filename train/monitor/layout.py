"""Where things are in the window."""

from dataclasses import dataclass

GAP = 14.0  # logical pixels, as all below
HEAD_HEIGHT = 46.0
TILE_HEIGHT = 74.0
STATUS_HEIGHT = 30.0
BAR_HEIGHT = 32.0  # of the layers' buttons, of the slider, of the tabs
SMALLEST = (900.0, 600.0)


@dataclass(frozen=True)
class Rect:
    """A rectangle in window coordinates."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """The rectangles of the window's parts."""

    head: Rect
    tiles: tuple[Rect, ...]
    samples: Rect
    charts: Rect
    status: Rect


def arrange(width: float, height: float, scale: float = 1.0, tiles: int = 6) -> Layout:
    """Divide a window of width x height; `scale`: units a logical pixel.

    The samples get the largest square that leaves the charts more than half of the width.
    """
    width, height = max(width, SMALLEST[0] * scale), max(height, SMALLEST[1] * scale)
    gap = GAP * scale
    inner = width - 2 * gap
    head = Rect(gap, gap * 0.6, inner, HEAD_HEIGHT * scale)
    tile_width = (inner - (tiles - 1) * gap) / tiles
    tile_top = head.y + head.height + gap * 0.4
    row = tuple(
        Rect(gap + i * (tile_width + gap), tile_top, tile_width, TILE_HEIGHT * scale)
        for i in range(tiles)
    )
    status = Rect(0.0, height - STATUS_HEIGHT * scale, width, STATUS_HEIGHT * scale)
    top = tile_top + TILE_HEIGHT * scale + gap
    body = status.y - gap - top
    bars = 2 * (BAR_HEIGHT + GAP / 2) * scale
    side = min(body - bars, 0.46 * inner)
    return Layout(
        head,
        row,
        samples=Rect(gap, top, side, body),
        charts=Rect(gap + side + gap, top, inner - side - gap, body),
        status=status,
    )


def arrange_grid(width: float, height: float, count: int, gap: float) -> tuple[Rect, ...]:
    """`count` equal cells in two columns, row by row, with their corner at (0, 0)."""
    rows = (count + 1) // 2
    cell_width, cell_height = (width - gap) / 2, (height - (rows - 1) * gap) / rows
    return tuple(
        Rect((i % 2) * (cell_width + gap), (i // 2) * (cell_height + gap), cell_width, cell_height)
        for i in range(count)
    )
