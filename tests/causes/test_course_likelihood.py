"""A measured course as evidence: it speaks the right way, within bounds, and is counted once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.course_given import given_course
from marrowlight.causes.course_likelihood import CourseSaid, of_course
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.posterior import evidence_of, posterior
from marrowlight.causes.weigh import weights
from marrowlight.course.course import Course, Fate, Verdict
from marrowlight.study.study import Joint, Side
from tests.causes.course_made import course

OA = "osteoarthritis_bml"
TRANSIENT = "transient_osteoporosis_bmes"
CONTUSION = "bone_contusion"
NECROSIS = "osteonecrosis"
TUMOR = "tumour_marrow_infiltration"
MIGRATORY = "regional_migratory_osteoporosis"
INFECTION = "infection_osteomyelitis_septic_arthritis"

CASE = Case(Joint.KNEE)


def said(measured: Course, case: Case = CASE) -> CourseSaid:
    told = of_course(given_course(measured, case), knowledge())
    assert told is not None
    return told


def bits(measured: Course, first: str, second: str, case: Case = CASE) -> float:
    """log2 of P(course | first) over P(course | second), each alone."""
    logs, space = said(measured, case).logs[0], hypotheses()
    i, j = space.causes.index(first), space.causes.index(second)
    return float((logs[i] - logs[j]) / math.log(2))


def bits_of(measured: Course, case: Case = CASE) -> dict[str, float]:
    """Bits of the course for every cause against all others."""
    evidence = evidence_of(case, None, given_course(measured, case))
    row = weights(evidence)[:, evidence.names.index("course")]
    return dict(zip(evidence.space.causes, row.tolist(), strict=True))


FALLS = course({"femur": [20, 2]}, [0, 26])
GROWS = course({"femur": [10, 25]}, [0, 16])
GONE = course({"femur": [20, 0]}, [0, 26])
MOVES = course({"femur": [10, 1.5], "tibia": [0, 8]}, [0, 16], fates={"tibia": Fate.MOVED_BONE})
TINY = course({"femur": [0.5, 0.55]}, [0, 26], verdict=Verdict.UNCERTAIN)
SWINGS = course({"femur": [4, 9, 3.5, 9]}, [0, 8, 16, 24])
STAYS = course({"femur": [10, 10.5]}, [0, 26])

ALL = [FALLS, GROWS, GONE, MOVES, TINY, SWINGS, STAYS]


@pytest.mark.parametrize("cause", [TRANSIENT, CONTUSION])
def test_a_fall_to_a_tenth_speaks_for_what_fades(cause: str) -> None:
    assert bits(FALLS, cause, TUMOR) > 2
    assert bits(FALLS, cause, OA) > 1
    assert bits(FALLS, cause, NECROSIS) > 0.2
    assert bits_of(FALLS)[cause] > 0.5
    assert bits_of(FALLS)[TUMOR] < -1.5


@pytest.mark.parametrize("cause", [TRANSIENT, CONTUSION])
def test_growth_speaks_the_other_way(cause: str) -> None:
    assert bits(GROWS, TUMOR, cause) > 1
    assert bits(GROWS, NECROSIS, cause) > 0.5
    assert bits_of(GROWS)[cause] < -0.5
    assert bits_of(GROWS)[TUMOR] > 0.5


@pytest.mark.parametrize("measured", [FALLS, GONE, course({"femur": [20, 1]}, [0, 12])])
def test_clearing_does_not_rule_out_necrosis(measured: Course) -> None:
    assert bits(measured, TRANSIENT, NECROSIS) <= 1.0 + 1e-9
    assert bits_of(measured)[NECROSIS] > -1.1


def test_edema_that_stays_speaks_against_transient_edema() -> None:
    assert bits(STAYS, NECROSIS, TRANSIENT) > 1
    assert bits(STAYS, "red_marrow_reconversion", TRANSIENT) > 2


def test_up_and_down_speaks_for_what_fluctuates() -> None:
    for other in (TRANSIENT, TUMOR, "red_marrow_reconversion"):
        assert bits(SWINGS, OA, other) > 2


def test_a_new_bone_speaks_for_migration() -> None:
    own = bits_of(MOVES)
    assert own[MIGRATORY] > 3
    assert max(own, key=lambda c: own[c]) == MIGRATORY
    assert bits(MOVES, MIGRATORY, TRANSIENT) > 2
    still = course({"femur": [10, 1.5], "tibia": [0, 0]}, [0, 16])
    assert bits(still, MIGRATORY, TRANSIENT) < 0.5


def test_what_is_at_the_new_place_is_not_taken_for_growth() -> None:
    given = given_course(MOVES, CASE)
    assert given.whole is not None
    assert given.whole.log_ratio == pytest.approx(math.log(1.5 / 10))
    assert given.whole.verdict is Verdict.SHRANK
    assert given.state == "15% left after 16 weeks; new place: tibia"


def test_a_bone_that_was_not_read_before_is_no_new_place() -> None:
    tibia = next(b for b in MOVES.bones if b.bone == "tibia")
    unread = tibia.model_copy(update={"volume_mm3": (None, 8000.0), "steps": ()})
    other = MOVES.model_copy(update={"bones": (MOVES.bones[0], unread)})
    assert given_course(other, CASE).places == ()


def test_a_new_lesion_beside_the_old_one_is_no_new_place_and_a_moved_one_is() -> None:
    bone = FALLS.bones[0]
    for fate, places in ((Fate.NEW, 0), (Fate.MOVED, 1)):
        at = bone.lesions[0].at[1].model_copy(update={"fate": fate, "volume_mm3": 3000.0})
        second = bone.lesions[0].model_copy(
            update={
                "track_id": "T2",
                "at": (at,),
                "volume_mm3": (0.0, 3000.0),
                "verdict": Verdict.NEW,
            }
        )
        more = bone.model_copy(update={"lesions": (*bone.lesions, second)})
        found = given_course(FALLS.model_copy(update={"bones": (more,)}), CASE).places
        assert len(found) == places
        assert all(p.within for p in found)


def test_an_uncertain_tiny_change_moves_nothing() -> None:
    for weeks in (6, 12, 26, 52):
        for after in (0.2, 0.55, 0.9):
            measured = course({"femur": [0.5, after]}, [0, weeks], verdict=Verdict.UNCERTAIN)
            assert max(abs(b) for b in bits_of(measured).values()) <= 0.5 + 1e-6


def test_measurement_error_takes_bits_away() -> None:
    sharp = bits(course({"femur": [10, 5]}, [0, 12], sdc=0.2), CONTUSION, "osteoid_osteoma")
    blunt = bits(course({"femur": [10, 5]}, [0, 12], sdc=1.8), CONTUSION, "osteoid_osteoma")
    assert sharp > 1
    assert abs(blunt) < 0.6


@pytest.mark.parametrize("measured", ALL)
def test_no_course_says_more_than_its_bound(measured: Course) -> None:
    logs = said(measured).logs
    assert logs.shape[1] == len(hypotheses().names)
    assert np.all(np.isfinite(logs))
    assert np.ptp(logs, axis=1).max() / math.log(2) <= 5 + 1e-9
    assert max(abs(b) for b in bits_of(measured).values()) <= 5 + 1e-6


@pytest.mark.parametrize("measured", ALL)
@pytest.mark.parametrize(
    "case", [CASE, Case(Joint.KNEE, age=66, present=frozenset({"acute_trauma"}))]
)
def test_hypotheses_still_sum_to_one(measured: Course, case: Case) -> None:
    every = posterior(evidence_of(case, None, given_course(measured, case)))
    assert np.allclose(every.sum(axis=1), 1)


def test_pairs_follow_the_more_persistent_of_the_two() -> None:
    space, logs = hypotheses(), said(FALLS).logs[0]
    pair = space.names.index((OA, CONTUSION))
    assert logs[pair] == pytest.approx(logs[space.causes.index(OA)], abs=0.05)


def test_findings_that_say_the_same_are_not_counted_twice() -> None:
    stated = CASE.but("bme_resolved_on_followup", True).but("bme_migrated_on_followup", False)
    given = given_course(GONE, stated)
    evidence = evidence_of(stated, None, given)
    assert "course" in evidence.names
    assert not {"bme_resolved_on_followup", "bme_migrated_on_followup"} & set(evidence.names)
    plain = evidence_of(CASE, None, given_course(GONE, CASE))
    assert np.allclose(posterior(evidence)[0], posterior(plain)[0])
    assert "bme_resolved_on_followup" in evidence_of(stated).names


def test_without_a_course_nothing_changes() -> None:
    case = Case(Joint.KNEE, age=66, values={"symptom_duration_weeks": 30})
    evidence = evidence_of(case)
    assert evidence.course is None
    assert "course" not in evidence.names


def test_duration_counts_as_that_at_the_first_visit() -> None:
    """At the last visit the edema is gone: that it were still there must not be said."""
    case = Case(Joint.KNEE, values={"symptom_duration_weeks": 30})
    given = given_course(GONE, case)
    assert given.onset == pytest.approx(4)
    name = "symptom_duration_weeks"
    now = evidence_of(case, None, given)
    then = evidence_of(Case(Joint.KNEE, values={name: 4}))
    assert np.allclose(
        now.logs[0][:, now.names.index(name)], then.logs[0][:, then.names.index(name)]
    )
    short = given_course(GONE, Case(Joint.KNEE, values={name: 10}))
    assert short.onset == pytest.approx(10)


def test_a_known_onset_sharpens_what_is_expected() -> None:
    """Four months after a bruise edema that does not fade is odder than in its first days."""
    stays = course({"femur": [10, 10]}, [0, 6])
    early = Case(Joint.KNEE, values={"symptom_duration_weeks": 6.5})
    late = Case(Joint.KNEE, values={"symptom_duration_weeks": 22})
    marrow = "red_marrow_reconversion"
    assert bits(stays, marrow, CONTUSION, late) > bits(stays, marrow, CONTUSION, early) + 0.3


def test_the_item_has_bits_words_and_p() -> None:
    told = said(FALLS)
    low, middle, high = told.p[TRANSIENT]
    assert 0.85 < low <= middle <= high <= 1
    assert told.p[TUMOR][1] < 0.2
    assert set(told.p) == set(hypotheses().causes)


def test_no_edema_at_any_visit_says_nothing() -> None:
    none = course({"femur": [0, 0]}, [0, 12])
    given = given_course(none, CASE)
    assert of_course(given, knowledge()) is None
    assert "course" not in evidence_of(CASE, None, given).names


def test_edema_that_begins_is_no_second_place() -> None:
    begins = given_course(course({"femur": [0, 8]}, [0, 12]), CASE)
    assert not begins.watched
    assert begins.changes == ()


def test_other_sides_of_one_joint_are_told_apart() -> None:
    from marrowlight.errors import NotThisJoint

    with pytest.raises(NotThisJoint, match="left knee"):
        given_course(FALLS, Case(Joint.KNEE, side=Side.RIGHT))
    with pytest.raises(NotThisJoint, match="case of the hip"):
        given_course(FALLS, Case(Joint.HIP))
