"""The reducer and the values that decide the picture."""

import math
from dataclasses import replace

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.state import Notice, ViewerState, apply
from viewer_states import HOME, do, model_info, with_model

import ballgan
from ballgan.view import MAX_PITCH, Backdrop, Code, Orbit, View, clamp_camera


@pytest.mark.parametrize("seed", [0, 7, 99, 100, 12345, 2**32 - 1])
def test_code_places_seeds_where_the_library_has_them(seed: int) -> None:
    code = Code().at_seed(seed)
    assert code.seed == seed
    assert not code.is_blend
    assert ballgan.Latent.at(code.x, code.y) == ballgan.Latent(seed)


def test_code_between_lattice_points_is_a_blend() -> None:
    code = Code(3.25, 1.0)
    assert code.is_blend
    assert code.seed == 103
    assert dict(ballgan.Latent.at(code.x, code.y).blend) == {103: 0.75, 104: 0.25}


def test_seeds_wrap_around() -> None:
    assert Code().at_seed(-1).seed == 2**32 - 1


def test_first_model_sets_the_camera_to_its_home() -> None:
    assert with_model().view.camera == HOME


def test_another_model_keeps_codes_and_angles() -> None:
    state = do(
        with_model(),
        lat.SetCode("foreground", Code(5.0)),
        act.MoveCamera(replace(HOME, yaw=0.4, radius=2.0)),
        act.ModelOpened(model_info(name="cats", home=replace(HOME, radius=1.5), camera_limit=2.0)),
    )
    assert state.view.foreground.seed == 5
    assert (state.view.camera.yaw, state.view.camera.radius) == (0.4, 1.5)


def test_another_model_with_the_same_camera_keeps_it() -> None:
    camera = replace(HOME, yaw=0.4, radius=2.0)
    state = do(with_model(), act.MoveCamera(camera), act.ModelOpened(model_info(name="cats")))
    assert state.view.camera == camera


def test_opened_models_are_remembered_but_not_the_bundled_one() -> None:
    assert with_model().preferences.recent_models == ("/models/heads.pkl",)
    assert with_model(bundled=True).preferences.recent_models == ()


def test_a_model_that_fails_leaves_the_view_and_gives_a_notice() -> None:
    before = with_model()
    after = do(before, act.OpenModel("/x.pkl"), act.ModelFailed("it is a web page", "/x.pkl"))
    assert after.view == before.view
    assert after.model == before.model
    assert after.loading is None
    assert [(n.level, n.text) for n in after.notices] == [("error", "It is a web page")]


@pytest.mark.parametrize("text", ["garbage.png is no image", "/x/a.pkl: bad", "bad\udcff.pkl"])
def test_names_of_files_keep_their_letters_in_notices(text: str) -> None:
    (notice,) = apply(ViewerState(), act.Notify("error", text)).notices
    assert notice.text == text


def test_results_of_a_file_that_was_replaced_come_too_late() -> None:
    first = act.ModelOpened(model_info(path="/a.pkl", name="a"))
    pending = do(with_model(), act.OpenModel("/a.pkl"), act.OpenModel("/b.pkl"))
    for late in first, act.ModelFailed("bad", "/a.pkl"), act.ModelOpened(model_info(bundled=True)):
        assert apply(pending, late) == pending
    second = apply(pending, act.ModelOpened(model_info(path="/b.pkl", name="b")))
    assert second.model is not None
    assert (second.model.name, second.loading) == ("b", None)
    pending = do(ViewerState(), act.OpenPhoto("/a.png"), act.OpenPhoto("/b.png"))
    for late in act.PhotoOpened("/a.png"), act.PhotoFailed("bad", "/a.png"):
        assert apply(pending, late) == pending
    assert apply(pending, act.PhotoFailed("bad", "/b.png")).opening is None


