"""From measured bones to regions: one joint of one side each."""

from __future__ import annotations

from marrowlight.edema.intervals import Origin
from marrowlight.edema.measure import Measurement, total_edema
from marrowlight.reading import Region
from marrowlight.study.study import Joint, Side


def regions_of(
    measured: Measurement,
    *,
    origin: Origin,
    joint: Joint,
    side: Side,
    joint_evidence: tuple[str, ...] = (),
    side_evidence: tuple[str, ...] = (),
) -> tuple[Region, ...]:
    """One region for each side that the bones name, so that no volume is counted twice.

    joint, side : of the study; a bone whose side is unknown is counted with the study's side. A
    bone of the midline, such as the sacrum between its two joints, makes a region of its own.
    """
    sides = sorted(
        {bone.side if bone.side is not Side.UNKNOWN else side for bone in measured.bones},
        key=list(Side).index,
    )
    regions = []
    for one in sides:
        bones = tuple(
            b for b in measured.bones if (b.side if b.side is not Side.UNKNOWN else side) is one
        )
        regions.append(
            Region(
                joint=joint,
                joint_evidence=joint_evidence,
                side=one,
                side_evidence=side_evidence if one is side else ("the bone mask names the side",),
                bones=bones,
                edema=total_edema(bones, origin=origin),
            )
        )
    return tuple(regions)
