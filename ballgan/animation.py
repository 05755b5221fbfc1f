"""Animations: views at keys of a timeline, and what lies between them.

Camera, both codes and the background share one timeline. Cameras turn the short way round and zoom
by factors; codes are mixed row by row of their ws, so a film passes through codes as the mapping
network's space lies, not through seeds between. Plain values: nothing here imports torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .plain import from_plain, to_plain
from .timeline import Timeline, Weights, unwrap
from .view import CODES, MAX_PITCH, Backdrop, Code, Orbit, View, blend

KEYS_A_TURN = 3  # of a turntable: neighbours are less than half a turn apart
MAX_DURATION = 3600.0  # seconds
ANGLES = ("yaw", "sphere_yaw", "roll")  # of a backdrop: mixed the short way round


@dataclass(frozen=True)
class Key:
    """A view at a time. ease: how it is passed, one of timeline.EASES."""

    time: float = 0.0  # seconds
    camera: Orbit = Orbit()
    foreground: Code = Code()
    backdrop: Backdrop = Backdrop()
    ease: str = "smooth"

    @staticmethod
    def of(view: View, time: float, ease: str = "smooth") -> Key:
        """What a key keeps of a view."""
        return Key(time, view.camera, view.foreground, view.backdrop, ease)


@dataclass(frozen=True)
class Animation:
    """Keys in the order of their times, and how they are played; see timeline.Timeline."""

    keys: tuple[Key, ...] = ()
    duration: float = 4.0  # seconds
    fps: float = 30.0
    loop: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.duration <= MAX_DURATION:
            raise ValueError(
                f"duration should be above 0 and at most {MAX_DURATION:g} s; got {self.duration!r}."
            )
        if self.keys:
            self.timeline.frame_count(self.fps)

    @property
    def timeline(self) -> Timeline:
        """When which key is reached. Raises ValueError if there are no keys."""
        times, eases = (tuple(getattr(k, name) for k in self.keys) for name in ("time", "ease"))
        return Timeline(times, eases, self.duration, self.loop)

    @property
    def frame_times(self) -> tuple[float, ...]:
        """Times of a film's pictures, seconds."""
        return self.timeline.frame_times(self.fps)

    def view_at(self, view: View, time: float) -> View:
        """`view` with the camera, the codes and the background that it has at `time`.

        Codes that are locked in `view` stay.
        """
        weights = self.timeline.weights(time)
        parts = [self.keys[index] for index, _ in weights]
        amounts = [weight for _, weight in weights]
        shown = replace(
            view,
            camera=mix_cameras([key.camera for key in parts], amounts),
            foreground=mix_codes([key.foreground for key in parts], amounts),
            backdrop=self._backdrop_at(weights, time),
        )
        for which in CODES:
            if view.latents.of(which).locked:
                shown = shown.with_code(which, view.code(which))
        return shown

    def _backdrop_at(self, weights: Weights, time: float) -> Backdrop:
        """Backgrounds of one kind are mixed; before one of another kind, the last one stays."""
        passed, coming = self.timeline.neighbours(time)
        last = self.keys[passed].backdrop
        if not _can_be_mixed(last, self.keys[coming].backdrop):
            return last
        parts = [self.keys[index].backdrop for index, _ in weights]
        parts = [part if _can_be_mixed(last, part) else last for part in parts]
        return mix_backdrops(last, parts, [weight for _, weight in weights])

    @property
    def shortest(self) -> float:
        """The least duration that the present keys allow, seconds."""
        if not self.keys:
            return 1 / self.fps
        last = self.keys[-1].time
        return max(last, last - self.keys[0].time + 1 / self.fps if self.loop else 1 / self.fps)

    def stretched(self, factor: float) -> Animation:
        """The same, so many times as long: all times in proportion."""
        duration = min(max(self.duration * factor, 1 / self.fps), MAX_DURATION)
        factor = duration / self.duration
        keys = tuple(replace(key, time=min(key.time * factor, duration)) for key in self.keys)
        return replace(self, keys=keys, duration=duration)

    def fitted(self, seconds: float) -> Animation:
        """The same in so many seconds: all times in proportion. The way of a loop from its last key
        back to the first takes at least as long as one between keys does on average."""
        times = [key.time for key in self.keys]
        least = (times[-1] - times[0]) / (len(times) - 1) if self.loop and len(times) > 1 else 0.0
        whole = replace(self, duration=max(self.duration, times[-1] + least)) if times else self
        return whole.stretched(seconds / whole.duration)

    def extended(self, seconds: float) -> Animation:
        """The same, so many seconds longer; the keys stay where they are."""
        return replace(self, duration=min(self.duration + seconds, MAX_DURATION))

    def looping(self, loop: bool) -> Animation:
        """The same, as a loop or not; a loop needs time to come back from its last key."""
        duration = self.duration
        if loop and self.keys:
            least = self.keys[-1].time - self.keys[0].time + 1 / self.fps
            duration = min(max(duration, least), MAX_DURATION)
        return replace(self, loop=loop, duration=duration)

    def with_ease(self, index: int, ease: str) -> Animation:
        """The same with another ease of one key."""
        return self._with(index, replace(self.keys[index], ease=ease))

    def with_time(self, index: int, time: float) -> Animation:
        """The same with one key at another time, between its neighbours."""
        step = 1 / self.fps
        low = self.keys[index - 1].time + step if index > 0 else 0.0
        last = index == len(self.keys) - 1
        high = self.duration if last else self.keys[index + 1].time - step
        if self.loop and last and index > 0:
            high = min(high, self.keys[0].time + self.duration - step)
        if self.loop and index == 0 and not last:
            low = max(low, self.keys[-1].time - self.duration + step)
        if low > high:
            return self
        return self._with(index, replace(self.keys[index], time=min(max(time, low), high)))

    def key_beside(self, time: float, step: int) -> int:
        """The key that follows `time` (step 1) or goes before it (-1); at the ends, of a loop, the
        other end.
        """
        count = len(self.keys)
        if step > 0:
            after = (i for i, key in enumerate(self.keys) if key.time > time + 1e-3)
            return next(after, 0 if self.loop else count - 1)
        before = (i for i in reversed(range(count)) if self.keys[i].time < time - 1e-3)
        return next(before, count - 1 if self.loop else 0)

    def _with(self, index: int, key: Key) -> Animation:
        return replace(self, keys=(*self.keys[:index], key, *self.keys[index + 1 :]))

    def with_view(self, view: View, time: float, ease: str = "smooth") -> Animation:
        """The same with a key that shows `view` at `time`."""
        return self.with_key(Key.of(view, time, ease))

    def with_key(self, key: Key) -> Animation:
        """The same with one more key; one at the same time is replaced."""
        others = [other for other in self.keys if not math.isclose(other.time, key.time)]
        keys = tuple(sorted((*others, key), key=lambda each: each.time))
        duration = max(self.duration, keys[-1].time)
        if self.loop and duration <= keys[-1].time - keys[0].time:
            duration += 1.0
        return replace(self, keys=keys, duration=duration)


