"""What the background's panel shows besides the state, and the watch over the picture's file."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ballgan.panoramas import bundled_panoramas
from ballgan.view import Backdrop, Code

from . import actions as act
from . import paths
from .backdrop_tasks import (
    PanelPicture,
    PanoramaRequest,
    SphereRequest,
    Unroller,
    UnrollRequest,
    make_thumbnail,
    write_sphere,
)
from .info import Thumbnail
from .panel_pictures import PanelPictures
from .requests import Forget, Model
from .state import ViewerState
from .watcher import Watcher
from .worker import Failed, Lane

RECENT = 5  # pictures that were opened before, among the thumbnails
UNROLLED = "unrolled"  # the key of the panel's picture of the whole background
UNROLLING, FAILED = "Unrolling ...", "Could not be unrolled"


class Surroundings:
    """Owns the pictures of the panel, and the lanes that make them."""

    def __init__(self, post: Callable[[Any], None], urgent: Callable[[], bool]) -> None:
        """post, urgent: see `Lane`."""
        self.lanes = {
            "unroll": Lane("unroll", Unroller(), post, urgent=urgent),
            "panoramas": Lane("panoramas", make_thumbnail, post, in_turn=True, urgent=urgent),
            "sphere": Lane("sphere", write_sphere, post, urgent=urgent),
        }
        self._pictures = PanelPictures()
        self.watcher: Watcher = Watcher(post)
        self._asked: set[str] = set()  # thumbnails that are not there yet
        self._unrolled: UnrollRequest | None = None  # that was asked for
        self.remark = UNROLLING  # what there is to know of UNROLLED; empty: it is up to date

    def submit(self, model: Model | None, state: ViewerState, drawn: Any) -> None:
        """Ask for what the panel lacks. drawn: names of the widgets of the last frame."""
        backdrop = state.view.backdrop
        shown = backdrop.visible and backdrop.kind == "photo"
        self.watcher.watch(backdrop.photo if shown else None)
        if "background.browse" in drawn:
            for path in list_panoramas(state):
                if path not in self._asked and self.picture(path) is None:
                    self.ask_thumbnail(path)
        elif not self.lanes["panoramas"].busy:
            self._asked.clear()  # what failed is tried again when the panel is looked at again
        self._unroll(model, state, seen="background.unrolled" in drawn and backdrop.visible)

    def ask_thumbnail(self, path: str) -> None:
        """Ask for a thumbnail of the file, as it is now."""
        self._asked.add(path)
        self.lanes["panoramas"].submit(PanoramaRequest(path))

    def _unroll(self, model: Model | None, state: ViewerState, *, seen: bool) -> None:
        """Ask for the picture of the whole background. What failed is tried again when something
        is another, or when it is looked at again."""
        if self._unrolled is not None and self._unrolled.model != model:
            self._unrolled = None
            self.lanes["unroll"].submit(Forget())
        if model is not None and seen:
            request = UnrollRequest(model, whole(state.view.backdrop), state.revision)
            if request != self._unrolled:
                self._unrolled, self.remark = request, UNROLLING
                self.lanes["unroll"].submit(request)
        elif self.remark == FAILED:
            self._unrolled = None

    def write(self, model: Model, state: ViewerState, *, edit: bool) -> None:
        """Write the background as a file; SphereWritten follows."""
        stem = paths.sphere_stem(state)
        folder = state.preferences.output_folder
        request = SphereRequest(model, whole(state.view.backdrop), folder, stem, edit)
        self.lanes["sphere"].submit(request)

    def receive(self, picture: PanelPicture) -> None:
        """Take what a lane has made."""
        if not isinstance(picture.key, UnrollRequest):
            self._asked.discard(picture.key)
            self._pictures.put(picture.key, picture.pixels)
        elif picture.key == self._unrolled:
            self.remark = ""
            self._pictures.put(UNROLLED, picture.pixels)

    def receive_failure(self, failure: Failed) -> list[act.Action]:
        """What to tell of a request that failed."""
        if isinstance(failure.request, PanoramaRequest):
            text = f"There is no thumbnail of {Path(failure.request.path).name}"
        else:
            self.remark = FAILED if failure.request == self._unrolled else self.remark
            text = "The background could not be unrolled"
        return [act.Notify("error", f"{text}: {failure.message}")]

    @property
    def pending(self) -> bool:
        """Whether pictures that were asked for are not there yet."""
        return any(self.lanes[name].busy for name in ("unroll", "panoramas"))

    def picture(self, key: Hashable) -> Thumbnail | None:
        """The panel's picture of a file, or UNROLLED."""
        return self._pictures.get(key)

    def close(self) -> None:
        """Delete the pictures; the app ends the threads."""
        self._pictures.close()


def list_panoramas(state: ViewerState) -> tuple[str, ...]:
    """Paths of the pictures to choose from: bundled ones, and those opened last."""
    bundled = tuple(bundled_panoramas().values())
    recent = [path for path in state.preferences.recent_pictures if path not in bundled]
    shown = state.view.backdrop.photo
    if shown is not None and shown not in (*bundled, *recent[:RECENT]):
        recent.insert(0, shown)
    return (*bundled, *recent[:RECENT])


def whole(backdrop: Backdrop) -> Backdrop:
    """What decides the unrolled picture of a background."""
    plain = replace(backdrop.relevant(), camera=None, match_light=False, light_strength=1.0)
    return plain if plain.kind == "learnt" else replace(plain, code=Code())
