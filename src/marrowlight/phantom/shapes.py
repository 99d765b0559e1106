"""Implicit shapes: functions of space that are below zero inside.

Points come as three float32 arrays x, y, z of one shape, in mm; values come back as a float32 array
of that shape: about the distance to the surface in mm, negative inside. "About", because for all
shapes but the tube it is exact only near the surface, which is where layers are built on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Point = tuple[float, float, float]

_TINY = np.float32(1e-6)


def ellipsoid(x: Field, y: Field, z: Field, center: Point, radii: Point) -> Field:
    """An ellipsoid along the axes; center and radii in mm."""
    a, b, c = (np.float32(1 / r) for r in radii)
    u, v, w = (x - center[0]) * a, (y - center[1]) * b, (z - center[2]) * c
    k0 = np.sqrt(u * u + v * v + w * w)
    u *= a
    v *= b
    w *= c
    k1 = np.sqrt(u * u + v * v + w * w)
    return _distance(k0 * (k0 - 1), k1)


def disc(x: Field, y: Field, z: Field, center: Point, radii: Point) -> Field:
    """A wheel with rounded rims and flat sides along x: the form of a femoral condyle."""
    a, b, c = (np.float32(1 / r) for r in radii)
    u, v, w = (x - center[0]) * a, (y - center[1]) * b, (z - center[2]) * c
    u2, s2 = u * u, v * v + w * w
    k = np.sqrt(np.sqrt(u2 * u2 + s2 * s2)) + _TINY
    inv = 1 / (k * k * k)
    gx, gs = u2 * u * a, s2 * np.hypot(v * b, w * c)
    return _distance(k - 1, np.sqrt(gx * gx + gs * gs) * inv)


def tube(x: Field, y: Field, z: Field, points: Sequence[Sequence[float]]) -> Field:
    """A round tube through points ``(x, y, z, radius)``, tapering between them."""
    best: Field | None = None
    for a, b in zip(points[:-1], points[1:], strict=True):
        ab = [b[i] - a[i] for i in range(3)]
        length2 = sum(c * c for c in ab)
        px, py, pz = x - a[0], y - a[1], z - a[2]
        h = (px * ab[0] + py * ab[1] + pz * ab[2]) * np.float32(1 / length2)
        np.clip(h, 0, 1, out=h)
        px -= h * np.float32(ab[0])
        py -= h * np.float32(ab[1])
        pz -= h * np.float32(ab[2])
        d = np.sqrt(px * px + py * py + pz * pz)
        d -= np.float32(a[3]) + h * np.float32(b[3] - a[3])
        best = d if best is None else np.minimum(best, d, out=best)
    assert best is not None
    return best


def band(
    x: Field, y: Field, z: Field, points: Sequence[Sequence[float]], flat: Point
) -> Field:
    """A flat tube: along each axis it is ``flat`` times as wide as its radius says."""
    fx, fy, fz = flat
    squeezed = [(p[0] / fx, p[1] / fy, p[2] / fz, p[3]) for p in points]
    return tube(x / np.float32(fx), y / np.float32(fy), z / np.float32(fz), squeezed)


def union(a: Field, b: Field, blend_mm: float = 0.0) -> Field:
    """Both shapes, melted together where they are closer than blend_mm."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    h = np.clip(0.5 + (b - a) * np.float32(0.5 / blend_mm), 0, 1)
    return b + (a - b) * h - np.float32(blend_mm) * h * (1 - h)


def cut(a: Field, b: Field, blend_mm: float = 0.0) -> Field:
    """The first shape without the second, with an edge rounded over blend_mm."""
    return -union(-a, b, blend_mm)


class ColumnRow(NamedTuple):
    """One level of a column: height z, centre, half-widths right and left of it, front and back."""

    z: float
    x: float
    y: float
    half_x: float
    front: float
    back: float


class Column:
    """A column along z with an elliptic section that changes with height, such as a shaft.

    rows : by rising z; between them everything runs smoothly (monotone cubic), beyond them it stays.
    """

    STEP_MM = 0.25

    def __init__(self, rows: Sequence[ColumnRow]) -> None:
        self.rows = tuple(rows)

    @cached_property
    def _table(self) -> Field:
        from scipy.interpolate import PchipInterpolator

        rows = np.array(self.rows, dtype=np.float64)
        z = np.arange(rows[0, 0], rows[-1, 0] + self.STEP_MM, self.STEP_MM)
        table = PchipInterpolator(rows[:, 0], rows[:, 1:], axis=0)(np.minimum(z, rows[-1, 0]))
        return np.ascontiguousarray(table.T.astype(np.float32))

    def __call__(self, x: Field, y: Field, z: Field) -> Field:
        """Distance to the side of the column; it has no ends."""
        table = self._table
        level = ((z - np.float32(self.rows[0].z)) * np.float32(1 / self.STEP_MM)).astype(np.int32)
        np.clip(level, 0, table.shape[1] - 1, out=level)
        cx, cy, half_x, front, back = (row[level] for row in table)
        u, v = x - cx, y - cy
        a = 1 / half_x
        b = 1 / np.where(v > 0, front, back)
        u *= a
        v *= b
        k0 = np.sqrt(u * u + v * v)
        u *= a
        v *= b
        return _distance(k0 * (k0 - 1), np.sqrt(u * u + v * v))


def _distance(value: Field, slope: Field) -> Field:
    """First-order distance: the value over its slope."""
    out: Field = value / np.maximum(slope, _TINY)
    return out
