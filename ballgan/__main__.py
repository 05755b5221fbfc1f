"""What the command `ballgan` begins with, and `python -m ballgan`."""

import sys

from .process import tune_command


def main() -> int:
    """Run the command line of this process and return the exit status."""
    if sys.argv[1:2] != ["evaluate"]:  # which ballgan-train does
        tune_command()  # before anything large is imported: it may begin anew
    from .cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
