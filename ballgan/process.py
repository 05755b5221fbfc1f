"""How a process of our own uses the computer's memory and cores."""

import ctypes
import os
import sys

# Rounds that a thread of OpenMP waits for more work before it sleeps: a third of a millisecond.
# By default it is several milliseconds, in which it keeps the cores from others (see cores.py).
SPINS = 20_000
# Options of mallopt, in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_LARGE = 2**25  # bytes, from which a buffer of a command goes back to the system at once: its limit
_ARENAS = 2  # by default eight a core: what a thread has freed is of no use to the others


def tune_process() -> None:
    """Settings of a command, before torch is imported: for speed, and little memory for it."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    _set_allocator({_M_TRIM_THRESHOLD: 2**31 - 1, _M_MMAP_THRESHOLD: _LARGE, _M_ARENA_MAX: _ARENAS})


def keep_freed_memory() -> None:
    """Let freed buffers, however large, be used again instead of going back to the system.

    glibc returns large ones at once, and every tensor's pages are then fetched and cleared anew:
    measured, a third of the time of training small networks on a CPU. Nothing on other systems.
    """
    _set_allocator({_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1})


def _set_allocator(options: dict[int, int]) -> None:
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            for option, value in options.items():
                mallopt(option, value)


def return_freed_memory(*, short: bool = False) -> None:
    """Give what is free back to the system after work that needed much more than what follows.

    The graphics card's goes back to other programs; the computer's, where the C library has
    malloc_trim. short: memory did not suffice, so CUDA graphs are given up, too.
    """
    import torch  # here: the command keeps memory before it knows whether it needs torch

    if torch.cuda.is_initialized():
        from .shortage import empty_cache, free_gpu_memory

        if short:
            free_gpu_memory()
        empty_cache()
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
