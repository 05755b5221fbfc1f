"""What the benchmarks share: timing, a table or JSON, and what they ran on."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs of the same thing."""

    median_s: float
    minimum_s: float


def measure(callable: Callable[[], Any], repeats: int) -> Timing:
    """Time `repeats` calls, after one that is not counted."""
    callable()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        callable()
        seconds.append(time.perf_counter() - started)
    return Timing(statistics.median(seconds), min(seconds))


def machine() -> dict[str, Any]:
    """What the numbers were measured on, without naming the machine."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def report(rows: list[dict[str, Any]], json_output: bool) -> None:
    """Print rows as a table, or as JSON together with the machine."""
    if json_output:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    print("  ".join(f"{key} {value}" for key, value in machine().items() if value is not None))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_text(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(columns, *cells, strict=True)]
    for line in [columns, *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
