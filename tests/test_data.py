"""Datasets: what is read, mirrored copies, errors, and the stream of batches."""

import itertools
import json
import multiprocessing
import os
import pickle
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ballgan_train.data import Batches, Dataset, index_order, map_ahead
from ballgan_train.labels import mirror_labels
from small_datasets import encode, orbit_label, project, random_image, sound_files, write_files
from torch import Tensor


class Numbers:
    """An image set whose pictures hold their index; some may be broken."""

    def __init__(self, count: int, broken: tuple[int, ...] = (), delay: float = 0) -> None:
        self.count = count
        self.broken = set(broken)
        self.delay = delay

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> Tensor:
        time.sleep(self.delay * (index % 3))
        if index in self.broken:
            raise ValueError(f"image {index} is broken")
        return torch.full((3, 1, 1), index, dtype=torch.uint8)

    def label(self, index: int) -> Tensor:
        return torch.full((25,), float(index))


def take(batches: Batches, count: int) -> list[list[int]]:
    """Indices of the next batches; images and labels are checked to belong together."""
    found = []
    for images, labels in itertools.islice(batches, count):
        assert torch.equal(images[:, 0, 0, 0].float(), labels[:, 0])
        found.append([int(value) for value in labels[:, 0]])
    return found


@pytest.fixture(params=["set", "set.zip"])
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder and a zip file."""
    return write_files(tmp_path / request.param, sound_files())


# Reading


def test_images_and_labels(sound: Path) -> None:
    dataset = Dataset(sound)
    assert (len(dataset), dataset.resolution) == (6, 8)
    labels = sound_files()["dataset.json"]["labels"]
    for index in range(6):
        assert dataset.name(index) == f"00000/img{index:08d}.png"
        image = dataset.image(index)
        assert image.dtype == torch.uint8 and image.is_contiguous()
        assert np.array_equal(image.permute(1, 2, 0), random_image(8, index))
        assert dataset.label(index).dtype == torch.float32
        torch.testing.assert_close(dataset.label(index), torch.tensor(labels[index][1]))
    assert dataset.labels.shape == (6, 25)
    for outside in (-1, 6):
        with pytest.raises(IndexError):
            dataset.image(outside)


def test_images_are_in_order_of_names_whatever_the_lists_are(tmp_path: Path) -> None:
    files = dict(reversed(sound_files().items()))
    files["dataset.json"] = {"labels": files["dataset.json"]["labels"][::2] * 2}
    missing = write_files(tmp_path / "missing.zip", files)
    with pytest.raises(ValueError, match="no label for 3 of 6 images: 00000/img00000001.png, "):
        Dataset(missing)
    files["dataset.json"] = {"labels": sound_files()["dataset.json"]["labels"][::-1]}
    dataset = Dataset(write_files(tmp_path / "reversed.zip", files))
    assert torch.equal(dataset.labels, Dataset(write_files(tmp_path / "a", sound_files())).labels)


def test_jpeg_compressed_zip_and_hidden_files(tmp_path: Path) -> None:
    grey = np.full((16, 16, 3), 77, np.uint8)
    files = {"b.JPG": encode(grey, format="JPEG"), "__MACOSX/._b.jpg": b"", ".a.png": b"x"}
    files["dataset.json"] = json.dumps({"labels": [["b.JPG", orbit_label(0, 0)]]}).encode()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    dataset = Dataset(tmp_path / "a.zip")
    assert len(dataset) == 1 and dataset.image(0).unique().tolist() == [77]


# Mirrored copies


def test_mirrored_copies_agree_with_geometry(tmp_path: Path) -> None:
    """A point on the object is where its mirror image is seen by the mirrored camera."""
    size, point = 64, np.array([[0.17, -0.08, 0.21]])
    label = orbit_label(0.5, 0.2)
    label[18] += 0.11  # a principal point off the centre
    label[17] = 0.05  # and skew
    image = np.zeros((size, size, 3), np.uint8)
    column, row = np.floor(project(label, point)[0] * size).astype(int)
    image[row, column] = 255
    files = {"a.png": encode(image), "dataset.json": {"labels": [["a.png", label]]}}
    dataset = Dataset(write_files(tmp_path / "a", files), mirror=True)
    assert len(dataset) == 2 and dataset.name(1) == dataset.name(0) == "a.png"
    assert torch.equal(dataset.image(1), dataset.image(0).flip(2))
    mirrored = dataset.label(1)
    u, v = project(mirrored.numpy(), point * [-1, 1, 1])[0]
    assert dataset.image(1)[0, int(v * size), int(u * size)] == 255
    assert u == pytest.approx(1 - project(label, point)[0, 0], abs=1e-6)
    assert torch.equal(dataset.labels, torch.stack([dataset.label(0), mirrored]))


def test_mirroring_negates_what_published_datasets_negate() -> None:
    label = torch.tensor(orbit_label(0.5, 0.2))
    changed = {int(i) for i in (mirror_labels(label) != label).nonzero()}
    assert changed <= {1, 2, 3, 4, 8}  # (0,1) (0,2) (0,3) (1,0) (2,0)
    torch.testing.assert_close(mirror_labels(label), torch.tensor(orbit_label(-0.5, 0.2)))
    torch.testing.assert_close(mirror_labels(mirror_labels(label)), label)
    assert np.array_equal(mirror_labels(label.numpy()), mirror_labels(label).numpy())


# Errors


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (3, "it is a class number"),
        ([1.0] * 24, "it has 24 numbers, not 25"),
        ([1.0] * 24 + ["x"], "not a list of numbers"),
        ([1.0] * 24 + [True], "not a list of numbers"),
        ([1.0] * 24 + [float("nan")], "NaN or infinity"),
        ([1.0] * 24 + [10**400], "NaN or infinity"),
        (None, "not a list of numbers"),
    ],
)
def test_unusable_label(label: Any, message: str, tmp_path: Path) -> None:
    files = sound_files(2)
    files["dataset.json"]["labels"][1][1] = label
    with pytest.raises(ValueError, match=f"the label of 00000/img00000001.png is .*{message}"):
        Dataset(write_files(tmp_path / "a.zip", files))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing at the top level"),
        ({"labels": None}, "no label for 2 of 2 images"),
        ({}, "should be"),
        ({"labels": {}}, "should be"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
    ],
)
def test_unusable_label_file(content: Any, message: str, tmp_path: Path) -> None:
    files = sound_files(2) | {"dataset.json": content}
    if content is None:
        del files["dataset.json"]
    with pytest.raises(ValueError, match=f"a: dataset.json .*{message}"):
        Dataset(write_files(tmp_path / "a", files))


def test_label_file_in_a_folder_of_the_zip_file(tmp_path: Path) -> None:
    files = {f"cats/{name}": data for name, data in sound_files(2).items()}
    with pytest.raises(ValueError, match="not be in a folder as cats/dataset.json is"):
        Dataset(write_files(tmp_path / "a.zip", files))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (encode(random_image(8, 0))[:-30], "is damaged"),
        (b"", "is damaged"),
        (b"no image", "is damaged"),
        (encode(random_image(16, 0)), "16 x 16 RGB, but all images should be 8 x 8"),
        (encode(random_image(8, 0)[:, :4]), "4 x 8 RGB"),
        (encode(random_image(8, 0)[:, :, 0]), "8 x 8 L"),
        (encode(random_image(8, 0).repeat(2, 2)[:, :, :4]), "8 x 8 RGBA"),
    ],
)
def test_unusable_picture(data: bytes, message: str, tmp_path: Path) -> None:
    files = sound_files(3) | {"00000/img00000001.png": data}
    dataset = Dataset(write_files(tmp_path / "a.zip", files))
    dataset.image(0), dataset.image(2)
    with pytest.raises(ValueError, match=f"img00000001.png .*{message}"):
        dataset.image(1)


def test_unusable_places(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no.zip does not exist"):
        Dataset(tmp_path / "no.zip")
    whole = write_files(tmp_path / "a.zip", sound_files()).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="half.zip is not a readable zip file"):
        Dataset(tmp_path / "half.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no PNG or JPEG images"):
        Dataset(tmp_path / "empty")


def test_damage_inside_a_zip_file_is_noticed(tmp_path: Path) -> None:
    path = write_files(tmp_path / "a.zip", sound_files(3))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("00000/img00000002.png").header_offset
    data[place + 150] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="img00000002.png cannot be read .*CRC"):
        Dataset(path).image(2)


def _read_in_process(dataset: Dataset, queue: "multiprocessing.Queue[Any]") -> None:
    queue.put([dataset.image(i).sum().item() for i in list(range(len(dataset))) * 20])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_and_threads_share_a_zip_file(tmp_path: Path) -> None:
    dataset = Dataset(write_files(tmp_path / "a.zip", sound_files(6, 32)))
    expected = [dataset.image(i).sum().item() for i in range(6)] * 20
    assert pickle.loads(pickle.dumps(dataset)).image(3).sum().item() == expected[3]
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue()
    workers = [context.Process(target=_read_in_process, args=(dataset, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    threads = list(map_ahead(lambda i: dataset.image(i).sum().item(), list(range(6)) * 20, 4))
    assert threads == expected
    assert [queue.get(timeout=60) for _ in workers] == [expected, expected]
    for worker in workers:
        worker.join()


# Order and batches


def test_index_order() -> None:
    order = index_order(50, 3, 7)
    assert order.dtype == torch.int64 and sorted(order.tolist()) == list(range(50))
    assert torch.equal(order, index_order(50, 3, 7))
    others = [index_order(50, 4, 7), index_order(50, 3, 8), index_order(50, 3 + 2**32, 7)]
    assert not any(torch.equal(order, other) for other in others)
    # Frozen: a run continues with other versions of the libraries.
    assert index_order(8, 0, 0).tolist() == np.random.RandomState([0, 0, 0]).permutation(8).tolist()


def test_every_epoch_shows_every_image_once() -> None:
    stream = list(itertools.chain(*take(Batches(Numbers(10), 4, seed=1), 10)))  # 4 epochs
    epochs = [stream[i : i + 10] for i in range(0, 40, 10)]
    assert epochs == [index_order(10, 1, epoch).tolist() for epoch in range(4)]
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_ranks_share_one_sequence(world: int) -> None:
    whole = take(Batches(Numbers(20), 12, seed=5), 7)
    ranks = [Batches(Numbers(20), 12 // world, 5, rank, world) for rank in range(world)]
    shares = [take(rank, 7) for rank in ranks]
    assert [list(itertools.chain(*step)) for step in zip(*shares, strict=True)] == whole


def test_batch_larger_than_the_dataset() -> None:
    (batch,) = take(Batches(Numbers(3), 8, seed=0), 1)
    assert sorted(batch[:3]) == sorted(batch[3:6]) == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 3])
def test_loading_ahead_changes_nothing(workers: int) -> None:
    plain = Batches(Numbers(11), 4, seed=2)
    ahead = Batches(Numbers(11, delay=0.002), 4, seed=2, workers=workers)
    for _ in range(3):
        assert take(ahead, 5) == take(plain, 5)
        assert ahead.state() == plain.state()  # of what was taken, not of what was loaded
    ahead.close()
    assert take(ahead, 5) == take(plain, 5)
    ahead.close()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 1, 4, 9])
def test_resumes_exactly(taken: int, workers: int) -> None:
    whole = take(Batches(Numbers(10), 3, seed=4, rank=1, world=2), taken + 8)
    first = Batches(Numbers(10), 3, seed=4, rank=1, world=2, workers=workers)
    take(first, taken)
    state = json.loads(json.dumps(first.state()))
    later = Batches(Numbers(10), 3, seed=4, rank=1, world=2, workers=workers)
    take(later, 2)
    later.restore(state)
    assert take(later, 8) == whole[taken:]
    first.close()
    later.close()


def test_resumes_with_another_number_of_ranks() -> None:
    whole = Batches(Numbers(10), 4, seed=4)
    state = {}
    for _ in range(3):
        take(whole, 1)
        state = whole.state()
    ranks = [Batches(Numbers(10), 2, 4, rank, 2) for rank in range(2)]
    for rank in ranks:
        rank.restore(state)
    assert take(ranks[0], 1)[0] + take(ranks[1], 1)[0] == take(whole, 1)[0]


def test_state_of_other_data_is_refused() -> None:
    batches = Batches(Numbers(10), 2, seed=4)
    state = batches.state()
    with pytest.raises(ValueError, match="number of images was 10 and is now 11"):
        Batches(Numbers(11), 2, seed=4).restore(state)
    with pytest.raises(ValueError, match="seed was 4 and is now 5"):
        Batches(Numbers(10), 2, seed=5).restore(state)
    with pytest.raises(ValueError, match="should have"):
        batches.restore({"position": 0})
    with pytest.raises(ValueError, match="0 or more; got -2"):
        batches.restore(state | {"position": -2})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_stops_at_its_batch_every_time(workers: int) -> None:
    broken = int(index_order(10, 0, 0)[5])
    dataset = Numbers(10, broken=(broken,))
    batches = Batches(dataset, 2, seed=0, workers=workers)
    take(batches, 2)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"image {broken} is broken"):
            next(batches)
        assert batches.state()["position"] == 4
    dataset.broken.clear()
    assert broken in take(batches, 1)[0]
    batches.close()


@pytest.mark.parametrize(
    "options", [(0, 0, 0, 1, 0), (1, -1, 0, 1, 0), (1, 0, 1, 1, 0), (1, 0, 0, 1, -1)]
)
def test_wrong_options(options: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="batch_size should be"):
        Batches(Numbers(3), *options)
    with pytest.raises(ValueError, match="dataset is empty"):
        Batches(Numbers(0), 1, 0)


def test_map_ahead_is_bounded_and_lazy() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            asked.append(item)
            yield item

    results = map_ahead(lambda item: item * item, items(), 2)
    assert [next(results) for _ in range(10)] == [i * i for i in range(10)]
    assert len(asked) <= 10 + 5
    before = threading.active_count()
    results.close()
    deadline = time.monotonic() + 5
    while threading.active_count() >= before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() < before


def test_batches_of_a_dataset(tmp_path: Path) -> None:
    dataset = Dataset(write_files(tmp_path / "a.zip", sound_files()), mirror=True)
    images, labels = next(Batches(dataset, 5, seed=0, workers=1))
    assert images.shape == (5, 3, 8, 8) and images.dtype == torch.uint8
    assert labels.shape == (5, 25) and labels.dtype == torch.float32
    order = index_order(12, 0, 0)
    assert torch.equal(images[3], dataset.image(int(order[3])))
    assert torch.equal(labels[3], dataset.label(int(order[3])))