def test_another_model_drops_the_name_of_the_mesh_but_not_its_folder() -> None:
    for typed, kept in ("head.glb", ""), ("/out/head.glb", "/out/"), ("~/", "~/"), ("", ""):
        state = do(with_model(), act.SetExportPath(typed))
        assert apply(state, act.ModelOpened(model_info())).export.path == typed
        other = act.ModelOpened(model_info(path="/models/cats.pkl", name="cats"))
        assert apply(state, other).export.path == kept


def test_a_dropped_file_is_waited_for_until_it_is_recognised() -> None:
    state = do(ViewerState(), act.OpenFile("/a"), act.OpenFile("/b"))
    assert apply(state, act.FileRecognised("/a", "picture")).recognising == ("/b",)


def test_trying_again_forgets_the_error() -> None:
    state = do(with_model(), act.OpenModel("/x"), act.ModelFailed("bad", "/x"), act.OpenModel("/y"))
    assert state.notices == ()
    assert state.loading == "/y"


def test_background_toggle_keeps_its_values() -> None:
    backdrop = Backdrop("colour", colour=(1.0, 0.0, 0.0))
    state = do(ViewerState(), act.SetBackdrop(backdrop), act.ToggleBackground())
    assert not state.view.backdrop.visible
    assert apply(state, act.ToggleBackground()).view.backdrop == backdrop


def test_step_seed() -> None:
    state = do(ViewerState(), lat.StepSeed("foreground", 1), lat.StepSeed("background", 3))
    assert state.view.foreground.seed == 1
    assert state.view.backdrop.code.seed == 3


def test_a_picture_becomes_the_background() -> None:
    state = do(ViewerState(), act.OpenPhoto("/room.jpg"), act.PhotoOpened("/room.jpg"))
    assert (state.view.backdrop.kind, state.view.backdrop.photo) == ("photo", "/room.jpg")
    assert state.opening is None
    assert state.preferences.recent_pictures == ("/room.jpg",)


def test_export_goes_from_job_to_notice() -> None:
    state = do(with_model(), act.StartExport("mesh"), act.ReportProgress("export", 1.7, 3.0))
    job = state.job("export")
    assert job is not None
    assert (job.fraction, job.seconds_left) == (1.0, 3.0)
    assert apply(state, act.CancelJob("export")).jobs == (replace(job, cancelling=True),)
    done = apply(state, act.ExportFinished("/m.glb", "wrote it"))
    assert (done.jobs, done.exported) == ((), "/m.glb")
    assert [n.text for n in done.notices] == ["Wrote it"]


def test_progress_after_the_end_is_ignored() -> None:
    assert apply(ViewerState(), act.ReportProgress("export", 0.5)) == ViewerState()


def test_several_jobs_run_and_end_apart() -> None:
    state = do(with_model(), act.BeginJob("film", "Film"), act.StartExport("mesh"))
    state = apply(state, act.ReportProgress("film", 0.5))
    assert [(job.lane, job.fraction) for job in state.jobs] == [("film", 0.5), ("export", 0.0)]
    state = apply(state, act.EndJob("film", "info", "it was cancelled"))
    assert [job.lane for job in state.jobs] == ["export"]
    assert [notice.text for notice in state.notices] == ["It was cancelled"]
    assert apply(state, act.EndJob("export", "info", "")).notices == state.notices


def test_same_notice_shows_once_and_can_be_dismissed() -> None:
    state = do(ViewerState(), *(act.Notify("error", text) for text in ("A", "B", "A")))
    assert state.notices == (Notice(2, "error", "B"), Notice(3, "error", "A"))
    assert [n.text for n in apply(state, act.Dismiss(3)).notices] == ["B"]


def test_a_path_chosen_for_export_chooses_the_format() -> None:
    state = apply(ViewerState(), act.SetExportPath("/tmp/head.PLY"))
    assert (state.export.path, state.export.format) == ("/tmp/head.PLY", "ply")
    assert apply(ViewerState(), act.SetExportPath("/tmp/head")).export.format == "glb"


