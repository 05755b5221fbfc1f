"""Panels in a pure ImGui context: no window, no GL, no model."""

import random
from dataclasses import replace
from typing import Any

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands, panels, theme
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.actions import output as out
from ballgan_viewer.info import Quality, SurfaceInfo, ViewInfo
from ballgan_viewer.layout import arrange
from ballgan_viewer.panels import pad, tiles
from ballgan_viewer.panels.directions import METHOD_TIPS
from ballgan_viewer.panels.model import OPEN_TIP
from ballgan_viewer.panels.pad import SPACING
from ballgan_viewer.panels.status import (
    NEURAL_TIP,
    PREVIEW_TIP,
    SPEED_TIP,
    describe_picture,
    describe_speed,
)
from ballgan_viewer.panels.window import THEME_TIP
from ballgan_viewer.preferences import FOLDED_AT_FIRST, SECTIONS
from ballgan_viewer.state import CodeSpace, Job, ViewerState, apply
from ballgan_viewer.ui import Ui
from imgui_bundle import imgui
from panel_screen import SIZE, Screen
from viewer_states import with_model

from ballgan.latents import Direction
from ballgan.panoramas import bundled_panoramas
from ballgan.separation import Separation
from ballgan.view import LAYERS, Backdrop, Code

QUALITY = Quality("full", 512, 64, 41.2, settled=True)


STATE = with_model()
EMPTY = apply(ViewerState(), act.FoldSections(()))
NOISY = apply(apply(STATE, act.Notify("error", "Bad " * 60)), act.Notify("info", "Good"))
STATES = {
    "empty": EMPTY,
    "opening": apply(EMPTY, act.OpenModel("/m.pkl")),
    "model": STATE,
    "with a note": with_model(notes=("a note",)),
    "no sphere": with_model(has_background=False),
    "none": apply(STATE, act.ToggleBackground()),
    "colour": apply(STATE, act.SetBackdrop(Backdrop("colour"))),
    "photo": apply(STATE, act.PhotoOpened("/a folder/" + "long name " * 20 + ".jpg")),
    "blend": apply(STATE, lat.SetCode("foreground", Code(1e6 + 0.3, -5.7))),
    "export": apply(STATE, act.StartExport("mesh")),
    "level": replace(STATE, export=replace(STATE.export, automatic_level=False)),
    "notices": NOISY,
    **{layer: apply(STATE, act.SetLayer(layer)) for layer in LAYERS},
}


@pytest.mark.parametrize("name", STATES)
def test_every_state_draws_and_does_nothing_by_itself(screen: Screen, name: str) -> None:
    for info in ({}, {"quality": QUALITY, "surface": SurfaceInfo(9, 1.0, (-5, 5), True)}):
        for _ in range(3):
            assert screen.show(STATES[name], **info) == []


def test_seeds_are_drawn_at_the_click_and_not_before(screen: Screen) -> None:
    before = random.getstate()
    screen.show(STATE)
    assert random.getstate() == before
    (action,) = screen.click(STATE, "background.random")
    assert isinstance(action, lat.TakeSeeds) and action.which == "background"
    assert random.getstate() != before


@pytest.mark.parametrize(
    ("name", "widget", "expected"),
    [
        ("model", "foreground.next", lat.StepSeed("foreground", 1)),
        ("model", "background.previous", lat.StepSeed("background", -1)),
        ("model", "background.none", act.SetBackdrop(Backdrop(visible=False))),
        (
            "model",
            "background.photo",
            act.SetBackdrop(Backdrop("photo", photo=bundled_panoramas()["studio"])),
        ),
        ("photo", "background.browse", act.Browse("picture")),
        ("photo", "background.panorama.room", act.OpenPhoto(bundled_panoramas()["room"])),
        (
            "model",
            "background.light",
            act.SetBackdrop(replace(STATE.view.backdrop, match_light=True)),
        ),
        (
            "model",
            "background.camera.still",
            act.SetBackdrop(replace(STATE.view.backdrop, camera=STATE.view.camera)),
        ),
        ("none", "background.show", act.ToggleBackground()),
        (
            "colour",
            "background.swatch.black",
            act.SetBackdrop(Backdrop("colour", colour=(0, 0, 0))),
        ),
        ("model", "layer.alpha", act.SetLayer("alpha")),
        ("model", "rays.128", act.SetNeuralResolution(128)),
        ("model", "capture.save", act.SavePicture()),
        ("model", "camera.reset", act.ResetCamera()),
        ("model", "model.open", act.Browse("model")),
        ("model", "export.texture", act.SetExport(replace(STATE.export, texture=True))),
        ("model", "export.format.ply", act.SetExport(replace(STATE.export, format="ply"))),
        ("model", "export", act.StartExport("256\u00b3 mesh")),
        ("export", "export.cancel", act.CancelJob("export")),
        ("notices", "dismiss.1", act.Dismiss(1)),
    ],
)
def test_widgets_answer_with_actions(
    screen: Screen, name: str, widget: str, expected: act.Action
) -> None:
    assert screen.click(STATES[name], widget) == [expected]


