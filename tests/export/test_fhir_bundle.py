"""A FHIR bundle says what the reading says, and nothing that is not known."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import many_readings as many
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_material import knee_material, material_on

from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.export import codes
from marrowlight.export.fhir import fhir_bundle, fhir_bytes
from marrowlight.export.fhir.elements import SYSTEMS
from marrowlight.export.material import Material
from marrowlight.export.uids import bone_tracking, document_uids, lesion_tracking
from marrowlight.report.amount import interval_of
from marrowlight.study.origin import SourceFrame
from marrowlight.study.parse import parse
from marrowlight.study.stack import stack_slices
from marrowlight.study.study import Side
from tests.hostile_strings import HOSTILE, unsafe_characters

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "fhir.md"
LEFT, RIGHT = "7771000", "24028007"


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [one["resource"] for one in bundle["entry"]]
    return [one for one in found if one["resourceType"] == kind]


def by_urn(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["fullUrl"]: one["resource"] for one in bundle["entry"]}


def component(observation: dict[str, Any], code: Any) -> float | None:
    """The value of a component; its code, unit and system are part of what is asked for."""
    for one in observation.get("component", ()):
        asked = {"system": SYSTEMS[code.scheme_designator], "code": code.value}
        if asked.items() <= one["code"]["coding"][0].items():
            assert one["valueQuantity"]["system"] == "http://unitsofmeasure.org"
            return one["valueQuantity"]["value"]
    return None


def side_of(observation: dict[str, Any]) -> str | None:
    (site,) = observation["contained"]
    assert observation["focus"][0]["reference"] == f"#{site['id']}"
    qualifiers = site.get("locationQualifier", [])
    return qualifiers[0]["coding"][0]["code"] if qualifiers else None


def everything(value: Any) -> list[Any]:
    """All values inside a bundle, at any depth."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(x for part in parts for x in everything(part))]


def check_numbers(material: Material) -> None:
    """Every bone and lesion of the reading is there with its numbers and its side, and no other."""
    bundle = fhir_bundle(material)
    held = by_urn(bundle)
    (report,) = resources(bundle, "DiagnosticReport")
    named = [held[one["reference"]] for one in report["result"]]
    bones = [bone for region in material.reading.regions for bone in region.bones]
    read = [one for one in named if "dataAbsentReason" not in one]
    assert len(read) == len(bones)
    count = 0
    for observation, bone in zip(read, bones, strict=True):
        members = [held[one["reference"]] for one in observation.get("hasMember", ())]
        pairs = [(observation, bone.edema), *zip(members, bone.edema.lesions, strict=True)]
        count += len(pairs)
        for said, edema in pairs:
            assert component(said, codes.VOLUME) == edema.volume_mm3
            assert component(said, codes.CYST_VOLUME) == edema.cyst_volume_mm3
            assert component(said, codes.BONE_SHARE) == pytest.approx(100 * edema.bone_share)
            for kind, (low, high) in codes.LIMITS.items():
                one = interval_of(edema, kind)
                assert component(said, low) == (one.low_mm3 if one else None)
                assert component(said, high) == (one.high_mm3 if one else None)
            side = {Side.LEFT: LEFT, Side.RIGHT: RIGHT}.get(material.side_of(bone))
            assert side_of(said) == side
            text = said["bodySite"]["text"].lower()
            assert ("left" in text, "right" in text) == (side == LEFT, side == RIGHT)
            assert said["bodySite"]["coding"][0]["code"] == codes.bone_code(bone.bone).value
            there = said["valueCodeableConcept"]["coding"][0]["code"]
            assert there == ("52101004" if edema.volume_mm3 > 0 else "272519000")
        assert component(observation, codes.LESION_COUNT) == len(bone.edema.lesions)
        for said, lesion in zip(members, bone.edema.lesions, strict=True):
            assert component(said, codes.CONTRAST) == lesion.contrast
            assert component(said, codes.SURFACE_DISTANCE) == lesion.distance_to_surface_mm
    missed = sum(len(region.not_read) for region in material.reading.regions)
    assert len(resources(bundle, "Observation")) == count + missed


