"""Where the edema lies: zones in words and numbers, as they are and never more."""

from __future__ import annotations

import pytest

from marrowlight.edema.measurement import LesionZone, OutsideZones, ZoneEdema
from marrowlight.reading import BoneNotRead, Region
from marrowlight.report.sentence import summary_sentence
from marrowlight.report.where import where, zone_numbers
from marrowlight.study.study import Joint, Side
from tests.report.example import bone, edema, lesion, reading, region
from tests.report.zoned import zoned_result

PLACE = (0.0, 0.0, 0.0)


def held(id_: str, mm3: float, *, system: str = "moaks") -> ZoneEdema:
    return ZoneEdema(
        system=system, zone=id_, name=id_.capitalize(), bone="femur", volume_mm3=1000,
        edema_mm3=mm3, share=mm3 / 1000, provisional=True, approximate=False,
    )  # fmt: skip


def part(id_: str, share: float, *, system: str = "moaks") -> LesionZone:
    return LesionZone(
        system=system, zone=id_, name=f"Medial {id_}", share_of_lesion=share, volume_mm3=share
    )


def knee(*zones: ZoneEdema, parts: tuple[LesionZone, ...] = (), **more: object) -> Region:
    one = region(bone("femur", 1, edema(900, (lesion(1, 900, PLACE, zones=parts),))))
    return one.model_copy(update={"zones": zones or (held("other", 0),), **more})


def said(one: Region) -> str:
    return summary_sentence([one]).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_zones_with_edema_come_most_first_and_the_others_not_at_all() -> None:
    one = reading(knee(held("small", 10), held("none", 0), held("large", 500)))
    (found,) = where(one, zone_numbers(one))
    assert [(row.number, row.name, row.share) for row in found.rows] == [
        (1, "Large", "50\N{NARROW NO-BREAK SPACE}%"),
        (2, "Small", "1\N{NARROW NO-BREAK SPACE}%"),
    ]


def test_the_system_of_the_joint_comes_first_then_insertions_and_others_apart() -> None:
    one = reading(
        knee(
            held("w", 900, system="worms"),
            held("i", 800, system="insertions"),
            held("m", 10),
        )
    )
    (found,) = where(one, zone_numbers(one))
    assert [row.name for row in found.rows] == ["M", "I"]
    assert [(title, [r.name for r in rows]) for title, rows in found.others] == [("WORMS", ["W"])]


def test_lesions_are_listed_by_zone() -> None:
    one = zoned_result().reading
    (found,) = where(one, zone_numbers(one))
    rows = {row.name: row for row in found.rows}
    assert rows["Tibia all"].lesions == "e2"
    assert "e1" in rows["Femur front"].lesions
    assert rows["Femur front"].approximate
    assert not rows["Femur front"].provisional


def test_what_lies_outside_all_zones_is_said_for_the_system_that_is_shown() -> None:
    outside = (
        OutsideZones(system="moaks", edema_mm3=270, share=0.3),
        OutsideZones(system="insertions", edema_mm3=800, share=0.9),
    )
    one = reading(knee(held("m", 10), outside=outside))
    (found,) = where(one, zone_numbers(one))
    (text,) = found.outside
    assert "30" in text
    assert "MOAKS" in text
    assert "shaft" in text


def test_a_bone_without_zones_is_named_with_the_reason() -> None:
    missing = BoneNotRead(bone="patella", side=Side.LEFT, reason="it is cut off.")
    one = reading(knee(not_placed=(missing,)))
    (found,) = where(one, {})
    assert found.not_placed == ("Patella: it is cut off.",)


def test_without_edema_there_is_nothing_to_place() -> None:
    none = region(bone("femur", 1, edema(0)), total=edema(0))
    assert where(reading(none), {}) == ()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((part("central", 0.93),), "one lesion (medial central)."),
        ((part("central", 0.6), part("posterior", 0.3)), "one lesion (mostly medial central)."),
        (
            (part("central", 0.4), part("posterior", 0.35)),
            "one lesion (in 2 zones, the largest part in medial central).",
        ),
        ((part("central", 0.3),), "one lesion."),
        ((part("central", 0.9, system="worms"),), "one lesion."),
        ((), "one lesion."),
    ],
)
def test_the_summary_names_the_zone_of_the_largest_lesion_as_far_as_it_is_true(
    parts: tuple[LesionZone, ...], words: str
) -> None:
    assert said(knee(parts=parts)).endswith(words)


def test_the_bone_is_not_said_twice() -> None:
    inside = part("central", 1.0).model_copy(update={"name": "Femur, medial central"})
    lesions = (lesion(1, 900, PLACE, zones=(inside,)), lesion(2, 90, PLACE))
    one = region(bone("femur", 1, edema(990, lesions)), bone("tibia", 2, edema(0)))
    one = one.model_copy(update={"zones": (held("other", 0),)})
    assert said(one).endswith("the largest of 0.90 ml in the femur (medial central).")


def test_a_joint_is_shown_by_the_first_of_its_systems_that_has_a_zone() -> None:
    quadrant, half = held("q", 10, system="sij_quadrants"), held("h", 20, system="sij_halves")
    for zones, rows in (((half, quadrant), ["Q"]), ((half,), ["H"])):
        one = reading(knee(*zones).model_copy(update={"joint": Joint.SACROILIAC}))
        (found,) = where(one, zone_numbers(one))
        assert [row.name for row in found.rows] == rows


def test_a_joint_without_a_system_names_no_zone() -> None:
    one = knee(parts=(part("central", 0.9),)).model_copy(update={"joint": Joint.UNKNOWN})
    assert said(one).endswith("one lesion.")
