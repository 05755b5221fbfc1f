"""Which scalars are drawn together, and how a long log becomes a short curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..run_folder import Log

BUCKETS = 240  # points of a drawn curve: fewer than it has pixels

LOSSES = ("loss/g", "loss/d")


@dataclass(frozen=True)
class Curve:
    """A decimated scalar over kimg; all arrays are float64 (N,), N <= BUCKETS."""

    kimg: np.ndarray
    mean: np.ndarray
    low: np.ndarray  # a standard deviation less, or the smallest value behind the point
    high: np.ndarray  # a standard deviation more, or the greatest
    last: float  # the last finite value

    @property
    def decimated(self) -> bool:
        """Whether a point stands for more than one value."""
        return bool((self.low < self.high).any())

    def value_at(self, kimg: float) -> float:
        """The value of the point nearest to `kimg`."""
        return float(self.mean[np.abs(self.kimg - kimg).argmin()])


@dataclass(frozen=True)
class Panel:
    """One plot."""

    title: str
    names: tuple[str, ...] = ()  # of the scalars; empty: the losses that no other panel shows
    labels: tuple[str, ...] = ()  # in the legend; as many as names
    limits: tuple[float | None, float | None] = (None, None)  # of the y axis; None: from the data
    target: float | None = None  # a value to stay under
    logarithmic: bool = False
    hint: str = ""


PANELS = (
    Panel("Losses", LOSSES, ("generator", "discriminator")),
    Panel(
        "Penalties",
        logarithmic=True,
        hint="Every other loss, on a logarithmic scale.",
    ),
    Panel(
        "Discriminator",
        ("d/sign_real", "d/sign_fake"),
        ("real", "generated"),
        limits=(-1.0, 1.0),
        hint="Mean sign of its output: +1 says real, -1 says generated. Near +1 and -1 at the same "
        "time, the discriminator is winning.",
    ),
    Panel(
        "Foreground coverage",
        ("alpha/mean",),
        ("mean opacity",),
        limits=(0.0, 1.0),
        hint="Mean opacity of the foreground. At 0 everything is background, at 1 the sphere is "
        "hidden.",
    ),
    Panel(
        "Separation",
        ("alpha/min_t",),
        ("mean min(T, 1-T)",),
        limits=(0.0, None),
        target=0.1,
        hint="0 when every ray sees either the foreground or the background. Well separated is "
        "under the line at 0.1.",
    ),
    Panel("Speed", ("images_per_s",), ("images/s",), limits=(0.0, None)),
)


def resolve_names(panel: Panel, available: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The (name, label) of the scalars that `panel` can show now."""
    if panel.names:
        pairs = zip(panel.names, panel.labels, strict=True)
        return tuple((name, label) for name, label in pairs if name in available)
    others = (name for name in available if name.startswith("loss/") and name not in LOSSES)
    return tuple((name, name.removeprefix("loss/").replace("_", " ")) for name in others)


def read_curves(log: Log) -> dict[str, Curve]:
    """A curve of every scalar that has a finite value, less kimg itself and the time."""
    kimg = log.column("kimg")
    curves = {}
    for name in log.names:
        if name not in ("kimg", "time"):
            curve = decimate(kimg, log.column(name))
            if curve.kimg.size:
                curves[name] = curve
    return curves


def decimate(kimg: np.ndarray, values: np.ndarray, buckets: int = BUCKETS) -> Curve:
    """Mean and spread of at most `buckets` groups of neighbouring finite values.

    Args:
        kimg, values: (N,) float64; values that are not finite are left out.
    """
    finite = np.isfinite(values)
    kimg, values = kimg[finite], values[finite]
    last = float(values[-1]) if values.size else float("nan")
    if values.size <= buckets:
        return Curve(kimg, values, values, values, last)
    starts = np.linspace(0, values.size, buckets, endpoint=False).astype(np.int64)
    counts = np.diff(starts, append=values.size)
    mean = np.add.reduceat(values, starts) / counts
    deviations = values - np.repeat(mean, counts)
    spread = np.sqrt(np.add.reduceat(deviations**2, starts) / counts)
    return Curve(
        np.add.reduceat(kimg, starts) / counts,
        mean,
        np.maximum(mean - spread, np.minimum.reduceat(values, starts)),
        np.minimum(mean + spread, np.maximum.reduceat(values, starts)),
        last,
    )


def find_limits(panel: Panel, curves: Sequence[Curve]) -> tuple[float, float]:
    """A range of the y axis that shows the curves; single outliers may leave it."""
    low, high = panel.limits
    if low is not None and high is not None:
        return low, high
    values = np.concatenate([np.r_[curve.low, curve.high, curve.last] for curve in curves])
    if panel.logarithmic:
        values = values[values > 0]
    if not values.size:
        return 0.1, 1.0
    found = np.quantile(values, (0.005, 0.995))
    if panel.target is not None:
        found[1] = max(found[1], 1.3 * panel.target)
    if panel.logarithmic:
        return float(found[0]) / 1.6, float(found[1]) * 1.6
    low, high = (float(found[0]) if low is None else low), float(found[1])
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    return (low - margin if panel.limits[0] is None else low), high + margin


def last_values(curves: Mapping[str, Curve]) -> dict[str, float]:
    """The last finite value of every scalar."""
    return {name: curve.last for name, curve in curves.items()}
