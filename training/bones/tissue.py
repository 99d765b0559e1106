"""The tissues of an invented scene, by number."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """What fills a voxel; 1 to 12 are the labels of the bone registry."""

    AIR = 0
    FEMUR = 1
    TIBIA = 2
    FIBULA = 3
    PATELLA = 4
    HIP_BONE = 5
    SACRUM = 6
    TALUS = 7
    CALCANEUS = 8
    NAVICULAR = 9
    CUBOID = 10
    CUNEIFORMS = 11
    METATARSALS = 12
    CARTILAGE = 13
    FIBROCARTILAGE = 14
    TENDON = 15
    FLUID = 16
    MUSCLE = 17
    OTHER_MUSCLE = 18
    SUBCUTANEOUS_FAT = 19
    DEEP_FAT = 20
    VESSEL = 21
    SKIN = 22
    FASCIA = 23
    SYNOVIUM = 24
    NERVE = 25
    METAL = 26


BONES = 12
"""Tissues 1 to ``BONES`` are bone."""

COUNT = len(Tissue)

CLASSES = (
    "background", "femur", "tibia", "fibula", "patella", "hip_bone", "sacrum", "talus",
    "calcaneus", "navicular", "cuboid", "cuneiforms", "metatarsals",
)  # fmt: skip
"""Classes of the limb network, in the order of its outputs."""

JOINTS = ("hip", "knee", "ankle", "sacroiliac", "other")
"""Classes of the joint head, in the order of its outputs."""
