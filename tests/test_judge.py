"""The judge: it learns, tells how well it does, and is kept in files that cannot do harm."""

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch
from ballgan_train import judge as judge_module
from ballgan_train.judge import Judge, JudgeInfo, cache_path, load_judge, save_judge
from ballgan_train.judge_training import (
    augment,
    empty_first,
    judge_loss,
    train_judge,
    view_directions,
)
from ballgan_train.labels import mirror_labels
from ballgan_train.toyworld import ToyWorld
from ballgan_train.toyworld.world import RADIUS, orbit_labels

INFO = JudgeInfo("heads", 16, 0.56)


@pytest.fixture(scope="module")
def trained() -> Judge:
    """A judge that has seen 560 pictures of 16 pixels."""
    return train_judge(INFO, held_out=32)


def test_shapes_and_ranges() -> None:
    for size in (16, 64):
        judge = Judge(JudgeInfo("cars", size)).eval()
        opinion = judge.look(torch.zeros(2, 3, 2 * size, 2 * size))
        assert opinion.mask.shape == opinion.depth.shape == (2, 1, size, size)
        assert 0 < opinion.mask.min() and opinion.mask.max() < 1
        assert torch.allclose(opinion.direction.norm(dim=1), torch.ones(2))
        assert opinion.features.shape == (2, len(judge.feature_mean))
        assert opinion.background_depth is None
        assert sum(p.numel() for p in judge.parameters()) < 1e6


def test_training_beats_a_guess_and_is_measured(trained: Judge) -> None:
    accuracy = trained.info.accuracy
    assert accuracy.count == 32 and not trained.training
    assert accuracy.mask_iou > 0.6  # the mean mask has about 0.45 at this training
    assert accuracy.depth_error < 1.5
    assert 0 < accuracy.depth_distance < 0.1 * RADIUS
    assert 0 < accuracy.pose_deg < 35
    world = ToyWorld("heads", 16, seed=123)
    features = trained.look(world.render(range(32)).image).features
    assert features.std(0).median() == pytest.approx(1, abs=0.35)


def test_judges_of_rooms_see_the_background(tmp_path: Path) -> None:
    info = JudgeInfo("rooms", 16, 0.32)
    assert info.sees_background and not INFO.sees_background
    judge = train_judge(info, held_out=32)
    accuracy = judge.info.accuracy
    assert accuracy.background_depth_error is not None
    assert accuracy.background_depth_error < 1  # which is that of one depth for all
    assert 0 < accuracy.background_distance < 1.5  # type: ignore[operator]
    batch = ToyWorld("rooms", 16, seed=123).render(range(16))
    depth = judge.look(batch.image).background_depth
    assert depth is not None and depth.shape == batch.mask.shape
    assert 0 < depth.min() and depth.max() <= 50
    save_judge(judge, tmp_path / "judge.pt")
    assert load_judge(tmp_path / "judge.pt").info == judge.info


