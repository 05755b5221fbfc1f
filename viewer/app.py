"""The program: a loop that turns events and results into actions, and the state into a picture.

The thread that runs this owns the window and GL. Everything that takes time happens in lanes
(worker.py) whose results arrive through a queue, so the window answers at once, always.
"""

import logging
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import actions as act
from . import cameras, capture, capture_tasks, panels, preferences, tasks
from .actions import camera as cam
from .actions import latents as lat
from .beginning import begin
from .chores import housekeep, may_end
from .controls import Grip, Reach, ends_stroke, handle
from .dialogs import Dialogs
from .easel import STAGE_LANES, Easel
from .effects import EFFECTS
from .events import Event
from .gallery import THUMBNAILS, Gallery
from .gl import Framebuffer, finish
from .gui import Gui
from .info import Probe, ViewInfo
from .keeper import Keeper
from .layout import Layout, Rect, arrange
from .picture import Stage
from .preview import Preview
from .results import receive
from .settings import Settings
from .shelf import Shelf
from .state import ViewerState, apply
from .surroundings import Surroundings
from .tempo import Tempo
from .thumbnail_maker import ThumbnailMaker
from .thumbnails import Thumbnails
from .typefaces import FONTS, Typefaces, find_font
from .window import Window
from .worker import Lane, Progress, close_all, describe_mistake

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds without a change after which the next one is another step of the history
REST = 0.12  # seconds without a change after which the picture is finished


@dataclass(frozen=True)
class AppOptions:
    """How to start."""

    paths: tuple[str, ...] = ()  # to open; none: the model that is part of the installation
    remember: bool = True  # write the settings file
    preview: bool = True  # False: no GL preview, whatever was remembered
    loaded: preferences.Loaded | None = None  # what was remembered; None: it is read


