"""Implicit shapes: functions of space that are below zero inside.

Points come as three float32 arrays x, y, z of one shape, in mm; values come back as a float32 array
of that shape: about the distance to the surface in mm, negative inside. "About", because for all
shapes but the tube it is exact only near the surface, which is where layers are built on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
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
    """A wheel with round rims and rather flat sides along x: the form of a femoral condyle."""
    a, b, c = (np.float32(1 / r) for r in radii)
    u, v, w = (x - center[0]) * a, (y - center[1]) * b, (z - center[2]) * c
    u2, s2 = u * u, v * v + w * w
    # Halfway between an ellipsoid and its fourth-power brother.
    k = np.sqrt(u2 + s2)
    k += 0.5 * (np.sqrt(np.sqrt(u2 * u2 + s2 * s2)) - k)
    u *= a
    v *= b
    w *= c
    return _distance(k * (k - 1), np.sqrt(u * u + v * v + w * w))


def tube(x: Field, y: Field, z: Field, points: Sequence[Sequence[float]]) -> Field:
    """A round tube through points ``(x, y, z, radius)``, tapering between them."""
    best: Field | None = None
    for a, b in pairwise(points):
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


def band(x: Field, y: Field, z: Field, points: Sequence[Sequence[float]], flat: Point) -> Field:
    """A flat tube: along each axis it is ``flat`` times as wide as its radius says."""
    fx, fy, fz = flat
    squeezed = [(p[0] / fx, p[1] / fy, p[2] / fz, p[3]) for p in points]
    return tube(x / np.float32(fx), y / np.float32(fy), z / np.float32(fz), squeezed)


def curve(points: Sequence[Sequence[float]], pieces: int = 4) -> list[tuple[float, ...]]:
    """The same path bent smoothly through its points (Catmull-Rom), each stretch in pieces."""
    p = np.array(points, dtype=float)
    if len(p) < 3:
        return [tuple(row) for row in p]
    ends = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    out = []
    for a, b, c, d in zip(ends[:-3], ends[1:-2], ends[2:-1], ends[3:], strict=True):
        t = np.linspace(0, 1, pieces, endpoint=False)[:, None]
        out.append(
            b + 0.5 * t * (c - a)
            + t**2 * (a - 2.5 * b + 2 * c - 0.5 * d)
            + 0.5 * t**3 * (3 * b - a - 3 * c + d)
        )  # fmt: skip
    return [tuple(row) for row in np.vstack([*out, p[-1:]])]


def union(a: Field, b: Field, blend_mm: float = 0.0) -> Field:
    """Both shapes, melted together where they are closer than blend_mm."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    h = np.clip(0.5 + (b - a) * np.float32(0.5 / blend_mm), 0, 1)
    out: Field = b + (a - b) * h - np.float32(blend_mm) * h * (1 - h)
    return out


def cut(a: Field, b: Field, blend_mm: float = 0.0) -> Field:
    """The first shape without the second, with an edge rounded over blend_mm."""
    return -union(-a, b, blend_mm)


class ColumnRow(NamedTuple):
    """One level of a column along z, in mm.

    half_x : half-width to both sides of x; front, back : from y to the front and to the back;
    square : 0 is an ellipse, 1 a square with round corners.
    """

    z: float
    x: float
    y: float
    half_x: float
    front: float
    back: float
    square: float = 0.0


class Column:
    """A column along z whose section changes with height, such as a shaft or a limb.

    rows : by rising z; between them all runs smoothly, beyond them it stays.
    """

    STEP_MM = 0.25
    SMOOTH_MM = 9.0
    """Corners between rows are rounded over this length."""

    def __init__(self, rows: Sequence[ColumnRow]) -> None:
        self.rows = tuple(rows)

    @cached_property
    def _table(self) -> tuple[float, Field]:
        rows = np.array(self.rows, dtype=np.float64)
        width = int(self.SMOOTH_MM / self.STEP_MM) | 1
        start = rows[0, 0] - self.SMOOTH_MM
        z = np.arange(start, rows[-1, 0] + self.SMOOTH_MM, self.STEP_MM)
        padded = np.pad(z, width // 2, mode="reflect", reflect_type="odd")
        hann = np.hanning(width + 2)[1:-1]
        hann /= hann.sum()
        smooth = [
            np.convolve(np.interp(padded, rows[:, 0], rows[:, c]), hann, mode="valid")
            for c in range(1, rows.shape[1])
        ]
        smooth[2:5] = [1 / length for length in smooth[2:5]]
        return start, np.array(smooth, dtype=np.float32)

    def __call__(self, x: Field, y: Field, z: Field) -> Field:
        """Distance to the side of the column; it has no ends."""
        start, table = self._table
        level = ((z - np.float32(start)) * np.float32(1 / self.STEP_MM)).astype(np.int32)
        np.clip(level, 0, table.shape[1] - 1, out=level)
        a = table[2][level]
        u = (x - table[0][level]) * a
        v = y - table[1][level]
        b = np.where(v > 0, table[3][level], table[4][level])
        v *= b
        u2, v2 = u * u, v * v
        k = np.sqrt(u2 + v2)
        if table[5].any():
            square = table[5][level]
            k += square * (np.sqrt(np.sqrt(u2 * u2 + v2 * v2)) - k)
        u2 *= a * a
        v2 *= b * b
        return _distance(k * (k - 1), np.sqrt(u2 + v2))


def _distance(value: Field, slope: Field) -> Field:
    """First-order distance: the value over its slope."""
    return np.divide(value, np.maximum(slope, _TINY), dtype=np.float32)
