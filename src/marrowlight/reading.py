"""The reading: everything found in one study, and the contract that later work keys on.

``reading.json`` is ``Reading`` as JSON. Compatibility: within ``marrowlight.reading/1`` fields are
only added, never renamed, removed or changed in meaning or unit; a reader of the file ignores
fields that it does not know. Anything else becomes ``marrowlight.reading/2``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from marrowlight.edema.measurement import BoneEdema, Edema, Measured, OutsideZones, ZoneEdema
from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side

SCHEMA: Literal["marrowlight.reading/1"] = "marrowlight.reading/1"

DISCLAIMER = (
    "This report supports a reader and replaces none. Marrowlight is research software and no "
    "medical device."
)


class Warned(Measured):
    """A warning, with a stable code for machines."""

    code: str
    text: str
    series: str | None = Field(default=None, description="Id of the series it concerns.")


class BoneNotRead(Measured):
    """A bone of the joint that was looked for and is not in the reading, or not in its zones."""

    bone: str
    side: Side
    reason: str


class Region(Measured):
    """One joint of one side."""

    joint: Joint
    joint_evidence: tuple[str, ...] = ()
    side: Side
    side_evidence: tuple[str, ...] = ()
    bones: tuple[BoneEdema, ...]
    edema: Edema
    zones: tuple[ZoneEdema, ...] = Field(
        default=(), description="Every zone of every system that could be placed, edema or not."
    )
    outside: tuple[OutsideZones, ...] = Field(
        default=(), description="By system, the edema that lies in no zone of it."
    )
    not_read: tuple[BoneNotRead, ...] = Field(
        default=(), description="Bones of the joint that were looked for and not read, and why."
    )
    not_placed: tuple[BoneNotRead, ...] = Field(
        default=(), description="Bones that are read and have no zones, and why."
    )


class NormalMarrow(Measured):
    """This patient's normal marrow in one series."""

    center: float = Field(description="Median intensity of normal marrow, scanner units.")
    spread: float = Field(description="Robust SD from the lower half, scanner units.")
    voxels: int
    source: str


class SeriesReading(Measured):
    """What was read on one fluid-sensitive series. Volumes of two series are never added."""

    id: str
    role: Role
    role_evidence: tuple[str, ...] = ()
    description: str = Field(description="The scanner's own name. Untrusted text.")
    plane: Plane
    primary: bool
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    slice_thickness_mm: float | None
    normal_marrow: NormalMarrow | None
    regions: tuple[Region, ...]


class OtherSeries(Measured):
    """A series that edema is not read on."""

    id: str
    role: Role
    role_evidence: tuple[str, ...] = ()
    description: str
    plane: Plane
    shape: tuple[int, int, int]
    used_for: str


class Versions(Measured):
    """What made the reading."""

    software: str
    parameters: str | None = Field(
        description="SHA-256 of the parameter file; null if the finder was not run."
    )
    weights: str | None = Field(description="SHA-256 of the weights; null if none was used.")
    knowledge: str = Field(description="SHA-256 of the bone registry.")
    bone_weights: str | None = Field(
        default=None, description="SHA-256 of the weights that found the bones; null if given."
    )
    zones: str | None = Field(
        default=None, description="SHA-256 of the data files of the zones; null if none were used."
    )


class Reading(Measured):
    """Everything found in one study."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["marrowlight.reading/1"] = Field(default=SCHEMA, alias="schema")
    reading_id: str = Field(description="Same input, options and version give the same id.")
    summary: str = Field(description="What was found, in one plain sentence.")
    regions: tuple[Region, ...] = Field(description="The primary series.")
    primary_series: str
    primary_reason: str
    series: tuple[SeriesReading, ...]
    other_series: tuple[OtherSeries, ...] = ()
    set_aside: tuple[dict[str, str | int], ...] = ()
    warnings: tuple[Warned, ...] = ()
    versions: Versions
    disclaimer: str = DISCLAIMER
