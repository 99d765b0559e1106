"""The bone registry: one file that names bones everywhere."""

import pytest

from marrowlight.anatomy.registry import LEFT_OFFSET, bone_registry, find_bone
from marrowlight.errors import UsageError
from marrowlight.study.study import Joint


def test_labels_are_stable():
    # Written files hold these numbers: a change here breaks every reading ever written.
    assert {b.id: b.label for b in bone_registry().values()} == {
        "femur": 1, "tibia": 2, "fibula": 3, "patella": 4, "hip_bone": 5, "sacrum": 6, "talus": 7,
        "calcaneus": 8, "navicular": 9, "cuboid": 10, "cuneiforms": 11, "metatarsals": 12,
        "ilium": 13, "bone": 90,
    }  # fmt: skip


def test_labels_leave_room_for_the_second_side_in_a_byte():
    assert all(
        b.label < LEFT_OFFSET and b.label + LEFT_OFFSET < 256 for b in bone_registry().values()
    )


def test_no_bone_holds_a_side_and_every_joint_is_known():
    for bone in bone_registry().values():
        assert not {"left", "right"} & set(bone.id.split("_"))
        assert set(bone.joints) <= {j.value for j in Joint}


def test_codes_are_those_of_the_dicom_dictionary():
    codes = pytest.importorskip("pydicom.sr.codedict").codes
    known = {codes.SCT.Femur.value, codes.SCT.Tibia.value, codes.SCT.Patella.value}
    assert {find_bone(b).snomed_code for b in ("femur", "tibia", "patella")} == known


@pytest.mark.parametrize(
    ("name", "bone"),
    [("Femur", "femur"), ("femoral_bone", "femur"), ("hip_left", "hip_bone"), ("TALUS", "talus")],
)
def test_names_of_other_tools_are_understood(name, bone):
    assert find_bone(name).id == bone


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'femur'"):
        find_bone("femurr")
