import dataclasses

import numpy as np
import pytest
import torch
from conftest import TINY, make_model

from ballgan import Camera, Direction, LatentSpace, LearntBackground, RenderSettings, Scene
from ballgan.config import SphereConfig
from ballgan.generator import Generator
from ballgan.latents import Latent, StyleMix

ROWS = TINY.backbone.num_ws  # 6
CODE = 16


def w_of(model: Generator, seed: int) -> torch.Tensor:
    """w (1, 16) of a seed, by hand."""
    return model.mapping(model.z(seed), front(model))


def front(model: Generator) -> torch.Tensor:
    return Camera.orbit().resolve(model.config.camera).label(model.device)


@pytest.fixture
def tiny_model() -> Generator:
    """A model of our own, whose average is not zero."""
    model = make_model(TINY)
    model.mapping.w_avg.copy_(torch.linspace(-1, 1, CODE))
    return model


@pytest.fixture
def space(tiny_model: Generator) -> LatentSpace:
    return LatentSpace.of_foreground(tiny_model, front(tiny_model))


def test_mixing_takes_the_rows_of_the_second_seed(
    space: LatentSpace, tiny_model: Generator
) -> None:
    mix = StyleMix(9, rows=(4, 1, 63))
    ws = space.ws(Latent(3, truncation_psi=1, mix=mix))
    expected = w_of(tiny_model, 3).repeat(ROWS, 1)
    expected[[1, 4]] = w_of(tiny_model, 9)
    assert torch.allclose(ws[0], expected, atol=1e-6)


def test_truncation_comes_after_mixing_and_stops_at_the_cutoff(
    space: LatentSpace, tiny_model: Generator
) -> None:
    average = tiny_model.mapping.w_avg
    ws = space.ws(Latent(3, 0.25, truncation_cutoff=2, mix=StyleMix(9, (1, 5))))
    assert torch.allclose(ws[0, 0], 0.75 * average + 0.25 * w_of(tiny_model, 3)[0], atol=1e-5)
    assert torch.allclose(ws[0, 1], 0.75 * average + 0.25 * w_of(tiny_model, 9)[0], atol=1e-5)
    assert torch.allclose(ws[0, 2], w_of(tiny_model, 3)[0], atol=1e-5)
    assert torch.allclose(ws[0, 5], w_of(tiny_model, 9)[0], atol=1e-5)


def test_plain_latents_are_what_the_generator_maps(
    space: LatentSpace, tiny_model: Generator
) -> None:
    expected = tiny_model.map(tiny_model.z(3), front(tiny_model), truncation_psi=0.6)
    assert torch.equal(space.ws(Latent(3, 0.6)), expected)


def test_a_mean_of_latents_is_the_mean_of_their_rows(space: LatentSpace) -> None:
    a = Latent(1, 0.5, mix=StyleMix(4, (0,)))
    b = Latent.at(0.3, 0.6, truncation_psi=0.9)
    between = space.ws(Latent.mean((a, 0.25), (b, 0.75)))
    assert torch.allclose(between, 0.25 * space.ws(a) + 0.75 * space.ws(b), atol=1e-5)
    assert torch.equal(space.ws(Latent.mean((a, 1.0), (b, 0.0))), space.ws(a))


def test_sefa_directions_are_eigenvectors_of_the_style_weights(
    space: LatentSpace, tiny_model: Generator
) -> None:
    backbone = tiny_model.backbone
    layers = [backbone.conv, *(x for b in backbone.blocks for x in (b.conv0, b.conv1))]
    outputs = [backbone.to_rgb, *(b.to_rgb for b in backbone.blocks)]
    assert tiny_model.super_resolution is not None
    for block in tiny_model.super_resolution.blocks:
        layers += [block.conv0, block.conv1]
        outputs.append(block.to_rgb)
    stack = [layer.affine.weight / 4 for layer in layers]  # 4: the root of w's 16 dimensions
    stack += [layer.affine.weight / 4 / layer.weight.shape[1] ** 0.5 for layer in outputs]
    matrix = torch.cat(stack).double().numpy()
    values, vectors = np.linalg.eig(matrix.T @ matrix)
    for index, place in enumerate(np.argsort(-values)[:4]):
        found = space.direction(Direction("sefa", index)).double().numpy()
        cosine = vectors[:, place] @ found / np.linalg.norm(found)
        assert abs(cosine) == pytest.approx(1, abs=1e-4)


