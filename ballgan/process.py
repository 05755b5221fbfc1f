"""How a process of our own uses the computer's memory and cores."""

import ctypes
import os
import sys
from contextlib import suppress
from typing import Any

# Rounds that a thread of OpenMP waits for more work before it sleeps: a third of a millisecond.
# By default it is several milliseconds, in which it keeps the cores from others (see cores.py).
SPINS = 20_000
# How glibc gives out memory, which it asks its environment for when a program begins.
# tcache_count: no caches of small pieces for each thread. Tensors are aligned, so they are cut from
# larger pieces; rests that lie in a cache never join what is freed beside them. Measured, buffers
# of changing sizes then take 2.7 times their size, and 1.4 times without, at the same speed.
# arena_max: by default eight a core, and what a thread has freed is of no use to the others.
# mmap_threshold: the size, at most 2^25 bytes, from which a buffer goes back to the system at once.
# trim_threshold: all smaller ones are kept for the next.
ALLOCATOR = (
    "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=2:"
    "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=2147483647"
)
_BEGUN = "ballgan_begun"  # option of the interpreter of a command that has begun anew
# Options of mallopt, in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def tune_command() -> None:
    """Settings of a command, as the first thing it does: for speed, and little memory for it.

    Where the C library has to be told before the program begins, it begins anew: the same process,
    by the same command. What a person has set is left alone, and the allocator of programs that
    this one starts in its turn is, too.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    given = os.environ.get("GLIBC_TUNABLES", "")
    if _BEGUN in sys._xoptions:
        os.environ.pop("GLIBC_TUNABLES", None)
        if before := given.removesuffix(f":{ALLOCATOR}"):
            os.environ["GLIBC_TUNABLES"] = before
        return
    is_set = "glibc.malloc." in given or any(name.startswith("MALLOC_") for name in os.environ)
    if is_set or not uses_glibc() or not sys.executable or sys.argv[0] in ("", "-"):
        return  # the last: a program that was typed, or that comes through a pipe
    tuned = os.environ | {"GLIBC_TUNABLES": f"{given}:{ALLOCATOR}"}
    with suppress(OSError):  # it works without, too
        os.execve(sys.executable, [sys.executable, "-X", _BEGUN, *sys.orig_argv[1:]], tuned)


def uses_glibc() -> bool:
    """Whether the C library is GNU's, which can be told how to give out memory."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # others do not know the name
        return False


def keep_freed_memory() -> None:
    """Let freed buffers, however large, be used again instead of going back to the system.

    glibc returns large ones at once, and every tensor's pages are then fetched and cleared anew:
    measured, a third of the time of training small networks on a CPU. Nothing on other systems.
    """
    mallopt = _c_function("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


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
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)


def _c_function(name: str) -> Any:
    """A function of Linux's C library; None where there is none of this name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
