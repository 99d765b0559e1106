"""How well causes are ranked on published cases, beside priors alone and plain naive Bayes.

    python -m benchmarks.causes [--vignettes PATH]

Every case is scored as a first visit: findings of a later visit and one that names the diagnosis
are removed. The cases check the knowledge; nothing in it is fitted to them, and case reports hold
more odd and missed cases than a clinic does.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.causes.case import Case
from marrowlight.causes.case_file import case_from
from marrowlight.causes.cause import BANDS
from marrowlight.causes.draws import LEAST
from marrowlight.causes.flags import flags_of
from marrowlight.causes.knowledge import SITE, Knowledge, knowledge
from marrowlight.causes.likelihood import DURATION
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.explain_case import explain

GIVEAWAYS = frozenset({"bme_resolved_on_followup", "bme_migrated_on_followup", "ct_nidus"})
"""Findings of a later visit, and one that names the diagnosis."""

DANGEROUS = frozenset(
    {
        "infection_osteomyelitis_septic_arthritis",
        "tumour_marrow_infiltration",
        "osteonecrosis",
        "stress_fatigue_fracture",
        "neuropathic_charcot",
        "acute_fracture_occult",
    }
)
"""Diagnoses that must not be missed."""

UNLISTED = 1e-3
"""Probability taken for a diagnosis that a ranking does not list, or holds for less likely."""

BINS = 5
RESAMPLES = 10_000


@dataclass(frozen=True)
class Vignette:
    """A published case. answers : the diagnosis and what would also be right."""

    id: str
    case: Case
    diagnosis: str
    answers: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What a method says. ranking : causes with their probabilities, best first; flags : causes
    that are flagged, None where the method has no flags."""

    ranking: tuple[tuple[str, float], ...]
    flags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Scored:
    """One case under one method. place : of the first right answer, from 0."""

    id: str
    leading: float
    place: int
    log: float
    flags: int | None
    benign: bool
    missed: bool


Method = Callable[[Case], Answer]


def first_visit(entry: Mapping[str, Any]) -> Vignette:
    """A vignette as it would be at the first visit."""
    data = {k: entry[k] for k in ("age", "sex", "joint", "values") if entry.get(k) is not None}
    for key in ("present", "absent"):
        data[key] = [f for f in entry.get(key, ()) if f not in GIVEAWAYS]
    return Vignette(
        id=entry["id"],
        case=case_from(data, name=entry["id"]),
        diagnosis=entry["final_dx"],
        answers=frozenset({entry["final_dx"], *entry.get("also_acceptable", ())}),
    )


