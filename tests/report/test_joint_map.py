"""The map of the joint: the right way round, in the right place, and small."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.report.joint_map import JointMap, Panel, joint_map, strength
from marrowlight.report.joint_views import VIEWS, even_bones, even_zones
from marrowlight.report.pictures import marks_of
from marrowlight.report.where import zone_numbers
from marrowlight.result import ReadResult
from marrowlight.study.study import Side
from tests.report.example import FEMUR_LESION, SAGITTAL, TIBIA_LESION, ball, result
from tests.report.zoned import zoned_result, zones


def drawn(one: ReadResult) -> JointMap:
    found = joint_map(one, marks_of(one), zone_numbers(one.reading), "moaks")
    assert found is not None
    return found


def spot(path: str) -> tuple[float, float]:
    """Middle of the box of an SVG path."""
    numbers = np.array(re.findall(r"-?\d+\.\d+", path), float).reshape(-1, 2)
    x, y = (numbers.max(axis=0) + numbers.min(axis=0)) / 2
    return float(x), float(y)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_every_view_is_the_right_way_round_by_its_own_letters(view):
    """A ball at the end that a letter names lies at that edge; the near one hides the far one."""
    towards = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    voxels = np.zeros((9, 9, 9), np.uint8)
    for letter, value in ((view.left, 1), (view.right, 2), (view.top, 3), (view.bottom, 4)):
        axis, sign = towards[letter]
        at = [4, 4, 4]
        at[axis] += 3 * sign
        voxels[tuple(at)] = value
        column, row = view.place(np.array(at, float), voxels.shape)
        assert view.seen(voxels)[4, int(row), int(column)] == value
    flat = view.seen(voxels)[4]
    assert (flat[4, 1], flat[4, 7], flat[1, 4], flat[7, 4]) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("name", "near"),
    [("from the front", (4, 8, 4)), ("from behind", (4, 0, 4)), ("from the right", (8, 4, 4)),
     ("from the left", (0, 4, 4)), ("from above", (4, 4, 8)), ("from below", (4, 4, 0))],
)  # fmt: skip
def test_the_nearest_voxel_is_the_one_on_the_viewers_side(name, near):
    view = next(v for v in VIEWS if v.name == name)
    voxels = np.zeros((9, 9, 9), np.uint8)
    voxels[near] = 1
    assert view.seen(voxels)[0].any()


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_no_view_is_a_mirror_image(view):
    """Right, down and away from the viewer are a right-handed triple on every screen."""
    towards = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0),
               "S": (0, 0, 1), "I": (0, 0, -1)}  # fmt: skip
    away = np.zeros(3)
    away[view.axes[0]] = -1 if view.flips[0] else 1
    assert np.cross(towards[view.right], towards[view.bottom]) @ away == 1


def test_lesions_lie_where_they_are_from_the_front_with_right_on_the_left() -> None:
    one = zoned_result()
    front = drawn(one).whole[0]
    assert (front.title, front.left, front.right) == ("All bones from the front", "R", "L")
    marks = {mark.text: mark for mark in front.marks}
    # The lesions have the same place from right to left; the one in the femur is higher.
    assert marks["e2"].y - marks["e1"].y == pytest.approx(FEMUR_LESION[2] - TIBIA_LESION[2], abs=3)
    even = even_bones(one.bones)
    right_edge = even.grid.corners()[:, 0].max()
    x, _ = spot(front.lesions)
    assert right_edge - x == pytest.approx(FEMUR_LESION[0], abs=4)


def test_a_mirrored_knee_gives_a_mirrored_map() -> None:
    one = zoned_result()
    turned = np.diag([-1.0, 1, 1, 1]) @ SAGITTAL.affine
    grid = replace(SAGITTAL, affine=turned)
    bones = BoneMap(
        one.bones.labels, grid, tuple(replace(b, side=Side.RIGHT) for b in one.bones.bones), "test"
    )
    assert one.zones is not None
    regions = tuple(
        r.model_copy(
            update={
                "side": Side.RIGHT,
                "bones": tuple(b.model_copy(update={"side": Side.RIGHT}) for b in r.bones),
                "edema": r.edema.model_copy(
                    update={"lesions": tuple(_mirrored(x) for x in r.edema.lesions)}
                ),
            }
        )
        for r in one.reading.regions
    )
    other = replace(
        one, bones=bones, zones=replace(one.zones, grid=grid),
        reading=one.reading.model_copy(update={"regions": regions}),
    )  # fmt: skip
    left, right = drawn(one), drawn(other)
    (x1, y1), (x2, y2) = spot(left.whole[0].lesions), spot(right.whole[0].lesions)
    assert x1 == pytest.approx(left.whole[0].width - x2, abs=1.6)
    assert y1 == pytest.approx(y2, abs=0.5)
    assert len(left.bones) == len(right.bones)


def _mirrored(lesion):
    x, y, z = lesion.centroid_ras_mm
    return lesion.model_copy(
        update={"centroid_ras_mm": (-x, y, z), "peak_ras_mm": None, "side": Side.RIGHT}
    )


def test_a_bone_is_drawn_from_where_its_edema_is_seen_with_the_numbers_of_the_table() -> None:
    one = zoned_result()
    numbers = zone_numbers(one.reading)
    panels = drawn(one).bones
    shown = {mark.text for panel in panels for mark in panel.marks}
    held = {str(n) for (_, system, _), n in numbers.items() if system == "moaks"}
    assert shown == held
    assert {panel.title.split()[0] for panel in panels} == {"Femur", "Tibia"}
    for panel in panels:
        assert any(shape.strength for shape in panel.zones)


def test_the_side_view_is_from_where_the_edema_is_and_inner_follows_the_side() -> None:
    one = zoned_result()
    (found,) = one.reading.regions
    for x, title, letters in ((20.0, "inner", ("P", "A")), (-4.0, "outer", ("A", "P"))):
        moved = tuple(
            lesion.model_copy(update={"centroid_ras_mm": (x, 0.0, 0.0)})
            for lesion in found.edema.lesions
        )
        edema = found.edema.model_copy(update={"lesions": moved})
        there = one.reading.model_copy(
            update={"regions": (found.model_copy(update={"edema": edema}),)}
        )
        # To the right of a left knee is its inner side.
        side = drawn(replace(one, reading=there)).whole[1]
        assert side.title == f"All bones from the {title} side"
        assert (side.left, side.right) == letters


def test_pictures_are_clear_where_there_is_no_bone_and_as_large_as_the_joint() -> None:
    panel = drawn(zoned_result()).whole[0]
    picture = Image.open(io.BytesIO(base64.b64decode(panel.png)))
    assert picture.mode == "LA"
    assert picture.width / picture.height == pytest.approx(panel.width / panel.height, rel=0.02)
    clear = np.asarray(picture)[..., 1]
    assert clear[0].max() == 0
    assert (clear == 255).mean() > 0.2
    # The femur of the example is a ball of 40 mm.
    widest = (clear > 127).sum(axis=1).max() / picture.width * panel.width
    assert widest == pytest.approx(40, abs=3)


def test_thick_slices_are_smoothed_and_keep_their_volume() -> None:
    bones = result().bones
    even = even_bones(bones)
    assert max(even.grid.spacing) == pytest.approx(min(even.grid.spacing))
    # Smoothing takes a little from what is small and round: a ball of 20 mm loses most here.
    for bone, loss in zip(bones.bones, (0.07, 0.15), strict=True):
        before = bones.of(bone).sum() * bones.grid.voxel_volume_mm3
        after = (even.labels == bone.label).sum() * even.grid.voxel_volume_mm3
        assert after == pytest.approx(before, rel=loss)


def test_zones_fill_the_bone_that_they_belong_to_and_nothing_else() -> None:
    bones = result().bones
    even = even_bones(bones)
    found = even_zones(even, bones, 2, zones().maps["moaks"])
    assert set(np.unique(found[even.labels == 2])) == {3}
    assert not found[even.labels != 2].any()


def test_a_small_bone_is_not_smoothed_away() -> None:
    labels = result().bones.labels.copy()
    labels[ball(SAGITTAL, (8, 20, 8), 3.2)] = 3
    bones = BoneMap(labels, SAGITTAL, (*result().bones.bones, LabelledBone(3, "fibula")), "test")
    assert (even_bones(bones).labels == 3).any()


def test_the_smallest_piece_of_edema_is_drawn() -> None:
    one = zoned_result()
    speck = np.zeros_like(one.edema)
    speck[tuple(np.rint(SAGITTAL.to_index((8, 5, 20))).astype(int))] = True
    before = drawn(one).whole[0].lesions.count("M")
    assert drawn(replace(one, edema=one.edema | speck)).whole[0].lesions.count("M") == before + 1


def test_no_edema_has_no_map_and_no_zones_only_the_whole() -> None:
    empty = result(empty=True)
    assert joint_map(empty, marks_of(empty), {}, "moaks") is None
    plain = drawn(result())
    assert (len(plain.whole), plain.bones) == (2, ())


@pytest.mark.parametrize(
    ("share", "step"), [(0.001, 1), (0.05, 1), (0.06, 2), (0.34, 3), (0.67, 4), (1.0, 4)]
)
def test_the_share_of_a_zone_is_drawn_in_four_steps(share: float, step: int) -> None:
    assert strength(share) == step


def test_the_map_is_small() -> None:
    found = drawn(zoned_result())
    assert found.size < 400_000
    panel: Panel = found.whole[0]
    assert panel.size == len(panel.png) + len(panel.outline) + len(panel.lesions)
