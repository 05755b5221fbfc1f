"""Startup: how long programs take from their start to what a person waits for.

    python benchmarks/startup.py [--json] [--quick] [--repeats 5]

Fast is the program as it is; plain is the same with everything imported first, as a program does
that imports at the top of its modules. Each run is a new process; files are in the system's cache.
The first picture is the first thing of the model that is drawn in the window, by the GL preview.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import DEMO, Row, compare_times, count_repeats, make_parser, publish

EVERYTHING = "import ballgan.scene, ballgan.mesh, ballgan.checkpoint; "
IMPORT = "import ballgan"
HELP = "import sys; from ballgan.__main__ import main; sys.argv = ['ballgan', '--help']; main()"
FIRST_FRAME = (
    f"import ballgan; scene = ballgan.Scene(ballgan.load({str(DEMO)!r})); "
    "next(iter(scene.render_progressively(ballgan.Camera.orbit())))"
)
VIEWER = (
    "import sys; from ballgan_viewer.__main__ import main; "
    "sys.argv = ['ballgan-viewer', '--offscreen', {}]; main()"
)
WINDOW = (  # the process ends as soon as its empty window is there
    "import os; from ballgan_viewer.window import Window; show = Window.show; "
    "Window.show = lambda self, colour: (show(self, colour), os._exit(0)); "
)
SCRIPT = "shown.json"  # that ends with the first picture
SHOWN = (  # the process ends instead of stopping its threads
    "import os; from ballgan_viewer.worker import Lane; "
    "Lane.close = lambda self, timeout=0: os._exit(0); "
)


# What is run, and how much faster it should be than with everything imported first.
PROGRAMS: dict[str, tuple[str, float | None]] = {
    "import ballgan": (IMPORT, 20.0),
    "ballgan --help": (HELP, 10.0),
    "load and first preview": (FIRST_FRAME, 1.0),
    "viewer to its window, offscreen": (WINDOW + VIEWER.format("'--script', 'none.json'"), 2.0),
    "viewer to first picture, offscreen": (SHOWN + VIEWER.format(f"'--script', '{SCRIPT}'"), None),
    "viewer to finished picture, offscreen": (
        VIEWER.format("'--screenshot', 'window.png'"),
        None,
    ),
}
QUICK = ("import ballgan", "ballgan --help")


def run(code: str, folder: str) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and peak MiB of a new process."""
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
    seconds = time.perf_counter() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare_program(name: str, repeats: int, folder: str) -> Row:
    """The program against the same program that imports everything first, in turns."""
    code, target = PROGRAMS[name]
    run(code, folder), run(EVERYTHING + code, folder)  # fills the system's cache
    runs = [(run(code, folder), run(EVERYTHING + code, folder)) for _ in range(repeats)]
    return {
        "what": name,
        **compare_times([(fast[:2], plain[:2]) for fast, plain in runs]),
        "target": target,
        "fast peak MiB": max(fast[2] for fast, _ in runs),
        "plain peak MiB": max(plain[2] for _, plain in runs),
    }


def main() -> None:
    parser = make_parser(__doc__, quick="programs without pictures only, one run", repeats=5)
    args = parser.parse_args()
    names, repeats = QUICK if args.quick else PROGRAMS, count_repeats(args, quick=1)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SCRIPT).write_text('[{"wait": "shown"}]')
        publish(lambda: [compare_program(name, repeats, folder) for name in names], args)


if __name__ == "__main__":
    main()
