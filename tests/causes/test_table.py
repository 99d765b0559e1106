"""P(finding | cause): rows, backgrounds, draws, and two causes together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowlight.causes.draws import LEAST, SAMPLES, drawn
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.likelihood import of_findings
from marrowlight.causes.table import table, together
from marrowlight.study.study import Joint
from tests.causes.made_cases import case as made

INFECTION = "infection_osteomyelitis_septic_arthritis"
P = st.floats(0.01, 0.99)


def alone(cause: str, finding: str, joint: Joint) -> np.ndarray:
    numbers = table(joint)
    return numbers.alone[:, hypotheses().causes.index(cause), numbers.column(finding)]


def test_the_first_draw_is_the_middle() -> None:
    row = knowledge().causes[INFECTION].given("fever", Joint.HIP)
    assert row is not None
    assert alone(INFECTION, "fever", Joint.HIP)[0] == pytest.approx(row.p[1])


def test_a_row_of_the_joint_comes_before_that_of_all_joints() -> None:
    knee, ankle = (alone(INFECTION, "diabetes", j)[0] for j in (Joint.KNEE, Joint.ANKLE))
    assert ankle > 2 * knee


def test_a_cause_that_names_no_finding_has_its_background_in_every_draw() -> None:
    finding = knowledge().findings["crystals_in_joint_fluid"]
    assert finding.background is not None
    cause = "bone_contusion"
    assert knowledge().causes[cause].given(finding.id, Joint.KNEE) is None
    numbers = table(Joint.KNEE)
    background = numbers.background[:, numbers.column(finding.id)]
    np.testing.assert_array_equal(alone(cause, finding.id, Joint.KNEE), background)
    assert background[0] == pytest.approx(finding.background.p[1])


@pytest.mark.parametrize("ends", [(0.1, 0.3, 0.5), (0.02, 0.5, 0.6), (0.66, 0.85, 0.98)])
def test_nine_draws_in_ten_lie_within_the_range(ends: tuple[float, float, float]) -> None:
    p = drawn([ends], stream=99)[1:, 0]
    assert len(p) == SAMPLES
    inside = np.mean((p >= ends[0]) & (p <= ends[2]))
    assert 0.86 <= inside <= 0.94
    assert np.median(p) == pytest.approx(ends[1], abs=0.08)


def test_draws_are_the_same_every_time_and_differ_between_uses() -> None:
    ends = [(0.1, 0.3, 0.5)]
    np.testing.assert_array_equal(drawn(ends, stream=98), drawn(ends, stream=98))
    assert not np.array_equal(drawn(ends, stream=98), drawn(ends, stream=97))


def test_nothing_is_certain_and_nothing_to_draw_is_no_error() -> None:
    case = made("knee", present=["synovitis"])
    said = of_findings(case, knowledge(), ["synovitis"])
    assert np.log(LEAST) <= said.min()
    assert said.max() <= np.log(1 - LEAST) + 1e-12
    assert drawn([], stream=95).shape == (SAMPLES + 1, 0)


def both(kind: str, a: float, b: float, background: float) -> float:
    return float(together(kind, *(np.array([x]) for x in (a, b, background)))[0])


@given(P, P, P)
def test_two_causes_produce_a_finding_at_least_as_often_as_one(a, b, background) -> None:
    p = both("produced", a, b, background)
    assert max(a, b) - 1e-9 <= p <= 1
    assert p == pytest.approx(both("produced", b, a, background))


@given(P, P, P)
def test_two_causes_leave_normal_at_most_as_often_as_one(a, b, background) -> None:
    assert 0 <= both("normal", a, b, background) <= min(a, b) + 1e-9


@pytest.mark.parametrize("kind", ["produced", "normal", "background"])
@given(a=P, b=P)
def test_a_cause_that_does_not_name_a_finding_changes_nothing(kind, a, b) -> None:
    # Where the other cause is on the side of the background that the rule speaks of.
    p, background = {"produced": (max(a, b), min(a, b))}.get(kind, (min(a, b), max(a, b)))
    assert both(kind, p, background, background) == pytest.approx(p, abs=1e-9)


def test_noisy_or_by_hand() -> None:
    assert both("produced", 0.6, 0.7, 0.1) == pytest.approx(1 - 0.9 * (0.4 / 0.9) * (0.3 / 0.9))
    assert both("normal", 0.4, 0.2, 0.5) == pytest.approx(0.5 * 0.8 * 0.4)
    assert both("background", 0.5, 0.5, 0.2) == pytest.approx(4 / 5)
