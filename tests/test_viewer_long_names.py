"""Names that are longer than their place, and a window that is narrow for its interface."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import theme
from ballgan_viewer.layout import arrange
from ballgan_viewer.state import Following
from ballgan_viewer.ui import Ui
from imgui_bundle import imgui, imgui_ctx
from panel_screen import Screen
from viewer_states import do, with_model

LONG = "a-model" + "-whose-name-is-long" * 8
OPENING = f"Opening {LONG}.pkl"


@pytest.fixture(params=[(1.0, (1280, 1100)), (2.0, (512, 350))], ids=["usual", "at 200 %"])
def sized(request: pytest.FixtureRequest) -> Iterator[Screen]:
    screen = Screen(*request.param)
    yield screen
    imgui.destroy_context(screen.context)


def test_a_job_with_a_long_name_tells_how_far_it_is_and_can_be_cancelled(
    sized: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars, explained, progress = [], set(), Ui.progress

    def measured(ui: Ui, fraction: float, text: str, *, width: float) -> None:
        with imgui_ctx.push_font(None, theme.SMALL_SIZE):
            bars.append((text, imgui.calc_text_size(text).x, width))
        progress(ui, fraction, text, width=width)

    monkeypatch.setattr(Ui, "progress", measured)
    monkeypatch.setattr(Ui, "tip", lambda self, text: explained.add(text))
    state = do(with_model(), act.OpenModel(f"/{LONG}.pkl"), act.ReportProgress("model", 0.45, 8.0))
    assert sized.click(state, "jobs.model.cancel") == [act.CancelJob("model")]
    text, extent, width = bars[-1]
    assert text.startswith("Opening a-m") and text.endswith("...  45 %, 8 s left")
    assert extent < width and f"{OPENING}  45 %, 8 s left" in explained
    cross, stage = sized.ui.rects["jobs.model.cancel"], arrange(*sized.size, sized.scale).stage
    assert cross.x + cross.width < stage.width


def test_long_names_are_whole_and_within_the_panel(
    sized: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, explained, text = {}, set(), Ui.text

    def measured(ui: Ui, words: str, *args: object, **options: object) -> None:
        text(ui, words, *args, **options)  # type: ignore[arg-type]
        ends[words] = imgui.get_item_rect_max().x

    monkeypatch.setattr(Ui, "text", measured)
    monkeypatch.setattr(Ui, "tip", lambda self, text: explained.add(text))
    state = with_model(name=LONG, path=f"/{LONG}.pkl")
    state = replace(state, following=Following(f"/runs/{LONG}", state.model.path))
    sized.show(do(state, act.OpenModel(f"/{LONG}.pkl")))
    edge = sized.ui.rects["commands"]
    for words in LONG, f"Following {LONG}", f"{OPENING} ...":
        assert ends[words] <= edge.x + edge.width
    assert ends[f"Following {LONG}"] < sized.ui.rects["run.stop"].x
    assert state.model.path in explained