def test_the_separation_of_a_former_picture_is_marked(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    fold = screen.ui.fold

    def note(name: str, title: str, summary: str = "", **options: Any) -> Any:
        drawn.append(summary)
        return fold(name, title, summary, **options)

    monkeypatch.setattr(screen.ui, "fold", note)
    separation = Separation((1.0,), 0.0314, 0.5)
    screen.show(STATE, separation=separation, quality=QUALITY)
    screen.show(STATE, separation=separation, quality=replace(QUALITY, settled=False))
    assert [summary for summary in drawn if summary] == ["0.031", "0.031 ..."]


def test_what_cannot_be_done_does_nothing(screen: Screen) -> None:
    assert screen.click(STATES["empty"], "capture.save") == []
    assert screen.click(STATES["empty"], "export") == []
    assert screen.ui.disabled >= {"capture.save", "export", "model.recent"}


def test_a_section_folds(screen: Screen) -> None:
    assert screen.click(STATE, "section.camera") == [act.FoldSections(("section.camera",))]
    folded = apply(STATE, act.FoldSections(("section.camera",)))
    screen.show(folded)
    assert "camera.reset" not in screen.ui.rects
    assert screen.click(folded, "section.camera") == [act.FoldSections(())]


def test_a_section_that_a_command_opens_scrolls_into_view(screen: Screen) -> None:
    folded = apply(STATE, act.FoldSections(("section.window",)))
    screen.show(folded)
    screen.show(folded)
    assert screen.ui.rects["section.window"].y > SIZE[1]
    opened = apply(folded, commands.run("section.window", folded)[-1])
    for _ in range(3):
        screen.show(opened)
    assert 0 < screen.ui.rects["section.window"].y < SIZE[1]
    assert commands.run("section.window", opened)[-1] == act.FoldSections(("section.window",))


def test_the_panel_is_short_at_first(screen: Screen) -> None:
    state = apply(ViewerState(), act.ModelOpened(STATE.model))  # type: ignore[arg-type]
    for _ in range(3):
        screen.show(state)
    drawn, names = screen.ui.rects, [f"section.{name}" for name in SECTIONS]
    assert drawn["foreground.seed"].y < drawn["background.seed"].y < drawn["layer.full"].y
    assert set(FOLDED_AT_FIRST) < set(names)
    assert drawn[names[-1]].y + drawn[names[-1]].height < SIZE[1] - 30  # all heads show


def test_the_pad_moves_under_the_pointer(screen: Screen) -> None:
    state = STATE
    screen.show(state)
    screen.show(state)
    io, centre = imgui.get_io(), screen.ui.rects["foreground.pad"].centre
    io.add_mouse_pos_event(*centre)
    screen.show(state)
    io.add_mouse_button_event(0, True)
    screen.show(state)
    for step in range(1, 5):
        io.add_mouse_pos_event(centre[0] - SPACING / 4 * step, centre[1])
        for action in screen.show(state):
            state = apply(state, action)
    io.add_mouse_button_event(0, False)
    assert screen.show(state) == []
    assert state.view.foreground.x == pytest.approx(1.0)


def test_a_click_on_a_seed_goes_to_it(screen: Screen) -> None:
    state = STATE
    screen.show(state)
    screen.show(state)
    io, (x, y) = imgui.get_io(), screen.ui.rects["foreground.pad"].centre
    io.add_mouse_pos_event(x + SPACING + 2, y + 2)
    screen.show(state)
    io.add_mouse_button_event(0, True)
    screen.show(state)
    io.add_mouse_button_event(0, False)
    assert screen.show(state) == [lat.SetCode("foreground", Code(1.0))]


def test_everything_fits_into_the_panel_at_any_scale() -> None:
    for scale in 1.0, 2.0:
        screen = Screen(scale)
        for state in STATES.values():
            screen.show(state)
            screen.show(state)
            panel = arrange(SIZE[0] * scale, SIZE[1] * scale, scale).panel
            for name, rect in screen.ui.rects.items():
                if not name.startswith(("dismiss", "jobs.", "cube", "status.")):
                    assert rect.x >= panel.x, name
                    assert rect.x + rect.width <= panel.x + panel.width, name
        imgui.destroy_context(screen.context)


def test_the_status_bar_says_what_is_shown() -> None:
    info = ViewInfo(arrange(*SIZE, 1.0), quality=QUALITY, frame_ms=2.5)
    assert describe_picture(STATE, info).startswith("heads ")
    assert describe_picture(STATE, info).endswith("final, 512 px, 64\u00b2 rays")
    unsettled = replace(info, quality=replace(QUALITY, stage="preview", settled=False))
    assert describe_picture(STATE, unsettled).endswith("preview, 64\u00b2 rays")
    assert "picture 41 ms" in describe_speed(info)
    slow = describe_picture(STATE, replace(unsettled, progress=0.43))
    assert slow.endswith("next picture 43%")
    enlarging = describe_picture(STATE, replace(unsettled, progress=1.0))  # by other layers
    assert enlarging.endswith("next picture almost done")
    assert describe_picture(ViewerState(), info) == "No model"


def test_the_status_bar_says_when_there_is_no_surface() -> None:
    info = ViewInfo(arrange(*SIZE, 1.0))
    assert describe_picture(STATES["surface"], info).endswith("finding the surface")
    info = replace(info, surface_failed=True)
    assert describe_picture(STATES["surface"], info).endswith("no surface at this level")


def test_the_number_of_a_seed_is_clear_of_the_ring_and_whole(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: dict[str, float] = {}

    class Recorder:
        def add_circle_filled(self, *arguments: object) -> None:
            pass

        def add_text(self, place: tuple[float, float], colour: int, text: str) -> None:
            places[text] = place[1]

    imgui.new_frame()
    monkeypatch.setattr(imgui, "get_window_draw_list", Recorder)
    pad._draw_seed(screen.ui, (100.0, 100.0), 7, (50.0, 150.0), nearest=True)
    pad._draw_seed(screen.ui, (52.0, 100.0), 88, (50.0, 150.0), nearest=False)
    imgui.end_frame()
    assert places.keys() == {"7"}  # the sides would cut the other one
    assert places["7"] >= 100 + pad.RING


def test_a_carried_picture_stays_in_the_window() -> None:
    window = imgui.ImVec2(1280, 800)
    assert tiles.carried_at(imgui.ImVec2(100, 100), 50, 10, window) == (110, 110)
    assert tiles.carried_at(imgui.ImVec2(1250, 790), 50, 10, window) == (1190, 730)


@pytest.mark.parametrize("name", ["background.picker", "presets", "model.recent"])
def test_escape_closes_what_has_opened(screen: Screen, name: str) -> None:
    state = STATES["colour"]
    screen.click(state, name)
    if name == "background.picker":  # its square is at the end of the line
        rect = screen.ui.rects[name]
        screen.click_at(state, (rect.x + rect.width - 8, rect.centre[1]))
    popups = imgui.PopupFlags_.any_popup
    opened: list[bool] = []
    for _ in range(2):
        imgui.new_frame()
        opened.append(imgui.is_popup_open("", popups))
        imgui.end_frame()
        screen.press(state, imgui.Key.escape)
    assert opened == [True, False]


def test_the_divider_lies_under_notices(screen: Screen) -> None:
    for _ in range(3):
        screen.show(NOISY)
    number = NOISY.notices[-1].number  # low enough to be over the picture
    cross, picture = screen.ui.rects[f"dismiss.{number}"], arrange(*SIZE, 1.0).picture
    divider = (cross.centre[0] - picture.x) / picture.width
    comparison = replace(NOISY.view.comparison, on=True, divider=divider)
    split = apply(NOISY, out.SetComparison(comparison))
    assert cross.centre[1] > picture.y
    assert screen.click_at(split, cross.centre) == [act.Dismiss(number)]


def record_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written from now on."""
    written: list[str] = []
    text = Ui.text

    def write(self: Ui, words: str, *rest: Any, **more: Any) -> None:
        written.append(words)
        text(self, words, *rest, **more)

    monkeypatch.setattr(Ui, "text", write)
    return written


@pytest.mark.parametrize("kind", ["colour", "gradient"])
def test_the_chosen_swatch_is_marked(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    marked: list[str] = []

    def swatch(self: Ui, name: str, *place: object, selected: bool, **more: object) -> bool:
        marked.extend([name] * selected)
        return False

    monkeypatch.setattr(Ui, "swatch", swatch)
    screen.show(apply(STATE, act.SetBackdrop(Backdrop(kind))))
    name = {"colour": "swatch.light", "gradient": "gradient.studio"}[kind]
    assert marked == [f"background.{name}"]


def test_rows_of_directions_are_named(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    written = record_texts(monkeypatch)
    directions = tuple(Direction("sefa", index) for index in range(3))
    state = apply(STATE, lat.NameDirection("foreground", directions[1], "age"))
    screen.show(apply(state, lat.ShowDirections("foreground", directions)))
    heads = [words for words in written if words in ("Direction 1", "age", "Direction 3")]
    assert heads == ["Direction 1", "age", "Direction 3"]
    assert written.count("-3 to +3") == 3


def test_what_the_words_of_the_window_mean_is_explained(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: set[str] = set()
    monkeypatch.setattr(Ui, "tip", lambda self, text: explained.add(text))
    state = apply(STATE, act.FoldSections(()))
    for quality in QUALITY, replace(QUALITY, engine="preview"):
        screen.show(state, quality=quality)
    for tip in (PREVIEW_TIP, NEURAL_TIP, SPEED_TIP, THEME_TIP, OPEN_TIP):
        assert tip in explained
    assert OPEN_TIP.startswith("Ctrl+O. ")


def test_the_pointer_reaches_the_words_of_the_status_bar(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def tip(self: Ui, text: str) -> None:
        if imgui.is_item_hovered():
            told.append(text)

    monkeypatch.setattr(Ui, "tip", tip)
    for name, text in ("status.picture", NEURAL_TIP), ("status.speed", SPEED_TIP):
        assert screen.click(STATE, name, quality=QUALITY) == []
        assert told[-1] == text


def test_the_status_bar_says_how_to_fly(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    written = record_texts(monkeypatch)
    screen.show(STATE)
    assert "orbit" in written and "W A S D" not in written
    written.clear()
    flying = replace(STATE.navigation, mode="fly")
    screen.show(apply(STATE, cam.SetNavigation(flying)))
    assert "W A S D" in written and "look round" in written


def test_what_is_below_the_panels_edge_is_hinted_at(screen: Screen) -> None:
    imgui.get_io().display_size = (1280, 500)
    for _ in range(3):
        imgui.new_frame()
        screen.ui.begin_frame(1.0)
        panels.draw(screen.ui, STATE, ViewInfo(arrange(1280, 500, 1.0)))
        imgui.render()
    assert imgui.get_style().scrollbar_size >= 10
    difference = [
        abs(getattr(theme.SCROLLBAR, c) - getattr(theme.PANEL, c)) for c in ("x", "y", "z")
    ]
    assert min(difference) > 0.15


@pytest.mark.parametrize("name", ["bad\udcff.pkl", "lone\ud800", "nul\0l", "50 % ##x"])
def test_any_file_name_can_be_shown(screen: Screen, name: str) -> None:
    path = f"/{name}"
    state = with_model(path=path, name=name, notes=(name,))
    for action in (
        act.PhotoOpened(path),
        act.Notify("error", f"cannot load {path}"),
        act.SetExportPath(path),
        act.OpenModel(path),
        act.StartExport(path),
    ):
        state = apply(state, action)
    screen.show(state)
    assert screen.show(state) == []
    assert screen.click(replace(state, jobs=()), "model.recent") == []
    assert screen.click(replace(state, jobs=()), "model.recent.0") == [act.OpenModel(path)]


def test_recent_pictures_have_thumbnails(screen: Screen) -> None:
    state = apply(STATES["photo"], act.PhotoOpened("/b.png"))
    path = state.preferences.recent_pictures[1]
    assert screen.click(state, "background.recent.1") == [act.OpenPhoto(path)]
    assert screen.click(state, "background.recent.0") == []  # it shows already


def test_a_job_shows_its_progress_and_can_be_cancelled_once(screen: Screen) -> None:
    state = replace(STATE, jobs=(Job("export", "Exporting", 0.5, cancelling=True),))
    assert screen.click(state, "export.cancel") == []


@pytest.mark.parametrize(
    ("name", "button", "expected"),
    [
        ("model", "model.recent", act.OpenModel("/models/heads.pkl")),
    ],
)
def test_recent_files_open_again(
    screen: Screen, name: str, button: str, expected: act.Action
) -> None:
    assert screen.click(STATES[name], button) == []
    assert screen.click(STATES[name], f"{button}.0") == [expected]


def test_methods_of_directions_and_layers_without_a_use_are_explained(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips: list[str] = []
    monkeypatch.setattr(screen.ui, "tip", tips.append)
    screen.ui.folds["foreground.directions"] = True
    space = CodeSpace(rows=4, dimensions=16)
    screen.show(with_model(foreground_space=space, has_super_resolution=False))
    assert {METHOD_TIPS["sefa"], METHOD_TIPS["pca"]} <= set(tips)
    assert any("no super-resolution" in tip for tip in tips)
