import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ballgan.backgrounds import (
    Gradient,
    Panorama,
    SolidColor,
    expose,
    is_equirectangular,
    sample_gradient,
    sample_panorama,
)
from ballgan.config import SphereConfig
from ballgan.geometry import equirectangular_directions
from ballgan.mlp import ModulatedLinear, encode_positions
from ballgan.panoramas import bundled_panoramas
from ballgan.surfaces import SphereBackground


def make_sphere(conditioning: str, encoding: str) -> SphereBackground:
    torch.manual_seed(0)
    modulated = conditioning == "modulated"
    config = SphereConfig(
        conditioning=conditioning,
        encoding=encoding,
        z_dim=8,
        w_dim=8 if modulated else 0,
        mapping_layers=2 if modulated else 0,
        hidden_size=16,
        num_layers=3,
        num_frequencies=4,
    )
    return SphereBackground(config, 5)


@pytest.mark.parametrize("conditioning", ["modulated", "concatenated"])
@pytest.mark.parametrize("encoding", ["angles", "direction"])
def test_every_form_gives_features_in_range(conditioning: str, encoding: str) -> None:
    sphere = make_sphere(conditioning, encoding)
    points = torch.randn(2, 7, 3)
    ws = torch.randn(2, sphere.num_ws, 8)
    features = sphere(points, ws)
    assert features.shape == (2, 7, 5)
    assert (features > -0.0011).all() and (features < 1.0011).all()
    # Only the direction counts, and each sample of a batch has its own code.
    assert torch.allclose(sphere(2 * points, ws), features, atol=1e-5)
    assert torch.allclose(sphere(points[1:], ws[1:])[0], features[1], atol=1e-5)
    assert not torch.allclose(sphere(points, ws.flip(0)), features)


def test_encoding_by_hand() -> None:
    encoded = encode_positions(torch.tensor([0.25, 0.5]), 2)
    pi = math.pi
    expected = [math.sin(pi / 4), 1, math.cos(pi / 4), 0, 1, math.sin(pi), 0, math.cos(pi)]
    assert encoded.tolist() == pytest.approx(expected, abs=1e-6)


def test_direction_encoding_has_no_seam_and_angle_encoding_has_one() -> None:
    behind = torch.tensor([[[1e-4, 0.3, 1.0], [-1e-4, 0.3, 1.0]]])  # both sides of phi = 0
    for encoding, seamless in (("direction", True), ("angles", False)):
        encoded = make_sphere("modulated", encoding).encode(behind)[0]
        assert torch.allclose(encoded[0], encoded[1], atol=1e-2) == seamless


def test_equirectangular_picture_holds_the_features_of_its_pixels() -> None:
    sphere = make_sphere("modulated", "direction")
    ws = torch.randn(1, sphere.num_ws, 8)
    with torch.inference_mode():
        picture = sphere.equirectangular(ws, 6)
        directions = equirectangular_directions(6, 12, torch.device("cpu"))
        expected = sphere(directions[2, 3].view(1, 1, 3), ws)[0, 0]
    assert picture.shape == (5, 6, 12)
    assert torch.allclose(picture[:, 2, 3], expected, atol=1e-5)


def test_demodulated_layer_is_invariant_to_the_style_scale() -> None:
    layer = ModulatedLinear(6, 4, w_dim=3)
    x = torch.randn(1, 9, 6)
    layer.affine.weight.data.zero_()
    once = layer(x, torch.zeros(1, 3))
    layer.affine.bias.data.mul_(5)
    assert torch.allclose(layer(x, torch.zeros(1, 3)), once, atol=1e-4)


@pytest.mark.parametrize("conditioning", ["modulated", "concatenated"])
def test_sphere_has_the_right_gradients(conditioning: str) -> None:
    sphere = make_sphere(conditioning, "direction").double()
    ws = torch.randn(1, sphere.num_ws, 8, dtype=torch.float64, requires_grad=True)
    points = torch.randn(1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sphere, (points, ws))


def test_solid_color_is_checked() -> None:
    assert SolidColor((0, 0.5, 1)).color == (0.0, 0.5, 1.0)
    with pytest.raises(ValueError, match=r"three floats in \[0, 1\]"):
        SolidColor((0, 128, 255))


