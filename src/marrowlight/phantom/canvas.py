"""The canvas: sample points of one slice, and the tissue and the bone at each.

A voxel is sampled at several points spread over its thickness and, a little, over its area, so that
the mean over its samples is the partial volume of a slice as thick as that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from marrowlight.phantom.shapes import Field, Point
from marrowlight.phantom.tissue import tissue_number

_INSIDE_VOXEL = (
    (-0.42, 0.08), (0.25, -0.25), (-0.08, 0.42), (0.42, -0.08), (-0.25, 0.25), (0.08, -0.42),
)  # fmt: skip
"""In-plane places of the samples of a voxel, in voxels from its centre, one per sub-slice."""


@dataclass(frozen=True, slots=True)
class Frame:
    """From voxels of the scanner to the joint's own space.

    The joint's own space is that of a right joint of mean size: x to the right (lateral), y to the
    front, z up, mm, origin in the joint. ``to_model`` : (4, 4) float64, RAS+ mm to that space.
    """

    to_model: NDArray[np.float64]

    def model(self, ras: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the scanner in the joint's own space; ras : (..., 3)."""
        out: NDArray[np.float64] = ras @ self.to_model[:3, :3].T + self.to_model[:3, 3]
        return out

    def ras(self, model: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the joint's own space in RAS+ mm; model : (..., 3)."""
        back = np.linalg.inv(self.to_model)
        out: NDArray[np.float64] = model @ back[:3, :3].T + back[:3, 3]
        return out


def sample_offsets(count: int, thickness_share: float) -> NDArray[np.float64]:
    """(count, 3) places of the samples of a voxel in voxels from its centre.

    thickness_share : slice thickness over centre-to-centre distance; samples stay off the gap.
    """
    depth = ((np.arange(count) + 0.5) / count - 0.5) * thickness_share
    plane = np.array([_INSIDE_VOXEL[i % len(_INSIDE_VOXEL)] for i in range(count)])
    return np.column_stack([plane, depth])


class Canvas:
    """Sample points on a lattice, painted back to front.

    Parameters
    ----------
    shape : (S, I, J)
        Samples per voxel, and voxels along two axes.
    index_to_model : (4, 4) float64
        Lattice index (s, i, j) to the joint's own space.
    jitter : (S, 2)
        In-plane offset of each sample in voxels.

    Attributes
    ----------
    tissue, bone : (S, I, J) uint8
        Tissue number and registry label of the bone at each point.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        index_to_model: NDArray[np.float64],
        jitter: NDArray[np.float64],
    ) -> None:
        self.shape = shape
        self.tissue = np.zeros(shape, np.uint8)
        self.bone = np.zeros(shape, np.uint8)
        self._matrix = index_to_model
        self._inverse = np.linalg.inv(index_to_model)
        self._jitter = jitter

    def area(self, low: Point, high: Point) -> Area | None:
        """The part of the canvas that a box touches (model mm), or None if there is none."""
        corners = np.array(
            [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1])
             for z in (low[2], high[2])]
        )  # fmt: skip
        index = corners @ self._inverse[:3, :3].T + self._inverse[:3, 3]
        first = np.floor(index.min(0) - 1).astype(int)
        last = np.ceil(index.max(0) + 2).astype(int)
        first = np.maximum(first, 0)
        last = np.minimum(last, self.shape)
        if (last <= first).any():
            return None
        where = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        return Area(self, (where[0], where[1], where[2]), *self._points(first, last))

    def _points(
        self, first: NDArray[np.int_], last: NDArray[np.int_]
    ) -> tuple[Field, Field, Field]:
        m = self._matrix
        s, i, j = (np.arange(a, b, dtype=np.float64) for a, b in zip(first, last, strict=True))
        shift = self._jitter[first[0] : last[0]]
        dither = _dither(i, j)
        out = []
        for row in range(3):
            along_s = m[row, 0] * s + m[row, 1:3] @ shift.T + m[row, 3]
            plane = m[row, 1] * i[:, None] + m[row, 2] * j[None, :] + m[row, 0] * dither
            out.append((plane[None] + along_s[:, None, None]).astype(np.float32))
        return out[0], out[1], out[2]


@lru_cache(maxsize=1)
def _blue_noise(size: int = 128) -> NDArray[np.float64]:
    """(size, size) values -0.5..0.5, evenly spread, in which neighbours differ: blue noise.

    White noise, made blue by removing its low frequencies and spreading its values, a few times.
    """
    rng = np.random.default_rng(7)
    noise = rng.random((size, size))
    f = np.fft.fftfreq(size)
    keep = 1 - np.exp(-(f[:, None] ** 2 + f[None, :] ** 2) / (2 * 0.22**2))
    for _ in range(6):
        noise = np.fft.ifft2(np.fft.fft2(noise) * keep).real
        noise.ravel()[np.argsort(noise, axis=None)] = (np.arange(size**2) + 0.5) / size**2
    return noise - 0.5


def _dither(i: NDArray[np.float64], j: NDArray[np.float64]) -> NDArray[np.float64]:
    """-0.5..0.5 for every pixel: samples of neighbours lie at other depths.

    Without it a surface that is nearly parallel to the slices shows as many steps as there are
    samples.
    """
    tile = _blue_noise()
    out: NDArray[np.float64] = tile[np.ix_(i.astype(int) % len(tile), j.astype(int) % len(tile))]
    return out


@dataclass(frozen=True, eq=False, slots=True)
class Area:
    """A box of the canvas: its points x, y, z in mm of the joint's own space, each (s, i, j)."""

    canvas: Canvas
    where: tuple[slice, slice, slice]
    x: Field
    y: Field
    z: Field

    @property
    def xyz(self) -> tuple[Field, Field, Field]:
        """The points, as shapes take them."""
        return self.x, self.y, self.z

    @property
    def tissue(self) -> NDArray[np.uint8]:
        """(s, i, j) view of the tissue numbers here."""
        return self.canvas.tissue[self.where]

    def crop(self, field: Field, of: Area) -> Field:
        """The part of another area's field that lies here; this area must be within that one."""
        return field[
            tuple(
                slice(a.start - b.start, a.stop - b.start)
                for a, b in zip(self.where, of.where, strict=True)
            )
        ]

    def paint(self, tissue: str, inside: NDArray[np.bool_], bone: int | None = None) -> None:
        """Put a tissue (and a bone label) where ``inside`` is true, over what was there."""
        self.canvas.tissue[self.where][inside] = tissue_number(tissue)
        if bone is not None:
            self.canvas.bone[self.where][inside] = bone


Paint = Callable[[Canvas], None]
"""A joint: paints itself on any canvas."""
