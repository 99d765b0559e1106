"""The systems of zones: which one a joint is shown by, and what they are called."""

from __future__ import annotations

from marrowlight.study.study import Joint

INSERTIONS = "insertions"

MAIN_SYSTEMS = {
    Joint.HIP: "hip",
    Joint.KNEE: "moaks",
    Joint.ANKLE: "ankle",
    Joint.SACROILIAC: "sij_quadrants",
}
"""The system whose zones are drawn and named first; the others stand below it."""

_TITLES = {
    "moaks": "MOAKS",
    "worms": "WORMS",
    "bloks": "BLOKS",
    "hip": "the hip (our own)",
    "ankle": "the ankle (our own)",
    "sij_quadrants": "the sacroiliac quadrants",
    INSERTIONS: "insertions",
}


def main_system(joint: Joint) -> str:
    """The system that a joint is shown by; empty for a joint without one."""
    return MAIN_SYSTEMS.get(joint, "")


def system_title(system: str) -> str:
    """A system for people, as in ``the zones of MOAKS``."""
    return _TITLES.get(system, system)
