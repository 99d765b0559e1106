"""What changed between visits, on small joints with known truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowlight.course.compare import compare
from marrowlight.course.course import BoneCourse, LeftOutVisit, Verdict
from marrowlight.course.course_result import CourseResult
from marrowlight.course.visit import Visit
from marrowlight.errors import InputError
from marrowlight.report.course_files import course_bytes
from marrowlight.report.schema import made_schema, shipped_schema
from marrowlight.study.series import Plane
from marrowlight.study.study import Side
from tests.course.made_visit import WIDE, Ball, grid_of, made_visit, moved, reading_of

LARGE, SMALL = Ball("femur", (4, 0, 22), 14), Ball("femur", (4, 0, 22), 7)
TIBIA = Ball("tibia", (0, 0, -22), 9)


@dataclass(frozen=True)
class Known:
    """A registration whose answer is known: stands in for the one that looks for it."""

    matrix: NDArray[np.float64]
    accepted: bool = True
    reason: str = ""
    mean_surface_distance_mm: float = 0.2
    overlap: float = 0.97
    rotation_deg: float = 0.0
    translation_mm: float = 0.0
    bone: str = "femur"


def known(
    motion: NDArray[np.float64] | None = None, refused: tuple[str, ...] = ()
) -> Callable[..., Known]:
    """motion : where the bones of later visits lie, (4, 4) from the first."""
    back = np.linalg.inv(np.eye(4) if motion is None else motion)

    def register(*_: object, bone: str) -> Known:
        if bone in refused:
            return Known(back, False, "The surfaces are 4.1 mm apart.", float("inf"))
        return Known(back)

    return register


def followed(
    *visits: Visit, motion: NDArray[np.float64] | None = None, refused: tuple[str, ...] = ()
) -> CourseResult:
    return compare(visits, register=known(motion, refused))  # type: ignore[arg-type]


def bone(result: CourseResult, name: str) -> BoneCourse:
    return next(b for b in result.course.bones if b.bone == name)


def codes(result: CourseResult) -> set[str]:
    return {one.code for one in result.course.limits}


def test_it_shrank_and_the_rest_is_stable() -> None:
    result = followed(made_visit([LARGE, TIBIA]), made_visit([SMALL, TIBIA], 8))
    femur, tibia = bone(result, "femur"), bone(result, "tibia")
    assert femur.verdict is Verdict.SHRANK
    assert femur.volume_mm3 == pytest.approx(
        [v.edema[v.bones.labels == 1].sum() * 8 for v in result.visits]
    )
    assert femur.log_ratio == pytest.approx(np.log(femur.volume_mm3[1] / femur.volume_mm3[0]))
    assert tibia.verdict is Verdict.STABLE
    assert result.summary == (
        "Edema in the femur shrank from 11.4 to 1.4 ml over 8 weeks (more than measurement error); "
        "tibia stable."
    )
    assert femur.amounts[0].low_mm3 < femur.volume_mm3[0] < femur.amounts[0].high_mm3
    (step,) = femur.steps
    assert (step.from_visit, step.to_visit, step.weeks) == (0, 1, 8)
    assert step.log_ratio == femur.log_ratio
    (track,) = femur.lesions
    assert track.track_id == "T1"
    assert track.verdict is Verdict.SHRANK
    assert [a.lesion_id for a in track.at] == ["e1", "e2"], "the ids of each reading"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([SMALL], [LARGE], Verdict.GREW),
        ([], [LARGE], Verdict.NEW),
        ([LARGE], [], Verdict.RESOLVED),
        ([], [], Verdict.ABSENT),
        ([LARGE], [LARGE], Verdict.STABLE),
        ([Ball("femur", (4, 0, 22), 4)], [Ball("femur", (4, 0, 22), 6)], Verdict.UNCERTAIN),
    ],
)
def test_verdicts(before: list[Ball], after: list[Ball], verdict: Verdict) -> None:
    result = followed(made_visit(before), made_visit(after, 6))
    assert bone(result, "femur").verdict is verdict
    assert result.course.total.verdict is verdict
    assert result.course.total.bone == "all"


def test_a_moved_joint_changes_nothing() -> None:
    motion = moved(25, (6, -4, 5))
    still = followed(made_visit([LARGE, TIBIA]), made_visit([LARGE, TIBIA], 4))
    result = followed(
        made_visit([LARGE, TIBIA]), made_visit([LARGE, TIBIA], 4, motion=motion), motion=motion
    )
    for name in ("femur", "tibia"):
        assert bone(result, name).verdict is Verdict.STABLE
        (track,) = bone(result, name).lesions
        (where,) = bone(still, name).lesions
        assert [a.fate.value for a in track.at] == ["kept", "kept"]
        assert track.at[1].centroid_ras_mm == pytest.approx(where.at[0].centroid_ras_mm, abs=0.7)


def test_only_what_both_visits_show_is_compared() -> None:
    # The second visit sees the femur up to 24 mm only: half of the lesion.
    low = grid_of(high=(40, 40, 24))
    result = followed(made_visit([LARGE, TIBIA]), made_visit([LARGE, TIBIA], 4, grid=low))
    femur = bone(result, "femur")
    assert femur.volume_mm3[0] == femur.volume_mm3[1]
    assert femur.volume_mm3[0] < 0.8 * LARGE.radius**3 * 4.19
    assert femur.verdict is Verdict.STABLE
    (limit,) = [one for one in result.course.limits if one.code == "field-of-view-differs"]
    assert "femur" in limit.text
    assert "tibia" not in limit.text
    assert limit.visits == (0,)


def test_a_lesion_that_the_other_visit_cannot_show_is_not_gone() -> None:
    high = Ball("femur", (0, 0, 38), 5)
    low = grid_of(high=(40, 40, 30))
    result = followed(made_visit([TIBIA, high]), made_visit([TIBIA], 4, grid=low))
    assert not bone(result, "femur").lesions
    assert bone(result, "femur").verdict is Verdict.ABSENT


def test_a_bone_that_does_not_fit_is_left_out_and_the_others_are_compared() -> None:
    result = followed(made_visit([LARGE, TIBIA]), made_visit([SMALL, TIBIA], 8), refused=("femur",))
    femur = bone(result, "femur")
    assert femur.log_ratio is None
    assert femur.verdict is Verdict.UNCERTAIN
    assert femur.volume_mm3[1] is None
    assert not femur.amounts[1].measured
    assert femur.lesions[0].volume_mm3[1] is None
    assert bone(result, "tibia").verdict is Verdict.STABLE
    assert result.course.total.volume_mm3 == bone(result, "tibia").volume_mm3
    refused = next(r for r in result.course.registration if r.bone == "femur")
    assert not refused.accepted
    assert refused.matrix is None
    assert refused.mean_surface_distance_mm is None
    assert "registration-refused" in codes(result)
    assert result.summary.endswith("The femur was not compared.")


def test_fields_of_view_that_do_not_meet() -> None:
    away = moved(0, (0, 0, -110))
    result = followed(made_visit([TIBIA]), made_visit([TIBIA], 3), motion=away)
    assert all(b.log_ratio is None for b in result.course.bones)
    assert result.summary == "No bone could be compared between the visits."
    assert "fields of view hardly overlap" in result.course.registration[0].reason


def test_edema_that_leaves_one_bone_and_comes_up_in_another() -> None:
    result = followed(
        made_visit([Ball("femur", (4, 0, 22), 10)]),
        made_visit([Ball("tibia", (0, 0, -22), 10)], 10),
    )
    assert bone(result, "femur").verdict is Verdict.RESOLVED
    assert bone(result, "tibia").verdict is Verdict.NEW
    (track,) = bone(result, "tibia").lesions
    assert track.at[0].fate.value == "moved_bone"
    assert track.from_tracks == ("T1",)
    assert result.summary == (
        "Edema in the femur resolved (from 4.1 to 0 ml) and edema in the tibia is new (4.1 ml) "
        "over 10 weeks (more than measurement error). Lesions changed place: the one in the femur "
        "was gone when the one in the tibia came."
    )


def test_a_lesion_that_splits_has_not_shrunk() -> None:
    parts = [Ball("femur", (-7, 0, 22), 8), Ball("femur", (11, 0, 22), 8)]
    whole = [*parts, Ball("femur", (2, 0, 22), 4)]
    result = followed(made_visit(whole), made_visit(parts, 6))
    tracks = bone(result, "femur").lesions
    assert [t.track_id for t in tracks] == ["T1", "T2"]
    assert {t.at[-1].fate.value for t in tracks} == {"split"}
    assert {t.verdict for t in tracks} == {Verdict.STABLE}
    assert {t.family for t in tracks} == {("T1", "T2")}


def test_three_visits_in_the_order_of_their_weeks() -> None:
    result = followed(
        made_visit([SMALL], 20, name="last"), made_visit([LARGE], 5, name="first"),
        made_visit([LARGE], 11, name="between"),
    )  # fmt: skip
    assert [v.name for v in result.course.visits] == ["first", "between", "last"]
    assert [v.weeks for v in result.course.visits] == [0, 6, 15]
    femur = bone(result, "femur")
    assert [s.verdict for s in femur.steps] == [Verdict.STABLE, Verdict.SHRANK]
    assert femur.verdict is Verdict.SHRANK
    assert len(femur.lesions) == 1


def test_one_visit_is_not_enough() -> None:
    with pytest.raises(InputError, match="1 visit"):
        compare([made_visit([LARGE])])


def test_bones_that_one_visit_does_not_show() -> None:
    result = followed(made_visit([LARGE, TIBIA]), made_visit([LARGE], 4, bones=["femur"]))
    assert bone(result, "tibia").log_ratio is None
    (limit,) = [one for one in result.course.limits if one.code == "other-bones"]
    assert "tibia not at visit 2" in limit.text


def test_a_side_that_one_visit_does_not_know_is_that_of_the_other() -> None:
    result = followed(made_visit([LARGE], side=Side.UNKNOWN), made_visit([LARGE], 4))
    assert result.course.side is Side.LEFT
    assert [(b.bone, b.side) for b in result.course.bones] == [
        ("femur", Side.LEFT), ("tibia", Side.LEFT)
    ]  # fmt: skip


def with_plane(visit: Visit, plane: Plane) -> Visit:
    made = reading_of(visit.bones, visit.edema, visit.joint, visit.side, plane=plane)
    return replace(visit, reading=made)


ONE_SCANNER = {"manufacturer": "Maker A", "field_t": 3.0, "te_ms": 40.0}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (lambda v: with_plane(v, Plane.CORONAL), "other-plane"),
        (lambda v: replace(v, scanner={**ONE_SCANNER, "field_t": 1.5}), "other-field-strength"),
        (lambda v: replace(v, scanner={**ONE_SCANNER, "manufacturer": "B"}), "other-vendor"),
        (lambda v: replace(v, scanner={**ONE_SCANNER, "te_ms": 80.0}), "other-echo-time"),
        (lambda v: made_visit([LARGE], 4, grid=grid_of((2, 2, 3)), scanner=ONE_SCANNER),
         "other-slice-thickness"),
        (lambda v: made_visit([LARGE], 4, drawn=False, scanner=ONE_SCANNER), "read-differently"),
    ],
)  # fmt: skip
def test_another_protocol_is_told_and_makes_noise_larger(
    changed: Callable[[Visit], Visit], code: str
) -> None:
    first = made_visit([LARGE], scanner=ONE_SCANNER)
    same = made_visit([LARGE], 4, scanner=ONE_SCANNER)
    alike, different = followed(first, same), followed(first, changed(same))
    assert code not in codes(alike)
    assert alike.course.protocol_match == "matched"
    assert code in codes(different)
    assert different.course.protocol_match == "different"
    assert bone(different, "femur").sdc_log_ratio >= bone(alike, "femur").sdc_log_ratio


def test_what_is_not_known_is_told_too() -> None:
    result = followed(made_visit([LARGE]), made_visit([LARGE], 4, study="x", patient="p"))
    assert {"scanner-not-known", "patient-not-checked", "weeks-given"} <= codes(result)
    twice = followed(made_visit([LARGE], study="x"), made_visit([LARGE], 4, study="x"))
    assert "same-study-number" in codes(twice)


def test_the_image_takes_no_part() -> None:
    noise = np.random.default_rng(1).normal(100, 10, WIDE.shape).astype(np.float32)
    first, second = made_visit([LARGE, TIBIA]), made_visit([SMALL, TIBIA], 8)
    plain = followed(first, second).course
    pictured = followed(replace(first, image=noise), replace(second, image=40 * noise)).course
    assert plain == pictured


def test_edema_is_carried_to_the_first_visit() -> None:
    motion = moved(20, (3, 5, -4))
    result = followed(made_visit([LARGE]), made_visit([LARGE], 4, motion=motion), motion=motion)
    first, carried = result.carried_edema(0), result.carried_edema(1)
    assert 2 * (first & carried).sum() / (first.sum() + carried.sum()) > 0.9


def test_a_course_keeps_to_its_schema() -> None:
    assert shipped_schema("course") == made_schema("course"), (
        "write it anew as marrowlight.report.schema.schema_text says"
    )
    jsonschema.Draft202012Validator.check_schema(shipped_schema("course"))
    result = followed(made_visit([LARGE, TIBIA]), made_visit([SMALL], 8), refused=("tibia",))
    written = json.loads(course_bytes(result.course))
    jsonschema.validate(written, shipped_schema("course"))
    assert type(result.course).model_validate(written) == result.course
    del written["bones"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, shipped_schema("course"))


@pytest.mark.parametrize("one", [Side.LEFT, Side.UNKNOWN, Side.MIDLINE])
def test_a_visit_of_both_sides_goes_with_one_of_either(one: Side) -> None:
    from marrowlight.follow_visits import _of_one_joint

    out: list[LeftOutVisit] = []
    visits = [replace(made_visit([LARGE]), side=side) for side in (one, Side.MIDLINE)]
    assert _of_one_joint(visits, out) == visits
    assert not out
    odd = replace(made_visit([LARGE], name="odd"), side=Side.RIGHT)
    left = [made_visit([LARGE]), made_visit([LARGE])]
    assert _of_one_joint([odd, *left], out) == left
    assert out[0].name == "odd"
