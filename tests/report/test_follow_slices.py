"""The same slice at every visit: laid on the first, equally bright, gains and losses on it."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest

from marrowlight.course.course import Verdict
from marrowlight.course.course_result import CourseResult
from marrowlight.course.moved import moved_mask
from marrowlight.report.display import display_of
from marrowlight.report.laid import LaidBone, laid_bones
from marrowlight.report.side_by_side import APART_MM, MOST_ROWS, side_by_side
from marrowlight.study.grid import Grid
from tests.report.example import ball
from tests.report.follow_example import FOUR, SAGITTAL, TWO, Plan, followed


@pytest.fixture(scope="module")
def two() -> CourseResult:
    return followed()


@pytest.fixture(scope="module")
def bones(two: CourseResult) -> tuple[LaidBone, ...]:
    return laid_bones(two)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_bones_lie_on_each_other_whatever_moved(
    two: CourseResult, bones: tuple[LaidBone, ...]
) -> None:
    assert [one.key.bone for one in bones] == ["femur", "tibia"], "the patella was refused"
    for one in bones:
        assert one.order == (0, 1)
        first = one.first_bone(two.visits)
        assert dice(first, one.bone(two.visits[1], 1, one.grid)) > 0.95
        unmoved = two.visits[1].bones.labels == one.labels[1]
        assert dice(first, unmoved) < 0.93, "they lay elsewhere before"


def test_gained_lost_and_kept_add_up(two: CourseResult, bones: tuple[LaidBone, ...]) -> None:
    rows = side_by_side(bones, two.visits)
    by_bone = {row.bone: row for row in rows}
    for bone in two.course.bones[:2]:
        one = by_bone[bone.bone.capitalize()].difference
        first, last = bone.volume_mm3
        assert first is not None
        assert last is not None
        assert one.mm3_kept + one.mm3_lost == pytest.approx(first, rel=1e-3)
        assert one.mm3_kept + one.mm3_gained == pytest.approx(last, rel=1e-3), "volume is kept"
    assert by_bone["Femur"].difference.mm3_lost > 5 * by_bone["Femur"].difference.mm3_gained
    assert by_bone["Tibia"].difference.mm3_gained > 5 * by_bone["Tibia"].difference.mm3_lost


def grid(shape: tuple[int, int, int], spacing: tuple[float, ...], start: tuple[float, ...]) -> Grid:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = start
    return Grid(shape, affine)


def test_a_mask_keeps_its_volume_and_place_on_any_grid() -> None:
    fine = grid((60, 50, 40), (0.7, 0.7, 0.9), (-20, -15, -18))
    thick = grid((50, 50, 9), (0.8, 0.8, 4.1), (-19, -16, -17))
    shift = np.eye(4)
    shift[:3, 3] = (1.3, -0.8, 2.2)
    for radius in (3.0, 6.0):
        mask = ball(fine, (0.0, 1.0, -1.0), radius)
        there = moved_mask(mask, fine, shift, thick)
        volume = mask.sum() * fine.voxel_volume_mm3
        assert there.sum() * thick.voxel_volume_mm3 == pytest.approx(volume, abs=1.5)
        middle = thick.to_ras(np.argwhere(there).astype(float).mean(axis=0))
        np.testing.assert_allclose(middle, (1.3, 0.2, 1.2), atol=1.0)
    same = moved_mask(mask, fine, np.eye(4), fine)
    assert (same == mask).all()
    away = np.eye(4)
    away[0, 3] = 500
    assert not moved_mask(mask, fine, away, fine).any()
    assert not moved_mask(mask & False, fine, shift, thick).any()


def test_mere_motion_is_neither_gain_nor_loss() -> None:
    still = followed([Plan(0, 9.0), Plan(8, 9.0, moved=True)])
    (row,) = side_by_side(laid_bones(still), still.visits)[:1]
    one = row.difference
    assert one.mm3_kept > 0.85 * (one.mm3_kept + one.mm3_lost)
    assert one.mm3_gained < 0.15 * one.mm3_kept


def test_slices_go_through_the_largest_change(
    bones: tuple[LaidBone, ...], two: CourseResult
) -> None:
    rows = side_by_side(bones, two.visits)
    assert 2 <= len(rows) <= MOST_ROWS
    femur = bones[0]
    changed = (femur.edema[0] ^ femur.edema[1]).sum(axis=(0, 1))
    assert rows[0].slice == int(np.argmax(changed)) + 1
    assert {row.bone for row in rows[:2]} == {"Femur", "Tibia"}
    again = [row for row in rows[2:] if row.bone == rows[0].bone]
    step = display_of(SAGITTAL).slice_mm
    assert all(abs(row.slice - rows[0].slice) * step >= APART_MM for row in again)


def test_a_stable_bone_is_shown_once_where_it_has_most_edema() -> None:
    stable = followed([Plan(0, 9.0), Plan(8, 8.6, moved=True)])
    laid = laid_bones(stable)
    assert laid[0].verdict is Verdict.STABLE
    rows = side_by_side(laid, stable.visits)
    assert [row.bone for row in rows].count("Femur") == 1
    assert all(one.edema for one in rows[0].visits)


def test_all_visits_stand_in_order_with_last_against_first() -> None:
    four = followed(FOUR)
    for row in side_by_side(laid_bones(four), four.visits):
        assert [one.number for one in row.visits] == [1, 2, 3, 4]
        assert (row.difference.first, row.difference.last) == (1, 4)
        assert row.missing == ()
        if row.bone == "Femur":
            assert row.visits[3].edema == ""
            assert row.visits[3].edema_mm2 == 0


def grey(png: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))), int)


def test_normal_marrow_is_equally_grey_though_units_differ() -> None:
    four = followed(FOUR)
    level = [np.median(v.image[v.bones.mask]) for v in four.visits if v.image is not None]
    assert max(level) > 3 * min(level), "the made scanner's units differ"
    row = side_by_side(laid_bones(four), four.visits)[0]
    seen = []
    for one in row.visits:
        shown = grey(one.png)
        rows, columns = (int(n * share) for n, share in zip(shown.shape, (0.5, 0.3), strict=True))
        seen.append(float(np.median(shown[rows - 20 : rows + 20, columns - 20 : columns + 20])))
    assert max(seen) - min(seen) < 12
    assert 30 < min(seen) < max(seen) < 130


def test_without_images_the_bones_are_drawn() -> None:
    bare = followed([replace(plan, image=False) for plan in TWO])
    row = side_by_side(laid_bones(bare), bare.visits)[0]
    assert not any(one.seen for one in row.visits)
    for one in row.visits:
        assert 80 < grey(one.png).max() < 140, "bone in grey"
        assert one.bone


def test_pictures_stay_small(two: CourseResult, bones: tuple[LaidBone, ...]) -> None:
    for row in side_by_side(bones, two.visits):
        for one in row.visits:
            assert max(grey(one.png).shape) <= 520
