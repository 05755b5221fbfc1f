"""Startup: how long programs take from their start to what a person waits for.

    python benchmarks/startup.py [--json] [--quick] [--repeats 5]

Fast is the program as it is; plain is the same with everything imported first, as a program does
that imports at the top of its modules. Each run is a new process; files are in the system's cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import Timing, report, summarize

import ballgan

DEMO = Path(ballgan.__file__).parents[1] / "assets" / "heads.pkl"
EVERYTHING = "import ballgan.scene, ballgan.mesh, ballgan.checkpoint; "
IMPORT = "import ballgan"
HELP = "import sys; from ballgan.__main__ import main; sys.argv = ['ballgan', '--help']; main()"
FIRST_FRAME = (
    f"import ballgan; scene = ballgan.Scene(ballgan.load({str(DEMO)!r})); "
    "next(iter(scene.render_progressively(ballgan.Camera.orbit())))"
)
VIEWER = (
    "import sys; from ballgan_viewer.__main__ import main; "
    "sys.argv = ['ballgan-viewer', '--offscreen', '--screenshot', 'window.png']; main()"
)


def run(code: str, folder: str) -> tuple[float, float]:
    """Seconds and peak MiB of a new process."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"This failed with status {process.returncode}: {code}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def compare(name: str, code: str, repeats: int, folder: str) -> dict[str, Any]:
    """The program against the same program that imports everything first, in turns."""
    fast, plain = [], []
    for _ in range(repeats + 1):  # the first fills the system's cache
        fast.append(run(code, folder))
        plain.append(run(EVERYTHING + code, folder))
    quick, slow = _timing(fast[1:]), _timing(plain[1:])
    return {
        "what": name,
        "fast ms": 1e3 * quick.median_s,
        "fast min ms": 1e3 * quick.minimum_s,
        "plain ms": 1e3 * slow.median_s,
        "plain min ms": 1e3 * slow.minimum_s,
        "ratio": slow.median_s / quick.median_s,
        "fast peak MiB": max(memory for _, memory in fast),
        "plain peak MiB": max(memory for _, memory in plain),
    }


def _timing(runs: list[tuple[float, float]]) -> Timing:
    return summarize([seconds for seconds, _ in runs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="one run of each, no window")
    parser.add_argument("--repeats", type=int, help="of each program (5)")
    args = parser.parse_args()
    repeats = args.repeats or (1 if args.quick else 5)
    programs = {
        "import ballgan": IMPORT,
        "ballgan --help": HELP,
        "load and first preview": FIRST_FRAME,
    }
    if not args.quick:
        programs["viewer to finished picture, offscreen"] = VIEWER
    with tempfile.TemporaryDirectory() as folder:
        rows = [compare(name, code, repeats, folder) for name, code in programs.items()]
    report(rows, args.json)


if __name__ == "__main__":
    main()
