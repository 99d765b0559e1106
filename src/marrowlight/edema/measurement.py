"""What is measured of an edema: values that go into ``reading.json`` as they are.

All volumes are mm³ by centre-to-centre slice spacing, all positions RAS+ mm, all shares 0..1, and
``None`` means not measured.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from marrowlight.study.study import Side


class Measured(BaseModel):
    """Base of all measured values: frozen, and strict about unknown fields when written."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class IntervalKind(StrEnum):
    READER_AGREEMENT = "reader_agreement"
    """What another reader would draw."""
    REPEATABILITY = "repeatability"
    """What the same measurement would give again on a repeated scan."""


class VolumeDefinition(StrEnum):
    MASK = "mask_volume"
    """Voxels of the edema mask times the voxel volume, cysts excluded."""
    LOAD = "intensity_weighted_load"
    """Sum over the mask of (contrast / reference contrast), times the voxel volume."""
    PROBABILITY = "expected_volume"
    """Sum of the edema probability over bone, times the voxel volume."""


class Interval(Measured):
    """A 95 % interval of a volume."""

    kind: IntervalKind
    low_mm3: float = Field(ge=0)
    high_mm3: float = Field(ge=0)
    level: float = 0.95
    basis: str = Field(description="What it was derived from, in words.")


class Volumes(Measured):
    """One amount of edema under every definition that is reported."""

    volume_mm3: float = Field(ge=0, description="The standard mask volume; excludes cysts.")
    definition: VolumeDefinition = VolumeDefinition.MASK
    intervals: tuple[Interval, ...] = ()
    load_mm3: float | None = Field(default=None, description="Intensity-weighted load.")
    expected_volume_mm3: float | None = Field(default=None, description="Sum of probabilities.")
    cyst_volume_mm3: float = Field(default=0.0, ge=0)


class Extent(Measured):
    """Size of a lesion's box along the axes of the body, in mm."""

    right_left: float
    anterior_posterior: float
    superior_inferior: float


class Edge(StrEnum):
    SHARP = "sharp"
    ILL_DEFINED = "ill_defined"
    UNKNOWN = "unknown"


class LesionZone(Measured):
    """The part of a lesion that lies in one zone of one system."""

    system: str
    zone: str
    name: str
    share_of_lesion: float = Field(ge=0, le=1)
    volume_mm3: float = Field(ge=0)


class ZoneEdema(Measured):
    """One zone of one system, and the edema in it."""

    system: str
    zone: str
    name: str
    bone: str
    volume_mm3: float = Field(ge=0, description="Of the zone within the image.")
    edema_mm3: float = Field(ge=0)
    share: float = Field(ge=0, le=1, description="Edema as a share of the zone.")
    provisional: bool = Field(description="Its border was not read in the paper itself.")
    approximate: bool = Field(
        description="The paper draws its border on meniscus or cartilage; here on bone alone."
    )


class OutsideZones(Measured):
    """Edema that lies in no zone of a system: in a shaft, or in a bone that it does not cover."""

    system: str
    edema_mm3: float = Field(ge=0)
    share: float | None = Field(ge=0, le=1, description="Of the edema; null if there is none.")


class Lesion(Volumes):
    """One connected edema lesion in one bone."""

    id: str = Field(description="Stable within the reading: e1, e2... by falling volume.")
    bone: str
    side: Side
    centroid_ras_mm: tuple[float, float, float]
    peak_ras_mm: tuple[float, float, float] | None = Field(
        default=None, description="Voxel of highest contrast; null without an image."
    )
    extent_mm: Extent
    bone_share: float = Field(ge=0, le=1, description="Of the bone within the image.")
    contrast: float | None = Field(
        default=None, description="Mean, in robust SD of this patient's normal marrow."
    )
    peak_contrast: float | None = None
    mean_probability: float | None = None
    cyst_share: float = Field(ge=0, le=1)
    edge: Edge
    edge_width_mm: float | None = Field(
        default=None, description="Distance over which the contrast falls; null if unknown."
    )
    distance_to_surface_mm: float | None = Field(
        default=None,
        description="From the nearest voxel to the joint surface, as far as it faces another bone "
        "in this image; null if none is known.",
    )
    contacts_surface: bool | None = Field(
        default=None, description="Null too where a border is touched that may be joint surface."
    )
    subchondral_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Part of the lesion within 10 mm of the joint surface; null if none is known.",
    )
    zones: tuple[LesionZone, ...] = Field(
        default=(),
        description="Of each system, the largest part first; what is missing to 1 is "
        "outside every zone.",
    )


class Edema(Volumes):
    """All edema of one bone or of one region."""

    bone_share: float | None = Field(default=None, ge=0, le=1)
    lesions: tuple[Lesion, ...] = ()
    smallest_counted_mm3: float = Field(description="Smallest lesion that is counted.")
    detection_limit_mm3: float | None = Field(
        default=None,
        description="Smallest lesion found in 95 of 100 on phantoms; null where not measured.",
    )
    unlisted_volume_mm3: float = Field(
        default=0.0, ge=0, description="Part of the volume in specks below the detection limit."
    )
    load_reference: float | None = Field(
        default=None, description="Contrast of fluid that the load is relative to, robust SD."
    )


class BoneEdema(Measured):
    """One bone and the edema in it."""

    bone: str
    side: Side
    label: int = Field(description="Its number in bones.nii.gz.")
    name: str
    volume_mm3: float = Field(description="Volume of the bone within the image.")
    edema: Edema
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far the network trusts this bone; null if the user gave the bones.",
    )
