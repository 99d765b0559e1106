"""Frames of the bones of the hip (not written yet)."""

from __future__ import annotations

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.frame import Placement
from marrowlight.study.study import Side


def place_hip(bones: BoneMap, side: Side) -> Placement:
    """Frames of its bones: none yet."""
    del side
    return Placement((), tuple((b.bone, "its frame is not worked out yet") for b in bones.bones))
