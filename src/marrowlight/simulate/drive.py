"""What drives the edema of a cause (``data/drives.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.near import nearest
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.errors import UsageError
from marrowlight.simulate.parameters import STRICT, Given, check_sources

Weeks = Annotated[float, Field(gt=0, le=1000)]
Level = Annotated[float, Field(ge=0, le=5)]
Share = Annotated[float, Field(ge=0, le=1)]


class Steady(BaseModel):
    """A drive that does not change."""

    model_config = STRICT
    kind: Literal["steady"]
    level: Level


class Pulse(BaseModel):
    """One rise and one fall; ``level`` at its peak."""

    model_config = STRICT
    kind: Literal["pulse"]
    level: Level
    rise_weeks: Weeks
    fade_weeks: Weeks

    @model_validator(mode="after")
    def _rises_first(self) -> Pulse:
        if self.rise_weeks >= self.fade_weeks:
            raise ValueError("a pulse rises faster than it fades")
        return self


class Flares(Pulse):
    """Pulses again and again. uneven : every second one is so much weaker, the others stronger."""

    kind: Literal["flares"]  # type: ignore[assignment]
    every_weeks: Weeks
    uneven: Share = 0.0
    from_weeks: float = Field(default=0, ge=0)
    until_weeks: Weeks | None = None


class Growth(BaseModel):
    """Something that multiplies (germs, tumor, cracks in dead bone) up to a limit (logistic)."""

    model_config = STRICT
    kind: Literal["growth"]
    start: Annotated[float, Field(gt=0)]
    most: Level
    doubling_weeks: Weeks


Trigger = Annotated[Steady | Pulse | Flares | Growth, Field(discriminator="kind")]


class Onto(BaseModel):
    """How much of the triggers goes onto each mechanism."""

    model_config = STRICT
    inflammation: float = Field(default=0, ge=0, le=2)
    resorption: float = Field(default=0, ge=0, le=2)
    outflow: float = Field(default=0, ge=0, le=2)


class DeadMarrow(BaseModel):
    """Necrosis: it grows and never goes back. most_ml : in the end; half_weeks : half of it."""

    model_config = STRICT
    most_ml: Annotated[float, Field(gt=0)]
    half_weeks: Weeks


class Drive(Given):
    """What a cause does to bone.

    region_ml : marrow that takes part; injury : at onset, relative to a bone bruise; heal_weeks :
    in which an injury falls to 1/e under usual load; bone_strength : load above which damage is
    done, 1 is everyday load; load : steps of (week, load); load_drives : share of the triggers that
    needs load; first_seen_weeks : from onset to the first MRI; places : share of the lesion by
    place of the phantom; path : places in the order in which a migrating edema takes them.
    """

    cause: str
    pattern: Literal["resolves", "fluctuates", "migrates", "progresses"]
    region_ml: Annotated[float, Field(gt=0, le=100)]
    injury: Level = 0.0
    heal_weeks: Weeks
    bone_strength: Annotated[float, Field(gt=0, le=5)]
    load: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    triggers: tuple[Trigger, ...] = ()
    onto: Onto = Onto()
    load_drives: Share = 0.0
    first_seen_weeks: float = Field(default=0, ge=0)
    next_site_weeks: Weeks | None = None
    sites: int = Field(default=1, ge=1, le=5)
    dead_marrow: DeadMarrow | None = None
    pace: dict[Literal["inflammation_weeks", "resorption_weeks"], float] = Field(default={})
    places: dict[Literal["knee", "hip", "ankle"], dict[str, Share]] = Field(default={})
    path: dict[Literal["knee", "hip", "ankle"], tuple[str, ...]] = Field(default={})

    @model_validator(mode="after")
    def _whole(self) -> Drive:
        weeks = [week for week, _ in self.load]
        if weeks[:1] != [0] or any(b <= a for a, b in pairwise(weeks)):
            raise ValueError("load begins at week 0 and its weeks rise")
        if any(load < 0 for _, load in self.load):
            raise ValueError("load cannot be less than nothing")
        if (self.pattern == "migrates") != bool(self.path) or bool(self.path) == bool(self.places):
            raise ValueError("a cause that migrates has a path, any other has places")
        if self.path and (self.next_site_weeks is None or self.sites < 2):
            raise ValueError("a path needs two sites or more and next_site_weeks")
        if any(len(path) < self.sites for path in self.path.values()):
            raise ValueError("a path has a place for every site")
        if any(abs(sum(shares.values()) - 1) > 1e-6 for shares in self.places.values()):
            raise ValueError("the shares of the places add up to 1")
        return self


class _File(BaseModel):
    model_config = STRICT
    version: Literal[1]
    drives: tuple[Drive, ...]


@lru_cache(maxsize=1)
def drives() -> Mapping[str, Drive]:
    """The drives of this package by cause, in file order."""
    return load_drives(resources.files("marrowlight.simulate").joinpath("data/drives.yaml"))


def load_drives(path: Traversable | Path) -> Mapping[str, Drive]:
    """Load and check a file. A file that breaks its rules raises ``KnowledgeError``."""
    from marrowlight.causes.knowledge import knowledge

    file = YamlFile(path)
    out: dict[str, Drive] = {}
    for index, one in enumerate(file.parse(_File).drives):
        if one.cause in out or one.cause not in knowledge().causes:
            raise file.fail(
                ("drives", index, "cause"), f"'{one.cause}' is there twice, or is no known cause."
            )
        out[one.cause] = one
    check_sources(file, "drives")
    return out


def drive_of(cause: str) -> Drive:
    """The drive of a cause. Raises UsageError, with what is near, if there is none."""
    known = drives()
    if cause not in known:
        near = nearest(cause, set(known))
        raise UsageError(
            f"No course of '{cause}' can be simulated.",
            where="--cause",
            expected=f"did you mean {', '.join(near)}?" if near else "one of " + ", ".join(known),
        )
    return known[cause]
