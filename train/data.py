"""Datasets in EG3D's format, and an endless stream of batches that can be resumed exactly.

A dataset is a folder or a zip file of square RGB images (PNG or JPEG) of one size, and
`dataset.json` at its top level: {"labels": [["00000/img00000000.png", [25 numbers]], ...]}.
Where cameras are drawn, none is needed. Images are taken in the order of their names.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from .archive import (
    LABEL_FILE,
    UNPOSED_HINT,
    Archive,
    describe_label_fault,
    read_label_entries,
    read_picture,
)
from .labels import mirror_labels

_CHECK_HINT = "`ballgan-train data check` lists all faults"

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ImageSet(Protocol):
    """What batches are made of."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Tensor:
        """uint8 (3, H, W), the same size for every index."""

    def label(self, index: int) -> Tensor:
        """float32 (25,), or (0,) where there are none."""


class Dataset:
    """Images, and their camera labels, read from a folder or zip file when they are asked for.

    Args:
        path: the folder or zip file.
        mirror: doubles the dataset: index N + i is image i flipped in x, with the label of the
            mirrored camera.
        posed: whether the images have camera labels; if not, none are looked for.

    `labels` are (len, 25) float32, the mirrored ones included, or (len, 0); `resolution` is the
    side of the images in pixels. Raises ValueError, naming file and fault, here and when an image
    is read.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, mirror: bool = False, posed: bool = True
    ) -> None:
        self.archive = Archive(path)
        self.mirror = mirror
        if not self.archive.images:
            raise ValueError(f"{self.archive.path} holds no PNG or JPEG images")
        self.labels = _read_labels(self.archive) if posed else _no_labels(self.archive)
        if mirror:
            mirrored = mirror_labels(self.labels) if posed else self.labels
            self.labels = torch.cat([self.labels, mirrored])
        self.resolution = read_picture(self.archive, self.archive.images[0]).width
        self.image(0)

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, index: int) -> str:
        """File name of an image; a mirrored one has the name of its original."""
        return self.archive.images[self._check(index) % len(self.archive.images)]

    def label(self, index: int) -> Tensor:
        """Camera label (25,) float32, or (0,)."""
        return self.labels[self._check(index)]

    def image(self, index: int) -> Tensor:
        """Image (3, resolution, resolution) uint8."""
        name = self.name(index)
        picture = read_picture(self.archive, name)
        if picture.mode != "RGB" or picture.size != (self.resolution, self.resolution):
            raise ValueError(
                f"{self.archive.path}: {name} is {picture.width} x {picture.height} "
                f"{picture.mode}, but all images should be {self.resolution} x {self.resolution} "
                f"RGB. {_CHECK_HINT}"
            )
        image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)  # (3, H, W)
        if index >= len(self.archive.images):
            image = image.flip(2)
        return image.contiguous()

    def _check(self, index: int) -> int:
        if not 0 <= index < len(self.labels):
            raise IndexError(f"image {index} of {len(self.labels)}")
        return index


def index_order(count: int, seed: int, epoch: int) -> Tensor:
    """The permutation of `count` images in an epoch, (count,) int64; a function of its arguments.

    `seed` and `epoch` are 0 or more.
    """
    # RandomState's sequences are frozen for all versions of NumPy, torch's are not.
    state = np.random.RandomState([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, epoch])
    return torch.from_numpy(state.permutation(count).astype(np.int64))


class Batches:
    """An endless stream of (images (B, 3, H, W) uint8, labels (B, 25) or (B, 0) float32).

    The images of all epochs, each in its own order, make one sequence; every step takes the next
    world * batch_size of it, and of those rank r takes the r-th batch_size. So the batches of all
    ranks, concatenated, are the same whatever the number of ranks at the same total batch.

    Args:
        dataset: images and labels.
        batch_size: images per batch of one rank, 1 or more.
        seed: of the order, 0 or more; the same on all ranks.
        rank: of this process, 0 to world - 1.
        world: number of processes.
        workers: threads that load batches ahead of their use; 0 loads each when it is asked for.
            The batches are the same.
        pin: put the batches into page-locked memory.
    """

    def __init__(
        self,
        dataset: ImageSet,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
        pin: bool = False,
    ) -> None:
        if not len(dataset):
            raise ValueError("the dataset is empty")
        if batch_size < 1 or seed < 0 or workers < 0 or not 0 <= rank < world:
            raise ValueError(
                "batch_size should be 1 or more, seed and workers 0 or more, rank below world; got "
                f"batch_size {batch_size}, seed {seed}, workers {workers}, rank {rank} of {world}"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world = world
        self.workers = workers
        self.pin = pin
        self._position = 0  # images that all ranks together have taken
        self._ahead: Generator[tuple[Tensor, Tensor], None, None] | None = None
        self._orders: dict[int, Tensor] = {}

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        step = self.batch_size * self.world
        if self._ahead is None:
            indices = map(self._choose, itertools.count(self._position, step))
            self._ahead = map_ahead(self._load, indices, self.workers)
        try:
            batch = next(self._ahead)
        except BaseException:
            self._ahead = None  # asking again tries the same batch again
            raise
        self._position += step
        return batch

    def state(self) -> dict[str, int]:
        """Plain values from which `restore` continues with the batch that comes next."""
        return {"position": self._position, "seed": self.seed, "count": len(self.dataset)}

    def restore(self, state: dict[str, int]) -> None:
        """Continue where `state` was taken; the number of ranks may have changed since.

        Raises ValueError if the state is of another seed or number of images.
        """
        here = self.state()
        if set(state) != set(here):
            raise ValueError(f"a data state should have {sorted(here)}; got {sorted(state)}")
        for key, what in (("seed", "seed"), ("count", "number of images")):
            if state[key] != here[key]:
                raise ValueError(
                    f"the {what} was {state[key]} and is now {here[key]}, so the data cannot "
                    "continue where it stopped. Is this the dataset of that run?"
                )
        if state["position"] < 0:
            raise ValueError(f"a data position should be 0 or more; got {state['position']}")
        self.close()
        self._position = int(state["position"])

    def close(self) -> None:
        """Stop loading ahead; the next batch starts it again."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _choose(self, position: int) -> list[int]:
        """Indices of this rank's batch when all ranks stand at `position`."""
        count = len(self.dataset)
        start = position + self.rank * self.batch_size
        places = [divmod(place, count) for place in range(start, start + self.batch_size)]
        epochs = {epoch for epoch, _ in places}
        self._orders = {
            epoch: self._orders[epoch]
            if epoch in self._orders
            else index_order(count, self.seed, epoch)
            for epoch in epochs
        }
        return [int(self._orders[epoch][place]) for epoch, place in places]

    def _load(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        images = torch.stack([self.dataset.image(index) for index in indices])
        labels = torch.stack([self.dataset.label(index) for index in indices])
        return (images.pin_memory(), labels.pin_memory()) if self.pin else (images, labels)


def map_ahead(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Generator[_Result, None, None]:
    """Like `map`, but `workers` threads work ahead of what is asked for, at most 2 items each.

    Results come in order; an exception of `function` comes in the place of its result and ends
    them. Closing or dropping the iterator stops the threads after the items they are at.
    """
    if not workers:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="data")
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _no_labels(archive: Archive) -> Tensor:
    return torch.zeros(len(archive.images), 0)


def _read_labels(archive: Archive) -> Tensor:
    """(N, 25) float32 of the images in order; ValueError names the first that lack a label."""
    table = {entry[0]: entry[1] for entry in read_label_entries(archive) if _is_entry(entry)}
    where, count = f"{archive.path}: {LABEL_FILE}", len(archive.images)
    missing = [name for name in archive.images if name not in table]
    if missing:
        names = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        hint = f". {UNPOSED_HINT}" if len(missing) == count else ""
        raise ValueError(
            f"{where} has no label for {len(missing)} of {count} images: {names}{hint}"
        )
    for name in archive.images:
        fault = describe_label_fault(table[name])
        if fault is None and not all(map(math.isfinite, table[name])):
            fault = "it holds NaN or infinity"
        if fault is not None:
            raise ValueError(f"{where}: the label of {name} is unusable: {fault}. {_CHECK_HINT}")
    return torch.tensor([table[name] for name in archive.images], dtype=torch.float32)


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
