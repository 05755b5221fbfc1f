"""The program: a loop that turns events and results into actions, and the state into a picture.

The thread that runs this owns the window and GL. Everything that takes time happens in lanes
(worker.py) whose results arrive through a queue, so the window answers at once, always.
"""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import actions as act
from . import capture, panels, preferences, tasks
from .controls import Grip, Reach, handle
from .dialogs import Dialogs
from .gl import finish, read_framebuffer
from .gui import Gui
from .info import Quality, SurfaceInfo, ViewInfo
from .layout import Layout, arrange
from .picture import Stage
from .state import ViewerState, apply
from .tempo import Tempo
from .ui import Rect
from .window import Window
from .worker import Failed, Lane, Progress, Stopped

REST = 0.12  # seconds without a change after which the picture is finished
NOTICE_SECONDS = 8.0  # that an information stays; errors stay until they are dismissed
SURFACE_PICTURE = 1024  # pixels, side of a saved picture of the surface


@dataclass(frozen=True)
class AppOptions:
    """How to start."""

    model: str | None = None  # path; None: the model that is part of the installation
    remember: bool = True  # write the settings file


class App:
    """The viewer on a window."""

    def __init__(self, window: Window, options: AppOptions | None = None) -> None:
        options = options or AppOptions()
        remembered, complaint = preferences.load()
        self.window = window
        self.state = ViewerState(preferences=remembered)
        self.gui = Gui(window)
        self.tempo = Tempo()
        self._stage = Stage()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lanes = {
            name: Lane(name, work, self._post)
            for name, work in (
                ("model", tasks.open_model),
                ("picture", tasks.open_picture),
                ("render", tasks.Renderer()),
                ("surface", tasks.SurfaceFinder()),
                ("export", tasks.export_mesh),
            )
        }
        self._dialogs = Dialogs()
        self._grip = Grip()
        self._model: tasks.Model | None = None
        self._shown: tasks.Rendered | None = None
        self._settled: tasks.RenderRequest | None = None
        self._asked: tasks.RenderRequest | None = None
        self._surface: tasks.Surface | None = None
        self._surface_asked: tasks.SurfaceRequest | None = None
        self._surface_failed: tasks.SurfaceRequest | None = None
        self._wants_picture = False
        self._remember = options.remember
        self._expiry: dict[int, float] = {}
        if complaint:
            self.dispatch(act.Notify("error", complaint))
        self.dispatch(act.OpenModel(options.model or "", bundled=options.model is None))

    # What scripts and tests ask

    @property
    def loading(self) -> bool:
        """Whether a file is being opened."""
        return self.state.loading is not None or self.state.opening is not None

    @property
    def exporting(self) -> bool:
        """Whether a mesh is being written."""
        return self.state.job is not None

    @property
    def converged(self) -> bool:
        """Whether what is shown is finished and belongs to the present state."""
        if self.loading:
            return False
        if self._model is None:
            return True
        if self.state.view.layer == "surface":
            wanted = self._surface_request()
            done = self._surface is not None and self._surface.final
            return self._surface_failed == wanted or (
                done and self._surface is not None and self._surface.request == wanted
            )
        return self._settled is not None and self._settled == self._request("full")

    @property
    def picture(self) -> tasks.Rendered | None:
        """What the renderer gave last."""
        return self._shown

    # The loop

    def run(self) -> None:
        """Until the window is closed."""
        while not self.window.should_close():
            self.frame()
            self.window.wait(self.patience())

    def frame(self) -> None:
        """One turn: events, results, interface, requests, picture."""
        with self.tempo.frame():
            events = self.window.take_events()
            received = self._receive_all()
            layout = self._arrange()
            ui = self.gui.begin()
            reach = Reach(layout.stage, layout.picture, self.gui.wants_pointer, self.gui.wants_keys)
            for event in events:
                self._grip, actions = handle(event, self._grip, self.state, reach)
                self.dispatch(*actions)
            before = self.state
            self.dispatch(*panels.draw(ui, self.state, self._info(layout)))
            self.gui.finish()
            self._housekeep()
            self._submit()
            self._draw(layout)
            if self.window.offscreen:  # no screen sets the pace: let no frames pile up
                finish()
            self.window.present()
        if events or received or self.state != before:
            self.tempo.expect_more()

    def patience(self) -> float | None:
        """Seconds that may pass before the next frame without an event; None: any."""
        if self.tempo.expects_more:
            return 0.0
        waits = [self.tempo.until_rest(REST)]
        if self._dialogs.open or self._busy():
            waits.append(0.1)
        if self.gui.wants_keys:
            waits.append(0.4)
        if self._expiry:
            waits.append(max(min(self._expiry.values()) - time.monotonic(), 0.02))
        times = [seconds for seconds in waits if seconds is not None]
        return min(times) if times else None

    def dispatch(self, *actions: act.Action) -> None:
        """Apply actions to the state, and do what they ask for outside of it."""
        for action in actions:
            before = self.state
            self.state = apply(self.state, action)
            if self.state.view != before.view and self._model is not None:
                self.tempo.moved()
            if self.state.preferences != before.preferences and self._remember:
                self._save_preferences()
            perform = _EFFECTS.get(type(action))
            if perform is not None:
                perform(self, action)

    def grab(self) -> Any:
        """The window's pixels, (H, W, 3) uint8, of a frame that is drawn now."""
        layout = self._arrange()
        self._draw(layout)
        return read_framebuffer(*self.window.framebuffer_size)

    def close(self) -> None:
        """Stop the lanes, remember the window, give everything back."""
        for lane in self._lanes.values():
            lane.close()
        if self._remember and not self.window.minimised:
            size = self.window.logical_size
            self.dispatch(act.RememberWindow(size))
        self._stage.close()
        self.gui.close()

    # Results

    def _post(self, result: Any) -> None:
        self._results.put(result)
        self.window.wake()

    def _receive_all(self) -> int:
        """Deal with all results that have arrived; how many."""
        count = 0
        while True:
            try:
                result = self._results.get_nowait()
            except queue.Empty:
                return count
            count += 1
            self._receive(result)

    def _receive(self, result: Any) -> None:
        if isinstance(result, act.Action):
            self.dispatch(result)
        elif isinstance(result, tasks.Rendered):
            if result.request.model == self._model:
                self._shown = result
                self._stage.upload_picture(result.pixels)
        elif isinstance(result, tasks.Settled):
            self._settled = result.request
        elif isinstance(result, tasks.Surface):
            if result.request.model == self._model:
                self._surface = result
                self._stage.upload_surface(result)
        elif isinstance(result, Progress) and result.lane == "export":
            self.dispatch(act.ReportProgress(result.fraction))
        elif isinstance(result, Stopped) and result.lane == "export":
            self.dispatch(act.ExportStopped("info", "The export was cancelled."))
        elif isinstance(result, Failed):
            self._receive_failure(result)

    def _receive_failure(self, failure: Failed) -> None:
        if failure.lane == "model":
            self.dispatch(act.ModelFailed(failure.message))
        elif failure.lane == "picture":
            self.dispatch(act.PictureFailed(failure.message))
        elif failure.lane == "export":
            self.dispatch(act.ExportStopped("error", f"The export failed: {failure.message}"))
        else:
            if failure.lane == "render":
                self._settled = failure.request
            else:
                self._surface_failed = failure.request
            self.dispatch(act.Notify("error", failure.message))

    # Requests

    def _request(self, limit: str) -> tasks.RenderRequest | None:
        if self._model is None or self.state.view.layer == "surface":
            return None
        return tasks.RenderRequest(self._model, self.state.view.relevant(), limit)

    def _surface_request(self) -> tasks.SurfaceRequest | None:
        if self._model is None:
            return None
        options = self.state.export
        level = None if options.automatic_level else options.level
        return tasks.SurfaceRequest(self._model, self.state.view.foreground, level)

    def _submit(self) -> None:
        """Ask for what the state wants and has not been asked for."""
        if self.state.view.layer == "surface":
            wanted = self._surface_request()
            if wanted is not None and wanted != self._surface_asked:
                self._surface_asked = wanted
                self._lanes["surface"].submit(wanted)
            return
        request = self._request(self._limit())
        if request is None or (self._asked is not None and self._asked.covers(request)):
            return
        self._asked, self._settled = request, None
        self._lanes["render"].submit(request)

    def _limit(self) -> str:
        """How far the picture may get better: while things move, only the first is of use."""
        if self.tempo.until_rest(REST) is not None:
            return "preview"
        return "raw" if self._grip.mode or self.gui.holding else "full"

    # Drawing

    def _arrange(self) -> Layout:
        return arrange(*self.window.size, self.window.interface_scale)

    def _draw(self, layout: Layout) -> None:
        framebuffer = self.window.framebuffer_size
        if min(framebuffer) < 1:
            return
        ratio = self.window.pixel_ratio
        area = layout.picture
        rectangle = Rect(*(round(v * ratio) for v in (area.x, area.y, area.width, area.height)))
        self._stage.clear(*framebuffer)
        if self.state.view.layer == "surface":
            if self._stage.has_surface:
                self._stage.draw_surface(rectangle, framebuffer, self.state.view.camera)
        elif self._stage.has_picture:
            scale = ratio * self.window.interface_scale
            self._stage.draw_picture(rectangle, framebuffer, scale)
        self.gui.render()

    def _info(self, layout: Layout) -> ViewInfo:
        return ViewInfo(
            layout=layout,
            quality=self._quality(),
            surface=self._surface_info(),
            rendering=self.loading or not self.converged,
            frame_ms=self.tempo.frame_ms,
            frames_per_second=self.tempo.frames_per_second,
            export_path=str(capture.mesh_path(self.state)),
            clock=time.monotonic(),
        )

    def _busy(self) -> bool:
        return self.loading or self.exporting or not self.converged

    def _quality(self) -> Quality | None:
        shown = self._shown
        if shown is None:
            return None
        return Quality(
            stage=shown.stage,
            size=shown.rgba.shape[0],
            neural_resolution=shown.neural_resolution,
            milliseconds=shown.milliseconds,
            settled=self.converged,
        )

    def _surface_info(self) -> SurfaceInfo | None:
        surface = self._surface
        if surface is None:
            return None
        return SurfaceInfo(len(surface.faces), surface.level, surface.density_range, self.converged)

    # Effects of actions

    def _housekeep(self) -> None:
        """Answers of dialogs, notices that have been read, pictures to save."""
        path = self._dialogs.poll()
        if path is not None:
            self._use_chosen_file(path)
        now = time.monotonic()
        notices = {n.number for n in self.state.notices if n.level != "error"}
        self._expiry = {n: self._expiry.get(n, now + NOTICE_SECONDS) for n in notices}
        self.dispatch(*(act.Dismiss(n) for n, end in self._expiry.items() if end <= now))
        if self._wants_picture and self.converged:
            self._wants_picture = False
            self._save_picture()

    def _use_chosen_file(self, path: str) -> None:
        if self._dialogs.purpose == "model":
            self.dispatch(act.OpenModel(path))
        elif self._dialogs.purpose == "picture":
            self.dispatch(act.OpenPicture(path))
        else:
            self.dispatch(act.SetExportPath(path))

    def _save_picture(self) -> None:
        if self.state.view.layer == "surface" and self._stage.has_surface:
            rgba = self._stage.photograph_surface(self.state.view.camera, SURFACE_PICTURE)
        elif self._shown is not None:
            rgba = self._shown.rgba
        else:
            return
        path = capture.picture_path(self.state)
        try:
            capture.save_picture(path, rgba, capture.describe_view(self.state))
        except OSError as error:
            self.dispatch(act.Notify("error", f"The picture could not be saved: {error}"))
        else:
            self.dispatch(act.Notify("info", f"Saved {path}"))

    def _save_preferences(self) -> None:
        complaint = preferences.save(self.state.preferences)
        if complaint:
            self.state = apply(self.state, act.Notify("error", complaint))

    def _use_model(self, action: act.ModelOpened) -> None:
        self._model = action.handle
        self._asked = self._surface_asked = None
        self.tempo.rest()
        self.window.set_title(f"{action.model.name} \u2013 BallGAN")

    def _browse(self, action: act.Browse) -> None:
        default = str(capture.mesh_path(self.state)) if action.purpose == "export" else ""
        self.dispatch(*self._dialogs.ask(action.purpose, default))

    def _want_picture(self, action: act.SaveScreenshot) -> None:
        self._wants_picture = self._model is not None

    def _export(self, action: act.StartExport) -> None:
        assert self._model is not None
        request = tasks.ExportRequest(
            self._model, self.state.view.foreground, self.state.export, action.path
        )
        self._lanes["export"].submit(request)


_EFFECTS: dict[type[act.Action], Callable[[App, Any], None]] = {
    act.OpenModel: lambda app, action: app._lanes["model"].submit(action),
    act.OpenPicture: lambda app, action: app._lanes["picture"].submit(action),
    act.ModelOpened: App._use_model,
    act.Browse: App._browse,
    act.SaveScreenshot: App._want_picture,
    act.StartExport: App._export,
    act.CancelExport: lambda app, action: app._lanes["export"].cancel(),
}


def save_window(app: App, path: str | Path) -> None:
    """Write what the window shows. Raises OSError if that does not work."""
    capture.save_window(Path(path), app.grab())
