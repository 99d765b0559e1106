"""A SEG says voxel by voxel, and in space, what the reading says: by us and by other readers."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_material import KNEE, blocks, image_files, knee_material, material_on, oblique_grid

from benchmarks.second_readers import (
    dcmqi,
    farthest_mm,
    points,
    seg_by_dcmqi,
    seg_by_highdicom,
)
from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.errors import DocumentError, GridMismatch, NotFromDicom
from marrowlight.export.common import as_file
from marrowlight.export.read_back import check_probability, check_seg, check_whole_seg
from marrowlight.export.seg import edema_seg, probability_seg, segment_numbers, whole_seg
from marrowlight.study.maskfile import read_mask
from marrowlight.study.study import Side

GRID = oblique_grid()
turns = st.tuples(*[st.floats(-0.6, 0.6)] * 3)


@st.composite
def materials(draw):
    """Readings on random oblique grids, sides, slice orders, gaps, single-frame or enhanced."""
    shape = (draw(st.integers(10, 18)), draw(st.integers(10, 16)), draw(st.integers(3, 7)))
    grid = oblique_grid(
        shape,
        (draw(st.floats(0.3, 1.2)), draw(st.floats(0.3, 1.2)), draw(st.floats(1.0, 5.0))),
        draw(turns),
        (draw(st.floats(-150, 150)), draw(st.floats(-90, 90)), draw(st.floats(-900, 900))),
    )
    side = draw(st.sampled_from([Side.LEFT, Side.RIGHT, Side.UNKNOWN]))
    order = draw(st.permutations(range(shape[2])))
    labels, _ = blocks(shape)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    edema = (rng.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.5]))) & (labels > 0)
    files = image_files(grid, enhanced=draw(st.booleans()), order=order)
    bones = [LabelledBone(1, "femur", side), LabelledBone(2, "tibia", side)]
    return material_on(files, grid, edema, labels, bones, side=side,
                       probability=rng.random(shape).astype(np.float32))  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(materials())
def test_every_voxel_keeps_its_place_in_space(material):
    file = as_file(edema_seg(material))
    check_seg(file, material)
    for label, number in segment_numbers(material).items():
        here = points(material.bones.grid, material.bone_of == label)
        assert farthest_mm(here, points(*seg_by_highdicom(file, number))) < 1e-3
    whole = as_file(whole_seg(material))
    check_whole_seg(whole, material)
    here = points(material.bones.grid, material.edema)
    assert farthest_mm(here, points(*seg_by_highdicom(whole, 1))) < 1e-3


@settings(max_examples=10, deadline=None)
@given(materials())
def test_no_two_segments_overlap(material):
    """Or OHIF loses a bone and halves the volumes that it shows (docs/decisions/006)."""
    seg = edema_seg(material)
    assert seg.SegmentsOverlap == "NO"
    planes = seg.pixel_array.reshape(len(seg.SegmentSequence), -1)
    assert planes.sum(axis=0).max() <= 1
    assert planes.sum() == material.edema.sum()


@settings(max_examples=10, deadline=None)
@given(materials())
def test_the_probability_keeps_its_values_and_its_place(material):
    check_probability(as_file(probability_seg(material)), material)


def told(seg):
    return [
        (
            s.SegmentLabel,
            s.SegmentedPropertyCategoryCodeSequence[0].CodeValue,
            s.SegmentedPropertyTypeCodeSequence[0].CodeValue,
            s.AnatomicRegionSequence[0].CodeValue,
            s.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeMeaning,
        )
        for s in seg.SegmentSequence
    ]


def test_each_bone_with_edema_has_its_segment_code_and_side():
    assert told(edema_seg(knee_material(GRID))) == [
        ("Bone marrow edema: femur, right", "49755003", "79654002", "71341001", "Right"),
        ("Bone marrow edema: tibia, right", "49755003", "79654002", "12611008", "Right"),
    ]


def test_all_edema_is_one_segment_of_the_joint_in_an_object_of_its_own():
    material = knee_material(GRID)
    seg, whole = edema_seg(material), whole_seg(material)
    assert told(whole) == [("Bone marrow edema", "49755003", "79654002", "49076000", "Right")]
    assert whole.SeriesDescription == "Marrowlight all edema, automatic, not verified"
    assert whole.StudyInstanceUID == seg.StudyInstanceUID
    for one in ("SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber"):
        assert whole[one].value != seg[one].value


def test_left_is_left():
    bones = [LabelledBone(1, "femur", Side.LEFT), LabelledBone(2, "tibia", Side.LEFT)]
    material = knee_material(GRID, bones=bones, side=Side.LEFT)
    segment = edema_seg(material).SegmentSequence[0]
    region = segment.AnatomicRegionSequence[0]
    assert region.AnatomicRegionModifierSequence[0].CodeValue == "7771000"
    assert segment.SegmentLabel.endswith("femur, left")


def test_a_side_that_nobody_knows_is_left_out_and_never_guessed():
    bones = [LabelledBone(1, "femur"), LabelledBone(2, "tibia")]
    seg = edema_seg(knee_material(GRID, bones=bones, side=Side.UNKNOWN))
    for segment in seg.SegmentSequence:
        assert "AnatomicRegionModifierSequence" not in segment.AnatomicRegionSequence[0]


def test_both_knees_in_one_image_stay_apart():
    bones = [LabelledBone(1, "femur", Side.LEFT), LabelledBone(2, "femur", Side.RIGHT)]
    material = knee_material(GRID, bones=bones, side=Side.MIDLINE)
    seg = edema_seg(material)
    assert [s.SegmentLabel for s in seg.SegmentSequence] == [
        "Bone marrow edema: femur, left", "Bone marrow edema: femur, right"
    ]  # fmt: skip
    assert len({s.TrackingUID for s in seg.SegmentSequence}) == 2
    check_seg(as_file(seg), material)


def test_a_negative_reading_has_one_empty_segment_and_all_its_frames():
    material = knee_material(GRID, edema=np.zeros(GRID.shape, bool))
    seg = edema_seg(material)
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["Bone marrow edema"]
    assert seg.NumberOfFrames == GRID.shape[2]
    assert not seg.pixel_array.any()
    check_seg(as_file(seg), material)


def test_no_frame_is_left_out():
    seg = edema_seg(knee_material(GRID))
    assert seg.NumberOfFrames == 2 * GRID.shape[2]


def test_it_says_that_it_is_automatic_and_not_verified():
    seg = edema_seg(knee_material(GRID))
    assert seg.SeriesDescription == "Marrowlight edema, automatic, not verified"
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmVersion == seg.SoftwareVersions


def test_a_given_mask_is_never_called_automatic():
    seg = edema_seg(knee_material(GRID, found=False))
    assert seg.SeriesDescription == "Marrowlight edema, given mask, not verified"
    assert {s.SegmentAlgorithmType for s in seg.SegmentSequence} == {"MANUAL"}


def test_patient_study_and_space_are_those_of_the_images():
    files = image_files(GRID, PatientName="Müller^Jörg=米勒", PatientID="ÄÖ-7")
    seg = pydicom.dcmread(BytesIO(as_file(edema_seg(knee_material(GRID, files=files)))))
    same = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
        "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "FrameOfReferenceUID",
    )  # fmt: skip
    for key in same:
        assert str(seg[key].value) == str(files[0][key].value), key
    assert seg.SeriesInstanceUID != files[0].SeriesInstanceUID


def test_an_id_that_is_too_long_is_repeated_and_never_cut():
    files = image_files(GRID)
    for one in files:
        with pytest.warns(UserWarning, match="exceeds"):
            one.PatientID = "X" * 80
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.IGNORE)
        material = knee_material(GRID, files=files)
    assert edema_seg(material).PatientID == "X" * 80


def test_each_frame_names_the_image_that_it_was_drawn_on():
    files = image_files(GRID, order=[3, 0, 5, 1, 4, 2])
    seg = edema_seg(knee_material(GRID, files=files))
    places = {one.SOPInstanceUID: list(one.ImagePositionPatient) for one in files}
    for group in seg.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        here = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(here, places[source.ReferencedSOPInstanceUID], atol=1e-6)


def test_frames_of_an_enhanced_object_are_named_by_their_number():
    order = [2, 0, 1, 5, 4, 3]
    (one,) = image_files(GRID, enhanced=True, order=order)
    seg = edema_seg(knee_material(GRID, files=[one]))
    for group in seg.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == one.SOPInstanceUID
        assert source.ReferencedSOPClassUID == one.SOPClassUID
        frame = one.PerFrameFunctionalGroupsSequence[source.ReferencedFrameNumber - 1]
        there = frame.PlanePositionSequence[0].ImagePositionPatient
        here = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(here, there, atol=1e-6)
    listed = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert [(r.ReferencedSOPClassUID, r.ReferencedSOPInstanceUID) for r in listed] == [
        (one.SOPClassUID, one.SOPInstanceUID)
    ]


def test_the_same_reading_gives_the_same_bytes_and_another_one_other_uids():
    files = image_files(GRID)
    first, again = (as_file(edema_seg(knee_material(GRID, files=files))) for _ in range(2))
    assert first == again
    other = edema_seg(knee_material(GRID, files=files, edema=np.zeros(GRID.shape, bool)))
    assert other.SOPInstanceUID != pydicom.dcmread(BytesIO(first)).SOPInstanceUID


def test_it_is_read_back_as_a_mask_of_ours(tmp_path):
    material = knee_material(GRID)
    (tmp_path / "seg.dcm").write_bytes(as_file(edema_seg(material)))
    mask = read_mask(tmp_path / "seg.dcm", [material.bones.grid])
    assert np.array_equal(mask.labels > 0, material.edema)


def test_one_wrong_voxel_is_noticed():
    material = knee_material(GRID)
    seg = edema_seg(material)
    where = np.flatnonzero(np.unpackbits(np.frombuffer(seg.PixelData, np.uint8)))[-1]
    spoiled = bytearray(seg.PixelData)
    spoiled[where // 8] = 0
    seg.PixelData = bytes(spoiled)
    with pytest.raises(DocumentError, match="does not read back"):
        check_seg(as_file(seg), material)
    with pytest.raises(DocumentError, match="does not read back"):
        check_whole_seg(as_file(seg), material)


def test_images_that_are_no_dicom_are_refused():
    with pytest.raises(NotFromDicom, match="were no DICOM"):
        edema_seg(knee_material(GRID, files=None))


def test_images_without_a_frame_of_reference_are_refused():
    files = image_files(GRID, FrameOfReferenceUID="")
    with pytest.raises(NotFromDicom, match="FrameOfReferenceUID"):
        edema_seg(knee_material(GRID, files=files))


def test_a_mask_on_another_grid_is_refused():
    material = knee_material(GRID)
    labels, edema = blocks(GRID.shape)
    moved = material_on(None, oblique_grid(turn=(0, 0, 0)), edema, labels, KNEE)
    object.__setattr__(moved, "origin", material.origin)
    with pytest.raises(GridMismatch, match="the source images"):
        edema_seg(moved)


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools is not installed")
@pytest.mark.parametrize("enhanced", [False, True])
def test_the_validator_finds_nothing(tmp_path, enhanced):
    files = image_files(GRID, enhanced=enhanced)
    probability = np.full(GRID.shape, 0.25, np.float32)
    material = knee_material(GRID, files=files, probability=probability)
    for made in (edema_seg, whole_seg, probability_seg):
        seg, path = made(material), tmp_path / f"{made.__name__}.dcm"
        path.write_bytes(as_file(seg))
        seen = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert [line for line in seen.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.skipif(not dcmqi("segimage2itkimage"), reason="dcmqi is not installed")
@pytest.mark.parametrize("turn", [(0, 0, 0), (0.2, 0.1, -0.3), (-0.5, 0.4, 0.2)])
@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_an_independent_reader_sees_the_same(turn, side):
    bones = [LabelledBone(1, "femur", side), LabelledBone(2, "tibia", side)]
    grid = oblique_grid(turn=turn)
    material = knee_material(grid, files=image_files(grid), bones=bones, side=side)
    found = seg_by_dcmqi(as_file(edema_seg(material)))
    wanted = [material.bone_of == 1, material.bone_of == 2]
    for number, mask in enumerate(wanted, start=1):
        here, there = points(material.bones.grid, mask), points(*found[number])
        assert farthest_mm(here, there) < 1e-2