def turntable(view: View, *, duration: float = 4.0, fps: float = 30.0, turns: int = 1) -> Animation:
    """Once or more round the pivot at one speed, and so on for ever.

    turns: the camera goes to its right; negative ones to its left. Raises ValueError for none.
    """
    if turns == 0:
        raise ValueError("A turntable needs at least one turn; got 0.")
    count = KEYS_A_TURN * abs(turns)
    keys = []
    for i in range(count):
        yaw = math.remainder(view.camera.yaw + math.tau * turns * i / count, math.tau)
        keys.append(
            Key.of(replace(view, camera=replace(view.camera, yaw=yaw)), duration * i / count)
        )
    return Animation(tuple(keys), duration, fps, loop=True)


def mix_cameras(cameras: Sequence[Orbit], weights: Sequence[float]) -> Orbit:
    """Cameras in the order of their way; the result's yaw is in +-pi."""
    if len(set(cameras)) == 1:
        return cameras[0]

    def mix(values: Sequence[float]) -> float:
        return _mean(values, weights)

    x, y, z = (mix([camera.pivot[axis] for camera in cameras]) for axis in range(3))
    zoom = mix([math.log(math.tan(camera.fov / 2)) for camera in cameras])
    return replace(
        cameras[0],
        yaw=math.remainder(mix(unwrap([camera.yaw for camera in cameras])), math.tau),
        pitch=min(max(mix([camera.pitch for camera in cameras]), -MAX_PITCH), MAX_PITCH),
        radius=math.exp(mix([math.log(camera.radius) for camera in cameras])),
        pivot=(x, y, z),
        fov=2 * math.atan(math.exp(zoom)),
        roll=math.remainder(mix(unwrap([camera.roll for camera in cameras])), math.tau),
    )


