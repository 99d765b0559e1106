"""From measured bones to regions, one joint of one side each, and to what a series shows."""

from __future__ import annotations

from marrowlight.edema.intervals import Origin
from marrowlight.edema.marrow import MarrowReference
from marrowlight.edema.measure import Measurement, total_edema
from marrowlight.reading import NormalMarrow, Region, SeriesReading
from marrowlight.study.series import Series
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
