"""Care for one patient: what may be discussed, in which order, and what speaks against it."""

from __future__ import annotations

from pydantic import BaseModel

from marrowlight.care.care_rules import ListName
from marrowlight.care.caution import Level
from marrowlight.care.option import Benefit, Certainty, Kind
from marrowlight.causes.probability import STRICT

DISCLAIMER = (
    "These are options for a discussion between patient and clinician. Nothing is prescribed, and "
    "no dose is given. It supports a reader and is no medical device."
)


class MatchedCaution(BaseModel):
    """A caution that holds for this patient; source : keys of references, or ``estimate``."""

    model_config = STRICT
    text: str
    level: Level
    source: tuple[str, ...]


class Effect(BaseModel):
    """What an option does in one of the shown causes."""

    model_config = STRICT
    cause: str
    certainty: Certainty
    benefit: Benefit
    text: str
    sources: tuple[str, ...]
    off_label: bool


class CareOption(BaseModel):
    """One option for this patient.

    for_causes : shown causes that it serves, most probable first; certainty, benefit, effect,
    sources : of the first of them in which it is not known to fail (``effects`` has them all);
    harm : 1 to 5, an estimate; off_label : in any of these causes; cautions : those that hold for
    this patient; check : what would forbid it and is not known of this patient; held_back : why it
    has to wait for a flag to be cleared, and ``held_source`` whence; avoid : not for this patient.
    """

    model_config = STRICT
    id: str
    name: str
    kind: Kind
    what: str
    for_causes: tuple[str, ...]
    certainty: Certainty
    benefit: Benefit
    effect: str
    sources: tuple[str, ...]
    effects: tuple[Effect, ...]
    harm: int
    off_label: bool
    cautions: tuple[MatchedCaution, ...]
    check: tuple[str, ...]
    held_back: str | None
    held_source: tuple[str, ...]
    avoid: bool


class LeftOut(BaseModel):
    """An option of a shown cause that the list of this patient does not offer."""

    model_config = STRICT
    id: str
    name: str
    why: str
    source: tuple[str, ...]


class SetRight(BaseModel):
    """What is said in popular texts, and what was found."""

    model_config = STRICT
    id: str
    said: str
    right: str
    source: tuple[str, ...]


class Care(BaseModel):
    """Care for one patient.

    list : whose list it is; first : what comes before all options; options : in order; left_out :
    what the list of a child or a pregnant woman does not offer; notes : lines on the list as a
    whole; corrections : those that concern the shown causes and options.
    """

    model_config = STRICT
    list: ListName
    first: tuple[str, ...]
    options: tuple[CareOption, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    corrections: tuple[SetRight, ...]
    disclaimer: str = DISCLAIMER