def test_rows_choose_the_layers_that_are_factorised(
    space: LatentSpace, tiny_model: Generator
) -> None:
    matrix = tiny_model.backbone.conv.affine.weight  # the only layer that reads row 0
    first = torch.linalg.svd(matrix)[2][0]
    found = space.direction(Direction("sefa", 0, rows=(0,)))
    assert abs(torch.nn.functional.cosine_similarity(first, found, dim=0)) > 0.9999


def test_an_amount_of_one_is_a_standard_deviation(space: LatentSpace) -> None:
    for method in "sefa", "pca":
        vector = space.direction(Direction(method, 2))
        unit = vector / vector.norm()
        spread = (space.sample(4000, seed=5) @ unit).std()
        assert float(vector.norm()) == pytest.approx(float(spread), rel=0.1)


def test_moves_add_the_direction_to_its_rows_only(space: LatentSpace) -> None:
    direction = Direction("pca", 1, rows=(2, 3, 60))
    before, after = space.ws(Latent(3)), space.ws(Latent(3, moves=((direction, -1.5),)))
    expected = before.clone()
    expected[0, 2:4] -= 1.5 * space.direction(direction)
    assert torch.allclose(after, expected, atol=1e-6)


def test_components_are_the_same_in_another_space_of_the_same_model(tiny_model: Generator) -> None:
    torch.manual_seed(1)
    first = LatentSpace.of_foreground(tiny_model, front(tiny_model)).direction(Direction("pca"))
    torch.manual_seed(2)
    again = LatentSpace.of_foreground(tiny_model, front(tiny_model)).direction(Direction("pca"))
    assert torch.equal(first, again)


def test_a_direction_beyond_w_is_refused(space: LatentSpace) -> None:
    with pytest.raises(ValueError, match="index 16 .* W has 16 dimensions"):
        space.direction(Direction("pca", CODE))


def test_a_concatenated_code_is_factorised_where_it_enters() -> None:
    sphere = SphereConfig(
        conditioning="concatenated", z_dim=8, w_dim=0, mapping_layers=0, hidden_size=16
    )
    model = make_model(dataclasses.replace(TINY, background=sphere))
    assert model.background is not None
    space = LatentSpace.of_background(model)
    code = space.ws(LearntBackground(3, truncation_psi=0.1))
    assert torch.equal(code[0], model.z_background(3))  # cannot be truncated
    vector = space.direction(Direction("sefa"))
    entrance = model.background.network.layers[0].weight[:, -8:]
    first = torch.linalg.svd(entrance)[2][0]
    assert abs(torch.nn.functional.cosine_similarity(first, vector, dim=0)) > 0.9999


def test_a_model_without_background_has_no_background_codes(
    tiny_model_without_background: Generator,
) -> None:
    with pytest.raises(ValueError, match="no background codes"):
        LatentSpace.of_background(tiny_model_without_background)


def test_moving_the_foreground_changes_the_picture_and_leaves_the_background(
    tiny_model: Generator,
) -> None:
    scene, camera = Scene(tiny_model), Camera.orbit(0.3)
    scene.background = LearntBackground(2)

    def render(layer: str) -> np.ndarray:
        return scene.render(camera, RenderSettings(layer=layer)).rgb

    before = {layer: render(layer) for layer in ("raw", "background")}
    ws_background = scene.ws_background(scene.background)
    scene.latent = Latent(moves=((Direction("sefa"), 3.0),))
    moved = render("raw")
    assert np.abs(moved - before["raw"]).max() > 0.01
    assert torch.equal(scene.ws_background(LearntBackground(2)), ws_background)
    sphere = LatentSpace.of_background(tiny_model)
    assert torch.equal(sphere.ws(LearntBackground(2)), ws_background)
    scene.background = LearntBackground(2, moves=((Direction("sefa"), 3.0),))
    assert not torch.equal(scene.ws_background(scene.background), ws_background)
    assert np.abs(render("raw") - moved).max() > 0.001
    assert torch.equal(
        scene.ws(), LatentSpace.of_foreground(tiny_model, front(tiny_model)).ws(scene.latent)
    )
