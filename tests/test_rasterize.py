"""Triangles to pixels, against numbers by hand."""

import pytest
import torch

from ballgan.rasterize import rasterize

FACE = torch.tensor([[0, 1, 2]])
HALF = torch.tensor([[0.0, 0.0, 2.0], [4.0, 0.0, 2.0], [0.0, 4.0, 2.0]]).double()


def test_a_triangle_covers_the_pixels_whose_centres_it_holds() -> None:
    hits = rasterize(HALF, FACE, 4, slice(0, 4))
    # Centres (x + 0.5, y + 0.5) with x + y + 1 <= 4: four, three, two, and one on the diagonal.
    assert hits.pixels.tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 12]
    assert hits.weights[0].tolist() == pytest.approx([0.75, 0.125, 0.125])
    assert hits.edges_px[0].item() == pytest.approx(0.5)
    assert hits.edges_px[5].item() == pytest.approx((4 - 3) / 2**0.5)  # (1.5, 1.5) to x + y = 4


def test_bands_are_rows_of_the_picture() -> None:
    whole = rasterize(HALF, FACE, 4, slice(0, 4))
    band = rasterize(HALF, FACE, 4, slice(1, 3))
    middle = (whole.pixels >= 4) & (whole.pixels < 12)
    assert (band.pixels + 4).tolist() == whole.pixels[middle].tolist()
    assert torch.equal(band.weights, whole.weights[middle])


def test_the_nearest_triangle_is_seen_from_both_sides() -> None:
    corners = torch.cat([HALF, HALF[[0, 2, 1]] * torch.tensor([1, 1, 0.5])])
    corners[3:, 2] = torch.tensor([1.0, 3.0, 1.0])  # tilted: near at the left, far below
    hits = rasterize(corners, torch.tensor([[0, 1, 2], [3, 4, 5]]), 4, slice(0, 4))
    seen = dict(zip(hits.pixels.tolist(), hits.faces.tolist(), strict=True))
    assert (seen[0], seen[3], seen[12]) == (1, 1, 0)


def test_weights_are_those_of_the_place_in_space() -> None:
    """Half way in the picture between depths 1 and 3 is a quarter of the way in space."""
    corners = torch.tensor([[0.0, -9.0, 1.0], [0.0, 9.0, 1.0], [5.0, 0.5, 3.0]]).double()
    hits = rasterize(corners, FACE, 5, slice(0, 1))
    assert hits.weights[2, 2].item() == pytest.approx(0.25)  # at x = 2.5


def test_what_is_behind_the_camera_or_has_no_area_is_left_out() -> None:
    behind = HALF.clone()
    behind[0, 2] = -1.0
    assert len(rasterize(behind, FACE, 4, slice(0, 4)).pixels) == 0
    line = HALF.clone()
    line[2] = torch.tensor([2.0, 0.0, 2.0])
    assert len(rasterize(line, FACE, 4, slice(0, 4)).pixels) == 0
    beside = HALF + torch.tensor([9.0, 0.0, 0.0])
    assert len(rasterize(beside, FACE, 4, slice(0, 4)).pixels) == 0


def test_it_can_be_stopped() -> None:
    with pytest.raises(KeyboardInterrupt):
        rasterize(HALF, FACE, 4, slice(0, 4), step=_stop)


def _stop() -> None:
    raise KeyboardInterrupt
