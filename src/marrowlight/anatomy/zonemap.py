"""The zone map: which voxels of bone lie in which region of which reading system."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import GridMismatch
from marrowlight.notice import Notice
from marrowlight.study.grid import Grid


@dataclass(frozen=True, slots=True)
class Zone:
    """One region of a reading system, or one insertion.

    Parameters
    ----------
    id : str
        Stable, without a side, e.g. ``femur_medial_central``; unique in its system and joint.
    label : int
        Its number in the map of its system, 1..255.
    system : str
        ``moaks``, ``worms``, ``bloks``, ``hip``, ``ankle``, ``sij_quadrants``, ``insertions``.
    bone : str
        Registry id.
    name : str
        For people.
    source : str
        Key in ``zones/references*.yaml``.
    provisional : bool
        True where the rule was not read in its source, or is our own.
    approximate : bool
        True where the source draws the border on menisci or cartilage and here it is drawn on bone.
    """

    id: str
    label: int
    system: str
    bone: str
    name: str
    source: str
    provisional: bool
    approximate: bool


@dataclass(frozen=True, eq=False)
class ZoneMap:
    """Every zone of a joint on the grid of its bone map.

    Parameters
    ----------
    grid : Grid
    zones : tuple of Zone
        All zones of the systems of this joint, also those that hold no voxel here.
    maps : dict of (I, J, K) uint8 arrays
        Label of the zone of every voxel, by system; 0 is outside the system, or no bone. So a voxel
        is in one zone of a system at most.
    unplaced : tuple of (bone, reason)
        Bones that have no zones, and why, in plain words.
    notices : tuple of Notice
        What was assumed, e.g. the side of the joint from its shape.

    Raises
    ------
    GridMismatch
        If a map does not fit the grid.
    """

    grid: Grid
    zones: tuple[Zone, ...]
    maps: dict[str, NDArray[np.uint8]]
    unplaced: tuple[tuple[str, str], ...] = ()
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        for system, labels in self.maps.items():
            if labels.shape != self.grid.shape:
                raise GridMismatch(
                    f"The zone map {system!r} of shape {labels.shape} does not fit a grid of "
                    f"{self.grid.shape}."
                )

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the reading systems of this joint."""
        return tuple(self.maps)

    def of(self, zone: Zone) -> NDArray[np.bool_]:
        """(I, J, K) bool, the voxels of one zone."""
        voxels: NDArray[np.bool_] = self.maps[zone.system] == zone.label
        return voxels

    def of_system(self, system: str) -> tuple[Zone, ...]:
        """The zones of one system, in the order of its data file."""
        return tuple(z for z in self.zones if z.system == system)

    def voxels(self, zone: Zone) -> int:
        """Number of voxels of a zone."""
        return int(self._counts[zone.system][zone.label])

    def volume_mm3(self, zone: Zone) -> float:
        """Volume of a zone in mm³, by centre-to-centre spacing."""
        return self.voxels(zone) * self.grid.voxel_volume_mm3

    def shares(self, system: str, mask: NDArray[np.bool_]) -> dict[Zone | None, float]:
        """How much of a mask lies in each zone of a system; ``None`` is the part outside all.

        mask : (I, J, K) bool, on ``grid``. Shares 0..1 add up to 1; zones without any are absent.
        An empty mask gives an empty dict.
        """
        counts = np.bincount(self.maps[system][mask], minlength=256)
        total = int(counts.sum())
        found: dict[Zone | None, float] = {
            z: float(counts[z.label] / total) for z in self.of_system(system) if counts[z.label]
        }
        if counts[0]:
            found[None] = float(counts[0] / total)
        return found

    @cached_property
    def _counts(self) -> dict[str, NDArray[np.int64]]:
        return {s: np.bincount(m.ravel(), minlength=256) for s, m in self.maps.items()}
