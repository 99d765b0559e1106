"""What is in a study, what would be used, and why: as plain values for a table or JSON."""

from __future__ import annotations

from typing import Any

from marrowlight.study.series import Series
from marrowlight.study.study import Study

SCHEMA = "marrowlight.inspect/1"


def describe(study: Study) -> dict[str, Any]:
    """A study as JSON-able values; holds no patient id, name, date or UID.

    Keys
    ----
    schema : "marrowlight.inspect/1"
    joint, side : each ``{"value", "evidence": [...]}``
    primary : ``{"id", "reason"}``; id is null if no series is fluid-sensitive
    series : list of ``{"id", "description", "role", "evidence", "plane", "shape", "spacing_mm",
        "slice_thickness_mm", "gap_mm", "te_ms", "tr_ms", "ti_ms", "use", "files", "notices"}``
    set_aside : list of ``{"name", "reason", "files"}``
    notices : list of ``{"code", "text"}``
    """
    return {
        "schema": SCHEMA,
        "joint": {"value": study.joint.value, "evidence": list(study.joint_evidence)},
        "side": {"value": study.side.value, "evidence": list(study.side_evidence)},
        "primary": {"id": study.primary_id, "reason": study.primary_reason},
        "series": [_series(one, study) for one in study.series],
        "set_aside": [
            {"name": a.name, "reason": a.reason, "files": a.files} for a in study.set_aside
        ],
        "notices": [{"code": n.code, "text": n.text} for n in study.notices],
    }


def _series(one: Series, study: Study) -> dict[str, Any]:
    spacing = [round(s, 4) for s in one.volume.grid.spacing]
    thickness = one.slice_thickness_mm
    # 3-D acquisitions are often interpolated: slices closer than they are thick leave no gap.
    gap = None if thickness is None else round(max(0.0, spacing[2] - thickness), 4)
    return {
        "id": one.id,
        "description": one.description,
        "role": one.role.value,
        "evidence": list(one.role_evidence),
        "plane": one.plane.value,
        "shape": list(one.volume.grid.shape),
        "spacing_mm": spacing,
        "slice_thickness_mm": thickness,
        "gap_mm": gap,
        "te_ms": one.sequence.get("te_ms"),
        "tr_ms": one.sequence.get("tr_ms"),
        "ti_ms": one.sequence.get("ti_ms"),
        "use": _use(one, study),
        "files": len(set(one.sources)),
        "notices": [{"code": n.code, "text": n.text} for n in one.notices],
    }


def _use(one: Series, study: Study) -> str:
    """What reading would do with it."""
    from marrowlight.study.series import Role

    if one.id == study.primary_id:
        return "primary: edema is read on it"
    if one.role.fluid_sensitive:
        return "measured beside the primary, never added"
    if one is study.first(Role.T1):
        return "tells marrow from cyst and fat"
    return "not used"
