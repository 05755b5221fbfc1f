"""What the command `ballgan-viewer` begins with, and `python -m ballgan_viewer`."""

import sys

from ballgan.process import tune_command


def main() -> int:
    """Run the command line of this process and return the exit status."""
    tune_command()  # before anything large is imported: it may begin anew
    from .main import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
