"""One thing that may be done (``data/options/*.yaml``), and what it does in a cause."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from marrowlight.care.caution import Age, Caution
from marrowlight.causes.probability import STRICT, Sourced
from marrowlight.study.study import Joint

Kind = Literal["load", "exercise", "drug", "supplement", "procedure", "surgery", "referral", "none"]

Certainty = Literal["high", "moderate", "low", "very_low", "consensus"]
"""How sure an effect is. ``consensus``: nobody doubts it and nobody tried it out."""

Benefit = Literal["likely", "uncertain", "none_shown"]
"""``none_shown``: trials looked for a benefit and found none, with that certainty."""


class Option(BaseModel):
    """An option, without the cause that it is for. Never a dose.

    harm : what it may cost the patient, 1 (hardly anything) to 5 (a large operation), an estimate;
    joints : where it exists, everywhere when empty.
    """

    model_config = STRICT

    id: str
    name: str = Field(min_length=3, max_length=60)
    kind: Kind
    what: str = Field(min_length=12)
    harm: Annotated[int, Field(ge=1, le=5)]
    joints: tuple[Joint, ...] = ()
    cautions: tuple[Caution, ...] = ()


class Options(BaseModel):
    """One file of options."""

    model_config = STRICT
    version: Literal[1]
    options: tuple[Option, ...]


class Given(Sourced):
    """What an option does in one cause.

    effect : in words, with its figures; off_label : this use is outside the license of the drug;
    only_if : shown where one of these findings is present, or from this age in years on where
    ``from_age`` is given (an unknown age does not hide it); unless_absent : left out where this
    finding is known to be absent.
    """

    option: str
    certainty: Certainty
    benefit: Benefit = "likely"
    effect: str = Field(min_length=8)
    off_label: bool = False
    only_if: tuple[str, ...] = ()
    from_age: Age | None = None
    unless_absent: str | None = None


class Plan(BaseModel):
    """The options of one cause (``data/causes/<cause>.yaml``); first : ids of its
    first steps."""

    model_config = STRICT
    version: Literal[1]
    cause: str
    first: tuple[str, ...] = Field(min_length=1)
    options: tuple[Given, ...] = Field(min_length=1)
