"""A probability that is known within a range, with where it comes from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

Share = Annotated[float, Field(ge=0, le=1)]


def _in_order(value: tuple[float, float, float]) -> tuple[float, float, float]:
    low, middle, high = value
    if not low <= middle <= high:
        raise ValueError(f"[low, middle, high] is out of order: {low}, {middle}, {high}")
    if not 0 < middle < 1:
        raise ValueError(f"the middle must lie strictly between 0 and 1, not {middle}")
    return value


Range = Annotated[tuple[Share, Share, Share], AfterValidator(_in_order)]
"""``[low, middle, high]``, each 0 to 1: a range that holds the truth nine times in ten."""

Basis = Literal["direct", "derived", "subset", "indirect", "cited", "estimate"]
"""How sure a figure is.

``direct``: that figure was read for that finding in that cause; ``derived``: computed from printed
figures; ``subset``: one subtype or joint only; ``indirect``: a near proxy; ``cited``: a reference
speaks for it without this figure; ``estimate``: nobody has measured it, or we do not know who.
"""

ESTIMATE = "estimate"
"""The source key of a figure for which no source is known."""


class Sourced(BaseModel):
    """Something that says where it comes from: keys of ``references``, or ``estimate``."""

    model_config = STRICT
    source: tuple[str, ...] = Field(min_length=1)


class Chance(Sourced):
    """One probability. p : range; basis : how sure it is; note : what to know about it."""

    p: Range
    basis: Basis = "estimate"
    note: str = ""
