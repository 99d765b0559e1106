"""A reading is written whole or not at all, and an older one stays intact."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from marrowlight.errors import OutputExists, OutputNotWritable
from marrowlight.report import atomic
from marrowlight.report.atomic import (
    OUTPUTS,
    PRIVATE,
    READING,
    OutputFolder,
    check_folder,
    write_together,
)


def written(folder: Path, content: bytes, *names: str, overwrite: bool = False) -> None:
    with OutputFolder(folder, overwrite=overwrite) as out:
        for name in names:
            out.write(name, content)


def everything(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_files_appear_with_their_content_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path / "a" / "b", b"1", "run.json", READING)
    assert everything(tmp_path / "a" / "b") == {"run.json": b"1", READING: b"1"}


def test_a_folder_that_holds_a_reading_is_refused_and_the_way_out_named(tmp_path: Path) -> None:
    written(tmp_path, b"old", READING)
    with pytest.raises(OutputExists, match="--overwrite"):
        check_folder(tmp_path, overwrite=False)
    check_folder(tmp_path, overwrite=True)


def test_overwriting_removes_what_the_new_reading_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(b"mine")
    written(tmp_path, b"old", *OUTPUTS)
    written(tmp_path, b"new", READING, "bones.nii.gz", overwrite=True)
    assert everything(tmp_path) == {
        READING: b"new", "bones.nii.gz": b"new", "mine.txt": b"mine"
    }  # fmt: skip


def test_files_of_the_same_name_that_are_no_reading_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "bones.nii.gz").write_bytes(b"drawn by hand")
    with pytest.raises(OutputExists, match=r"bones\.nii\.gz.*belong to no reading"):
        check_folder(tmp_path, overwrite=True)


def _no_space() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("accident", "seen"), [(_no_space, OutputNotWritable), (_interrupt, KeyboardInterrupt)]
)
def test_an_accident_leaves_the_older_reading_intact(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accident: Callable[[], None],
    seen: type[BaseException],
) -> None:
    written(tmp_path, b"old", *OUTPUTS)
    before = everything(tmp_path)
    real = os.fsync
    calls = iter(range(100))
    monkeypatch.setattr(os, "fsync", lambda fd: accident() if next(calls) == 3 else real(fd))
    with pytest.raises(seen):
        written(tmp_path, b"new", *OUTPUTS, overwrite=True)
    assert everything(tmp_path) == before


def test_an_accident_in_a_new_folder_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: _no_space())
    with pytest.raises(OutputNotWritable, match="disk is full"):
        written(tmp_path / "new" / "deep", b"x" * 10, READING)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_how_much_is_needed_and_free(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputNotWritable, match=r"1000000000\.0 MB are needed.* MB are free"),
        OutputFolder(tmp_path / "out", overwrite=False) as out,
    ):
        out.reserve(10**15)
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_puts_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, b"old", *OUTPUTS)
    before = everything(tmp_path)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == tmp_path / "run.json" and self.parent.name != "old":
            raise OSError(errno.EACCES, "Permission denied")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputNotWritable, match="Permission denied"):
        written(tmp_path, b"new", *OUTPUTS, overwrite=True)
    assert everything(tmp_path) == before


def test_ctrl_c_while_files_take_their_place_waits_until_they_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, b"old", *OUTPUTS)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == tmp_path / "run.json":
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, b"new", *OUTPUTS, overwrite=True)
    assert set(everything(tmp_path).values()) == {b"new"}


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputNotWritable, match="out is a file"):
        check_folder(tmp_path / "out" / "deeper", overwrite=True)


def test_a_folder_without_permission_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic.os, "access", lambda path, mode: False)
    with pytest.raises(OutputNotWritable, match="permission"):
        check_folder(tmp_path / "out", overwrite=False)


def test_a_private_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", overwrite=False) as out:
        out.write("source.json", b"{}", mode=PRIVATE)
    assert stat.S_IMODE((tmp_path / "out" / "source.json").stat().st_mode) == 0o600


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    new = {tmp_path / "new" / "b.json": b"1", tmp_path / "b.png": b"2"}
    write_together(new, overwrite=False)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.*")} == new
    with pytest.raises(OutputExists, match="--overwrite"):
        write_together({tmp_path / "b.png": b"3", tmp_path / "c.json": b"3"}, overwrite=False)
    assert (tmp_path / "b.png").read_bytes() == b"2"
    assert not (tmp_path / "c.json").exists()
    write_together({tmp_path / "b.png": b"4"}, overwrite=True)
    assert (tmp_path / "b.png").read_bytes() == b"4"


def test_a_full_disk_leaves_files_that_belong_together_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_together({tmp_path / "a": b"1", tmp_path / "b": b"1"}, overwrite=False)
    calls: list[int] = []

    def second_fails(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", second_fails)
    with pytest.raises(OutputNotWritable, match="full"):
        write_together({tmp_path / "a": b"2", tmp_path / "b": b"2"}, overwrite=True)
    assert everything(tmp_path) == {"a": b"1", "b": b"1"}


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.png").mkdir()
    with pytest.raises(OutputNotWritable, match="folder"):
        write_together({tmp_path / "b.png": b"1"}, overwrite=True)
