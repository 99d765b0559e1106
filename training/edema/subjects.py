"""Subjects to fit on: a folder each, with images, a bone mask and readings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side
from marrowlight.study.volume import Volume, resample

READERS = ("R11", "R12", "R21", "R22")


@dataclass(frozen=True, eq=False)
class Subject:
    """Images and readings of one subject on the grid of the fluid-sensitive volume.

    readings : (4, I, J, K) bool, two readers twice; shape (0, I, J, K) if there are none.
    """

    id: str
    fluid: Volume
    t1: Volume
    bones: BoneMap
    readings: NDArray[np.bool_]


def _read(path: Path) -> tuple[NDArray[np.generic], Grid]:
    image = nib.load(str(path))
    voxels = np.asanyarray(image.dataobj)  # type: ignore[attr-defined]
    return voxels, Grid(voxels.shape, image.affine)  # type: ignore[attr-defined]


def read_subject(folder: Path) -> Subject:
    """Read ``stir``, ``t1w``, ``bone`` and ``reader_*`` from a folder of NIfTI files."""
    stir, grid = _read(folder / "stir.nii.gz")
    t1, t1_grid = _read(folder / "t1w.nii.gz")
    bone, bone_grid = _read(folder / "bone.nii.gz")
    if not bone_grid.matches(grid):
        bone = resample(bone, bone_grid, grid, labels=True)
    if not t1_grid.matches(grid):
        t1 = resample(t1.astype(np.float32), t1_grid, grid)
    labels = (bone > 0).astype(np.uint8)
    bones = BoneMap(labels, grid, (LabelledBone(1, "bone", Side.UNKNOWN),), "drawn by hand")
    paths = [folder / f"reader_{r}.nii.gz" for r in READERS]
    readings = (
        np.stack([_read(p)[0] > 0 for p in paths])
        if all(p.exists() for p in paths)
        else np.zeros((0, *grid.shape), bool)
    )
    return Subject(
        folder.name,
        Volume(stir.astype(np.float32), grid),
        Volume(t1.astype(np.float32), grid),
        bones,
        readings,
    )


def subject_ids(data: Path) -> list[str]:
    """Ids of the subjects in data that have all four readings, sorted."""
    return sorted(p.parent.name for p in data.glob("*/reader_R22.nii.gz"))
