"""What actions do to codes, without a window."""

from dataclasses import replace
from pathlib import Path

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.notes import (
    MAX_NAME,
    Favourite,
    ModelNotes,
    NamedDirection,
    add_favourite,
    load_notes,
    merge,
    name_favourite,
    notes_file,
    remove_favourite,
    save_notes,
)
from ballgan_viewer.state import ViewerState
from viewer_states import do, model_info, with_model

from ballgan.latents import Direction, StyleMix
from ballgan.view import Backdrop, Code, CodeControl, CodePair, Comparison

START = with_model()
SMILE = Direction("pca", 3, (0, 1))
CHANGES = (
    lat.SetCode("foreground", Code(9.0)),
    lat.StepSeed("foreground", 1),
    lat.TakeSeeds("foreground", 5, 6),
    lat.TakeSeeds("both", 5, 6),
    lat.GoTo("both", CodePair(Code(3.0), Code(4.0))),
    lat.BlendBetween("both", CodePair(Code(3.0), Code(4.0)), CodePair(Code(8.0), Code(9.0))),
)


@pytest.mark.parametrize("action", CHANGES, ids=lambda action: type(action).__name__)
def test_a_locked_code_stays_and_an_unlocked_one_changes(action: act.Action) -> None:
    assert do(START, action).view.foreground != Code()
    locked = do(START, lat.ToggleLock("foreground"))
    after = do(locked, action)
    assert after.view.foreground == Code()
    if getattr(action, "which", "") == "both":
        assert after.view.backdrop.code != Code()
    assert do(after, lat.ToggleLock("foreground"), action).view.foreground != Code()


def test_a_locked_background_survives_another_backdrop() -> None:
    state = do(START, lat.ToggleLock("background"))
    other = Backdrop("colour", code=Code(7.0))
    assert do(state, act.SetBackdrop(other)).view.backdrop == replace(other, code=Code())
    assert do(START, act.SetBackdrop(other)).view.backdrop == other


def test_animations_move_their_own_code_only() -> None:
    state = do(START, lat.SetControl("background", CodeControl(animated=True, speed=2.0)))
    after = do(state, lat.Advance(0.25))
    assert after.view.backdrop.code == Code(0.5)
    assert after.view.foreground == Code()
    assert do(state, lat.ToggleLock("background"), lat.Advance(0.25)).view.codes == CodePair()
    assert after.history == state.history  # time is nothing to undo
    assert do(after, lat.ToggleAnimation("background"), lat.Advance(1.0)).view.codes == CodePair(
        Code(), Code(0.5)
    )


HIDDEN = (
    act.ToggleBackground(),
    act.SetBackdrop(Backdrop("colour")),
    act.SetBackdrop(Backdrop("photo", photo="/a.png")),
    act.SetLayer("normals"),
    act.ModelOpened(model_info(path="/other.pkl", has_background=False)),
)


@pytest.mark.parametrize("action", HIDDEN, ids=lambda action: type(action).__name__)
def test_a_code_that_does_not_show_rests(action: act.Action) -> None:
    state = do(START, lat.ToggleAnimation("background"))
    assert state.plays
    hidden = do(state, act.EndStroke(), action)
    assert not hidden.plays and do(hidden, lat.Advance(0.25)) == hidden
    with pytest.raises(ValueError, match="cannot be used now"):
        commands.run("background.animate", hidden)
    assert do(hidden, lat.ToggleAnimation("foreground")).plays
    back = do(hidden, act.Undo())
    assert back.plays  # what hid it is a step of its own


def test_the_foreground_rests_in_the_layer_of_the_background() -> None:
    state = do(START, lat.ToggleAnimation("foreground"), act.SetLayer("background"))
    assert not state.plays
    beside = Comparison(on=True, layer="full")
    assert replace(state, view=replace(state.view, comparison=beside)).plays


def test_all_animations_stop_at_once() -> None:
    moving = CodeControl(animated=True, speed=3.0)
    state = do(START, lat.SetControl("foreground", moving), lat.SetControl("background", moving))
    stopped = do(state, lat.StopAnimations()).view.latents
    assert stopped.foreground == stopped.background == CodeControl(speed=3.0)


def test_sides_remember_their_codes_and_undo_brings_them_back() -> None:
    on_b = do(START, lat.ToggleSide())
    assert (on_b.view.latents.side, on_b.view.codes) == ("B", CodePair())
    changed = do(on_b, lat.SetCode("foreground", Code(5.0)))
    on_a = do(changed, lat.ToggleSide())
    assert (on_a.view.latents.side, on_a.view.foreground) == ("A", Code())
    again = do(on_a, act.EndStroke(), lat.ToggleSide())
    assert (again.view.latents.side, again.view.foreground) == ("B", Code(5.0))
    assert do(again, act.Undo()).view == on_a.view
    same = do(again, lat.CopySide(), lat.ToggleSide())
    assert same.view.foreground == Code(5.0)


