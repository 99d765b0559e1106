"""Two thousand hostile files, and a server that would tell if one of them did harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from pydicom import filereader

from benchmarks.stamp import ROOT, data_root
from marrowlight.errors import LimitExceeded, UnreadableFile
from marrowlight.study.dicom_file import dataset_of
from marrowlight.study.limits import Limits
from marrowlight.study.quiet import dicom_faults, quiet_parsers
from tests.fuzz import server, spoil_dicom
from tests.fuzz.case import make_case
from tests.fuzz.corpus import Sample, corpus
from tests.fuzz.havoc import havoc
from tests.fuzz.report import Tally, page, place_of

CASES, SEED = 2000, 2
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the server forks")


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return corpus(None)


@pytest.mark.slow
def test_two_thousand_hostile_files_do_no_harm(tmp_path: Path) -> None:
    words = ["--cases", str(CASES), "--seed", str(SEED), "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert f"| cases | {CASES:,} (seed {SEED}) |" in done.stdout


def test_a_case_is_the_same_each_time(samples: list[Sample]) -> None:
    again = corpus(None)
    for number in range(60):
        one, other = make_case(samples, 5, number), make_case(again, 5, number)
        assert one.files == other.files
    assert make_case(samples, 5, 0).files != make_case(samples, 6, 0).files


def test_most_cases_are_damaged_and_each_sound_file_is_read(
    samples: list[Sample], tmp_path: Path
) -> None:
    from tests.fuzz.target import read

    changed = [n for n in range(200) if (c := make_case(samples, 1, n)).files != c.sample.files]
    assert len(changed) > 180
    for sample in samples:
        folder = server.written(tmp_path, sample.files)
        told = read(sample.kind, folder, list(sample.files), sample.like)
        assert any(word.endswith("opened") for word in told), (sample.name, told)


def test_the_walk_before_the_parser_sees_nearly_every_depth_that_the_parser_reaches(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not see (a spoilt file header) ends in Python's own limit, as our error."""
    deepest = depth = 0
    read = filereader.read_sequence

    def counted(*arguments: object, **more: object) -> object:
        nonlocal deepest, depth
        depth += 1
        deepest = max(deepest, depth)
        try:
            return read(*arguments, **more)
        finally:
            depth -= 1

    monkeypatch.setattr(filereader, "read_sequence", counted)
    deep, missed = 0, []
    for number in range(400):
        chance = Random(f"depth {number}")
        sample = samples[number % 7]  # DICOM, in all its encodings.
        data = next(iter(sample.files.values()))
        for step in chance.sample([spoil_dicom.nest, spoil_dicom.spoil, havoc], k=3):
            data = step(chance, data)[:500_000]
        deepest = depth = 0
        refused = ""
        with quiet_parsers():
            try:
                dataset_of(data, Limits())
            except LimitExceeded as error:
                refused = error.found
            except RecursionError:
                missed.append(number)
            except dicom_faults():
                pass
            except UnreadableFile:
                pass
        assert deepest <= Limits().depth or number in missed, (number, deepest, refused)
        deep += "deep" in refused
    assert deep > 50
    assert len(missed) <= deep / 50


def _crash(*_: object) -> list[str]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def _hang(*_: object) -> list[str]:
    while True:
        pass


def _take(*_: object) -> list[str]:
    return ["study: opened"] * int(np.ones(100_000_000).sum() > 0)


def _take_too_much(*_: object) -> list[str]:
    return [str(np.ones(10**12).sum())]


def _fail(*_: object) -> list[str]:
    return [{}["x"]]


def _warn(*_: object) -> list[str]:
    return [str(np.float32(1e30) * np.float32(1e30))]


def _end(*_: object) -> list[str]:
    os._exit(3)


@pytest.mark.parametrize(
    ("harm", "finding", "said"),
    [
        (_crash, "crash", "SIGSEGV"),
        (_hang, "hang", "SIGXCPU"),
        (_take, "memory", "MiB"),
        (_take_too_much, "memory", "MemoryError"),
        (_fail, "exception", "KeyError"),
        (_warn, "exception", "overflow"),
        (_end, "crash", "said nothing"),
    ],
)
def test_the_server_tells_of_every_harm(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    harm: object, finding: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(server, "read", harm)
    monkeypatch.setattr(server, "HANG_CPU_S", 3)
    one = server.one_case(samples, 1, 0, tmp_path)
    assert one.finding == finding
    assert said in one.detail
    tally = Tally(1, len(samples), 0)
    tally.add(one)
    assert list(tally.distinct()) == [place_of(one)]
    assert "**1**" in page(tally.figures())


def test_a_case_that_does_no_harm_says_what_became_of_it(
    samples: list[Sample], tmp_path: Path
) -> None:
    one = server.one_case(samples, 1, 0, tmp_path)
    assert one.finding == ""
    assert one.told
    assert 0 < one.cpu_s < server.HANG_CPU_S


@pytest.mark.data
def test_real_images_are_among_the_samples(data: Path) -> None:
    assert data_root() is not None
    real = [one.name for one in corpus(data) if one.name.startswith("real-")]
    assert {"real-stir", "real-knee_ge_qdess_echo2"} <= set(real)
