"""One cause in the ranked list, with its reasons: values for reports and machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from marrowlight.causes.cause import Group
from marrowlight.causes.probability import Basis

VALUE = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

Probability = Annotated[float, Field(ge=0, le=1)]


class Weight(BaseModel):
    """One reason for or against a cause.

    bits : log2 of the odds of the cause with this item over the odds without it, everything else
    as it is; words : the same in words; p : P(item | cause), low, middle, high, where it is a
    finding; source : reference keys, or ``estimate``.
    """

    model_config = VALUE
    finding: str
    name: str
    state: str
    bits: float
    words: str
    p: tuple[float, float, float] | None = None
    source: tuple[str, ...] = ()
    basis: Basis = "estimate"


class Missing(BaseModel):
    """An unknown finding that would move a cause most. shift : expected change of probability."""

    model_config = VALUE
    finding: str
    name: str
    question: str
    shift: float


class Ranked(BaseModel):
    """One cause. probability : that it is present, alone or with another; low, high : nine times in
    ten, from the ranges of the knowledge; wide : the range spans more than ``WIDE``."""

    model_config = VALUE
    cause: str
    name: str
    short: str
    group: Group
    probability: Probability
    low: Probability
    high: Probability
    wide: bool
    for_: tuple[Weight, ...] = Field(default=(), alias="for")
    against: tuple[Weight, ...] = ()
    missing: tuple[Missing, ...] = ()


class Hypothesis(BaseModel):
    """A set of causes, and the chance that it is the whole truth; no causes: none of them."""

    model_config = VALUE
    causes: tuple[str, ...]
    probability: Probability
