"""From a decoded NIfTI file to candidates in RAS+ mm, refusing what is ambiguous."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import AmbiguousOrientation, GeometryError, UnreadableFile
from marrowlight.notice import Notice
from marrowlight.study.candidate import Candidate
from marrowlight.study.grid import GRID_TOLERANCE_MM, Grid
from marrowlight.study.nifti_file import intensities
from marrowlight.study.parsed import NiftiImage
from marrowlight.study.shown import shown_name
from marrowlight.study.stack import voxel_defect
from marrowlight.study.volume import Volume

NiftiOrientation = Literal["sform", "qform"]

MOST_VOLUMES = 16
"""A 4-D file with more volumes than this (a functional or diffusion series) is not split."""


def nifti_affine(
    image: NiftiImage, choice: NiftiOrientation | None = None
) -> tuple[NDArray[np.float64], list[Notice]]:
    """The affine of a NIfTI image, voxel to RAS+ mm.

    choice : which one to trust where sform and qform are both set.

    Raises
    ------
    AmbiguousOrientation
        If sform and qform place any corner more than 0.1 mm apart and no choice is given.
    GeometryError
        If the affine is flat or not finite.
    """
    shape = (image.voxels.shape[0], image.voxels.shape[1], image.voxels.shape[2])
    name = shown_name(image.file)
    if image.sform is not None and image.qform is not None:
        by_sform, by_qform = Grid(shape, image.sform), Grid(shape, image.qform)
        if choice is None and not by_sform.matches(by_qform):
            raise AmbiguousOrientation(
                f"The sform and the qform of {name} place its corners up to "
                f"{by_sform.distance_mm(by_qform):.2f} mm apart.\n"
                f"  sform: {by_sform.describe()}\n  qform: {by_qform.describe()}",
                where=name,
                expected=f"both within {GRID_TOLERANCE_MM} mm, or only one of them set",
                do="say which one is right: --nifti-orientation sform or qform",
            )
        chosen = image.qform if choice == "qform" else image.sform
        return chosen, []
    if image.sform is not None:
        return image.sform, []
    if image.qform is not None:
        return image.qform, []
    affine = np.diag([*(p if p > 0 else 1.0 for p in image.pixdim), 1.0])
    text = (
        f"{name} does not say how it lies in space (neither sform nor qform): left and right, and "
        "its plane, are not known. Volumes are right, positions are not."
    )
    return affine, [Notice("orientation-unknown", text)]


def nifti_candidates(image: NiftiImage, choice: NiftiOrientation | None = None) -> list[Candidate]:
    """One candidate per 3-D volume of a NIfTI file; a defect is in the candidate."""
    name = shown_name(image.file)
    description = name.split(".nii")[0]
    base = Candidate(description, None, image.sidecar, (image.file,), nifti=True)
    volumes = [image.voxels]
    if image.voxels.ndim == 4:
        count = image.voxels.shape[3]
        if count > MOST_VOLUMES:
            base.defect = UnreadableFile(
                f"{name} holds {count} volumes (a functional or diffusion series).",
                where=name,
                expected=f"one volume, or at most {MOST_VOLUMES} (echoes, Dixon images)",
                do="extract the volume that is meant into a file of its own",
            )
            return [base]
        volumes = [image.voxels[..., n] for n in range(count)]
    try:
        affine, notices = nifti_affine(image, choice)
        grid = Grid((volumes[0].shape[0], volumes[0].shape[1], volumes[0].shape[2]), affine)
    except GeometryError as error:
        error.where = name
        base.defect = error
        return [base]
    out = []
    for number, stored in enumerate(volumes, start=1):
        voxels = intensities(stored, image.slope, image.intercept)
        part = f"volume {number} of {len(volumes)}" if len(volumes) > 1 else ""
        one = Candidate(
            description, Volume(voxels, grid), image.sidecar, (image.file,),
            part=part, notices=list(notices), nifti=True,
        )  # fmt: skip
        one.defect = voxel_defect(voxels, name)
        out.append(one)
    return out
