"""What the viewer knows, without its program."""

from dataclasses import replace
from typing import Any

from ballgan_viewer import actions as act
from ballgan_viewer.state import ModelInfo, ViewerState, apply

from ballgan.view import Orbit

HOME = Orbit(radius=2.7, pivot=(0.0, 0.0, 0.2), fov=0.3)


def model_info(**changes: object) -> ModelInfo:
    """A model that nobody has to make."""
    info = ModelInfo(
        path="/models/heads.pkl",
        name="heads",
        kind="BallGAN",
        image_resolution=64,
        neural_resolution=16,
        has_background=True,
        has_super_resolution=True,
        home=HOME,
        camera_limit=2.94,
        box=1.0,
    )
    return replace(info, **changes)


def with_model(**changes: object) -> ViewerState:
    """A model is open, and all sections of the panel are."""
    state = apply(ViewerState(), act.FoldSections(()))
    return apply(state, act.ModelOpened(model_info(**changes)))


def do(state: ViewerState, *actions: act.Action) -> ViewerState:
    """What follows from some actions."""
    for action in actions:
        state = apply(state, action)
    return state


def named(name: str, **changes: Any) -> ModelInfo:
    """A model of that name."""
    return model_info(path=f"/{name}.pkl", name=name, sha256=name, **changes)


def with_models(*names: str) -> ViewerState:
    """Models have been opened, the last one shows."""
    return do(ViewerState(), *(act.ModelOpened(named(name)) for name in names))


def names(state: ViewerState) -> list[str]:
    """Of the open models."""
    return [model.name for model in state.models]
