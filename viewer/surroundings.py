"""What the background's panel shows besides the state, and the watch over the picture's file."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from ballgan.panoramas import bundled_panoramas
from ballgan.view import Backdrop, Code

from . import actions as act
from . import paths
from .backdrop_tasks import (
    PanelPicture,
    SphereRequest,
    ThumbnailsRequest,
    Unroller,
    UnrollRequest,
    make_thumbnails,
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


class Surroundings:
    """Owns the pictures of the panel, and the lanes that make them."""

    def __init__(self, post: Callable[[Any], None], urgent: Callable[[], bool]) -> None:
        """post, urgent: see `Lane`."""
        self.lanes = {
            name: Lane(name, work, post, urgent=urgent)
            for name, work in (
                ("unroll", Unroller()),
                ("panoramas", make_thumbnails),
                ("sphere", write_sphere),
            )
        }
        self._pictures = PanelPictures()
        self.watcher: Watcher = Watcher(post)
        self._asked: set[str] = set()  # thumbnails
        self._unrolled: UnrollRequest | None = None  # that was asked for

    def submit(self, model: Model | None, state: ViewerState, drawn: Any) -> None:
        """Ask for what the panel lacks. drawn: names of the widgets of the last frame."""
        backdrop = state.view.backdrop
        shown = backdrop.visible and backdrop.kind == "photo"
        self.watcher.watch(backdrop.photo if shown else None)
        if "background.browse" in drawn:
            wanted = [path for path in list_panoramas(state) if path not in self._asked]
            if wanted:
                self._asked.update(wanted)
                self.lanes["panoramas"].submit(ThumbnailsRequest(tuple(wanted)))
        if self._unrolled is not None and self._unrolled.model != model:
            self._unrolled = None
            self.lanes["unroll"].submit(Forget())
        if model is not None and "background.unrolled" in drawn and backdrop.visible:
            request = UnrollRequest(model, whole(backdrop), state.revision)
            if request != self._unrolled:
                self._unrolled = request
                self.lanes["unroll"].submit(request)

    def write(self, model: Model | None, state: ViewerState, *, edit: bool) -> None:
        """Write the background as a file; SphereWritten follows."""
        if model is None:
            return
        stem = paths.sphere_stem(state)
        folder = state.preferences.output_folder
        request = SphereRequest(model, whole(state.view.backdrop), folder, stem, edit)
        self.lanes["sphere"].submit(request)

    def receive(self, picture: PanelPicture) -> None:
        """Take what a lane has made."""
        if not isinstance(picture.key, UnrollRequest):
            self._pictures.put(picture.key, picture.pixels)
        elif picture.key == self._unrolled:
            self._pictures.put(UNROLLED, picture.pixels)

    def forget(self, path: str) -> None:
        """The file at `path` has changed: its thumbnail is made again."""
        self._asked.discard(path)

    def receive_failure(self, failure: Failed) -> act.Action:
        """What to tell of a request that failed."""
        return act.Notify("error", f"The background could not be unrolled: {failure.message}")

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
