"""What measuring an edema mask promises, on shapes whose truth is known."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.intervals import Origin
from marrowlight.edema.lesions import NEAR_BONE_MM, minimum_lesion_mm3
from marrowlight.edema.measure import FAR_MASK_CODE, Measurement, measure_edema, total_edema
from marrowlight.edema.resolution import resolution
from marrowlight.errors import GridMismatch
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side
from tests.edema.shapes import all_bone, ball, box, filled, grids, upright


def measured(mask: np.ndarray, bones: BoneMap, **maps: object) -> Measurement:
    return measure_edema(mask=mask, grid=bones.grid, bones=bones, **maps)  # type: ignore[arg-type]


@given(grids(), st.tuples(*[st.integers(0, 3)] * 3), st.tuples(*[st.integers(2, 6)] * 3))
@settings(deadline=None, max_examples=40)
def test_a_box_has_its_volume_place_and_share_on_any_grid(
    grid: Grid, low: tuple[int, int, int], size: tuple[int, int, int]
) -> None:
    high = tuple(a + b for a, b in zip(low, size, strict=True))
    result = measured(box(grid, low, high), all_bone(grid), minimum_mm3=0.0)
    expected = np.prod(size) * np.prod(grid.spacing)
    assert result.total.volume_mm3 == pytest.approx(expected)
    (lesion,) = result.total.lesions
    assert lesion.id == "e1"
    assert lesion.volume_mm3 == pytest.approx(expected)
    middle = grid.to_ras([a + (s - 1) / 2 for a, s in zip(low, size, strict=True)])
    assert lesion.centroid_ras_mm == pytest.approx(tuple(middle), abs=1e-6)
    assert lesion.bone_share == pytest.approx(np.prod(size) / np.prod(grid.shape))


@given(grids(), st.tuples(*[st.integers(2, 6)] * 3))
@settings(deadline=None, max_examples=40)
def test_extent_is_the_box_around_whole_voxels_along_the_body(
    grid: Grid, size: tuple[int, int, int]
) -> None:
    result = measured(box(grid, (2, 2, 2), tuple(2 + s for s in size)), all_bone(grid),
                      minimum_mm3=0.0)  # fmt: skip
    ends = [(1.5, 1.5 + s) for s in size]
    corners = grid.to_ras(np.array([[i, j, k] for i in ends[0] for j in ends[1] for k in ends[2]]))
    truth = corners.max(axis=0) - corners.min(axis=0)
    extent = result.total.lesions[0].extent_mm
    got = (extent.right_left, extent.anterior_posterior, extent.superior_inferior)
    assert got == pytest.approx(tuple(truth), abs=1e-6)


def test_a_ball_has_the_volume_of_a_ball() -> None:
    grid = Grid((60, 60, 40), np.diag([0.5, -0.5, 0.75, 1.0]))
    middle = tuple(grid.to_ras([29.5, 29.5, 19.5]))
    result = measured(ball(grid, middle, 10.0), all_bone(grid))
    assert result.total.volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.01)
    extent = result.total.lesions[0].extent_mm
    assert extent.superior_inferior == pytest.approx(20, abs=1.0)


def test_gaps_between_slices_belong_to_the_volume() -> None:
    # 3 mm slices every 5 mm: each stands for 5 mm.
    grid = upright((10, 10, 6), (1.0, 1.0, 5.0))
    result = measured(box(grid, (2, 2, 2), (6, 6, 4)), all_bone(grid), slice_thickness_mm=3.0)
    assert result.total.volume_mm3 == pytest.approx(4 * 4 * 2 * 5)


def test_right_is_right_however_the_image_is_stored() -> None:
    grid = upright((20, 20, 8))
    mirrored = Grid(grid.shape, grid.affine @ np.diag([-1.0, 1, 1, 1]))
    for one in (grid, mirrored):
        # A lesion at high R+ coordinate must be reported there, whichever index that is.
        index = np.round(one.to_index([3.0 * np.sign(one.affine[0, 0]), 6.0, 13.2])).astype(int)
        mask = box(one, tuple(index - 1), tuple(index + 2))
        x, _, _ = measured(mask, all_bone(one)).total.lesions[0].centroid_ras_mm
        assert x == pytest.approx(3.0 * np.sign(one.affine[0, 0]), abs=0.31)


@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_ids_and_numbers_do_not_depend_on_the_order_of_the_axes(
    order: list[int], flips: tuple[bool, bool, bool], seed: int
) -> None:
    grid = upright((20, 22, 9))
    rng = np.random.default_rng(seed)
    mask = np.zeros(grid.shape, bool)
    for corner in rng.integers(0, (15, 17, 6), (6, 3)):
        mask |= box(grid, tuple(corner), tuple(corner + rng.integers(2, 5, 3)))
    affine = grid.affine.copy()
    moved = mask
    for axis in np.flatnonzero(flips):
        moved = np.flip(moved, axis)
        affine[:3, 3] += affine[:3, axis] * (grid.shape[axis] - 1)
        affine[:, axis] *= -1
    moved, affine = moved.transpose(order), affine[:, [*order, 3]]
    other = Grid(moved.shape, affine)
    here, there = measured(mask, all_bone(grid)), measured(moved, all_bone(other))
    assert [x.id for x in here.total.lesions] == [x.id for x in there.total.lesions]
    for a, b in zip(here.total.lesions, there.total.lesions, strict=True):
        assert a.centroid_ras_mm == pytest.approx(b.centroid_ras_mm, abs=1e-6)
        assert a.volume_mm3 == pytest.approx(b.volume_mm3)
    volumes = [x.volume_mm3 for x in here.total.lesions]
    assert volumes == sorted(volumes, reverse=True)


def test_no_edema_is_a_measured_zero_with_what_may_have_been_missed() -> None:
    grid = upright((20, 20, 8))
    result = measured(np.zeros(grid.shape, bool), all_bone(grid))
    for edema in (result.total, result.bones[0].edema):
        assert edema.volume_mm3 == 0
        assert edema.lesions == ()
        assert edema.bone_share == 0
        assert edema.smallest_counted_mm3 == pytest.approx(minimum_lesion_mm3(resolution(grid)))
        for interval in edema.intervals:
            assert interval.low_mm3 == 0
            assert interval.high_mm3 >= edema.smallest_counted_mm3
    assert result.notices == ()


def test_a_lesion_that_spans_two_bones_is_two_lesions() -> None:
    grid = upright((40, 20, 8))
    bones = filled(grid, (1, "femur", slice(0, 20)), (2, "tibia", slice(20, None)))
    result = measured(box(grid, (10, 5, 2), (26, 10, 5)), bones)
    assert [(x.id, x.bone, x.side) for x in result.total.lesions] == [
        ("e1", "femur", Side.LEFT),
        ("e2", "tibia", Side.LEFT),
    ]
    femur, tibia = result.bones
    assert femur.edema.volume_mm3 / tibia.edema.volume_mm3 == pytest.approx(10 / 6)
    assert result.total.volume_mm3 == pytest.approx(femur.edema.volume_mm3 + tibia.edema.volume_mm3)
    assert femur.edema.lesions == result.total.lesions[:1]


def test_cysts_are_measured_beside_the_edema_and_keep_it_together() -> None:
    grid = upright((40, 20, 8))
    edema = box(grid, (5, 5, 2), (25, 10, 5))
    cyst = box(grid, (14, 5, 2), (16, 10, 5))  # a wall through the middle of the edema
    lone = box(grid, (32, 5, 2), (36, 8, 4))
    result = measured(edema, all_bone(grid), cyst=cyst | lone)
    (lesion,) = result.total.lesions
    voxel = grid.voxel_volume_mm3
    assert lesion.volume_mm3 == pytest.approx(18 * 5 * 3 * voxel)
    assert lesion.cyst_volume_mm3 == pytest.approx(2 * 5 * 3 * voxel)
    assert lesion.cyst_share == pytest.approx(0.1)
    assert result.total.cyst_volume_mm3 == pytest.approx((30 + 24) * voxel)


def test_mask_voxels_just_outside_a_bone_belong_to_the_nearest_and_far_ones_are_reported() -> None:
    grid = upright((60, 10, 4), (1.0, 1.0, 2.0))
    bones = filled(grid, (1, "femur", slice(0, 10)), (2, "tibia", slice(16, 20)))
    mask = np.zeros(grid.shape, bool)
    mask[10:40] = True
    result = measured(mask, bones)
    per_sheet = 10 * 4 * 2.0
    femur, tibia = (b.edema for b in result.bones)
    # Gap of six sheets: three go to each side. Beyond the tibia the rule ends.
    assert femur.volume_mm3 == pytest.approx(3 * per_sheet)
    assert tibia.volume_mm3 == pytest.approx((3 + 4 + NEAR_BONE_MM) * per_sheet)
    assert tibia.bone_share == 1.0
    assert femur.bone_share == 0.0
    assert result.left_out_mm3 == pytest.approx((20 - NEAR_BONE_MM) * per_sheet)
    (notice,) = result.notices
    assert notice.code == FAR_MASK_CODE
    assert f"{result.left_out_mm3:.0f} mm³" in notice.text


def test_specks_count_in_the_volume_of_a_given_mask_but_are_no_lesions() -> None:
    grid = upright((40, 40, 8))
    mask = box(grid, (5, 5, 2), (15, 15, 5))
    mask[30, 30, 3] = True
    result = measured(mask, all_bone(grid))
    assert len(result.total.lesions) == 1
    assert result.total.volume_mm3 == pytest.approx(301 * grid.voxel_volume_mm3)
    assert result.total.unlisted_volume_mm3 == pytest.approx(grid.voxel_volume_mm3)


def test_contrast_load_and_peak_of_a_uniform_lesion() -> None:
    grid = upright((40, 40, 8))
    mask = box(grid, (5, 5, 2), (15, 15, 5))
    contrast = np.where(mask, 4.0, 0.0).astype(np.float32)
    contrast[7, 8, 3] = 6.0
    result = measured(mask, all_bone(grid), contrast=contrast, reference_contrast=8.0)
    (lesion,) = result.total.lesions
    assert lesion.contrast == pytest.approx((299 * 4 + 6) / 300)
    assert lesion.peak_contrast == 6.0
    assert lesion.peak_ras_mm == pytest.approx(tuple(grid.to_ras([7, 8, 3])))
    assert lesion.load_mm3 == pytest.approx((299 * 0.5 + 0.75) * grid.voxel_volume_mm3)
    assert result.total.load_mm3 == pytest.approx(lesion.load_mm3)
    assert result.total.load_reference == 8.0


def test_a_voxel_brighter_than_fluid_is_no_more_than_fluid() -> None:
    grid = upright((40, 40, 8))
    mask = box(grid, (5, 5, 2), (15, 15, 5))
    contrast = np.where(mask, 40.0, 0.0).astype(np.float32)
    contrast[5:8, 5:15, 2:5] = -3.0  # and a dark one is no less than nothing
    edema = measured(mask, all_bone(grid), contrast=contrast, reference_contrast=8.0).total
    assert edema.load_mm3 == pytest.approx(0.7 * edema.volume_mm3)


def test_the_load_does_not_depend_on_the_units_or_noise_that_contrast_is_given_in() -> None:
    grid = upright((60, 60, 10), (1.0, 1.0, 3.0))
    mask = box(grid, (5, 5, 2), (15, 15, 5))
    contrast = np.where(mask, 4.0, 0.0).astype(np.float32)
    contrast[40:58, 40:58, 2:8] = 9.0  # a pool of fluid, 5.8 ml
    once = measured(mask, all_bone(grid), contrast=contrast)
    twice = measured(mask, all_bone(grid), contrast=contrast * 2)
    assert once.total.load_mm3 == pytest.approx(twice.total.load_mm3)
    assert once.total.load_mm3 == pytest.approx(once.total.volume_mm3 * 4 / 9)


def test_what_needs_an_image_is_null_without_one() -> None:
    grid = upright((40, 40, 8))
    result = measured(box(grid, (5, 5, 2), (15, 15, 5)), all_bone(grid))
    (lesion,) = result.total.lesions
    assert lesion.contrast is None
    assert lesion.peak_contrast is None
    assert lesion.peak_ras_mm is None
    assert lesion.load_mm3 is None
    assert lesion.mean_probability is None
    assert lesion.edge == "unknown"
    assert result.total.load_mm3 is None
    assert result.total.expected_volume_mm3 is None


def test_the_expected_volume_is_the_sum_of_probabilities_over_bone_without_cysts() -> None:
    grid = upright((20, 20, 8))
    bones = filled(grid, (1, "femur", slice(0, 10)))
    p = np.full(grid.shape, 0.25, np.float32)
    cyst = box(grid, (0, 0, 0), (2, 20, 8))
    result = measured(np.zeros(grid.shape, bool), bones, probability=p, cyst=cyst)
    assert result.total.expected_volume_mm3 == pytest.approx(
        0.25 * 8 * 20 * 8 * grid.voxel_volume_mm3
    )


def test_the_joint_surface_is_where_two_bones_face_each_other() -> None:
    grid = upright((60, 30, 10), (0.5, 0.5, 3.0))
    bones = filled(grid, (1, "femur", slice(1, 25)), (2, "tibia", slice(33, None)))
    touching = box(grid, (18, 10, 3), (25, 20, 6))
    deep = box(grid, (2, 10, 3), (13, 20, 6))  # ends 12 voxels, 6 mm, before the last of the bone
    near, far = (measured(m, bones).total.lesions[0] for m in (touching, deep))
    assert near.distance_to_surface_mm == 0
    assert near.contacts_surface is True
    assert far.distance_to_surface_mm == pytest.approx(6.0)
    assert far.contacts_surface is None  # it touches the top of the femur, which faces nothing
    inside = box(grid, (8, 10, 3), (14, 20, 6))
    assert measured(inside, bones).total.lesions[0].contacts_surface is False


def test_a_wall_beside_a_small_bone_is_joint_surface_only_where_they_face() -> None:
    grid = upright((60, 60, 10), (0.5, 0.5, 3.0))
    voxels = np.zeros(grid.shape, np.uint8)
    voxels[5:25, 5:55] = 1
    voxels[33:50, 25:35] = 2
    bones = BoneMap(voxels, grid, (LabelledBone(1, "femur"), LabelledBone(2, "patella")), "test")
    # Opposite the patella, and on the same wall 12 voxels (6 mm) beyond the end of it: there the
    # gap is still below 8 mm, but the nearest of the patella looks elsewhere.
    facing, beside = box(grid, (20, 26, 3), (25, 34, 6)), box(grid, (20, 46, 3), (25, 53, 6))
    one, other = (measured(m, bones).total.lesions[0] for m in (facing, beside))
    assert one.contacts_surface is True
    assert other.contacts_surface is None
    assert other.distance_to_surface_mm == pytest.approx(2.5)


@pytest.mark.parametrize("gap", [20, 59])
def test_bones_that_are_far_apart_have_no_known_joint_surface(gap: int) -> None:
    grid = upright((80, 30, 10), (0.5, 0.5, 3.0))
    slabs = [(1, "femur", slice(0, 20))]
    if gap < 40:
        slabs.append((2, "tibia", slice(20 + gap, None)))
    result = measured(box(grid, (10, 10, 3), (20, 20, 6)), filled(grid, *slabs))
    assert result.total.lesions[0].distance_to_surface_mm is None
    assert result.total.lesions[0].contacts_surface is None


def test_a_mask_of_all_bone_without_names_has_no_joint_surface() -> None:
    grid = upright((60, 30, 10), (0.5, 0.5, 3.0))
    voxels = np.ones(grid.shape, np.uint8)
    voxels[25:33] = 0
    bones = BoneMap(voxels, grid, (LabelledBone(1, "bone"),), "test")
    lesion = measured(box(grid, (18, 10, 3), (25, 20, 6)), bones).total.lesions[0]
    assert lesion.distance_to_surface_mm is None


def blob(grid: Grid, radius_mm: float, width_mm: float) -> np.ndarray:
    """Contrast of a ball of height 10 whose edge falls over about width_mm, with noise of 1."""
    from scipy.special import erf

    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    middle = grid.to_ras([(n - 1) / 2 for n in grid.shape])
    away = np.linalg.norm(grid.to_ras(index.astype(float)) - middle, axis=-1) - radius_mm
    clean = 5 * (1 - erf(away / width_mm * np.sqrt(np.pi)))
    return np.asarray(clean + np.random.default_rng(1).normal(0, 1, grid.shape), np.float32)


@pytest.mark.parametrize(("width", "kind"), [(0.5, "sharp"), (4.0, "ill_defined")])
@pytest.mark.parametrize("spacing", [(0.6, 0.6, 3.3), (0.4, 0.4, 0.8)])
def test_the_edge_is_read_in_millimetres(
    width: float, kind: str, spacing: tuple[float, float, float]
) -> None:
    grid = upright((70, 70, 15), spacing)
    contrast = blob(grid, 7.0, width)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    middle = grid.to_ras([(n - 1) / 2 for n in grid.shape])
    mask = np.linalg.norm(grid.to_ras(index.astype(float)) - middle, axis=-1) < 7.0
    lesion = measured(mask, all_bone(grid), contrast=contrast).total.lesions[0]
    assert lesion.edge == kind
    if kind == "ill_defined":
        assert lesion.edge_width_mm == pytest.approx(width, rel=0.3)


def test_an_outline_that_follows_the_noise_does_not_make_the_edge_sharp() -> None:
    grid = upright((70, 70, 15), (0.6, 0.6, 3.3))
    contrast = blob(grid, 9.0, 6.0) + 2 * np.random.default_rng(3).normal(size=grid.shape)
    contrast = contrast.astype(np.float32)
    # Above the threshold, within reach of the ball: a ragged mask of a soft lesion.
    mask = (contrast > 5) & ball(grid, tuple(grid.to_ras([34.5, 34.5, 7])), 13.0)
    lesion = measured(mask, all_bone(grid), contrast=contrast).total.lesions[0]
    assert lesion.edge == "ill_defined"
    assert lesion.edge_width_mm is not None
    assert lesion.edge_width_mm > 3.5


def test_regions_are_sums_of_their_bones() -> None:
    grid = upright((40, 20, 8))
    bones = filled(grid, (1, "femur", slice(0, 20)), (2, "tibia", slice(20, None)))
    result = measured(box(grid, (10, 5, 2), (26, 10, 5)), bones, origin=Origin.DRAWN)
    assert total_edema(result.bones, origin=Origin.DRAWN) == result.total
    only = total_edema(result.bones[1:], origin=Origin.DRAWN)
    assert only.volume_mm3 == result.bones[1].edema.volume_mm3
    assert [x.id for x in only.lesions] == ["e2"]
    assert result.total.bone_share == pytest.approx(16 * 5 * 3 / (40 * 20 * 8))


@pytest.mark.parametrize("name", ["contrast", "probability", "cyst"])
def test_a_map_on_another_grid_is_refused(name: str) -> None:
    grid = upright((20, 20, 8))
    with pytest.raises(GridMismatch, match=name):
        measured(np.zeros(grid.shape, bool), all_bone(grid), **{name: np.zeros((20, 20, 9))})


def test_bones_on_another_grid_are_refused_with_both_printed() -> None:
    grid, other = upright((20, 20, 8)), upright((20, 20, 8), (0.6, 0.6, 3.4))
    with pytest.raises(GridMismatch, match=r"3\.300 mm.*\n.*3\.400 mm|3\.400 mm.*\n.*3\.300 mm"):
        measure_edema(mask=np.zeros(grid.shape, bool), grid=grid, bones=all_bone(other))


def test_fifty_lesions_in_three_bones_take_less_than_a_second() -> None:
    grid = upright((336, 336, 25))
    bones = filled(grid, (1, "femur", slice(0, 110)), (2, "tibia", slice(115, 220)),
                   (3, "patella", slice(225, None)))  # fmt: skip
    rng = np.random.default_rng(0)
    mask = np.zeros(grid.shape, bool)
    for i, j, k in rng.integers((0, 0, 0), (320, 320, 20), (50, 3)):
        mask[i : i + 14, j : j + 14, k : k + 4] = True
    contrast = (rng.normal(0, 1, grid.shape) + 5 * mask).astype(np.float32)
    measured(mask[:40], filled(Grid((40, 336, 25), grid.affine), (1, "femur", slice(None))))
    took = []
    for _ in range(3):
        start = time.process_time()
        result = measured(mask, bones, contrast=contrast, probability=contrast)
        took.append(time.process_time() - start)
    assert len(result.total.lesions) > 35
    assert min(took) < 1.0


def test_readers_masks_are_measured_as_they_are(data: Path) -> None:
    import nibabel as nib

    folder = data / "sij" / "1016"
    image = nib.load(folder / "reader_R21.nii.gz")
    mask = np.asanyarray(image.dataobj) > 0
    bone = (np.asanyarray(nib.load(folder / "bone.nii.gz").dataobj) > 0).astype(np.uint8)
    grid = Grid(mask.shape, image.affine)
    bones = BoneMap(bone, grid, (LabelledBone(1, "bone"),), "drawn")
    result = measured(mask, bones, origin=Origin.DRAWN)
    everything = mask.sum() * abs(np.linalg.det(image.affine[:3, :3]))
    assert result.total.volume_mm3 + result.left_out_mm3 == pytest.approx(everything)
    assert result.left_out_mm3 < 0.01 * everything
    assert result.total.volume_mm3 == pytest.approx(12910, rel=0.005)
