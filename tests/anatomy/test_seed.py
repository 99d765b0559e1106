"""One click instead of the automatic answer."""

import numpy as np
import pytest

from marrowlight.anatomy.expect import expected
from marrowlight.anatomy.seed import Seed, check_seeds, grow, parse_seed
from marrowlight.errors import UsageError
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint

KNEE = expected().of_joint(Joint.KNEE)
CLASSES = ("background", "femur", "tibia", "patella")
SHAPE = (60, 60, 120)
GRID = Grid(SHAPE, np.eye(4))
X, Y, Z = np.indices(SHAPE)
FEMUR = (np.hypot(X - 30, Y - 25) < 12) & (Z >= 65)
TIBIA = (np.hypot(X - 30, Y - 25) < 12) & (Z < 58)
PATELLA = (X - 30) ** 2 + (Y - 48) ** 2 + (Z - 85) ** 2 < 100
BRIGHT = np.where(FEMUR | TIBIA | PATELLA, 0.9, 0.3).astype(np.float32)


def test_a_seed_is_read():
    assert parse_seed(" Distal Femur = 1,-2.5, 3e1") == Seed("femur", (1.0, -2.5, 30.0))


@pytest.mark.parametrize(
    "text", ["", "femur", "femur=1,2", "femur=1,2,3,4", "femur=a,b,c", "femur=nan,0,0", "=1,2,3"]
)
def test_a_seed_that_says_nothing_is_refused(text):
    with pytest.raises(UsageError, match="which bone is where"):
        parse_seed(text)


def test_an_unknown_bone_is_refused():
    with pytest.raises(UsageError, match="femur"):
        parse_seed("femurr=1,2,3")


def test_a_seed_outside_the_image_is_refused():
    check_seeds([Seed("femur", (59, 0, 0))], GRID, CLASSES[1:])
    with pytest.raises(UsageError, match="outside the image"):
        check_seeds([Seed("femur", (61, 0, 0))], GRID, CLASSES[1:])


def test_a_seed_in_a_bone_of_another_joint_is_refused():
    with pytest.raises(UsageError, match="not drawn in this joint"):
        check_seeds([Seed("talus", (1, 1, 1))], GRID, CLASSES[1:])


def grown(truth, *seeds, bright=BRIGHT):
    """Labels after seeds, from labels 1, 2, 3 as the automatic answer."""
    p = np.full((4, *SHAPE), 0.02, np.float32)
    for c in (1, 2, 3):
        p[c, truth == c] = 0.9
    p[0] = 1 - p[1:].sum(axis=0)
    return grow(truth, p, bright, GRID, CLASSES, seeds, KNEE)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def answer(**bones):
    out = np.zeros(SHAPE, np.uint8)
    for name, where in bones.items():
        out[where] = CLASSES.index(name)
    return out


def test_a_right_answer_is_left_alone():
    right = answer(femur=FEMUR, tibia=TIBIA)
    assert grown(right, Seed("femur", (30, 25, 90))) is right


def test_a_bone_with_the_wrong_name_gets_the_right_one():
    wrong = answer(tibia=FEMUR, femur=TIBIA)
    labels = grown(wrong, Seed("femur", (30, 25, 90)), Seed("tibia", (30, 25, 20)))
    assert dice(labels == 1, FEMUR) > 0.95
    assert dice(labels == 2, TIBIA) > 0.95


def test_one_piece_for_two_bones_is_shared_out():
    bridge = (np.hypot(X - 30, Y - 25) < 12) & (Z >= 58) & (Z < 65)
    merged = answer(femur=FEMUR | TIBIA | bridge)
    labels = grown(merged, Seed("femur", (30, 25, 100)), Seed("tibia", (30, 25, 20)))
    assert (labels == 1)[FEMUR & (Z > 75)].mean() > 0.9
    assert (labels == 2)[TIBIA & (Z < 45)].mean() > 0.9


def test_a_bone_that_was_missed_grows_from_brightness():
    missed = answer(femur=FEMUR, tibia=TIBIA)
    noisy = BRIGHT + np.random.default_rng(2).normal(0, 0.04, SHAPE).astype(np.float32)
    labels = grown(missed, Seed("patella", (30, 48, 85)), bright=noisy)
    assert dice(labels == 3, PATELLA) > 0.85
    assert dice(labels == 1, FEMUR) > 0.97


def test_a_seed_in_soft_tissue_never_takes_a_bone_away():
    right = answer(femur=FEMUR, tibia=TIBIA)
    labels = grown(right, Seed("patella", (5, 55, 20)))
    assert dice(labels == 1, FEMUR) > 0.97
    assert dice(labels == 2, TIBIA) > 0.97
