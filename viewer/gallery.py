"""Sees to it that what the gallery shows has thumbnails."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from ballgan.view import CodePair, Orbit

from . import actions as act
from .actions import latents as lat
from .info import Thumbnail
from .requests import Model
from .state import Sheet, ViewerState
from .thumbnail_maker import Portrait, PortraitsRequest, ThumbnailMade
from .worker import Failed, Lane

if TYPE_CHECKING:
    from .thumbnails import Thumbnails

THUMBNAILS = "thumbnails"  # the lane's name
CURRENT, FAVOURITE = "gallery.current", "gallery.favourite."  # names of widgets


class Gallery:
    """The thumbnails of one model, and what is asked of the lane that makes them."""

    def __init__(self, thumbnails: "Thumbnails", lane: Lane) -> None:
        self._thumbnails, self._lane = thumbnails, lane
        self._model: Model | None = None
        self._asked: tuple[Portrait, ...] = ()
        self._finished: set[tuple[str, Portrait]] = set()  # keys of what is not rough
        self._since: dict[Portrait, int] = {}  # when each was wanted first, as a number
        self._orders = 0
        self._seen: CodePair | None = None  # the codes of the last frame
        self._rested: CodePair | None = None  # those that last were the same in two frames
        self._pose: Orbit | None = None  # that conditions the foregrounds
        self._received = 0
        self._situation: Any = None  # that was dealt with last
        self.progress: float | None = None  # of the contact sheet; None: nothing more will come

    def use_model(self, model: Model) -> None:
        """Show another model's codes."""
        self._model, self._situation = model, None
        self._ask(())  # so that nothing of the old one is kept

    def submit(self, state: ViewerState, drawn: Collection[str]) -> None:
        """Ask for what is missing; `drawn`: names of the widgets of the last frame."""
        shows_current = CURRENT in drawn
        shows_favourites = any(name.startswith(FAVOURITE) for name in drawn)
        codes = self._rest(state.view.codes) if shows_current else self._rest(None)
        favourites = [f.codes for f in state.notes.favourites] if shows_favourites else []
        pose = self._pose = state.view.conditioning
        situation = (codes, favourites, state.sheet, pose, self._received)
        if self._model is None or situation == self._situation:
            return
        self._situation = situation
        sheet = portraits_of(state.sheet, pose)
        wanted = [Portrait.of("both", codes, pose)] if codes is not None else []
        wanted += [Portrait.of("both", favourite, pose) for favourite in favourites]
        wanted += [] if state.sheet.stopped else sheet
        missing = self._newest_first(p for p in dict.fromkeys(wanted) if not self._has(p))
        if missing != tuple(p for p in self._asked if not self._has(p)):
            self._ask(missing)
        finished = state.sheet.stopped or all(map(self._has, sheet))
        self.progress = None if finished else sum(map(self._share, sheet)) / len(sheet)

    def _rest(self, codes: CodePair | None) -> CodePair | None:
        """Codes that rest: while they move, each frame would have all pictures begin anew."""
        if codes == self._seen:
            self._rested = codes
        self._seen = codes
        return self._rested

    def _newest_first(self, missing: Iterable[Portrait]) -> tuple[Portrait, ...]:
        """In the order in which they are made: what was wanted last comes first."""
        missing, self._orders = tuple(missing), self._orders + 1
        self._since = {p: self._since.get(p, self._orders) for p in missing}
        return tuple(sorted(missing, key=lambda portrait: -self._since[portrait]))

    @property
    def pending(self) -> bool:
        """Whether thumbnails that were asked for are not there yet."""
        return self._seen != self._rested or not all(map(self._has, self._asked))

    def receive(self, made: ThumbnailMade) -> None:
        """Keep a thumbnail."""
        if made.model == self._model:
            self._received += 1
            key = self._key(made.portrait)
            self._thumbnails.put(key, made.pixels)
            if not made.rough:
                self._finished.add(key)

    def receive_failure(self, failure: Failed) -> list[act.Action]:
        """Nothing of what was asked for will come; other codes are asked for again."""
        self._asked = ()
        text = f"The gallery has no pictures: {failure.message}"
        return [lat.StopSheet(), act.Notify("error", text)]

    def find(self, which: str, codes: CodePair) -> Thumbnail | None:
        """The thumbnail of what `which` says of some codes, if it is there."""
        return self._thumbnails.get(self._key(Portrait.of(which, codes, self._pose)))

    def _has(self, portrait: Portrait) -> bool:
        """Whether the thumbnail is there, and not a rough one."""
        key = self._key(portrait)
        if key not in self._thumbnails:  # its place may have been given to another one
            self._finished.discard(key)
        return key in self._finished

    def _share(self, portrait: Portrait) -> float:
        """How much of the work is done."""
        rough = 0.5 * (self._key(portrait) in self._thumbnails)
        return 1.0 if self._has(portrait) else rough

    def _key(self, portrait: Portrait) -> tuple[str, Portrait]:
        """By the model's content: a closed model is not kept for the sake of its thumbnails."""
        return ("" if self._model is None else self._model.info.sha256), portrait

    def _ask(self, portraits: tuple[Portrait, ...]) -> None:
        assert self._model is not None
        self._asked = portraits
        rough = frozenset(p for p in portraits if self._key(p) not in self._thumbnails)
        self._lane.submit(PortraitsRequest(self._model, portraits, rough))


def portraits_of(sheet: Sheet, conditioning: Orbit | None) -> list[Portrait]:
    """What a contact sheet shows."""
    pairs = (codes_of(sheet, i) for i in range(len(sheet.codes)))
    return [Portrait.of(sheet.codes_of, pair, conditioning) for pair in pairs]


def codes_of(sheet: Sheet, index: int) -> CodePair:
    """The codes of one picture of a contact sheet."""
    return CodePair(sheet.codes[index], sheet.codes[index])
