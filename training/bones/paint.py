"""Painting simple bodies into a tissue map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Point = NDArray[np.floating] | Sequence[float]


def smooth_noise(
    shape: tuple[int, ...], rng: np.random.Generator, period: float
) -> NDArray[np.float32]:
    """Smooth noise of SD one that varies over about ``period`` voxels."""
    nodes = [max(3, int(np.ceil(n / period)) + 3) for n in shape]
    coarse = rng.standard_normal(nodes).astype(np.float32)
    fine = ndimage.zoom(coarse, [n / c for n, c in zip(shape, nodes, strict=True)], order=1)
    part: NDArray[np.float32] = fine[: shape[0], : shape[1], : shape[2]] / fine.std()
    return part


class Painter:
    """Paints tubes, balls and bellies; points are voxel indices, sizes mm.

    canvas : (I, J, K) uint8, painted in place
    within : paint only here
    """

    def __init__(
        self, canvas: NDArray[np.uint8], voxel_mm: float, within: NDArray[np.bool_] | None = None
    ) -> None:
        self.canvas, self.voxel_mm, self.within = canvas, voxel_mm, within

    def _box(self, low: Point, high: Point, reach: Point | float) -> tuple[slice, ...] | None:
        a = np.maximum(np.floor(np.asarray(low) - reach), 0).astype(int)
        b = np.minimum(np.ceil(np.asarray(high) + reach) + 1, self.canvas.shape).astype(int)
        return None if (b <= a).any() else tuple(slice(*p) for p in zip(a, b, strict=True))

    def _fill(self, box: tuple[slice, ...], inside: NDArray[np.bool_], value: int) -> None:
        if self.within is not None:
            inside = inside & self.within[box]
        self.canvas[box][inside] = value

    @staticmethod
    def _places(box: tuple[slice, ...]) -> NDArray[np.float32]:
        axes = [np.arange(b.start, b.stop, dtype=np.float32) for b in box]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1)

    def tube(self, start: Point, end: Point, radius: float, value: int, flat: float = 1.0) -> None:
        """All within ``radius`` of a line; ``flat`` widens it along x."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        box = self._box(np.minimum(a, b), np.maximum(a, b), radius / self.voxel_mm * flat + 1)
        if box is None:
            return
        places, way = self._places(box), b - a
        along = np.clip(((places - a) @ way) / (way @ way + 1e-6), 0, 1)[..., None]
        off = places - (a + along * way)
        off[..., 0] /= flat
        self._fill(box, (off**2).sum(-1) * self.voxel_mm**2 < radius**2, value)

    def ball(
        self, centre: Point, radius: float, value: int, stretch: Sequence[float] = (1, 1, 1)
    ) -> None:
        """An ellipsoid with the half axes ``radius * stretch``."""
        half = radius / self.voxel_mm * np.asarray(stretch, float)
        box = self._box(centre, centre, half + 1)
        if box is not None:
            off = (self._places(box) - np.asarray(centre, float)) / half
            self._fill(box, (off**2).sum(-1) < 1, value)

    def belly(
        self,
        centre: Point,
        half_mm: Point,
        rim_mm: float,
        value: int,
        rim: int,
        wave: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> None:
        """A tilted, wavy ellipsoid along z, with a rim of another tissue."""
        half = np.asarray(half_mm, float) / self.voxel_mm
        box = self._box(centre, centre, half.max() * 1.25 + 2)
        if box is None:
            return
        off = self._places(box) - np.asarray(centre, float)
        tilt = rng.normal(0, 0.18, 2)
        off[..., 0] -= tilt[0] * off[..., 2]
        off[..., 1] -= tilt[1] * off[..., 2]
        turn = rng.uniform(0, np.pi)
        x = np.cos(turn) * off[..., 0] + np.sin(turn) * off[..., 1]
        y = -np.sin(turn) * off[..., 0] + np.cos(turn) * off[..., 1]
        r = np.sqrt((x / half[0]) ** 2 + (y / half[1]) ** 2 + (off[..., 2] / half[2]) ** 2)
        r *= 1 + 0.07 * wave[box]
        self._fill(box, r < 1 + rim_mm / self.voxel_mm / half[:2].min(), rim)
        self._fill(box, r < 1, value)
