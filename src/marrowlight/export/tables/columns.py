"""The columns of the tables: the same for every reading, so that many files are one data set.

Within ``marrowlight.tables/1`` columns are only added, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA = "marrowlight.tables/1"


@dataclass(frozen=True)
class Column:
    """One column. Its unit is the end of its name; shares are 0 to 1.

    required : never empty.
    """

    name: str
    kind: Literal["text", "number", "whole", "yes_no"]
    what: str
    required: bool = False


def _text(name: str, what: str, *, required: bool = False) -> Column:
    return Column(name, "text", what, required)


def _number(name: str, what: str, *, required: bool = False) -> Column:
    return Column(name, "number", what, required)


def _yes_no(name: str, what: str, *, required: bool = False) -> Column:
    return Column(name, "yes_no", what, required)


_READING = (
    _text("reading_id", "key of the reading; no patient data", required=True),
    _text("software", "version of Marrowlight", required=True),
    _text("edema_from", "found by the software, or given as a mask", required=True),
    _text("series", "id of the primary series, the only one in the tables", required=True),
    _text("series_role", "stir, t2fs, pdfs...; empty without an image"),
    _text("joint", "hip, knee, ankle, sacroiliac, other, unknown", required=True),
    _text("side", "left, right, midline, unknown", required=True),
    _text("bone", "id of the bone registry", required=True),
)

_VOLUMES = (
    _number("volume_mm3", "edema, cysts excluded"),
    _number("volume_reader_low_mm3", "what another reader would draw, 95 % interval"),
    _number("volume_reader_high_mm3", "the same, upper end"),
    _number("volume_repeat_low_mm3", "what a repeated scan would give, 95 % interval"),
    _number("volume_repeat_high_mm3", "the same, upper end"),
    _number("load_mm3", "intensity-weighted load"),
    _number("expected_volume_mm3", "sum of probabilities"),
    _number("cyst_volume_mm3", "cysts, beside the edema and not in it"),
    _number("bone_share", "edema as a share of the bone in the image"),
)

BONES = (
    *_READING,
    _yes_no("read", "false: looked for and not read; edema there is unknown, not absent",
            required=True),
    _text("not_read_reason", "why it was not read"),
    _number("bone_volume_mm3", "of the bone as far as it is in the image"),
    _number("bone_confidence", "how far the network trusts the bone; empty if bones were given"),
    *_VOLUMES,
    Column("lesion_count", "whole", "lesions in this bone"),
    _number("smallest_counted_mm3", "smallest lesion that is counted"),
    _number("detection_limit_mm3", "smallest lesion found in 95 of 100 on phantoms"),
    _number("unlisted_volume_mm3", "part of the volume in specks below that limit"),
)  # fmt: skip

LESIONS = (
    *_READING,
    _text("lesion", "id within the reading: e1, e2...", required=True),
    _text("track_id", "reading and lesion that saw it first; the same at later visits of a course",
          required=True),
    *_VOLUMES,
    _number("centroid_right_mm", "centre of its voxels, RAS+", required=True),
    _number("centroid_anterior_mm", "the same", required=True),
    _number("centroid_superior_mm", "the same", required=True),
    _number("peak_right_mm", "voxel of highest contrast, RAS+"),
    _number("peak_anterior_mm", "the same"),
    _number("peak_superior_mm", "the same"),
    _number("extent_right_left_mm", "size of its box", required=True),
    _number("extent_anterior_posterior_mm", "the same", required=True),
    _number("extent_superior_inferior_mm", "the same", required=True),
    _number("contrast_sd", "mean, in robust SD of normal marrow; empty without an image"),
    _number("peak_contrast_sd", "highest"),
    _number("mean_probability", "empty if the mask was given"),
    _number("cyst_share", "cyst in or beside it, as a share of both together", required=True),
    _text("edge", "sharp, ill_defined, unknown", required=True),
    _number("edge_width_mm", "distance over which contrast falls"),
    _number("distance_to_surface_mm", "to the joint surface; empty where it is not known"),
    _yes_no("contacts_surface", "reaches the joint surface"),
    _number("subchondral_share", "part of the lesion within 10 mm of the joint surface"),
)  # fmt: skip

ZONES = (
    *_READING,
    _text("system", "moaks, worms, bloks, hip, ankle...; never add two systems", required=True),
    _text("zone", "id within the system", required=True),
    _text("zone_name", "for people", required=True),
    _number("zone_volume_mm3", "of the zone within the image", required=True),
    _number("edema_mm3", "edema in the zone", required=True),
    _number("edema_share", "edema within bone as a share of the zone", required=True),
    _yes_no("provisional", "its border was not read in the paper itself", required=True),
    _yes_no("approximate", "drawn on bone, where the paper uses meniscus or cartilage",
            required=True),
)  # fmt: skip

TABLES = {"bones": BONES, "lesions": LESIONS, "zones": ZONES}
"""Columns of each table, in order."""
