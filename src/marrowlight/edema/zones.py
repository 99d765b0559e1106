"""Edema by zone: how much of each lesion, and of all edema, lies in each zone of a joint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.zonemap import Zone, ZoneMap
from marrowlight.edema.lesions import assign_to_bones
from marrowlight.edema.measurement import LesionZone, OutsideZones, ZoneEdema

OUTSIDE = 255
"""Stands for bone outside every zone while voxels look for their nearest bone; no zone may have
this label."""

Counts = NDArray[np.int64]
"""(256, 256) voxels by label of the bone and label of the zone."""


@dataclass(frozen=True, eq=False)
class ZonedEdema:
    """The zones of a measurement, with every voxel of edema placed.

    Parameters
    ----------
    zones : tuple of Zone
    placed : (I, J, K) uint8 by system
        Label of the zone of each voxel of edema, 0 outside all and where there is no edema. A
        voxel just outside bone has the zone of its nearest bone voxel, as it has its bone.
    bone, inside, edema : Counts by system
        Of bone, of edema within bone, and of all edema.
    voxel_mm3 : float
    """

    zones: tuple[Zone, ...]
    placed: Mapping[str, NDArray[np.uint8]]
    bone: Mapping[str, Counts]
    inside: Mapping[str, Counts]
    edema: Mapping[str, Counts]
    voxel_mm3: float

    def of_lesion(self, voxels: NDArray[np.intp]) -> tuple[LesionZone, ...]:
        """The zones that (n, 3) voxels of edema lie in: by system, the largest part first."""
        at = tuple(voxels.T)
        found = []
        for system, placed in self.placed.items():
            counts = np.bincount(placed[at], minlength=256)
            held = [z for z in self.zones if z.system == system and counts[z.label]]
            found += [
                LesionZone(
                    system=system,
                    zone=z.id,
                    name=z.name,
                    share_of_lesion=float(counts[z.label] / len(voxels)),
                    volume_mm3=float(counts[z.label] * self.voxel_mm3),
                )
                for z in sorted(held, key=lambda z: -counts[z.label])
            ]
        return tuple(found)

    def of_bones(self, labels: Collection[int]) -> tuple[ZoneEdema, ...]:
        """Every zone that is in view in bones of these labels, in the order of its system."""
        rows = sorted(labels)
        found = []
        for zone in self.zones:
            size, inside, edema = (
                int(counts[zone.system][rows, zone.label].sum())
                for counts in (self.bone, self.inside, self.edema)
            )
            if size:
                found.append(
                    ZoneEdema(
                        system=zone.system,
                        zone=zone.id,
                        name=zone.name,
                        bone=zone.bone,
                        volume_mm3=size * self.voxel_mm3,
                        edema_mm3=edema * self.voxel_mm3,
                        share=inside / size,
                        provisional=zone.provisional,
                        approximate=zone.approximate,
                    )
                )
        return tuple(found)

    def outside(self, labels: Collection[int]) -> tuple[OutsideZones, ...]:
        """By system, the edema in bones of these labels that lies in no zone of it."""
        rows = sorted(labels)
        found = []
        for system, counts in self.edema.items():
            total, out = int(counts[rows].sum()), int(counts[rows, 0].sum())
            found.append(
                OutsideZones(
                    system=system,
                    edema_mm3=out * self.voxel_mm3,
                    share=out / total if total else None,
                )
            )
        return tuple(found)


def edema_by_zone(
    zones: ZoneMap,
    bones: BoneMap,
    *,
    edema: NDArray[np.bool_],
    bone_of: NDArray[np.uint8],
) -> ZonedEdema:
    """Place every voxel of edema in its zones.

    Parameters
    ----------
    zones : ZoneMap, on the grid of ``bones``
    bones : BoneMap
    edema : (I, J, K) bool, as it is measured
    bone_of : (I, J, K) uint8, label of the bone of each voxel of edema

    Raises GridMismatch if the zones stand on another grid.
    """
    zones.grid.require_match(bones.grid, this="zones", that="bones")
    grid = bones.grid
    all_bone = np.nonzero(bones.labels)
    own = bones.labels[all_bone].astype(np.intp) * 256
    at = np.nonzero(edema)
    theirs = bone_of[at].astype(np.intp) * 256
    within = bones.labels[at] > 0
    beside = edema & (bones.labels == 0)
    placed: dict[str, NDArray[np.uint8]] = {}
    counts: dict[str, tuple[Counts, Counts, Counts]] = {}
    for system, labels in zones.maps.items():
        here: NDArray[np.uint8] = np.where(edema, labels, 0).astype(np.uint8)
        if beside.any():
            known = np.where((bones.labels > 0) & (labels == 0), OUTSIDE, labels).astype(np.uint8)
            near = assign_to_bones(beside, known, grid)
            here[beside] = np.where(near == OUTSIDE, 0, near)[beside]
        placed[system] = here
        counts[system] = (
            _counts(own + labels[all_bone]),
            _counts((theirs + labels[at])[within]),
            _counts(theirs + here[at]),
        )
    return ZonedEdema(
        zones.zones,
        placed,
        bone={s: c[0] for s, c in counts.items()},
        inside={s: c[1] for s, c in counts.items()},
        edema={s: c[2] for s, c in counts.items()},
        voxel_mm3=grid.voxel_volume_mm3,
    )


def _counts(codes: NDArray[np.intp]) -> Counts:
    return np.bincount(codes, minlength=256 * 256).reshape(256, 256)
