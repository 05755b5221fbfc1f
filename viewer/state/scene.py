"""What is seen: codes, background, camera, layer."""

from dataclasses import replace

from ballgan.view import LAYERS, Orbit

from .. import actions as act
from .latents import with_code
from .reduce import glide_to, reduce, with_backdrop, with_camera, with_still_camera, with_view
from .values import ViewerState


@reduce.register
def _(action: act.SetBackdrop, state: ViewerState) -> ViewerState:
    code = with_code(state.view, "background", action.backdrop.code).backdrop.code
    state = with_view(state, backdrop=replace(action.backdrop, code=code))
    return with_still_camera(state, action.backdrop.camera)


@reduce.register
def _(action: act.ToggleBackground, state: ViewerState) -> ViewerState:
    return with_backdrop(state, visible=not state.view.backdrop.visible)


@reduce.register
def _(action: act.MoveCamera, state: ViewerState) -> ViewerState:
    return with_camera(state, action.camera)


@reduce.register
def _(action: act.ResetCamera, state: ViewerState) -> ViewerState:
    return glide_to(state, state.model.home if state.model else Orbit())


@reduce.register
def _(action: act.SetLayer, state: ViewerState) -> ViewerState:
    if action.layer not in LAYERS:
        raise ValueError(f"layer should be one of {', '.join(LAYERS)}; got {action.layer!r}.")
    return with_view(state, layer=action.layer)


@reduce.register
def _(action: act.TogglePreview, state: ViewerState) -> ViewerState:
    on = not state.preview
    return replace(state, preview=on, preferences=replace(state.preferences, preview=on))


@reduce.register
def _(action: act.SetNeuralResolution, state: ViewerState) -> ViewerState:
    return with_view(state, neural_resolution=action.side)
