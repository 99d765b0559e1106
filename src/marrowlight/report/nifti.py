"""Masks and maps as NIfTI files, byte for byte the same each time."""

from __future__ import annotations

import gzip

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid

SCANNER_ANAT = 1
"""NIfTI code for coordinates of the scanner; the affine is the grid's, in RAS+ mm."""

QFORM_TOLERANCE_MM = 0.05
"""A qform cannot hold shear, nor turns near 180 degrees to the last digit; it is left out where it
would move a corner by more than this, half of what makes two grids differ. Unit: mm."""

FAST = 1
"""gzip level: masks shrink 50 times at any level, and this one costs the least time."""

PROBABILITY_STEPS = 1024
"""Probabilities are kept to 1/1024, far below their error, which lets the file shrink."""


def nifti_bytes(voxels: NDArray[np.generic], grid: Grid, description: str) -> bytes:
    """A ``.nii.gz`` file in memory, as ``nifti_image_bytes``; the time in its header is 0."""
    return gzip.compress(nifti_image_bytes(voxels, grid, description), FAST, mtime=0)


def nifti_image_bytes(voxels: NDArray[np.generic], grid: Grid, description: str) -> bytes:
    """A ``.nii`` file in memory.

    voxels : (I, J, K) array on grid, written in its own dtype. sform (and qform, unless it cannot
    hold the grid) hold grid.affine with code 1; units are mm and seconds. description : at most 79
    characters.
    """
    import nibabel as nib

    affine = np.asarray(grid.affine)
    image = nib.Nifti1Image(np.asarray(voxels), affine)
    header = image.header
    header.set_xyzt_units("mm", "sec")
    header["descrip"] = description.encode("ascii")[:79]
    image.set_sform(affine, code=SCANNER_ANAT)
    image.set_qform(affine, code=SCANNER_ANAT)
    if Grid(grid.shape, image.get_qform()).distance_mm(grid) > QFORM_TOLERANCE_MM:
        image.set_qform(None, code=0)
        header["pixdim"][1:4] = grid.spacing
    data: bytes = image.to_bytes()
    return data


def probability_bytes(probability: NDArray[np.float32], grid: Grid) -> bytes:
    """``edema_probability.nii.gz``: float32, 0..1 in steps of 1/1024."""
    steps = np.float32(PROBABILITY_STEPS)
    kept = np.round(np.asarray(probability, np.float32) * steps) / steps
    return nifti_bytes(kept.astype(np.float32), grid, "marrowlight edema probability")
