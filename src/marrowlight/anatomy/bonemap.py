"""The bone map: which voxels are bone, and which bone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import BadMask, GridMismatch
from marrowlight.study.grid import Grid, box_around
from marrowlight.study.study import Side
from marrowlight.study.volume import resample, volume_hash

FAR_OUTSIDE_MM = -1e6
"""Signed distance beyond the box of a bone. Finite: infinity times a weight of zero is no number,
and would blot out every bone that is carried after this one. Unit: mm."""


@dataclass(frozen=True, slots=True)
class LabelledBone:
    """A bone in a map: its label there, its registry id and its side."""

    label: int
    bone: str
    side: Side = Side.UNKNOWN


@dataclass(frozen=True, eq=False)
class BoneMap:
    """Label map of bones, whatever it came from: a mask file, a network, an earlier visit.

    Parameters
    ----------
    labels : (I, J, K) uint8 array
        0 is no bone; every other value is one of ``bones``.
    grid : Grid
    bones : tuple of LabelledBone
    source : str
        Where it came from, in words, e.g. ``"mask given by the user"``.

    Raises
    ------
    GridMismatch
        If the array does not fit the grid.
    BadMask
        If the map is empty or holds labels that are not in ``bones``.
    """

    labels: NDArray[np.uint8]
    grid: Grid
    bones: tuple[LabelledBone, ...]
    source: str

    def __post_init__(self) -> None:
        if self.labels.shape != self.grid.shape:
            raise GridMismatch(
                f"A bone map of shape {self.labels.shape} does not fit a grid of {self.grid.shape}."
            )
        found = set(np.flatnonzero(np.bincount(self.labels.ravel(), minlength=256)).tolist()) - {0}
        if not found:
            raise BadMask(
                "The bone mask is empty.",
                expected="at least one voxel above zero",
                do="check that it is the mask and not another file, and that it covers the image",
            )
        unknown = found - {b.label for b in self.bones}
        if unknown:
            raise BadMask(
                f"The bone mask holds labels that nobody named: {sorted(unknown)}.",
                expected="only " + ", ".join(f"{b.label}={b.bone}" for b in self.bones),
                do="name them, e.g. --bone-labels 1=femur,3=tibia",
            )
        labels = np.asarray(self.labels, dtype=np.uint8).view()
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    @cached_property
    def sha256(self) -> str:
        """``volume_hash`` of the label map, worked out once."""
        return volume_hash(self.labels, self.grid.affine)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(I, J, K) bool, any bone."""
        return self.labels > 0

    def of(self, bone: LabelledBone) -> NDArray[np.bool_]:
        """(I, J, K) bool, the voxels of one bone."""
        voxels: NDArray[np.bool_] = self.labels == bone.label
        return voxels

    def inside(self, mm: float) -> BoneMap:
        """The same bones without a rim of ``mm``, as far as the voxels can tell.

        A slice that is thicker than the rim loses nothing along its normal. Bones keep their place
        in ``bones``; a bone that is all rim is kept whole.
        """
        from scipy import ndimage

        if mm <= 0:
            return self
        labels = self.labels.copy()
        for bone in self.bones:
            whole = self.of(bone)
            if not whole.any():
                continue
            box = box_around(whole, (1, 1, 1))
            # Beyond the edge of the image the bone goes on.
            padded = np.pad(whole[box], 1, mode="edge")
            depth = ndimage.distance_transform_edt(padded, sampling=self.grid.spacing)
            deep = depth[1:-1, 1:-1, 1:-1] > mm
            if deep.any():
                labels[box][whole[box] & ~deep] = 0
        return BoneMap(labels, self.grid, self.bones, self.source)

    def onto(self, grid: Grid) -> BoneMap:
        """The same bones on another grid, by shape: signed distances are interpolated, not labels.

        Nearest neighbour would carry the steps between thick slices into the other plane.
        Source: Raya & Udupa 1990, IEEE Trans Med Imaging 9:32.

        Raises BadMask if no bone is left there.
        """
        if self.grid.matches(grid, 1e-4):
            return self
        moved = np.zeros(grid.shape, np.uint8)
        deepest = np.zeros(grid.shape, np.float32)
        for bone in self.bones:
            inside = self.of(bone)
            if inside.any():
                box, depth = _depth_mm(inside, self.grid)
                here = resample(depth, box, grid, outside=FAR_OUTSIDE_MM).astype(np.float32)
                moved[here > deepest] = bone.label
                deepest = np.maximum(deepest, here)
        if not moved.any():
            raise BadMask(
                "The bone mask does not overlap the image that it should be carried to.\n"
                f"  mask:  {self.grid.describe()}\n  image: {grid.describe()}",
                expected="a mask drawn on a series of the same visit",
            )
        return BoneMap(moved, grid, self.bones, self.source)


def _depth_mm(inside: NDArray[np.bool_], grid: Grid) -> tuple[Grid, NDArray[np.float32]]:
    """Signed distance to the edge of a shape in mm, above zero inside, on the box around it.

    Returns the grid of the box and the (I, J, K) distances.
    """
    from scipy import ndimage

    box = box_around(inside, (2, 2, 2))
    # One voxel of background all round, so that a shape cut off by the image still has an edge.
    padded = np.pad(inside[box], 1)
    depth = ndimage.distance_transform_edt(padded, sampling=grid.spacing)
    depth -= ndimage.distance_transform_edt(~padded, sampling=grid.spacing)
    return grid.part([s.start - 1 for s in box], padded.shape), depth.astype(np.float32)
