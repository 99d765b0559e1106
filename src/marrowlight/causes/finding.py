"""One finding that speaks for or against causes (``data/findings/*.yaml``)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.probability import STRICT, Chance
from marrowlight.study.study import Joint

Kind = Literal["produced", "background", "normal", "category", "number", "care", "condition"]
"""How two causes together act on a finding.

``produced``: causes bring it about, so two together by noisy-OR, the background as leak;
``background``: it was there before (a drug, a disease, a habit), so the odds of both multiply;
``normal``: it is there only if neither cause spoils it; ``category`` and ``number``: own rules;
``care``: it says nothing about causes and matters for what may be done; ``condition``: everybody
whose causes are asked for has it (edema itself), so it tells no cause from another.
"""

SeenBy = Literal["history", "examination", "laboratory", "radiograph", "software", "reader"]


class Implies(BaseModel):
    """A number that settles a finding: present from ``above`` on, absent below ``below``."""

    model_config = STRICT
    finding: str
    above: float
    below: float
    source: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Implies:
        if self.below > self.above:
            raise ValueError("'below' lies over 'above'")
        return self


class Codes(BaseModel):
    """Public codes of a finding, where they were confirmed."""

    model_config = STRICT
    loinc: str | None = None
    snomed: str | None = None
    radlex: str | None = None


class Finding(BaseModel):
    """A finding: present, absent or unknown; a category or a number has a value instead.

    question : as one asks a person for it; background : P(present) where a cause does not name it;
    it is the leak of the noisy-OR; first_visit : false for what only a later visit can show;
    joints : where it can be at all, everywhere if empty; excludes : findings that cannot be
    present as well.
    """

    model_config = STRICT

    id: str
    name: str
    question: str = Field(min_length=6)
    kind: Kind
    seen_by: SeenBy
    core: bool = True
    first_visit: bool = True
    background: Chance | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    joints: tuple[Joint, ...] = ()
    options: tuple[str, ...] = ()
    implies: tuple[Implies, ...] = ()
    excludes: tuple[str, ...] = ()
    codes: Codes = Codes()

    @property
    def three_valued(self) -> bool:
        """True where it is present, absent or unknown."""
        return self.kind not in ("category", "number")

    @model_validator(mode="after")
    def _whole(self) -> Finding:
        if (self.kind in ("produced", "background", "normal")) != (self.background is not None):
            raise ValueError("a background goes with a finding that speaks about causes")
        if (self.kind == "category") != bool(self.options):
            raise ValueError("options go with a category, and a category needs them")
        if self.kind == "number" and (self.unit is None or self.low is None or self.high is None):
            raise ValueError("a number needs unit, low and high")
        return self


class Findings(BaseModel):
    """One file of findings."""

    model_config = STRICT
    version: Literal[1]
    findings: tuple[Finding, ...]


class Together(BaseModel):
    """Findings that say much the same: the strongest counts in full, the others by ``share``.

    Within the group the strongest reason for a hypothesis and the strongest against it count in
    full; every other counts by ``share`` (0: not at all, 1: as if it were independent).
    """

    model_config = STRICT
    id: str
    findings: tuple[str, ...] = Field(min_length=2)
    share: float = Field(ge=0, le=1)
    why: str = Field(min_length=10)
    source: tuple[str, ...] = Field(min_length=1)


class Groups(BaseModel):
    """The file ``groups.yaml``."""

    model_config = STRICT
    version: Literal[1]
    groups: tuple[Together, ...]
