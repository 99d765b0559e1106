"""Read a mask that someone drew: NIfTI, NRRD (3D Slicer) or DICOM SEG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import (
    AmbiguousOrientation,
    BadMask,
    InputError,
    LimitExceeded,
    UnreadableFile,
)
from marrowlight.study.grid import Grid
from marrowlight.study.lattice import reorder
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.nifti_file import is_nifti, read_nifti, unpacked_head
from marrowlight.study.nifti_volume import nifti_affine
from marrowlight.study.shown import clean, shown_name

MOST_LABEL = 65535
"""Largest label that a mask may hold."""

FORMATS = "a mask as NIfTI (.nii, .nii.gz), NRRD (.nrrd, .seg.nrrd) or DICOM SEG"


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A label map from a file.

    Parameters
    ----------
    labels : (I, J, K) uint16 array
        0 is background.
    grid : Grid
        That of the image which was given, if the mask stands on the same voxels.
    segment_names : dict
        Label to the name that the file gives; empty where it gives none.
    """

    labels: NDArray[np.uint16]
    grid: Grid
    segment_names: dict[int, str] = field(default_factory=dict)


def read_mask(
    path: str | Path,
    like: Sequence[Grid] | None = None,
    limits: Limits | None = None,
    *,
    isolate: bool = False,
) -> MaskFile:
    """Read a mask.

    Parameters
    ----------
    path : NIfTI, NRRD or DICOM SEG file
    like : grids of the images that the mask may belong to. A mask on the voxels of one of them is
        given on that grid, also where its file stores the axes in another order; nothing is ever
        interpolated. Any other mask keeps its own grid.
    limits : Limits, optional
    isolate : as for ``open_study``

    Raises
    ------
    UnreadableFile
        No mask file, truncated or damaged.
    BadMask
        Not whole numbers, negative or too large labels, several volumes, overlapping segments.
    LimitExceeded
        Declares more voxels than allowed.
    AmbiguousOrientation
        NIfTI whose sform and qform disagree, and neither or both of which fit an image.
    GeometryError
        The file does not say where its voxels are.
    """
    path, limits, like = Path(path), limits or Limits(), like or ()
    try:
        if isolate:
            from marrowlight.study.child import mask_in_child

            mask = mask_in_child(path, like, limits)
        else:
            mask = decode_mask(path, like, limits)
    except InputError as error:
        # Parsers say "is cut off"; the name of the file belongs before it.
        if error.where is None:
            error.where = shown_name(str(path))
            error.found = (
                f"{error.where} {error.found}" if error.found[:1].islower() else error.found
            )
        error.expected = error.expected or FORMATS
        error.do = error.do or "check that this is the mask, or export it again"
        raise
    for grid in like:
        if mask.grid.matches(grid):
            return MaskFile(mask.labels, grid, mask.segment_names)
    for grid in like:
        moved = reorder(mask.labels, mask.grid, grid)
        if moved is not None:
            return MaskFile(np.ascontiguousarray(moved), grid, mask.segment_names)
    return mask


def decode_mask(path: Path, like: Sequence[Grid], limits: Limits) -> MaskFile:
    """The bytes of a mask file to labels. ``like`` and errors as for ``read_mask``."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UnreadableFile(
            f"The mask {shown_name(str(path))} {what}.", where=clean(str(path)), expected=FORMATS
        )
    if path.stat().st_size > limits.file_bytes:
        raise LimitExceeded(
            f"is {path.stat().st_size / MIB:.0f} MiB; the limit is {limits.file_bytes / MIB:.0f}"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be opened ({error.strerror})") from error
    try:
        return _by_kind(path, data, like, limits)
    except MemoryError as error:
        raise LimitExceeded("is too large to be read") from error


def _by_kind(path: Path, data: bytes, like: Sequence[Grid], limits: Limits) -> MaskFile:
    if data[128:132] == b"DICM":
        from marrowlight.study.seg_file import read_seg

        return read_seg(data, like, limits)
    if data.startswith(b"NRRD"):
        from marrowlight.study.nrrd_file import read_nrrd

        return read_nrrd(data, limits)
    if is_nifti(data[:512]) or is_nifti(unpacked_head(data[:512])):
        return _nifti_mask(path, data, like, limits)
    raise UnreadableFile("is no mask that can be read")


def _nifti_mask(path: Path, data: bytes, like: Sequence[Grid], limits: Limits) -> MaskFile:
    image = read_nifti(str(path), data, limits)
    if image.voxels.ndim != 3:
        raise BadMask(
            f"holds {image.voxels.shape[3]} volumes",
            expected="one label map in three dimensions",
            do="give each mask a label of its own in one volume",
        )
    stored = image.voxels
    if image.slope != 1.0 or image.intercept != 0.0:
        stored = stored.astype(np.float64) * image.slope + image.intercept
    labels = whole_labels(stored)
    shape = (labels.shape[0], labels.shape[1], labels.shape[2])
    try:
        affine, _ = nifti_affine(image)
    except AmbiguousOrientation:
        # The image that it was drawn on decides, if it fits exactly one of the two.
        fitting = [
            form
            for form in (image.sform, image.qform)
            if form is not None and any(_same_points(Grid(shape, form), g) for g in like)
        ]
        if len(fitting) != 1:
            raise
        affine = fitting[0]
    return MaskFile(labels, Grid(shape, affine))


def _same_points(grid: Grid, other: Grid) -> bool:
    return reorder(np.empty(grid.shape, np.uint8), grid, other) is not None


def whole_labels(stored: NDArray[Any]) -> NDArray[np.uint16]:
    """Stored values as labels; raises BadMask unless they are whole numbers from 0 to 65535."""
    if stored.dtype.kind == "f":
        finite = np.isfinite(stored)
        if not finite.all():
            raise BadMask("holds values that are not a number", expected="whole numbers")
        broken = stored != np.rint(stored)
        if broken.any():
            example = float(stored[broken].flat[0])
            raise BadMask(
                f"holds fractions (e.g. {example:g} in {int(broken.sum())} voxels)",
                expected="whole numbers: 0 for background, 1 and up for labels",
                do="set a threshold first if it is a probability map",
            )
    low, high = (stored.min(), stored.max()) if stored.size else (0, 0)
    if low < 0 or high > MOST_LABEL:
        raise BadMask(
            f"holds labels from {low:g} to {high:g}",
            expected=f"labels from 0 to {MOST_LABEL}",
            do="check that this is the mask and not the image",
        )
    labels: NDArray[np.uint16] = stored.astype(np.uint16)
    return labels
