"""Whether a dropped file is a picture, a model or a session: its content decides."""

import os
import stat

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
HEAD = 16  # bytes


def recognise(path: str) -> str:
    """What a file should be opened as: "session", also for a picture with one, "picture" or
    "model"; a folder is a "run"."""
    from ballgan.session import holds_session

    if os.path.isdir(path):
        return "run"
    if is_picture(path):
        return "session" if holds_session(path) else "picture"
    is_json = read_head(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return "session" if is_json or path.lower().endswith(".json") else "model"


def is_picture(path: str) -> bool:
    """Whether a file should be opened as a picture; its suffix decides if the content does not."""
    head = read_head(path)
    if head.startswith(PICTURE_BEGINNINGS) or head[:4] + head[8:12] == b"RIFFWEBP":
        return True
    is_safetensors = head[8:9] == b"{"
    if head.startswith(MODEL_BEGINNINGS) or is_safetensors:
        return False
    return path.lower().endswith(PICTURE_SUFFIXES)


def read_head(path: str) -> bytes:
    """The first bytes of a file; none of what is no file or cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would make us wait
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return b""
