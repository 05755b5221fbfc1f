"""Atomic writes: all or nothing, and the permissions and links that were there."""

import os
import stat
from pathlib import Path

import pytest

from ballgan.files import atomic_write


def test_writes_and_leaves_nothing_else(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"new")
        assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_exception_keeps_the_old_file(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_file_can_be_read_back_and_seeked(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"
        file.seek(1)
        file.write(b"X")
    assert (tmp_path / "a.bin").read_bytes() == b"aXc"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions(tmp_path: Path) -> None:
    ordinary, kept = tmp_path / "ordinary", tmp_path / "kept"
    ordinary.write_bytes(b"")
    kept.write_bytes(b"")
    kept.chmod(0o640)
    for path in (tmp_path / "new", kept):
        with atomic_write(path) as file:
            file.write(b"x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


def test_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.parent.mkdir()
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("this system does not allow links")
    with atomic_write(link) as file:
        file.write(b"x")
    assert link.is_symlink() and target.read_bytes() == b"x"


def test_impossible_places(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder"), atomic_write(tmp_path):
        pass
    with (
        pytest.raises(FileNotFoundError, match="does not exist"),
        atomic_write(tmp_path / "no" / "a"),
    ):
        pass


def test_long_name(tmp_path: Path) -> None:
    with atomic_write(tmp_path / ("n" * 250)) as file:
        file.write(b"x")
    assert len(os.listdir(tmp_path)) == 1
