"""An outline encloses what it outlines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from marrowlight.report.contours import mask_path, outlines


def area(line: np.ndarray) -> float:
    x, y = line.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def disc(radius: float, size: int = 41) -> np.ndarray:
    rows, columns = np.indices((size, size)) - size // 2
    return rows**2 + columns**2 <= radius**2


@pytest.mark.parametrize("radius", [3, 6, 12])
def test_the_area_inside_is_that_of_the_mask(radius: float) -> None:
    (line,) = outlines(disc(radius))
    assert abs(area(line)) == pytest.approx(disc(radius).sum(), rel=0.12)


def test_a_single_voxel_has_an_outline() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 6] = True
    (line,) = outlines(mask)
    np.testing.assert_allclose(line.mean(axis=0), (6, 4))


def test_a_hole_has_an_outline_of_its_own() -> None:
    assert len(outlines(disc(12) & ~disc(5))) == 2


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(deadline=None, max_examples=60)
def test_outlines_are_closed_and_stay_near_the_mask(mask: np.ndarray) -> None:
    lines = outlines(mask)
    assert bool(lines) == bool(mask.any())
    marked = np.argwhere(mask)[:, ::-1]
    for line in lines:
        assert len(line) >= 3
        away = np.abs(line[:, None] - marked[None]).max(axis=2).min(axis=1)
        assert away.max() <= 0.75  # voxels: a notch is rounded off


def test_a_path_is_in_mm_with_the_shape_of_the_voxels() -> None:
    mask = np.zeros((4, 4), bool)
    mask[1, 2] = True
    numbers = mask_path(mask, 3.0, 0.5).strip("MZ").replace("L", " ").split()
    points = np.array(numbers, float).reshape(-1, 2)
    np.testing.assert_allclose(points.mean(axis=0), (1.25, 4.5), atol=0.01)
    assert np.ptp(points[:, 1]) == pytest.approx(6 * np.ptp(points[:, 0]), rel=0.1)


def test_an_empty_mask_has_no_path() -> None:
    assert mask_path(np.zeros((4, 4), bool), 1, 1) == ""
