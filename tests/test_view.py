from dataclasses import replace

import pytest
import torch

from ballgan.generator import Generator
from ballgan.latents import Direction, StyleMix
from ballgan.plain import from_plain, to_plain
from ballgan.scene import Scene
from ballgan.staging import set_scene, to_latent
from ballgan.view import (
    Backdrop,
    Code,
    CodeControl,
    CodePair,
    Comparison,
    LatentControls,
    Orbit,
    View,
    advance,
    clamp_view,
    interpolate,
    slide,
)

SMILE = Direction("pca", 2)
PLAIN = Code(x=3.0, y=1.0)
EDITED = Code(x=0.5, truncation_psi=0.4, mix=StyleMix(5, (1, 2)), moves=((SMILE, 2.0),))


def ws_of(model: Generator, code: Code) -> torch.Tensor:
    scene = Scene(model)
    scene.latent = to_latent(code)
    return scene.ws()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (PLAIN, EDITED),
        (PLAIN, replace(PLAIN, x=7.5)),
        (EDITED, replace(EDITED, x=7.0, mix=StyleMix(8, (0,)))),
        (replace(EDITED, truncation_cutoff=2), replace(EDITED, x=4.0, truncation_cutoff=2)),
    ],
)
def test_interpolated_codes_are_between_in_ws(tiny_model: Generator, a: Code, b: Code) -> None:
    expected = torch.lerp(ws_of(tiny_model, a), ws_of(tiny_model, b), 0.3)
    assert torch.allclose(ws_of(tiny_model, interpolate(a, b, 0.3)), expected, atol=1e-5)


def test_what_both_ends_share_can_still_be_changed() -> None:
    between = interpolate(PLAIN, PLAIN.at_seed(12), 0.25)
    assert between.truncation_psi == 0.7
    assert between.seed == PLAIN.seed
    assert interpolate(PLAIN, EDITED, 0.25).truncation_psi == 1.0


def test_what_is_pinned_is_kept_where_it_can_be_rendered_as_well() -> None:
    far, home = Orbit(yaw=0.5, radius=30.0), Orbit(radius=1.0)
    pinned = View(backdrop=Backdrop(camera=far))
    view = View(camera=far, comparison=Comparison(on=True, kind="pinned", pinned=pinned))
    clamped = clamp_view(view, home, 1.5)
    left, right = clamped.sides()
    for camera in left.camera, right.camera, right.backdrop.camera:
        assert camera == replace(far, radius=pytest.approx(1.5))
    assert clamp_view(clamped, home, 1.5) == clamped


def test_the_ends_of_a_blend_are_what_it_was_made_of() -> None:
    for a, b in ((PLAIN, EDITED), (EDITED, replace(EDITED, x=9.0))):
        between = interpolate(a, b, 0.3)
        assert [between.end(i) for i in range(2)] == [a, b]
    between = interpolate(EDITED, replace(EDITED, x=9.0), 0.3).moved(SMILE, -1.0)
    assert between.end(1) == replace(EDITED, x=9.0).moved(SMILE, -1.0)


def test_a_blend_slides_and_a_new_place_ends_it() -> None:
    between = slide(interpolate(PLAIN, PLAIN.at_seed(12), 0.25), 0.75)
    assert [weight for _, weight in between.blend] == [0.25, 0.75]
    assert between.seed == 12
    assert slide(between, 7.0).blend[1][1] == 1.0
    assert between.at_seed(4) == replace(PLAIN, x=4.0, y=0.0)
    assert interpolate(PLAIN, EDITED, 0.75).at(1.0, 2.0) == replace(EDITED, x=1.0, y=2.0)
    nested = interpolate(interpolate(PLAIN, EDITED, 0.25), EDITED, 0.25)
    assert nested.at(1.0, 2.0) == replace(PLAIN, x=1.0, y=2.0)


def test_animations_pass_seeds_and_go_to_and_fro_in_blends() -> None:
    assert advance(PLAIN, 0.5) == replace(PLAIN, x=3.5)
    a, b = PLAIN, PLAIN.at_seed(12)
    back = advance(interpolate(a, b, 0.9), 0.25)
    assert [(part.seed, pytest.approx(weight)) for part, weight in back.blend] == [
        (b.seed, 0.85),
        (a.seed, 0.15),
    ]


def test_moves_are_set_by_direction_and_vanish_at_zero() -> None:
    moved = PLAIN.moved(SMILE, 1.5).moved(Direction("sefa"), -1.0).moved(SMILE, 0.5)
    assert moved.amount(SMILE) == 0.5
    assert moved.moved(SMILE, 0.0).moves == ((Direction("sefa"), -1.0),)
    assert PLAIN.amount(SMILE) == 0.0


def test_locks_and_the_other_side_do_not_show(tiny_model: Generator) -> None:
    controls = LatentControls(CodeControl(locked=True), side="B", other=CodePair(EDITED))
    assert View(latents=controls).relevant() == View().relevant()


def test_codes_reach_the_scene(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    set_scene(scene, View().with_codes(CodePair(EDITED, replace(EDITED, moves=()))))
    assert scene.latent.mix == StyleMix(5, (1, 2))
    assert scene.latent.moves == ((SMILE, 2.0),)
    background = scene.background
    assert background == to_latent(replace(EDITED, moves=()), type(background))  # type: ignore[arg-type]


def test_views_survive_plain_containers() -> None:
    code = interpolate(PLAIN, EDITED, 0.3)
    view = View(latents=LatentControls(other=CodePair(EDITED, code))).with_codes(
        CodePair(code, EDITED)
    )
    assert from_plain(View, to_plain(view), "view") == view
