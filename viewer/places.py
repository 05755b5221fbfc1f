"""Where the widgets of a frame are, which of them can be used, and what letters they show."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgui_bundle import imgui

from .layout import Rect
from .words import printable


class Places:
    """Widgets by their names, so that scripts and tests can find them."""

    def __init__(self) -> None:
        self.scale = 1.0  # units a logical pixel
        self.rects: dict[str, Rect] = {}  # of the current frame
        self.disabled: set[str] = set()  # names drawn but not usable in the current frame
        self.letters: set[str] = set()  # of texts beyond ASCII in the current frame
        self.reveal: str | None = None  # a widget to scroll to
        self._enabled = True

    def begin_frame(self, scale: float) -> None:
        """Forget the last frame."""
        self.scale = scale
        self.rects.clear()
        self.disabled.clear()
        self.letters.clear()

    def px(self, length: float) -> float:
        """Logical pixels in window coordinates."""
        return length * self.scale

    def printable(self, text: str) -> str:
        """`text` as ImGui takes it; a font is found for what ours lacks (see typefaces.py)."""
        self._note_letters(text)
        return printable(text)

    def _note_letters(self, text: str) -> None:
        if not text.isascii():
            self.letters.update(text)

    @contextmanager
    def enabled_if(self, condition: bool) -> Iterator[None]:
        """Draw what is inside greyed out unless `condition` holds."""
        before, self._enabled = self._enabled, self._enabled and condition
        imgui.begin_disabled(not condition)
        try:
            yield
        finally:
            imgui.end_disabled()
            self._enabled = before

    def record(self, name: str, *, enabled: bool = True) -> None:
        """Keep the last item's rectangle under `name`."""
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        place = Rect(low.x, low.y, high.x - low.x, high.y - low.y)
        self.record_at(name, place, enabled=enabled)

    def record_at(self, name: str, place: Rect, *, enabled: bool = True) -> None:
        """Keep a part of the last item under a `name` of its own."""
        self.rects[name] = place
        if not (enabled and self._enabled):
            self.disabled.add(name)
        if self.reveal == name:
            imgui.set_scroll_here_y(0.5)
            self.reveal = None
