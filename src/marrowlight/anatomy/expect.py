"""What is expected of the bones of a joint: size, number of pieces, place, neighbours."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint

Border = Literal["superior", "inferior", "anterior", "posterior", "side"]

_Frozen = ConfigDict(extra="forbid", frozen=True)


class ExpectedBone(BaseModel):
    """One bone in the field of view of a joint; the keys are explained in ``expected.yaml``."""

    model_config = _Frozen

    joint: Joint
    bone: str
    volume_ml: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
    may_end: tuple[Border, ...]
    pieces: Annotated[int, Field(ge=0)]
    solid: bool
    main: bool = False
    midline: bool = False
    source: str


class Relation(BaseModel):
    """Where the centre of a bone lies against that of another."""

    model_config = _Frozen

    joint: Joint
    bone: str
    relation: Literal["above", "below", "in_front_of"]
    than: str
    both: bool
    source: str


class Neighbours(BaseModel):
    """Two bones whose gap is never wider than ``gap_mm``."""

    model_config = _Frozen

    joint: Joint
    bones: tuple[str, str]
    gap_mm: Annotated[float, Field(gt=0)]
    source: str


class Levels(BaseModel):
    """Two shafts that are told apart by their level, ``margin_mm`` away from the joint."""

    model_config = _Frozen

    joint: Joint
    upper: str
    lower: str
    margin_mm: Annotated[float, Field(gt=0)]
    source: str


class Expected(BaseModel):
    """The whole file. Make it with ``expected``; ``of_joint`` gives the part of one joint."""

    model_config = _Frozen

    version: Literal[1]
    sources: dict[str, str]
    bones: tuple[ExpectedBone, ...]
    relations: tuple[Relation, ...]
    neighbours: tuple[Neighbours, ...]
    levels: tuple[Levels, ...]

    def of_joint(self, joint: Joint) -> Expected:
        """Only what concerns one joint."""
        return Expected(
            version=1,
            sources=self.sources,
            bones=tuple(b for b in self.bones if b.joint is joint),
            relations=tuple(r for r in self.relations if r.joint is joint),
            neighbours=tuple(n for n in self.neighbours if n.joint is joint),
            levels=tuple(n for n in self.levels if n.joint is joint),
        )

    def bone(self, name: str) -> ExpectedBone | None:
        """What is expected of a bone; the first joint that has it."""
        return next((b for b in self.bones if b.bone == name), None)


@lru_cache(maxsize=1)
def expected() -> Expected:
    """All that is expected, from ``expected.yaml``.

    Raises KnowledgeError if an entry is malformed, cites no source or names an unknown bone.
    """
    import yaml

    text = resources.files(__package__).joinpath("expected.yaml").read_text(encoding="utf-8")
    return checked(yaml.safe_load(text))


def checked(data: object) -> Expected:
    """The content of the file after all its rules; raises KnowledgeError."""
    from marrowlight.anatomy.registry import bone_registry

    try:
        found = Expected.model_validate(data)
    except ValidationError as error:
        raise KnowledgeError(f"expected.yaml: {error}") from error
    cited = {
        *(b.source for b in found.bones),
        *(r.source for r in found.relations),
        *(n.source for n in found.neighbours),
        *(v.source for v in found.levels),
    }
    if missing := cited - set(found.sources):
        raise KnowledgeError(f"expected.yaml: no source is called {sorted(missing)}.")
    known = bone_registry()
    listed = {(b.joint, b.bone) for b in found.bones}
    if len(listed) < len(found.bones):
        raise KnowledgeError("expected.yaml: a bone is listed twice for one joint.")
    named = [(r.joint, n) for r in found.relations for n in (r.bone, r.than)]
    named += [(n.joint, b) for n in found.neighbours for b in n.bones]
    named += [(n.joint, b) for n in found.levels for b in (n.upper, n.lower)]
    for joint, bone in named:
        if (joint, bone) not in listed:
            raise KnowledgeError(f"expected.yaml: {bone} of the {joint.value} has no entry.")
    for one in found.bones:
        if one.bone not in known or one.joint.value not in known[one.bone].joints:
            raise KnowledgeError(f"expected.yaml: {one.bone} is no bone of the {one.joint.value}.")
        if not one.volume_ml[0] < one.volume_ml[1]:
            raise KnowledgeError(f"expected.yaml: volumes of {one.bone} are out of order.")
    return found
