"""The panoramas that are part of the installation."""

from importlib.util import find_spec
from pathlib import Path

SUFFIX = ".jpg"


def bundled_panoramas() -> dict[str, str]:
    """Names and paths of the bundled panoramas, such as "studio", in order.

    They were drawn by assets/make_panoramas.py and are free to use.
    """
    assets = find_spec("ballgan.assets")
    if assets is None or assets.origin is None:
        return {}
    folder = Path(assets.origin).parent / "panoramas"
    return {path.stem: str(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
