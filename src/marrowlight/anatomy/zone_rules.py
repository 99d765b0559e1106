"""Rules of zones: data files with a source for every zone, checked when they are loaded.

A system is a file ``zones/<name>.yaml``::

    version: 1
    system: moaks
    joint: knee
    title: MOAKS, bone marrow lesions
    about: what the system is, and what is ours in it
    zones:
      - id: femur_medial_central
        label: 2
        bone: femur
        name: Medial central femur
        source: hunter2011            # a key of zones/references*.yaml
        status: mem                   # page, mem, uncertain or in_house
        approximate: true             # drawn on bone where the source uses menisci or cartilage
        where:                        # all must hold; the first zone that holds a voxel takes it
          - {of: lateral_mm, to: 0}               # half-open: from <= value < to
          - {of: depth_share, from: 0.33, to: 0.67}
          - {near: tuberosity, within_mm: 15}     # a landmark of the bone
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from marrowlight.anatomy.registry import bone_registry
from marrowlight.anatomy.zonemap import Zone
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint

STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Reference(BaseModel):
    """Where a rule comes from. citation : author, journal, year; url : page that was read."""

    model_config = STRICT
    citation: str = Field(min_length=8)
    url: str | None = None


class Condition(BaseModel):
    """One condition on a voxel: an interval of a coordinate, or the distance to a landmark.

    of : a coordinate of the placed bone (``frames_<joint>.py``), ``depth_mm`` (below the surface of
    the bone) or ``joint_mm`` (to the joint surface; a voxel of unknown distance fails); low, high :
    ``low <= value < high`` in the unit that ends its name; near : a landmark of the placed bone;
    within_mm : distance to it.
    """

    model_config = STRICT
    of: str | None = None
    low: float | None = Field(default=None, alias="from")
    high: float | None = Field(default=None, alias="to")
    near: str | None = None
    within_mm: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Condition:
        interval = self.low is not None or self.high is not None
        if (self.of is None) == (self.near is None):
            raise ValueError("a condition is either 'of' a coordinate or 'near' a landmark")
        if (self.of is not None) != interval or (self.near is not None) != bool(self.within_mm):
            raise ValueError("'of' goes with 'from' and 'to', 'near' with 'within_mm'")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"{self.of} from {self.low} to {self.high} is empty")
        return self


class ZoneRule(BaseModel):
    """One zone of a system: see ``Zone``, and ``where`` it is.

    status : ``page``, the rule was read on a page; ``mem``, recalled; ``uncertain``;
    ``in_house``, our own.
    """

    model_config = STRICT
    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: int = Field(ge=1, le=255)
    bone: str
    name: str = Field(min_length=3)
    source: str
    status: Literal["page", "mem", "uncertain", "in_house"]
    approximate: bool
    where: tuple[Condition, ...] = Field(min_length=1)
    note: str = ""

    def zone(self, system: str) -> Zone:
        """The zone without its rule."""
        return Zone(
            self.id, self.label, system, self.bone, self.name, self.source,
            provisional=self.status != "page", approximate=self.approximate,
        )  # fmt: skip


class ZoneSystem(BaseModel):
    """All zones of one system in one joint."""

    model_config = STRICT
    version: Literal[1]
    system: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    joint: Joint
    title: str
    about: str
    zones: tuple[ZoneRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _all_different(self) -> ZoneSystem:
        for what in ("id", "label", "name"):
            seen = [getattr(z, what) for z in self.zones]
            twice = {v for v in seen if seen.count(v) > 1}
            if twice:
                raise ValueError(f"{what} twice: {sorted(map(str, twice))}")
        unknown = {z.bone for z in self.zones} - set(bone_registry())
        if unknown:
            raise ValueError(f"bones that the registry does not know: {sorted(unknown)}")
        return self


@lru_cache(maxsize=1)
def zone_references() -> dict[str, Reference]:
    """All references of zones by key. Raises KnowledgeError if a key is there twice or broken."""
    found: dict[str, Reference] = {}
    for name, data in _files(references=True):
        for key, row in data.items():
            if key in found:
                raise KnowledgeError(f"{name}: the reference {key!r} is there twice.")
            try:
                found[key] = Reference.model_validate(row)
            except ValidationError as error:
                raise KnowledgeError(f"{name}: {key}: {error}") from error
    return found


@lru_cache(maxsize=1)
def zone_systems() -> tuple[ZoneSystem, ...]:
    """Every system that is shipped, of every joint.

    Raises KnowledgeError if a file breaks its rules or cites a source that is not there.
    """
    systems = tuple(checked_system(data, name) for name, data in _files(references=False))
    keys = [(s.joint, s.system) for s in systems]
    if len(set(keys)) < len(keys):
        raise KnowledgeError(f"zones: a system is there twice for one joint: {keys}")
    return systems


def checked_system(data: object, name: str) -> ZoneSystem:
    """A system from the content of its file; name : of the file, for messages.

    Raises KnowledgeError if it breaks its rules or cites a source that is not there.
    """
    try:
        system = ZoneSystem.model_validate(data)
    except ValidationError as error:
        raise KnowledgeError(f"{name}: {error}") from error
    missing = {z.source for z in system.zones} - set(zone_references())
    if missing:
        raise KnowledgeError(f"{name}: cites {sorted(missing)}, which no reference file holds.")
    return system


def _files(*, references: bool) -> list[tuple[str, dict[str, object]]]:
    import yaml

    folder = resources.files("marrowlight.anatomy").joinpath("zones")
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml"))
    return [
        (name, yaml.safe_load(folder.joinpath(name).read_text(encoding="utf-8")) or {})
        for name in names
        if name.startswith("references") == references
    ]
