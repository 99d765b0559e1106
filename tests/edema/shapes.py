"""Grids and shapes with volumes, places and extents that are known exactly."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side


def rotation(angles: tuple[float, float, float]) -> NDArray[np.float64]:
    """(3, 3) rotation about x, then y, then z, angles in degrees."""
    a, b, c = np.radians(angles)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    out: NDArray[np.float64] = z @ y @ x
    return out


@st.composite
def grids(draw: st.DrawFn, shape: tuple[int, int, int] = (24, 22, 10)) -> Grid:
    """Oblique, mirrored, gapped grids: spacing 0.3 to 1 mm in plane, 0.5 to 5 mm across."""
    pixel = draw(st.floats(0.3, 1.0))
    spacing = np.array([pixel, pixel * draw(st.floats(0.8, 1.25)), draw(st.floats(0.5, 5.0))])
    mirror = np.array([draw(st.sampled_from([-1.0, 1.0])) for _ in range(3)])
    angle = st.floats(-180, 180)
    turned = rotation((draw(angle), draw(angle), draw(angle)))
    affine = np.eye(4)
    affine[:3, :3] = turned * (spacing * mirror)
    affine[:3, 3] = [draw(st.floats(-200, 200)) for _ in range(3)]
    return Grid(shape, affine)


def upright(
    shape: tuple[int, int, int], spacing: tuple[float, float, float] = (0.6, 0.6, 3.3)
) -> Grid:
    """A grid along the axes of the body: I to the right, J to the front, K up."""
    return Grid(shape, np.diag([*spacing, 1.0]))


def filled(grid: Grid, *labels: tuple[int, str, slice]) -> BoneMap:
    """Bones as slabs along I, each given as (label, bone, slice along I)."""
    voxels = np.zeros(grid.shape, np.uint8)
    for label, _, part in labels:
        voxels[part] = label
    bones = tuple(LabelledBone(n, bone, Side.LEFT) for n, bone, _ in labels)
    return BoneMap(voxels, grid, bones, "test")


def all_bone(grid: Grid) -> BoneMap:
    """One femur that fills the image."""
    return filled(grid, (1, "femur", slice(None)))


def box(grid: Grid, low: tuple[int, int, int], high: tuple[int, int, int]) -> NDArray[np.bool_]:
    """(I, J, K) bool, true for low <= index < high."""
    mask = np.zeros(grid.shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ball(grid: Grid, center_ras: tuple[float, float, float], radius_mm: float) -> NDArray[np.bool_]:
    """(I, J, K) bool, voxels whose centre lies in a ball."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    away = grid.to_ras(index.astype(float)) - np.asarray(center_ras)
    return np.asarray(np.linalg.norm(away, axis=-1) <= radius_mm)