MADE = {
    "positive": lambda: knee_material(many.GRID),
    "negative": many.negative,
    "both knees": many.both_knees,
    "side unknown": many.unknown_side,
    "read in part": many.part_read,
    "no DICOM": many.no_dicom,
    "given mask": lambda: knee_material(many.GRID, found=False),
}


@pytest.mark.parametrize("name", MADE)
def test_volumes_intervals_shares_and_sides_are_those_of_the_reading(name: str) -> None:
    check_numbers(MADE[name]())


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_a_phantom_that_was_read_keeps_its_numbers(small_exam: Any, kind: str) -> None:
    material = many.phantom(small_exam, kind)
    assert any(bone.edema.lesions for bone in material.reading.regions[0].bones)
    check_numbers(material)


@pytest.mark.parametrize("folder", ["knee_ge_qdess_echo2", "head_siemens_enhanced"])
def test_a_real_header_names_its_study_and_series(data: Any, folder: str) -> None:
    stacked = stack_slices(parse([data / "dicom" / folder]).slices)
    series = next(one for one in stacked if one.volume is not None and one.defect is None)
    grid = series.volume.grid
    labels = np.zeros(grid.shape, np.uint8)
    labels[4:24, 4:20] = 1
    edema = np.zeros(grid.shape, bool)
    edema[8:16, 8:12, 1:] = True
    bones = (LabelledBone(1, "femur", Side.LEFT),)
    material = material_on(series, grid, edema, labels, bones, side=Side.LEFT)
    check_numbers(material)
    (study,) = resources(fhir_bundle(material), "ImagingStudy")
    assert study["identifier"][0]["value"].endswith(material.dicom.header["StudyInstanceUID"])
    assert study["series"][0]["uid"] == material.dicom.header["SeriesInstanceUID"]
    assert study["series"][0]["modality"]["code"] == "MR"
    objects = {one.sop for one in material.dicom.frames}
    assert study["series"][0]["numberOfInstances"] == len(objects)
    assert (len(objects) == 1) == ("enhanced" in folder)


