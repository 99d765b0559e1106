"""Quadrants of the sacroiliac joints, on made pelves and on real masks."""

import numpy as np
import pytest

from benchmarks.zones_hip_ankle import mirrored, nameless_map
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint

SHAPE = (100, 24, 60)
AFFINE = np.array([[2.0, 0, 0, -95], [0, 4.0, 0, -40], [0, 0, 2.0, -50], [0, 0, 0, 1]])


def pelvis(middle=3.0, names=("sacrum", "hip_bone")):
    """A wedge of sacrum between two plates of ilium, with 4 mm between them; midline at x = 3."""
    grid = Grid(SHAPE, AFFINE)
    x, y, z = np.moveaxis(grid.to_ras(np.stack(np.indices(SHAPE), -1).astype(float)), -1, 0)
    aside, edge = np.abs(x - middle), 40 + 0.25 * z
    tall = (np.abs(z) < 36 - 0.2 * np.abs(y)) & (np.abs(y) < 34)
    labels = np.zeros(SHAPE, np.uint8)
    labels[tall & (aside < edge)] = 6
    labels[tall & (aside > edge + 4) & (aside < edge + 40)] = 5
    return BoneMap(labels, grid, (LabelledBone(6, names[0]), LabelledBone(5, names[1])), "made")


def at(zones, bones, name):
    zone = next(z for z in zones.zones if z.id == name)
    return bones.grid.to_ras(np.argwhere(zones.of(zone)).astype(float)).mean(axis=0)


@pytest.mark.parametrize("iliac", ["hip_bone", "ilium"])
def test_eight_quadrants_where_ilium_and_sacrum_have_names(iliac):
    bones = pelvis(names=("sacrum", iliac))
    zones = zones_of(bones, joint=Joint.SACROILIAC)
    assert not zones.unplaced
    for side, sign in (("right", 1), ("left", -1)):
        for bone in ("ilium", "sacrum"):
            upper, lower = (at(zones, bones, f"{bone}_{h}_{side}") for h in ("upper", "lower"))
            assert upper[2] > lower[2] + 20
            assert (upper[0] - 3) * sign > 10
        assert (at(zones, bones, f"ilium_upper_{side}") - at(zones, bones, f"sacrum_upper_{side}"))[
            0
        ] * sign > 10
    ml = [zones.volume_mm3(z) for z in zones.of_system("sij_quadrants")]
    assert max(ml) < 1.4 * min(ml), "the made pelvis has equal halves"


def test_halves_are_halves_of_every_slice():
    bones = pelvis()
    labels = zones_of(bones, joint=Joint.SACROILIAC)
    upper = labels.maps["sij_quadrants"] == 5
    assert upper.any()
    for name, above in (("ilium_upper_right", True), ("ilium_lower_right", False)):
        zone = next(z for z in labels.zones if z.id == name)
        for j in range(4, 18):
            heights = bones.grid.to_ras(np.argwhere(labels.of(zone)).astype(float))
            here = heights[np.abs(heights[:, 1] - (4.0 * j - 40)) < 1, 2]
            assert len(here)
            assert (here > -3).all() if above else (here < 3).all()


def test_marrow_far_from_the_joint_is_outside():
    bones = pelvis()
    zones = zones_of(bones, joint=Joint.SACROILIAC)
    x = bones.grid.to_ras(np.argwhere(bones.mask).astype(float))[:, 0]
    assert (zones.maps["sij_quadrants"][bones.mask][np.abs(x - 3) < 5] == 0).all()


def test_mirror_image_swaps_left_and_right():
    bones = pelvis()
    one = zones_of(bones, joint=Joint.SACROILIAC)
    other = zones_of(mirrored(bones), joint=Joint.SACROILIAC)
    for zone in one.of_system("sij_quadrants"):
        swapped = zone.id.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left")
        twin = next(z for z in other.zones if z.id == swapped)
        assert (one.of(zone) == other.of(twin)).mean() > 0.999


def test_one_mask_gives_halves_and_says_why_not_quadrants():
    parts = pelvis()
    bones = BoneMap(parts.mask.astype(np.uint8), parts.grid, (LabelledBone(1, "bone"),), "")
    zones = zones_of(bones, joint=Joint.SACROILIAC)
    assert {b for b, _ in zones.unplaced} == {"ilium", "sacrum"}
    assert [n.code for n in zones.notices] == ["sacroiliac-halves"]
    assert not zones.maps["sij_quadrants"].any()
    for side, sign in (("right", 1), ("left", -1)):
        upper, lower = (at(zones, bones, f"{h}_{side}") for h in ("upper", "lower"))
        assert upper[2] > lower[2] + 20
        assert (upper[0] - 3) * sign > 20


def test_one_side_alone_has_no_midline():
    parts = pelvis()
    labels = parts.mask.astype(np.uint8)
    labels[: SHAPE[0] * 6 // 10] = 0
    found = zones_of(
        BoneMap(labels, parts.grid, (LabelledBone(1, "bone"),), ""), joint=Joint.SACROILIAC
    )
    assert not any(m.any() for m in found.maps.values())
    assert "midline" in dict(found.unplaced)["bone"]


def test_a_hip_bone_without_sacrum_has_no_joint():
    parts = pelvis()
    labels = np.where(parts.labels == 5, 5, 0).astype(np.uint8)
    found = zones_of(
        BoneMap(labels, parts.grid, (LabelledBone(5, "hip_bone"),), ""), joint=Joint.SACROILIAC
    )
    assert "only one of them" in dict(found.unplaced)["hip_bone"]


@pytest.mark.parametrize("person", ["1003", "1013", "2016"])
def test_real_masks_give_even_halves(data, person):
    bones = nameless_map(data / "sij" / person / "bone.nii.gz")
    zones = zones_of(bones, joint=Joint.SACROILIAC)
    ml = {z.id: zones.volume_mm3(z) / 1000 for z in zones.of_system("sij_halves")}
    assert all(25 < v < 130 for v in ml.values())
    for half in ("upper", "lower"):
        assert ml[f"{half}_right"] == pytest.approx(ml[f"{half}_left"], rel=0.3)
