"""From measured bones to regions, one joint of one side each, and to what a series shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.edema.intervals import Origin
from marrowlight.edema.marrow import MarrowReference
from marrowlight.edema.measure import Measurement, total_edema
from marrowlight.edema.measurement import BoneEdema
from marrowlight.edema.zones import ZonedEdema
from marrowlight.reading import BoneNotRead, NormalMarrow, Region, SeriesReading
from marrowlight.study.series import Series
from marrowlight.study.study import Joint, Side

if TYPE_CHECKING:
    from marrowlight.anatomy.found import BoneTrust

NAMELESS = "bone"
"""Registry id of a bone whose name nobody gave."""


def regions_of(
    measured: Measurement,
    *,
    origin: Origin,
    joint: Joint,
    side: Side,
    joint_evidence: tuple[str, ...] = (),
    side_evidence: tuple[str, ...] = (),
    zones: ZoneMap | None = None,
    trust: Sequence[BoneTrust] = (),
) -> tuple[Region, ...]:
    """One region for each side that the bones name, so that no volume is counted twice.

    joint, side : of the study; a bone whose side is unknown is counted with the study's side. A
    bone of the midline, such as the sacrum between its two joints, makes a region of its own.
    zones : that the edema was measured by; says which bones have none. trust : of every bone that
    was looked for, if the network found the bones; what was not read goes to the region of its
    side, or to the first where no bone of its side was read.
    """

    def side_of(one: Side) -> Side:
        return one if one is not Side.UNKNOWN else side

    sides = sorted({side_of(bone.side) for bone in measured.bones}, key=list(Side).index)
    missed: dict[Side, list[BoneNotRead]] = {one: [] for one in sides}
    for item in trust:
        if not item.read:
            home = side_of(item.side) if side_of(item.side) in missed else sides[0]
            missed[home].append(BoneNotRead(bone=item.bone, side=item.side, reason=item.reason))
    regions = []
    for one in sides:
        bones = tuple(_trusted(b, trust) for b in measured.bones if side_of(b.side) is one)
        labels = [b.label for b in bones]
        zoned = measured.zoned
        regions.append(
            Region(
                joint=joint,
                joint_evidence=joint_evidence,
                side=one,
                side_evidence=side_evidence if one is side else (_side_evidence(trust),),
                bones=bones,
                edema=total_edema(bones, origin=origin),
                zones=zoned.of_bones(labels) if zoned else (),
                outside=zoned.outside(labels) if zoned else (),
                not_read=tuple(missed[one]),
                not_placed=_not_placed(bones, zones, zoned),
            )
        )
    return tuple(regions)


def _trusted(bone: BoneEdema, trust: Sequence[BoneTrust]) -> BoneEdema:
    """The bone with the network's confidence in it, where the network found it."""
    for one in trust:
        if one.read and (one.bone, one.side) == (bone.bone, bone.side):
            return bone.model_copy(update={"confidence": one.confidence})
    return bone


def _side_evidence(trust: Sequence[BoneTrust]) -> str:
    return "the network tells the sides apart" if trust else "the bone mask names the side"


def _not_placed(
    bones: Sequence[BoneEdema], zones: ZoneMap | None, zoned: ZonedEdema | None
) -> tuple[BoneNotRead, ...]:
    """Bones of a region that have no zones, and why."""
    if zones is None or zoned is None or not zones.systems:
        return ()
    reasons = {NAMELESS: "the mask does not say which bone this is", **dict(zones.unplaced)}
    return tuple(
        BoneNotRead(bone=b.bone, side=b.side, reason=reasons[b.bone])
        for b in bones
        # The reasons name no side: of two knees only the one without zones is meant.
        if b.bone in reasons and not zoned.of_bones([b.label])
    )


def series_reading(
    series: Series, marrow: MarrowReference, regions: tuple[Region, ...], *, primary: bool
) -> SeriesReading:
    """What was read on one series, with what is known of the series itself."""
    return SeriesReading(
        id=series.id,
        role=series.role,
        role_evidence=series.role_evidence,
        description=series.description,
        plane=series.plane,
        primary=primary,
        shape=series.volume.grid.shape,
        spacing_mm=series.volume.grid.spacing,
        slice_thickness_mm=series.slice_thickness_mm,
        normal_marrow=NormalMarrow(
            center=marrow.center,
            spread=marrow.spread,
            voxels=marrow.voxels,
            source=marrow.source,
        ),
        regions=regions,
    )
