"""Slices are shown by the convention of radiology, whatever way they were scanned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marrowlight.report.display import RIGHTWARDS, UPWARDS, display_of
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane

NORMAL = {Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}


def scanned(plane: Plane, swap: bool, signs: tuple[int, int, int], turn: np.ndarray) -> Grid:
    """A grid of 12x10x6 voxels scanned in a plane, its axes in any order and direction."""
    normal = NORMAL[plane]
    inside = [a for a in range(3) if a != normal]
    order = [*(inside[::-1] if swap else inside), normal]
    directions = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        directions[world, axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = turn @ directions @ np.diag([0.5, 0.8, 4.0])
    affine[:3, 3] = (10, -20, 30)
    return Grid((12, 10, 6), affine)


def seen_coordinates(grid: Grid) -> tuple[np.ndarray, object]:
    """(3, rows, columns) RAS of every pixel of the middle slice as seen on the screen."""
    display = display_of(grid)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    ras = grid.to_ras(index)
    return np.stack([display.slice(ras[..., a], 3) for a in range(3)]), display


@pytest.mark.parametrize("plane", list(Plane))
@given(
    swap=st.booleans(),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    tilt=st.tuples(*[st.floats(-0.4, 0.4)] * 3),
)
@settings(deadline=None, max_examples=60)
def test_patient_right_is_on_the_left_and_superior_on_top(
    plane: Plane, swap: bool, signs: tuple[int, int, int], tilt: tuple[float, float, float]
) -> None:
    turn = Rotation.from_rotvec(tilt).as_matrix()
    seen, display = seen_coordinates(scanned(plane, swap, signs, turn))
    assert display.plane is plane
    rightwards, downwards = seen[:, 0, -1] - seen[:, 0, 0], seen[:, -1, 0] - seen[:, 0, 0]
    assert rightwards @ np.array(RIGHTWARDS[plane]) > 0
    assert downwards @ np.array(UPWARDS[plane]) < 0
    assert np.linalg.norm(seen[:, 0, 1] - seen[:, 0, 0]) == pytest.approx(display.column_mm)
    assert np.linalg.norm(seen[:, 1, 0] - seen[:, 0, 0]) == pytest.approx(display.row_mm)


@pytest.mark.parametrize(
    ("plane", "edges"),
    [
        (Plane.AXIAL, ("R", "L", "A", "P")),
        (Plane.CORONAL, ("R", "L", "S", "I")),
        (Plane.SAGITTAL, ("A", "P", "S", "I")),
    ],
)
def test_the_letters_at_the_edges_say_so(plane: Plane, edges: tuple[str, ...]) -> None:
    for swap, signs in itertools.product((True, False), itertools.product((-1, 1), repeat=3)):
        display = display_of(scanned(plane, swap, signs, np.eye(3)))
        assert (display.left, display.right, display.top, display.bottom) == edges


def test_an_oblique_slice_has_two_letters() -> None:
    tilted = Rotation.from_euler("x", 40, degrees=True).as_matrix()
    display = display_of(scanned(Plane.CORONAL, False, (-1, 1, 1), tilted))
    assert (display.top, display.bottom) == ("SP", "IA")
    assert (display.left, display.right) == ("R", "L")


def test_a_voxel_is_placed_where_it_is_seen() -> None:
    grid = scanned(Plane.SAGITTAL, True, (-1, -1, 1), np.eye(3))
    display = display_of(grid)
    voxels = np.zeros(grid.shape)
    voxels[7, 2, 4] = 1
    k, row, column = display.place(np.array([7, 2, 4]))
    assert display.slice(voxels, int(k))[int(row), int(column)] == 1
    assert display.stack(voxels)[int(k), int(row), int(column)] == 1


def test_the_coarse_axis_is_the_slice_axis_where_a_file_was_reoriented() -> None:
    display = display_of(Grid((20, 256, 256), np.diag([4.0, 0.5, 0.5, 1.0])))
    assert display.slice_axis == 0
    assert display.plane is Plane.SAGITTAL


def test_the_position_of_a_slice_is_told_along_its_normal() -> None:
    grid = Grid((10, 10, 5), np.diag([1.0, 1.0, 4.0, 1.0]))
    assert display_of(grid).position(2) == "S 8.0 mm"