def ranked(chances: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Causes with their probabilities, best first."""
    return tuple(sorted(chances.items(), key=lambda item: -item[1]))


def priors_alone(case: Case) -> Answer:
    """The middle prior of each cause at the joint, and nothing of the patient."""
    causes = knowledge().causes.values()
    total = sum(c.prior[case.joint].p[1] for c in causes)
    return Answer(ranked({c.id: c.prior[case.joint].p[1] / total for c in causes}))


def naive_bayes(case: Case) -> Answer:
    """Prior x age band x sex x every finding, at the middles, as if all were independent."""
    known = knowledge()
    band = BANDS[int(np.searchsorted((13, 20, 40, 60), case.age or 0, side="right"))]
    logs: dict[str, float] = {}
    for cause in known.causes.values():
        log = math.log(cause.prior[case.joint].p[1])
        if case.age is not None:
            log += math.log(cause.ages.bands[band])
        if case.sex is not None:
            women = cause.share_of_women(case.joint).p[1]
            log += math.log(women if case.sex == "female" else 1 - women)
        for finding in known.findings.values():
            state = case.state(finding.id)
            if finding.background is None or state is None:
                continue
            p = (cause.given(finding.id, case.joint) or finding.background).p[1]
            p = min(max(p, LEAST), 1 - LEAST)
            log += math.log(p if state else 1 - p)
        logs[cause.id] = log
    top = max(logs.values())
    weights = {c: math.exp(log - top) for c, log in logs.items()}
    total = sum(weights.values())
    return Answer(ranked({c: w / total for c, w in weights.items()}))


def explained(case: Case) -> Answer:
    """What ``explain`` says."""
    told = explain(case)
    return Answer(
        tuple((r.cause, r.probability) for r in told.ranking), tuple(f.cause for f in told.flags)
    )


def without(
    known: Knowledge, drop: Callable[[Case], Case] = lambda case: case
) -> Callable[[Case], Answer]:
    """A method of ours on changed knowledge, or with part of a case left out."""

    def method(case: Case) -> Answer:
        evidence = evidence_of(drop(case), known)
        chance = marginal(evidence.space, posterior(evidence))[0]
        chances = dict(zip(evidence.space.causes, map(float, chance), strict=True))
        flags = flags_of(evidence.case, chances)
        return Answer(ranked(chances), tuple(f.cause for f in flags))

    return method


def _unsaid(value: str) -> Callable[[Case], Case]:
    return lambda case: replace(case, values={k: v for k, v in case.values.items() if k != value})


def methods() -> dict[str, Method]:
    """Every row of the table."""
    known = knowledge()
    singles = replace(known, pairs=known.pairs.model_copy(update={"pairs": ()}))
    return {
        "priors alone": priors_alone,
        "plain naive Bayes": naive_bayes,
        "Marrowlight": explained,
        "without groups": without(replace(known, groups=())),
        "without site": without(known, _unsaid(SITE)),
        "without duration": without(known, _unsaid(DURATION)),
        "without pathways": without(replace(known, pathways={})),
        "without pairs": without(singles),
    }


def scored(one: Vignette, answer: Answer) -> Scored:
    """One case, scored."""
    order = [cause for cause, _ in answer.ranking]
    chance = dict(answer.ranking).get(one.diagnosis, 0.0)
    flags = answer.flags
    seen = one.diagnosis in order[:3] or one.diagnosis in (flags or ())
    return Scored(
        id=one.id,
        leading=answer.ranking[0][1],
        place=min((i for i, c in enumerate(order) if c in one.answers), default=len(order)),
        log=math.log(max(chance, UNLISTED)),
        flags=None if flags is None else len(flags),
        benign=one.diagnosis not in DANGEROUS,
        missed=one.diagnosis in DANGEROUS and not seen,
    )


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = BINS) -> float:
    """Expected calibration error of (probability, was right) in bins of equal count."""
    ordered, n = sorted(pairs), len(pairs)
    parts = [ordered[i * n // bins : (i + 1) * n // bins] for i in range(bins)]
    return sum(abs(sum(p for p, _ in part) - sum(r for _, r in part)) for part in parts) / n


def noise_floor(chances: Sequence[float], draws: int = 500) -> float:
    """The mean error of a perfectly calibrated ranking with these leading probabilities."""
    chance = random.Random(0)
    return statistics.mean(
        calibration_error([(p, chance.random() < p) for p in chances]) for _ in range(draws)
    )


def summary(rows: Sequence[Scored]) -> dict[str, Any]:
    """All figures of one method."""
    leading = [r.leading for r in rows]
    flags = [r.flags for r in rows if r.flags is not None]
    benign = [r.flags for r in rows if r.flags is not None and r.benign]
    return {
        "n": len(rows),
        **{f"top{k}": statistics.mean(r.place < k for r in rows) for k in (1, 3, 5)},
        "log_score": statistics.mean(r.log for r in rows),
        "ece": calibration_error([(r.leading, r.place == 0) for r in rows]),
        "ece_noise_floor": noise_floor(leading),
        "flags_per_case": statistics.mean(flags) if flags else None,
        "flags_per_benign_case": statistics.mean(benign) if benign else None,
        "missed": [r.id for r in rows if r.missed],
        "wrong": [r.id for r in rows if r.place > 0],
    }


def compared(ours: Sequence[Scored], theirs: Sequence[Scored]) -> dict[str, Any]:
    """Case by case: who has the right cause first or among three, and the log score between them,
    with the middle 95 percent of means over cases drawn anew."""
    pairs = list(zip(ours, theirs, strict=True))
    gain = np.array([a.log - b.log for a, b in pairs])
    drawn = np.random.default_rng(20261124).integers(len(gain), size=(RESAMPLES, len(gain)))
    low, high = np.percentile(gain[drawn].mean(axis=1), (2.5, 97.5))
    return {
        **{
            f"top{k}_{name}": [x.id for x, y in ways if x.place < k <= y.place]
            for k in (1, 3)
            for name, ways in (("won", pairs), ("lost", [(b, a) for a, b in pairs]))
        },
        "log_better": int((gain > 0).sum()),
        "log_worse": int((gain < 0).sum()),
        "log_gain": float(gain.mean()),
        "log_gain_low": float(low),
        "log_gain_high": float(high),
    }


def milliseconds(cases: Sequence[Case], method: Callable[[Case], object]) -> dict[str, float]:
    """Median of one case, everything loaded before: on the clock, and of the processor alone."""
    for case in cases[:3]:
        method(case)
    clock, processor = [], []
    for case in cases:
        start, busy = time.perf_counter(), time.process_time()
        method(case)
        processor.append(1000 * (time.process_time() - busy))
        clock.append(1000 * (time.perf_counter() - start))
    return {"clock": statistics.median(clock), "processor": statistics.median(processor)}


def ranges_only(case: Case) -> object:
    """Ranking with ranges, without reasons, next test and care."""
    return posterior(evidence_of(case))


def measured(vignettes: Sequence[Vignette]) -> dict[str, Any]:
    """All figures, JSON-ready."""
    rows = {name: [scored(v, m(v.case)) for v in vignettes] for name, m in methods().items()}
    cases = [v.case for v in vignettes]
    return {
        **stamp(),
        "knowledge": knowledge().sha256,
        "methods": {name: summary(done) for name, done in rows.items()},
        "against_naive_bayes": compared(rows["Marrowlight"], rows["plain naive Bayes"]),
        "ms_explain": milliseconds(cases, explain),
        "ms_ranking_with_ranges": milliseconds(cases, ranges_only),
    }


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def as_text(figures: Mapping[str, Any]) -> str:
    """The figures as a page."""
    n = figures["methods"]["Marrowlight"]["n"]
    lines = [
        f"# Ranking of causes on {n} published cases, as a first visit",
        "",
        f"{figures['date']}, commit {figures['commit']}, {figures['cores']} cores, knowledge "
        f"{figures['knowledge'][:12]}",
        "",
        "| method | top-1 | top-3 | top-5 | log score | ECE (noise floor) | flags per case | "
        "of these benign | can't-miss missed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, s in figures["methods"].items():
        strong = "**" if name == "Marrowlight" else ""
        lines.append(
            f"| {strong}{name}{strong} | {_figure(s['top1'])} | {_figure(s['top3'])} | "
            f"{_figure(s['top5'])} | {_figure(s['log_score'])} | {_figure(s['ece'])} "
            f"({_figure(s['ece_noise_floor'])}) | {_figure(s['flags_per_case'], 2)} | "
            f"{_figure(s['flags_per_benign_case'], 2)} | {len(s['missed'])} |"
        )
    c = figures["against_naive_bayes"]
    lines += [
        "",
        f"Against plain naive Bayes: first in {len(c['top1_won'])} cases where it is not, not "
        f"first in {len(c['top1_lost'])} where it is; among three {len(c['top3_won'])} and "
        f"{len(c['top3_lost'])}. Log score better in {c['log_better']} cases, worse in "
        f"{c['log_worse']}; mean difference {c['log_gain']:+.3f} "
        f"({c['log_gain_low']:+.3f} to {c['log_gain_high']:+.3f}, 95 percent, {RESAMPLES} "
        "resamples of cases).",
        "",
        f"One case takes {figures['ms_explain']['processor']:.0f} ms of processor with reasons, "
        "next test and care, and "
        f"{figures['ms_ranking_with_ranges']['processor']:.1f} ms for the ranking with ranges "
        f"(medians; {figures['ms_explain']['clock']:.0f} and "
        f"{figures['ms_ranking_with_ranges']['clock']:.1f} on the clock of a shared machine).",
        "",
        "Priors and naive Bayes have no flags: a dangerous diagnosis counts as missed there when "
        "it is not among the first three. \"Without\" rows leave one part of the reasoning out. "
        f"ECE: expected calibration error of the leading cause, {BINS} bins; its noise floor: what "
        "a perfectly calibrated ranking would show. Nothing is fitted to these cases.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def vignette_file() -> Path | None:
    """The published cases beside the real data, where there are any."""
    root = data_root()
    path = root.parent / "knowledge" / "vignettes.json" if root else None
    return path if path and path.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--vignettes", type=Path)
    path = parser.parse_args().vignettes or vignette_file()
    if path is None:
        print("no published cases found: give --vignettes, or place ../shared/knowledge")
        sys.exit(0)
    entries = json.loads(path.read_text(encoding="utf-8"))["vignettes"]
    figures = measured([first_visit(entry) for entry in entries])
    text = as_text(figures)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "causes.json").write_text(json.dumps(figures, indent=1) + "\n")
    (RESULTS / "causes.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
