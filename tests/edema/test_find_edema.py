"""The finder on synthetic volumes with known edema, and on one real subject."""

from __future__ import annotations

import pickle
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.edema_map import EdemaMap
from marrowlight.edema.find import find_edema
from marrowlight.edema.parameters import load_parameters, shipped_parameters
from marrowlight.edema.tissue import Tissue
from marrowlight.errors import BadMask, BadVoxels, GridMismatch, WeightsError
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side
from marrowlight.study.volume import Volume

MARROW, NOISE, CORTEX, SOFT = 300.0, 45.0, 60.0, 180.0
GRID = Grid((150, 150, 14), np.diag([0.6, 0.6, 3.3, 1.0]))
MIDDLE = (75, 75, 7)


def bone_mask() -> NDArray[np.bool_]:
    """One rounded bone of about 90 ml."""
    i, j, k = np.ogrid[: GRID.shape[0], : GRID.shape[1], : GRID.shape[2]]
    out: NDArray[np.bool_] = ((i - 75) / 58) ** 4 + ((j - 75) / 58) ** 4 + ((k - 6.5) / 6) ** 4 < 1
    return out


def ball(radius_mm: float, center: tuple[int, int, int] = MIDDLE) -> NDArray[np.bool_]:
    """A ball in the grid."""
    axes = np.ogrid[: GRID.shape[0], : GRID.shape[1], : GRID.shape[2]]
    distance = sum(((a - c) * s) ** 2 for a, c, s in zip(axes, center, GRID.spacing, strict=True))
    inside: NDArray[np.bool_] = np.asarray(distance) < radius_mm**2
    return inside


def image(
    lesion: NDArray[np.bool_] | None = None, contrast_sd: float = 0.0, seed: int = 1
) -> NDArray[np.float32]:
    """Marrow with a cortex in soft tissue; the lesion is brighter by contrast_sd noise SDs."""
    bone = bone_mask()
    cross = np.zeros((3, 3, 3), bool)
    cross[1, :, 1] = cross[:, 1, 1] = True
    inner = ndimage.binary_erosion(bone, cross, iterations=2)
    clean = np.where(inner, MARROW, np.where(bone, CORTEX, SOFT))
    if lesion is not None:
        clean = clean + np.where(lesion & inner, contrast_sd * NOISE, 0.0)
    clean = ndimage.gaussian_filter(clean, (0.7, 0.7, 0))
    noise = np.random.default_rng(seed).normal(0, NOISE, clean.shape)
    return np.maximum(clean + noise, 0).astype(np.float32)


def bones() -> BoneMap:
    labels = bone_mask().astype(np.uint8)
    return BoneMap(labels, GRID, (LabelledBone(1, "ilium", Side.LEFT),), "test")


def find(voxels: NDArray[np.float32], t1: NDArray[np.float32] | None = None) -> EdemaMap:
    return find_edema(
        Volume(voxels, GRID),
        bones(),
        t1=None if t1 is None else Volume(t1, GRID),
    )


def disc(radius_mm: float, slices: tuple[int, ...]) -> NDArray[np.bool_]:
    """A disc in some slices."""
    i, j = np.ogrid[: GRID.shape[0], : GRID.shape[1]]
    out = np.zeros(GRID.shape, bool)
    out[:, :, slices] = ((((i - 75) * 0.6) ** 2 + ((j - 75) * 0.6) ** 2) < radius_mm**2)[..., None]
    return out


def test_brightness_in_the_outermost_slice_alone_is_partial_volume():
    last = int(np.flatnonzero(bone_mask().any(axis=(0, 1)))[-1])
    assert not find(image(disc(12.0, (last,)), 5.0)).mask.any()
    assert (
        dice(find(image(disc(12.0, (last - 1, last)), 5.0)).mask, disc(12.0, (last - 1, last)))
        > 0.5
    )


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("with_t1", [True, False])
def test_nothing_is_found_in_normal_bone(with_t1: bool) -> None:
    t1 = image(seed=2) if with_t1 else None
    found = find(image(), t1)
    assert found.mask.sum() * GRID.voxel_volume_mm3 < 100.0
    assert not found.cyst.any()


@pytest.mark.parametrize("with_t1", [True, False])
@pytest.mark.parametrize("radius_mm", [6.0, 10.0])
def test_a_plain_lesion_of_four_sd_is_found(radius_mm: float, with_t1: bool) -> None:
    lesion = ball(radius_mm)
    t1 = image(lesion, -2.0, seed=2) if with_t1 else None
    found = find(image(lesion, 4.0), t1)
    assert dice(found.mask, lesion) > 0.6
    assert (found.tissue[found.mask] == Tissue.EDEMA).all()


def test_marrow_reference_is_right_when_a_third_of_the_bone_is_edema() -> None:
    bone = bone_mask()
    lesion = bone & (np.arange(GRID.shape[0])[:, None, None] < 57)
    share = lesion.sum() / bone.sum()
    assert 0.3 < share < 0.4
    found = find(image(lesion, 5.0))
    assert found.marrow.center == pytest.approx(MARROW, rel=0.05)
    assert found.marrow.spread == pytest.approx(NOISE, rel=0.25)
    assert dice(found.mask, lesion) > 0.85


