"""On which pathway of entry a case is."""

from __future__ import annotations

from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import Knowledge
from marrowlight.causes.pathway import Entry

GROWN = 40.0
"""Years that stand for an unknown age where a pathway asks for one: neither a child nor old."""


def pathway_of(case: Case, known: Knowledge) -> tuple[Entry, bool] | None:
    """The pathway, and whether it was stated; None where nothing speaks for one.

    Where none is stated the first pathway is taken of which a finding is present, all that it needs
    are present, the age fits (an unknown age counts as ``GROWN``) and the joint has shares.
    """
    if case.pathway is not None:
        return known.pathways[case.pathway], True
    for entry in known.pathways.values():
        low, high = entry.ages
        age = case.age if case.age is not None else GROWN
        if (
            case.joint in entry.shares
            and any(f in case.present for f in entry.findings)
            and all(f in case.present for f in entry.needs)
            and low <= age < high
        ):
            return entry, False
    return None


def absorbed(case: Case, entry: Entry | None) -> frozenset[str]:
    """Findings that the pathway's shares already contain: they are not counted again."""
    if entry is None or case.joint not in entry.shares:
        return frozenset()
    return frozenset(f for f in entry.absorbs if f in case.present)