@given(
    sides=st.permutations([Side.LEFT, Side.RIGHT, Side.UNKNOWN]),
    density=st.sampled_from([0.0, 0.03, 0.5]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15, deadline=None)
def test_any_edema_on_any_side_keeps_its_numbers(
    sides: list[Side], density: float, seed: int
) -> None:
    edema = np.random.default_rng(seed).random(many.GRID.shape) < density
    bones = (LabelledBone(1, "femur", sides[0]), LabelledBone(2, "hip_bone", sides[1]))
    check_numbers(knee_material(many.GRID, edema=edema, bones=bones, side=sides[2]))


def test_a_bone_that_was_not_read_is_unknown_and_not_absent() -> None:
    bundle = fhir_bundle(many.part_read("it is cut off"))
    (report,) = resources(bundle, "DiagnosticReport")
    (missed,) = [one for one in resources(bundle, "Observation") if "dataAbsentReason" in one]
    assert missed["bodySite"]["text"] == "Right patella"
    assert missed["dataAbsentReason"]["text"] == "Not read: it is cut off"
    assert "valueCodeableConcept" not in missed
    assert "component" not in missed
    assert missed in [by_urn(bundle)[one["reference"]] for one in report["result"]]
    assert "Not read: Patella (it is cut off)." in report["conclusion"]


def test_what_was_not_measured_is_left_out_and_never_zero(small_exam: Any) -> None:
    material = many.drawn(small_exam)
    lesions = many.lesions_of(material)
    assert lesions
    assert all(one.contrast is None for one in lesions)
    said = json.dumps(fhir_bundle(material))
    assert '"CONTRAST"' not in said
    assert "null" not in said


@pytest.mark.parametrize("name", MADE)
def test_it_is_marked_as_preliminary_and_names_no_cause(name: str) -> None:
    material = MADE[name]()
    bundle = fhir_bundle(material)
    (report,) = resources(bundle, "DiagnosticReport")
    for one in (report, *resources(bundle, "Observation")):
        assert one["status"] == "preliminary"
    assert not any("conclusionCode" in one for one in everything(bundle) if isinstance(one, dict))
    assert material.reading.summary in report["conclusion"]
    assert "not verified" in report["conclusion"]
    text = fhir_bytes(material).decode()
    assert text.count(material.reading.disclaimer) == 1
    assert ("Automatic, not verified." in text) == (name != "given mask")


@pytest.mark.parametrize("name", MADE)
def test_its_parts_refer_to_each_other_and_nothing_is_empty(name: str) -> None:
    bundle = fhir_bundle(MADE[name]())
    names = [one["fullUrl"] for one in bundle["entry"]]
    keys = [one["request"]["ifNoneExist"] for one in bundle["entry"]]
    assert len(set(names)) == len(names) == len(set(keys))
    for one in bundle["entry"]:
        first = one["resource"]["identifier"][0]
        assert one["request"]["ifNoneExist"] == f"identifier={first['system']}|{first['value']}"
    values = everything(bundle)
    references = [
        one["reference"] for one in values if isinstance(one, dict) and "reference" in one
    ]
    assert set(references) <= {*names, "#site"}
    # Servers replace a name of the bundle wherever they find it, so it must be in no identifier.
    assert not {one for one in values if isinstance(one, str)} & set(names) - set(
        references + names
    )
    assert [one for one in values if one in ([], {}, "", None)] == []


def test_the_same_reading_gives_the_same_bytes() -> None:
    material = many.part_read()
    assert fhir_bytes(dataclasses.replace(material)) == fhir_bytes(material)


def test_of_another_study_with_the_same_voxels_nothing_is_taken_for_this_one() -> None:
    here = many.with_header()
    there = many.with_header(StudyInstanceUID="1.2.3.4")
    assert here.reading.reading_id == there.reading.reading_id
    same = by_urn(fhir_bundle(here)).keys() & by_urn(fhir_bundle(there)).keys()
    assert not same


def test_what_is_followed_keeps_its_identifiers_and_each_visit_has_its_own_observations() -> None:
    first = knee_material(many.GRID)
    second = many.second_visit(first)
    seen, keys = [], []
    for material in (first, second):
        observations = resources(fhir_bundle(material), "Observation")
        keys.append({one["identifier"][0]["value"] for one in observations})
        seen.append({one["focus"][0]["identifier"]["value"] for one in observations})
        for one in observations:
            tracked = [x["value"] for x in one["identifier"] if x != one["identifier"][0]]
            assert tracked == [x["value"] for x in one["contained"][0]["identifier"]]
    assert seen[0] == seen[1]
    assert not keys[0] & keys[1]
    expected = {bone_tracking(first, bone).uid for bone in first.reading.regions[0].bones}
    expected |= {lesion_tracking(first, one).uid for one in many.lesions_of(first)}
    assert seen[0] == {f"urn:oid:{uid}" for uid in expected}


def test_the_patient_is_named_by_identifier_alone() -> None:
    bundle = fhir_bundle(many.with_header(PatientID="P1", IssuerOfPatientID="Ward 7"))
    subject = resources(bundle, "DiagnosticReport")[0]["subject"]
    assert subject["identifier"]["value"] == "P1"
    assert subject["identifier"]["assigner"] == {"display": "Ward 7"}
    text = json.dumps(bundle)
    assert '"resourceType": "Patient"' not in text
    assert many.with_header().dicom.header["PatientName"] not in text
    assert "1970-01-02" not in text
    assert "19700102" not in text


@pytest.mark.parametrize("value", ["", "P\x001", "P1 ", "P\ud800", "P" * 300])
def test_a_patient_id_that_cannot_be_written_is_not_mended(value: str) -> None:
    subject = resources(fhir_bundle(many.with_header(PatientID=value)), "Observation")[0]["subject"]
    assert subject == {"type": "Patient", "display": "Not known: the images name no patient"}


def test_of_images_that_were_no_dicom_there_is_no_study_and_no_patient() -> None:
    bundle = fhir_bundle(many.no_dicom())
    assert not resources(bundle, "ImagingStudy")
    (report,) = resources(bundle, "DiagnosticReport")
    assert "imagingStudy" not in report
    assert "effectiveDateTime" not in report
    assert "identifier" not in report["subject"]
    for one in resources(bundle, "Observation"):
        assert "derivedFrom" not in one


def test_the_study_lists_what_was_read_and_our_documents() -> None:
    made = knee_material(many.GRID)
    frames = tuple(SourceFrame("1.2", f"1.2.3.{n}", None, (0, 0, n)) for n in range(4))
    t1 = {**made.dicom.header, "SeriesInstanceUID": "1.9.1", "SeriesNumber": "4"}
    echo = dataclasses.replace(made.dicom, header=t1, frames=frames[:3])
    other_echo = dataclasses.replace(echo, frames=frames[1:])
    elsewhere = dataclasses.replace(echo, header={**t1, "StudyInstanceUID": "1.8"})
    bundle = fhir_bundle(dataclasses.replace(made, others=(echo, other_echo, elsewhere)))
    (study,) = resources(bundle, "ImagingStudy")
    uid = made.dicom.header["StudyInstanceUID"]
    assert study["identifier"] == [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}]
    assert study["started"] == "2026-01-01"
    read, parts, *ours = study["series"]
    assert read["numberOfInstances"] == len(made.dicom.frames)
    assert (parts["uid"], parts["number"], parts["numberOfInstances"]) == ("1.9.1", 4, 4)
    uids = document_uids(made)
    expected = {"SEG": uids.seg, "SR": uids.sr, "DOC": uids.pdf}
    assert {one["modality"]["code"]: one["instance"][0]["uid"] for one in ours} == {
        kind: instance.sop for kind, instance in expected.items()
    }
    assert all("not verified" in one["description"] for one in ours)


