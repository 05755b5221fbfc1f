"""What is installed: commands, data, and which modules may import which."""

import ast
import fnmatch
import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

import ballgan_train.__main__ as train_command
import pytest

import ballgan
import ballgan.cli.main as command

ROOT = Path(__file__).resolve().parents[1]
WINDOW_AND_TRAINING = {
    "glfw",
    "OpenGL",
    "imgui_bundle",
    "dearpygui",
    "ballgan_viewer",
    "ballgan_train",
}
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import ballgan
for module in pkgutil.walk_packages(ballgan.__path__, "ballgan."):
    importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def imported_packages(folder: str) -> Iterator[tuple[str, str]]:
    """(file, top-level package) of every absolute import below a folder, lazy ones too."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            yield from ((str(path), name.partition(".")[0]) for name in names)


def readme_blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def readme_commands(program: str) -> list[list[str]]:
    """Arguments of every line in the README's shell blocks that runs a program."""
    lines = "".join(readme_blocks("sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == [program]]


# Imports


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("ballgan", WINDOW_AND_TRAINING),
        ("assets", WINDOW_AND_TRAINING),
        ("viewer", {"ballgan_train"}),
        ("train", {"ballgan_viewer"}),
    ],
)
def test_dependencies_point_one_way(folder: str, forbidden: set[str]) -> None:
    wrong = [found for found in imported_packages(folder) if found[1] in forbidden]
    assert not wrong


@pytest.mark.parametrize("folder", ["viewer", "train"])
def test_installed_names_are_not_used_inside(folder: str) -> None:
    inside = {"viewer", "train", f"ballgan_{'viewer' if folder == 'viewer' else 'train'}"}
    wrong = [found for found in imported_packages(folder) if found[1] in inside]
    assert not wrong


def test_library_loads_no_window_and_no_training() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"ballgan", "torch"} <= loaded
    assert not loaded & WINDOW_AND_TRAINING


# What is installed


@pytest.mark.parametrize("name", ["ballgan", "ballgan-viewer", "ballgan-train"])
def test_commands_are_installed(name: str) -> None:
    (entry,) = metadata.entry_points(group="console_scripts", name=name)
    assert callable(entry.load())


@pytest.mark.parametrize("module", ["ballgan", "ballgan_viewer", "ballgan_train"])
def test_commands_explain_themselves(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ballgan")


def test_training_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command.main(["--help"]) == 0
    assert "data check" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("ballgan.assets", ["heads.pkl"]),
        ("ballgan_viewer.shaders", ["picture.vert", "picture.frag"]),
    ],
)
def test_data_can_be_reached(package: str, names: list[str]) -> None:
    for name in names:
        assert (resources.files(package) / name).is_file()


def test_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", ballgan.__version__)
    assert metadata.version("ballgan") == ballgan.__version__


@pytest.mark.parametrize("folder", ["ballgan", "viewer", "shaders", "train", "assets"])
def test_every_folder_with_modules_is_a_package(folder: str) -> None:
    """setup.py finds packages by their __init__.py; a module elsewhere would not be installed."""
    folders = {path.parent for path in (ROOT / folder).rglob("*.py")}
    assert (ROOT / folder) in folders
    assert [path for path in folders if not (path / "__init__.py").is_file()] == []


@pytest.mark.parametrize("folder", ["viewer", "shaders", "train", "assets"])
def test_every_data_file_is_installed(folder: str) -> None:
    tomllib = pytest.importorskip("tomllib")
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = {"viewer": "ballgan_viewer", "train": "ballgan_train"}.get(folder)
    package = package or {"shaders": "ballgan_viewer.shaders", "assets": "ballgan.assets"}[folder]
    patterns = options["tool"]["setuptools"]["package-data"].get(package, [])
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    data = [
        path.relative_to(ROOT / folder).as_posix()
        for path in files
        if path.suffix not in (".py", ".pyc")
        and path.parent.name != "windows"  # the README's pictures
    ]
    missing = [n for n in data if not any(fnmatch.fnmatch(n, pattern) for pattern in patterns)]
    assert not missing


# The README


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = readme_blocks("python")
    shutil.copy(ROOT / "assets" / "heads.pkl", tmp_path / "model.pkl")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    written = {path.name for path in tmp_path.iterdir()}
    assert {"picture.png", "head.glb"} <= written


def test_readme_commands_are_valid() -> None:
    commands = readme_commands("ballgan")
    assert {arguments[0] for arguments in commands} == {"info", "render", "export", "convert"}
    parser = command.build_parser()
    for arguments in commands:
        parser.parse_args(command.join_negative_values(arguments))


def test_readme_viewer_commands_are_valid() -> None:
    viewer = pytest.importorskip("ballgan_viewer.main")
    commands = readme_commands("ballgan-viewer")
    assert commands
    for arguments in commands:
        viewer.parse(arguments)


def test_keys_in_the_readme_are_those_of_the_viewer() -> None:
    commands = pytest.importorskip("ballgan_viewer.commands")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    arrows = {"\u2190": "Left", "\u2192": "Right", "\u2191": "Up", "\u2193": "Down"}
    shown = {arrows.get(key, key) for key in re.findall(r"<kbd>(.*?)</kbd>", text)}
    keys = {
        part
        for row in commands.COMMANDS
        for keys in row.keys
        for part in re.split(r"\+(?=.)", str(keys))
    }
    assert shown <= keys | pytest.importorskip("ballgan_viewer.navigation").FLY_KEYS.keys()
    assert {"B", "R", "S"} <= shown


def test_readme_training_commands_are_valid() -> None:
    commands = readme_commands("ballgan-train")
    assert commands
    for arguments in commands:
        words, rest = train_command.split_command(arguments)
        parser = train_command.Parser()
        name = train_command.COMMANDS[words][0]
        importlib.import_module(f"ballgan_train.{name}").add_arguments(parser)
        unknown = parser.parse_known_args(rest)[1]
        assert not unknown


def test_readme_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for arguments in readme_commands("make"):
        targets = [word for word in arguments if "=" not in word]
        assert targets
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_readme_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    for target in (one or other for one, other in targets):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_setup_maps_the_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    setuptools = pytest.importorskip("setuptools")
    given: dict[str, object] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **options: given.update(options))
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "setup.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    packages = given["packages"]
    assert isinstance(packages, list)
    assert {"ballgan.cli", "ballgan_viewer.panels", "ballgan.assets"} <= set(packages)