def test_unknown_layers_and_actions_are_refused() -> None:
    with pytest.raises(ValueError, match="layer should be one of full, .*; got 'x'"):
        apply(ViewerState(), act.SetLayer("x"))
    with pytest.raises(TypeError, match="not an action"):
        apply(ViewerState(), act.Action())


@pytest.mark.parametrize("yaw", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("pivot", [(0.0, 0.0, 0.0), (1.0, -0.5, 0.7), (50.0, 0.0, 0.0)])
def test_clamped_cameras_stay_inside_the_sphere(
    yaw: float, pivot: tuple[float, float, float]
) -> None:
    wild = Orbit(yaw=yaw, pitch=4.0, radius=100.0, pivot=pivot, fov=9.0)
    camera = clamp_camera(wild, HOME, 2.94)
    position = [p + camera.radius * d for p, d in zip(camera.pivot, camera.direction, strict=True)]
    assert math.hypot(*position) <= 2.94 + 1e-9
    assert camera.pitch == MAX_PITCH
    assert clamp_camera(camera, HOME, 2.94) == camera


def test_a_camera_inside_its_bounds_is_not_changed() -> None:
    assert clamp_camera(HOME, HOME, 2.94) == HOME


def test_directions_agree_with_the_library() -> None:
    orbit = Orbit(yaw=0.7, pitch=-0.4, radius=2.0, pivot=(0.1, 0.2, 0.3))
    pose = ballgan.Camera.orbit(0.7, -0.4, radius=2.0, pivot=orbit.pivot, fov=0.3).cam2world
    expected = [p + 2.0 * d for p, d in zip(orbit.pivot, orbit.direction, strict=True)]
    assert [row[3] for row in pose[:3]] == pytest.approx(expected)


def test_hidden_values_do_not_make_another_picture() -> None:
    red = Backdrop("colour", colour=(1.0, 0.0, 0.0))
    view = View(backdrop=replace(red, yaw=1.0, code=Code(9.0)))
    assert view.relevant() == View(backdrop=red).relevant()
    hidden = replace(view, backdrop=replace(red, visible=False))
    assert hidden.relevant() == View(backdrop=Backdrop(visible=False))
    assert replace(view, layer="normals").relevant() == View(
        layer="normals", backdrop=Backdrop(visible=False)
    )


def test_the_interface_is_set_within_limits() -> None:
    state = do(ViewerState(), act.SetZoom(100.0), act.SetTheme("light"))
    assert (state.preferences.zoom, state.preferences.theme) == (2.5, "light")
    assert apply(state, act.SetZoom(0.01)).preferences.zoom == 0.7
    with pytest.raises(ValueError, match="one of dark, light"):
        apply(state, act.SetTheme("blue"))


def test_a_model_says_with_which_seeds_an_untouched_window_begins() -> None:
    info = with_model().model
    assert info is not None
    info = replace(info, start_seeds=(5, 9))
    state = apply(ViewerState(), act.ModelOpened(info))
    assert (state.view.foreground.seed, state.view.backdrop.code.seed) == (5, 9)
    touched = do(ViewerState(), act.SetLayer("depth"), act.ModelOpened(info))
    assert touched.view.foreground.seed == 0
    assert not state.history.past


def test_notices_that_go_by_themselves_make_room_for_those_that_stay() -> None:
    state = do(ViewerState(), act.Notify("error", "A"))
    state = do(state, *(act.Notify("info", text) for text in "bcdefg"))
    assert [notice.text for notice in state.notices] == ["A", "e", "f", "g"]
    state = do(state, *(act.Notify("error", text) for text in "BCDE"), act.Notify("info", "h"))
    assert [notice.text for notice in state.notices] == ["B", "C", "D", "E", "h"]
    state = do(state, act.Notify("info", "i"), act.Notify("advice", "F"))
    assert [notice.text for notice in state.notices] == ["C", "D", "E", "i", "F"]