class App:
    """The viewer on a window."""

    def __init__(self, window: Window, options: AppOptions | None = None) -> None:
        options = options or AppOptions()
        remembered, complaint = options.loaded or preferences.load()
        self.window: Window = window
        with_preview = options.preview and remembered.preview
        self.state: ViewerState = ViewerState(preferences=remembered, preview=with_preview)
        self._stage = Stage()
        self.preview: Preview = Preview()
        self.gui: Gui = Gui(window)
        self.tempo: Tempo = Tempo()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.lanes: dict[str, Lane] = {
            name: Lane(name, work, self._post)
            for name, work in (
                ("picture", tasks.open_photo),
                ("render", tasks.Renderer(self._stage.way)),
                ("surface", tasks.SurfaceFinder()),
                ("reveal", tasks.reveal_file),
            )
        }
        self.lanes |= {
            name: Lane(name, work, self._post, urgent=self._is_awaited)
            for name, work in (
                ("export", tasks.export_mesh),
                ("capture", capture_tasks.capture),
                ("film", capture_tasks.capture),
            )
        }
        self.lanes["recognise"] = Lane("recognise", tasks.recognise_file, self._post, in_turn=True)
        self.lanes["save"] = Lane("save", tasks.save_picture, self._post, in_turn=True)
        self.lanes["camera"] = Lane("camera", cameras.write, self._post, in_turn=True)
        self.surroundings: Surroundings = Surroundings(self._post, self._is_awaited)
        self.lanes |= self.surroundings.lanes
        self.shelf: Shelf = Shelf(self._post)
        self.settings: Settings = Settings(self._post, remembered, remember=options.remember)
        self.lanes[THUMBNAILS] = Lane(
            THUMBNAILS, ThumbnailMaker(), self._post, urgent=self._is_computing
        )
        self._thumbnails = Thumbnails()
        self.gallery: Gallery = Gallery(self._thumbnails, self.lanes[THUMBNAILS])
        self.lanes[FONTS] = Lane(FONTS, find_font, self._post, in_turn=True)
        self.typefaces: Typefaces = Typefaces(self.lanes[FONTS], self.gui.add_font)
        self.dialogs: Dialogs = Dialogs()
        self._grip = Grip()
        self.easel: Easel = Easel(
            self._stage, self.preview, self.lanes["render"], self.lanes["surface"]
        )
        self._held = False  # whether anything was dragged in the last frame
        self._recorded_at = 0.0  # when something was last done that can be undone
        self._survives = False  # errors of our own; see `_guard`
        self._complaints: set[str] = set()
        self.expiry: dict[int, float] = {}  # of notices, by their numbers: when they go
        self.keeper: Keeper = Keeper(self._post, autosave=options.remember)
        begin(self, options.paths, [complaint or "", self.keeper.complaint])

    # What scripts and tests ask

    @property
    def loading(self) -> bool:
        """Whether a file is being opened."""
        state = self.state
        paths = (state.loading, state.opening, state.restoring)
        run = state.following
        waits = state.recognising or state.waiting or (run is not None and not run.looked)
        return bool(waits) or any(path is not None for path in paths)

    @property
    def exporting(self) -> bool:
        """Whether a mesh is being written."""
        return self.state.job("export") is not None

    @property
    def capturing(self) -> bool:
        """Whether a picture or a film is being rendered into a file."""
        return any(self.state.job(lane) is not None for lane in ("capture", "film"))

    @property
    def saving(self) -> bool:
        """Whether a picture, a camera or a session is being written, or will be."""
        writing = any(self.lanes[name].busy for name in ("save", "camera", "sphere"))
        return writing or self.keeper.busy or self.state.job("capture") is not None

    @property
    def picturing(self) -> bool:
        """Whether small pictures of the panel are missing: thumbnails, the unrolled background."""
        return self.gallery.pending or self.surroundings.pending

    @property
    def converged(self) -> bool:
        """Whether what is shown is finished and belongs to the present state."""
        still = self.state.glide is None
        return still and not self.loading and self.easel.converged(self.state)

    # The loop

    def run(self) -> None:
        """Until the window is closed. Errors of our own become notices: the window stays."""
        self._survives = True
        while not (self.window.should_close() and may_end(self)):
            with self._guard():
                self.frame()
            self.window.wait(self.patience())

    def frame(self) -> None:
        """One turn: events, results, interface, requests, picture."""
        with self.tempo.frame():
            events = self.window.take_events()
            received = self._receive_all()
            with self._guard():
                self.preview.upload()
            if self._moves():
                seconds = self.tempo.since_last_frame
                self.dispatch(lat.Advance(seconds), cam.Advance(seconds), act.AdvanceFilm(seconds))
            self.window.zoom = self.state.preferences.zoom
            self.gui.theme = self.state.preferences.theme
            layout = self._arrange()
            with self.gui.frame() as ui:
                self._handle(events, layout)
                before, info = self.state, self._info(layout)
                for part in panels.PARTS:
                    with self._guard():
                        self.dispatch(*part(ui, before, info))
            with self._guard():
                self._end_stroke_at_release()
                housekeep(self)
                self.easel.submit(self.state.seen, self._limit())
                self.surroundings.submit(self.easel.model, self.state, self.gui.ui.rects)
                self.gallery.submit(self.state, self.gui.ui.rects)
                self.typefaces.submit(self.gui.ui.letters)
            self._draw(layout)
            if self.window.offscreen:  # no screen sets the pace: let no frames pile up
                finish()
            self.window.present()
        if events or received or self.state != before:
            self.tempo.expect_more()

    def _moves(self) -> bool:
        """Whether the next frame shows something else by itself."""
        return self.state.glide is not None or self.state.plays

    def _handle(self, events: list[Event], layout: Layout) -> None:
        reach = Reach(layout.stage, layout.picture, self.gui.wants_pointer, self.gui.wants_keys)
        for event in events:
            with self._guard():
                if ends_stroke(event, reach):
                    self.dispatch(act.EndStroke())
                self._grip, actions = handle(event, self._grip, self.state, reach)
                self.dispatch(*actions)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """In `run`, turn an error into a notice, once for each message."""
        try:
            yield
        except Exception as error:
            if not self._survives:
                raise
            text = describe_mistake(error)
            if text not in self._complaints:
                self._complaints.add(text)
                log.debug("a frame failed", exc_info=error)
                self.dispatch(act.Notify("error", text))

    def patience(self) -> float | None:
        """Seconds that may pass before the next frame without an event; None: any."""
        if self.preview.pending or self._moves():
            return 0.0
        waits = [
            self.tempo.until_settled,
            self.tempo.until_rest(REST),
            self.keeper.until_due(self.state),
            self.settings.until_due(self.state),
        ]
        if self.dialogs.open or self._busy():
            waits.append(0.1)
        if self.gui.wants_keys:
            waits.append(0.4)
        if self.tempo.frames_per_second:  # shown, and not true for long
            waits.append(0.5)
        if self.expiry:
            waits.append(max(min(self.expiry.values()) - time.monotonic(), 0.02))
        times = [seconds for seconds in waits if seconds is not None]
        return min(times) if times else None

    def dispatch(self, *actions: act.Action) -> None:
        """Apply actions to the state, and do what they ask for outside of it."""
        for action in actions:
            self._end_old_stroke()
            before = self.state
            self.state = apply(self.state, action)
            if self.state.history is not before.history:
                self._recorded_at = time.monotonic()
            if self.easel.model is not None and _shows_another(self.state, before):
                self.tempo.moved()
            if self.state.notebooks != before.notebooks:
                self.settings.save_notes(before, self.state, action)
            perform = EFFECTS.get(type(action))
            if perform is not None:
                perform(self, action)

    @property
    def _holding(self) -> bool:
        """Whether the picture or a widget is being dragged."""
        return bool(self._grip.mode) or self.gui.holding

    def _end_stroke_at_release(self) -> None:
        held, self._held = self._held, self._holding
        if held and not self._held:
            self.dispatch(act.EndStroke())

    def _end_old_stroke(self) -> None:
        """After a pause a new change is a step of its own, unless something is being dragged."""
        if self.state.history.open and time.monotonic() - self._recorded_at > PAUSE:
            if not self._holding:
                self.state = apply(self.state, act.EndStroke())

    def grab(self) -> Any:
        """The window's pixels, (H, W, 3) uint8, of a frame that is drawn now."""
        layout = self._arrange()
        # Not that of the window, which offscreen keeps the size that it began with.
        picture = Framebuffer(*self.window.framebuffer_size)
        try:
            return picture.render(lambda: self._draw(layout))[..., :3].copy()
        finally:
            picture.close()

    def close(self, *, unexpectedly: bool = False) -> None:
        """Stop the lanes, remember the window, give everything back.

        unexpectedly: what is shown shall be shown again at the next start.
        """
        if not self.window.minimised:
            self.dispatch(act.RememberWindow(self.window.logical_size, self.window.maximised))
        self.window.hide()
        self.settings.save(self.state, early=True)
        if unexpectedly:
            self.keeper.autosave(self.state, early=True)
        else:
            self.keeper.leave(self.state)
        lanes = (*self.lanes.values(), *self.shelf.lanes, self.settings.lane, self.keeper.lane)
        close_all((*lanes, self.surroundings.watcher))
        self.keeper.close(keep=unexpectedly)
        self._stage.close()
        self._thumbnails.close()
        self.preview.close()
        self.surroundings.close()
        self.gui.close()

    # Results

    def _post(self, result: Any) -> None:
        self._results.put(result)
        self.window.wake()

    def _receive_all(self) -> int:
        """Deal with all results that have arrived; how many, but for mere progress."""
        count = 0
        while True:
            try:
                result = self._results.get_nowait()
            except queue.Empty:
                return count
            count += not isinstance(result, Progress)  # it shows at the pace of `patience`
            receive(self, result)

    # Drawing

    def _limit(self) -> str:
        """How far the picture may get better: while things move, only the first is of use."""
        if self.tempo.until_rest(REST) is not None:
            return "preview"
        return "raw" if self._holding else "full"

    def _arrange(self) -> Layout:
        return arrange(
            *self.window.size, self.window.interface_scale, timeline=self.state.playhead.shown
        )

    def _draw(self, layout: Layout) -> None:
        framebuffer = self.window.framebuffer_size
        if min(framebuffer) < 1:
            return
        ratio = self.window.pixel_ratio
        area = layout.picture
        rectangle = Rect(*(round(v * ratio) for v in (area.x, area.y, area.width, area.height)))
        moving = self.tempo.until_rest(REST) is not None
        scale = ratio * self.window.interface_scale
        self.easel.draw(self.state.seen, rectangle, framebuffer, scale, moving=moving)
        self.gui.render()

    def _inspect(self, layout: Layout) -> Probe | None:
        """The pixel under the pointer, if that is asked for."""
        x, y = self.window.pointer
        picture = layout.picture
        covered = self.gui.wants_pointer or bool(self.state.overlay)
        if not self.state.inspects or covered or not picture.contains(x, y):
            return None
        return self.easel.inspect(self.state.seen, picture.place(x, y))

    def _info(self, layout: Layout) -> ViewInfo:
        return ViewInfo(
            layout=layout,
            quality=self.easel.describe_picture(self.state.seen),
            surface=self.easel.describe_surface(self.state),
            separation=self.easel.separation,
            picture=self.surroundings.picture,
            unrolled=self.surroundings.remark,
            surface_failed=self.easel.surface_failed(self.state),
            lags=self.easel.lags(self.state.seen),
            probe=self._inspect(layout),
            rendering=not self.converged,
            progress=self.easel.progress(self.state.seen),
            frame_ms=self.tempo.frame_ms,
            frames_per_second=self.tempo.frames_per_second,
            clock=time.monotonic(),
            thumbnail=self.gallery.find,
        )

    def _is_computing(self) -> bool:
        """Whether the picture on the stage is being made. For any thread."""
        return any(self.lanes[name].busy for name in STAGE_LANES)

    def _is_awaited(self) -> bool:
        """Whether what the stage asked for last has no result yet. For any thread."""
        return any(self.lanes[name].owes for name in STAGE_LANES)

    def _busy(self) -> bool:
        return self.exporting or self.capturing or not self.converged


def _shows_another(state: ViewerState, before: ViewerState) -> bool:
    """Whether the picture is another one: what does not show may change without that."""
    if state.glide != before.glide:
        return True
    return state.view != before.view and state.view.pictures() != before.view.pictures()


def save_window(app: App, path: str | Path) -> None:
    """Write what the window shows. Raises OSError if that does not work."""
    capture.save_window(Path(path), app.grab())
