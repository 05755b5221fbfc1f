"""The table of commands: names, keys, and what they do."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.commands import COMMANDS, Chord, chord
from ballgan_viewer.panels.overlays import balance, count_rows
from ballgan_viewer.search import search
from ballgan_viewer.state import ViewerState, apply
from imgui_bundle import imgui
from panel_screen import Screen
from viewer_states import do, with_model

from ballgan.view import Backdrop, Comparison, View

TOGGLE = [act.EndStroke(), act.ToggleBackground()]  # a step of its own


def test_names_are_unique_and_belong_to_groups() -> None:
    names = [row.name for row in COMMANDS]
    assert len(names) == len(set(names))
    assert all(row.group and row.title for row in COMMANDS)


def test_every_chord_is_of_one_command() -> None:
    chords = [keys for row in COMMANDS for keys in row.keys]
    assert sorted(map(str, chords)) == sorted(map(str, set(chords)))


def test_chords_read_as_they_are_written() -> None:
    assert chord("Ctrl+Shift+Z") == Chord("Z", frozenset({"control", "shift"}))
    assert str(chord("Shift+Ctrl+Z")) == "Ctrl+Shift+Z"
    assert str(chord("B")) == "B"


def test_a_key_has_one_meaning_and_is_written_in_the_table_only() -> None:
    keys = [str(key) for row in COMMANDS for key in row.keys]
    assert len(keys) == len(set(keys))
    assert commands.keyed("edit.undo", "Undo").startswith("Ctrl+Z. ")
    folder = Path(commands.__file__).parent
    written = r"(Ctrl|Shift)\+[A-Z]|[Kk]ey [A-Z]\b|(Space|Tab|Delete|Page(Up|Down))\. "
    elsewhere = re.compile(rf'"[^"\n]*\b({written})')
    sources = folder.parent.rglob("*.py")
    found = {path.parent for path in sources if elsewhere.search(path.read_text("utf-8"))}
    assert found == {folder}


def read_keys() -> list[tuple[Chord, str]]:
    """Chords of the README's table, each with what is said of it."""
    readme = Path(__file__).parent.parent / "README.md"
    rows = re.findall(r"^\| (.*<kbd>.*) \| (.*) \|$", readme.read_text("utf-8"), re.MULTILINE)
    found = []
    for keys, meaning in rows:
        for part in keys.split("</kbd>, "):
            *mods, last = part.split(" + ")
            held = "".join(re.findall(r"<kbd>(\w+)", mod)[0] + "+" for mod in mods)
            for key in re.findall(r"<kbd>([^<]+)", last):
                found.append((chord(held + ARROWS.get(key, key)), meaning))
    return found


ARROWS = {"\u2190": "Left", "\u2192": "Right", "?": "Shift+/"}


def test_the_readme_has_every_key_with_its_meaning() -> None:
    def words(text: str) -> set[str]:
        return {word[:4] for word in re.findall(r"[a-z]{4,}", text.lower())}

    written = read_keys()
    rows = {keys: row for row in COMMANDS for keys in row.keys}
    assert sorted(str(keys) for keys, _ in written) == sorted(map(str, rows))
    for keys, meaning in written:
        assert words(meaning) & words(rows[keys].title), (str(keys), meaning)


def test_a_command_is_run_by_its_name() -> None:
    assert commands.run("background.toggle", ViewerState()) == TOGGLE
    with pytest.raises(ValueError, match="no command is called 'x'; there are "):
        commands.run("x", ViewerState())
    with pytest.raises(ValueError, match="cannot be used now"):
        commands.run("mesh.export", ViewerState())


def test_a_key_does_what_its_command_does_where_that_is_possible() -> None:
    assert commands.press("S", frozenset(), ViewerState()) == []
    assert commands.press("S", frozenset(), with_model()) == [act.SavePicture()]
    assert commands.press("O", frozenset({"super"}), ViewerState()) == [act.Browse("model")]
    plus = commands.press("=", frozenset({"control", "shift"}), ViewerState())
    assert plus == commands.press("+", frozenset({"control"}), ViewerState()) != []


PHOTO = Backdrop("photo", photo="/a.png")


@pytest.mark.parametrize(
    ("keys", "view", "seen"),
    [
        ("Right", View(), True),
        ("Right", View(layer="background"), False),
        ("Shift+Right", View(), True),
        ("Shift+Right", View(layer="normals"), False),
        ("Shift+Right", View(backdrop=PHOTO), False),
        ("Shift+Right", View(backdrop=replace(PHOTO, match_light=True)), True),  # against its own
        ("W", View(), False),
        ("W", View(layer="surface"), True),
        ("W", View(comparison=Comparison(on=True, layer="surface")), True),
    ],
)
def test_keys_change_nothing_that_is_not_seen(keys: str, view: View, seen: bool) -> None:
    state, key = replace(with_model(), view=view), chord(keys)
    assert bool(commands.press(key.key, key.mods, state)) == seen


def test_a_film_s_key_is_removed_only_where_it_is_seen() -> None:
    state = do(with_model(), act.AddKey())
    assert commands.press("Delete", frozenset(), state) == [act.RemoveKey(0)]
    hidden = do(state, act.ShowTimeline(False))
    assert hidden.playhead.key == 0 and commands.press("Delete", frozenset(), hidden) == []


