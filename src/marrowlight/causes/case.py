"""One patient at one visit: what is known, and by leaving out, what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

from marrowlight.study.study import Joint, Side

Sex = Literal["female", "male"]

Pregnancy = Literal["not_pregnant", "trimester_1", "trimester_2", "trimester_3", "postpartum"]

PREGNANT = frozenset({"trimester_1", "trimester_2", "trimester_3"})

EMPTY: Mapping[str, float | str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a patient. Make it with ``case_from`` or ``read_case``, which check it.

    present, absent : ids of findings; all others are unknown. values : findings that are a number
    (in the unit of the finding) or a category. pathway : id of an entry, None where not stated.
    age : years. name : what to call it in messages, never a patient's name.
    """

    joint: Joint
    age: float | None = None
    sex: Sex | None = None
    pregnancy: Pregnancy | None = None
    side: Side = Side.UNKNOWN
    visit_date: date | None = None
    pathway: str | None = None
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    values: Mapping[str, float | str] = field(default_factory=lambda: EMPTY)
    name: str = "case"

    def state(self, finding: str) -> bool | None:
        """True present, False absent, None unknown."""
        if finding in self.present:
            return True
        return False if finding in self.absent else None

    @property
    def pregnant(self) -> bool:
        """True where a pregnancy is stated (postpartum is none)."""
        return self.pregnancy in PREGNANT

    def but(self, finding: str, state: bool | None) -> Case:
        """The same case with one finding present, absent or unknown."""
        return replace(
            self,
            present=self.present - {finding} | ({finding} if state is True else set()),
            absent=self.absent - {finding} | ({finding} if state is False else set()),
        )
