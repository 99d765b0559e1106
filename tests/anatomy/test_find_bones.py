"""The whole way from a study to bones, with a network that reads brightness."""

import numpy as np
import pytest

from marrowlight.anatomy.canonical import prepare
from marrowlight.anatomy.find_bones import find_bones
from marrowlight.anatomy.planes import run_planes
from marrowlight.anatomy.seed import Seed
from marrowlight.errors import BonesNotFound, NotThisJoint, UsageError
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side
from tests.anatomy.made_knee import (
    LEVELS,
    BrightnessNetwork,
    a_series,
    a_study,
    coronal_grid,
    paint,
    sagittal_grid,
    truth,
)

SAGITTAL = sagittal_grid(pixel=1.0, slice_mm=3.0)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def knee(grid=SAGITTAL, **how):
    return a_series(paint(grid, **how), grid)


@pytest.fixture(scope="module")
def found():
    return find_bones(a_study(knee()), weights=BrightnessNetwork())


def test_bones_are_where_they_are(found):
    names = {b.bone for b in found.bones.bones}
    assert names == {"femur", "tibia", "patella"}
    for bone in found.bones.bones:
        assert dice(found.bones.of(bone), truth(SAGITTAL, LEVELS[bone.bone])) > 0.93
        assert bone.side is Side.RIGHT
    assert found.bones.grid is SAGITTAL
    assert {b.bone: b.label for b in found.bones.bones} == {"femur": 1, "tibia": 2, "patella": 4}


def test_every_expected_bone_has_its_trust(found):
    assert [t.bone for t in found.trust] == ["femur", "tibia", "fibula", "patella"]
    fibula = found.of("fibula")
    assert not fibula.read
    assert fibula.reason
    assert all(t.read and not t.reason and not t.cut_off for t in found.trust if t is not fibula)