def test_a_bias_field_is_removed_before_contrast_is_told() -> None:
    ramp = np.exp(np.linspace(-0.45, 0.45, GRID.shape[0]))[:, None, None]
    found = find((image() * ramp).astype(np.float32))
    core = ball(24.0)
    left, right = found.contrast[:60][core[:60]], found.contrast[90:][core[90:]]
    assert abs(np.median(left) - np.median(right)) < 1.0
    assert found.mask.sum() * GRID.voxel_volume_mm3 < 200.0


def test_probability_is_zero_away_from_bone() -> None:
    found = find(image(ball(10.0), 6.0))
    far = ndimage.distance_transform_edt(~bone_mask(), sampling=GRID.spacing) > 3.0
    assert not found.probability[far].any()
    assert not found.mask[far].any()
    assert 0.0 <= found.probability.min() <= found.probability.max() <= 1.0
    assert found.probability.shape == found.mask.shape == found.tissue.shape == GRID.shape


def test_a_sharp_fluid_bright_ball_is_a_cyst_and_not_edema() -> None:
    voxels = image()
    voxels[ball(5.0)] = MARROW + 20 * NOISE
    found = find(voxels)
    assert dice(found.cyst, ball(5.0)) > 0.7
    assert not (found.cyst & found.mask).any()


def test_brightness_units_do_not_matter() -> None:
    voxels = image(ball(8.0), 5.0)
    assert dice(find(voxels).mask, find(voxels * np.float32(7.0)).mask) > 0.99


def test_absent_t1_is_said() -> None:
    assert "no-t1" in {w.code for w in find(image()).warnings}
    assert "no-t1" not in {w.code for w in find(image(), image(seed=2)).warnings}


def test_given_normal_marrow_sets_the_center() -> None:
    mask = ball(8.0, (40, 75, 7))
    found = find_edema(Volume(image(), GRID), bones(), normal_marrow=mask)
    assert "user" in found.marrow.source
    assert found.marrow.voxels == mask.sum()
    with pytest.raises(BadMask, match="empty"):
        find_edema(Volume(image(), GRID), bones(), normal_marrow=np.zeros_like(mask))


def test_bad_voxels_and_other_grids_are_refused() -> None:
    broken = image()
    broken[MIDDLE] = np.nan
    with pytest.raises(BadVoxels, match="NaN"):
        find(broken)
    with pytest.raises(BadVoxels, match="one value"):
        find(np.full(GRID.shape, 5.0, np.float32))
    moved = Grid(GRID.shape, np.diag([0.6, 0.6, 4.0, 1.0]))
    with pytest.raises(GridMismatch):
        find_edema(Volume(image(), moved), bones())


def test_slice_axis_may_be_any_axis() -> None:
    lesion = ball(8.0)
    turned = Grid((14, 150, 150), np.diag([3.3, 0.6, 0.6, 1.0]))
    labels = np.ascontiguousarray(bones().labels.transpose(2, 0, 1))
    found = find_edema(
        Volume(np.ascontiguousarray(image(lesion, 5.0).transpose(2, 0, 1)), turned),
        BoneMap(labels, turned, bones().bones, "test"),
    )
    assert dice(found.mask.transpose(1, 2, 0), find(image(lesion, 5.0)).mask) > 0.99


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    with resources.as_file(resources.files("marrowlight.edema")) as package:
        shutil.copy(package / "parameters.yaml", tmp_path)
        shutil.copytree(package / "weights", tmp_path / "weights")
    assert load_parameters(tmp_path).weights_sha256 == shipped_parameters().weights_sha256
    file = next((tmp_path / "weights").glob("*.onnx"))
    file.write_bytes(file.read_bytes()[:-1] + b"\x00\x00")
    with pytest.raises(WeightsError, match="hash"):
        load_parameters(tmp_path)
    (tmp_path / "parameters.yaml").write_text("schema: other/1\n")
    with pytest.raises(WeightsError, match="schema"):
        load_parameters(tmp_path)


def test_parameters_travel_to_worker_processes() -> None:
    parameters = shipped_parameters()
    parameters.trees(with_t1=True)
    assert pickle.loads(pickle.dumps(parameters)) == parameters


def test_a_real_subject_agrees_with_readers_that_it_was_fitted_on(data: Path) -> None:
    subjects = pytest.importorskip("training.edema.subjects", reason="not run from a checkout")
    subject = subjects.read_subject(data / "sij" / "1016")
    found = find_edema(subject.fluid, subject.bones, t1=subject.t1)
    consensus = subject.readings.sum(0) >= 2
    assert dice(found.mask, consensus) > 0.4
    assert found.probability[consensus].mean() > 10 * found.probability[subject.bones.mask].mean()
