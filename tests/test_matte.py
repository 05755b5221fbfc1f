import torch

from ballgan.matte import extend_colors, solve_matte, unpremultiply


def test_opaque_pixels_keep_their_features() -> None:
    features = torch.rand(1, 4, 9, 13, generator=torch.Generator().manual_seed(0))
    assert torch.equal(extend_colors(features, torch.ones(1, 1, 9, 13)), features)


def test_colours_continue_beyond_the_outline() -> None:
    """A red disc with a soft edge is red everywhere: no black and no background in it."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    opacity = (8 - ((x - 12) ** 2 + (y - 16) ** 2).sqrt()).clamp(0, 1)[None, None]
    red = torch.tensor([1.0, 0.1, 0.2]).view(1, 3, 1, 1)
    extended = extend_colors(red * opacity, opacity)
    assert torch.allclose(extended, red.expand_as(extended), atol=1e-3)


def test_nothing_stays_nothing() -> None:
    empty = torch.zeros(1, 3, 8, 8)
    assert torch.equal(extend_colors(empty, empty[:, :1]), empty)


def test_unpremultiply() -> None:
    opacity = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    colors = torch.tensor([0.0, 0.4, 0.8]).view(1, 1, 1, 3)
    assert torch.allclose(unpremultiply(colors, opacity).flatten(), torch.tensor([0.0, 0.8, 0.8]))


def test_a_matte_is_solved_from_two_backgrounds() -> None:
    """Half transparent green before backgrounds that vary: alpha and colour come back."""
    random = torch.Generator().manual_seed(1)
    alpha = torch.rand(1, 1, 6, 8, generator=random)
    color = torch.tensor([0.1, 0.8, 0.3]).view(1, 3, 1, 1)
    backgrounds = (0.1 * torch.rand(1, 3, 6, 8, generator=random), torch.full((1, 3, 6, 8), 0.9))
    first, second = (alpha * color + (1 - alpha) * b for b in backgrounds)
    solved, straight = solve_matte((first, second), backgrounds, alpha)
    assert torch.allclose(solved, alpha, atol=1e-5)
    solid = (alpha > 0.5).expand_as(straight)
    assert torch.allclose(straight[solid], color.expand_as(straight)[solid], atol=1e-4)


def test_where_backgrounds_are_the_same_the_expected_opacity_counts() -> None:
    same = torch.full((1, 3, 1, 2), 0.4)
    expected = torch.tensor([0.25, 1.0]).view(1, 1, 1, 2)
    alpha, _ = solve_matte((same, same), (same, same), expected)
    assert torch.allclose(alpha, expected)
