"""The window: the box around the bones in which everything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARGIN_MM = 8.0
"""Room around the bones for the soft tissue beside them. mm."""
THICK = 1.2
"""An axis is the slice axis if its spacing exceeds the others by this factor."""


@dataclass(frozen=True)
class Window:
    """Box around the bones, with the slice axis last.

    Parameters
    ----------
    box : three slices of the full array
    order : axis order that puts the slice axis last
    spacing : (3,) mm, in that order
    shape : shape of the full array
    """

    box: tuple[slice, slice, slice]
    order: tuple[int, int, int]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]

    def cut(self, full: NDArray[Any]) -> NDArray[Any]:
        """(I, J, K) array to the window, slice axis last; contiguous copy."""
        return np.ascontiguousarray(full[self.box].transpose(self.order))

    def paste(self, part: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
        """Write a window back into a full (I, J, K) array, which is returned."""
        into[self.box] = part.transpose(np.argsort(self.order))
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
    box = []
    for axis in range(3):
        used = np.flatnonzero(bone.any(axis=tuple(a for a in range(3) if a != axis)))
        margin = int(np.ceil(MARGIN_MM / s[axis]))
        box.append(
            slice(max(int(used[0]) - margin, 0), min(int(used[-1]) + margin + 1, bone.shape[axis]))
        )
    a, b, c = order
    shape = (bone.shape[0], bone.shape[1], bone.shape[2])
    spacings = (float(s[a]), float(s[b]), float(s[c]))
    return Window((box[0], box[1], box[2]), (a, b, c), spacings, shape)
