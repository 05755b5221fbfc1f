import numpy as np
import pytest

from ballgan.backgrounds import LearntBackground
from ballgan.latents import Direction, Latent, StyleMix, lattice_seed, z_from_seed


def test_seeds_are_numpys() -> None:
    expected = np.random.RandomState(3).randn(1, 8).astype(np.float32)
    assert np.array_equal(z_from_seed(3, 8).numpy(), expected)


def test_lattice_points_are_plain_seeds() -> None:
    assert Latent.at(3, 2) == Latent(203)
    assert Latent.at(-1, 0).seed == 2**32 - 1
    assert lattice_seed(0, -1) == 2**32 - 100


def test_between_lattice_points_codes_are_blended_bilinearly() -> None:
    latent = Latent.at(0.25, 0.5, truncation_psi=0.6)
    assert dict(latent.blend) == pytest.approx({0: 0.375, 1: 0.125, 100: 0.375, 101: 0.125})
    assert latent.truncation_psi == 0.6
    assert dict(Latent.at(0.25, 0).blend) == pytest.approx({0: 0.75, 1: 0.25})


def test_blend_replaces_the_seed() -> None:
    assert Latent(5).parts == ((5, 1.0),)
    assert Latent(5, blend=((1, 0.5), (2, 0.5))).parts == ((1, 0.5), (2, 0.5))


def test_a_background_is_another_kind_of_value() -> None:
    assert LearntBackground(3) != Latent(3)
    assert LearntBackground(3) == LearntBackground(3)
    assert isinstance(LearntBackground.at(0.5, 0.5), LearntBackground)


def test_blends_may_be_lists_and_stay_hashable() -> None:
    latent = Latent(blend=[[1, 0.5], (2, 0.5)])
    assert hash(latent) == hash(Latent(blend=((1, 0.5), (2, 0.5))))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, 3.0])
def test_bad_seeds_are_refused(seed: float) -> None:
    with pytest.raises(ValueError, match="seed"):
        Latent(seed)


def test_bad_truncation_is_refused() -> None:
    with pytest.raises(ValueError, match="truncation_psi"):
        Latent(truncation_psi=float("inf"))
    with pytest.raises(ValueError, match="truncation_cutoff"):
        Latent(truncation_cutoff=-1)


def test_rows_are_sorted_and_unique() -> None:
    assert StyleMix(1, rows=[3, 1, 3]).rows == (1, 3)  # type: ignore[arg-type]
    assert hash(Latent(mix=StyleMix(1, (0,)), moves=((Direction(rows=(2,)), 1.0),)))


def test_a_mean_keeps_its_parts_and_the_nearest_seed() -> None:
    mean = LearntBackground.mean((Latent(3), 0.2), (Latent(8), 0.8), (Latent(9), 0.0))
    assert isinstance(mean, LearntBackground)
    assert mean.seed == 8
    assert mean.parts == ((Latent(3), 0.2), (Latent(8), 0.8))
    assert mean.truncation_psi == 1


def test_bad_mixes_directions_and_means_are_refused() -> None:
    with pytest.raises(ValueError, match="Rows of ws"):
        StyleMix(0, rows=(64,))
    with pytest.raises(ValueError, match="seed"):
        StyleMix(-1, rows=(0,))
    with pytest.raises(ValueError, match="method should be one of sefa, pca"):
        Direction("ica")
    with pytest.raises(ValueError, match="index"):
        Direction("pca", -1)
    with pytest.raises(ValueError, match="finite amount"):
        Latent(moves=((Direction(), float("nan")),))
    with pytest.raises(ValueError, match="weight is not 0"):
        Latent.mean((Latent(), 0.0))
