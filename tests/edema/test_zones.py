"""Edema by zone: shares of a lesion, of a zone, and what lies outside every zone."""

from __future__ import annotations

import numpy as np
import pytest

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.zonemap import Zone, ZoneMap
from marrowlight.edema.intervals import Origin
from marrowlight.edema.measure import Measurement, measure_edema
from marrowlight.errors import GridMismatch
from marrowlight.regions import regions_of
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side
from tests.edema.shapes import box, upright

GRID = upright((20, 10, 10), (1.0, 1.0, 1.0))
SYSTEM = "moaks"


def zone(label: int, id_: str, *, bone: str = "femur", system: str = SYSTEM) -> Zone:
    return Zone(id_, label, system, bone, id_.capitalize(), "source", False, True)


ZONES = (zone(1, "medial"), zone(2, "lateral"), zone(3, "unseen"))


def knee(*, beside: bool = False) -> BoneMap:
    """A femur of 10 voxels along I, and, beyond a gap, a second of the other side."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1:11] = 1
    if beside:
        labels[14:] = 101
    bones = (LabelledBone(1, "femur", Side.RIGHT), LabelledBone(101, "femur", Side.LEFT))
    return BoneMap(labels, GRID, bones[: 1 + beside], "test")


def zoned(bones: BoneMap) -> ZoneMap:
    """Medial in I 3 to 5, lateral in 6 to 10 (and in the other femur); 1 and 2 are a shaft."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[3:6], labels[6:] = 1, 2
    labels[bones.labels == 0] = 0
    return ZoneMap(GRID, ZONES, {SYSTEM: labels})


def measured(mask: np.ndarray, bones: BoneMap, zones: ZoneMap | None = None) -> Measurement:
    return measure_edema(
        mask=mask, grid=GRID, bones=bones, zones=zones or zoned(bones), minimum_mm3=0.0
    )


def test_a_lesion_across_a_border_has_both_zones_the_larger_first() -> None:
    (lesion,) = measured(box(GRID, (2, 2, 2), (10, 4, 4)), knee()).total.lesions
    assert [(z.zone, z.volume_mm3) for z in lesion.zones] == [("lateral", 16), ("medial", 12)]
    assert [z.share_of_lesion for z in lesion.zones] == pytest.approx([4 / 8, 3 / 8])


def test_every_zone_in_view_is_listed_with_its_share_and_those_out_of_view_are_not() -> None:
    result = measured(box(GRID, (2, 0, 0), (4, 10, 10)), knee())
    assert result.zoned is not None
    medial, lateral = result.zoned.of_bones([1])
    assert (medial.volume_mm3, medial.edema_mm3, medial.share) == (300, 100, pytest.approx(1 / 3))
    assert (lateral.volume_mm3, lateral.edema_mm3, lateral.share) == (500, 0, 0)
    assert medial.approximate
    (outside,) = result.zoned.outside([1])
    assert (outside.edema_mm3, outside.share) == (100, 0.5)


def test_edema_just_outside_bone_is_in_the_zone_beside_it_and_fills_none_of_it() -> None:
    mask = box(GRID, (11, 2, 2), (13, 4, 4))
    mask |= box(GRID, (10, 2, 2), (11, 4, 4))
    result = measured(mask, knee())
    (lesion,) = result.total.lesions
    assert [(z.zone, z.share_of_lesion) for z in lesion.zones] == [("lateral", 1.0)]
    assert result.zoned is not None
    _, lateral = result.zoned.of_bones([1])
    assert lateral.edema_mm3 == 12
    assert lateral.share == pytest.approx(4 / 500)


def test_edema_just_outside_a_shaft_is_outside_all_zones() -> None:
    result = measured(box(GRID, (0, 2, 2), (2, 4, 4)), knee())
    assert result.total.lesions[0].zones == ()
    assert result.zoned is not None
    assert result.zoned.outside([1])[0].share == 1.0


def test_no_edema_leaves_the_outside_share_unmeasured() -> None:
    result = measured(np.zeros(GRID.shape, bool), knee())
    assert result.zoned is not None
    (outside,) = result.zoned.outside([1])
    assert (outside.edema_mm3, outside.share) == (0, None)


def test_two_sides_keep_their_zones_apart() -> None:
    bones = knee(beside=True)
    result = measured(box(GRID, (14, 0, 0), (17, 10, 10)), bones)
    left, right = regions_of(
        result, origin=Origin.FOUND, joint=Joint.KNEE, side=Side.RIGHT, zones=zoned(bones)
    )
    assert (left.side, right.side) == (Side.LEFT, Side.RIGHT)
    assert [z.zone for z in left.zones] == ["lateral"]
    assert left.zones[0].share == pytest.approx(0.5)
    assert [z.zone for z in right.zones] == ["medial", "lateral"]
    assert all(z.edema_mm3 == 0 for z in right.zones)


def test_systems_are_placed_each_on_its_own() -> None:
    bones = knee()
    maps = zoned(bones).maps
    other = np.where(bones.labels == 1, 7, 0).astype(np.uint8)
    both = ZoneMap(
        GRID, (*ZONES, zone(7, "all", system="bloks")), {SYSTEM: maps[SYSTEM], "bloks": other}
    )
    (lesion,) = measured(box(GRID, (1, 2, 2), (5, 4, 4)), bones, both).total.lesions
    shares = {(z.system, z.zone): z.share_of_lesion for z in lesion.zones}
    assert shares == {(SYSTEM, "medial"): 0.5, ("bloks", "all"): 1.0}


def test_a_bone_without_a_frame_says_why_it_has_no_zones() -> None:
    bones = knee()
    none = ZoneMap(GRID, ZONES, {SYSTEM: np.zeros(GRID.shape, np.uint8)}, (("femur", "cut off"),))
    result = measured(box(GRID, (2, 2, 2), (5, 4, 4)), bones, none)
    (region,) = regions_of(
        result, origin=Origin.FOUND, joint=Joint.KNEE, side=Side.RIGHT, zones=none
    )
    assert region.zones == ()
    assert [(b.bone, b.reason) for b in region.not_placed] == [("femur", "cut off")]
    assert region.outside[0].share == 1.0


def test_the_part_of_a_lesion_near_the_joint_is_subchondral() -> None:
    grid = upright((40, 8, 8), (1.0, 1.0, 1.0))
    labels = np.zeros(grid.shape, np.uint8)
    labels[:30], labels[33:] = 1, 2
    bones = BoneMap(labels, grid, (LabelledBone(1, "femur"), LabelledBone(2, "tibia")), "test")
    mask = box(grid, (10, 2, 2), (30, 6, 6))
    (lesion,) = measure_edema(mask=mask, grid=grid, bones=bones, minimum_mm3=0.0).total.lesions
    # The joint surface is at I 29; voxels 19 to 29 of 10 to 29 lie within 10 mm of it.
    assert lesion.subchondral_share == pytest.approx(11 / 20)
    assert lesion.distance_to_surface_mm == 0
    (alone,) = measured(box(GRID, (2, 2, 2), (5, 4, 4)), knee()).total.lesions
    assert alone.subchondral_share is None


def test_zones_of_another_grid_are_refused() -> None:
    other = Grid(GRID.shape, np.diag([1.0, 1.0, 1.1, 1.0]))
    moved = ZoneMap(other, ZONES, {SYSTEM: np.zeros(GRID.shape, np.uint8)})
    with pytest.raises(GridMismatch, match="zones"):
        measured(box(GRID, (2, 2, 2), (5, 4, 4)), knee(), moved)
