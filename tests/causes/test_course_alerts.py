"""Alerts fire where they should and keep quiet where not; when to look again, and why then."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.course_alerts import (
    Alert,
    alert_rules,
    alerts_of,
    load_alerts,
    look_again,
)
from marrowlight.causes.course_given import given_course
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.course.course import Course, Fate, Verdict
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint
from tests.causes.course_made import course

TRANSIENT = "transient_osteoporosis_bmes"
OA = "osteoarthritis_bml"
NECROSIS = "osteonecrosis"

FADING = {TRANSIENT: 0.6, NECROSIS: 0.3}


def alerts(
    measured: Course,
    before: dict[str, float] | None = None,
    *,
    weeks: float | None = None,
) -> dict[str, Alert]:
    values = {} if weeks is None else {"symptom_duration_weeks": weeks}
    case = Case(measured.joint, values=values)
    chances = FADING if before is None else before
    leading = sorted(chances, key=lambda c: -chances[c])
    found = alerts_of(given_course(measured, case), leading, chances)
    return {a.code: a for a in found}


def test_not_fading_fires_after_twelve_weeks() -> None:
    found = alerts(course({"femur": [10, 9.5]}, [0, 12]))
    assert set(found) == {"not_fading"}
    alert = found["not_fading"]
    assert "After 12 weeks: 95% left" in alert.why[0]
    assert "74% left or less would be a fall" in alert.why[0]
    assert alert.why[-1].startswith("Transient osteoporosis stays at its largest for 2 to 9 weeks")
    assert "radFoot" in alert.source
    assert alert.do


@pytest.mark.parametrize(
    ("measured", "before", "weeks"),
    [
        (course({"femur": [10, 9.5]}, [0, 11]), None, None),
        (course({"femur": [10, 6]}, [0, 12]), None, None),
        (course({"femur": [10, 0]}, [0, 26]), None, None),
        (course({"femur": [10, 9.5]}, [0, 12]), {OA: 0.9, TRANSIENT: 0.1}, None),
        (course({"femur": [10, 9.5]}, [0, 12]), {NECROSIS: 0.9}, None),
        (course({"femur": [10, 9.5]}, [0, 12]), {}, None),
        (course({"femur": [0.5, 0.5]}, [0, 12], verdict=Verdict.UNCERTAIN), None, None),
        # Old symptoms, but two visits too near together to tell.
        (course({"femur": [10, 9.5]}, [0, 4]), None, 20),
    ],
)
def test_not_fading_keeps_quiet(
    measured: Course, before: dict[str, float] | None, weeks: float | None
) -> None:
    assert "not_fading" not in alerts(measured, before, weeks=weeks)


def test_not_fading_counts_from_onset_where_it_is_known() -> None:
    assert "not_fading" in alerts(course({"femur": [10, 9.5]}, [0, 8]), weeks=14)


def test_a_cause_that_the_course_itself_speaks_against_still_asks_why() -> None:
    """What leads afterwards does not matter: the surprise is what led before."""
    given = given_course(course({"femur": [10, 9.5]}, [0, 16]), Case(Joint.KNEE))
    found = alerts_of(given, [NECROSIS, TRANSIENT], {TRANSIENT: 0.7, NECROSIS: 0.1})
    assert [a.code for a in found] == ["not_fading"]


def test_growth_after_eight_weeks() -> None:
    late = alerts(course({"femur": [10, 16]}, [0, 8]), {})
    assert "Femur: x1.6 from week 0 to 8; x1.3 would be noise." in late["grew_late"].why
    assert "grew_late" not in alerts(course({"femur": [10, 16]}, [0, 6]), {})
    assert "grew_late" in alerts(course({"femur": [10, 16]}, [0, 6]), {}, weeks=9)
    assert "grew_late" not in alerts(course({"femur": [10, 12]}, [0, 26]), {})
    assert "grew_late" not in alerts(course({"femur": [10, 4]}, [0, 26]), {})


def test_growth_in_a_later_step_only() -> None:
    found = alerts(course({"femur": [10, 4, 7]}, [0, 6, 14]), {})
    assert found["grew_late"].why[0].startswith("Femur: x1.8 from week 6 to 14")


def test_growth_where_ups_and_downs_are_the_rule_is_said_so() -> None:
    found = alerts(course({"femur": [10, 16]}, [0, 12]), {OA: 0.8})
    assert "ups and downs" in found["grew_late"].why[-1]
    found = alerts(course({"femur": [10, 60]}, [0, 12]), {OA: 0.8})
    assert "ups and downs" not in found["grew_late"].why[-1]
    found = alerts(course({"femur": [10, 16]}, [0, 12]), {NECROSIS: 0.8})
    assert "ups and downs" not in found["grew_late"].why[-1]


def test_a_new_place() -> None:
    moved = course({"femur": [10, 2], "tibia": [0, 6]}, [0, 10], fates={"tibia": Fate.MOVED_BONE})
    found = alerts(moved, {})
    assert found["new_place"].why[0] == "New: tibia, 6.0 ml at week 10."
    assert "new_place" not in alerts(course({"femur": [10, 2], "tibia": [3, 3]}, [0, 10]), {})
    faint = course({"femur": [10, 2], "tibia": [0, 0.09]}, [0, 10])
    assert "new_place" not in alerts(faint, {})


def test_a_lesion_at_a_load_bearing_surface_that_grows() -> None:
    found = alerts(course({"femur": [10, 16]}, [0, 6], under_surface=0.8), {})
    assert set(found) == {"surface_grew"}
    assert found["surface_grew"].why[0].startswith("Femoral condyle: x1.6 in 6 weeks, 80%")
    ankle = course({"talus": [3, 6]}, [0, 6], joint=Joint.ANKLE, under_surface=0.9)
    assert alerts(ankle, {})["surface_grew"].why[0].startswith("Talar dome")
    hip = course({"femur": [3, 6]}, [0, 6], joint=Joint.HIP, under_surface=0.9)
    assert alerts(hip, {})["surface_grew"].why[0].startswith("Femoral head")


@pytest.mark.parametrize(
    "measured",
    [
        course({"femur": [10, 16]}, [0, 6], under_surface=0.2),
        course({"femur": [10, 8]}, [0, 6], under_surface=0.9),
        course({"patella": [10, 16]}, [0, 6], under_surface=0.9),
        course({"calcaneus": [10, 16]}, [0, 6], joint=Joint.ANKLE, under_surface=0.9),
    ],
)
def test_the_surface_keeps_quiet(measured: Course) -> None:
    assert "surface_grew" not in alerts(measured, {})


def test_a_course_that_fades_raises_nothing() -> None:
    assert alerts(course({"femur": [20, 10, 3, 0]}, [0, 6, 14, 26])) == {}


def test_when_to_look_again_follows_the_leading_cause() -> None:
    given = given_course(course({"femur": [10, 5]}, [0, 6]), Case(Joint.KNEE))
    general = look_again(given, [], ())
    assert general.weeks == (6, 8)
    assert general.source == ("felson2012",)
    assert "40.8%" in general.why
    own = look_again(given, [OA, TRANSIENT], ())
    assert own.cause == OA
    assert own.weeks[0] >= 26
    assert look_again(given, ["scurvy_nutritional"], ()).weeks == (6, 8)


def test_an_alert_brings_the_next_look_forward_and_infection_does_not_wait() -> None:
    given = given_course(course({"femur": [10, 16]}, [0, 12]), Case(Joint.KNEE))
    fired = alerts_of(given, [OA], {OA: 0.9})
    assert fired
    assert look_again(given, [OA], fired).weeks == (6, 8)
    for cause in ("infection_osteomyelitis_septic_arthritis", "tumour_marrow_infiltration"):
        assert look_again(given, [cause], fired).weeks[0] == 0


def test_no_mri_is_repeated_within_six_weeks_unless_the_cause_cannot_wait() -> None:
    urgent = {
        "infection_osteomyelitis_septic_arthritis",
        "tumour_marrow_infiltration",
        "osteoid_osteoma",
    }
    for cause, row in alert_rules().look_again.causes.items():
        assert (row.weeks[0] < 6) == (cause in urgent)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("source: [felson2012]", "source: [nobody2020]", "no known source"),
        ("    bone_contusion:", "    bone_contusions:", "no known cause"),
        ("weeks: [12, 26]", "weeks: [36, 26]", "earliest week"),
        ("- code: not_fading", "- code: grew_late", "needed once"),
    ],
)
def test_broken_alerts_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = resources.files("marrowlight.causes").joinpath("data/alerts.yaml")
    text = file.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "alerts.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=told):
        load_alerts(YamlFile(path), knowledge())
