"""The sentence says what is known, and nothing else."""

from __future__ import annotations

import pytest

from marrowlight.report.sentence import region_name, summary_sentence
from marrowlight.study.study import Joint, Side
from tests.report.example import bone, edema, lesion, region

PLACE = (0.0, 0.0, 0.0)


def said(*regions: object) -> str:
    return summary_sentence(regions).replace("\N{NARROW NO-BREAK SPACE}", " ")  # type: ignore[arg-type]


def test_bones_come_most_affected_first_with_volume_and_share() -> None:
    text = said(
        region(
            bone("tibia", 2, edema(400, (lesion(2, 400, PLACE, bone="tibia"),), bone_share=0.01)),
            bone("femur", 1, edema(4800, (lesion(1, 4800, PLACE),), bone_share=0.06)),
        )
    )
    assert text == (
        "Left knee: bone marrow edema of 5.2 ml (another reader: 2.6 to 10 ml) in the femur "
        "(4.8 ml, 6 % of the bone in view) and the tibia (0.40 ml, 1 %); 2 lesions, the largest "
        "of 4.8 ml in the femur."
    )


def test_contact_with_the_joint_surface_is_said_where_it_is_known() -> None:
    one = region(bone("femur", 1, edema(900, (lesion(1, 900, PLACE, contacts_surface=True),))))
    assert said(one).endswith("; one lesion, which reaches the joint surface.")
    far = region(
        bone("femur", 1, edema(900, (lesion(1, 900, PLACE, distance_to_surface_mm=14.2),)))
    )
    assert said(far).endswith("; one lesion, which lies 14 mm from the joint surface.")


def test_nothing_found_says_what_would_have_been_missed() -> None:
    text = said(region(bone("femur", 1, edema(0)), bone("tibia", 2, edema(0)), total=edema(0)))
    assert text == (
        "Left knee: no bone marrow edema was found in the femur and the tibia in view; lesions "
        "smaller than 12 mm³ are not counted."
    )


def test_cysts_are_told_apart() -> None:
    found = edema(900, (lesion(1, 900, PLACE),), cyst_volume_mm3=160)
    assert said(region(bone("femur", 1, found), total=found)).endswith(
        " Cysts of 0.16 ml are counted apart."
    )


def test_a_bone_without_a_name_is_not_given_one() -> None:
    one = bone("bone", 90, edema(900, (lesion(1, 900, PLACE, bone="bone"),)), Side.UNKNOWN)
    text = said(region(one, joint=Joint.SACROILIAC, side=Side.MIDLINE))
    assert text.startswith("Sacroiliac joints: bone marrow edema of 0.90 ml")
    assert "in the bone" not in text.replace("of the bone in view", "")


def test_two_regions_are_two_sentences() -> None:
    left = region(bone("femur", 1, edema(900, (lesion(1, 900, PLACE),))))
    right = region(bone("femur", 1, edema(0)), total=edema(0), side=Side.RIGHT)
    text = said(left, right)
    assert text.startswith("Left knee: ")
    assert " Right knee: no bone marrow edema" in text


@pytest.mark.parametrize(
    ("joint", "side", "name"),
    [
        (Joint.KNEE, Side.LEFT, "Left knee"),
        (Joint.HIP, Side.UNKNOWN, "Hip, side unknown"),
        (Joint.SACROILIAC, Side.RIGHT, "Right sacroiliac joint"),
        (Joint.UNKNOWN, Side.UNKNOWN, "Joint not known, side unknown"),
        (Joint.UNKNOWN, Side.LEFT, "Joint not known, left side"),
    ],
)
def test_regions_are_named_by_what_is_known(joint: Joint, side: Side, name: str) -> None:
    assert region_name(joint, side) == name