def test_documents_that_cannot_be_made_are_not_listed() -> None:
    (study,) = resources(fhir_bundle(many.with_header(FrameOfReferenceUID="")), "ImagingStudy")
    assert len(study["series"]) == 1


@pytest.mark.parametrize("value", ["", "20269999", "2026", "yesterday"])
def test_a_date_that_is_none_is_left_out(value: str) -> None:
    bundle = fhir_bundle(many.with_header(StudyDate=value))
    assert "effectiveDateTime" not in resources(bundle, "DiagnosticReport")[0]
    assert "started" not in resources(bundle, "ImagingStudy")[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name: str) -> None:
    text = HOSTILE[name]
    keys = (
        "PatientID", "IssuerOfPatientID", "AccessionNumber", "StudyDescription", "StudyDate",
        "SeriesDescription", "SeriesNumber", "Modality",
    )  # fmt: skip
    plain = fhir_bundle(many.with_header())
    file = fhir_bytes(many.with_header(**dict.fromkeys(keys, text)))
    bundle = json.loads(file.decode())
    assert not unsafe_characters(file.decode())
    assert by_urn(bundle).keys() == by_urn(plain).keys()
    allowed = {"description", "value", "display"}
    for one in everything(bundle):
        for key, value in one.items() if isinstance(one, dict) else ():
            assert key in allowed or value != text


@pytest.mark.parametrize("uid", ["", "1.2.3\n", "1.2|x", "1" + ".2" * 40, "../../x", "1.2&a=b"])
def test_a_study_uid_that_is_none_makes_no_study(uid: str) -> None:
    bundle = fhir_bundle(many.with_header(StudyInstanceUID=uid))
    assert not resources(bundle, "ImagingStudy")
    assert len(resources(bundle, "Observation")) == 4


def test_the_device_says_what_measured_and_is_one_for_all_readings() -> None:
    made = knee_material(many.GRID)
    (device,) = resources(fhir_bundle(made), "Device")
    versions = {one["type"]["text"]: one["value"] for one in device["version"]}
    assert versions["Software"] == made.reading.versions.software
    assert versions["SHA-256 of the weights"] == made.reading.versions.weights
    assert resources(fhir_bundle(many.negative()), "Device") == [device]
    (other,) = resources(fhir_bundle(knee_material(many.GRID, found=False)), "Device")
    assert other["identifier"] != device["identifier"]


def test_every_code_of_our_own_is_in_the_list_of_codes() -> None:
    own = SYSTEMS[codes.SCHEME]
    values = [one for make in MADE.values() for one in everything(fhir_bundle(make()))]
    used = {one["code"] for one in values if isinstance(one, dict) and one.get("system") == own}
    assert used
    assert used <= {code.value for code in codes.PRIVATE}


def test_the_how_to_names_every_system_that_is_used() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    assert [one for key, one in SYSTEMS.items() if key != "DICOM_ID" and one not in text] == []
