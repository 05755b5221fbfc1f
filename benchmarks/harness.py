"""What all benchmarks share: timing, peak memory, the machine, how results are printed and judged.

A row is a line of the table. Its "target" is the ratio wanted; "wrong" says what is wrong with the
results, if anything. A `--quick` run ends with status 1 where something is wrong, or where a ratio
is below half of its target: never because of an absolute time.

torch is imported where it is needed: benchmarks/startup.py measures processes of its own, which
begin with the memory of the one that starts them.
"""

import argparse
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


Row = dict[str, Any]
NAMES = ("model", "format", "what", "stage", "resolution", "part")  # columns that name a row
DEMO = Path(__file__).parents[1] / "assets" / "heads.pkl"


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
    return summarize([time_once(function) for _ in range(repeats)])


def compare(fast: Callable[[], Any], plain: Callable[[], Any], repeats: int) -> Row:
    """Columns of two functions that are called in turns, so that a busy machine slows down both."""
    fast(), plain()
    return compare_times([(time_once(fast), time_once(plain)) for _ in range(repeats)])


def compare_times(pairs: list[tuple[tuple[float, float], tuple[float, float]]]) -> Row:
    """Columns of wall-clock and processor seconds of a fast and a plain way, in turns."""
    quick, slow = (summarize(list(times)) for times in zip(*pairs, strict=True))
    return {
        "fast ms": 1e3 * quick.median_s,
        "fast min ms": 1e3 * quick.minimum_s,
        "plain ms": 1e3 * slow.median_s,
        "plain min ms": 1e3 * slow.minimum_s,
        "ratio": slow.median_s / quick.median_s,
        "cpu ratio": statistics.median(plain[1] / fast[1] for fast, plain in pairs),
    }


def time_once(function: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of one call, the GPU's work included, on the clock and of the processor."""
    synchronize()
    started, used = time.perf_counter(), time.process_time()
    function()
    synchronize()
    return time.perf_counter() - started, time.process_time() - used


def summarize(times: list[tuple[float, float]]) -> Timing:
    """Of pairs of wall-clock and processor seconds."""
    seconds, busy = zip(*times, strict=True)
    return Timing(statistics.median(seconds), min(seconds), statistics.median(busy))


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
        "settings": {k: v for k, v in os.environ.items() if k.startswith(("GLIBC_", "GOMP_"))},
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def make_parser(description: str, *, quick: str, repeats: int) -> argparse.ArgumentParser:
    """The options of all benchmarks."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{quick}; status 1 if results are wrong or a ratio is below half of its target",
    )
    parser.add_argument("--repeats", type=int, help=f"of each measurement ({repeats})")
    parser.set_defaults(default_repeats=repeats)
    return parser


def count_repeats(args: argparse.Namespace, quick: int) -> int:
    """How often to measure."""
    return args.repeats or (quick if args.quick else args.default_repeats)


def publish(make_rows: Callable[[], list[Row]], args: argparse.Namespace, remark: str = "") -> None:
    """Measure and report; a `--quick` run is judged, and measured again before it is refused.

    One thread then does all: its processor time is the same on a busy machine. remark: a sentence
    below the table.
    """
    if args.quick and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    rows = make_rows()
    if args.quick and judge(rows):
        rows = make_rows()
    report(rows, args.json, remark)
    failures = judge(rows) if args.quick else []
    if failures:
        raise SystemExit("\n".join(failures))


def judge(rows: list[Row]) -> list[str]:
    """What is not as it should be, one line each."""
    failures = []
    for row in rows:
        name = " ".join(str(row[key]) for key in NAMES if key in row)
        if row.get("wrong"):
            failures.append(f"{name}: {row['wrong']}")
        ratio, target = row.get("cpu ratio", row.get("ratio")), row.get("target")
        if target is not None and not ratio >= target / 2:
            failures.append(f"{name}: {ratio:.3g} times as fast as the plain way; wanted {target}")
    return failures


def find_wrong(row: Row, limits: dict[str, tuple[float, float]]) -> str:
    """Which of a row's numbers lie outside of their (least, most); "" if none."""
    return ", ".join(
        f"{key} is {row[key]:.4g}, not within {least:g} and {most:g}"
        for key, (least, most) in limits.items()
        if key in row and not least <= row[key] <= most
    )


def report(rows: list[Row], json_output: bool, remark: str = "") -> None:
    """Print rows as a Markdown table under the machine's description, or all as JSON."""
    if json_output:
        everything = {"machine": machine(), "results": rows, "remark": remark}
        json.dump(everything, sys.stdout, indent=2)
        print()
        return
    print(", ".join(f"{key} {value}" for key, value in machine().items() if value))
    print()
    columns = list(dict.fromkeys(key for row in rows for key in row if row[key] != ""))
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(_show(row.get(column)) for column in columns) + " |")
    if remark:
        print(f"\n{remark}")


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