def test_what_is_said_of_the_joint_sums_to_one(found):
    assert found.joint is Joint.KNEE
    assert sum(found.joint_shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert found.series_used == ("s1",)
    assert found.weights_sha256 == "0" * 64


def test_the_same_input_gives_the_same_output(found):
    again = find_bones(a_study(knee()), weights=BrightnessNetwork())
    assert again.bones.sha256 == found.bones.sha256
    assert again.trust == found.trust


def test_brightness_and_axis_order_of_the_file_do_not_matter(found):
    order = (2, 0, 1)
    voxels = paint(SAGITTAL).transpose(order)[::-1]
    affine = SAGITTAL.affine.copy()
    affine[:, :3] = affine[:, list(order)]
    affine[:3, 3] += affine[:3, 0] * (voxels.shape[0] - 1)
    affine[:3, 0] *= -1
    grid = Grid(voxels.shape, affine)
    # The slice axis is the third by contract; here it is told to be another, so the planes differ.
    turned = find_bones(a_study(a_series(3 * voxels, grid)), weights=BrightnessNetwork())
    for bone in turned.bones.bones:
        assert dice(turned.bones.of(bone), truth(grid, LEVELS[bone.bone])) > 0.9


def test_two_series_are_fused_on_the_grid_of_the_better_one():
    grid = coronal_grid(pixel=1.0)
    t1 = a_series(paint(grid), grid, name="s2", role=Role.T1, plane=Plane.CORONAL)
    stir = a_series(paint(SAGITTAL), SAGITTAL, name="s1", role=Role.STIR)
    both = find_bones(a_study(stir, t1), weights=BrightnessNetwork())
    assert both.series_used == ("s2", "s1")
    assert both.bones.grid is grid
    femur = both.bones.bones[0]
    assert dice(both.bones.of(femur), truth(grid, LEVELS["femur"])) > 0.95


def test_a_series_of_a_moved_patient_is_left_out_and_said():
    grid = coronal_grid(pixel=1.0)
    moved = a_series(paint(grid, centre=(0, 0, 45)), grid, name="s2", role=Role.STIR,
                     plane=Plane.CORONAL)  # fmt: skip
    result = find_bones(a_study(knee(), moved), weights=BrightnessNetwork())
    assert result.series_used == ("s1",)
    assert "bones-series-left-out" in {n.code for n in result.notices}


def test_two_knees_in_one_field_are_both_read_with_their_sides():
    grid = sagittal_grid(pixel=1.5, slice_mm=4.0, width=270, height=150)
    right, left = (paint(grid, centre=(x, 0, 0)) for x in (70.0, -70.0))
    study = a_study(a_series(np.maximum(right, left), grid), side=Side.UNKNOWN)
    result = find_bones(study, weights=BrightnessNetwork())
    labels = {(b.bone, b.side): b.label for b in result.bones.bones}
    assert labels[("femur", Side.LEFT)] == 101
    assert labels[("femur", Side.RIGHT)] == 1
    for bone in result.bones.bones:
        x = 70.0 if bone.side is Side.RIGHT else -70.0
        expected = truth(grid, LEVELS[bone.bone], centre=(x, 0, 0))
        assert dice(result.bones.of(bone), expected) > 0.85
    assert "both-sides-drawn" in {n.code for n in result.notices}


def test_upside_down_it_is_refused():
    with pytest.raises(BonesNotFound, match="does not lie above"):
        find_bones(a_study(knee(upside_down=True)), weights=BrightnessNetwork())


def test_three_slices_are_refused():
    grid = sagittal_grid(pixel=1.0, slice_mm=4.0, width=12.0)
    with pytest.raises(BonesNotFound, match=r"cut off|ml are expected"):
        find_bones(a_study(knee(grid)), weights=BrightnessNetwork())


def test_half_a_bone_is_not_read_and_the_reason_says_so():
    # The field of view ends through the middle of the patella and of the condyles.
    grid = sagittal_grid(pixel=1.0, slice_mm=2.0, width=60.0, centre=(30.0, 0.0, 0.0))
    with pytest.raises(BonesNotFound, match="cut off by the left border"):
        find_bones(a_study(knee(grid)), weights=BrightnessNetwork())


def test_a_shaft_may_end_at_the_border_and_a_condyle_may_not():
    grid = sagittal_grid(pixel=1.0, slice_mm=2.0, width=60.0, centre=(12.0, 0.0, 0.0))
    result = find_bones(a_study(knee(grid, patella=False)), weights=BrightnessNetwork())
    assert result.of("femur").cut_off
    assert result.of("femur").read
    assert not find_bones(a_study(knee()), weights=BrightnessNetwork()).of("femur").cut_off


def test_noise_is_refused():
    noise = np.random.default_rng(3).rayleigh(1.0, SAGITTAL.shape)
    with pytest.raises(BonesNotFound):
        find_bones(a_study(a_series(noise, SAGITTAL)), weights=BrightnessNetwork())


@pytest.mark.parametrize("joint", [Joint.KNEE, Joint.UNKNOWN])
def test_a_head_is_refused(joint):
    with pytest.raises(NotThisJoint):
        find_bones(a_study(knee(), joint=joint), weights=BrightnessNetwork(Joint.OTHER))


def test_what_the_files_call_another_part_is_not_even_looked_at():
    network = BrightnessNetwork()
    with pytest.raises(NotThisJoint):
        find_bones(a_study(knee(), joint=Joint.OTHER), weights=network)
    assert network.pictures == 0


def test_seeds_rename_a_bone():
    # Upside down the automatic answer is refused; two clicks say what is what.
    study = a_study(knee(upside_down=True))
    seeds = [Seed("femur", (0, 0, 20)), Seed("tibia", (0, 0, -24))]
    result = find_bones(study, seeds=seeds, weights=BrightnessNetwork())
    femur = next(b for b in result.bones.bones if b.bone == "femur")
    assert dice(result.bones.of(femur), truth(SAGITTAL, LEVELS["tibia"], upside_down=True)) > 0.9


def test_a_seed_outside_the_image_is_refused():
    with pytest.raises(UsageError, match="outside the image"):
        find_bones(a_study(knee()), seeds=[Seed("femur", (500, 0, 0))], weights=BrightnessNetwork())


def test_three_planes_run_and_probabilities_stay_probabilities():
    network = BrightnessNetwork()
    ready = prepare(knee().volume, network.recipe)
    vote = run_planes(network, ready, (0, 1, 2, 3), 2.0, "s1")
    assert [p.name for p in vote.planes] == ["s1 sagittal", "s1 coronal", "s1 axial"]
    assert vote.planes[0].weight > vote.planes[1].weight
    assert np.allclose(vote.probability.astype(float).sum(axis=0), 1.0, atol=5e-3)
    assert vote.probability.shape[1:] == vote.grid.shape
