"""A case explained together with its reading: what the image filled in, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from marrowlight.study.study import Side

if TYPE_CHECKING:
    from marrowlight.causes.case import Case
    from marrowlight.course.course import Course
    from marrowlight.explanation import Explanation
    from marrowlight.reading import Reading


@dataclass(frozen=True, eq=False)
class Explained:
    """What the report says about causes.

    Parameters
    ----------
    explanation : Explanation
        With ``seen``, and notices where image and case disagree.
    filled, stated : frozenset of str
        Findings that the image filled in, and those that the case itself states.
    """

    explanation: Explanation
    filled: frozenset[str] = frozenset()
    stated: frozenset[str] = frozenset()


def explain_reading(case: Case, reading: Reading, course: Course | None = None) -> Explained:
    """Explain a case with what its reading shows, and how edema changed since earlier visits.

    Raises NotThisJoint if the reading or the course is of another joint or side than the case.
    """
    from marrowlight.causes.seen import case_seen, region_of
    from marrowlight.explain_case import explain
    from marrowlight.explanation import Noted

    stated = case.present | case.absent | set(case.values)
    full, seen, notices = case_seen(case, reading)
    if full.side is Side.UNKNOWN:
        full = replace(full, side=region_of(reading, joint=case.joint).side)
    filled = (full.present | full.absent | set(full.values)) - stated
    told = explain(full, course)
    noted = tuple(Noted(code=n.code, text=n.text) for n in notices)
    told = told.model_copy(update={"seen": seen, "notices": (*noted, *told.notices)})
    return Explained(told, frozenset(filled), frozenset(stated))
