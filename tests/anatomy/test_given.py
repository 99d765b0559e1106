"""Bones from a mask that the user gives."""

import nibabel as nib
import numpy as np
import pytest

from marrowlight.anatomy.given import bones_from_file, parse_bone_labels
from marrowlight.errors import BadMask, GridMismatch, UsageError
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side

AFFINE = np.array([[-0.6, 0, 0, 50], [0, 0.6, 0, -40], [0, 0, 3.3, 10], [0, 0, 0, 1.0]])
GRID = Grid((12, 10, 6), AFFINE)


def mask_file(tmp_path, labels, affine=AFFINE):
    path = tmp_path / "bone.nii.gz"
    image = nib.Nifti1Image(labels.astype(np.uint8), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


def labels(*values):
    out = np.zeros(GRID.shape, np.uint8)
    for i, value in enumerate(values):
        out[2 * i : 2 * i + 2, 2:8, 1:5] = value
    return out


def test_one_label_may_stay_nameless(tmp_path):
    bones = bones_from_file(mask_file(tmp_path, labels(7)), [("s1", GRID)])
    assert [b.bone for b in bones.bones] == ["bone"]
    assert bones.mask.sum() == 2 * 6 * 4


def test_labels_become_those_of_the_registry(tmp_path):
    bones = bones_from_file(
        mask_file(tmp_path, labels(1, 3)), [("s1", GRID)], labels="1=femur,3=tibia", side=Side.LEFT
    )
    assert {(b.bone, b.label, b.side) for b in bones.bones} == {
        ("femur", 1, Side.LEFT),
        ("tibia", 2, Side.LEFT),
    }
    assert (bones.labels == 2).sum() == (labels(1, 3) == 3).sum()


def test_both_sides_of_one_bone_keep_apart(tmp_path):
    bones = bones_from_file(
        mask_file(tmp_path, labels(1, 2)), [("s1", GRID)], labels="1=femur:right,2=femur:left"
    )
    assert {(b.label, b.side) for b in bones.bones} == {(1, Side.RIGHT), (101, Side.LEFT)}


def test_several_labels_without_names_are_refused(tmp_path):
    with pytest.raises(BadMask, match=r"2 labels \(1, 3\) and no names") as caught:
        bones_from_file(mask_file(tmp_path, labels(1, 3)), [("s1", GRID)])
    assert "--bone-labels" in str(caught.value)


def test_a_label_that_nobody_named_is_refused(tmp_path):
    with pytest.raises(BadMask, match=r"nobody named: \[3\]"):
        bones_from_file(mask_file(tmp_path, labels(1, 3)), [("s1", GRID)], labels="1=femur")


def test_an_empty_mask_is_refused(tmp_path):
    with pytest.raises(BadMask, match="empty"):
        bones_from_file(mask_file(tmp_path, labels(0)), [("s1", GRID)])


def test_a_mask_on_another_grid_is_refused_and_both_are_printed(tmp_path):
    moved = AFFINE.copy()
    moved[0, 3] += 0.2
    with pytest.raises(GridMismatch, match=r"0\.20 mm apart") as caught:
        bones_from_file(mask_file(tmp_path, labels(1), moved), [("s1 (stir)", GRID)])
    assert str(caught.value).count("voxels, 0.600 x 0.600 x 3.300 mm") == 2


def test_a_shift_within_tolerance_is_the_same_grid(tmp_path):
    moved = AFFINE.copy()
    moved[0, 3] += 0.05
    assert bones_from_file(mask_file(tmp_path, labels(1), moved), [("s1", GRID)]).grid is GRID


@pytest.mark.parametrize(
    "text", ["femur", "0=femur", "1=", "x=femur", "1=femur:up", "1=femur,1=tibia", ""]
)
def test_labels_that_cannot_be_read_are_refused(text):
    with pytest.raises(UsageError):
        parse_bone_labels(text)


def test_totalsegmentator_labels_are_read_by_table_and_its_organs_left_out(tmp_path):
    path = mask_file(tmp_path, labels(75, 76, 77, 5))  # femora, left hip bone, liver
    bones = bones_from_file(path, [("s1", GRID)], labels="totalsegmentator")
    found = {(b.bone, b.side, b.label) for b in bones.bones}
    assert found == {
        ("femur", Side.LEFT, 101),
        ("femur", Side.RIGHT, 1),
        ("hip_bone", Side.LEFT, 5),
    }
    assert bones.mask.sum() == 3 * 2 * 6 * 4


def test_several_foreign_labels_may_be_one_bone(tmp_path):
    path = mask_file(tmp_path, labels(1, 7, 3))  # femur, lesion in it, tibia
    bones = bones_from_file(path, [("s1", GRID)], labels="anomaly-aware-knee", side=Side.RIGHT)
    assert {(b.bone, int(bones.of(b).sum())) for b in bones.bones} == {
        ("femur", 2 * 2 * 6 * 4),
        ("tibia", 2 * 6 * 4),
    }


def test_a_mask_without_any_bone_of_the_table_is_refused(tmp_path):
    with pytest.raises(BadMask, match="none of the bones of the table"):
        bones_from_file(
            mask_file(tmp_path, labels(5, 6)), [("s1", GRID)], labels="totalsegmentator"
        )


def test_every_table_names_bones_of_the_registry_and_a_source():
    from marrowlight.anatomy.foreign import foreign_labels

    for table in foreign_labels().values():
        assert table.source
        assert parse_bone_labels(table.name) == table.labels
