"""The child process: the same result, and an end to what eats memory or time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from study_files import (
    STIR_TAGS,
    oblique_grid,
    picture,
    save,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import InputError, LimitExceeded, NoImages, UnreadableFile
from marrowlight.study.child import parse_in_child
from marrowlight.study.limits import GIB, Limits
from marrowlight.study.open import open_study
from marrowlight.study.packing import pack, unpack
from marrowlight.study.parse import parse


def test_a_child_gives_the_same_study(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom")
    write_nifti(tmp_path / "t1w.nii.gz", picture(seed=1), oblique_grid())
    (tmp_path / "note.txt").write_text("x")
    told: list[tuple[int, int, str]] = []
    here = open_study(tmp_path)
    there = open_study(tmp_path, isolate=True, progress=lambda *a: told.append(a))
    assert [s.role for s in there.series] == [s.role for s in here.series]
    for a, b in zip(here.series, there.series, strict=True):
        np.testing.assert_array_equal(a.volume.voxels, b.volume.voxels)
        np.testing.assert_array_equal(a.volume.grid.affine, b.volume.grid.affine)
        assert a.sources == b.sources
    assert there.set_aside == here.set_aside
    assert told[-1][0] == 8


def test_errors_come_out_of_the_child_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="nowhere"):
        parse_in_child([tmp_path / "nowhere"], Limits())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces the limit on memory")
def test_a_child_out_of_memory_is_our_error(tmp_path: Path) -> None:
    big = np.zeros((400, 400, 400), np.int16)
    write_nifti(tmp_path / "stir.nii.gz", big, oblique_grid((400, 400, 400)))
    with pytest.raises(InputError, match=r"MemoryError|memory"):
        open_study(tmp_path, isolate=True, limits=Limits(memory_bytes=GIB // 4))


def test_a_child_out_of_time_is_our_error(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(LimitExceeded, match=r"longer than 0\.01 s"):
        open_study(tmp_path, isolate=True, limits=Limits(seconds=0.01))


def test_a_crash_names_the_file_that_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path)
    # A decoder that crashes is played by an interpreter that dies after naming a file.
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho '[1, 2, \"/exam/bad.dcm\"]'\nkill -SEGV $$\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(UnreadableFile, match=r"ended abnormally \(code -11\)") as caught:
        parse_in_child([tmp_path], Limits())
    assert caught.value.where == "/exam/bad.dcm"


def test_what_comes_back_is_never_unpickled(tmp_path: Path) -> None:
    save(slice_sets(picture(), oblique_grid(), **STIR_TAGS), tmp_path / "a")
    pack(parse([tmp_path / "a"]), tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("iuf")
    assert len(unpack(tmp_path / "out.npz").slices) == 6