@pytest.mark.parametrize("name", ["background.turn_left", "background.brighter"])
def test_a_background_without_a_network_is_neither_turned_nor_exposed(name: str) -> None:
    (row,) = (row for row in COMMANDS if row.name == name)
    assert row.enabled(with_model())
    state = with_model(has_background=False)
    assert not row.enabled(state)
    assert row.enabled(do(state, act.SetBackdrop(PHOTO)))


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_answers_with_actions_that_apply(row: commands.Command) -> None:
    state = with_model()
    if row.enabled(state):
        for action in row.actions(state):
            state = apply(state, action)


def test_search_finds_words_by_their_beginnings_first() -> None:
    assert [row.name for row in COMMANDS if row not in search("")] == ["palette"]
    found = [row.name for row in search("mesh")]
    assert found.index("mesh.export") < found.index("section.mesh")
    assert search("undo")[0].name == "edit.undo"
    assert search("next backgr")[0].name == "background.next"
    assert search("back")[0].name == "background.toggle"
    assert search("rstcam")[0].name == "camera.reset"
    assert search("zzzz") == []


def test_the_palette_runs_what_is_marked(screen: Screen) -> None:
    state = apply(with_model(), act.ShowOverlay("palette"))
    state = apply(state, act.SearchCommands("background on"))
    screen.show(state)
    assert screen.click(state, "palette.background.toggle") == [act.ShowOverlay(""), *TOGGLE]
    assert screen.press(state, imgui.Key.down_arrow)[0].choice == 1
    assert screen.press(state, imgui.Key.enter) == [act.ShowOverlay(""), *TOGGLE]
    assert screen.press(state, imgui.Key.escape) == [act.ShowOverlay("")]
    empty = apply(state, act.SearchCommands("zzzz"))
    assert screen.press(empty, imgui.Key.enter) == []


def test_all_keys_are_listed_and_a_click_beside_closes_the_list(screen: Screen) -> None:
    state = apply(with_model(), act.ShowOverlay("keys"))
    screen.show(state)
    assert screen.press(state, imgui.Key.escape) == [act.ShowOverlay("")]
    assert screen.click_at(state, (3.0, 3.0)) == [act.ShowOverlay("")]


@pytest.mark.parametrize("timeline", [False, True])
def test_all_keys_are_seen_at_once_in_the_smallest_window(timeline: bool) -> None:
    screen = Screen(size=(1024, 700))
    try:
        state = apply(with_model(), act.ShowOverlay("keys"))
        state = replace(state, playhead=replace(state.playhead, shown=timeline))
        for _ in range(4):
            screen.show(state)
        sheet = imgui.internal.find_window_by_name("##keys")
        assert sheet.scroll_max.y == 0 and sheet.size.y < 700
    finally:
        imgui.destroy_context(screen.context)


def test_columns_are_balanced_and_keep_their_order() -> None:
    groups = [(name, [0] * rows) for name, rows in (("a", 3), ("b", 1), ("c", 1), ("d", 6))]
    columns = balance(groups, 2)
    assert [[name for name, _ in column] for column in columns] == [["a", "b"], ["c", "d"]]


def test_the_window_section_changes_the_look(screen: Screen) -> None:
    state = apply(ViewerState(), act.FoldSections(()))
    assert screen.click(state, "window.theme.light") == [act.SetTheme("light")]
    assert screen.click(state, "window.size.150") == [act.SetZoom(1.5)]
    assert screen.click(state, "window.camera.jump") == [cam.SetGlide(False)]
    assert screen.click(state, "keys") == [act.ShowOverlay("keys")]


def test_without_a_model_the_bundled_one_is_offered(screen: Screen) -> None:
    bundled = act.OpenModel("", bundled=True)
    assert screen.click(ViewerState(), "model.bundled") == [bundled]
    assert commands.run("model.bundled", with_model()) == [act.EndStroke(), bundled]
    screen.show(with_model())
    assert "model.bundled" not in screen.ui.rects


def test_the_palette_has_as_many_rows_as_there_is_room_for(screen: Screen) -> None:
    state = apply(with_model(), act.ShowOverlay("palette"))
    for _ in range(3):
        screen.show(state)
    rows = [name for name in screen.ui.rects if name.startswith("palette.") and "query" not in name]
    assert len(rows) == 10
    assert count_rows(screen.ui, 300.0) == 5
    assert count_rows(screen.ui, 1.0) == 1


def test_the_wheel_goes_through_the_palette(screen: Screen) -> None:
    state = apply(with_model(), act.ShowOverlay("palette"))
    screen.show(state)
    screen.show(state)
    imgui.get_io().add_mouse_pos_event(*screen.ui.rects["palette.keys"].centre)
    screen.show(state)
    imgui.get_io().add_mouse_wheel_event(0, -3)
    assert screen.show(state) == [act.SearchCommands("", 3)]
    state = apply(state, act.SearchCommands("", len(COMMANDS) - 2))
    imgui.get_io().add_mouse_wheel_event(0, -3)
    assert screen.show(state) == [act.SearchCommands("", len(COMMANDS) - 2)]