def mix_codes(codes: Sequence[Code], weights: Sequence[float]) -> Code:
    """The weighted mean of codes (see `view.blend`); weights have sum 1."""
    amounts: dict[Code, float] = {}
    for code, weight in zip(codes, weights, strict=True):
        amounts[code] = amounts.get(code, 0.0) + weight
    return blend(tuple(amounts.items())) if len(amounts) > 1 else codes[0]


def mix_backdrops(base: Backdrop, parts: Sequence[Backdrop], weights: Sequence[float]) -> Backdrop:
    """The mean of backgrounds between which something lies (see `_can_be_mixed`)."""
    if set(parts) == {base}:
        return base
    changes: dict[str, Any] = {}
    for each in fields(base):
        values = [getattr(part, each.name) for part in parts]
        if len({type(value) for value in values}) > 1:
            continue  # none of what shows
        if each.name in ANGLES:
            changes[each.name] = math.remainder(_mean(unwrap(values), weights), math.tau)
        elif isinstance(values[0], Code):
            changes[each.name] = mix_codes(values, weights)
        elif isinstance(values[0], Orbit):
            changes[each.name] = mix_cameras(values, weights)
        elif isinstance(values[0], float):
            changes[each.name] = _mean_within(values, weights)
        elif isinstance(values[0], tuple):  # a colour
            changes[each.name] = tuple(
                _mean_within(channel, weights) for channel in zip(*values, strict=True)
            )
    return replace(base, **changes)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _mean_within(values: Sequence[float], weights: Sequence[float]) -> float:
    """The mean, kept in the range of its values: weights may be below 0."""
    return min(max(_mean(values, weights), min(values)), max(values))


def _can_be_mixed(a: Backdrop, b: Backdrop) -> bool:
    """Whether something lies between two backgrounds: what shows and has no mean is the same."""
    shown_a, shown_b = a.relevant(), b.relevant()
    for each in fields(a):
        first, second = getattr(shown_a, each.name), getattr(shown_b, each.name)
        if type(first) is not type(second):
            return False
        if isinstance(first, str | bool) and first != second:
            return False
    return True


def read_animation(path: str | Path, view: View) -> Animation:
    """The animation of a JSON file, or of a session file or picture.

    A JSON file has the fields of `Animation`; what a key does not say is as in `view`:

        {"duration": 4, "keys": [{"time": 0}, {"time": 2, "camera": {"yaw": 0.6}, "ease": "stop"}]}

    Raises ValueError, which names the file and what is wrong with it.
    """
    from .session import SessionError, holds_session, read_session

    try:
        if holds_session(path):
            return _require_keys(read_session(path).animation)
        data = json.loads(Path(path).read_bytes().decode("utf-8-sig"))
        if isinstance(data, dict) and "format" in data:
            return _require_keys(read_session(path).animation)
        return _require_keys(_from_json(data, view))
    except SessionError:
        raise
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no animation: it is not text") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be used as an animation: {error}") from None


def _from_json(data: Any, view: View) -> Animation:
    if not isinstance(data, dict):
        raise ValueError('it should be {"keys": [...]}')
    keys = data.get("keys", [])
    if isinstance(keys, list):
        whole = to_plain(Key.of(view, 0.0))
        data = data | {"keys": [_complete(key, whole) for key in keys]}
    return from_plain(Animation, data, "animation", lenient=True)


def _complete(value: Any, whole: Any) -> Any:
    """`value` with what it lacks of the mappings in `whole`."""
    if isinstance(value, dict) and isinstance(whole, dict):
        return whole | {key: _complete(item, whole.get(key)) for key, item in value.items()}
    return value


def _require_keys(animation: Animation) -> Animation:
    if not animation.keys:
        raise ValueError("it has no keys")
    return animation
