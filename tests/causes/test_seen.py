"""From image to findings: what the software says that it saw, and what it leaves to ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.look import Seen
from marrowlight.causes.seen import case_seen, seen_in, with_seen
from marrowlight.edema.measurement import (
    BoneEdema,
    Edema,
    Edge,
    Extent,
    Lesion,
    LesionZone,
    ZoneEdema,
)
from marrowlight.errors import NotThisJoint
from marrowlight.reading import BoneNotRead, Reading, Region, Warned
from marrowlight.study.study import Joint, Side
from tests.report import example

ML = 1000.0
HEAD = ("head_central_anterior", "head_medial_anterior", "head_inferior")


def lesion(bone: str, ml: float, zones: dict[str, float], **more: Any) -> Lesion:
    """A lesion of so many ml; zones : share by ``system:zone``."""
    parts = tuple(
        LesionZone(system=key.split(":")[0], zone=key.split(":")[1], name=key,
                   share_of_lesion=share, volume_mm3=share * ml * ML)
        for key, share in zones.items()
    )  # fmt: skip
    values = {
        "id": "e1", "bone": bone, "side": Side.RIGHT, "volume_mm3": ml * ML,
        "centroid_ras_mm": (0, 0, 0), "bone_share": 0.1, "cyst_share": 0.0, "contrast": 9.0,
        "extent_mm": Extent(right_left=9, anterior_posterior=9, superior_inferior=9),
        "edge": Edge.ILL_DEFINED, "distance_to_surface_mm": 0.0, "contacts_surface": True,
        "subchondral_share": 0.9, "zones": parts, **more,
    }  # fmt: skip
    return Lesion.model_validate(values)


def bone(name: str, *lesions: Lesion, ml: float = 120.0) -> BoneEdema:
    volume = sum(one.volume_mm3 for one in lesions)
    found = Edema(volume_mm3=volume, bone_share=volume / (ml * ML), lesions=lesions,
                  smallest_counted_mm3=10.0)  # fmt: skip
    return BoneEdema(bone=name, side=Side.RIGHT, label=1, name=name.replace("_", " ").capitalize(),
                     volume_mm3=ml * ML, edema=found)  # fmt: skip


def zone(system: str, name: str, bone_: str, ml: float, edema_ml: float = 0.0) -> ZoneEdema:
    return ZoneEdema(system=system, zone=name, name=name, bone=bone_, volume_mm3=ml * ML,
                     edema_mm3=edema_ml * ML, share=edema_ml / ml, provisional=True,
                     approximate=False)  # fmt: skip


def reading(*bones: BoneEdema, joint: Joint = Joint.HIP, side: Side = Side.RIGHT,
            zones: tuple[ZoneEdema, ...] = (), missed: tuple[str, ...] = (),
            warnings: tuple[str, ...] = ()) -> Reading:  # fmt: skip
    volume = sum(b.edema.volume_mm3 for b in bones)
    total = Edema(volume_mm3=volume, bone_share=0.1, smallest_counted_mm3=10.0,
                  lesions=tuple(one for b in bones for one in b.edema.lesions))  # fmt: skip
    region = Region(
        joint=joint, side=side, bones=bones, edema=total, zones=zones,
        not_read=tuple(BoneNotRead(bone=m, side=side, reason="not seen") for m in missed),
    )  # fmt: skip
    told = tuple(Warned(code=code, text=code) for code in warnings)
    return example.reading(region, warnings=told)


def hip(head_ml: float, neck_ml: float = 0.0, *, socket_ml: float = 0.0, **more: Any) -> Reading:
    """A right hip: edema in head and neck in one lesion, and in the roof of the socket."""
    total = head_ml + neck_ml
    shares = {f"hip:{z}": head_ml / total / 3 for z in HEAD} if total else {}
    if neck_ml:
        shares["hip:neck_superior"] = neck_ml / total
    femur = bone("femur", lesion("femur", total, shares, **more.pop("lesion", {}))) \
        if total else bone("femur")  # fmt: skip
    roof = lesion("hip_bone", socket_ml, {"hip:acetabulum_roof_central_anterior": 1.0}, id="e2")
    socket = bone("hip_bone", roof) if socket_ml else bone("hip_bone")
    zones = (
        *(zone("hip", z, "femur", 15, head_ml / 3) for z in HEAD),
        zone("hip", "neck_superior", "femur", 20, neck_ml),
        zone("hip", "acetabulum_roof_central_anterior", "hip_bone", 10, socket_ml),
        zone("insertions", "gluteal", "femur", 4),
        zone("insertions", "adductors", "hip_bone", 4),
        *more.pop("zones", ()),
    )
    return reading(femur, socket, zones=zones, **more)


def by_name(found: tuple[Seen, ...]) -> dict[str, Seen]:
    return {one.finding: one for one in found}


def state(found: Reading, finding: str) -> str:
    return by_name(seen_in(found))[finding].state


def test_edema_is_seen_with_its_amount_and_place() -> None:
    seen = by_name(seen_in(hip(9, 1)))
    assert seen["bme_present"].state == "present"
    assert seen["bme_volume_ml"].value == pytest.approx(10)
    assert seen["bme_site"].value == "femoral_head"
    assert seen["bme_n_bones"].value == 1
    assert seen["bme_distance_to_joint_mm"].value == 0
    assert seen["bme_signal_ratio"].value == pytest.approx(1 + 9 * 8 / 100)


def test_head_to_neck_is_diffuse_and_a_spot_is_focal() -> None:
    assert state(hip(25, 8), "bme_diffuse") == "present"
    assert state(hip(3), "bme_diffuse") == "absent"
    assert state(hip(12), "bme_diffuse") == "unknown", "in between is left to the reader"


def test_diffuse_edema_has_no_sharp_edge() -> None:
    assert state(hip(25, 8, lesion={"edge": Edge.SHARP}), "bme_diffuse") == "unknown"


def test_what_the_field_of_view_does_not_show_stays_unknown() -> None:
    shown = hip(25, 8)
    (region,) = shown.regions
    femur, socket = region.bones
    short = femur.model_copy(update={"volume_mm3": 46_000.0})
    cut = shown.model_copy(
        update={"regions": (region.model_copy(update={"bones": (short, socket)}),)}
    )
    assert state(cut, "bme_diffuse") == "unknown"


def test_both_sides_need_edema_on_both_sides() -> None:
    assert state(hip(9, socket_ml=2), "bme_both_sides_of_joint") == "present"
    assert state(hip(9), "bme_both_sides_of_joint") == "absent"
    assert state(hip(9, socket_ml=0.1), "bme_both_sides_of_joint") == "unknown"


def test_a_trace_beside_a_large_lesion_may_be_its_blur() -> None:
    seen = by_name(seen_in(hip(45, 7, socket_ml=0.6)))
    assert seen["bme_both_sides_of_joint"].state == "unknown"
    assert seen["bme_n_bones"].sure < 0.7


def test_a_bone_that_was_not_read_makes_absent_unknown() -> None:
    femur = bone("femur", lesion("femur", 9, {f"hip:{HEAD[0]}": 1.0}))
    assert state(reading(femur, missed=("hip_bone",)), "bme_both_sides_of_joint") == "unknown"
    assert state(reading(bone("femur"), missed=("hip_bone",)), "bme_present") == "unknown"
    assert state(reading(bone("femur"), bone("hip_bone")), "bme_present") == "absent"


def test_bones_that_were_not_read_may_be_the_third() -> None:
    femur = bone("femur", lesion("femur", 9, {"moaks:femur_medial_central": 1.0}))
    tibia = bone("tibia", lesion("tibia", 3, {"moaks:tibia_medial_central": 1.0}, id="e2"))
    patella = bone("patella", lesion("patella", 2, {"moaks:patella_medial": 1.0}, id="e3"))
    knee = {"joint": Joint.KNEE}
    name = "bme_patchy_multibone"
    assert state(reading(femur, tibia, missed=("patella", "fibula"), **knee), name) == "unknown"
    assert state(reading(femur, missed=("fibula",), **knee), name) == "unknown"
    full = (femur, tibia, bone("patella"), bone("fibula"))
    assert state(reading(*full, **knee), name) == "absent"
    assert state(reading(femur, tibia, patella, bone("fibula"), **knee), name) == "present"


def test_marrow_beyond_the_joint_end_alone_is_proposed_and_not_filled_in() -> None:
    neck = hip(0, 6)
    seen = by_name(seen_in(neck))["metaphyseal_with_epiphysis_spared"]
    assert seen.state == "present"
    filled, _ = with_seen(Case(joint=Joint.HIP), (seen,))
    assert filled.state("metaphyseal_with_epiphysis_spared") is None
    assert state(hip(9), "metaphyseal_with_epiphysis_spared") == "absent"


def test_an_apophysis_is_no_metaphysis() -> None:
    there = lesion("femur", 4, {"hip:greater_trochanter": 1.0}, distance_to_surface_mm=25)
    zones = (zone("hip", HEAD[0], "femur", 15), zone("hip", "greater_trochanter", "femur", 30, 4))
    seen = by_name(seen_in(reading(bone("femur", there), bone("hip_bone"), zones=zones)))
    assert seen["metaphyseal_with_epiphysis_spared"].state == "unknown"
    assert seen["bme_diffuse"].state == "absent"
    assert seen["bme_diffuse"].sure < 0.7, "proposed, not filled in"


def test_edema_beneath_a_tendon_is_seen_as_such() -> None:
    at_tendon = lesion(
        "femur", 4, {"hip:greater_trochanter": 1.0, "insertions:gluteal": 0.7},
        contacts_surface=False, distance_to_surface_mm=25,
    )  # fmt: skip
    zones = (zone("hip", "greater_trochanter", "femur", 30, 4),
             zone("insertions", "gluteal", "femur", 4, 2.8))  # fmt: skip
    seen = by_name(seen_in(reading(bone("femur", at_tendon), bone("hip_bone"), zones=zones)))
    assert seen["enthesis_centred_bme"].state == "present"
    assert seen["bme_site"].value == "greater_trochanter"
    assert state(hip(9), "enthesis_centred_bme") == "absent"
    no_zones = reading(bone("femur", at_tendon), bone("hip_bone"))
    without = no_zones.regions[0].model_copy(update={"zones": ()})
    assert state(no_zones.model_copy(update={"regions": (without,)}), "enthesis_centred_bme") == \
        "unknown"  # fmt: skip


def test_a_cyst_is_seen_only_beneath_the_joint_surface() -> None:
    assert state(hip(9, lesion={"cyst_volume_mm3": 120.0}), "subchondral_cyst") == "present"
    deep = {"cyst_volume_mm3": 120.0, "distance_to_surface_mm": 20.0}
    assert state(hip(9, lesion=deep), "subchondral_cyst") == "unknown"


def test_nothing_is_claimed_that_cannot_be_seen() -> None:
    never = {"mri_effusion", "effusion_volume_ml", "subchondral_fracture_line", "marginal_erosion",
             "serpiginous_band_or_double_line", "subchondral_collapse", "nidus_mri",
             "focal_mass_or_discrete_lesion", "nonsubchondral_fracture_line"}  # fmt: skip
    for found in (hip(25, 8, socket_ml=3), hip(0), reading(bone("bone"))):
        claimed = {one.finding for one in seen_in(found) if one.state != "unknown"}
        assert not claimed & never


def test_warnings_of_the_reading_take_certainty_away() -> None:
    faint, told = {"contrast": 3.0}, ("red-marrow-possible",)
    clean = by_name(seen_in(hip(9, lesion=faint)))["bme_present"].sure
    doubtful = by_name(seen_in(hip(9, lesion=faint, warnings=told)))["bme_present"]
    bright = by_name(seen_in(hip(9, lesion={"contrast": 15.0}, warnings=told)))["bme_present"]
    assert bright.sure == clean, "nothing like red marrow"
    assert doubtful.state == "present"
    assert doubtful.sure < clean
    assert with_seen(Case(joint=Joint.HIP), (doubtful,))[0].state("bme_present") is None


def test_less_than_the_detection_limit_is_asked() -> None:
    seen = by_name(seen_in(hip(0.1)))["bme_present"]
    filled, notices = with_seen(Case(joint=Joint.HIP), (seen,))
    assert filled.state("bme_present") is None
    assert not notices


def test_the_case_is_filled_where_it_says_nothing_and_kept_where_it_does() -> None:
    case = Case(joint=Joint.HIP, absent=frozenset({"bme_both_sides_of_joint"}),
                values={"bme_site": "femoral_neck"})  # fmt: skip
    filled, notices = with_seen(case, seen_in(hip(25, 8, socket_ml=2)))
    assert filled.state("bme_diffuse") is True
    assert filled.values["bme_volume_ml"] == pytest.approx(35)
    assert filled.state("bme_both_sides_of_joint") is False
    assert filled.values["bme_site"] == "femoral_neck"
    told = " ".join(n.text for n in notices if n.code == "image-against-case")
    assert "both sides" in told
    assert case.values == {"bme_site": "femoral_neck"}, "the case itself is not changed"


def test_a_case_that_agrees_gives_no_notice() -> None:
    case = Case(joint=Joint.HIP, present=frozenset({"bme_both_sides_of_joint"}),
                values={"bme_site": "femoral_head"})  # fmt: skip
    assert with_seen(case, seen_in(hip(9, socket_ml=2)))[1] == ()


@pytest.mark.parametrize(
    ("joint", "side"), [(Joint.KNEE, Side.RIGHT), (Joint.HIP, Side.LEFT), (Joint.KNEE, Side.LEFT)]
)
def test_a_reading_of_another_joint_or_side_is_refused(joint: Joint, side: Side) -> None:
    with pytest.raises(NotThisJoint) as caught:
        case_seen(Case(joint=joint, side=side), hip(9))
    assert "right hip" in caught.value.found
    assert f"{side.value} {joint.value}" in str(caught.value.expected)
    assert caught.value.do


def test_of_two_knees_the_case_must_name_one() -> None:
    right = hip(9).regions[0]
    both = hip(9).model_copy(
        update={"regions": (right, right.model_copy(update={"side": Side.LEFT}))}
    )
    with pytest.raises(NotThisJoint, match="does not say which"):
        seen_in(both, joint=Joint.HIP)
    assert seen_in(both, joint=Joint.HIP, side=Side.LEFT)


def test_a_side_that_the_reading_does_not_know_is_told() -> None:
    case = Case(joint=Joint.HIP, side=Side.LEFT)
    _, _, notices = case_seen(case, hip(9, side=Side.UNKNOWN))
    assert [n.code for n in notices] == ["side-not-in-reading"]


def test_no_edema_is_absent() -> None:
    filled, _, _ = case_seen(Case(joint=Joint.HIP), hip(0))
    assert filled.state("bme_present") is False


def test_the_sacroiliac_joint_gives_no_findings() -> None:
    assert seen_in(reading(bone("sacrum"), joint=Joint.SACROILIAC, side=Side.MIDLINE)) == ()


def test_every_finding_seen_is_a_finding_and_has_its_reason() -> None:
    from marrowlight.causes.knowledge import knowledge

    for one in seen_in(hip(25, 8, socket_ml=3)):
        finding = knowledge().findings[one.finding]
        assert one.why
        assert (one.sure == 0) == (one.state == "unknown")
        if one.state == "present" and not finding.three_valued:
            assert one.value is not None
        if finding.options and one.value:
            assert one.value in finding.options


def test_every_zone_of_the_rules_is_a_zone() -> None:
    from marrowlight.anatomy.zone_rules import zone_systems
    from marrowlight.causes.seen_rules import seen_rules

    for joint, rules in seen_rules().joints.items():
        known = {z.id for s in zone_systems() if (s.joint, s.system) == (joint, rules.system)
                 for z in s.zones}  # fmt: skip
        named = [z for zones in rules.sites.values() for z in zones]
        ends = [z for end in rules.ends.values() for z in (*end.near, *end.apart)]
        assert set(named) | set(ends) <= known
        assert len(named) == len(set(named))
        between = {"tibia_subspinous"} if joint is Joint.KNEE else set()
        assert known - set(named) == between


def test_the_order_of_findings_does_not_matter() -> None:
    seen = seen_in(hip(25, 8, socket_ml=2))
    case = replace(Case(joint=Joint.HIP), absent=frozenset({"bme_diffuse"}))
    assert with_seen(case, seen)[0] == with_seen(case, tuple(reversed(seen)))[0]
