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

COMMAND = "from ballgan.process import tune_command; tune_command(); "  # how a command begins
EVERYTHING = "import ballgan.scene, ballgan.mesh, ballgan.checkpoint; "
IMPORT = "import ballgan"
HELP = "import sys; from ballgan.cli.main import main; sys.argv = ['ballgan', '--help']; main()"
FIRST_FRAME = (
    f"import ballgan; scene = ballgan.Scene(ballgan.load({str(DEMO)!r})); "
    "next(iter(scene.render_progressively(ballgan.Camera.orbit())))"
)
VIEWER = (
    "import sys; from ballgan_viewer.main import main; "
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


# How it begins, what is run, and how much faster it should be than with everything imported before.
PROGRAMS: dict[str, tuple[str, str, float | None]] = {
    "import ballgan": ("", IMPORT, 20.0),
    "ballgan --help": (COMMAND, HELP, 10.0),
    "load and first preview": ("", FIRST_FRAME, 1.0),
    "viewer to its window, offscreen": (
        COMMAND,
        WINDOW + VIEWER.format("'--script', 'none.json'"),
        2.0,
    ),
    "viewer to first picture, offscreen": (
        COMMAND,
        SHOWN + VIEWER.format(f"'--script', '{SCRIPT}'"),
        None,
    ),
    "viewer to finished picture, offscreen": (
        COMMAND,
        VIEWER.format("'--screenshot', 'window.png'"),
        None,
    ),
}
QUICK = ("import ballgan", "ballgan --help")


def run(code: str, folder: str) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and peak MiB of a new process."""
    # Without the settings of `make bench`: commands have their own, and the library has none.
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
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
    begin, code, target = PROGRAMS[name]
    fast, plain = begin + code, begin + EVERYTHING + code
    run(fast, folder), run(plain, folder)  # fills the system's cache
    runs = [(run(fast, folder), run(plain, folder)) for _ in range(repeats)]
    return {
        "what": name,
        **compare_times([(first[:2], second[:2]) for first, second in runs]),
        "target": target,
        "fast peak MiB": max(first[2] for first, _ in runs),
        "plain peak MiB": max(second[2] for _, second in runs),
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
