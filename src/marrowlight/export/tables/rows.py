"""Rows of the tables, from a reading: one per bone, per lesion, per zone of each system.

Only the primary series is in them: the others show the same edema, and a sum over both would count
it twice. What was not measured is None.
"""

from __future__ import annotations

from typing import Any

from marrowlight.edema.measurement import BoneEdema, Edema, IntervalKind, Lesion, Volumes
from marrowlight.export.common import automatic
from marrowlight.export.material import Material
from marrowlight.reading import BoneNotRead, Region
from marrowlight.report.amount import interval_of
from marrowlight.study.study import Side

Row = dict[str, Any]


def tables_of(material: Material) -> dict[str, list[Row]]:
    """Rows of each table by column name, in the order of the reading; no patient data."""
    regions = material.reading.regions
    held = [(region, bone) for region in regions for bone in region.bones]
    bones = [_bone(material, region, bone) for region, bone in held]
    bones += [_not_read(material, region, one) for region in regions for one in region.not_read]
    lesions = [
        _lesion(material, region, bone, lesion)
        for region, bone in held
        for lesion in bone.edema.lesions
    ]
    zones = [
        {
            **_reading(material, region, zone.bone, region.side),
            "system": zone.system,
            "zone": zone.zone,
            "zone_name": zone.name,
            "zone_volume_mm3": zone.volume_mm3,
            "edema_mm3": zone.edema_mm3,
            "edema_share": zone.share,
            "provisional": zone.provisional,
            "approximate": zone.approximate,
        }
        for region in regions
        for zone in region.zones
    ]
    return {"bones": bones, "lesions": lesions, "zones": zones}


def _reading(material: Material, region: Region, bone: str, side: Side) -> Row:
    reading = material.reading
    role = next((s.role.value for s in reading.series if s.id == reading.primary_series), None)
    return {
        "reading_id": reading.reading_id,
        "software": reading.versions.software,
        "edema_from": "found" if automatic(material) else "given",
        "series": reading.primary_series,
        "series_role": role,
        "joint": region.joint.value,
        "side": side.value,
        "bone": bone,
    }


def _bone(material: Material, region: Region, bone: BoneEdema) -> Row:
    edema = bone.edema
    return {
        **_reading(material, region, bone.bone, material.side_of(bone)),
        "read": True,
        "not_read_reason": None,
        "bone_volume_mm3": bone.volume_mm3,
        "bone_confidence": bone.confidence,
        **_volumes(edema),
        "lesion_count": len(edema.lesions),
        "smallest_counted_mm3": edema.smallest_counted_mm3,
        "detection_limit_mm3": edema.detection_limit_mm3,
        "unlisted_volume_mm3": edema.unlisted_volume_mm3,
    }


def _not_read(material: Material, region: Region, bone: BoneNotRead) -> Row:
    side = region.side if bone.side is Side.UNKNOWN else bone.side
    return {
        **_reading(material, region, bone.bone, side),
        "read": False,
        "not_read_reason": bone.reason,
    }


def _lesion(material: Material, region: Region, bone: BoneEdema, lesion: Lesion) -> Row:
    right, anterior, superior = lesion.centroid_ras_mm
    peak = lesion.peak_ras_mm or (None, None, None)
    return {
        **_reading(material, region, lesion.bone, material.side_of(bone)),
        "lesion": lesion.id,
        "track_id": material.lesion_key(lesion),
        **_volumes(lesion),
        "centroid_right_mm": right,
        "centroid_anterior_mm": anterior,
        "centroid_superior_mm": superior,
        "peak_right_mm": peak[0],
        "peak_anterior_mm": peak[1],
        "peak_superior_mm": peak[2],
        "extent_right_left_mm": lesion.extent_mm.right_left,
        "extent_anterior_posterior_mm": lesion.extent_mm.anterior_posterior,
        "extent_superior_inferior_mm": lesion.extent_mm.superior_inferior,
        "contrast_sd": lesion.contrast,
        "peak_contrast_sd": lesion.peak_contrast,
        "mean_probability": lesion.mean_probability,
        "cyst_share": lesion.cyst_share,
        "edge": lesion.edge.value,
        "edge_width_mm": lesion.edge_width_mm,
        "distance_to_surface_mm": lesion.distance_to_surface_mm,
        "contacts_surface": lesion.contacts_surface,
        "subchondral_share": lesion.subchondral_share,
    }


def _volumes(edema: Edema | Lesion) -> Row:
    return {
        "volume_mm3": edema.volume_mm3,
        **_limits(edema, IntervalKind.READER_AGREEMENT, "reader"),
        **_limits(edema, IntervalKind.REPEATABILITY, "repeat"),
        "load_mm3": edema.load_mm3,
        "expected_volume_mm3": edema.expected_volume_mm3,
        "cyst_volume_mm3": edema.cyst_volume_mm3,
        "bone_share": edema.bone_share,
    }


def _limits(edema: Volumes, kind: IntervalKind, name: str) -> Row:
    one = interval_of(edema, kind)
    return {
        f"volume_{name}_low_mm3": one.low_mm3 if one else None,
        f"volume_{name}_high_mm3": one.high_mm3 if one else None,
    }
