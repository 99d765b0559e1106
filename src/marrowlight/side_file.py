"""The side file of a bone map: what its numbers mean and how far they are trusted, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marrowlight.anatomy.registry import bone_registry
from marrowlight.errors import UnreadableFile
from marrowlight.study.study import Side
from marrowlight.version import __version__

if TYPE_CHECKING:
    from marrowlight.anatomy.found import BonesFound

BONES_SCHEMA = "marrowlight.bones/1"

IMAGE_ENDS = (".nii.gz", ".nii")
"""How the name of a bone map ends; the side file has the same name with ``.json``."""

LARGEST_BYTES = 1_000_000
"""A side file holds a few kB; what is larger is something else."""


def stem(path: Path) -> str | None:
    """The name of a bone map without its end: ``bones`` of ``bones.nii.gz``; None for others."""
    ends = [end for end in IMAGE_ENDS if path.name.lower().endswith(end)]
    return path.name[: -len(ends[0])] or None if ends else None


def bones_record(found: BonesFound) -> dict[str, Any]:
    """What is known of a bone map, without a word about the patient.

    ``labels[]`` are the bones in the map, ``not_read[]`` those that were looked for in vain.
    """
    trust = {(one.bone, one.side): one for one in found.trust}
    labels = []
    voxel = found.bones.grid.voxel_volume_mm3
    for bone in found.bones.bones:
        one = trust.get((bone.bone, bone.side))
        labels.append(
            {
                "label": bone.label,
                "bone": bone.bone,
                "side": bone.side.value,
                "name": bone_registry()[bone.bone].name,
                "volume_mm3": round(float(found.bones.of(bone).sum()) * voxel, 1),
                "confidence": round(one.confidence, 3) if one else None,
                "cut_off": one.cut_off if one else None,
            }
        )
    return {
        "schema": BONES_SCHEMA,
        "labels": labels,
        "not_read": [
            {
                "bone": one.bone,
                "side": one.side.value,
                "name": bone_registry()[one.bone].name,
                "reason": one.reason,
                "confidence": round(one.confidence, 3),
            }
            for one in found.trust
            if not one.read
        ],
        "joint": found.joint.value,
        "joint_shares": {j.value: round(share, 4) for j, share in found.joint_shares.items()},
        "series_used": list(found.series_used),
        "shape": list(found.bones.grid.shape),
        "spacing_mm": [round(s, 4) for s in found.bones.grid.spacing],
        "notices": [{"code": n.code, "text": n.text} for n in found.notices],
        "versions": {"software": __version__, "bone_weights": found.weights_sha256},
    }


def labels_beside(path: str | Path) -> str | None:
    """What the labels of a bone map mean by the side file beside it, as ``--bone-labels`` takes it.

    None if there is no side file of ours. Raises UnreadableFile if there is one that is broken.
    """
    name = stem(Path(path))
    beside = Path(path).with_name(f"{name}.json")
    if name is None or not beside.is_file() or beside.stat().st_size > LARGEST_BYTES:
        return None
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("schema") != BONES_SCHEMA:
        return None
    try:
        parts = [(int(b["label"]), str(b["bone"]), Side(b["side"])) for b in record["labels"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableFile(
            "The side file of the bone map does not say which label is which bone.",
            where=beside.name,
            expected="labels[] with label, bone and side, as `marrowlight bones` writes it",
            do="write it again with `marrowlight bones`, or name the labels with --bone-labels",
        ) from error
    return ",".join(
        f"{label}={bone}" + (f":{side.value}" if side is not Side.UNKNOWN else "")
        for label, bone, side in parts
    )
