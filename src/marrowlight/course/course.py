"""The course: how edema changed over two or more visits. The contract that later work keys on.

``course.json`` is ``Course`` as JSON. Within ``marrowlight.course/1`` fields are only added, never
renamed, removed or changed in meaning or unit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side

SCHEMA: Literal["marrowlight.course/1"] = "marrowlight.course/1"

DISCLAIMER = (
    "This comparison supports a reader and replaces none. Marrowlight is research software and no "
    "medical device."
)


class Followed(BaseModel):
    """Base of all values of a course: frozen; unknown fields are ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Verdict(StrEnum):
    """What happened to an amount of edema between two visits."""

    GREW = "grew"
    SHRANK = "shrank"
    STABLE = "stable"
    """The change lies within the smallest detectable one."""
    NEW = "new"
    RESOLVED = "resolved"
    ABSENT = "absent"
    """No edema at either visit."""
    UNCERTAIN = "uncertain"
    """Below 1 ml, or seen too differently to tell."""


class Fate(StrEnum):
    """How a lesion at one visit belongs to those of the visit before.

    At the first visit that shows its bone every lesion is ``kept``: nothing says that it is new.
    """

    KEPT = "kept"
    SPLIT = "split"
    MERGED = "merged"
    NEW = "new"
    GONE = "gone"
    MOVED = "moved"
    """Gone from one place and new at another of the same bone."""
    MOVED_BONE = "moved_bone"
    """Gone from one bone and new in another."""


class SdcBasis(StrEnum):
    """Where a smallest detectable change comes from."""

    PHANTOM = "phantom_repeatability"
    """The software's own repeatability on simulated repeated scans: a lower bound."""
    READER = "published_reader"
    """One human reader, read twice: the larger of the two rules until real repeated scans exist."""
    MEASURED = "measured_repeat_scans"


class Amount(Followed):
    """Edema at one visit. Volume in mm³; the interval is that of the reading, 95 %."""

    volume_mm3: float = Field(ge=0)
    low_mm3: float | None = None
    high_mm3: float | None = None
    measured: bool = Field(default=True, description="False where this visit does not show it.")


class Step(Followed):
    """The change from one visit to the next."""

    from_visit: int
    to_visit: int
    weeks: float
    log_ratio: float | None = Field(
        description="ln(volume after / volume before), each raised to floor_mm3; null if not seen."
    )
    sdc_log_ratio: float = Field(gt=0, description="Changes up to this size are noise.")
    sdc_basis: SdcBasis
    verdict: Verdict
    floor_mm3: float = Field(description="Smallest volume that is told from nothing.")


class LesionAt(Followed):
    """A tracked lesion at one visit."""

    visit: int
    lesion_id: str | None = Field(
        description="Id in that visit's reading; null where gone; where it merged and does not go "
        "on, of the lesion that took it up."
    )
    bone: str
    side: Side
    volume_mm3: float
    centroid_ras_mm: tuple[float, float, float] | None = Field(
        default=None, description="In the space of the first visit that shows the bone."
    )
    subchondral_share: float | None = None
    fate: Fate


class LesionTrack(Followed):
    """One lesion over all visits; ``track_id`` stays the same."""

    track_id: str
    bone: str = Field(description="Where it was first seen.")
    side: Side
    at: tuple[LesionAt, ...]
    volume_mm3: tuple[float | None, ...] = Field(
        description="One for each visit; 0 where gone; null where its bone was not compared."
    )
    log_ratio: float | None = Field(
        description="Last visit against the first; of its whole family where it has one."
    )
    sdc_log_ratio: float
    verdict: Verdict
    from_tracks: tuple[str, ...] = Field(
        default=(), description="Tracks that it came from: split, merged or moved."
    )
    family: tuple[str, ...] = Field(
        default=(),
        description="Tracks that split from it or merged with it: log_ratio and verdict are of all "
        "of them together, since a lesion that falls in two has not shrunk.",
    )


class BoneCourse(Followed):
    """One bone over all visits. log_ratio, verdict: last visit that shows it against the first."""

    bone: str
    side: Side
    volume_mm3: tuple[float | None, ...] = Field(description="One for each visit; null: not read.")
    amounts: tuple[Amount, ...]
    log_ratio: float | None
    sdc_log_ratio: float
    sdc_basis: SdcBasis
    verdict: Verdict
    steps: tuple[Step, ...]
    lesions: tuple[LesionTrack, ...]


class Registration(Followed):
    """How one bone of a visit was laid on the same bone of the first visit that shows it."""

    visit: int
    bone: str
    side: Side
    mean_surface_distance_mm: float | None
    overlap: float | None = Field(description="Dice within the field of view of both.")
    rotation_deg: float | None
    translation_mm: float | None
    accepted: bool
    reason: str = Field(default="", description="Why it was refused.")
    matrix: tuple[tuple[float, ...], ...] | None = Field(
        default=None, description="4 x 4, RAS mm of this visit to RAS mm of the first."
    )


class VisitUsed(Followed):
    """One visit."""

    index: int
    name: str = Field(
        description="Of the folder or file, or 'visit 2' where that looks like a date or a number "
        "of a patient."
    )
    weeks: float = Field(description="Since the first visit.")
    weeks_source: Literal["dates", "given"]
    joint: Joint
    side: Side
    role: Role | None
    plane: Plane | None
    spacing_mm: tuple[float, float, float]
    slice_thickness_mm: float | None
    reading_id: str
    from_reading: bool = Field(description="An earlier reading was used, not the images.")


class Limit(Followed):
    """Something that limits the comparison, with a stable code."""

    code: str
    text: str
    visits: tuple[int, ...] = ()


class LeftOutVisit(Followed):
    """A visit that could not be used, and why."""

    name: str
    reason: str


class Course(Followed):
    """Everything that changed over the visits of one joint of one patient."""

    schema_: Literal["marrowlight.course/1"] = Field(default=SCHEMA, alias="schema")
    summary: str = Field(description="What changed, in one plain sentence.")
    joint: Joint
    side: Side
    visits: tuple[VisitUsed, ...]
    left_out: tuple[LeftOutVisit, ...] = ()
    bones: tuple[BoneCourse, ...]
    total: BoneCourse = Field(description="All bones that every visit shows; bone is 'all'.")
    registration: tuple[Registration, ...]
    protocol_match: Literal["matched", "different"]
    limits: tuple[Limit, ...] = ()
    disclaimer: str = DISCLAIMER
