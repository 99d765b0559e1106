"""Shapes: negative inside, positive outside, and near the surface a distance in mm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowlight.phantom.shapes import (
    Column,
    ColumnRow,
    band,
    curve,
    cut,
    disc,
    ellipsoid,
    tube,
    union,
)

coordinate = st.floats(-50, 50, width=32)
radius = st.floats(2, 30, width=32)
point = st.tuples(coordinate, coordinate, coordinate)


def at(p: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(np.array([c], np.float32) for c in p)  # type: ignore[return-value]


@given(point, point, radius)
def test_a_round_ellipsoid_measures_the_distance_to_a_ball(p, center, r) -> None:
    expected = np.linalg.norm(np.subtract(p, center)) - r
    got = float(ellipsoid(*at(p), center, (r, r, r))[0])
    if abs(expected + r) > 0.1:
        assert got == pytest.approx(expected, abs=0.02)


@given(point, st.tuples(radius, radius, radius))
def test_an_ellipsoid_and_a_disc_hold_their_centre_and_not_what_is_beyond_their_box(p, r) -> None:
    for shape in (ellipsoid, disc):
        far = (p[0] + r[0] * 1.01, p[1], p[2])
        assert float(shape(*at(far), p, r)[0]) > 0
        near = (p[0] + r[0] * 0.97, p[1], p[2])
        assert float(shape(*at(near), p, r)[0]) < 0


@given(point)
def test_a_straight_tube_is_the_distance_to_a_segment(p) -> None:
    got = float(tube(*at(p), [(0, 0, -10, 3), (0, 0, 10, 3)])[0])
    z = np.clip(p[2], -10, 10)
    assert got == pytest.approx(np.hypot(np.hypot(p[0], p[1]), p[2] - z) - 3, abs=1e-3)


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_a_band_is_as_wide_as_it_is_flat(x, y) -> None:
    path = [(0, 0, -50, 1), (0, 0, 50, 1)]
    inside = float(band(*at((x, y, 0)), path, (5, 1, 1))[0]) < 0
    r = np.hypot(x / 5, y)
    if abs(r - 1) > 1e-3:
        assert inside == (r < 1)


@given(st.lists(st.tuples(coordinate, coordinate, coordinate, radius), min_size=3, max_size=6))
def test_a_curve_goes_through_its_points(points) -> None:
    bent = np.array(curve(points, 4))
    assert np.allclose(bent[::4], np.array(points), atol=1e-6)


@given(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32), st.sampled_from([0.0, 0.5, 3, 9]))
def test_a_union_holds_both_and_a_cut_holds_nothing_of_the_second(a, b, blend) -> None:
    a32, b32 = np.float32([a]), np.float32([b])
    assert float(union(a32, b32, blend)[0]) <= min(a, b) + 1e-5
    assert float(cut(a32, b32, blend)[0]) >= max(a, -b) - 1e-5


def test_a_column_is_as_wide_as_its_rows_say() -> None:
    column = Column([ColumnRow(z, 1, 2, 10, 8, 5) for z in (-40, 40)])
    for p, inside in {
        (10.8, 2, 0): True, (11.2, 2, 0): False, (1, 9.8, 0): True, (1, 10.2, 0): False,
        (1, -2.8, 90): True, (1, -3.2, -90): False,
    }.items():  # fmt: skip
        assert (float(column(*at(p))[0]) < 0) == inside
    square = Column([ColumnRow(z, 0, 0, 10, 10, 10, 1) for z in (-40, 40)])
    assert float(square(*at((8, 8, 0)))[0]) < 0
