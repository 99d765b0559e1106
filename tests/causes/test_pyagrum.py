"""Our inference against an independent engine: pyAgrum, on small random networks and on ours.

The networks are built here from the data files alone, not from our own arrays.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.draws import LEAST
from marrowlight.causes.knowledge import JOINTS, Knowledge, knowledge
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.causes.prior import MOST_IN_PAIRS, age_and_sex
from marrowlight.study.study import Joint
from tests.causes.made_cases import small_knowledge

CLOSE = 1e-9


@pytest.fixture(scope="module")
def gum() -> Any:
    # Its compiled part warns while it is imported, and crashes where warnings are errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pyagrum")


def space_of(known: Knowledge, joint: Joint) -> tuple[list[tuple[str, ...]], list[float]]:
    """Hypotheses and their priors at the middles, worked out one by one."""
    total = sum(c.prior[joint].p[1] for c in known.causes.values())
    share = {c: known.causes[c].prior[joint].p[1] / total for c in known.causes}
    other = known.pairs.other.p[1]
    both = {(p.first, p.second): share[p.first] * p.p[1] for p in known.pairs.pairs}
    paired = {c: sum(p for pair, p in both.items() if c in pair) for c in share}
    cut = {c: min(1.0, MOST_IN_PAIRS * share[c] / p) if p else 1.0 for c, p in paired.items()}
    both = {(a, b): p * min(cut[a], cut[b]) for (a, b), p in both.items()}
    alone = {c: share[c] - sum(p for pair, p in both.items() if c in pair) for c in share}
    names: list[tuple[str, ...]] = [*((c,) for c in alone), *both, ()]
    named = [*alone.values(), *both.values()]
    return names, [*(p / sum(named) * (1 - other) for p in named), other]


def given(known: Knowledge, finding: str, causes: tuple[str, ...], joint: Joint) -> float:
    """P(finding | causes), from the rows of the data: the rule of its kind, written anew."""
    about = known.findings[finding]
    assert about.background is not None
    nothing = about.background.p[1]
    rows = [known.causes[c].given(finding, joint) for c in causes]
    each = [min(max(r.p[1] if r else nothing, LEAST), 1 - LEAST) for r in rows]
    if len(each) < 2:
        return each[0] if each else nothing
    a, b = each
    if about.kind == "produced":
        leak = min(nothing, a, b)
        return 1 - (1 - leak) * (1 - a) / (1 - leak) * (1 - b) / (1 - leak)
    if about.kind == "normal":
        clean = max(nothing, a, b)
        return clean * (a / clean) * (b / clean)
    odds = nothing / (1 - nothing)
    for p in each:
        odds *= (p / (1 - p)) / (nothing / (1 - nothing))
    return odds / (1 + odds)


def network(gum: Any, known: Knowledge, joint: Joint, findings: list[str], noisy: bool) -> Any:
    """Hypothesis, causes and findings; with ``noisy`` by the engine's own noisy-OR."""
    names, priors = space_of(known, joint)
    net = gum.BayesNet()
    net.add(gum.LabelizedVariable("hypothesis", "", len(names)))
    net.cpt("hypothesis").fillWith(priors)
    if noisy:
        for cause in (*known.causes, "other"):
            net.add(gum.LabelizedVariable(cause, "", 2))
            net.addArc("hypothesis", cause)
            for k, name in enumerate(names):
                here = cause in name or (cause == "other" and not name)
                net.cpt(cause)[{"hypothesis": k}] = [0, 1] if here else [1, 0]
    for id_ in findings:
        about = known.findings[id_]
        assert about.background is not None
        if noisy and about.kind == "produced":
            weights = {c: given(known, id_, (c,), joint) for c in known.causes}
            weights["other"] = about.background.p[1]
            net.addNoisyORCompound(gum.LabelizedVariable(id_, "", 2), weights["other"])
            for cause, weight in weights.items():
                net.addWeightedArc(cause, id_, weight)
            continue
        net.add(gum.LabelizedVariable(id_, "", 2))
        net.addArc("hypothesis", id_)
        for k, name in enumerate(names):
            p = given(known, id_, name, joint)
            net.cpt(id_)[{"hypothesis": k}] = [1 - p, p]
    return net


def answer(gum: Any, net: Any, case: Case, soft: Any = None) -> Any:
    """The engine after the known findings; soft : a likelihood for each hypothesis."""
    engine = gum.LazyPropagation(net)
    for id_ in case.present:
        engine.addEvidence(id_, 1)
    for id_ in case.absent:
        engine.addEvidence(id_, 0)
    if soft is not None:
        engine.addEvidence("hypothesis", list(np.asarray(soft) / np.max(soft)))
    engine.makeInference()
    return engine


