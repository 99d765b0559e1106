"""The systems of zones: which one a region is shown by, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowlight.study.study import Joint

if TYPE_CHECKING:
    from marrowlight.reading import Region

INSERTIONS = "insertions"

MAIN_SYSTEMS = {
    Joint.HIP: ("hip",),
    Joint.KNEE: ("moaks",),
    Joint.ANKLE: ("ankle",),
    Joint.SACROILIAC: ("sij_quadrants", "sij_halves"),
}
"""The system whose zones are drawn and named first, the others stand below it: the first of these
that has any zone in the region."""

_TITLES = {
    "moaks": "MOAKS",
    "worms": "WORMS",
    "bloks": "BLOKS",
    "hip": "the hip (our own)",
    "ankle": "the ankle (our own)",
    "sij_quadrants": "the sacroiliac quadrants",
    "sij_halves": "the sacroiliac halves (our own)",
    INSERTIONS: "insertions",
}


def main_system(region: Region) -> str:
    """The system that a region is shown by; empty where none has a zone in it."""
    placed = {zone.system for zone in region.zones}
    return next((s for s in MAIN_SYSTEMS.get(region.joint, ()) if s in placed), "")


def system_title(system: str) -> str:
    """A system for people, as in ``the zones of MOAKS``."""
    return _TITLES.get(system, system)
