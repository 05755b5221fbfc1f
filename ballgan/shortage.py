"""What is done when the memory of a GPU does not suffice."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from .errors import OutOfMemory
from .graphs import drop_graphs, recording_lock

log = logging.getLogger(__name__)
Value = TypeVar("Value")

NOT_ENOUGH = (
    "The GPU's memory does not suffice for this. Choose a smaller size or fewer rays, close other "
    "programs that use the GPU, or compute on the CPU."
)


def free_gpu_memory() -> None:
    """Give back what torch keeps of a GPU's memory for later."""
    with recording_lock:
        torch.cuda.empty_cache()


def try_with_less(work: Callable[[], Value], frugal: Callable[[], Value]) -> Value:
    """`work()`; if a GPU's memory does not suffice for that, `frugal()`, after some was freed.

    CUDA graphs are given up for good then. Raises torch.cuda.OutOfMemoryError if that is still too
    much.
    """
    try:
        return work()
    except torch.cuda.OutOfMemoryError as error:
        reason = str(error).strip().partition(". ")[0]
        log.warning("Going on with less of the GPU's memory: %s", reason)
    drop_graphs()  # only now: the error held all that the work had made
    free_gpu_memory()
    return frugal()


def explain_shortage(work: Callable[[], Value]) -> Value:
    """`work()`. Raises OutOfMemory, which says what to do, if a GPU's memory does not suffice."""
    try:
        return work()
    except torch.cuda.OutOfMemoryError:
        pass
    raise OutOfMemory(NOT_ENOUGH)  # it does not hold what the work had made