def test_training_is_reproducible() -> None:
    progress: list[float] = []
    info = dataclasses.replace(INFO, kimg=0.032)
    first, second = (
        train_judge(info, held_out=4, progress=progress.append).state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert progress == pytest.approx([0.5, 1, 0.5, 1])


def test_loss_of_the_truth_is_small() -> None:
    batch = ToyWorld("rooms", 16, seed=5).render(range(4))

    class Perfect(torch.nn.Module):
        info = JudgeInfo("rooms", 16)

        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
            mask = torch.logit(batch.mask.clamp(1e-4, 1 - 1e-4))
            depth = (batch.depth.nan_to_num(posinf=0) - RADIUS) / judge_module.DEPTH_SCALE
            inverse = 1 / batch.background_depth - judge_module.BACKGROUND_INVERSE
            depth = torch.cat([depth, inverse / judge_module.BACKGROUND_SCALE + wrong], dim=1)
            return mask, depth, view_directions(batch.label), pictures

    wrong = torch.zeros(4, 1, 16, 16)

    entropy = torch.nn.functional.binary_cross_entropy(batch.mask, batch.mask)
    assert judge_loss(Perfect(), batch).item() == pytest.approx(entropy.item(), abs=1e-3)  # type: ignore[arg-type]
    wrong[batch.mask > 0.5] = 9  # behind the object nobody can tell
    assert judge_loss(Perfect(), batch).item() == pytest.approx(entropy.item(), abs=1e-3)  # type: ignore[arg-type]
    wrong[:] = 2
    assert judge_loss(Perfect(), batch).item() == pytest.approx(entropy.item() + 0.5, abs=1e-3)  # type: ignore[arg-type]
    assert judge_loss(Judge(JudgeInfo("heads", 16)), batch).item() > entropy.item() + 1


def test_augmented_pictures_keep_their_truth() -> None:
    batch = ToyWorld("rooms", 16, seed=5).render(range(12))
    changed = augment(batch, torch.Generator().manual_seed(0))
    mirrored = (changed.label != batch.label).any(1)
    assert 0 < mirrored.sum() < 12
    assert torch.equal(changed.label[mirrored], mirror_labels(batch.label)[mirrored])
    assert torch.equal(changed.mask[mirrored], batch.mask[mirrored].flip(3))
    for name in ("depth", "background_depth"):
        before, after = getattr(batch, name), getattr(changed, name)
        assert torch.equal(after[~mirrored], before[~mirrored])
        assert torch.equal(after[mirrored], before[mirrored].flip(3))
    assert changed.image.abs().max() <= 1
    straight = torch.where(mirrored[:, None, None, None], changed.image.flip(3), changed.image)
    assert (straight - batch.image).abs().mean() < 0.2


def test_pictures_without_object_have_an_empty_truth() -> None:
    batch = ToyWorld("rooms", 16, seed=5).render(range(3))
    for seed in range(4):
        changed = empty_first(batch, torch.Generator().manual_seed(seed))
        assert changed.mask[0].max() == 0 and changed.depth[0].isinf().all()
        assert changed.background_depth[0].isinf().all()
        assert torch.equal(changed.background_depth[1:], batch.background_depth[1:])
        assert changed.image[0].abs().max() <= 1
        assert not torch.equal(changed.image[0], batch.image[0])
        assert torch.equal(changed.image[1:], batch.image[1:])
    alone = dataclasses.replace(
        changed, **{name: value[:1] for name, value in vars(changed).items()}
    )
    judge = Judge(JudgeInfo("rooms", 16))
    mask = judge(alone.image)[0]
    nothing = torch.nn.functional.softplus(mask).mean()  # cross-entropy of "no object"
    assert judge_loss(judge, alone).item() == pytest.approx(nothing.item(), rel=1e-5)


def test_directions_are_those_of_the_orbit() -> None:
    yaw, pitch = torch.tensor([0.5]), torch.tensor([0.2])
    direction = view_directions(orbit_labels(yaw, pitch, 2.7, 3.0))[0]
    expected = [pitch.cos() * yaw.sin(), pitch.sin(), pitch.cos() * yaw.cos()]
    assert direction.tolist() == pytest.approx([float(value) for value in expected], abs=1e-6)


# Files


def test_file_gives_the_judge_back(trained: Judge, tmp_path: Path) -> None:
    path = tmp_path / "made" / "judge.pt"
    save_judge(trained, path)
    back = load_judge(path)
    assert back.info == trained.info and not back.training
    pictures = torch.rand(2, 3, 16, 16)
    assert torch.equal(back.look(pictures).features, trained.look(pictures).features)


def test_cache_is_keyed_by_what_matters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BALLGAN_CACHE_DIR", str(tmp_path))
    path = cache_path("cars", 64)
    assert path.is_relative_to(tmp_path) and path.name.startswith("cars-64-v")
    assert path != cache_path("heads", 64) and path != cache_path("cars", 32)
    monkeypatch.setitem(judge_module.VERSIONS, "cars", 999)
    assert path != cache_path("cars", 64)
    monkeypatch.delenv("BALLGAN_CACHE_DIR")
    assert "ballgan" in str(cache_path("cars", 64))


def test_unusable_files_are_refused(
    trained: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "judge.pt"
    with pytest.raises(ValueError, match="judge.pt does not exist"):
        load_judge(path)
    save_judge(trained, path)
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    for change in ({"format": "other"}, {"info": {}}, {"state_dict": {}}):
        torch.save(content | change, path)
        with pytest.raises(ValueError, match=r"judge.pt cannot be used as a judge"):
            load_judge(path)
    for damaged in (b"", b"nothing", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"judge.pt is damaged, or no judge"):
            load_judge(path)
    path.write_bytes(whole)
    monkeypatch.setitem(judge_module.VERSIONS, "heads", 999)
    with pytest.raises(ValueError, match="another version"):
        load_judge(path)


def test_file_cannot_run_code(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    path = tmp_path / "judge.pt"
    torch.save({"format": "ballgan judge", "info": Harm()}, path)
    with pytest.raises(ValueError, match="judge.pt"):
        load_judge(path)
    path.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ValueError, match="judge.pt"):
        load_judge(path)
    assert not (tmp_path / "ran").exists()


def test_unknown_domain_or_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"heads or cars or rooms at 16, 32, .* got 'cats' at 64"):
        JudgeInfo("cats", 64)
    with pytest.raises(ValueError, match="at 48 pixels|got 'heads' at 48"):
        JudgeInfo("heads", 48)
