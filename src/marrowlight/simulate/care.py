"""Care in the model: on which mechanism it acts (``data/care.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.near import nearest
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.errors import UsageError
from marrowlight.simulate.parameters import ASSUMPTION, STRICT, Basis, Given, check_sources

Mechanism = Literal["load", "resorption", "outflow", "inflammation", "growth", "vent"]
"""``load``, ``resorption``, ``inflammation``: the factor multiplies it; ``outflow``: the factor
multiplies the resistance of veins; ``growth``: share that is removed in a week; ``vent``: opens the
compartment, ml/day/mmHg/100 ml."""


class Effect(Given):
    """What one kind of care does in the model, from its start on for some weeks."""

    id: str
    acts_on: Mechanism
    factor: Annotated[float, Field(ge=0, le=10)]
    for_weeks: Annotated[float, Field(gt=0)]
    basis: Basis = "assumption"

    @model_validator(mode="after")
    def _helps(self) -> Effect:
        if self.acts_on != "vent" and self.factor >= 1:
            raise ValueError("a factor of 1 or more does not help")
        if self.basis == "measured":
            raise ValueError("no effect of care has been measured on a mechanism of this model")
        if (ASSUMPTION in self.source) != (self.basis == "assumption"):
            raise ValueError("an effect without a source is an assumption, and the reverse")
        return self


@dataclass(frozen=True)
class CareGiven:
    """Care and when: ``start`` to ``stop`` in weeks since onset."""

    effect: Effect
    start: float
    stop: float

    def on(self, week: float) -> bool:
        """Whether it is given in the moment."""
        return self.start <= week < self.stop


class _File(BaseModel):
    model_config = STRICT
    version: Literal[1]
    care: tuple[Effect, ...]


@lru_cache(maxsize=1)
def effects() -> Mapping[str, Effect]:
    """The effects of this package by id of the care option, in file order."""
    return load_effects(resources.files("marrowlight.simulate").joinpath("data/care.yaml"))


def load_effects(path: Traversable | Path) -> Mapping[str, Effect]:
    """Load and check a file. A file that breaks its rules raises ``KnowledgeError``."""
    from marrowlight.care.care_knowledge import care_knowledge

    file = YamlFile(path)
    out: dict[str, Effect] = {}
    for index, one in enumerate(file.parse(_File).care):
        if one.id in out or one.id not in care_knowledge().options:
            raise file.fail(
                ("care", index, "id"), f"'{one.id}' is there twice, or is no known care option."
            )
        out[one.id] = one
    check_sources(file, "care")
    return out


def care_given(texts: Sequence[str], first_seen_weeks: float) -> tuple[CareGiven, ...]:
    """``["protected_loading", "iloprost:8"]`` to care with its weeks.

    A number is the week since onset in which it starts; without one it starts when the edema is
    first seen. Raises UsageError for care that is not known and for a start that is no week.
    """
    out = []
    for text in texts:
        name, _, start = text.partition(":")
        if name not in effects():
            near = nearest(name, set(effects()))
            raise UsageError(
                f"What '{name}' does in bone is not in the model.",
                where="--care",
                expected=f"did you mean {', '.join(near)}?"
                if near
                else "one of " + ", ".join(effects()),
            )
        try:
            week = float(start) if start else first_seen_weeks
        except ValueError:
            week = -1.0
        if not 0 <= week < 10_000:
            raise UsageError(
                f"'{start}' is no week to start {name} in.",
                where="--care",
                expected="CARE or CARE:WEEK, e.g. protected_loading:4",
            )
        effect = effects()[name]
        out.append(CareGiven(effect, week, week + effect.for_weeks))
    return tuple(out)