def test_a_lock_loses_no_code_of_the_other_side() -> None:
    on_a = do(START, lat.SetCode("foreground", Code(1.0)), lat.SetCode("background", Code(3.0)))
    on_b = do(on_a, lat.ToggleSide(), lat.SetCode("foreground", Code(2.0)))
    on_b = do(on_b, lat.SetCode("background", Code(4.0)), lat.ToggleLock("foreground"))
    locked = do(on_b, lat.ToggleSide())
    assert locked.view.codes == CodePair(Code(2.0), Code(3.0))
    both = replace(on_b.view, comparison=Comparison(on=True, kind="codes"))
    assert both.sides()[1].codes == locked.view.codes  # beside it stands what the toggle shows
    again = do(locked, lat.ToggleSide(), lat.ToggleLock("foreground"))
    assert again.view.codes == CodePair(Code(2.0), Code(4.0))
    assert do(again, lat.ToggleSide()).view.codes == CodePair(Code(1.0), Code(3.0))


def test_blends_between_places_are_half_way_and_nest_only_so_far() -> None:
    here, there = CodePair(Code(3.0), Code()), CodePair(Code(8.0), Code())
    code = do(START, lat.BlendBetween("foreground", here, there)).view.foreground
    assert [(part.seed, weight) for part, weight in code.blend] == [(3, 0.5), (8, 0.5)]
    assert do(START, lat.BlendBetween("foreground", here, here)).view.foreground == Code(3.0)
    state = START
    for seed in range(50):
        other = CodePair(Code(float(seed)), Code())
        state = do(state, lat.BlendBetween("foreground", state.view.codes, other))
    assert repr(state.view.foreground).count("Code(") < 20


def codes_kept(state: ViewerState) -> list[CodePair]:
    return [favourite.codes for favourite in state.notes.favourites]


def test_favourites_are_kept_once_and_newest_first() -> None:
    state = do(START, lat.AddFavourite(), lat.SetCode("foreground", Code(2.0)), lat.AddFavourite())
    first, second = CodePair(), CodePair(Code(2.0))
    assert codes_kept(state) == [second, first]
    state = do(state, lat.NameFavourite(first, "calm"))
    again = do(state, lat.GoTo("both", first), lat.AddFavourite())
    assert codes_kept(again) == [first, second]
    assert [kept.name for kept in again.notes.favourites] == ["calm", ""]
    assert codes_kept(do(state, lat.RemoveFavourite(second))) == [first]


def test_a_sheet_shows_the_seeds_with_the_rest_of_the_code() -> None:
    code = Code(4.0, truncation_psi=0.5, mix=StyleMix(1, (2,)))
    state = do(
        START,
        lat.SetCode("background", code),
        lat.SetSheet("background", 98, 500),
        lat.SetSheet("background", 98, 4),
        lat.MakeSheet(),
    )
    assert [c.seed for c in state.sheet.codes] == [98, 99, 100, 101]
    assert all(replace(c, x=4.0, y=0.0) == code for c in state.sheet.codes)
    assert do(state, lat.SetSheet("foreground", 0, 500)).sheet.count == 96
    assert do(state, lat.StopSheet()).sheet.stopped


def test_a_sheet_shows_what_directions_do_to_the_present_code() -> None:
    code = Code(4.0).moved(SMILE, 0.5)
    other = Direction("sefa", 1)
    state = do(START, lat.SetCode("foreground", code), lat.SetSheet("background", 3, 5))
    shown = do(state, act.FoldSections(("section.gallery", "section.mesh")))
    shown = do(shown, lat.ShowDirections("foreground", (SMILE, other)))
    assert shown.preferences.folded == ("section.mesh",)  # the gallery is opened for it
    sheet = shown.sheet
    assert sheet.codes_of == "foreground"
    assert [c.amount(SMILE) for c in sheet.codes] == [-3, -1.5, 1.5, 3, 0.5, 0.5, 0.5, 0.5]
    assert [c.amount(other) for c in sheet.codes[4:]] == [-3, -1.5, 1.5, 3]
    assert do(state, lat.MakeSheet()).sheet.directions == ()
    many = do(state, lat.ShowDirections("foreground", (SMILE,) * 100)).sheet
    assert len(many.codes) == 96


