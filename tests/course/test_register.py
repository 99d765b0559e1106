"""A bone of one visit is laid on the same bone of another, or refused with a reason."""

import functools
import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from marrowlight.course.moved import moved_mask
from marrowlight.course.register import _reason, distance_at, register_bone
from marrowlight.phantom import knee_bones
from marrowlight.study.grid import Grid

FORM = knee_bones.KneeForm()
SHAPES = {"femur": (knee_bones.femur, 34.0), "tibia": (knee_bones.tibia, -34.0)}
PLANES = {
    "sagittal": ((0, -1, 0), (0, 0, -1), (1, 0, 0)),
    "coronal": ((-1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "axial": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
}


def a_grid(plane, spacing, size_mm, center):
    shape = tuple(round(s / d) for s, d in zip(size_mm, spacing, strict=True))
    affine = np.eye(4)
    affine[:3, :3] = np.array(PLANES[plane], float).T * spacing
    affine[:3, 3] = center - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def drawn(bone, grid, moved=None, mirror=False):
    """The true shape of a phantom's bone, moved, drawn on a grid."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    points = grid.to_ras(index.astype(float))
    if moved is not None:
        back = np.linalg.inv(moved)
        points = points @ back[:3, :3].T + back[:3, 3]
    x, y, z = np.moveaxis(points.astype(np.float32), -1, 0)
    return SHAPES[bone][0](FORM, -x if mirror else x, y, z) < 0


def motion(vector_deg, shift, about):
    out = np.eye(4)
    out[:3, :3] = Rotation.from_rotvec(np.radians(vector_deg)).as_matrix()
    out[:3, 3] = np.array(about) + shift - out[:3, :3] @ np.array(about)
    return out


def center_of(bone):
    return np.array([0.0, 0.0, SHAPES[bone][1]])


@functools.cache
def first_visit(bone):
    grid = a_grid("sagittal", (0.9, 0.9, 3.5), (96, 100, 91), center_of(bone))
    return drawn(bone, grid), grid


def target_error_mm(found, moved, mask, grid):
    points = grid.to_ras(np.argwhere(mask)[::50].astype(float))
    off = found.matrix - np.linalg.inv(moved)
    return float(np.linalg.norm(points @ off[:3, :3].T + off[:3, 3], axis=1).mean())


@pytest.mark.parametrize(
    ("bone", "plane", "spacing", "turn", "shift"),
    [
        ("femur", "sagittal", (0.8, 0.8, 3.5), (4, 3, -2), (3, -4, 6)),
        ("femur", "coronal", (0.6, 0.6, 4.0), (-45, 5, 0), (5, 8, -3)),
        ("femur", "axial", (0.4, 0.4, 3.5), (12, -8, 20), (-8, 2, 5)),
        ("tibia", "axial", (0.7, 0.7, 3.0), (62, 0, 8), (0, -9, 7)),
        ("tibia", "sagittal", (1.2, 1.2, 1.2), (-88, 6, 0), (4, 4, -4)),
    ],
)
def test_a_known_motion_is_found(bone, plane, spacing, turn, shift):
    moved = motion(turn, shift, center_of(bone))
    grid = a_grid(plane, spacing, (96, 96, 90), center_of(bone) + shift)
    mask = drawn(bone, grid, moved)
    found = register_bone(*first_visit(bone), mask, grid, bone=bone)
    assert found.accepted, found.reason
    assert target_error_mm(found, moved, mask, grid) < 0.7
    assert found.rotation_deg == pytest.approx(np.linalg.norm(turn), abs=1.5)
    assert found.translation_mm < 20
    assert found.mean_surface_distance_mm < 0.5
    assert found.overlap > 0.95


def test_shafts_cut_at_other_levels_do_not_pull():
    low, high = np.array([0, 0, 22.0]), np.array([0, 0, 38.0])
    one = a_grid("sagittal", (0.8, 0.8, 3.0), (110, 60, 90), low)
    two = a_grid("sagittal", (0.8, 0.8, 3.0), (110, 80, 90), high)
    masks = drawn("femur", one), drawn("femur", two)
    found = register_bone(masks[0], one, masks[1], two, bone="femur")
    assert found.accepted, found.reason
    assert target_error_mm(found, np.eye(4), masks[1], two) < 0.3
    assert found.overlap > 0.97


def test_the_matrix_is_a_proper_rotation_whatever_the_handedness_of_the_grids():
    mask, grid = first_visit("tibia")
    flipped = grid.affine.copy()
    flipped[:3, 0] *= -1
    flipped[:3, 3] = grid.to_ras([grid.shape[0] - 1, 0, 0])
    found = register_bone(mask, grid, mask[::-1], Grid(grid.shape, flipped), bone="tibia")
    assert found.matrix == pytest.approx(np.eye(4), abs=0.02)
    assert np.linalg.det(found.matrix[:3, :3]) == pytest.approx(1)


def test_a_left_bone_is_not_laid_on_a_right_one():
    mask, grid = first_visit("femur")
    same = register_bone(mask, grid, mask, grid, bone="femur")
    other = register_bone(mask, grid, drawn("femur", grid, mirror=True), grid, bone="femur")
    assert np.linalg.det(other.matrix[:3, :3]) == pytest.approx(1)
    assert other.mean_surface_distance_mm > 4 * same.mean_surface_distance_mm


def test_another_bone_is_refused_with_a_reason():
    femur, tibia = first_visit("femur"), first_visit("tibia")
    found = register_bone(*femur, *tibia, bone="femur")
    assert not found.accepted
    assert "femur" in found.reason
    assert "mm apart" in found.reason


def test_an_overlap_just_too_small_is_not_written_as_the_one_that_is_needed():
    reason = _reason("fibula", 0.7, 0.8482, 0.9, 30, 8)
    assert "overlap is 0.84 (at least 0.85" in reason


def test_too_little_common_surface_is_refused():
    shaft = a_grid("axial", (0.8, 0.8, 3.0), (60, 60, 24), np.array([0, 5, 100.0]))
    condyles = a_grid("axial", (0.8, 0.8, 3.0), (90, 90, 24), np.array([0, 0, 12.0]))
    found = register_bone(
        drawn("femur", condyles), condyles, drawn("femur", shaft), shaft, bone="femur"
    )
    assert not found.accepted
    assert found.reason


@pytest.mark.parametrize("which", [0, 1])
def test_a_visit_without_the_bone_is_refused(which):
    mask, grid = first_visit("tibia")
    masks = [mask, mask]
    masks[which] = np.zeros_like(mask)
    found = register_bone(masks[0], grid, masks[1], grid, bone="tibia")
    assert not found.accepted
    assert found.reason == "One of the visits shows no tibia."
    assert np.isinf(found.mean_surface_distance_mm)


def test_a_bone_that_fills_the_image_has_no_surface():
    grid = Grid((20, 20, 10), np.diag([1.0, 1.0, 3.0, 1.0]))
    full = np.ones(grid.shape, bool)
    found = register_bone(full, grid, full, grid, bone="femur")
    assert not found.accepted
    assert "cuts off" in found.reason


def test_the_same_visits_give_the_same_transform():
    visit = first_visit("tibia")
    one, two = (register_bone(*visit, *visit, bone="tibia") for _ in range(2))
    assert (one.matrix == two.matrix).all()


def test_the_distance_at_a_motion_grows_with_it():
    visit = first_visit("femur")
    away = []
    for mm in (0.0, 1.0, 3.0):
        shift = np.eye(4)
        shift[1, 3] = mm
        away.append(distance_at(*visit, *visit, shift))
    assert away[0] < 0.1
    assert all(a < b for a, b in itertools.pairwise(away))
    assert away[2] < 3.0


@pytest.mark.parametrize("plane", ["coronal", "axial"])
def test_a_carried_lesion_keeps_its_volume_and_goes_along(plane):
    _, grid = first_visit("femur")
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    center = np.array([20.0, 3.0, 28.0])
    lesion = np.linalg.norm(grid.to_ras(index.astype(float)) - center, axis=-1) < 9
    moved = motion((30, 0, 10), (4, -3, 2), center)
    onto = a_grid(plane, (0.6, 0.6, 3.0), (130, 130, 100), center_of("femur"))
    there = moved_mask(lesion, grid, moved, onto)
    before, after = (m.sum() * g.voxel_volume_mm3 for m, g in ((lesion, grid), (there, onto)))
    assert after == pytest.approx(before, rel=0.02)
    found = onto.to_ras(np.argwhere(there).astype(float)).mean(axis=0)
    assert found == pytest.approx(center + np.array([4, -3, 2]), abs=0.6)


def test_what_leaves_the_image_is_carried_nowhere():
    mask, grid = first_visit("femur")
    away = np.eye(4)
    away[0, 3] = 500
    assert not moved_mask(mask, grid, away, grid).any()
    assert not moved_mask(np.zeros_like(mask), grid, np.eye(4), grid).any()
    assert (moved_mask(mask, grid, np.eye(4), grid) == mask).all()
