"""A case explained as a whole: the list, its notices, and what it says where it knows nothing."""

from __future__ import annotations

import json

import pytest

from marrowlight.causes.draws import SAMPLES
from marrowlight.causes.knowledge import knowledge
from marrowlight.explain_case import WIDE, best_questions, explain
from marrowlight.explanation import Explanation
from tests.causes.made_cases import case, chances

HIP = case(
    "hip",
    age=46,
    sex="male",
    present=["sudden_onset", "bme_diffuse"],
    absent=["acute_trauma"],
    values={"symptom_duration_weeks": 5, "bme_site": "femoral_head"},
)


def codes(told: Explanation) -> set[str]:
    return {n.code for n in told.notices}


def test_the_list_shows_five_and_knows_all() -> None:
    told = explain(HIP)
    assert len(told.ranking) == len(knowledge().causes)
    assert told.first_view == tuple(r.cause for r in told.ranking[:5])
    assert all(r.for_ or r.against for r in told.ranking[:5])
    assert all(not (r.for_ or r.against or r.missing) for r in told.ranking[5:])
    assert {r.cause: r.probability for r in told.ranking} == pytest.approx(chances(HIP))
    assert told.knowledge == knowledge().sha256
    assert told.expected_course is not None
    assert told.expected_course.cause == told.ranking[0].cause


def test_a_wide_range_says_what_would_narrow_it() -> None:
    ranking = explain(HIP).ranking
    assert any(r.wide for r in ranking)
    for one in ranking[:5]:
        assert one.wide == (one.high - one.low > WIDE)
        assert one.missing or not one.wide


def test_nothing_known_gives_the_priors_and_says_so() -> None:
    told = explain(case("knee"))
    assert codes(told) == {"priors-only"}
    assert told.ranking[0].cause == "osteoarthritis_bml"
    assert told.flags == ()
    assert told.next_test is not None
    assert codes(explain(case("knee", age=40))) == set()


def test_the_sacroiliac_joint_is_not_ranked_and_says_so() -> None:
    told = explain(case("sacroiliac", age=30, present=["fever"]))
    assert told.ranking == told.hypotheses == told.first_view == ()
    assert codes(told) == {"no-priors"}
    assert told.next_test is None
    assert told.expected_course is None
    assert best_questions(case("sacroiliac")) == []


def test_a_number_against_a_finding_is_told() -> None:
    told = explain(case("knee", absent=["inflammatory_markers_raised"], values={"crp_mg_l": 40}))
    assert codes(told) == {"number-against-finding"}
    (notice,) = told.notices
    assert "40" in notice.text
    assert "kept" in notice.text


def test_no_edema_is_told() -> None:
    assert "no-edema" in codes(explain(case("knee", age=40, absent=["bme_present"])))


def test_a_pathway_that_says_nothing_at_this_joint_is_told() -> None:
    told = explain(case("hip", age=30, pathway="trauma"))
    assert codes(told) == {"pathway-without-shares"}
    assert codes(explain(case("knee", age=30, pathway="trauma"))) == set()
    assert codes(explain(case("hip", age=30, pathway="clinic"))) == set()


def test_a_site_of_another_joint_is_told_and_not_counted() -> None:
    told = explain(case("hip", age=30, values={"bme_site": "talar_dome"}))
    assert codes(told) == {"site-not-counted"}
    assert [r.probability for r in told.ranking] == [
        r.probability for r in explain(case("hip", age=30)).ranking
    ]
    assert codes(explain(case("hip", age=30, values={"bme_site": "other"}))) == set()


def test_what_was_used_is_said() -> None:
    told = explain(case("knee", age=30, pathway="trauma", values={"crp_mg_l": 40}))
    assert set(told.case.present) == {"acute_trauma", "inflammatory_markers_raised"}
    assert told.pathway is not None
    assert (told.pathway.id, told.pathway.stated) == ("trauma", True)
    assert told.pathway.counted == ("acute_trauma",)
    inferred = explain(case("knee", age=30, present=["acute_trauma"])).pathway
    assert inferred is not None
    assert not inferred.stated


def test_a_flag_stands_whatever_the_rank() -> None:
    told = explain(
        case("knee", age=70, present=["fever", "osteophytes", "cartilage_loss_adjacent"])
    )
    flagged = {f.cause for f in told.flags}
    assert "infection_osteomyelitis_septic_arthritis" in flagged
    assert told.ranking[0].cause == "osteoarthritis_bml"


def test_it_goes_to_json_and_back() -> None:
    told = explain(HIP)
    text = told.model_dump_json(by_alias=True)
    data = json.loads(text)
    assert data["schema"] == "marrowlight.explanation/1"
    first = data["ranking"][0]
    assert {"cause", "probability", "low", "high", "for", "against"} <= set(first)
    assert sum(h["probability"] for h in data["hypotheses"]) == pytest.approx(1)
    assert Explanation.model_validate_json(text) == told


def test_the_public_surface_explains() -> None:
    import marrowlight as ml

    assert ml.explain(HIP) == explain(HIP)
    assert SAMPLES >= 200, "enough for the ends of a range"
