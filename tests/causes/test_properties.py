"""What must hold for every case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marrowlight.causes.case import Case
from marrowlight.causes.case_file import case_from
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import JOINTS, knowledge
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.causes.table import table
from marrowlight.explain_case import explain
from tests.causes.made_cases import askable, cases

SPACE = hypotheses()
SINGLE = len(SPACE.causes)

STARTS_PATHWAY = {f for e in knowledge().pathways.values() for f in (*e.findings, *e.needs)}
"""Findings that may put a case on another pathway, and with it on other priors."""


def singles(case: Case) -> np.ndarray:
    """P of each single cause alone, at the middles."""
    return posterior(evidence_of(case))[0, :SINGLE]


def present(case: Case) -> np.ndarray:
    """P of each cause, alone or with another, at the middles."""
    return marginal(hypotheses(), posterior(evidence_of(case))[0])


@settings(max_examples=40, deadline=None)
@given(cases())
def test_hypotheses_sum_to_one_in_every_draw(case: Case) -> None:
    every = posterior(evidence_of(case))
    np.testing.assert_allclose(every.sum(axis=1), 1, atol=1e-9)
    assert (every >= 0).all()


@settings(max_examples=12, deadline=None)
@given(cases())
def test_the_explanation_holds_together(case: Case) -> None:
    told = explain(case)
    assert sum(h.probability for h in told.hypotheses) == pytest.approx(1, abs=1e-9)
    sums = dict.fromkeys(SPACE.causes, 0.0)
    for one in told.hypotheses:
        for cause in one.causes:
            sums[cause] += one.probability
    assert {r.cause: r.probability for r in told.ranking} == pytest.approx(sums, abs=1e-9)
    order = [r.probability for r in told.ranking]
    assert order == sorted(order, reverse=True)
    assert all(0 <= r.low <= r.probability <= r.high <= 1 for r in told.ranking)
    assert len(told.first_view) == 5
    assert told == explain(case)


@settings(max_examples=25, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(case: Case, chance) -> None:
    def shuffled(ids: frozenset[str]) -> list[str]:
        listed = sorted(ids)
        chance.shuffle(listed)
        return listed

    def told() -> np.ndarray:
        data = {
            "joint": case.joint.value,
            "present": shuffled(case.present),
            "absent": shuffled(case.absent),
        }
        return posterior(evidence_of(case_from(data)))

    np.testing.assert_array_equal(told(), told())


@settings(max_examples=25, deadline=None)
@given(cases(), st.data())
def test_a_finding_left_out_is_a_finding_unknown(case: Case, data) -> None:
    assume(case.present | case.absent)
    id_ = data.draw(st.sampled_from(sorted(case.present | case.absent)))
    unknown = case.but(id_, None)
    left_out = replace(case, present=case.present - {id_}, absent=case.absent - {id_})
    np.testing.assert_array_equal(posterior(evidence_of(unknown)), posterior(evidence_of(left_out)))


def never_lowered(case: Case, id_: str, state: bool) -> None:
    """Whatever the added finding favors gains at least as much as whatever it disfavors."""
    more = case.but(id_, state)
    evidence = evidence_of(more)
    assert evidence.taken == evidence_of(case).taken
    said = evidence.logs[0, :SINGLE, evidence.names.index(id_)]
    numbers = table(case.joint)
    p = numbers.alone[0, :, numbers.column(id_)]
    rank = np.argsort(p if state else -p, kind="stable")
    assert (np.diff(said[rank]) >= -1e-12).all(), "what favors must be what the data says"
    change = np.log(singles(more)) - np.log(singles(case))
    for_, against = said > 1e-9, said < -1e-9
    if for_.any() and against.any():
        assert change[for_].min() >= change[against].max() - 1e-9


@settings(max_examples=60, deadline=None)
@given(cases(), st.data())
def test_what_favors_a_cause_never_lowers_it_against_one_it_disfavors(case: Case, data) -> None:
    ids = [f.id for f in askable(case.joint) if case.state(f.id) is None]
    id_ = data.draw(st.sampled_from([i for i in ids if i not in STARTS_PATHWAY]))
    never_lowered(case, id_, data.draw(st.booleans()))


@pytest.mark.parametrize("group", knowledge().groups, ids=lambda g: g.id)
def test_nor_does_it_within_a_group(group) -> None:
    chance = np.random.default_rng(3)
    ids = [f for f in group.findings if f not in STARTS_PATHWAY]
    for _ in range(6):
        case = Case(joint=JOINTS[chance.integers(3)])
        order = list(chance.permutation(ids))
        for id_ in order[1:]:
            case = case.but(str(id_), bool(chance.integers(2)))
        never_lowered(case, str(order[0]), bool(chance.integers(2)))


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize("age", [30.0, 70.0])
def test_nor_does_a_finding_that_starts_a_pathway(joint, age) -> None:
    for entry in knowledge().pathways.values():
        for id_ in entry.findings:
            before = Case(joint=joint, age=age)
            for needed in entry.needs:
                before = before.but(needed, True)
            after = before.but(id_, True)
            if evidence_of(after).entry is None:
                continue
            numbers = table(joint)
            p = numbers.alone[0, :, numbers.column(id_)]
            said = np.log(p / (p @ singles(before)))
            # A pathway shifts pairs as well: what counts is whether a cause is present.
            change = np.log(present(after)) - np.log(present(before))
            assert change[said > 0.1].min() >= change[said < -0.1].max(), (entry.id, id_)


@settings(max_examples=25, deadline=None)
@given(cases(), st.integers(0, 3))
def test_a_group_of_findings_weighs_at_least_its_strongest_and_at_most_all(case, which) -> None:
    group = knowledge().groups[which]
    for id_ in group.findings:
        case = case.but(id_, None)
    ids = [f for f in group.findings if f not in STARTS_PATHWAY]
    case = replace(case, present=frozenset(), absent=frozenset(ids))
    evidence = evidence_of(case)
    columns = [evidence.names.index(f) for f in ids]
    logs = evidence.logs[0][:, columns]
    without = evidence_of(replace(case, absent=frozenset()))
    ours = np.log(posterior(evidence)[0]) - np.log(posterior(without)[0])
    ours -= ours[-1]
    up, down = np.maximum(logs, 0), np.minimum(logs, 0)
    lone = up.max(axis=1) + down.min(axis=1)
    every = logs.sum(axis=1)
    expected = lone + group.share * (every - lone)
    np.testing.assert_allclose(ours, expected - expected[-1], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_marginals_are_no_less_than_the_cause_alone(case: Case) -> None:
    every = posterior(evidence_of(case))
    assert (marginal(SPACE, every) >= every[:, :SINGLE] - 1e-12).all()
