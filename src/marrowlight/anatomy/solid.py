"""One side's bones on an even grid whose axes are lateral, anterior and superior.

Landmarks are looked for here, so that slices of any thickness, plane and side give the same
answer; zones are then drawn on the grid of the bone map itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.cloud import CLOUD_MM, Cloud, cloud_of
from marrowlight.anatomy.frame import Frame, NoFrame, Points
from marrowlight.study.study import Side

THIN_MM = 12.0
"""A bone that is seen over less than this along any axis of the body has no frame. Estimate. Unit:
mm."""


ALIKE = 0.4
"""A second piece larger than this share of the largest is no loose part of it. Estimate."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A bone on the even grid of ``cloud.py``.

    Parameters
    ----------
    mask, edge : (A, B, C) bool
        The bone, and those of its voxels that have a face neighbour outside it, along lateral,
        anterior and superior, ``CLOUD_MM`` apart. Where the image cuts the bone off is no edge.
    low : (3,) float64
        Body coordinates of voxel (0, 0, 0): lateral, anterior, superior mm.
    """

    mask: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    low: Points

    @cached_property
    def points(self) -> Points:
        """(n, 3) body mm of the voxels of the bone."""
        out: Points = np.argwhere(self.mask) * CLOUD_MM + self.low
        return out

    @cached_property
    def surface(self) -> Points:
        """(m, 3) body mm of the voxels at its edge."""
        out: Points = np.argwhere(self.edge) * CLOUD_MM + self.low
        return out

    @cached_property
    def depths(self) -> NDArray[np.float64]:
        """(n,) mm from each of ``points`` to the outside, or to where the image ends."""
        from scipy import ndimage

        padded = ndimage.distance_transform_edt(np.pad(self.mask, 1))
        deep: NDArray[np.float64] = padded[1:-1, 1:-1, 1:-1][self.mask] * CLOUD_MM
        return deep


@dataclass(frozen=True, eq=False)
class SideBones:
    """The bones of one side of the body.

    Parameters
    ----------
    side : Side
        As given; UNKNOWN where nobody said.
    bones : dict of LabelledBone by registry id
    source : BoneMap
    lateral : +1 or -1
        Sign of RAS x that points to lateral.
    clouds : dict of Cloud by registry id
        Those that were asked for, so that each is made once.
    """

    side: Side
    bones: dict[str, LabelledBone]
    source: BoneMap
    lateral: int
    clouds: dict[str, Cloud | None] = field(default_factory=dict)

    @property
    def body(self) -> Frame:
        """The frame of body coordinates: lateral, anterior, superior mm, origin as in RAS."""
        return Frame(np.zeros(3), np.diag([float(self.lateral), 1.0, 1.0]))

    def turned(self) -> SideBones:
        """The same bones taken for those of the other side."""
        return replace(self, lateral=-self.lateral)

    def cloud(self, bone: str) -> Cloud:
        """A bone in points. Raises NoFrame if the map does not hold it."""
        if bone not in self.clouds:
            there = bone in self.bones
            self.clouds[bone] = cloud_of(self.source, self.bones[bone]) if there else None
        cloud = self.clouds[bone]
        if cloud is None:
            raise NoFrame("it is not in the bone map")
        return cloud

    def solid(self, bone: str) -> Solid:
        """A bone on the even grid: its largest piece.

        Raises NoFrame if the map does not hold it, or only a thin part of it.
        """
        cloud = self.cloud(bone)
        inside = self.body.of(cloud.inside)
        low = inside.min(axis=0)
        index = np.round((inside - low) / CLOUD_MM).astype(int)
        mask = np.zeros(index.max(axis=0) + 1, bool)
        mask[tuple(index.T)] = True
        mask = _largest(mask)
        edge = np.zeros(mask.shape, bool)
        edge[tuple(np.round((self.body.of(cloud.surface) - low) / CLOUD_MM).astype(int).T)] = True
        solid = Solid(mask, edge & mask, low)
        extent = float(np.ptp(solid.points, axis=0).min()) + CLOUD_MM
        if extent < THIN_MM:
            raise NoFrame(f"only {extent:.0f} mm of it are in the image")
        return solid

    def surface(self, bone: str) -> Points:
        """(m, 3) body mm of the surface of all pieces of a bone. Raises NoFrame if it is absent."""
        return self.body.of(self.cloud(bone).surface)

    def in_image(self, points: Points) -> NDArray[np.bool_]:
        """(n,) bool: whether (n, 3) body points lie within the image of the bone map."""
        index = self.source.grid.to_index(self.body.to_ras(points))
        inside: NDArray[np.bool_] = np.all(
            (index >= -0.5) & (index <= np.array(self.source.grid.shape) - 0.5), axis=1
        )
        return inside


def sides_of(bones: BoneMap, side: Side, wanted: Iterable[str]) -> tuple[SideBones, ...]:
    """The wanted bones of a map, each side for itself.

    side : of bones that have none of their own. Where it stays UNKNOWN, lateral is +x until the
    shape says otherwise.
    """
    groups: dict[Side, dict[str, LabelledBone]] = {}
    names = set(wanted)
    for bone in bones.bones:
        if bone.bone in names:
            own = side if bone.side is Side.UNKNOWN else bone.side
            groups.setdefault(own, {})[bone.bone] = bone
    return tuple(
        SideBones(own, found, bones, -1 if own is Side.LEFT else 1) for own, found in groups.items()
    )


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a mask: loose voxels are no landmarks.

    Raises NoFrame if another piece is nearly as large: one label for both sides, or a broken bone.
    """
    from scipy import ndimage

    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    first, second = np.sort(sizes)[[-1, -2]]
    if second > ALIKE * first:
        raise NoFrame("it is in two pieces of alike size: both sides under one label, or broken")
    kept: NDArray[np.bool_] = pieces == sizes.argmax()
    return kept
