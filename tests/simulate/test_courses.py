"""The simulated courses are those that the knowledge of causes gives."""

import numpy as np
import pytest

from marrowlight.causes.knowledge import knowledge
from marrowlight.errors import UsageError
from marrowlight.simulate import simulate
from marrowlight.simulate.drive import drives

CAUSES = {key: knowledge().causes[key].course for key in drives()}
OF = {
    pattern: [key for key, drive in drives().items() if drive.pattern == pattern]
    for pattern in ("resolves", "fluctuates", "migrates", "progresses")
}
PEOPLE = 30


def log_ratios(cause, weeks, care=()):
    """(N,) ln(volume after so many weeks / volume when first seen) of many people."""
    out = []
    for seed in range(PEOPLE):
        s = simulate(cause, 60, care, seed=seed)
        first = s.first_seen_weeks
        out.append(np.log(s.at(first + weeks).sum() / s.at(first).sum()))
    return np.array(out)


def test_the_causes_that_must_be_there_are_there():
    assert len(drives()) >= 12
    assert all(OF.values())


@pytest.mark.parametrize("cause", CAUSES)
def test_the_pattern_is_that_of_the_cause(cause):
    assert drives()[cause].pattern == CAUSES[cause].pattern


@pytest.mark.parametrize("cause", OF["resolves"])
def test_it_clears_when_the_cause_does(cause):
    weeks = CAUSES[cause].weeks
    course = simulate(cause, 160)
    assert course.weeks_to_clear is not None
    assert weeks.low <= course.weeks_to_clear <= weeks.high
    assert course.weeks_to_clear == pytest.approx(weeks.median, rel=0.35)
    assert course.weeks_to_half < course.weeks_to_clear


@pytest.mark.parametrize("cause", OF["progresses"])
def test_it_gets_worse_when_the_cause_does_and_does_not_go_back(cause):
    weeks = CAUSES[cause].weeks
    course = simulate(cause, 200)
    assert weeks.low <= course.weeks_to_double <= weeks.high
    assert course.weeks_to_double == pytest.approx(weeks.median, rel=0.5)
    assert course.weeks_to_clear is None
    assert course.total_ml[-1] > 0.8 * course.peak_ml


@pytest.mark.parametrize("cause", OF["fluctuates"])
def test_it_rises_and_falls_and_is_still_there_at_the_median(cause):
    weeks = CAUSES[cause].weeks
    course = simulate(cause, weeks.median + 30)
    here = course.total_ml[course.weeks > course.first_seen_weeks]
    steps = np.diff(here)
    assert ((steps[:-1] > 0) & (steps[1:] <= 0)).sum() >= 2
    late = course.total_ml[(course.weeks > weeks.median - 8) & (course.weeks < weeks.median + 8)]
    assert late.max() > 0.3 * course.peak_ml


@pytest.mark.parametrize("cause", OF["migrates"])
def test_it_leaves_one_place_for_the_next(cause):
    weeks = CAUSES[cause].weeks
    course = simulate(cause, 160)
    leads = course.lesion_ml.argmax(axis=0)[course.total_ml > 1]
    assert list(dict.fromkeys(leads.tolist())) == [0, 1, 2]
    assert weeks.low <= course.weeks_to_clear <= weeks.high
    assert course.weeks_to_clear == pytest.approx(weeks.median, rel=0.35)
    for site in course.lesion_ml:
        there = course.weeks[site > 0.1 * site.max()]
        assert 13 <= there[-1] - there[0] <= 39, "rmo2008: 13 to 39 weeks a site"


def test_bruises_may_grow_in_the_first_weeks_then_fade():
    course = simulate("bone_contusion", 60)
    assert 1 < course.weeks_to_peak <= 6, "bbrct2005"
    assert course.at(13).sum() < 0.6 * course.peak_ml


def test_osteoarthritis_changes_as_often_as_was_measured():
    # felson2012: 63 % changed by more than half within 12 weeks, in either direction. What was
    # measured holds the error of measurement too, so the truth may lie somewhat below.
    ratio = log_ratios("osteoarthritis_bml", 12)
    much = np.abs(np.exp(ratio) - 1) > 0.5
    assert 0.45 <= much.mean() <= 0.8
    assert 0.25 <= (ratio > 0).mean() <= 0.75


def test_charcot_feet_in_care_shrink_as_often_as_was_measured():
    # charcotFU: 69 % down at the next scan 13 weeks later, 31 % up, moved or the same.
    ratio = log_ratios("neuropathic_charcot", 13, ("contact_cast",))
    assert 0.5 <= (ratio < -0.1).mean() <= 0.85


def test_dead_marrow_never_goes_back_though_edema_may():
    course = simulate("osteonecrosis", 200, seed=3)
    assert (np.diff(course.dead_ml) >= 0).all()
    assert course.dead_ml[0, -1] > 5
    assert (np.diff(course.total_ml) < 0).any()
    before = course.weeks < 26
    assert course.total_ml[before].max() < 0.1 * course.peak_ml, "edema is no early sign"
    assert course.flow[0, -1] < 0.8 * course.body.flow_ml, "no flow in what is dead (dce2017)"


