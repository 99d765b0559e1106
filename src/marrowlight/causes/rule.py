"""The conditions of a rule beside the ranking: what must be known of a patient for it to fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.case import Case, Pregnancy, Sex
from marrowlight.causes.finding import Finding
from marrowlight.causes.probability import STRICT, Share
from marrowlight.study.study import Joint

SITE = "bme_site"
"""The finding that says where the edema is."""

Why = tuple[str, ...]
"""The conditions that held, in words."""


class AtLeast(BaseModel):
    """``n`` of the findings ``of`` are present."""

    model_config = STRICT
    n: Annotated[int, Field(ge=2)]
    of: tuple[str, ...]

    @model_validator(mode="after")
    def _enough(self) -> AtLeast:
        if self.n > len(self.of):
            raise ValueError(f"{self.n} of {len(self.of)} findings can never be present")
        return self


class Measured(BaseModel):
    """A number that is known, and lies ``above`` (or at) or ``below`` a limit, in its own unit."""

    model_config = STRICT
    finding: str
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _limited(self) -> Measured:
        if (self.above is None) == (self.below is None):
            raise ValueError("give one of 'above' and 'below'")
        return self


class Likely(BaseModel):
    """The probability of a cause in the ranking is ``at_least`` this, 0 to 1."""

    model_config = STRICT
    cause: str
    at_least: Share


class Condition(BaseModel):
    """All fields that are given must hold; what is unknown of a patient never holds.

    all, any : findings that are present, every one or at least one. absent : findings stated as
    absent, every one. none : findings none of which is present (unknown is allowed). at_least :
    some of a list. age : from and to, in completed years. site : the main site is one of these;
    not_site : it is none of these (unknown is allowed). values : every limit is met. probability :
    of a cause in the ranking. either : at least one of these conditions holds.
    """

    model_config = STRICT
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    at_least: AtLeast | None = None
    age: tuple[int, int] | None = None
    joint: tuple[Joint, ...] = ()
    sex: Sex | None = None
    pregnancy: tuple[Pregnancy, ...] = ()
    pathway: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    not_site: tuple[str, ...] = ()
    values: tuple[Measured, ...] = ()
    probability: Likely | None = None
    either: tuple[Condition, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("a condition without a field would always hold")
        if self.age is not None and not 0 <= self.age[0] <= self.age[1]:
            raise ValueError(f"from and to of the age are out of order: {self.age}")
        return self

    @property
    def asks_probability(self) -> bool:
        """True where it looks at the ranking, here or further in."""
        return self.probability is not None or any(c.asks_probability for c in self.either)

    def why(
        self, case: Case, probabilities: Mapping[str, float], findings: Mapping[str, Finding]
    ) -> Why | None:
        """The conditions that held, in words; None where the whole does not hold.

        probabilities : cause id to probability, 0 to 1; a cause that is not there has 0.
        """
        said: list[str] = []
        for part in self._parts(case, probabilities, findings):
            if part is None:
                return None
            said.extend(part)
        if self.either:
            fired = [c.why(case, probabilities, findings) for c in self.either]
            held = [why for why in fired if why is not None]
            if not held:
                return None
            said.extend(word for why in held for word in why)
        return tuple(dict.fromkeys(said))

    def _parts(
        self, case: Case, probabilities: Mapping[str, float], findings: Mapping[str, Finding]
    ) -> Iterator[Why | None]:
        """Each field that is given: the words for it, or None where it does not hold."""
        site = case.values.get(SITE)
        years = None if case.age is None else int(case.age)
        if self.all:
            yield _names(self.all, findings) if case.present.issuperset(self.all) else None
        if self.any:
            yield _names([f for f in self.any if f in case.present], findings) or None
        if self.absent:
            words = tuple(f"{findings[f].name}: no" for f in self.absent)
            yield words if case.absent.issuperset(self.absent) else None
        if self.none:
            yield None if case.present.intersection(self.none) else ()
        if self.at_least:
            there = [f for f in self.at_least.of if f in case.present]
            yield _names(there, findings) if len(there) >= self.at_least.n else None
        if self.age:
            held = years is not None and self.age[0] <= years <= self.age[1]
            yield (f"age {years}",) if held else None
        if self.joint:
            yield (str(case.joint),) if case.joint in self.joint else None
        if self.sex:
            yield (self.sex,) if case.sex == self.sex else None
        if self.pregnancy:
            held = case.pregnancy in self.pregnancy
            yield (str(case.pregnancy).replace("_", " "),) if held else None
        if self.pathway:
            yield (f"pathway {case.pathway}",) if case.pathway in self.pathway else None
        if self.site:
            yield (f"site: {str(site).replace('_', ' ')}",) if site in self.site else None
        if self.not_site:
            yield None if site in self.not_site else ()
        for limit in self.values:
            yield _measured(limit, case, findings[limit.finding])
        if self.probability:
            chance = probabilities.get(self.probability.cause, 0.0)
            held = chance >= self.probability.at_least
            yield (f"probability {chance:.0%} in the ranking",) if held else None


def _names(ids: tuple[str, ...] | list[str], findings: Mapping[str, Finding]) -> Why:
    return tuple(findings[f].name for f in ids)


def _measured(limit: Measured, case: Case, finding: Finding) -> Why | None:
    value = case.values.get(limit.finding)
    if not isinstance(value, int | float):
        return None
    if limit.above is not None and value < limit.above:
        return None
    if limit.below is not None and value >= limit.below:
        return None
    return (f"{finding.name} {value:g} {finding.unit}",)


REFERS = {
    "all": "finding", "any": "finding", "absent": "finding", "present": "finding",
    "none": "finding", "of": "finding", "finding": "finding", "site": "site", "not_site": "site",
    "cause": "cause", "pathway": "pathway", "source": "source",
}  # fmt: skip
"""Keys of a file of rules whose values must resolve, and to what."""


def references(
    node: object, where: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every value that names something elsewhere: its place, the id, and what it must be."""
    if isinstance(node, dict):
        for key, value in node.items():
            here, kind = (*where, str(key)), REFERS.get(str(key))
            if kind and isinstance(value, str):
                yield here, value, kind
            elif kind and isinstance(value, list):
                yield from (((*here, i), str(v), kind) for i, v in enumerate(value))
            else:
                yield from references(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, (*where, index))
