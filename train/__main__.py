"""The `ballgan-train` command. It says that training is not part of this version yet."""

import argparse
import sys
from collections.abc import Sequence

NOT_YET = (
    "training is not part of this version yet; this version opens, shows, renders and exports "
    "trained models (ballgan-viewer, ballgan)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Say that there is no training yet, and return the exit status 1."""
    parser = argparse.ArgumentParser(prog="ballgan-train", description=f"Note: {NOT_YET}.")
    parser.parse_known_args(arguments)
    print(f"ballgan-train: error: {NOT_YET}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