def test_exposure_multiplies_linear_light() -> None:
    # sRGB 0.5 is linear 0.2140; doubled 0.4281 is sRGB 0.6858
    assert expose(torch.tensor([0.5]), 1.0).item() == pytest.approx(0.6858, abs=1e-3)
    assert expose(torch.tensor([0.9]), 5.0).item() == pytest.approx(1.0, abs=1e-5)


def test_equirectangular_panorama_turns_to_the_right() -> None:
    image = torch.zeros(3, 32, 64)
    image[0, :, 31:33] = 1  # a red stripe straight ahead
    ahead = torch.tensor([[0.0, 0.0, -1.0]])
    right = torch.tensor([[math.sin(0.5), 0.0, -math.cos(0.5)]])
    still, turned = Panorama("room.jpg"), Panorama("room.jpg", yaw=0.5)
    assert sample_panorama(still, image, ahead, 1.0)[0, 0] > 0.9
    assert sample_panorama(turned, image, ahead, 1.0)[0, 0] < 0.1
    assert sample_panorama(turned, image, right, 1.0)[0, 0] > 0.8


def test_ordinary_photo_fills_the_front_view_upright_and_is_mirrored_outwards() -> None:
    image = torch.zeros(3, 40, 40)
    image[0, :20] = 1  # red above
    image[1, :, 20:] = 1  # green to the right
    panorama = Panorama("photo.png")
    span = 0.5

    def color(right: float, up: float) -> list[float]:
        direction = torch.tensor([[math.sin(right), math.tan(up), -math.cos(right)]])
        return sample_panorama(panorama, image, direction, span)[0].tolist()

    assert color(-0.1, 0.1) == pytest.approx([1, 0, 0], abs=1e-3)
    assert color(0.1, 0.1) == pytest.approx([1, 1, 0], abs=1e-3)
    assert color(0.1, -0.1) == pytest.approx([0, 1, 0], abs=1e-3)
    assert color(0.45, 0.1) == pytest.approx([1, 1, 0], abs=1e-3)  # mirrored beyond its edge
    # No seam behind: the picture is mirrored a whole number of times.
    behind = [torch.tensor([[s * 1e-5, 0.0, 1.0]]) for s in (1, -1)]
    left, right = (sample_panorama(panorama, image, d, span) for d in behind)
    assert torch.allclose(left, right, atol=0.05)


def test_panorama_is_read_from_its_file(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8, 3), dtype=np.uint8)
    pixels[0, 0] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "room.png")
    image = Panorama(str(tmp_path / "room.png")).load()
    assert image.shape == (3, 4, 8)
    assert image[:, 0, 0].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="nowhere.png"):
        Panorama(str(tmp_path / "nowhere.png")).load()


def test_gradient_passes_from_bottom_to_top_within_its_span() -> None:
    gradient = Gradient((1, 0.5, 0), (0, 0.5, 1), span=0.4)

    def color(up: float) -> list[float]:
        directions = torch.tensor([[0.0, math.tan(up), -1.0]])
        return sample_gradient(gradient, directions, 1.0)[0].tolist()

    assert color(0.0) == pytest.approx([0.5, 0.5, 0.5], abs=1e-5)
    assert color(0.2) == color(1.2) == pytest.approx([1, 0.5, 0], abs=1e-5)
    assert color(-0.2) == color(-1.2) == pytest.approx([0, 0.5, 1], abs=1e-5)
    # Three quarters down is 0.15625 = 0.25^2 (3 - 0.5) of the top.
    assert color(-0.1) == pytest.approx([0.15625, 0.5, 0.84375], abs=1e-4)
    with pytest.raises(ValueError, match="bottom should be three floats"):
        Gradient(bottom=(0, 0, 2))
    with pytest.raises(ValueError, match="span should be between 0 and pi"):
        Gradient(span=0.0)


def test_bundled_panoramas_cover_the_sphere() -> None:
    panoramas = bundled_panoramas()
    assert len(panoramas) >= 6
    for path in panoramas.values():
        image = Panorama(path).load()
        assert is_equirectangular(Panorama(path), image)
        assert image.std() > 0.05
        seam = (image[:, :, 0] - image[:, :, -1]).abs().mean()
        beside = (image[:, :, 1] - image[:, :, 0]).abs().mean()
        assert seam < 3 * beside + 0.02