def test_directions_are_named_renamed_and_forgotten() -> None:
    state = do(START, lat.NameDirection("foreground", SMILE, "smile"))
    assert state.notes.name_of("foreground", SMILE) == "smile"
    assert state.notes.name_of("background", SMILE) == ""
    state = do(state, lat.NameDirection("foreground", SMILE, "x" * 500))
    assert state.notes.name_of("foreground", SMILE) == "x" * MAX_NAME
    assert do(state, lat.NameDirection("foreground", SMILE, " ")).notes == ModelNotes()


def test_notes_come_back_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "settings"))
    notes = ModelNotes(
        (NamedDirection("foreground", SMILE, "smile \u263a"),),
        (Favourite(Code(2.0, mix=StyleMix(3, (1,)), moves=((SMILE, 1.5),)), Code()),),
    )
    assert load_notes("ab" * 32) == (ModelNotes(), None)
    save_notes("ab" * 32, "heads", ModelNotes(), notes)
    assert load_notes("ab" * 32) == (notes, None)
    assert '"model": "heads"' in notes_file("ab" * 32).read_text()
    assert load_notes("cd" * 32) == (ModelNotes(), None)


def test_favourites_from_before_they_had_names_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    path = notes_file("ab" * 32)
    path.parent.mkdir()
    path.write_text(
        '{"format": "ballgan notes", "version": 1, "model": "heads", "notes": {"directions": [],'
        ' "favourites": [{"foreground": {"x": 3.0}, "background": {"y": 1.0}}]}}'
    )
    assert load_notes("ab" * 32) == (ModelNotes((), (Favourite(Code(3.0), Code(y=1.0)),)), None)


def test_merged_notes_lose_nothing() -> None:
    here = ModelNotes((), (Favourite(Code(1.0), name="mine"), Favourite(Code(2.0))))
    there = ModelNotes(
        (NamedDirection("foreground", SMILE, "smile"),),
        (Favourite(Code(1.0), name="theirs"), Favourite(Code(2.0), name="b"), Favourite(Code(3.0))),
    )
    merged = merge(here, there)
    assert merged.name_of("foreground", SMILE) == "smile"
    assert [(f.foreground.x, f.name) for f in merged.favourites] == [
        (1.0, "mine"),
        (2.0, "b"),
        (3.0, ""),
    ]
    assert merge(merged, there) == merged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"format": "other"}',
        '{"format": "ballgan notes", "version": 2, "notes": {}}',
        '{"format": "ballgan notes", "version": 1}',
        '{"format": "ballgan notes", "version": 1, "notes": {"favourites": [{"foreground": 3}]}}',
        '{"format": "ballgan notes", "version": 1, "notes": ' + "[" * 5000,
    ],
)
def test_damaged_notes_are_ignored_with_a_message(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    path = notes_file("ab" * 32)
    path.parent.mkdir()
    path.write_text(text)
    notes, complaint = load_notes("ab" * 32)
    assert notes == ModelNotes()
    assert complaint is not None
    assert str(path) in complaint
    kept = ModelNotes(favourites=(Favourite(Code(3.0)),))
    save_notes("ab" * 32, "heads", notes, kept)
    assert load_notes("ab" * 32) == (kept, None)
    assert path.with_name(path.name + ".bad").read_text() == text


def test_favourites_that_cannot_be_read_leave_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    path = notes_file("ab" * 32)
    path.parent.mkdir()
    favourites = '[{"foreground": {"x": "far"}}, {"foreground": {"x": 3.0, "warp": 1}}]'
    path.write_text(
        f'{{"format": "ballgan notes", "version": 1, "notes": {{"favourites": {favourites}}}}}'
    )
    notes, complaint = load_notes("ab" * 32)
    assert notes == ModelNotes(favourites=(Favourite(Code(3.0)),))
    assert complaint is not None and "favourites[0].foreground.x should be" in complaint
    assert "favourites[1].foreground.warp is unknown" in complaint  # to a program that is older
    save_notes("ab" * 32, "heads", notes, notes)
    assert favourites in path.with_name(path.name + ".bad").read_text()


def test_two_windows_keep_each_others_favourites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    start = ModelNotes(favourites=(Favourite(Code(1.0)), Favourite(Code(2.0))))
    first = add_favourite(start, CodePair(Code(3.0)))
    second = remove_favourite(name_favourite(start, CodePair(Code(1.0)), "a"), CodePair(Code(2.0)))
    save_notes("ab" * 32, "heads", ModelNotes(), start)
    save_notes("ab" * 32, "heads", start, first)
    save_notes("ab" * 32, "heads", start, second)
    notes, _ = load_notes("ab" * 32)
    assert notes.favourites == (Favourite(Code(1.0), name="a"), Favourite(Code(3.0)))
