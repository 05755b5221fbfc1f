"""Time: how fast frames are, whether something moves, and whether another frame is due."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

SETTLING_FRAMES = 3  # that the interface needs to answer to an event completely
SETTLING_PAUSE = 0.01  # seconds before each, in which the model has the processor to itself
MAX_STEP = 0.1  # seconds that an animation goes on in one frame at most
WINDOW = 1.0  # seconds over which frames are counted


class Tempo:
    """Clocks of the loop."""

    def __init__(self) -> None:
        self.frame_ms = 0.0  # running mean
        self._due = SETTLING_FRAMES
        self._moved_at: float | None = None
        self._frames: deque[float] = deque(maxlen=240)

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Measure one frame."""
        started = time.perf_counter()
        self._due = max(self._due - 1, 0)
        yield
        spent = 1000 * (time.perf_counter() - started)
        self.frame_ms += (spent - self.frame_ms) * (0.15 if self._frames else 1.0)
        self._frames.append(time.monotonic())

    @property
    def since_last_frame(self) -> float:
        """Seconds from the end of the last frame, for what moves by itself: not after a pause."""
        if not self._frames:
            return 0.0
        return min(time.monotonic() - self._frames[-1] + self.frame_ms / 1000, MAX_STEP)

    @property
    def frames_per_second(self) -> float:
        """Frames in the last second; 0 at rest."""
        now = time.monotonic()
        recent = sum(1 for moment in self._frames if now - moment < WINDOW)
        return recent / WINDOW if recent > SETTLING_FRAMES else 0.0

    @property
    def until_settled(self) -> float | None:
        """Seconds until another frame is due for the interface to settle; None: it has."""
        return SETTLING_PAUSE if self._due else None

    def expect_more(self) -> None:
        """Something changed: the interface needs a few frames to settle."""
        self._due = SETTLING_FRAMES

    def moved(self) -> None:
        """The picture's view changed just now."""
        self._moved_at = time.monotonic()

    def rest(self) -> None:
        """Forget the last movement."""
        self._moved_at = None

    def until_rest(self, pause: float) -> float | None:
        """Seconds until `pause` has passed since the last movement; None if it has."""
        if self._moved_at is None:
            return None
        left = self._moved_at + pause - time.monotonic()
        if left <= 0:
            self._moved_at = None
            return None
        return left
