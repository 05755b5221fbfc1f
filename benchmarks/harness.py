"""What the benchmarks share: timing, peak memory, the machine, and the table or JSON they print."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs of the same work.

    cpu_s: median processor time of all threads; with one thread it does not depend on what else
    the machine does.
    """

    median_s: float
    minimum_s: float
    cpu_s: float = float("nan")


def measure(function: Callable[[], Any], repeats: int) -> Timing:
    """Time a function `repeats` times after one run that is not counted; waits for the GPU."""
    if repeats < 1:
        raise ValueError(f"repeats should be at least 1; got {repeats}")
    function()
    seconds, busy = [], []
    for _ in range(repeats):
        _synchronize()
        started, used = time.perf_counter(), time.process_time()
        function()
        _synchronize()
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - used)
    return Timing(statistics.median(seconds), min(seconds), statistics.median(busy))


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


def report(rows: list[dict], json_output: bool) -> None:
    """Print rows, which have the same keys, as a table, or with the machine as JSON.

    None stands for what was not measured.
    """
    if json_output:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    if not rows:
        return
    cells = [list(rows[0]), *([_format(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(rows[0]))]
    for line in cells:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))


def machine() -> dict:
    """What the numbers depend on, without names of hosts or people."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "processor": _processor(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": device,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _format(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
