"""The panoramas that are part of the installation."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

FOLDER, SUFFIX = "panoramas", ".jpg"


def bundled_panoramas() -> dict[str, str]:
    """Names and paths of the bundled panoramas, such as "studio", in order.

    They were drawn by assets/make_panoramas.py and are free to use.
    """
    return dict(_find())


def locate_panorama(path: str) -> str:
    """`path`, or that of the bundled panorama it means where another installation has it."""
    file = Path(path)
    if file.parent.name != FOLDER or file.suffix != SUFFIX or file.exists():
        return path
    return _find().get(file.stem, path)


@cache
def _find() -> dict[str, str]:
    assets = find_spec("ballgan.assets")
    if assets is None or assets.origin is None:
        return {}
    folder = Path(assets.origin).parent / FOLDER
    return {path.stem: str(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
