"""The `ballgan-train` command: train, data check, data pack, data toyworld, evaluate, monitor.

Exit status: 0 done (also when asked to stop), 1 failed, 2 wrong usage, 130 interrupted at once.
Errors are one line on stderr.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence

from ballgan.cli.values import Parser
from ballgan.errors import explain

# Command -> module with `add_arguments` and `run`, and a summary. Heavy imports come with `run`.
COMMANDS = {
    ("train",): ("train_command", "train a generator (also without the word: ballgan-train ...)"),
    ("data", "check"): ("data_check", "look into a dataset and report every fault"),
    ("data", "pack"): ("data_pack", "make a dataset from images, with camera poses or without"),
    ("data", "toyworld"): ("toyworld.command", "make a procedural dataset with ground truth"),
    ("evaluate",): ("evaluate", "measure how good a model is, on one page"),
    ("monitor",): ("monitor", "watch a run in a window"),
}
USAGE = """usage: ballgan-train COMMAND ...

Train 3D-aware GANs with a sphere background.

commands:
{commands}

ballgan-train COMMAND --help says more.
"""
LONGEST_MESSAGE = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: of this process) and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[given[0] == "data" :][:1] in (["-h"], ["--help"]):
        rows = [f"  {' '.join(words):<16}{summary}" for words, (_, summary) in COMMANDS.items()]
        print(USAGE.format(commands="\n".join(rows)), end="")
        return 0 if given else 2
    debug = "--debug" in given
    try:
        words, rest = split_command(given)
        module = importlib.import_module(f".{COMMANDS[words][0]}", __package__)
        parser = Parser(prog=f"ballgan-train {' '.join(words)}", description=COMMANDS[words][1])
        module.add_arguments(parser)
        parser.add_argument("--debug", action="store_true", help="show tracebacks")
        if words != ("train",):
            return module.run(parser.parse_args(rest))
        args, options = parser.parse_known_args(rest)
        return module.run(args, options)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        print("ballgan-train: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            traceback.print_exception(error)
        print(f"ballgan-train: error: {describe(error)}", file=sys.stderr)
        return 1


def split_command(given: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The words that name a command, and what follows; training if there are none.

    Raises SystemExit, after a message, if a word is missing.
    """
    for words in COMMANDS:
        if tuple(given[: len(words)]) == words:
            return words, given[len(words) :]
    if given[0] == "data":
        choices = ", ".join(words[1] for words in COMMANDS if words[0] == "data")
        got = f"; got {given[1]!r}" if len(given) > 1 else ""
        Parser(prog="ballgan-train data").error(f"one of {choices} is needed{got}")
    return ("train",), given


def describe(error: Exception) -> str:
    """One line that says what went wrong."""
    message = explain(error)
    if len(message) > LONGEST_MESSAGE:  # a compiler's, for example
        message = message[:LONGEST_MESSAGE] + " ... (--debug shows all)"
    expected = isinstance(error, (ValueError, OSError, RuntimeError, ArithmeticError))
    return message if expected and message else f"{type(error).__name__}: {message}"


if __name__ == "__main__":
    sys.exit(main())
