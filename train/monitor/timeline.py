"""Which of the sample pictures are looked at. Pure state."""

from dataclasses import dataclass

from ..run_folder import Samples


@dataclass
class Timeline:
    """A place among the samples: the newest ones, also of those to come, or those of one time."""

    samples: tuple[Samples, ...] = ()  # oldest first
    kimg: int | None = None  # the chosen time; None: the newest

    @property
    def index(self) -> int:
        """The samples looked at, or the nearest if they are gone; -1 if there are none."""
        if self.kimg is None or not self.samples:
            return len(self.samples) - 1
        distances = [abs(samples.kimg - self.kimg) for samples in self.samples]
        return distances.index(min(distances))

    @property
    def current(self) -> Samples | None:
        """The samples looked at; None if there are none."""
        return self.samples[self.index] if self.samples else None

    def choose(self, index: int) -> None:
        """Go to samples[index], or to the nearest there is. The last one means the newest."""
        last = len(self.samples) - 1
        newest = not self.samples or index >= last
        self.kimg = None if newest else self.samples[max(index, 0)].kimg

    def move(self, by: int) -> None:
        """Go `by` samples later, or earlier if it is negative."""
        self.choose(self.index + by)

    def follow(self) -> None:
        """Go to the newest samples, and to newer ones when they come."""
        self.kimg = None
