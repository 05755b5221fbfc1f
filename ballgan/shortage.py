"""What is done when the memory of a GPU does not suffice."""

import logging
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakSet

import torch
from torch import nn

from .errors import OutOfMemory
from .graphs import drop_graphs, recording_lock

log = logging.getLogger(__name__)
Value = TypeVar("Value")

NOT_ENOUGH = (
    "The GPU's memory does not suffice for this. Choose a smaller size or fewer rays, close other "
    "programs that use the GPU, or compute on the CPU."
)


# Networks for whose work the memory of a GPU did not suffice.
_too_large: WeakSet[nn.Module] = WeakSet()


def empty_cache() -> None:
    """Give back what torch keeps of a GPU's memory for later; what failed may be tried again."""
    _too_large.clear()
    with recording_lock:
        torch.cuda.empty_cache()


def free_gpu_memory() -> None:
    """Give back all that can be: CUDA graphs, for good, and what torch keeps for later."""
    drop_graphs()
    with recording_lock:
        torch.cuda.empty_cache()


def try_with_less(
    work: Callable[[], Value], frugal: Callable[[], Value], network: nn.Module | None = None
) -> Value:
    """`work()`; if a GPU's memory does not suffice for that, `frugal()`, after some was freed.

    From then on it is `frugal()` for this network at once, until `empty_cache`. Raises
    torch.cuda.OutOfMemoryError if that is still too much.
    """
    if network is not None and network in _too_large:
        return frugal()
    try:
        return work()
    except torch.cuda.OutOfMemoryError as error:
        reason = str(error).strip().partition(". ")[0]
        log.warning("Going on with less of the GPU's memory: %s", reason)
    if network is not None:
        _too_large.add(network)
    free_gpu_memory()  # only now: the error held all that the work had made
    return frugal()


def explain_shortage(work: Callable[[], Value]) -> Value:
    """`work()`. Raises OutOfMemory, which says what to do, if a GPU's memory does not suffice."""
    try:
        return work()
    except torch.cuda.OutOfMemoryError:
        pass
    raise OutOfMemory(NOT_ENOUGH)  # it does not hold what the work had made
