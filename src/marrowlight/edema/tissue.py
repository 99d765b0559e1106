"""What a bright voxel is taken for."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """Labels of ``EdemaMap.tissue``. Only EDEMA is in the mask."""

    NONE = 0
    """Not conspicuous, or not near bone."""
    EDEMA = 1
    CYST = 2
    """Fluid-bright, compact and sharp, inside bone."""
    VESSEL = 3
    """Thin and bright: a vessel, a foramen or its wall."""
    JOINT_FLUID = 4
    """Bright at the edge of bone and continuous with fluid outside: a joint space or recess."""
    FAILED_SUPPRESSION = 5
    """Bright together with the soft tissue beside it, near the edge of the field of view."""
    UNDECIDED = 6
    """Brighter than normal marrow, but too unlikely to be edema to be counted."""
