"""The window: the box around the bones in which everything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import box_around

MARGIN_MM = 8.0
"""Room around the bones for the soft tissue beside them. mm."""
THICK = 1.2
"""An axis is the slice axis if its spacing exceeds the others by this factor."""


COARSE_MM = 0.66
"""In the slice, pixels are averaged up to this size before anything is computed. Edema has no finer
edge, scanners interpolate below it, and the finder was fitted on pixels of 0.6 mm. mm."""


@dataclass(frozen=True)
class Window:
    """Box around the bones, with the slice axis last.

    Parameters
    ----------
    box : three slices of the full array
    order : axis order that puts the slice axis last
    spacing : (3,) mm of its voxels, in that order
    shape : shape of the full array
    pool : voxels of the full array that are averaged into one, per axis of the full array
    """

    box: tuple[slice, slice, slice]
    order: tuple[int, int, int]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]
    pool: tuple[int, int, int] = (1, 1, 1)

    def cut(self, full: NDArray[Any]) -> NDArray[Any]:
        """(I, J, K) image or mask to the window, slice axis last; contiguous copy.

        Where voxels are pooled, an image is averaged and a mask takes the majority.
        """
        part = full[self.box]
        if self.pool != (1, 1, 1):
            short = [(0, -n % f) for n, f in zip(part.shape, self.pool, strict=True)]
            part = np.pad(part, short, mode="edge")
            blocks = [m for n, f in zip(part.shape, self.pool, strict=True) for m in (n // f, f)]
            mean = part.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)
            part = mean >= 0.5 if full.dtype == np.bool_ else mean.astype(full.dtype)
        return np.ascontiguousarray(part.transpose(self.order))

    def paste(self, part: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
        """Write a window back into a full (I, J, K) array, which is returned."""
        part = part.transpose(np.argsort(self.order))
        for axis, factor in enumerate(self.pool):
            part = np.repeat(part, factor, axis) if factor > 1 else part
        room = into[self.box]
        room[...] = part[tuple(slice(n) for n in room.shape)]
        return into


def window_around(bone: NDArray[np.bool_], spacing: tuple[float, float, float]) -> Window:
    """Window around a bone mask.

    bone : (I, J, K) bool, not empty; spacing : mm.
    The slice axis is the one with clearly the largest spacing, else K as scanned.
    """
    s = np.asarray(spacing)
    thick = int(s.argmax())
    others = np.delete(s, thick)
    last = thick if s[thick] > THICK * others.max() else 2
    order = (*(a for a in range(3) if a != last), last)
    box = box_around(bone, [int(np.ceil(MARGIN_MM / x)) for x in s])
    a, b, c = order
    pool = [max(1, int(COARSE_MM / x)) if axis != c else 1 for axis, x in enumerate(s)]
    s = s * pool
    shape = (bone.shape[0], bone.shape[1], bone.shape[2])
    spacings = (float(s[a]), float(s[b]), float(s[c]))
    pools = (pool[0], pool[1], pool[2])
    return Window(box, (a, b, c), spacings, shape, pools)
