"""Probabilities of causes: what moves them, and how wide they are."""

from __future__ import annotations

import numpy as np
import pytest

from marrowlight.causes.draws import SAMPLES
from marrowlight.causes.posterior import counted, evidence_of, marginal, posterior, shares
from tests.causes.made_cases import case, chances

INFECTION = "infection_osteomyelitis_septic_arthritis"


def ranges(**words: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles, 5th and 95th percentile of the draws."""
    evidence = evidence_of(case("knee", **words))
    chance = marginal(evidence.space, posterior(evidence))
    low, high = np.percentile(chance[1:], (5, 95), axis=0)
    return chance[0], low, high


def test_every_draw_has_its_own_row() -> None:
    evidence = evidence_of(case("knee", present=["fever"]))
    every = posterior(evidence)
    assert every.shape == (SAMPLES + 1, len(evidence.space.names))
    assert len(np.unique(every[:, 0])) == SAMPLES + 1


def test_the_same_case_gives_the_same_answer() -> None:
    words = {"age": 50, "present": ["fever", "synovitis"], "values": {"bme_site": "patella"}}
    np.testing.assert_array_equal(
        posterior(evidence_of(case("knee", **words))), posterior(evidence_of(case("knee", **words)))
    )


def test_ranges_hold_the_middle_and_have_a_width() -> None:
    middle, low, high = ranges(age=50, present=["fever", "synovitis"])
    leading = np.argsort(-middle)[:5]
    assert (low[leading] < middle[leading]).all()
    assert (middle[leading] < high[leading]).all()
    assert (high[leading] - low[leading]).max() < 0.9


def test_the_ends_hardly_depend_on_the_seed() -> None:
    evidence = evidence_of(case("knee", age=50, present=["fever", "synovitis"]))
    chance = marginal(evidence.space, posterior(evidence))[1:]
    one, two = (np.percentile(half, (5, 95), axis=0) for half in np.split(chance, 2))
    assert np.abs(one - two).max() < 0.08


def test_a_sign_of_infection_raises_infection() -> None:
    before = chances(case("knee", age=50))
    after = chances(case("knee", age=50, present=["fever", "infected_joint_fluid_or_culture"]))
    assert after[INFECTION] > 0.9
    assert before[INFECTION] < 0.05


def test_a_normal_crp_lowers_infection_and_does_not_rule_it_out() -> None:
    words = {"age": 50, "present": ["t1_confluent_replacement", "soft_tissue_edema_marked"]}
    before = chances(case("knee", **words))[INFECTION]
    after = chances(case("knee", **words, absent=["inflammatory_markers_raised"]))[INFECTION]
    odds = (after / (1 - after)) / (before / (1 - before))
    assert 1 / 8 < odds < 1 / 2


def test_a_number_settles_its_finding() -> None:
    raised = chances(case("knee", present=["inflammatory_markers_raised"]))
    normal = chances(case("knee", absent=["inflammatory_markers_raised"]))
    unknown = chances(case("knee"))
    assert chances(case("knee", values={"crp_mg_l": 40})) == raised
    assert chances(case("knee", values={"crp_mg_l": 2})) == normal
    assert chances(case("knee", values={"crp_mg_l": 7})) == unknown, "between the two"


def test_what_is_stated_stays_over_what_a_number_says() -> None:
    stated = case("knee", absent=["inflammatory_markers_raised"], values={"crp_mg_l": 40})
    assert chances(stated) == chances(case("knee", absent=["inflammatory_markers_raised"]))


def test_the_site_speaks_for_causes_that_lie_there() -> None:
    calcaneus = chances(case("ankle", values={"bme_site": "calcaneus"}))
    talus = chances(case("ankle", values={"bme_site": "talar_dome"}))
    assert talus["osteochondral_lesion"] > 3 * calcaneus["osteochondral_lesion"]


def test_edema_that_stays_for_years_is_not_one_that_clears_in_months() -> None:
    early = chances(case("hip", values={"symptom_duration_weeks": 8}))
    late = chances(case("hip", values={"symptom_duration_weeks": 200}))
    assert late["transient_osteoporosis_bmes"] < early["transient_osteoporosis_bmes"] / 3


def test_shares_of_very_unlike_weights_stay_numbers() -> None:
    assert shares(np.array([[-2000.0, 0.0, -1000.0]])).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ([2.0, 1.0, 0.5], 2 + 0.4 * 1.5),
        ([-2.0, 1.0, -0.5], 1 - 2 + 0.4 * -0.5),
        ([1.0, -1.0, 0.0], 0.0),
        ([0.0, 0.0, 0.0], 0.0),
    ],
)
def test_a_group_by_hand(logs: list[float], expected: float) -> None:
    block = ((np.arange(3), 0.4),)
    assert counted(np.array([logs]), block)[0] == pytest.approx(expected)
    assert counted(np.array([logs[::-1]]), block)[0] == pytest.approx(expected)


def test_items_outside_groups_add_up() -> None:
    blocks = tuple((np.array([i]), 1.0) for i in range(3))
    assert counted(np.array([[1.0, -2.0, 4.0]]), blocks)[0] == pytest.approx(3)
