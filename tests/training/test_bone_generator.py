"""The generator of training images: what it promises the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba", reason="the generator needs Numba (the dev extra)")

from scipy import ndimage

from training.bones import sample
from training.bones.contrast import FAMILIES, draw_contrast
from training.bones.corrupt import Corruption, corrupt, draw_corruption, scaled
from training.bones.maps import TEST_PEOPLE, VOXEL_MM, LabelMap, map_files, person_of
from training.bones.nothing import draw_nothing
from training.bones.sample import PLANES, Pose, draw_example, draw_pose, picture
from training.bones.scene import make_scene
from training.bones.tissue import BONES, JOINTS, Tissue


@pytest.fixture(scope="module")
def knee():
    """A made-up knee: two bone ends with a gap of 4 mm and a patella in front."""
    shape = (96, 110, 120)
    x, y, z = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    labels = np.zeros(shape, np.uint8)
    wide = ((x - 48) / 36) ** 2 + ((y - 50) / 30) ** 2 < 1
    shaft = ((x - 48) / 14) ** 2 + ((y - 50) / 14) ** 2 < 1
    labels[(wide & (z > 62) & (z < 90)) | (shaft & (z >= 90))] = 1
    labels[(wide & (z < 57) & (z > 30)) | (shaft & (z <= 30))] = 2
    labels[((x - 48) / 18) ** 2 + ((y - 90) / 9) ** 2 + ((z - 76) / 18) ** 2 < 1] = 4
    return LabelMap(labels, "made", "made", "knee")


@pytest.fixture(scope="module")
def scene(knee):
    return make_scene(knee, 3)


def straight(scene, plane="sagittal", fold=False):
    """A pose without turning or bending, through the joint."""
    axes = np.array(sample.AXES[plane], float).T / VOXEL_MM
    mirror = np.array([fold, scene.midline, 1], np.float32)
    return Pose(scene.joint, axes.astype(np.float32), mirror, np.zeros((0, 7), np.float32))


def one_slice(scene, contrast, pose=None, seed=0, size=128, thick=0.5):
    pose = pose or straight(scene)
    image, labels = picture(scene, pose, 1.0, np.array([-3.0, 0.0, 3.0]), thick, size, contrast,
                            np.random.default_rng(seed))  # fmt: skip
    return image, labels


def plain(rng, family="fat_suppressed"):
    """A contrast without texture."""
    zero = np.zeros(len(Tissue), np.float32)
    return replace(draw_contrast(rng, family), fine=zero, middle=zero, coarse=zero)


def test_the_same_seed_gives_the_same_scene(knee, scene):
    again, other = make_scene(knee, 3), make_scene(knee, 4)
    assert np.array_equal(again.tissue, scene.tissue)
    assert not np.array_equal(other.tissue, scene.tissue)


def test_bones_of_the_map_are_kept_and_shafts_go_on(knee, scene):
    for bone in (1, 2, 4):
        assert (scene.tissue == bone).sum() >= (knee.labels == bone).sum()
    assert (scene.tissue[:, :, -1] == 1).any()
    assert (scene.tissue[:, :, 0] == 2).any()
    assert not (scene.tissue[:, :, -1] == 4).any()


def test_a_knee_without_a_fibula_gets_one_beside_the_tibia(scene):
    fibula, tibia = (np.argwhere(scene.tissue == n) for n in (3, 2))
    assert len(fibula) > 500
    assert fibula[:, 2].max() < tibia[:, 2].max()


def test_every_kind_of_soft_tissue_is_invented(scene):
    found = set(np.unique(scene.tissue))
    assert {Tissue.CARTILAGE, Tissue.MUSCLE, Tissue.SUBCUTANEOUS_FAT, Tissue.SKIN,
            Tissue.TENDON, Tissue.FLUID, Tissue.DEEP_FAT, Tissue.AIR} <= found  # fmt: skip


def test_depth_grows_from_the_surface_and_not_from_the_cut_shaft(scene):
    femur = scene.tissue == 1
    edge = femur & ~ndimage.binary_erosion(femur, border_value=1)
    assert scene.depth[edge].max() <= 10
    assert scene.depth[femur].max() > 60
    assert scene.depth[:, :, -1].max() > 60
    assert not scene.depth[~((scene.tissue > 0) & (scene.tissue <= BONES))].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_contrasts_are_finite_and_lesions_are_where_they_should_be(family):
    rng = np.random.default_rng(0)
    draws = [draw_contrast(rng, family) for _ in range(100)]
    assert all(np.isfinite(c.mean).all() and (c.mean >= 0).all() for c in draws)
    if family in ("fat_suppressed", "water_selective"):
        assert all(c.lesion > c.mean[1] * 0.8 for c in draws)
    if family == "not_suppressed":
        assert np.mean([c.lesion < c.mean[1] for c in draws]) > 0.5


def test_in_the_free_family_any_tissue_may_be_the_brightest():
    rng = np.random.default_rng(1)
    draws = [draw_contrast(rng, "free") for _ in range(600)]
    assert {int(c.mean.argmax()) for c in draws} >= set(range(13, Tissue.METAL))
    brighter = np.mean([c.mean[1] > c.mean[Tissue.MUSCLE] for c in draws])
    assert 0.35 < brighter < 0.65


def test_edema_changes_the_image_and_never_the_label(scene, monkeypatch):
    contrast = replace(plain(np.random.default_rng(2)), lesion=1.5)
    at = np.argwhere(scene.tissue == 1)
    at = at[at[:, 2].argmin()]
    monkeypatch.setattr(sample, "_scars", lambda *_: np.zeros((0, 9), np.float32))
    monkeypatch.setattr(sample, "_voids", lambda *_: np.zeros((0, 4), np.float32))
    pose = replace(straight(scene), centre=at.astype(np.float32))
    images = []
    for lesions in (np.zeros((0, 8)), [[*at, 1 / 10**2, 1.5, 0.0, 3.0, 1.0]]):
        monkeypatch.setattr(sample, "_lesions", lambda *_, r=lesions: np.array(r, np.float32))
        images.append(one_slice(scene, contrast, pose))
    (without, label), (with_it, label_with) = images
    assert np.array_equal(label, label_with)
    brighter = with_it[1] > without[1] + 0.5
    assert brighter.sum() > 30
    assert (label[1, 1][brighter] > 0).all()


def test_thick_slices_average_what_they_cut_through(scene):
    contrast = plain(np.random.default_rng(3))
    side = scene.joint + np.array([32, 0, 0], np.float32)
    pose = replace(straight(scene), centre=side)
    _, thin = one_slice(scene, contrast, pose, thick=0.1)
    _, thick = one_slice(scene, contrast, pose, thick=6)
    assert (thin[1, 0] != thin[1, 2]).mean() < (thick[1, 0] != thick[1, 2]).mean()


def test_failed_fat_suppression_is_bright_on_one_side_only(scene):
    rng = np.random.default_rng(4)
    seen = []
    for seed in range(12):
        contrast = plain(rng, "half_suppressed")
        image, labels = one_slice(scene, contrast, seed=seed)
        bone = image[1][labels[1, 1] == 1]
        seen.append(np.percentile(bone, 95) / max(np.percentile(bone, 30), 1e-3))
    assert max(seen) > 3
    assert contrast.other[1] > contrast.mean[1]


def test_both_knees_in_one_field_are_mirrors(scene):
    contrast = plain(np.random.default_rng(5))
    pose = straight(scene, "axial", fold=True)
    centre = scene.joint.copy()
    centre[0], centre[2] = scene.midline, scene.joint[2] + 20
    _, labels = one_slice(scene, contrast, replace(pose, centre=centre), size=256)
    femur = labels[1, 1] == 1
    assert ndimage.label(femur)[1] == 2
    assert np.mean(femur == femur[:, ::-1]) > 0.99


def test_both_sides_are_drawn(scene):
    rng = np.random.default_rng(6)
    signs = {np.sign(np.linalg.det(draw_pose(scene, p, rng).axes)) for p in PLANES * 10}
    assert signs == {-1.0, 1.0}


@pytest.mark.parametrize("plane", PLANES)
def test_examples_are_what_the_network_takes(scene, plane):
    rng = np.random.default_rng(7)
    for _ in range(4):
        example = draw_example(scene, rng, plane=plane)
        assert example.slices.shape == (3, 128, 128)
        assert example.labels.shape == (3, 128, 128)
        assert example.slices.min() >= 0
        assert example.slices.max() <= 1.6
        assert set(np.unique(example.labels)) <= {0, 1, 2, 3, 4}
        assert example.joint in (-1, JOINTS.index("knee"))


def test_nothing_is_labelled_beyond_the_field_of_view(scene):
    rng = np.random.default_rng(8)
    how = replace(draw_corruption(rng), cut=(0.2, 0.0, 0.0, 0.3))
    image, seen = corrupt(np.ones((3, 100, 100), np.float32), how, 1.0, rng)
    assert not seen[:20].any()
    assert not seen[:, 70:].any()
    assert (image[:, ~seen] == 0).all()


def test_shading_noise_and_ghosts_leave_their_marks():
    rng = np.random.default_rng(9)
    flat = np.ones((3, 64, 64), np.float32)
    flat[:, :, :20] = 0
    still = Corruption((0, 0), 0, 0, np.zeros((4, 4)), np.zeros((2, 4)), (0, 0), (0, 0.5, 0.3), 0,
                       False, (0, 8, 1), (0, 0, 0, 0), 1.0)  # fmt: skip
    clean, _ = corrupt(flat, still, 1.0, rng)
    assert np.ptp(clean[1][:, 20:]) < 1e-5
    shaded, _ = corrupt(flat, replace(still, slope=(2.0, 0.0)), 1.0, rng)
    assert shaded[1, 32, -1] > 3 * shaded[1, 32, 21]
    noisy, _ = corrupt(flat, replace(still, noise=0.05), 1.0, rng)
    assert 0.03 < noisy[1][:, 30:].std() < 0.07
    moved, _ = corrupt(flat, replace(still, ghost=(0.1, 8, 1)), 1.0, rng)
    assert moved[1, 32, 5] > 0.05
    coarse, _ = corrupt(flat, replace(still, coarse_axis=1, coarse_mm=4.0), 1.0, rng)
    assert 0.05 < coarse[1, 32, 19] < 0.95


def test_scaling_is_that_of_the_product():
    from marrowlight.anatomy import canonical

    rng = np.random.default_rng(10)
    image = rng.random((6, 40, 40)).astype(np.float32) * 700
    ours = scaled(image)
    assert ours.max() <= 1.6
    smooth = ndimage.gaussian_filter(image, (0, 1, 1))
    assert np.isclose(ours[2, 3, 4], min(image[2, 3, 4] / np.percentile(smooth, 99.3), 1.6), 1e-3)
    assert hasattr(canonical, "prepare")


def test_no_joint_is_drawn_where_none_is():
    rng = np.random.default_rng(11)
    for _ in range(12):
        example = draw_nothing(rng)
        assert not example.labels.any()
        assert JOINTS[example.joint] == "other"
        assert example.slices.max() > 0.3


def test_people_of_the_test_set_are_not_trained_on(tmp_path):
    assert person_of("akoa_9031930_36m", "knee") in TEST_PEOPLE["knee"]
    assert person_of("libhip_m05L_llp26pelvis", "hip") in TEST_PEOPLE["hip"]
    assert person_of("talocrural_L01_realfoot", "ankle") in TEST_PEOPLE["ankle"]
    assert person_of("talocrural_L02_cal-Norm01_mid-L01", "ankle") == "L02"
    for folder in ("knee", "evaluation_only/knee"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.nii.gz").touch()
    assert [f.parent.parent.name for f, _ in map_files(tmp_path)] == [tmp_path.name]


def test_the_frozen_set_is_made_by_the_generator_it_names(scene):
    from training.bones import frozen

    entry = frozen.read_frozen()
    assert set(entry) == {"commit", "generator_sha256"}
    first = frozen.make_stack(scene, "axial", "fat_suppressed", 5)
    again = frozen.make_stack(scene, "axial", "fat_suppressed", 5)
    assert np.array_equal(first.image, again.image)
    assert first.labels.shape == first.image.shape
    assert {1, 2} <= set(np.unique(first.labels))
