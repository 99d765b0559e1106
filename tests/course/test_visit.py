"""A visit, and its way back from the folder of an earlier reading."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowlight.course.visit import BoneKey
from marrowlight.edema.detection import detection_limits
from marrowlight.edema.intervals import Origin
from marrowlight.errors import GridMismatch, UnreadableFile
from marrowlight.output import write_result
from marrowlight.study.study import Side
from marrowlight.visit_folder import date_of, is_reading, visit_folder
from tests.course.made_visit import Ball, made_visit, result_of

BALL = Ball("femur", (5, 0, 20), 8)


def test_masks_of_another_grid_are_refused() -> None:
    visit = made_visit([BALL])
    with pytest.raises(GridMismatch, match="edema mask"):
        replace(visit, edema=visit.edema[1:])
    with pytest.raises(GridMismatch, match="image"):
        replace(visit, image=np.zeros((2, 2, 2), np.float32))


def test_a_bone_without_a_side_gets_that_of_the_visits() -> None:
    nameless = made_visit([BALL], side=Side.UNKNOWN)
    assert set(nameless.keys(Side.LEFT)) == {
        BoneKey("femur", Side.LEFT), BoneKey("tibia", Side.LEFT)
    }  # fmt: skip
    assert set(made_visit(bones=["tibia"]).keys(Side.RIGHT)) == {BoneKey("tibia", Side.LEFT)}


def test_what_is_told_from_nothing_depends_on_who_made_the_mask() -> None:
    drawn, found = made_visit([BALL]), made_visit([BALL], drawn=False)
    assert drawn.origin is Origin.DRAWN
    assert drawn.floor_mm3 == drawn.measured[0].edema.smallest_counted_mm3
    assert found.origin is Origin.FOUND
    assert found.floor_mm3 == max(detection_limits()[0].mm3, drawn.floor_mm3)


def test_a_reading_comes_back_with_its_masks(tmp_path: Path) -> None:
    visit = made_visit([BALL, Ball("tibia", (0, 0, -20), 6)])
    write_result(tmp_path / "out", result_of(visit))
    assert is_reading(tmp_path / "out")
    assert is_reading(tmp_path / "out" / "reading.json")
    assert not is_reading(tmp_path)
    back = visit_folder(tmp_path / "out")
    bones, edema = back.masks()
    assert (edema == visit.edema).all()
    assert (bones.labels == visit.bones.labels).all()
    assert bones.grid.matches(visit.bones.grid)
    assert bones.bones == visit.bones.bones
    assert back.image(bones) is None, "no image belongs to it"
    assert back.identity.date is None


def test_the_date_and_the_patient_come_from_source_json_and_only_as_a_hash(
    tmp_path: Path,
) -> None:
    folders = []
    for name, patient in (("a", "Doe^1 "), ("b", "doe^1"), ("c", "Roe^2")):
        folder = tmp_path / name
        write_result(folder, result_of(made_visit([BALL])))
        record = json.loads((folder / "source.json").read_text())
        record["identity"] = {"patient_id": patient, "study_date": "20240131"}
        (folder / "source.json").write_text(json.dumps(record))
        folders.append(visit_folder(folder))
    first, same, other = (f.identity for f in folders)
    assert first.date == datetime.date(2024, 1, 31)
    assert first.patient
    assert first.patient == same.patient != other.patient
    assert "doe" not in first.patient


def test_a_source_json_of_another_reading_says_nothing(tmp_path: Path) -> None:
    write_result(tmp_path, result_of(made_visit([BALL])))
    record = json.loads((tmp_path / "source.json").read_text())
    record |= {"identity": {"study_date": "20240131"}, "reading_id": "of another"}
    (tmp_path / "source.json").write_text(json.dumps(record))
    assert visit_folder(tmp_path).identity.date is None


@pytest.mark.parametrize("name", ["bones.nii.gz", "edema.nii.gz"])
def test_a_missing_mask_is_told_by_name(tmp_path: Path, name: str) -> None:
    write_result(tmp_path, result_of(made_visit([BALL])))
    (tmp_path / name).unlink()
    with pytest.raises(UnreadableFile, match=name):
        visit_folder(tmp_path).masks()


@pytest.mark.parametrize("text", ["", "20240231", "yesterday", None, "2024"])
def test_no_date_is_none(text: object) -> None:
    assert date_of(text) is None
