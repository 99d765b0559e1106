"""Reasons: their weight in bits, their words, and what is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.causes.ranked import Weight
from marrowlight.causes.weigh import SLIGHT, missing, reasons, weights, words_of
from marrowlight.causes.what_if import shifts, what_if
from tests.causes.made_cases import case, chances

KNEE = {
    "age": 62,
    "sex": "female",
    "present": ["osteophytes", "cartilage_loss_adjacent", "mri_effusion"],
    "absent": ["fever", "acute_trauma"],
    "values": {"symptom_duration_weeks": 40, "bme_site": "patella"},
}


def told(one: Case, cause: str) -> tuple[tuple[Weight, ...], tuple[Weight, ...]]:
    evidence = evidence_of(one)
    return reasons(evidence, weights(evidence)[evidence.space.causes.index(cause)], cause)


def odds(one: Case, cause: str) -> float:
    p = chances(one)[cause]
    return p / (1 - p)


@pytest.mark.parametrize("finding", ["osteophytes", "fever"])
def test_a_weight_is_the_odds_with_it_over_the_odds_without_it(finding: str) -> None:
    one = case("knee", **KNEE)
    evidence = evidence_of(one)
    bits = weights(evidence)[:, evidence.names.index(finding)]
    for i, cause in enumerate(evidence.space.causes):
        expected = math.log2(odds(one, cause) / odds(one.but(finding, None), cause))
        assert bits[i] == pytest.approx(expected, abs=1e-6), cause


def test_with_one_finding_the_weight_is_its_likelihood_ratio() -> None:
    evidence = evidence_of(case("knee", present=["fever"]))
    column = weights(evidence)[:, 0]
    prior, after = np.exp(evidence.log_prior[0]), posterior(evidence)[0]
    i = evidence.space.causes.index("infection_osteomyelitis_septic_arthritis")
    before, then = (float(marginal(evidence.space, p)[i]) for p in (prior, after))
    assert column[i] == pytest.approx(math.log2(then / (1 - then) / (before / (1 - before))))
    assert column[i] > 2


def test_reasons_are_strongest_first_and_each_on_its_side() -> None:
    for_, against = told(case("knee", **KNEE), "osteoarthritis_bml")
    assert {"osteophytes", "cartilage_loss_adjacent"} <= {w.finding for w in for_}
    for side, sign in ((for_, 1), (against, -1)):
        sizes = [sign * w.bits for w in side]
        assert sizes == sorted(sizes, reverse=True)
        assert all(size >= SLIGHT - 0.005 for size in sizes)
        assert all(w.words.endswith("for" if sign > 0 else "against") for w in side)


def test_a_reason_says_what_is_known_and_where_it_comes_from() -> None:
    everything = [w for cause in knowledge().causes for side in told(case("knee", **KNEE), cause)
                  for w in side]  # fmt: skip
    by = {w.finding: w for w in everything}
    assert by["age"].state == "62 years"
    assert by["symptom_duration_weeks"].state == "40 weeks"
    assert by["bme_site"].state == "patella"
    assert by["osteophytes"].state == "present"
    assert by["fever"].state == "absent"
    keys = {*knowledge().references, "estimate"}
    for weight in everything:
        assert weight.source
        assert set(weight.source) <= keys
    row = knowledge().causes["osteoarthritis_bml"].given("osteophytes", case("knee").joint)
    assert row is not None
    own = {w.finding: w for w in told(case("knee", **KNEE), "osteoarthritis_bml")[0]}
    assert own["osteophytes"].p == row.p
    assert own["osteophytes"].source == row.source


def test_a_group_weighs_less_than_its_findings_alone() -> None:
    together = case("knee", present=["osteophytes", "cartilage_loss_adjacent"])
    both = {w.finding: w.bits for w in told(together, "osteoarthritis_bml")[0]}
    alone = {f: told(case("knee", present=[f]), "osteoarthritis_bml")[0][0].bits for f in both}
    assert len(both) == 2
    for finding, bits in both.items():
        assert bits < alone[finding]


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0.6, "slightly for"), (1.6, "for"), (3.4, "strongly for"), (9.0, "strongly for"),
        (-0.6, "slightly against"), (-1.6, "against"), (-3.4, "strongly against"),
    ],
)  # fmt: skip
def test_words(bits: float, words: str) -> None:
    assert words_of(bits) == words


def test_what_is_missing_is_unknown_and_would_move_the_cause_most() -> None:
    one = case("knee", **KNEE)
    asked = what_if(evidence_of(one))
    shift = shifts(asked)
    index = asked.evidence.space.causes.index("osteoarthritis_bml")
    found = missing(asked, shift, index)
    assert len(found) == 3
    assert not {m.finding for m in found} & (one.present | one.absent)
    sizes = [m.shift for m in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(shift[:, index].max(), abs=5e-4)


def test_a_shift_is_the_mean_change_over_both_answers() -> None:
    one = case("knee", age=30, present=["fever"])
    asked = what_if(evidence_of(one))
    k = asked.findings.index("abscess_or_sinus")
    i = asked.evidence.space.causes.index("infection_osteomyelitis_septic_arthritis")
    now = chances(one)["infection_osteomyelitis_septic_arthritis"]
    yes, no = (
        chances(one.but("abscess_or_sinus", state))["infection_osteomyelitis_septic_arthritis"]
        for state in (True, False)
    )
    chance = asked.chance()[k]
    expected = chance * abs(yes - now) + (1 - chance) * abs(no - now)
    assert shifts(asked)[k, i] == pytest.approx(expected, abs=1e-9)


def test_what_a_later_visit_shows_and_what_the_pathway_contains_is_not_asked() -> None:
    asked = what_if(evidence_of(case("knee", age=30, pathway="trauma")))
    known = knowledge().findings
    assert asked.findings
    assert all(known[f].first_visit for f in asked.findings)
    assert not {"acute_trauma", "sudden_onset"} & set(asked.findings)
    assert "sudden_onset" in what_if(evidence_of(case("knee", age=30))).findings
