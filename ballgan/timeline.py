"""Keys on a line of time, and smooth ways between them, as weights of the keys.

Whatever can be mixed with weights (angles, colours, codes in W) can so be animated, all by the same
curve. Nothing here knows what the keys hold, nor imports torch.

Between two keys the curve is a cubic in Hermite's form whose slope at a key is that of the parabola
through it and its neighbours: Catmull-Rom with the keys' times as knots (Barry and Goldman 1988).
So speed never jumps, whether the keys are close in time or far apart.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

EASES = ("smooth", "stop", "linear", "hold")
Weights = tuple[tuple[int, float], ...]  # pairs (index of a key, its weight), whose sum is 1


@dataclass(frozen=True)
class Timeline:
    """When keys are reached, and how.

    times: seconds, ascending, all different, 0 or more.
    eases: one a key. "smooth": pass through without a stop. "stop": come to rest at the key, and
        leave it slowly. "linear": straight to the next key at one speed. "hold": stay until the
        next key, then jump. A line that does not loop also rests at its smooth ends.
    duration: seconds until the end, or until the first key again if it loops.
    loop: whether the first key follows the last one.
    """

    times: tuple[float, ...]
    eases: tuple[str, ...]
    duration: float
    loop: bool = False

    def __post_init__(self) -> None:
        if not self.times:
            raise ValueError("A timeline needs at least one key.")
        if len(self.eases) != len(self.times) or not set(self.eases) <= set(EASES):
            raise ValueError(
                f"eases should be one of {', '.join(EASES)} for each of the {len(self.times)} "
                f"keys; got {self.eases!r}."
            )
        if not all(math.isfinite(time) for time in (*self.times, self.duration)):
            raise ValueError(f"Times of keys should be finite seconds; got {self.times!r}.")
        ascending = all(a < b for a, b in zip(self.times, self.times[1:], strict=False))
        if self.times[0] < 0 or not ascending:
            raise ValueError(
                f"Times of keys should be 0 or more, ascending and different; got {self.times!r}."
            )
        if self.duration <= 0 or self.duration < self.times[-1]:
            raise ValueError(
                f"duration should be above zero and not before the last key at "
                f"{self.times[-1]:g} s; got {self.duration:g}."
            )
        if self.loop and self.duration <= self.times[-1] - self.times[0]:
            raise ValueError(
                "A loop needs some time from the last key back to the first one: make the duration "
                f"longer than {self.duration:g} s."
            )

    def weights(self, time: float) -> Weights:
        """How much of each key there is at `time` in seconds; a loop goes on for ever.

        The order is that of the way: neighbours in it are neighbours in time, so angles can be
        unwrapped along it. A key may be in it twice. Weights may be a little below 0, or above 1.
        """
        count = len(self.times)
        if count == 1:
            return ((0, 1.0),)
        if self.loop:
            time = self.times[0] + (time - self.times[0]) % self.duration
        elif time <= self.times[0]:
            return ((0, 1.0),)
        elif time >= self.times[-1]:
            return ((count - 1, 1.0),)
        left = bisect.bisect_right(self.times, time) - 1
        return self._between(left, time)

    def neighbours(self, time: float) -> tuple[int, int]:
        """The key that was passed last at `time`, and the one that comes; the same at the ends."""
        count = len(self.times)
        if self.loop:
            time = self.times[0] + (time - self.times[0]) % self.duration
            passed = bisect.bisect_right(self.times, time) - 1
            return passed, (passed + 1) % count
        passed = max(bisect.bisect_right(self.times, time) - 1, 0)
        if time < self.times[0]:
            return 0, 0
        return passed, min(passed + 1, count - 1)

    def _between(self, left: int, time: float) -> Weights:
        """Weights on the way from key `left` to the one after it."""
        span = self._time(left + 1) - self._time(left)
        u = (time - self._time(left)) / span
        ease = self.eases[left % len(self.times)]
        if ease == "hold" or u == 0:
            return ((left % len(self.times), 1.0),)
        mixed = {left - 1: 0.0, left: 1 - u, left + 1: u, left + 2: 0.0}
        if ease != "linear":
            cubic = u * u * (3 - 2 * u)
            mixed[left], mixed[left + 1] = 1 - cubic, cubic
            for key, rise in ((left, u * (1 - u) ** 2), (left + 1, u * u * (u - 1))):
                for other, part in self._slope(key).items():
                    mixed[other] += rise * span * part
        return tuple((key % len(self.times), w) for key, w in mixed.items() if w != 0)

    def _slope(self, key: int) -> dict[int, float]:
        """Change per second at a key, as weights of it and its neighbours."""
        at_end = not self.loop and key in (0, len(self.times) - 1)
        if at_end or self.eases[key % len(self.times)] == "stop":
            return {}
        before = self._time(key) - self._time(key - 1)
        after = self._time(key + 1) - self._time(key)
        backward, forward = (
            after / (before * (before + after)),
            before / (after * (before + after)),
        )
        return {key - 1: -backward, key: backward - forward, key + 1: forward}

    def _time(self, key: int) -> float:
        """Time of a key; of a loop, also of those before the first and after the last one."""
        turn, place = divmod(key, len(self.times))
        return self.times[place] + turn * self.duration

    def frame_times(self, fps: float) -> tuple[float, ...]:
        """Times of the frames of a film. Raises ValueError as `frame_count`."""
        return tuple(i / fps for i in range(self.frame_count(fps)))

    def frame_count(self, fps: float) -> int:
        """How many frames a film has: a loop's last frame is not its first one again.

        Raises ValueError unless `fps` is in 1 ... 120.
        """
        if not 1 <= fps <= 120:
            raise ValueError(f"fps should be in 1 ... 120; got {fps!r}.")
        count = max(1, round(self.duration * fps))
        return count if self.loop else count + 1


def unwrap(angles: Sequence[float]) -> list[float]:
    """The same angles in radians, each by whole turns as near as can be to the one before."""
    unwrapped: list[float] = []
    for angle in angles:
        if unwrapped:
            angle = unwrapped[-1] + math.remainder(angle - unwrapped[-1], 2 * math.pi)
        unwrapped.append(angle)
    return unwrapped