def known_at_random(rng: np.random.Generator, joint: Joint, ids: list[str]) -> Case:
    state = rng.integers(0, 3, len(ids))
    return Case(
        joint=joint,
        present=frozenset(f for f, s in zip(ids, state, strict=True) if s == 1),
        absent=frozenset(f for f, s in zip(ids, state, strict=True) if s == 2),
    )


def one_leak(known: Knowledge, joint: Joint) -> Knowledge:
    """The same with no chance under the background, as the engine's noisy-OR has one leak."""
    findings = dict(known.findings)
    for id_, about in known.findings.items():
        if about.kind == "produced" and about.background is not None:
            floor = min(given(known, id_, (c,), joint) for c in known.causes)
            low, middle, high = about.background.p
            least = min(middle, floor)
            background = about.background.model_copy(update={"p": (min(low, least), least, high)})
            findings[id_] = about.model_copy(update={"background": background})
    return replace(known, findings=findings)


@pytest.mark.parametrize("seed", range(12))
def test_small_random_networks_agree(gum: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    joint = JOINTS[seed % 3]
    known = one_leak(small_knowledge(rng), joint)
    ids = [f.id for f in known.findings.values() if f.background is not None]
    net = network(gum, known, joint, ids, noisy=True)
    for _ in range(3):
        case = known_at_random(rng, joint, ids)
        evidence = evidence_of(case, known)
        ours = posterior(evidence)[0]
        engine = answer(gum, net, case)
        theirs = engine.posterior("hypothesis").toarray()
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)
        causes = [engine.posterior(c).toarray()[1] for c in evidence.space.causes]
        np.testing.assert_allclose(marginal(evidence.space, ours), causes, atol=CLOSE)


def one_of_each_group(rng: np.random.Generator, joint: Joint, count: int) -> Case:
    """A case with at most one known finding of a group, and none that a pathway takes up."""
    known = knowledge()
    group = {f: g.id for g in known.groups for f in g.findings}
    entries = {f for e in known.pathways.values() for f in e.findings}
    seen: set[str] = set()
    ids = []
    for id_ in rng.permutation([f.id for f in known.findings.values() if f.background]):
        if id_ not in entries and group.get(id_, id_) not in seen and len(ids) < count:
            seen.add(group.get(id_, id_))
            ids.append(str(id_))
    half = rng.random(len(ids)) < 0.5
    return Case(
        joint=joint,
        present=frozenset(f for f, h in zip(ids, half, strict=True) if h),
        absent=frozenset(f for f, h in zip(ids, half, strict=True) if not h),
    )


@pytest.mark.parametrize("joint", JOINTS)
def test_the_whole_knowledge_agrees(gum: Any, joint: Joint) -> None:
    known = knowledge()
    rng = np.random.default_rng(5)
    every = [f.id for f in known.findings.values() if f.background is not None]
    net = network(gum, known, joint, every, noisy=False)
    for count in (0, 3, 8):
        case = one_of_each_group(rng, joint, count)
        ours = posterior(evidence_of(case))[0]
        theirs = answer(gum, net, case).posterior("hypothesis").toarray()
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)


@pytest.mark.parametrize("joint", JOINTS)
def test_groups_age_and_sex_agree_as_soft_evidence(gum: Any, joint: Joint) -> None:
    known = knowledge()
    names, priors = space_of(known, joint)
    group = next(g for g in known.groups if g.id == "systemic_inflammation")
    states = dict(zip(group.findings, (True, False, True), strict=True))
    patient = {"joint": joint, "age": 52.0, "sex": "female"}
    case = Case(
        **patient,
        present=frozenset({"bme_diffuse", *(f for f, s in states.items() if s)}),
        absent=frozenset(f for f, s in states.items() if not s),
    )
    said = []
    for finding, state in states.items():
        p = np.array([given(known, finding, name, joint) for name in names])
        p = p if state else 1 - p
        said.append(np.log(p / np.dot(priors, p)))
    soft = []
    for one in zip(*said, strict=True):
        up, down = sorted(x for x in one if x > 0), sorted(x for x in one if x <= 0)
        total = sum(up[-1:]) + sum(down[:1])
        soft.append(total + group.share * (sum(up[:-1]) + sum(down[1:])))
    for logs in age_and_sex(Case(**patient), known, None).values():
        soft = soft + logs[0]
    net = network(gum, known, joint, ["bme_diffuse"], noisy=False)
    shown = Case(joint=joint, present=frozenset({"bme_diffuse"}))
    theirs = answer(gum, net, shown, np.exp(soft - np.max(soft)))
    np.testing.assert_allclose(
        posterior(evidence_of(case))[0],
        theirs.posterior("hypothesis").toarray(),
        atol=CLOSE,
    )
