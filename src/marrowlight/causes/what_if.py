"""What the list of causes would look like if an unknown finding were known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.causes.draws import Floats
from marrowlight.causes.likelihood import of_findings
from marrowlight.causes.posterior import Evidence, blocks_of, counted, marginal, shares


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The unknown findings of a case and what they would say, at the middles of all ranges.

    findings : ids of the U unknown findings; present : (H, U), P(present | hypothesis); now : (H,),
    the posterior as it is.
    """

    evidence: Evidence
    findings: tuple[str, ...]
    present: Floats
    now: Floats

    def chance(self) -> Floats:
        """P(finding is present), (U,), as far as is known now."""
        out: Floats = self.now @ self.present
        return out

    def after(self, columns: list[int], states: NDArray[np.bool_]) -> Floats:
        """The posterior over hypotheses, (D, H), once findings are known in D ways.

        columns : which of the unknown findings, K; states : (D, K), True where present.
        """
        evidence = self.evidence
        p = self.present[:, columns]
        prior = np.exp(evidence.log_prior[0])
        mean = prior @ p
        said = np.where(
            states[:, None, :], np.log(p / mean), np.log((1 - p) / (1 - mean))
        )  # (D, H, K)
        old = np.broadcast_to(evidence.logs[0], (len(states), *evidence.logs[0].shape))
        names = (*evidence.names, *(self.findings[k] for k in columns))
        logs = np.concatenate([old, said], axis=2)
        return shares(evidence.log_prior[0] + counted(logs, blocks_of(names, evidence.known)))

    def causes_after(self, columns: list[int], states: NDArray[np.bool_]) -> Floats:
        """P(cause is present), (D, C), once findings are known."""
        return marginal(self.evidence.space, self.after(columns, states))


def what_if(evidence: Evidence) -> WhatIf:
    """Everything that could still be learned at a first visit, and that the pathway does not
    already contain."""
    case, known, entry = evidence.case, evidence.known, evidence.entry
    contained = entry.absorbs if entry and case.joint in entry.shares else ()
    ids = [
        f.id
        for f in known.findings.values()
        if f.background is not None
        and f.first_visit
        and case.state(f.id) is None
        and f.id not in contained
        and (not f.joints or case.joint in f.joints)
    ]
    all_present = case
    for id_ in ids:
        all_present = all_present.but(id_, True)
    present = np.exp(of_findings(all_present, known, ids, draws=1)[0])
    now = shares(evidence.log_prior[0] + counted(evidence.logs[0], evidence.blocks))
    return WhatIf(evidence, tuple(ids), present, now)


def shifts(asked: WhatIf) -> Floats:
    """Expected change of P(cause), (U, C): how far each unknown finding would move each cause."""
    out = np.empty((len(asked.findings), len(asked.evidence.space.causes)))
    now = marginal(asked.evidence.space, asked.now)
    both = np.array([[True], [False]])
    for k, chance in enumerate(asked.chance()):
        yes, no = asked.causes_after([k], both)
        out[k] = chance * np.abs(yes - now) + (1 - chance) * np.abs(no - now)
    return out
