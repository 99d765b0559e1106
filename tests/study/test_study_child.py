"""The child process: the same result, and an end to what eats memory or time."""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
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
from marrowlight.study.confine import REFUSED_CALLS
from marrowlight.study.limits import GIB, Limits
from marrowlight.study.maskfile import read_mask
from marrowlight.study.open import open_study
from marrowlight.study.packing import pack, unpack
from marrowlight.study.parse import parse_each
from marrowlight.study.wire import WireError, receive, send


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
    told = '{"at": [1, 2, "/exam/bad.dcm"], "arrays": []}'
    fake.write_text(f"#!/bin/sh\nread order\necho '{told}'\nkill -SEGV $$\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(UnreadableFile, match=r"ended abnormally \(code -11\)") as caught:
        parse_in_child([tmp_path], Limits())
    assert caught.value.where == "/exam/bad.dcm"


def test_what_comes_back_is_never_unpickled(tmp_path: Path) -> None:
    save(slice_sets(picture(), oblique_grid(), **STIR_TAGS), tmp_path / "a")
    wire = io.BytesIO()
    for found in parse_each([tmp_path / "a"], Limits()):
        send(wire, *pack(found))
    wire.seek(0)
    got = []
    while (message := receive(wire, GIB)) is not None:
        assert {array.dtype.kind for array in message[1]} <= set("iuf")
        got += unpack(message)
    assert len(got) == 6
    for bad in ("O", "V8", "S1", "M8", "(1000,1000)i4"):
        line = json.dumps({"file": [], "arrays": [[bad, [1], False]]}).encode() + b"\n"
        with pytest.raises(WireError):
            receive(io.BytesIO(line + b"\0" * 4000000), GIB)


@pytest.mark.parametrize(
    "answer",
    [
        '{"file": [["slice", "x", 1, 0, [], [], [], {}]], "arrays": []}',
        '{"file": [["skipped", {"file": "x"}]], "arrays": []}',
        '{"file": [["image"]], "arrays": []}',
        '{"file": 3, "arrays": []}',
        '{"failure": {"kind": "os", "found": "x"}, "arrays": []}',
        '{"at": ["x"], "arrays": []}',
        '{"arrays": [["<i2", [-5], false]]}',
        '{"arrays": [["<i8", [1000000, 1000000, 1000000], false]]}',
        "[" * 5000,
        "",
    ],
)
def test_an_answer_of_a_child_gone_wrong_is_our_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    write_series(tmp_path)
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nread order\necho '{answer}'\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(UnreadableFile, match=r"makes no sense|ended abnormally"):
        parse_in_child([tmp_path], Limits())


def test_a_child_that_answers_without_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\nread order\nyes \'{"arrays": [["<i8", [1000000000], false]]}\'\n')
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    start = time.monotonic()
    with pytest.raises(UnreadableFile, match="ended abnormally"):
        parse_in_child([tmp_path], Limits(total_bytes=1000, image_bytes=1000, seconds=60))
    assert time.monotonic() - start < 30


def test_arrays_of_every_order_and_byte_order_come_back_equal() -> None:
    base = np.arange(24).reshape(2, 3, 4)
    arrays = [base, np.asfortranarray(base), base[:, ::2], base.astype(">i2"), base.T.astype("f4")]
    wire = io.BytesIO()
    send(wire, {"x": 1}, [*arrays, np.zeros((0, 3), "u1")])
    wire.seek(0)
    message = receive(wire, GIB)
    assert message is not None
    for sent, got in zip(arrays, message[1], strict=False):
        np.testing.assert_array_equal(sent, got)
        assert sent.dtype == got.dtype


def test_a_mask_comes_out_of_the_child_as_it_is(tmp_path: Path) -> None:
    grid = oblique_grid()
    labels = (picture(grid.shape) % 3).astype(np.uint8)
    path = write_nifti(tmp_path / "mask.nii.gz", labels, grid)
    mask = read_mask(path, [grid], isolate=True)
    assert mask.grid is grid
    np.testing.assert_array_equal(mask.labels, labels)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UnreadableFile, match=r"mask\.nii\.gz is cut off") as caught:
        read_mask(path, [grid], isolate=True)
    with pytest.raises(UnreadableFile) as here:
        read_mask(path, [grid])
    assert str(caught.value) == str(here.value)


def test_the_working_folder_is_no_place_for_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "exam")
    for name in ("numpy", "marrowlight", "json"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)
    assert len(open_study("exam", isolate=True).series) == 1
    assert not (tmp_path / "ran").exists()


def test_the_child_gets_no_secrets_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARROWLIGHT_TOKEN", "secret")
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(UnreadableFile):
        parse_in_child([tmp_path], Limits())
    assert "PATH=" in (tmp_path / "seen").read_text()
    assert "secret" not in (tmp_path / "seen").read_text()


CONFINED = """
import os, sys
from marrowlight.study.confine import confine
confine(2**32, 20, os.getppid())
import errno, resource, socket
def tried(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"
def written():
    with open(sys.argv[1] + "/out", "wb", buffering=0) as file:
        file.write(b"voxels")
print(tried(lambda: socket.socket()))
print(tried(lambda: os.execv("/bin/true", ["true"])))
print(tried(written))
print(tried(lambda: [open("/dev/null") for _ in range(100)]))
print(resource.getrlimit(resource.RLIMIT_CORE)[1], resource.getrlimit(resource.RLIMIT_AS)[1])
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in REFUSED_CALLS,
    reason="only Linux refuses system calls",
)
def test_a_confined_process_reaches_no_network_no_program_and_no_disk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, tmp_path], capture_output=True, text=True, check=True
    )
    told = done.stdout.split("\n")
    assert told[:4] == ["EPERM", "EPERM", "EFBIG", "EMFILE"]
    assert told[4] == f"0 {2**32}"


BOUND = """
import os, sys, time
if os.fork() == 0:
    from marrowlight.study.confine import confine
    confine(2**32, 20, os.getppid())
    os.write(1, f"{os.getpid()}".encode())
    time.sleep(60)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_the_child_ends_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", BOUND], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(os.read(parent.stdout.fileno(), 20))
    parent.kill()
    parent.wait()
    for _ in range(100):
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child outlived its parent")
    parent.stdout.close()
