"""Shader sources: #include, and messages with file and line."""

import pytest
from ballgan_viewer.glsl import ShaderError, explain, load_source
from viewer_driver import require_gl

FILES = {
    "main.frag": '#version 410 core\n#include "a.glsl"\nvoid main() { wrong }\n',
    "a.glsl": 'float a;\n#include "b.glsl"\nfloat c;\n',
    "b.glsl": "float b;\n",
    "loop.glsl": '#include "loop.glsl"\nfloat x;\n',
    "broken.frag": '#version 410 core\n\n#include "nowhere.glsl"\n',
}


def read(name: str) -> str:
    if name not in FILES:
        raise ShaderError(f"shaders/{name}: no such shader")
    return FILES[name]


def test_includes_are_put_in_place_with_line_numbers() -> None:
    source = load_source("main.frag", read)
    assert source.files == ("main.frag", "a.glsl", "b.glsl")
    assert source.text.splitlines() == [
        "#version 410 core",
        "#line 2 0",
        "#line 1 1",
        "float a;",
        "#line 1 2",
        "float b;",
        "#line 3 1",
        "float c;",
        "#line 3 0",
        "void main() { wrong }",
    ]


def test_a_file_is_included_once() -> None:
    assert load_source("loop.glsl", read).text == "float x;\n"


def test_a_missing_include_names_file_and_line() -> None:
    with pytest.raises(ShaderError, match=r"shaders/broken\.frag:3: shaders/nowhere\.glsl"):
        load_source("broken.frag", read)
    with pytest.raises(ShaderError, match=r"shaders/nothing\.vert: no such shader"):
        load_source("nothing.vert")


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("1:3(7): error: syntax", "shaders/a.glsl:3: error: syntax"),  # Mesa
        ("ERROR: 2:1: 'x' : undeclared", "shaders/b.glsl:1: 'x' : undeclared"),  # Apple, AMD
        ("0(12) : error C1008: bad", "shaders/main.frag:12: error C1008: bad"),  # NVIDIA
        ("something else", "something else"),
    ],
)
def test_messages_of_all_drivers_name_file_and_line(log: str, expected: str) -> None:
    assert explain(log, load_source("main.frag", read)) == expected


def test_our_own_shaders_are_found() -> None:
    for name in "picture.vert", "picture.frag", "surface.vert", "surface.frag":
        assert load_source(name).text.startswith("#version 410 core")


def test_a_real_compiler_error_names_file_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    require_gl()
    from ballgan_viewer.window import Window, WindowOptions

    window = Window(WindowOptions(size=(16, 16), offscreen=True))
    try:
        from ballgan_viewer import gl

        monkeypatch.setattr(gl, "load_source", lambda name: load_source("main.frag", read))
        with pytest.raises(ShaderError, match=r"shaders/main\.frag:3: .*"):
            gl.Program("main.frag", "main.frag")
    finally:
        window.close()
