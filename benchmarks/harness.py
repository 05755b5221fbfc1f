"""What all benchmarks share: timing, peak memory, the machine, and how results are printed.

torch is imported where it is needed: benchmarks/startup.py measures processes of its own, which
begin with the memory of the one that starts them.
"""

import ctypes
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of repeated calls, and the median processor time of all threads.

    With one thread the latter does not depend on what else the machine does.
    """

    median_s: float
    minimum_s: float
    cpu_s: float = float("nan")


def measure(function: Callable[[], Any], repeats: int) -> Timing:
    """Time `repeats` calls, after one that is not counted."""
    function()
    seconds, busy = [], []
    for _ in range(repeats):
        used = time.process_time()
        seconds.append(time_once(function))
        busy.append(time.process_time() - used)
    return Timing(statistics.median(seconds), min(seconds), statistics.median(busy))


def measure_both(
    fast: Callable[[], Any], plain: Callable[[], Any], repeats: int
) -> tuple[Timing, Timing]:
    """Time two functions in turns, so that a busy machine slows down both."""
    fast(), plain()
    pairs = [(time_once(fast), time_once(plain)) for _ in range(repeats)]
    first, second = zip(*pairs, strict=True)
    return summarize(list(first)), summarize(list(second))


def time_once(function: Callable[[], Any]) -> float:
    """Seconds of one call, the GPU's work included."""
    synchronize()
    started = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - started


def summarize(seconds: list[float]) -> Timing:
    """Median and minimum."""
    return Timing(statistics.median(seconds), min(seconds))


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_memory(function: Callable[[], Any]) -> float | None:
    """MiB by which a call needs more memory at its peak than before it; None: cannot be told."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return (torch.cuda.max_memory_allocated() - before) / MIB
    if not _forget_peak():
        return None
    before = _status("VmRSS")
    function()
    return (_status("VmHWM") - before) / 1024


def _forget_peak() -> bool:
    """Return freed memory and restart the count of the peak (Linux)."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(key: str) -> int:
    """KiB of an entry of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise KeyError(key)


def measure_peak_memory(arguments: list[str]) -> float:
    """Run Python with these arguments; returns the most memory it had resident, MiB.

    Linux only (it reads /proc); not a number elsewhere.
    """
    program = (
        "import os, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "sys.path.insert(0, os.path.dirname(sys.argv[0]))\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "import pathlib\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "lines = status.read_text().splitlines() if status.exists() else []\n"
        "print('\\nPEAK', *[line.split()[1] for line in lines if line.startswith('VmHWM')])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    words = result.stdout.rpartition("PEAK")[2].split()
    return int(words[0]) / 1024 if words else float("nan")


def machine() -> dict[str, Any]:
    """What the numbers were measured on and with."""
    import torch

    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    return {
        "date": date.today().isoformat(),
        "processor": processor,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "allocator": {k: v for k, v in os.environ.items() if k.startswith("MALLOC_")},
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def report(rows: list[dict], json_output: bool) -> None:
    """Print rows as a Markdown table under the machine's description, or all as JSON."""
    if json_output:
        json.dump({"machine": machine(), "results": rows}, sys.stdout, indent=2)
        print()
        return
    print(", ".join(f"{key} {value}" for key, value in machine().items() if value))
    print()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(_show(row.get(column)) for column in columns) + " |")


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
