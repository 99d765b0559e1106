"""What is taken for how common, before the findings."""

from __future__ import annotations

import numpy as np
import pytest

from marrowlight.causes.draws import Floats
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import JOINTS, knowledge
from marrowlight.causes.pathway_of import pathway_of
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.causes.prior import age_density, prior, share_of_ages
from marrowlight.study.study import Joint
from tests.causes.made_cases import case, chances

KNOWN, SPACE = knowledge(), hypotheses()


def start(joint: Joint, entry: str | None = None, taken: frozenset[str] = frozenset()) -> Floats:
    way = KNOWN.pathways[entry] if entry else None
    return prior(case(joint.value), KNOWN, way, taken)


def one(joint: Joint, cause: str, entry: str | None = None) -> float:
    return float(marginal(SPACE, start(joint, entry)[0])[SPACE.causes.index(cause)])


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize("entry", [None, *KNOWN.pathways])
def test_priors_sum_to_one_in_every_draw(joint: Joint, entry: str | None) -> None:
    every = start(joint, entry)
    np.testing.assert_allclose(every.sum(axis=1), 1, atol=1e-12)
    assert (every >= 0).all()


@pytest.mark.parametrize("joint", JOINTS)
def test_without_a_pathway_each_cause_is_as_common_as_its_share(joint: Joint) -> None:
    every = start(joint)[0]
    chance = marginal(SPACE, every)
    share = np.array([KNOWN.causes[c].prior[joint].p[1] for c in SPACE.causes])
    np.testing.assert_allclose(chance / chance.sum(), share / share.sum(), rtol=1e-9)
    assert every[-1] == pytest.approx(KNOWN.pairs.other.p[1])


def test_another_joint_has_other_priors() -> None:
    knee, ankle, hip = (chances(case(j)) for j in ("knee", "ankle", "hip"))
    assert knee["osteoarthritis_bml"] > ankle["osteoarthritis_bml"]
    assert hip["osteonecrosis"] > 2 * ankle["osteonecrosis"]
    assert case("ankle_foot").joint is Joint.ANKLE


def test_a_pathway_gives_the_shares_it_states() -> None:
    shares = KNOWN.pathways["trauma"].shares[Joint.ANKLE]
    chance = {c: one(Joint.ANKLE, c, "trauma") for c in SPACE.causes}
    for cause, share in shares.items():
        assert chance[cause] / sum(chance.values()) == pytest.approx(share.p[1]), cause


def test_a_stated_injury_is_an_inferred_one() -> None:
    stated = evidence_of(case("knee", age=30, pathway="trauma"))
    listed = evidence_of(case("knee", age=30, pathway="trauma", present=["acute_trauma"]))
    inferred = evidence_of(case("knee", age=30, present=["acute_trauma"]))
    assert (stated.stated, listed.stated, inferred.stated) == (True, True, False)
    assert inferred.entry is not None
    assert inferred.entry.id == "trauma"
    np.testing.assert_array_equal(posterior(stated), posterior(inferred))
    np.testing.assert_array_equal(posterior(listed), posterior(inferred))


def test_what_a_pathway_contains_is_not_counted_again() -> None:
    evidence = evidence_of(case("knee", age=30, present=["acute_trauma", "sudden_onset"]))
    assert evidence.taken == {"acute_trauma", "sudden_onset"}
    assert not evidence.taken & set(evidence.names)
    counted = evidence_of(case("hip", age=30, present=["acute_trauma", "sudden_onset"]))
    assert counted.entry is None, "the hip has no shares after an injury below 65"
    assert {"acute_trauma", "sudden_onset"} <= set(counted.names)


def test_the_pathway_of_a_wound_needs_diabetes() -> None:
    wound = case("ankle", present=["penetrating_wound_or_ulcer"])
    both = case("ankle", present=["penetrating_wound_or_ulcer", "diabetes"])
    assert pathway_of(wound, KNOWN) is None
    way = pathway_of(both, KNOWN)
    assert way is not None
    assert (way[0].id, way[1]) == ("diabetic_wound", False)


def test_a_fall_of_an_older_person_is_one_by_age() -> None:
    ways = [
        pathway_of(case("hip", age=age, present=["acute_trauma"]), KNOWN)
        for age in (40, 64.9, 65, 90)
    ]
    assert [way and way[0].id for way in ways] == [None, None, "fall_in_age", "fall_in_age"]


def test_age_counts_once_on_a_pathway_of_old_people() -> None:
    causes = list(KNOWN.causes.values())
    mass = share_of_ages(causes, (65, 130))
    fracture, contusion = (
        SPACE.causes.index(c) for c in ("acute_fracture_occult", "bone_contusion")
    )
    assert mass[fracture] > 4 * mass[contusion]
    evidence = evidence_of(case("hip", age=80, present=["acute_trauma"]))
    said = evidence.logs[0, :, evidence.names.index("age")]
    assert abs(said[fracture] - said[contusion]) < 0.5
    elsewhere = evidence_of(case("hip", age=80))
    said = elsewhere.logs[0, :, elsewhere.names.index("age")]
    assert said[fracture] - said[contusion] > 1


def test_age_is_drawn_straight_between_the_bands() -> None:
    cause = KNOWN.causes["osteoarthritis_bml"]
    years = np.linspace(10, 72, 63)
    density = age_density(cause, years)
    steps = np.abs(np.diff(np.log(density)))
    assert steps.max() < 0.35, "no jump at the edge of a band"
    assert float(age_density(cause, 50.0)) == pytest.approx(cause.ages.bands["40-59"] / 20)
    assert chances(case("hip", age=59.9)) == pytest.approx(chances(case("hip", age=60.1)), abs=0.01)


@pytest.mark.parametrize("cause", KNOWN.causes.values(), ids=lambda c: c.id)
def test_ages_of_a_cause_are_about_all_ages(cause) -> None:
    assert share_of_ages([cause], (0, 130))[0] == pytest.approx(1, abs=0.16)


def test_a_child_and_an_old_person_have_different_causes() -> None:
    child, old = chances(case("knee", age=8)), chances(case("knee", age=75))
    assert child["cno_crmo"] > 20 * old["cno_crmo"]
    assert old["osteoarthritis_bml"] > 20 * child["osteoarthritis_bml"]


def test_an_unknown_pregnancy_is_not_counted_as_none() -> None:
    woman = {"joint": "hip", "age": 32, "sex": "female"}
    unknown = chances(case(**woman))
    none = chances(case(**woman, pregnancy="not_pregnant"))
    late = chances(case(**woman, pregnancy="trimester_3"))
    cause = "transient_osteoporosis_bmes"
    assert none[cause] < unknown[cause] < late[cause]
    assert "pregnancy" not in evidence_of(case(**woman)).names
    assert chances(case(**woman, pregnancy="unknown")) == unknown


def test_no_pregnancy_says_nothing_of_a_man_or_beyond_the_fertile_ages() -> None:
    for words in ({"sex": "male", "age": 32}, {"sex": "female", "age": 70}):
        stated = case("hip", **words, pregnancy="not_pregnant")
        assert chances(stated) == chances(case("hip", **words))


def test_who_is_pregnant_is_a_woman() -> None:
    unsaid = evidence_of(case("hip", age=32, pregnancy="trimester_3"))
    said = evidence_of(case("hip", age=32, sex="female", pregnancy="trimester_3"))
    np.testing.assert_array_equal(posterior(unsaid), posterior(said))
