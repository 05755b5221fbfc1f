"""Atomic writes: all or nothing, and the permissions and links that were there."""

import errno
import os
import stat
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ballgan.errors import explain
from ballgan.files import (
    atomic_folder,
    atomic_write,
    check_writable,
    move_new,
    remove_abandoned,
    scratch_folder,
    shorten_name,
)

resource = pytest.importorskip("resource")  # Unix


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


def test_failed_writes_name_the_file_whoever_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))  # as full as a disk can be
    try:
        with pytest.raises(OSError, match=r"cannot write: File too large: '.*a\.bin'") as caught:
            with atomic_write(path) as file:
                torch.save(torch.zeros(10_000), file)  # hides the reason in a RuntimeError
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_failed_writes_in_a_folder_name_the_folder_that_is_to_be(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"\] cannot write: File too large") as caught:
        with atomic_folder(tmp_path / "film") as folder:
            raise OSError(errno.EFBIG, "cannot write: File too large", str(folder / "00001.png"))
    assert caught.value.filename == str(tmp_path / "film" / "00001.png")
    assert os.listdir(tmp_path) == []


def test_impossible_places(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder"), atomic_write(tmp_path):
        pass
    with (
        pytest.raises(FileNotFoundError, match="does not exist"),
        atomic_write(tmp_path / "no" / "a"),
    ):
        pass


@pytest.mark.parametrize("name", ["n" * 255, "漢" * 82 + ".glb"])
def test_long_name(name: str, tmp_path: Path) -> None:
    check_writable(tmp_path / name)
    with atomic_write(tmp_path / name) as file:
        file.write(b"x")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX file systems")
def test_name_that_is_too_long_is_told_before_writing(tmp_path: Path) -> None:
    path = tmp_path / ("漢" * 86)
    for write in (check_writable, write_x):
        with pytest.raises(OSError, match="too long") as error:
            write(path)
        assert error.value.filename == str(path)


def write_x(path: Path) -> None:
    with atomic_write(path) as file:
        file.write(b"x")


def test_probe_leaves_nothing_and_needs_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    for path in (tmp_path / "a", tmp_path / "b", tmp_path / "new" / "folder" / "c"):
        check_writable(path)
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path)
    with pytest.raises(OSError, match="cannot write") as error:
        check_writable(tmp_path / "a" / "b")
    assert error.value.filename == str(tmp_path / "a" / "b")


@pytest.mark.parametrize("write", [check_writable, write_x])
def test_errors_name_the_file_and_not_the_temporary_one(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("ballgan.files._Disk", refuse)
    with pytest.raises(PermissionError, match="cannot write: Permission denied") as error:
        write(tmp_path / "a.obj")
    assert error.value.filename == str(tmp_path / "a.obj")


def test_failed_rename_names_the_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(source), None, str(target))

    monkeypatch.setattr("ballgan.files.os.replace", refuse)
    with pytest.raises(PermissionError) as error:
        write_x(tmp_path / "a.obj")
    assert error.value.filename == str(tmp_path / "a.obj") and error.value.filename2 is None
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("linked", [True, False])
def test_a_new_name_is_never_one_that_is_taken(
    linked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(source))

    if not linked:
        monkeypatch.setattr("ballgan.files.os.link", refuse)
    (tmp_path / "taken").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    with scratch_folder(tmp_path) as scratch:
        (scratch / "a").write_bytes(b"new")
        (scratch / "b").mkdir()
        for source, target in (("a", "taken"), ("b", "taken"), ("b", "folder")):
            with pytest.raises(FileExistsError):
                move_new(scratch / source, tmp_path / target)
        move_new(scratch / "a", tmp_path / "a")
        move_new(scratch / "b", tmp_path / "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "folder", "taken"]
    assert (tmp_path / "taken").read_bytes() == b"old" and (tmp_path / "a").read_bytes() == b"new"


def test_scratch_folders_of_killed_programs_are_removed_after_a_day(tmp_path: Path) -> None:
    for name, age in ("0123456789ab", 2 * 24 * 3600), ("ba9876543210", 3600):
        left = tmp_path / f".unfinished.{name}.tmp"
        left.mkdir()
        (left / "00001.png").touch()
        for path in left / "00001.png", left:
            os.utime(path, (time.time() - age,) * 2)
    with scratch_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == [".unfinished.ba9876543210.tmp"]


def test_what_cannot_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f".{name}.0123456789ab.tmp" for name in "ab"]
    for path in paths:
        path.write_bytes(b"half")
    unlink, failed = Path.unlink, []

    def fail_first(path: Path, missing_ok: bool = False) -> None:
        if not failed:
            failed.append(path)
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", fail_first)
    remove_abandoned(tmp_path)
    assert [path for path in paths if path.exists()] == failed


def test_a_scratch_folder_is_removed_and_its_errors_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write: No space left") as caught:
        with scratch_folder(tmp_path) as scratch, atomic_write(scratch / "a.bin") as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(scratch / "a.bin"))
    assert caught.value.filename == str(tmp_path / "a.bin")
    assert os.listdir(tmp_path) == []


def test_names_are_cut_by_bytes_and_stay_different() -> None:
    assert shorten_name("漢" * 5, 15) == "漢" * 5
    cut = shorten_name("漢" * 5 + "x", 15)
    assert cut == f"漢漢-{zlib.crc32(('漢' * 5 + 'x').encode()):08x}"
    assert cut != shorten_name("漢" * 5 + "y", 15)


def test_errors_are_told_without_the_number_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Errno") as caught:
        (tmp_path / "nowhere" / "a.bin").read_bytes()
    assert explain(caught.value) == f"No such file or directory: {tmp_path}/nowhere/a.bin"
    assert explain(ValueError("two\n lines")) == "two lines"
    assert explain(OSError("cannot write a: it exists")) == "cannot write a: it exists"
