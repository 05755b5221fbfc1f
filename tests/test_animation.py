"""Views between keys, against numbers worked out by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ballgan.animation import Animation, Key, mix_cameras, mix_codes, read_animation, turntable
from ballgan.session import Session, write_session
from ballgan.view import Backdrop, Code, Orbit, View

VIEW = View(layer="raw", neural_resolution=32)


def between(first: View, second: View, time: float = 1.0) -> View:
    """A quarter of an S curve (at 1 s: half of it) from one view to another in 2 s."""
    keys = (Key.of(first, 0.0), Key.of(second, 2.0))
    return Animation(keys, 2.0, loop=False).view_at(VIEW, time)


def with_camera(**values) -> View:
    return replace(VIEW, camera=Orbit(**values))


def test_a_key_shows_exactly_its_view() -> None:
    first, second = with_camera(yaw=0.3), with_camera(yaw=-0.4, fov=0.7)
    assert between(first, second, 0.0) == first
    assert between(first, second, 2.0) == second
    assert between(first, second, 9.0) == second


def test_a_roll_goes_the_short_way() -> None:
    ends = [Orbit(roll=3.0), Orbit(roll=-3.0)]
    assert abs(mix_cameras(ends, [0.5, 0.5]).roll) == pytest.approx(math.pi)


def test_cameras_turn_the_short_way_and_zoom_by_factors() -> None:
    first = with_camera(yaw=3.0, pitch=0.2, radius=1.0, pivot=(0.0, 0.0, 0.0))
    second = with_camera(yaw=-3.0, pitch=-0.4, radius=4.0, pivot=(0.2, 0.0, -0.4))
    camera = between(first, second).camera
    assert abs(camera.yaw) == pytest.approx(math.pi)
    assert camera.pitch == pytest.approx(-0.1)
    assert camera.radius == pytest.approx(2.0)
    assert camera.pivot == pytest.approx((0.1, 0.0, -0.2))


def test_angles_of_view_are_mixed_as_zooms() -> None:
    wide, narrow = 2 * math.atan(0.4), 2 * math.atan(0.1)
    middle = between(with_camera(fov=wide), with_camera(fov=narrow)).camera.fov
    assert math.tan(middle / 2) == pytest.approx(0.2)


def test_what_a_key_does_not_keep_is_as_in_the_view() -> None:
    view = between(VIEW, VIEW)
    assert (view.layer, view.neural_resolution) == ("raw", 32)


def test_codes_are_mixed_in_w() -> None:
    a, b = Code(3.0), Code(7.0, truncation_psi=0.4)
    view = between(replace(VIEW, foreground=a), replace(VIEW, foreground=b), 0.5)
    assert dict(view.foreground.blend) == pytest.approx({a: 27 / 32, b: 5 / 32})
    assert view.foreground.truncation_psi == 1.0  # the parts bring their own
    assert view.foreground.seed == 3


def whole(code: Code) -> Code:
    """A code as a part of a blend that is truncated as it is."""
    return replace(code, truncation_psi=1.0)


def test_equal_codes_stay_the_same_code() -> None:
    code = Code(3.5, 2.0)
    assert mix_codes([code, code, code], [-0.1, 0.8, 0.3]) is code
    mixed = mix_codes([code, Code(1.0), code], [0.25, 0.5, 0.25])
    assert mixed.blend == ((whole(code), 0.5), (whole(Code(1.0)), 0.5))


def test_a_truncation_that_all_keys_have_stays_to_be_changed() -> None:
    codes = [Code(1.0, truncation_psi=0.4), Code(2.0, truncation_psi=0.4)]
    assert mix_codes(codes, [0.5, 0.5]).truncation_psi == 0.4
    other = Code(2.0, truncation_psi=0.9)
    mixed = mix_codes([codes[0], other], [0.5, 0.5])
    assert mixed.truncation_psi == 1.0 and dict(mixed.blend) == {codes[0]: 0.5, other: 0.5}


def test_backgrounds_of_one_kind_are_mixed() -> None:
    first, second = (Backdrop("colour", colour=c) for c in ((0.0, 0.2, 1.0), (1.0, 0.4, 0.0)))
    view = between(replace(VIEW, backdrop=first), replace(VIEW, backdrop=second))
    assert view.backdrop.colour == pytest.approx((0.5, 0.3, 0.5))


def test_learnt_backgrounds_are_mixed_in_w() -> None:
    first, second = Backdrop(code=Code(1.0)), Backdrop(code=Code(2.0))
    view = between(replace(VIEW, backdrop=first), replace(VIEW, backdrop=second))
    assert dict(view.backdrop.code.blend) == pytest.approx(
        {whole(Code(1.0)): 0.5, whole(Code(2.0)): 0.5}
    )


@pytest.mark.parametrize("left", [{"photo": "room.jpg"}, {"photo": None, "yaw": 1.0}])
def test_what_is_left_of_other_kinds_does_not_stop_a_blend(left) -> None:
    first, second = Backdrop(code=Code(1.0)), Backdrop(code=Code(2.0), **left)
    view = between(replace(VIEW, backdrop=first), replace(VIEW, backdrop=second))
    assert dict(view.backdrop.code.blend) == pytest.approx(
        {whole(Code(1.0)): 0.5, whole(Code(2.0)): 0.5}
    )


def test_colours_are_mixed_whether_the_background_stands_still_or_not() -> None:
    still = Backdrop("colour", colour=(1.0, 1.0, 1.0), camera=Orbit(yaw=1.0))
    moving = Backdrop("colour", colour=(0.0, 0.0, 0.0))
    for first, second in ((still, moving), (moving, still)):
        view = between(replace(VIEW, backdrop=first), replace(VIEW, backdrop=second))
        assert view.backdrop == replace(first, colour=(0.5, 0.5, 0.5))


def test_a_background_stays_until_one_of_another_kind_is_reached() -> None:
    first, second = Backdrop("colour"), Backdrop(visible=False)
    views = [
        between(replace(VIEW, backdrop=first), replace(VIEW, backdrop=second), time)
        for time in (0.0, 1.99, 2.0)
    ]
    assert [view.backdrop for view in views] == [first, first, second]


def test_a_turntable_that_is_fitted_into_less_time_stays_even() -> None:
    film = turntable(VIEW, duration=4.0, fps=12)
    shortest = replace(film, duration=film.shortest)  # as far as its keys let it be shortened
    fitted = shortest.fitted(1.0)
    assert [key.time for key in fitted.keys] == pytest.approx([0.0, 1 / 3, 2 / 3])
    assert fitted.duration == pytest.approx(1.0) and fitted.shortest < 1.0
    once = replace(film, loop=False, duration=3.0).fitted(1.5)
    assert [key.time for key in once.keys] == pytest.approx([0.0, 2 / 3, 4 / 3])


def test_turntable_goes_round_at_one_speed() -> None:
    animation = turntable(with_camera(yaw=0.5, pitch=0.2), duration=6.0, fps=10)
    assert len(animation.frame_times) == 60
    for i, time in enumerate(animation.frame_times):
        camera = animation.view_at(VIEW, time).camera
        assert math.remainder(camera.yaw - 0.5 - math.tau * i / 60, math.tau) == pytest.approx(
            0, abs=1e-9
        )
        assert camera.pitch == pytest.approx(0.2)
    left = turntable(VIEW, duration=6.0, turns=-2).view_at(VIEW, 0.75)
    assert left.camera.yaw == pytest.approx(-math.pi / 2)
    with pytest.raises(ValueError, match="at least one turn"):
        turntable(VIEW, turns=0)


def test_a_new_key_takes_its_place_or_replaces_one() -> None:
    animation = Animation((Key(0.0), Key(3.0)), 4.0)
    more = animation.with_key(Key(1.0, ease="hold"))
    assert [key.time for key in more.keys] == [0.0, 1.0, 3.0]
    assert [key.ease for key in more.with_key(Key(1.0)).keys] == ["smooth"] * 3
    assert animation.with_key(Key(9.0)).duration == 10.0  # a loop needs time to come back


def test_files_say_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = [{"time": 0}, {"time": 2, "camera": {"yaw": 0.6}, "foreground": {"x": 4}}]
    path.write_text(json.dumps({"duration": 3, "loop": False, "keys": keys}))
    view = replace(with_camera(radius=1.5, pitch=0.1), foreground=Code(9.0, truncation_psi=0.5))
    animation = read_animation(path, view)
    assert (animation.duration, animation.loop, animation.fps) == (3.0, False, 30.0)
    assert animation.keys[0] == Key.of(view, 0.0)
    assert animation.keys[1].camera == Orbit(yaw=0.6, pitch=0.1, radius=1.5)
    assert animation.keys[1].foreground == Code(4.0, truncation_psi=0.5)


def test_sessions_hold_their_animation(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    animation = turntable(VIEW)
    write_session(path, Session(animation=animation))
    assert read_animation(path, View()) == animation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "keys.json cannot be used as an animation"),
        ("[]", r'should be \{"keys": \[...\]\}'),
        ('{"duration": 3}', "it has no keys"),
        ('{"keys": [{"time": 1}, {"time": 0}]}', "ascending"),
        ('{"keys": [{"times": 1}]}', r"unknown keys: times \(time\?\)"),
        ('{"keys": [{"ease": "soft"}]}', "smooth, stop, linear, hold"),
        ('{"duration": 0, "keys": [{}]}', "duration should be above 0"),
    ],
)
def test_files_that_make_no_film_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_animation(path, VIEW)
    with pytest.raises(ValueError, match="cannot be read"):
        read_animation(tmp_path / "none.json", VIEW)
