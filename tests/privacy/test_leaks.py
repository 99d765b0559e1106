"""No patient data in logs, file names, run.json, tracebacks or temporary files.

A name, ids and dates are planted in a study whose folder and files are called after the patient,
too; every command runs on it, and everything that any of them said or wrote is searched.
"""

import shutil
import sys
from pathlib import Path

import pydicom
import pytest

from tests.conftest import Exam
from tests.privacy.planted import FAMILY, GIVEN, PATIENT_ID, VISIT, plant, traces, traces_in
from tests.privacy.watching import Watched

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on files are POSIX")

IDENTIFYING = (
    "source.json", "seg.dcm", "seg_all.dcm", "sr.dcm", "report.dcm", "fhir.json",
)  # fmt: skip
"""The record of whom a reading belongs to, and the documents that go into a patient's file."""

CASE = "joint: knee\nage: 75\nsex: female\npresent: [acute_trauma]\nabsent: [fever]\n"


@pytest.fixture(scope="module")
def place(small_exam: Exam, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Every command, run once."""
    root = tmp_path_factory.mktemp("leaks")
    place = Watched(root)
    exam = named_study(small_exam, root / "in")
    later = named_study(small_exam, root / "in later", "20200301")
    bones = ("--bones", small_exam.bones, "--bone-labels", "registry")
    (root / "case.yaml").write_text(CASE)
    codes = {
        "inspect": place.run("inspect", exam),
        "inspect --json": place.run("inspect", exam, "--json"),
        "bones": place.run("bones", exam, "-o", "bones.nii.gz"),
        "read": place.run("read", exam, *bones, "--only-primary", "--case", "case.yaml", "-o", "r"),
        "measure": place.run(
            "measure", *bones, "--edema", small_exam.edema, "--image", later, "-o", "later"
        ),
        "follow": place.run("follow", "r", "later", "-o", "course"),
        "explain": place.run("explain", "case.yaml", "--reading", "r/reading.json"),
        "export": place.run("export", "r"),
        "deidentify": place.run("deidentify", exam, "-o", "clean"),
    }
    assert {name: code for name, code in codes.items() if code} == {}, place.said
    return place


def named_study(exam: Exam, folder: Path, visit: str = VISIT) -> Path:
    """A copy of the exam with the identity in it, in names as people give them."""
    study = folder / f"{FAMILY}_{GIVEN}_{visit}"
    shutil.copytree(exam.dicom, study)
    plant(study, visit)
    if visit != VISIT:
        brighten(study)
    for path in list(study.rglob("*.dcm")):
        path.rename(path.with_name(f"{PATIENT_ID}_{path.name}"))
    return study


def brighten(study: Path) -> None:
    """Make another visit of it: one study named twice is refused."""
    for path in study.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = (dataset.pixel_array + 1).astype(dataset.pixel_array.dtype).tobytes()
        dataset.SOPInstanceUID += ".1"
        dataset.save_as(path)


def test_no_command_says_who_it_is(place: Watched) -> None:
    assert [traces(text.encode()) for text in place.said] == [[] for _ in place.said]


@pytest.mark.parametrize("out", ["r", "later", "course", "clean"])
def test_no_file_but_those_of_the_patient_says_who_it_is(place: Watched, out: str) -> None:
    assert traces_in(place.root / out, but=IDENTIFYING) == {}


def test_the_files_of_bones_say_nothing(place: Watched) -> None:
    for path in place.root.glob("bones.*"):
        assert traces(path.read_bytes()) == [], path.name


def test_what_may_identify_does_and_only_its_owner_may_read_it(place: Watched) -> None:
    """The search finds what is there: the record does hold the id, with mode 0600."""
    record = place.root / "r" / "source.json"
    assert PATIENT_ID in traces(record.read_bytes())
    assert record.stat().st_mode & 0o777 == 0o600
    assert traces((place.root / "r" / "export" / "sr.dcm").read_bytes())


def test_no_temporary_file_holds_the_patient(place: Watched) -> None:
    """Also those that lived for a moment only: they were copied before they were removed."""
    assert traces_in(place.temporary) == {}
    assert list(place.temporary.iterdir()) == []
    assert traces_in(place.kept, but=IDENTIFYING) == {}
    assert list(place.kept.iterdir())


def test_failures_say_nothing(small_exam: Exam, tmp_path: Path) -> None:
    place = Watched(tmp_path)
    exam = named_study(small_exam, tmp_path / "in")
    bones = ("--bones", small_exam.bones, "--bone-labels", "registry", "--only-primary")
    fluid = sorted(p for p in exam.rglob("*.dcm") if "pdfs" in p.parent.name)
    whole = fluid[4].read_bytes()
    mine = (*bones[:4], "--edema", small_exam.edema, "--image", exam)
    broken = {"BROKEN": "marrowlight.study.inspect.describe", "QUOTED": FAMILY}
    codes = [
        place.run("inspect", exam, **broken),
        place.run("measure", *mine, "-o", "a", file_bytes=4000),  # disk full
        place.run("deidentify", exam, "-o", "b", file_bytes=4000),
        place.run("read", exam, *bones, "--joint", "other", "-o", "c"),
    ]
    fluid[4].write_bytes(whole[: len(whole) // 2])
    codes.append(place.run("read", exam, *bones, "-o", "d"))
    codes.append(place.run("inspect", exam, "--no-isolate"))
    fluid[4].unlink()
    codes.append(place.run("read", exam, *bones, "-o", "e"))  # a slice is missing
    assert codes == [1, 1, 1, 3, 3, 3, 3], place.said
    assert "ValueError" in place.said[0]
    assert "inspect.py" in place.said[0]
    assert [traces(text.encode()) for text in place.said] == [[] for _ in place.said]
    assert traces_in(place.temporary) == {}
    assert traces_in(place.kept, but=IDENTIFYING) == {}
    assert not any((tmp_path / name).exists() for name in "abcde")
