"""Several series of one visit."""

import numpy as np
import pytest

from marrowlight.anatomy.fuse import choose_series, fuse, worth
from marrowlight.anatomy.planes import UNSEEN, PlaneVote, SeriesVote
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane, Role
from tests.anatomy.made_knee import a_series

CLASSES = ("background", "femur")


def series(name, role, *, plane=Plane.SAGITTAL, pixel=0.4, slice_mm=3.0):
    grid = Grid((4, 4, 4), np.diag([pixel, pixel, slice_mm, 1.0]))
    return a_series(np.ones((4, 4, 4)), grid, name=name, role=role, plane=plane)


def test_bone_is_drawn_on_a_series_without_fat_suppression():
    stir, t1 = series("s1", Role.STIR), series("s2", Role.T1)
    assert choose_series([stir, t1]) == (t1, stir)


def test_a_much_finer_series_comes_first_all_the_same():
    coarse = series("s1", Role.T1, pixel=1.2, slice_mm=9.0)
    fine = series("s2", Role.GRE_FS, slice_mm=0.7)
    assert choose_series([coarse, fine])[0] is fine


def test_a_second_plane_is_worth_more_than_a_second_contrast_of_the_same_plane():
    t1 = series("s1", Role.T1)
    pd = series("s2", Role.PD)
    t2 = series("s3", Role.T2)
    coronal = series("s4", Role.PD_FS, plane=Plane.CORONAL)
    chosen = choose_series([t1, pd, t2, coronal])
    assert len(chosen) == 3
    assert chosen[1] is coronal


def test_every_role_has_a_worth():
    for role in Role:
        assert 0 < worth(series("s1", role)) <= 1


SHAPE = (30, 30, 30)
GRID = Grid(SHAPE, np.eye(4))


def vote(inside, grid=GRID, inner=0.9, name="s1 sagittal"):
    p = np.empty((2, *inside.shape), np.float16)
    p[1] = np.where(inside, inner, 0.05)
    p[0] = 1 - p[1]
    labels = inside.astype(np.uint8)
    return SeriesVote(p, grid, (PlaneVote(name, 1.0, labels),))


def cube(low, high):
    out = np.zeros(SHAPE, bool)
    out[low:high, low:high, low:high] = True
    return out


def test_what_one_series_carved_out_another_puts_back():
    whole = cube(5, 25)
    carved = whole.copy()
    carved[20:25, 10:20, 10:20] = False
    fused, used = fuse([vote(whole), vote(carved)], [1.0, 0.6], CLASSES)
    assert used == (0, 1)
    assert ((fused.probability[1] > 0.5) == whole).all()
    assert np.allclose(fused.probability.sum(axis=0), 1.0, atol=1e-2)


def test_series_meet_in_space_and_not_by_index():
    whole = cube(5, 25)
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = 29
    flipped = vote(whole[::-1], Grid(SHAPE, affine))
    moved, used = fuse([vote(whole), flipped], [1.0, 1.0], CLASSES)
    assert used == (0, 1)
    assert ((moved.probability[1] > 0.5) == whole).all()
    assert np.array_equal(moved.votes[1].labels == 1, whole)


def test_where_only_one_series_sees_it_alone_decides():
    whole = cube(5, 25)
    half = vote(whole[:, :, :15], Grid((30, 30, 15), np.eye(4)))
    fused, used = fuse([vote(whole, inner=0.8), half], [1.0, 1.0], CLASSES)
    assert used == (0, 1)
    assert fused.probability[1, 15, 15, 20] == pytest.approx(0.8, abs=0.01)
    assert fused.probability[1, 15, 15, 8] == pytest.approx(0.85, abs=0.01)
    assert (fused.votes[1].labels[:, :, 20] == UNSEEN).all()


def test_a_series_in_which_the_patient_had_moved_is_left_out():
    fused, used = fuse([vote(cube(2, 14)), vote(cube(12, 24))], [1.0, 1.0], CLASSES)
    assert used == (0,)
    assert len(fused.votes) == 1


def test_a_series_that_covers_little_is_left_out():
    sliver = vote(cube(5, 25)[:, :, :6], Grid((30, 30, 6), np.eye(4)))
    _, used = fuse([vote(cube(5, 25)), sliver], [1.0, 1.0], CLASSES)
    assert used == (0,)