def test_flow_is_raised_not_lowered_in_transient_osteoporosis():
    course = simulate("transient_osteoporosis_bmes", 20)
    assert course.flow.min() > course.body.flow_ml - 0.1, "dce2017"
    assert course.pressure_mmhg.max() > 30, "hofmann1993"


@pytest.mark.parametrize("cause", drives())
def test_pressures_stay_within_what_was_ever_measured(cause):
    course = simulate(cause, 104)
    assert course.pressure_mmhg.min() > 20
    assert course.pressure_mmhg.max() < course.body.arterial_pressure_mmhg


@pytest.mark.parametrize(
    ("cause", "care"),
    [
        ("insufficiency_fracture_subchondral", "protected_loading"),
        ("neuropathic_charcot", "contact_cast"),
        ("transient_osteoporosis_bmes", "bisphosphonate"),
        ("transient_osteoporosis_bmes", "denosumab"),
        ("transient_osteoporosis_bmes", "iloprost"),
        ("transient_osteoporosis_bmes", "core_decompression"),
        ("rheumatoid_arthritis", "dmard"),
        ("rheumatoid_arthritis", "biologic_or_jak"),
        ("infection_osteomyelitis_septic_arthritis", "antibiotics_drainage"),
    ],
)
def test_care_acts(cause, care):
    without, treated = simulate(cause, 40), simulate(cause, 40, (care,))
    start = treated.care[0].start
    before = without.weeks < start
    assert treated.total_ml[before] == pytest.approx(without.total_ml[before], abs=1e-6)
    after = without.weeks > start + 3
    assert treated.total_ml[after].mean() < 0.97 * without.total_ml[after].mean()


def test_a_bone_drug_is_ahead_at_six_weeks_and_equal_in_the_end():
    # zomars: -64.5 % at 6 weeks against +14.4 %, pain equal at 12 weeks. The direction is held to;
    # the model gives a smaller effect than that one trial, in which placebo had an SD of 150 %.
    without = simulate("transient_osteoporosis_bmes", 80)
    treated = simulate("transient_osteoporosis_bmes", 80, ("bisphosphonate",))
    week = without.first_seen_weeks + 6
    assert treated.at(week).sum() < 0.85 * without.at(week).sum()
    assert treated.total_ml[-1] == pytest.approx(without.total_ml[-1], abs=0.1)


def test_an_infection_is_stopped_only_by_what_stops_it():
    cause = "infection_osteomyelitis_septic_arthritis"
    assert simulate(cause, 26, ("protected_loading",)).total_ml[-1] > 20
    assert simulate(cause, 26, ("antibiotics_drainage",)).total_ml[-1] < 2


def test_weak_bone_that_is_walked_on_stays_open():
    cause = "insufficiency_fracture_subchondral"
    assert simulate(cause, 60, load=1.4).total_ml[-1] > 3
    assert simulate(cause, 60).total_ml[-1] < 0.2


def test_care_begins_when_it_is_said():
    early, late = (
        simulate("transient_osteoporosis_bmes", 30, (f"bisphosphonate:{w}",)) for w in (2, 10)
    )
    assert early.at(9).sum() < late.at(9).sum()
    assert late.care[0].start == 10


@pytest.mark.parametrize("care", ["rest", "iloprost:soon", "iloprost:-2", "protected_loadin"])
def test_care_that_is_not_known_is_refused(care):
    with pytest.raises(UsageError) as error:
        simulate("bone_contusion", 10, (care,))
    assert error.value.where == "--care"
    assert error.value.expected


def test_care_that_would_start_after_the_end_is_refused():
    with pytest.raises(UsageError, match="week 10, after the 10 weeks"):
        simulate("bone_contusion", 10, ("protected_loading:10",))
    assert simulate("bone_contusion", 10, ("protected_loading:9",)).care[0].start == 9


def test_an_unknown_cause_is_told_what_is_near():
    with pytest.raises(UsageError, match="bone_contusoin") as error:
        simulate("bone_contusoin", 10)
    assert "bone_contusion" in error.value.expected


# Osteonecrosis is followed from its pain on here, and from the start of the necrosis there.
@pytest.mark.parametrize("cause", [cause for cause in drives() if cause != "osteonecrosis"])
def test_the_amounts_are_those_that_the_expected_courses_allow(cause):
    # Written apart from each other: what a course is weighed by, and what makes one up.
    from marrowlight.causes.course_expected import expected_log_ratio

    course = simulate(cause, 60)
    first = course.first_seen_weeks
    for weeks in (4, 12, 24):
        mean, sd = expected_log_ratio(cause, 0, weeks)
        least = 0.005 * course.peak_ml
        ratio = np.log(max(course.at(first + weeks)[0], least) / course.at(first)[0])
        assert abs(ratio - mean) < 2 * sd + 0.5, weeks
