"""The structured report holds the numbers of the reading, and says that nobody has checked them."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pydicom
import pytest
from made_material import image_files, knee_material, oblique_grid
from pydicom.sr import _concepts_dict
from pydicom.sr.coding import Code

from benchmarks.second_readers import dcmqi, sr_by_dcmqi
from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.anatomy.registry import bone_registry
from marrowlight.edema.measurement import IntervalKind
from marrowlight.errors import DocumentError
from marrowlight.export import codes
from marrowlight.export.common import as_file
from marrowlight.export.read_back import check_sr
from marrowlight.export.seg import edema_seg
from marrowlight.export.sr import measurement_sr
from marrowlight.report.amount import interval_of
from marrowlight.study.study import Side

GRID = oblique_grid()
NONE = np.zeros(GRID.shape, bool)


def by_dcmqi(material) -> dict:
    """The measurement groups by tracking UID, as dcmqi reads them."""
    if not dcmqi("tid1500reader"):
        pytest.skip("dcmqi is not installed")
    return sr_by_dcmqi(as_file(measurement_sr(material)))


def values(group: dict) -> dict[str, float]:
    return {i["quantity"]["CodeValue"]: float(i["value"]) for i in group["measurementItems"]}


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_an_independent_reader_finds_volume_interval_share_and_side(side):
    bones = [LabelledBone(1, "femur", side), LabelledBone(2, "tibia", side)]
    material = knee_material(GRID, bones=bones, side=side)
    found = list(by_dcmqi(material).values())
    femur = material.bones_read[0]
    group = next(g for g in found if g["TrackingIdentifier"].startswith("edema, femur"))
    assert group["FindingSite"]["CodeMeaning"] == "Femur"
    assert group["Laterality"]["CodeMeaning"].lower() == side.value
    assert group["Finding"]["CodeValue"] == "79654002"
    told = values(group)
    assert told["118565006"] == pytest.approx(femur.edema.volume_mm3, abs=1e-3)
    assert told["BONE_SHARE"] == pytest.approx(100 * femur.edema.bone_share, abs=1e-3)
    limits = interval_of(femur.edema, IntervalKind.READER_AGREEMENT)
    assert told["VOL_READER_LOW"] == pytest.approx(limits.low_mm3, abs=1e-3)
    assert told["VOL_READER_HIGH"] == pytest.approx(limits.high_mm3, abs=1e-3)
    again = interval_of(femur.edema, IntervalKind.REPEATABILITY)
    item = next(i for i in group["measurementItems"] if i["quantity"]["CodeValue"] == "118565006")
    spread = {p["numProperty"]["CodeValue"]: p for p in item["measurementNumProperties"]}
    upper = spread["371886008"]
    assert upper["numPropertyUnits"]["CodeValue"] == "mm3"
    assert told["118565006"] + float(upper["numPropertyValue"]) == pytest.approx(
        again.high_mm3, abs=1e-3
    )


def test_every_lesion_has_a_group_that_refers_to_the_segment_of_its_bone():
    material = knee_material(GRID)
    seg = edema_seg(material)
    named = {
        s.SegmentLabel.split(": ")[-1].split(",")[0]: s.SegmentNumber for s in seg.SegmentSequence
    }
    groups = by_dcmqi(material).values()
    lesions = [g for g in groups if g["TrackingIdentifier"].startswith("lesion")]
    assert len(lesions) == sum(len(one.edema.lesions) for one in material.bones_read) > 0
    for group in lesions:
        assert group["ReferencedSegment"] == named[group["FindingSite"]["CodeMeaning"].lower()]
    report = measurement_sr(material)
    listed = [
        one.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    ]
    assert seg.SOPInstanceUID in listed


def test_every_group_begins_with_the_measurements_of_the_first():
    """3D Slicer names the columns of its table by the first group, and fills them by position."""
    groups = [
        [item["quantity"]["CodeValue"] for item in group["measurementItems"]]
        for group in by_dcmqi(knee_material(GRID)).values()
    ]
    first = groups[0]
    assert len(first) == 5
    assert all(group[: len(first)] == first for group in groups)


def test_a_negative_reading_reports_each_bone_as_free_of_edema():
    material = knee_material(GRID, edema=NONE)
    report = measurement_sr(material)
    check_sr(as_file(report), material)
    text = str(report)
    assert text.count("Absent") == 2
    assert "Present" not in text


def test_it_is_unverified_preliminary_and_says_so_once():
    report = measurement_sr(knee_material(GRID))
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert report.CompletionFlag == "COMPLETE"
    assert report.SeriesDescription == "Marrowlight measurements, automatic, not verified"
    comment = report.ContentSequence[-1].TextValue
    assert comment.count("no medical device") == 1
    assert "not verified" in comment


def test_no_cause_is_ever_a_code():
    report = measurement_sr(knee_material(GRID))
    used = {str(c.value) for c in report.iterall() if c.keyword == "CodeMeaning"}
    assert not {m for m in used if "necrosis" in m.lower() or "arthritis" in m.lower()}
    assert "Impressions" not in used
    assert "Conclusion" not in used


def test_a_changed_volume_is_noticed():
    material = knee_material(GRID)
    report = measurement_sr(material)
    item = next(i for i in report.iterall() if i.keyword == "NumericValue")
    item.value = "1.5"
    with pytest.raises(DocumentError, match="structured report"):
        check_sr(as_file(report), material)


def test_the_same_reading_gives_the_same_bytes():
    files = image_files(GRID)
    one, two = (as_file(measurement_sr(knee_material(GRID, files=files))) for _ in range(2))
    assert one == two


def test_bones_keep_their_tracking_over_visits_and_lesions_where_a_course_says_so():
    first = knee_material(GRID)
    lesion = first.bones_read[0].edema.lesions[0]
    later = knee_material(
        GRID,
        files=image_files(GRID, StudyInstanceUID="1.2.3.9"),
        tracks={lesion.id: first.lesion_key(lesion)},
        found=False,
    )
    one, two = (tracking_of(measurement_sr(m)) for m in (first, later))
    assert first.reading.reading_id != later.reading.reading_id
    assert one["edema, femur, right"] == two["edema, femur, right"]
    name = f"lesion {first.reading.reading_id}/{lesion.id}"
    assert one[name] == two[name]
    others = [k for k in two if k.startswith("lesion") and k != name]
    assert not {two[k] for k in others} & set(one.values())


def test_the_bones_of_another_patient_have_other_trackings():
    one = tracking_of(measurement_sr(knee_material(GRID)))
    files = image_files(GRID, PatientID="P2")
    two = tracking_of(measurement_sr(knee_material(GRID, files=files)))
    assert one["edema, femur, right"] != two["edema, femur, right"]


def tracking_of(report) -> dict[str, str]:
    """Tracking identifier to tracking UID."""
    texts = [
        (str(i.TextValue) if "TextValue" in i else str(i.UID))
        for i in _items(report)
        if i.get("ConceptNameCodeSequence")
        and i.ConceptNameCodeSequence[0].CodeValue in ("112039", "112040")
    ]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _items(node):
    for item in node.get("ContentSequence", ()):
        yield item
        yield from _items(item)


def test_every_public_code_is_in_the_dictionaries():
    known = {
        (scheme, code)
        for scheme, words in _concepts_dict.concepts.items()
        for entries in words.values()
        for code in entries
    }
    used = [c for c in vars(codes).values() if isinstance(c, Code)]
    used += [*codes.SIDES.values(), *codes.JOINTS.values()]
    used += [codes.bone_code(bone) for bone in bone_registry()]
    # Annotations of UCUM and languages are made by rule and stand in no list.
    public = [c for c in used if c.scheme_designator in ("SCT", "DCM", "LN")]
    assert len(public) > 25
    assert [c for c in public if (c.scheme_designator, c.value) not in known] == []


def test_codes_of_our_own_are_listed_and_fit():
    own = [
        c
        for c in vars(codes).values()
        if isinstance(c, Code) and c.scheme_designator == codes.SCHEME
    ]
    assert set(own) <= set(codes.PRIVATE)
    assert len({c.value for c in codes.PRIVATE}) == len(codes.PRIVATE)
    assert all(len(c.value) <= 16 and len(c.meaning) <= 64 for c in codes.PRIVATE)


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools is not installed")
@pytest.mark.parametrize("edema", [None, NONE])
def test_the_validator_finds_nothing_but_our_own_scheme(tmp_path, edema):
    more = {} if edema is None else {"edema": edema}
    path = tmp_path / "sr.dcm"
    path.write_bytes(as_file(measurement_sr(knee_material(GRID, **more))))
    seen = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = [line for line in seen.stderr.splitlines() if line.startswith(("Error", "Warning"))]
    assert [line for line in lines if codes.SCHEME not in line] == []


def test_names_in_any_script_survive():
    files = image_files(GRID, PatientName="Müller^Jörg=米勒^尤尔根")
    file = as_file(measurement_sr(knee_material(GRID, files=files)))
    assert str(pydicom.dcmread(BytesIO(file)).PatientName) == "Müller^Jörg=米勒^尤尔根"
