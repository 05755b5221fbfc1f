"""What a person can do to the codes and the gallery, as frozen values.

`which` is "foreground" or "background", or "both" where it says so. A locked code stays as it is,
whatever is done.
"""

import random
from dataclasses import dataclass

from ballgan.latents import Direction
from ballgan.view import Code, CodeControl, CodePair

from .base import Action

RANDOM_SEEDS = 100_000  # from which one is drawn: few enough to be read and typed


@dataclass(frozen=True)
class SetCode(Action):
    """Another code."""

    which: str
    code: Code


@dataclass(frozen=True)
class StepSeed(Action):
    """Go `step` seeds further."""

    which: str
    step: int


@dataclass(frozen=True)
class TakeSeeds(Action):
    """Go to seeds that someone has drawn; which may be "both"."""

    which: str
    foreground: int
    background: int


def random_seed() -> int:
    """Any seed."""
    return random.randrange(RANDOM_SEEDS)


def take_random(which: str) -> TakeSeeds:
    """Go to seeds that are drawn now; which may be "both"."""
    return TakeSeeds(which, random_seed(), random_seed())


@dataclass(frozen=True)
class SetControl(Action):
    """Lock, animate, or change the speed."""

    which: str
    control: CodeControl


@dataclass(frozen=True)
class ToggleLock(Action):
    """Lock or unlock a code."""

    which: str


@dataclass(frozen=True)
class ToggleAnimation(Action):
    """Let a code move by itself, or stop it."""

    which: str


@dataclass(frozen=True)
class StopAnimations(Action):
    """Let all stand still that moves by itself: codes, turntable, film, and flight."""


@dataclass(frozen=True)
class Advance(Action):
    """Time goes by for the codes that are animated."""

    undoable = False
    seconds: float


@dataclass(frozen=True)
class GoTo(Action):
    """Take codes from the gallery; which may be "both"."""

    which: str
    codes: CodePair


@dataclass(frozen=True)
class BlendBetween(Action):
    """Go half the way from one place of the gallery to another; which may be "both"."""

    which: str
    start: CodePair
    end: CodePair


@dataclass(frozen=True)
class SlideBlends(Action):
    """Go on the way between the two codes of a blend, of both codes where both are blends, to a
    weight of the second one in [0, 1]."""

    weight: float


@dataclass(frozen=True)
class ToggleSide(Action):
    """Show side B instead of A, or A instead of B."""


@dataclass(frozen=True)
class CopySide(Action):
    """Make the other side the same as the one that shows."""


@dataclass(frozen=True)
class NameDirection(Action):
    """Give a direction a name that is kept for this model; an empty one forgets it."""

    which: str
    direction: Direction
    name: str


@dataclass(frozen=True)
class AddFavourite(Action):
    """Keep codes; None: those that show."""

    codes: CodePair | None = None


@dataclass(frozen=True)
class RemoveFavourite(Action):
    """Forget favourite codes."""

    codes: CodePair


@dataclass(frozen=True)
class NameFavourite(Action):
    """Give favourite codes a name; an empty one takes it away."""

    codes: CodePair
    name: str


@dataclass(frozen=True)
class SetSheet(Action):
    """What the next contact sheet shows: `count` seeds from `first`."""

    which: str
    first: int
    count: int


@dataclass(frozen=True)
class MakeSheet(Action):
    """Fill the contact sheet; its pictures come one by one."""


@dataclass(frozen=True)
class ShowDirections(Action):
    """Fill the contact sheet with what directions do to the present code."""

    which: str
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class StopSheet(Action):
    """Leave out the pictures of the contact sheet that are not there yet."""
