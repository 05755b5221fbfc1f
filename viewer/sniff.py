"""Whether a dropped file is a picture, a model, a session or cameras: its content decides."""

import os
import stat

UNKNOWN = ""  # what a file is that could not be recognised
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# Also kinds that we do not read: the error is then about a picture.
PICTURE_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
)
MODEL_BEGINNINGS = (b"PK\x03\x04", b"\x80")  # torch.save, pickle
CAMERA_KEYS = (b'"ballgan camera"', b'"cameras"', b'"frames"', b'"transform_matrix"', b'"labels"')
HEAD = 16  # bytes
JSON_HEAD = 2**16  # bytes of a text that are looked through


def recognise(path: str) -> str:
    """What a file should be opened as: "session", also for a picture with one, "cameras", "picture"
    or "model"; a folder is a "run"."""
    from ballgan.session import holds_session

    if os.path.isdir(path):
        return "run"
    if is_picture(path):
        return "session" if holds_session(path) else "picture"
    is_json = read_head(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    if not is_json and not path.lower().endswith(".json"):
        return "model"
    text = read_head(path, JSON_HEAD)
    holds_cameras = any(key in text for key in CAMERA_KEYS)
    return "cameras" if holds_cameras and b'"ballgan session"' not in text else "session"


def is_picture(path: str) -> bool:
    """Whether a file should be opened as a picture; its suffix decides if the content does not."""
    head = read_head(path)
    if head.startswith(PICTURE_BEGINNINGS) or head[:4] + head[8:12] == b"RIFFWEBP":
        return True
    is_safetensors = head[8:9] == b"{"
    if head.startswith(MODEL_BEGINNINGS) or is_safetensors:
        return False
    return path.lower().endswith(PICTURE_SUFFIXES)


def read_head(path: str, size: int = HEAD) -> bytes:
    """The first bytes of a file; none of what is no file or cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would make us wait
            return b""
        with open(path, "rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""
