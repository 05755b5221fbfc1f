"""GLSL sources from the shaders folder: #include, and compiler messages with file and line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"\s*$')
# Mesa "0:12(5): error: ...", Apple and AMD "ERROR: 0:12: ...", NVIDIA "0(12) : error C1008: ..."
LOCATION = re.compile(r"^(?P<before>(?:ERROR|WARNING):\s*)?(?P<file>\d+)[:(](?P<line>\d+)")


class ShaderError(RuntimeError):
    """A shader that is missing, includes itself or does not compile."""


@dataclass(frozen=True)
class Source:
    """GLSL text ready for the compiler, and the files that it came from."""

    text: str
    files: tuple[str, ...]  # in the order of the numbers that #line gives them


def read_shader(name: str) -> str:
    """The text of a file in the shaders folder. Raises ShaderError if there is none."""
    file = resources.files("ballgan_viewer.shaders") / name
    if not file.is_file():
        raise ShaderError(f"shaders/{name}: no such shader")
    return file.read_text("utf-8")


def load_source(name: str, read: Callable[[str], str] = read_shader) -> Source:
    """Read a shader and put the files that it includes in place, each once.

    `#line` directives keep file and line for the compiler's messages; see `explain`.
    """
    files: list[str] = []
    text = "\n".join(_expand(name, read, files)) + "\n"
    return Source(text, tuple(files))


def explain(log: str, source: Source) -> str:
    """A compiler's log with `file:line:` in place of the driver's own way to say where."""
    return "\n".join(_explain_line(line, source) for line in log.strip("\0 \n").splitlines())


def _expand(name: str, read: Callable[[str], str], files: list[str]) -> list[str]:
    number = len(files)
    files.append(name)
    lines = []
    for index, line in enumerate(read(name).splitlines(), start=1):
        include = INCLUDE.match(line)
        if include is None:
            lines.append(line)
            if number == 0 and line.startswith("#version"):
                lines.append(f"#line {index + 1} 0")
        elif include[1] not in files:
            try:
                included = _expand(include[1], read, files)
            except ShaderError as error:
                raise ShaderError(f"shaders/{name}:{index}: {error}") from None
            lines += [f"#line 1 {files.index(include[1])}", *included]
            lines.append(f"#line {index + 1} {number}")
    return lines


def _explain_line(line: str, source: Source) -> str:
    found = LOCATION.match(line)
    if found is None or int(found["file"]) >= len(source.files):
        return line
    rest = re.sub(r"^(\(\d+\)|\))?\s*:?\s*", "", line[found.end() :])
    return f"shaders/{source.files[int(found['file'])]}:{found['line']}: {rest}"
