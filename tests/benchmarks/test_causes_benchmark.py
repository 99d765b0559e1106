"""The benchmark of causes: its scores by hand, and a run over two made cases."""

from __future__ import annotations

import math
import sys

import pytest

from benchmarks import causes as bench

ENTRIES = [
    {
        "id": "one", "age": 24, "sex": "male", "joint": "knee",
        "present": ["acute_trauma", "mri_effusion", "bme_resolved_on_followup", "ct_nidus"],
        "absent": ["fever", "bme_migrated_on_followup"], "values": {"symptom_duration_weeks": 1},
        "final_dx": "bone_contusion", "also_acceptable": ["acute_fracture_occult"],
    },
    {
        "id": "two", "age": None, "sex": None, "joint": "hip", "present": ["fever"], "absent": [],
        "values": {}, "final_dx": "osteoid_osteoma", "also_acceptable": [],
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def vignettes() -> list[bench.Vignette]:
    return [bench.first_visit(entry) for entry in ENTRIES]


def scored(
    place: int, p: float = 0.5, log: float = -1.0, flags: int | None = 1, benign: bool = True
) -> bench.Scored:
    return bench.Scored(f"case {place}", p, place, log, flags, benign, missed=False)


def test_later_visits_and_giveaways_are_removed(vignettes: list[bench.Vignette]) -> None:
    one = vignettes[0]
    assert one.case.present == {"acute_trauma", "mri_effusion"}
    assert one.case.absent == {"fever"}
    assert one.answers == {"bone_contusion", "acute_fracture_occult"}


def test_a_case_is_scored_by_hand(vignettes: list[bench.Vignette]) -> None:
    ranking = (("osteoarthritis_bml", 0.6), ("acute_fracture_occult", 0.3), ("bone_contusion", 0.1))
    row = bench.scored(vignettes[0], bench.Answer(ranking, ("osteonecrosis",)))
    assert (row.place, row.leading, row.flags, row.missed) == (1, 0.6, 1, False)
    assert row.log == pytest.approx(math.log(0.1)), "of the diagnosis itself"
    unlisted = bench.scored(vignettes[1], bench.Answer(ranking))
    assert unlisted.place == 3
    assert unlisted.log == pytest.approx(math.log(1e-3))
    assert unlisted.flags is None


@pytest.mark.parametrize(
    ("flags", "missed"), [((), True), (("osteonecrosis",), False), (("crps",), True)]
)
def test_a_dangerous_diagnosis_is_missed_without_rank_and_flag(
    flags: tuple[str, ...], missed: bool
) -> None:
    entry = {**ENTRIES[1], "final_dx": "osteonecrosis"}
    ranking = tuple((c, 0.2) for c in ("crps", "gout_crystal", "cno_crmo", "osteonecrosis"))
    row = bench.scored(bench.first_visit(entry), bench.Answer(ranking, flags))
    assert (row.missed, row.benign) == (missed, False)


def test_a_summary_by_hand() -> None:
    rows = [scored(0), scored(2, log=-3.0, flags=3, benign=False), scored(4), scored(9, flags=0)]
    told = bench.summary(rows)
    assert [told[f"top{k}"] for k in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert told["log_score"] == -1.5
    assert told["flags_per_case"] == 1.25
    assert told["flags_per_benign_case"] == pytest.approx(2 / 3)
    assert bench.summary([scored(0, flags=None)])["flags_per_case"] is None


def test_calibration_error_by_hand() -> None:
    sure_and_right = [(0.9, True)] * 9 + [(0.9, False)]
    assert bench.calibration_error(sure_and_right, bins=1) == pytest.approx(0)
    assert bench.calibration_error([(0.9, False)] * 10) == pytest.approx(0.9)
    assert 0 < bench.noise_floor([0.4 + k / 100 for k in range(20)]) < 0.3
    assert bench.noise_floor([1.0] * 20) == 0


def test_methods_are_compared_case_by_case() -> None:
    ours = [scored(0, log=-1), scored(3, log=-2), scored(1, log=-1)]
    theirs = [scored(1, log=-2), scored(0, log=-1), scored(1, log=-1)]
    told = bench.compared(ours, theirs)
    assert (told["top1_won"], told["top1_lost"]) == (["case 0"], ["case 0"])
    assert (told["top3_won"], told["top3_lost"]) == ([], ["case 0"])
    assert (told["log_better"], told["log_worse"], told["log_gain"]) == (1, 1, 0)
    assert told["log_gain_low"] < 0 < told["log_gain_high"]


def test_naive_bayes_by_hand() -> None:
    case = bench.first_visit(
        {"id": "x", "joint": "knee", "present": ["fever"], "absent": [], "final_dx": "crps"}
    ).case
    known = bench.knowledge()
    weight = {}
    for cause in known.causes.values():
        row = cause.given("fever", case.joint) or known.findings["fever"].background
        assert row is not None
        weight[cause.id] = cause.prior[case.joint].p[1] * row.p[1]
    told = dict(bench.naive_bayes(case).ranking)
    total = sum(weight.values())
    assert told == pytest.approx({c: w / total for c, w in weight.items()})


def test_leaving_nothing_out_is_the_ranking_itself(vignettes: list[bench.Vignette]) -> None:
    case = vignettes[0].case
    same = bench.without(bench.knowledge())(case)
    told = bench.explained(case)
    assert dict(same.ranking) == pytest.approx(dict(told.ranking))
    assert same.flags == told.flags


def test_the_whole_run_and_its_page(vignettes: list[bench.Vignette]) -> None:
    figures = bench.measured(vignettes)
    assert list(figures["methods"]) == list(bench.methods())
    assert figures["methods"]["plain naive Bayes"]["n"] == 2
    whole, ranges = figures["ms_explain"], figures["ms_ranking_with_ranges"]
    assert whole["processor"] > ranges["processor"] > 0
    assert whole["clock"] > 0
    page = bench.as_text(figures)
    assert page.count("\n| ") == 1 + len(bench.methods())
    assert "| **Marrowlight** |" in page
    assert figures["knowledge"][:12] in page


def test_without_published_cases_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "data_root", lambda: None)
    monkeypatch.setattr(sys, "argv", ["causes"])
    with pytest.raises(SystemExit) as end:
        bench.main()
    assert end.value.code == 0
    assert "no published cases" in capsys.readouterr().out
