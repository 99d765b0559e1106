"""Bones outlined by hand on slices of the real knees, as masks; see outlines/README.md.

    python -m benchmarks.outline_masks

prints every slice with the area of every bone, how far lines of two planes of one series are apart
where they cross, and how far the same hand agreed with itself on the slices that were drawn twice
(benchmarks/outlines/second_drawing).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid

FOLDER = Path(__file__).parent / "outlines"
SECOND = FOLDER / "second_drawing"


@dataclass(frozen=True, eq=False)
class Outline:
    """One closed line around one bone, or one part of it, on one slice.

    bone : its id in the registry of bones; points : (N, 3) voxel indices (I, J, K), not whole
    numbers: a voxel's centre is at the whole number.
    """

    bone: str
    points: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SliceOutlines:
    """The outlines of one slice of a series, or of one plane across its slices.

    Parameters
    ----------
    name : str
        Name of the file, without suffix.
    folder : str
        Folder of the series in the test data.
    plane : str
        sagittal, coronal or axial.
    axis, position : int
        The plane holds the voxels whose index along this axis (0, 1, 2 for I, J, K) is
        ``position``. Axis 2 is a slice as scanned.
    grid : Grid
        Grid of the series.
    outlines : tuple of Outline
    unsure : tuple of (N, 3) arrays
        Areas in which the border of the bone is not seen and was drawn from anatomy.
    """

    name: str
    folder: str
    plane: str
    axis: int
    position: int
    grid: Grid
    outlines: tuple[Outline, ...]
    unsure: tuple[NDArray[np.float64], ...]

    @property
    def bones(self) -> tuple[str, ...]:
        """The bones that are outlined here, in order."""
        return tuple(dict.fromkeys(o.bone for o in self.outlines))

    @property
    def pixel_mm2(self) -> float:
        """Area of one pixel of the plane."""
        a, b = (s for n, s in enumerate(self.grid.spacing) if n != self.axis)
        return a * b

    def mask(self, bone: str) -> NDArray[np.bool_]:
        """Pixels of the plane whose centre is inside an outline of the bone.

        The two axes of the result are those of the grid without ``axis``, in order.
        """
        return self._inside(o.points for o in self.outlines if o.bone == bone)

    def sure(self) -> NDArray[np.bool_]:
        """Pixels of the plane outside the areas where the border is not seen."""
        return ~self._inside(self.unsure)

    def volume_mask(self, bone: str) -> NDArray[np.bool_]:
        """(I, J, K) bool on the grid of the series; only the plane can be true."""
        whole = np.zeros(self.grid.shape, bool)
        np.moveaxis(whole, self.axis, 0)[self.position] = self.mask(bone)
        return whole

    def on_plane(self, labels: NDArray[np.uint8], grid: Grid) -> NDArray[np.uint8]:
        """A label map on the pixels of the plane, by nearest voxel; 0 where it does not reach.

        labels : (I, J, K) on ``grid``, which may be another grid than that of the series. A map of
        much thicker slices is better carried over by shape first (``BoneMap.onto``).
        """
        if self.grid.matches(grid, 1e-4):
            plane: NDArray[np.uint8] = np.moveaxis(labels, self.axis, 0)[self.position]
            return plane
        shape = tuple(n for axis, n in enumerate(self.grid.shape) if axis != self.axis)
        index = np.insert(
            np.indices(shape).reshape(2, -1).T.astype(float), self.axis, self.position, axis=1
        )
        there = np.rint(grid.to_index(self.grid.to_ras(index))).astype(int)
        reached = ((there >= 0) & (there < np.array(labels.shape))).all(axis=1)
        values = np.zeros(len(there), labels.dtype)
        values[reached] = labels[tuple(there[reached].T)]
        return values.reshape(shape)

    def _inside(self, polygons: Iterable[NDArray[np.float64]]) -> NDArray[np.bool_]:
        shape = tuple(n for axis, n in enumerate(self.grid.shape) if axis != self.axis)
        mask = np.zeros(shape, bool)
        for points in polygons:
            mask |= polygon_mask(np.delete(points, self.axis, axis=1), (shape[0], shape[1]))
        return mask


def polygon_mask(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre is inside a closed polygon, by the even-odd rule.

    points : (N, 2) in pixel indices along the two axes, a pixel's centre at the whole number;
    result : bool of ``shape``.
    """
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, shape)
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, 0, shape)
    u = np.arange(low[0], high[0])
    inside = np.zeros((u.size, high[1] - low[1]), bool)
    for (u1, v1), (u2, v2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        first, last = np.ceil(np.clip(sorted((v1, v2)), low[1], high[1])).astype(int)
        v = np.arange(first, last)
        if v.size:
            crossing = u1 + (v - v1) / (v2 - v1) * (u2 - u1)
            inside[:, v - low[1]] ^= u[:, None] < crossing
    mask = np.zeros(shape, bool)
    mask[low[0] : high[0], low[1] : high[1]] = inside
    return mask


def read_outlines(path: Path) -> SliceOutlines:
    """The outlines of one file."""
    read = json.loads(path.read_text())
    return SliceOutlines(
        name=path.stem,
        folder=read["folder"],
        plane=read["plane"],
        axis="ijk".index(read["fixed_axis"]),
        position=read["fixed_index"],
        grid=Grid(tuple(read["grid"]["shape"]), np.array(read["grid"]["affine"], float)),
        outlines=tuple(
            Outline(o["bone"], np.array(o["index"], np.float64)) for o in read["outlines"]
        ),
        unsure=tuple(np.array(area["index"], np.float64) for area in read["unsure"]),
    )


def all_outlines(folder: Path = FOLDER) -> tuple[SliceOutlines, ...]:
    """The outlines of every file of a folder, by name."""
    return tuple(read_outlines(path) for path in sorted(folder.glob("*.json")))


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice overlap of two masks of one shape; nan if both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else float("nan")


def dice_on_slice(
    labels: NDArray[np.uint8],
    grid: Grid,
    drawn: SliceOutlines,
    label_of: Mapping[str, int],
    *,
    sure_only: bool = False,
) -> dict[str, float]:
    """Dice of a label map against every bone outlined on a slice.

    labels : (I, J, K) on ``grid``; label_of : label of each bone in the map, by registry id; a
    bone without one is not compared. sure_only : leave out the areas in which the border is not
    seen. A bone that the map does not hold gives 0.
    """
    plane = drawn.on_plane(labels, grid)
    counted = drawn.sure() if sure_only else np.ones(plane.shape, bool)
    return {
        bone: dice((plane == label_of[bone]) & counted, drawn.mask(bone) & counted)
        for bone in drawn.bones
        if bone in label_of
    }


def self_agreement(sure_only: bool = False) -> dict[str, dict[str, float]]:
    """Dice of the second drawing against the first, by slice and bone."""
    agreement = {}
    for again in all_outlines(SECOND):
        first = read_outlines(FOLDER / f"{again.name}.json")
        counted = first.sure() & again.sure() if sure_only else True
        agreement[again.name] = {
            bone: dice(again.mask(bone) & counted, first.mask(bone) & counted)
            for bone in again.bones
        }
    return agreement


def crossings(drawn: SliceOutlines, bone: str, axis: int, position: int) -> NDArray[np.float64]:
    """Where the lines of a bone cross another plane of the series, along the axis common to both.

    axis, position : the other plane, as in ``SliceOutlines``; result : voxel indices, ascending.
    """
    along = 3 - drawn.axis - axis
    found = []
    for points in (o.points for o in drawn.outlines if o.bone == bone):
        for a, b in zip(points, np.roll(points, -1, axis=0), strict=True):
            if (a[axis] > position) != (b[axis] > position):
                share = (position - a[axis]) / (b[axis] - a[axis])
                found.append(a[along] + share * (b[along] - a[along]))
    return np.sort(np.array(found, np.float64))


def crossing_gaps_mm(drawn: Iterable[SliceOutlines]) -> NDArray[np.float64]:
    """Distances in mm between lines of two planes of one series where the planes cross.

    Bones that one plane crosses more often than the other are left out.
    """
    every = list(drawn)
    gaps: list[float] = []
    for n, one in enumerate(every):
        for other in every[n + 1 :]:
            if other.folder != one.folder or other.axis == one.axis:
                continue
            step = one.grid.spacing[3 - one.axis - other.axis]
            for bone in set(one.bones) & set(other.bones):
                a = crossings(one, bone, other.axis, other.position)
                b = crossings(other, bone, one.axis, one.position)
                if len(a) == len(b):
                    gaps.extend(np.abs(a - b) * step)
    return np.array(gaps)


def main() -> None:
    print("slice, bone: area in mm2 (share of the bone's area where the border is not seen)")
    for drawn in all_outlines():
        for bone in drawn.bones:
            mask = drawn.mask(bone)
            hidden = float((mask & ~drawn.sure()).sum() / mask.sum())
            print(f"{drawn.name:28s} {bone:8s} {mask.sum() * drawn.pixel_mm2:7.0f} ({hidden:.2f})")
    gaps = crossing_gaps_mm(all_outlines())
    print(
        f"lines of two planes where they cross, {len(gaps)} places: median {np.median(gaps):.2f} "
        f"mm, {np.mean(gaps <= 1):.2f} within 1 mm, largest {gaps.max():.1f} mm"
    )
    whole, sure = self_agreement(), self_agreement(sure_only=True)
    print("drawn twice, Dice (where the border is seen)")
    for name, by_bone in whole.items():
        for bone, value in by_bone.items():
            print(f"{name:28s} {bone:8s} {value:.3f} ({sure[name][bone]:.3f})")


if __name__ == "__main__":
    main()
