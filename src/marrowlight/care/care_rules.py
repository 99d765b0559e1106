"""Rules that hold across options: first steps, own lists, what a flag holds back."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from marrowlight.care.caution import Level, When
from marrowlight.care.option import Given
from marrowlight.causes.probability import STRICT, Sourced

ListName = Literal["general", "child", "pregnancy"]


class Step(Sourced):
    """What comes before all options.

    causes : while a flag for one of these stands, this step comes first; gives_way : it is left out
    beside any step that does not give way (keep moving, beside keep the load off).
    """

    id: str
    text: str = Field(min_length=8)
    causes: tuple[str, ...] = ()
    gives_way: bool = False


class Steps(BaseModel):
    """The file ``steps.yaml``; the order of the file is the order in which steps are shown."""

    model_config = STRICT
    version: Literal[1]
    steps: tuple[Step, ...]


class LeavesOut(Sourced):
    """Options that a list does not offer, with the reason."""

    options: tuple[str, ...] = Field(min_length=1)
    why: str = Field(min_length=8)


class Note(Sourced):
    """A line that belongs to a list as a whole."""

    text: str = Field(min_length=8)


class OwnList(BaseModel):
    """The list of patients who are not the usual adult: what it leaves out, adds and says."""

    model_config = STRICT
    id: Literal["child", "pregnancy"]
    when: When
    leaves_out: tuple[LeavesOut, ...]
    adds: tuple[Given, ...]
    notes: tuple[Note, ...]


class OwnLists(BaseModel):
    """The file ``lists.yaml``; where several hold, the first gives its name."""

    model_config = STRICT
    version: Literal[1]
    lists: tuple[OwnList, ...]


class Hold(Sourced):
    """Options that would harm if a flag were right.

    causes : causes of flags; level : ``avoid`` holds back until the flag is cleared, ``caution``
    only warns; leading : a warning also where one of the causes leads without a flag, and the
    option then comes later in the list.
    """

    causes: tuple[str, ...] = Field(min_length=1)
    options: tuple[str, ...] = Field(min_length=1)
    level: Level = "avoid"
    leading: bool = False
    why: str = Field(min_length=8)


class Holds(BaseModel):
    """The file ``held_back.yaml``."""

    model_config = STRICT
    version: Literal[1]
    held_back: tuple[Hold, ...]


class Correction(Sourced):
    """What popular texts say of bone marrow edema, and what was found.

    causes, options : it is shown with these.
    """

    id: str
    said: str = Field(min_length=8)
    right: str = Field(min_length=8)
    causes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Corrections(BaseModel):
    """The file ``corrections.yaml``."""

    model_config = STRICT
    version: Literal[1]
    corrections: tuple[Correction, ...]
