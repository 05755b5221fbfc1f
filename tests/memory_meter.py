"""What a process holds, and of what kind: numbers that tell a leak from a scattered allocator."""

import ctypes
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 2**20
TEXTURES = 4096  # names that are tried; GL gives them out from 1 on


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@dataclass(frozen=True)
class Memory:
    """Memory of this process in MiB, GL's textures, and threads and open files.

    resident: what the system counts. used: what the program has asked for and not given back.
    scattered: free, but between what is used, so that the allocator cannot give it back.
    """

    resident: float
    used: float
    scattered: float
    textures: int
    handles: int

    def __str__(self) -> str:
        return (
            f"{self.resident:.1f} MiB resident, {self.used:.1f} used, "
            f"{self.scattered:.1f} scattered, {self.textures} textures, {self.handles} handles"
        )


def measure() -> Memory:
    """The present numbers; 0 where the system does not tell."""
    resident = used = scattered = 0.0
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = int(statm.read_text().split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE") / MIB
    if sys.platform == "linux":
        mallinfo: Any = getattr(ctypes.CDLL(None), "mallinfo2", None)  # glibc 2.33
        if mallinfo is not None:
            mallinfo.restype = _Mallinfo
            info = mallinfo()
            used, scattered = (info.uordblks + info.hblkhd) / MIB, info.fordblks / MIB
    return Memory(resident, used, scattered, _count_textures(), _count_handles())


def _count_handles() -> int:
    files = Path("/proc/self/fd")
    return threading.active_count() + (len(os.listdir(files)) if files.exists() else 0)


def _count_textures() -> int:
    from OpenGL import GL

    return sum(bool(GL.glIsTexture(name)) for name in range(1, TEXTURES))
