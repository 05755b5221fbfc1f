"""The panoramas that are part of the installation."""

from importlib import resources
from pathlib import Path

SUFFIX = ".jpg"


def bundled_panoramas() -> dict[str, str]:
    """Names and paths of the bundled panoramas, such as "studio", in order.

    They were drawn by assets/make_panoramas.py and are free to use.
    """
    folder = Path(str(resources.files("ballgan.assets"))) / "panoramas"
    return {path.stem: str(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
