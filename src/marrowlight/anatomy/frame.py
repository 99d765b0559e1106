"""The frame of a bone: where it is and which way it points, whichever side it is of.

Every joint has a file ``frames_<joint>.py`` whose ``place_<joint>`` finds the frame of each of its
bones from the bone map alone. What a bone can then be asked is a set of named coordinates, and the
zones are intervals of these: their numbers are data (``zones/*.yaml``), the geometry is code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.notice import Notice
from marrowlight.study.study import Side

Points = NDArray[np.float64]
Coordinate = Callable[[Points], NDArray[np.float64]]
"""A number for each of (n, 3) points in RAS+ mm, as (n,). Its unit is the end of its name: ``_mm``,
``_share`` (0..1 along an extent of the bone; beyond it below 0 or above 1) or ``_deg``."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Axes fixed to a bone, alike on both sides.

    Parameters
    ----------
    origin : (3,) RAS+ mm
    axes : (3, 3)
        Rows are unit vectors in RAS: towards lateral, anterior and proximal, orthogonal. A right
        bone has a right-handed frame and a left one a left-handed, so that mirror images have
        equal coordinates.
    """

    origin: Points
    axes: Points

    @property
    def lateral(self) -> Points:
        """(3,) unit vector away from the midline of the body."""
        return np.asarray(self.axes[0])

    @property
    def anterior(self) -> Points:
        """(3,) unit vector to the front."""
        return np.asarray(self.axes[1])

    @property
    def proximal(self) -> Points:
        """(3,) unit vector towards the trunk."""
        return np.asarray(self.axes[2])

    def of(self, ras: Points) -> Points:
        """(n, 3) lateral, anterior and proximal mm of (n, 3) points in RAS+ mm."""
        inside: Points = (np.asarray(ras, np.float64) - self.origin) @ self.axes.T
        return inside

    def to_ras(self, inside: Points) -> Points:
        """(n, 3) RAS+ mm of (n, 3) lateral, anterior and proximal mm."""
        ras: Points = np.asarray(inside, np.float64) @ self.axes + self.origin
        return ras


@dataclass(frozen=True, eq=False)
class PlacedBone:
    """A bone whose frame was found.

    Parameters
    ----------
    bone : LabelledBone
    side : Side
        Given, or worked out from the shape; UNKNOWN only where no coordinate depends on it.
    frame : Frame
    coordinates : by name
        What zones may ask of this bone; ``frames_<joint>.py`` documents each.
    landmarks : (3,) RAS+ mm by name
        Points that zones may be near to.
    """

    bone: LabelledBone
    side: Side
    frame: Frame
    coordinates: Mapping[str, Coordinate]
    landmarks: Mapping[str, Points] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Placement:
    """What was found of a joint: the placed bones, and why the others have no frame."""

    placed: tuple[PlacedBone, ...]
    unplaced: tuple[tuple[str, str], ...] = ()
    notices: tuple[Notice, ...] = ()


class NoFrame(Exception):
    """The frame of a bone cannot be found; the text says why. Never leaves this room."""


def frame_from(origin: Points, proximal: Points, lateral: Points, anterior: Points) -> Frame:
    """An orthogonal frame: proximal is kept, lateral is made orthogonal to it.

    anterior : rough; decides only the sign of the third axis, so that a left bone gets a
    left-handed frame. Raises NoFrame if two of the directions are parallel.
    """
    up = unit(proximal)
    out = unit(lateral - (lateral @ up) * up)
    front = np.cross(up, out)
    front = front if front @ anterior > 0 else -front
    return Frame(np.asarray(origin, np.float64), np.stack([out, front, up]))


def unit(vector: Points) -> Points:
    """(3,) of length 1. Raises NoFrame if it has none."""
    length = float(np.linalg.norm(vector))
    if not length > 1e-9:
        raise NoFrame("its axes cannot be told apart")
    scaled: Points = np.asarray(vector, np.float64) / length
    return scaled


def bone_points(bones: BoneMap, bone: LabelledBone) -> Points:
    """(n, 3) RAS+ mm of the voxel centres of a bone, in the order of ``np.nonzero``."""
    return bones.grid.to_ras(np.argwhere(bones.of(bone)).astype(np.float64))


def along(frame: Frame, axis: int, start: float = 0.0, length: float = 1.0) -> Coordinate:
    """The coordinate along an axis of a frame (0 lateral, 1 anterior, 2 proximal).

    In mm from ``start``, or, with ``length`` in mm, as a share of that length.
    """

    def value(ras: Points) -> NDArray[np.float64]:
        out: NDArray[np.float64] = (frame.of(ras)[:, axis] - start) / length
        return out

    return value
