"""What is done when the memory of a GPU does not suffice."""

import logging
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

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


MORE = 1.1  # times the memory that did not suffice, from which on it is tried again

# Networks for whose work the memory of a GPU did not suffice, and how many bytes there were.
_too_large: WeakKeyDictionary[nn.Module, float] = WeakKeyDictionary()


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


def find_available(network: nn.Module) -> int:
    """Bytes that a network's work could take: what is free on its GPU, or kept by torch; else 0."""
    device = next(network.parameters()).device
    if device.type != "cuda":
        return 0
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def try_with_less(
    work: Callable[[], Value], frugal: Callable[[], Value], network: nn.Module | None = None
) -> Value:
    """`work()`; if a GPU's memory does not suffice for that, `frugal()`, after some was freed.

    From then on it is `frugal()` for this network at once, until `empty_cache`, or until there is
    more memory than there was. Raises torch.cuda.OutOfMemoryError if that is still too much.
    """
    if network is not None and network in _too_large:
        if find_available(network) <= MORE * _too_large[network]:
            return frugal()
        del _too_large[network]
    try:
        return work()
    except torch.cuda.OutOfMemoryError as error:
        reason = str(error).strip().partition(". ")[0]
        log.warning("Going on with less of the GPU's memory: %s", reason)
    if network is not None:
        _too_large[network] = find_available(network)
    free_gpu_memory()  # only now: the error held all that the work had made
    return frugal()


def explain_shortage(work: Callable[[], Value]) -> Value:
    """`work()`. Raises OutOfMemory, which says what to do, if a GPU's memory does not suffice."""
    try:
        return work()
    except torch.cuda.OutOfMemoryError:
        pass
    raise OutOfMemory(NOT_ENOUGH)  # it does not hold what the work had made
