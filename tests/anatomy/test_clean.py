"""Clean-up by knowledge."""

import numpy as np
import pytest

from marrowlight.anatomy.clean import by_level, clean, fill_holes, put_back
from marrowlight.anatomy.expect import Levels, expected
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint

KNEE = expected().of_joint(Joint.KNEE)
ANKLE = expected().of_joint(Joint.ANKLE)
CLASSES = ("background", "femur", "tibia", "patella")
SHAPE = (60, 60, 120)
GRID = Grid(SHAPE, np.eye(4))
X, Y, Z = np.indices(SHAPE)


def ball(x, y, z, r):
    return (X - x) ** 2 + (Y - y) ** 2 + (Z - z) ** 2 < r * r


def rod(low, high, r=12):
    return (np.hypot(X - 30, Y - 30) < r) & (low <= Z) & (high > Z)


def chances(**bones):
    """(C, X, Y, Z): 0.9 inside each bone."""
    p = np.full((len(CLASSES), *SHAPE), 0.02, np.float32)
    for name, where in bones.items():
        p[:, where] = 0.02
        p[CLASSES.index(name), where] = 0.9
    p[0] = 0
    p[0] = 1 - p.sum(axis=0)
    return p


def cleaned(**bones):
    labels, _ = clean(chances(**bones), GRID, CLASSES, KNEE)
    return labels


FEMUR, TIBIA = rod(65, 120), rod(0, 58)


def test_what_is_right_stays_as_it_is():
    labels = cleaned(femur=FEMUR, tibia=TIBIA)
    assert (labels == 1)[FEMUR].mean() > 0.97
    assert (labels == 2)[TIBIA].mean() > 0.97
    assert labels[~FEMUR & ~TIBIA].astype(bool).mean() < 0.005


def test_a_muscle_belly_taken_for_femur_is_dropped():
    belly = ball(52, 30, 95, 6)
    labels = cleaned(femur=FEMUR | belly, tibia=TIBIA)
    assert not labels[belly].any()


def test_a_piece_inside_another_bone_goes_to_it():
    wrong = ball(30, 30, 80, 6)
    labels = cleaned(femur=FEMUR & ~wrong, patella=wrong | ball(30, 54, 90, 5), tibia=TIBIA)
    # The larger piece is inside the femur; what was named patella there is femur in the end.
    assert (labels == 1)[FEMUR].mean() > 0.95 or (labels == 3)[wrong].mean() > 0.95
    stray = ball(30, 30, 80, 4)
    labels = cleaned(femur=FEMUR & ~stray, patella=stray | ball(30, 52, 90, 7), tibia=TIBIA)
    assert (labels == 1)[stray].all()


def test_shafts_are_told_apart_by_level():
    p = chances(femur=FEMUR, tibia=TIBIA)
    high, low = Z > 100, Z < 10
    p[1, high], p[2, high] = p[2, high].copy(), p[1, high].copy()
    p[1, low], p[2, low] = p[2, low].copy(), p[1, low].copy()
    labels, _ = clean(p, GRID, CLASSES, KNEE)
    assert (labels == 1)[FEMUR].mean() > 0.97
    assert (labels == 2)[TIBIA].mean() > 0.97


def test_upside_down_nothing_is_swapped():
    p = chances(femur=TIBIA, tibia=FEMUR)
    level = Levels(joint="knee", upper="femur", lower="tibia", margin_mm=25, source="x")
    before = p.copy()
    by_level(p, GRID, CLASSES, level)
    assert np.array_equal(p, before)


@pytest.mark.parametrize("radius", [5, 7])
def test_a_lesion_at_the_edge_is_put_back_where_the_network_was_in_doubt(radius):
    lesion = ball(42, 30, 95, radius) & FEMUR
    p = chances(femur=FEMUR & ~lesion, tibia=TIBIA)
    p[:, lesion] = np.array([0.45, 0.45, 0.05, 0.05])[:, None]
    labels, _ = clean(p, GRID, CLASSES, KNEE)
    assert (labels == 1)[lesion].mean() > 0.6


def test_a_wide_notch_without_doubt_stays_open():
    notch = (np.hypot(X - 42, Z - 95) < 8) & FEMUR
    labels = cleaned(femur=FEMUR & ~notch, tibia=TIBIA)
    assert (labels == 1)[notch].mean() < 0.2


def test_putting_back_keeps_off_the_other_bone():
    labels = np.zeros(SHAPE, np.uint8)
    labels[FEMUR] = 1
    labels[ball(30, 30, 65, 7)] = 0
    labels[ball(30, 30, 64, 4)] = 2
    put_back(labels, np.ones(SHAPE, np.float32), GRID, 1)
    from scipy import ndimage

    beside = ndimage.binary_dilation(labels == 2) & (labels != 2)
    assert not (labels[beside] == 1).any()
    assert (labels == 1)[ball(30, 30, 65, 7) & ~ndimage.binary_dilation(labels == 2, iterations=3)
                         & FEMUR].mean() > 0.5  # fmt: skip


def test_holes_are_filled():
    labels = np.zeros(SHAPE, np.uint8)
    labels[FEMUR] = 1
    labels[ball(30, 30, 90, 6)] = 0
    fill_holes(labels, GRID, 1, solid=False)
    assert (labels == 1)[FEMUR].all()


def test_a_tunnel_is_filled_only_in_a_solid_bone():
    tunnel = (np.hypot(X - 30, Z - 90) < 4) & FEMUR
    for solid in (True, False):
        labels = np.zeros(SHAPE, np.uint8)
        labels[FEMUR & ~tunnel] = 1
        fill_holes(labels, GRID, 1, solid=solid)
        assert ((labels == 1)[tunnel].mean() > 0.95) == solid


def test_bones_that_come_in_several_pieces_keep_them():
    classes = ("background", "metatarsals", "talus")
    p = np.full((3, *SHAPE), 0.02, np.float32)
    rays = [ball(12 * n + 6, 30, 60, 5) for n in range(5)]
    far = ball(30, 30, 110, 5)
    for where in (*rays, far):
        p[1, where] = 0.9
    p[0] = 1 - p[1:].sum(axis=0)
    labels, _ = clean(p, GRID, classes, ANKLE)
    assert all((labels == 1)[ray].mean() > 0.8 for ray in rays)
    assert not labels[far].any()


def test_nothing_stays_nothing():
    labels, _ = clean(chances(), GRID, CLASSES, KNEE)
    assert not labels.any()
