"""A flag: a cause that must not be missed, shown whatever its rank."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from marrowlight.causes.probability import STRICT, Sourced
from marrowlight.causes.rule import Condition

Urgency = Literal["now", "soon"]
"""``now``: before anything else is done, the same day; ``soon``: within days."""


class Flag(Sourced):
    """What must not be missed in this patient.

    id : of the rule that fired. cause : id of a cause. what : one line. why : the conditions that
    fired, in words. rule_out : what would rule it out.
    """

    id: str
    cause: str
    what: str
    why: tuple[str, ...]
    rule_out: str
    urgency: Urgency


class Clear(BaseModel):
    """What rules a flag out: every finding of ``present`` and every finding of ``absent``."""

    model_config = STRICT
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class FlagRule(Sourced):
    """One rule of ``data/flags.yaml``: when it fires, and what switches it off.

    cleared_by : one of these is enough to rule it out.
    """

    id: str
    cause: str
    what: str = Field(min_length=8, max_length=120)
    when: Condition
    rule_out: str = Field(min_length=12)
    urgency: Urgency
    cleared_by: tuple[Clear, ...] = ()


class FlagRules(BaseModel):
    """The file ``flags.yaml``; among rules of a cause that are equally urgent the first counts."""

    model_config = STRICT
    version: Literal[1]
    flags: tuple[FlagRule, ...]
