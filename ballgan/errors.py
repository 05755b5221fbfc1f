"""The exceptions that are ours; everything else a caller can do wrong is a ValueError."""


class CheckpointError(ValueError):
    """A file that is not a model we can read: damaged, truncated, hostile or of another kind."""


class Cancelled(Exception):
    """Raised by a caller's progress function to stop a render or an export between two steps."""


class OutOfMemory(MemoryError):
    """The memory of a GPU does not suffice, however small the pieces; it says what to do."""


def explain(error: BaseException) -> str:
    """What went wrong, in one line; with a file, without the number that the system has for it."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.strerror}: {error.filename}"
    return " ".join(text.split())
