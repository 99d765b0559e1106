"""The zones of a joint from its bones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.frame import PlacedBone, Placement, Points
from marrowlight.anatomy.insertions import with_knee_insertions
from marrowlight.anatomy.zone_rules import Condition, ZoneSystem, zone_systems
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint, Side

PLACERS: Mapping[Joint, str] = {
    Joint.KNEE: "marrowlight.anatomy.frames_knee:place_knee",
    Joint.HIP: "marrowlight.anatomy.frames_hip:place_hip",
    Joint.ANKLE: "marrowlight.anatomy.frames_ankle:place_ankle",
    Joint.SACROILIAC: "marrowlight.anatomy.frames_sacroiliac:place_sacroiliac",
}
"""Who finds the frames of a joint's bones: ``place(bones, side) -> Placement``."""


def zones_of(bones: BoneMap, *, joint: Joint, side: Side = Side.UNKNOWN) -> ZoneMap:
    """Every zone of every system of a joint.

    Parameters
    ----------
    bones : BoneMap
        Bones that carry a side of their own keep it (two knees in one map).
    joint : Joint
    side : Side
        Of bones that have none. Where it is UNKNOWN it is worked out from the bones, and a notice
        says so; a bone of which it cannot be told has no zones and is in ``unplaced``.

    Returns
    -------
    ZoneMap
        On the grid of ``bones``; without systems for a joint that is not read.
    """
    systems = [s for s in zone_systems() if s.joint is joint]
    placement = _placer(joint)(bones, side) if systems else Placement(())
    if joint is Joint.KNEE:
        placement = with_knee_insertions(bones, placement)
    return apply_systems(bones, placement, systems)


def apply_systems(bones: BoneMap, placement: Placement, systems: Sequence[ZoneSystem]) -> ZoneMap:
    """The zones of these systems in bones whose frames were found.

    A voxel goes to the first zone of a system, in the order of its file, whose conditions all hold.
    Raises KnowledgeError if a rule asks for a coordinate or landmark that its bone does not have.
    """
    maps = {s.system: np.zeros(bones.grid.shape, np.uint8) for s in systems}
    for placed in placement.placed:
        voxels = _Voxels(bones, placed)
        for system in systems:
            rules = [z for z in system.zones if z.bone == placed.bone.bone]
            if not rules:
                continue
            labels = np.zeros(voxels.count, np.uint8)
            for rule in rules:
                inside = labels == 0
                for condition in rule.where:
                    inside &= voxels.hold(condition, f"{system.system}/{rule.id}")
                labels[inside] = rule.label
            maps[system.system][voxels.index] = labels
    return ZoneMap(
        bones.grid,
        tuple(rule.zone(s.system) for s in systems for rule in s.zones),
        maps,
        placement.unplaced,
        placement.notices,
    )


class _Voxels:
    """The voxels of a placed bone and what they answer; every coordinate is worked out once."""

    def __init__(self, bones: BoneMap, placed: PlacedBone) -> None:
        self.index = np.nonzero(bones.of(placed.bone))
        self.count = len(self.index[0])
        self._bones, self._placed = bones, placed
        self._ras: Points = bones.grid.to_ras(np.stack(self.index, axis=1).astype(np.float64))
        self._values: dict[str, NDArray[np.floating]] = {}

    def hold(self, condition: Condition, rule: str) -> NDArray[np.bool_]:
        """(n,) bool: where a condition holds."""
        if condition.near is not None and condition.within_mm is not None:
            landmark = self._placed.landmarks.get(condition.near)
            if landmark is None:
                raise KnowledgeError(f"{rule}: {self._placed.bone.bone} has no {condition.near!r}.")
            gap: NDArray[np.float64] = ((self._ras - landmark) ** 2).sum(axis=1)
            return np.asarray(gap <= condition.within_mm**2)
        value = self._value(str(condition.of), rule)
        inside = np.isfinite(value)
        if condition.low is not None:
            inside &= value >= condition.low
        if condition.high is not None:
            inside &= value < condition.high
        return np.asarray(inside)

    def _value(self, name: str, rule: str) -> NDArray[np.floating]:
        if name not in self._values:
            self._values[name] = self._work_out(name, rule)
        return self._values[name]

    def _work_out(self, name: str, rule: str) -> NDArray[np.floating]:
        if name in self._placed.coordinates:
            return self._placed.coordinates[name](self._ras)
        if name == "depth_mm":
            from marrowlight.anatomy.distance import depth_mm

            depth: NDArray[np.floating] = depth_mm(self._bones, self._placed.bone)[self.index]
            return depth
        if name == "joint_mm":
            from marrowlight.anatomy.distance import joint_distance_mm

            gap: NDArray[np.floating] = joint_distance_mm(self._bones)[self.index]
            return gap
        raise KnowledgeError(
            f"{rule}: {self._placed.bone.bone} has no coordinate {name!r}, only "
            + ", ".join([*self._placed.coordinates, "depth_mm", "joint_mm"])
        )


def _placer(joint: Joint) -> Callable[[BoneMap, Side], Placement]:
    module, _, name = PLACERS[joint].partition(":")
    place: Callable[[BoneMap, Side], Placement] = getattr(import_module(module), name)
    return place
