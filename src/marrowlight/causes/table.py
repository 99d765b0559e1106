"""P(finding | cause) of all causes and findings at a joint, with draws from every range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from marrowlight.causes.draws import Floats, drawn
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.study.study import Joint


@dataclass(frozen=True, eq=False)
class Table:
    """findings : ids of the F three-valued findings that speak about causes; alone : (S, C, F),
    P(present | single cause); background : (S, F), P(present | none of the causes)."""

    findings: tuple[str, ...]
    alone: Floats
    background: Floats

    def column(self, finding: str) -> int:
        """Where a finding stands."""
        return self.findings.index(finding)


@lru_cache(maxsize=8)
def table(joint: Joint, known: Knowledge | None = None) -> Table:
    """The table of one joint. A cause that does not name a finding has the finding's background."""
    known = known or knowledge()
    speaking = [f for f in known.findings.values() if f.background is not None]
    causes = hypotheses(known).causes
    background = [f.background.p for f in speaking if f.background is not None]
    ranges = [
        row.p if (row := known.causes[cause].given(f.id, joint)) else p
        for cause in causes
        for f, p in zip(speaking, background, strict=True)
    ]
    alone = drawn(ranges, stream=1).reshape(-1, len(causes), len(speaking))
    shared = drawn(background, stream=2)
    unnamed = np.array(
        [[known.causes[c].given(f.id, joint) is None for f in speaking] for c in causes]
    )
    alone = np.where(unnamed, shared[:, None, :], alone)
    return Table(tuple(f.id for f in speaking), alone, shared)


def together(kind: str, first: Floats, second: Floats, background: Floats) -> Floats:
    """P(present | both causes), from P given each, all of one shape; rule by kind of the finding.

    ``produced``: noisy-OR, 1 - (1 - p1)(1 - p2) / (1 - leak); the leak is the background, what is
    there when no cause brings it about, and at most the smaller of the two. ``background``: the
    odds of both against the background multiply. ``normal``: p1 p2 / top; top is the background,
    the chance that it is normal when no cause spoils it, and at least the larger of the two. In
    each, a cause that does not name the finding leaves it as the other makes it.
    """
    if kind == "produced":
        leak = np.minimum(background, np.minimum(first, second))
        either: Floats = 1 - (1 - first) * (1 - second) / (1 - leak)
        return either
    if kind == "normal":
        top = np.maximum(background, np.maximum(first, second))
        rest: Floats = first * second / top
        return rest
    odds = first / (1 - first) * second / (1 - second) * (1 - background) / background
    return odds / (1 + odds)
