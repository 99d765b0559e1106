"""Which side a knee is of, from the shape of its bones."""

from __future__ import annotations

import numpy as np

from marrowlight.anatomy.cloud import Cloud
from marrowlight.anatomy.knee_femur import FemurShape
from marrowlight.anatomy.knee_patella import PatellaShape
from marrowlight.anatomy.knee_tibia import TibiaShape
from marrowlight.study.study import Side

CUES = {
    "shaft": (0.095, 0.020),
    "depth": (-0.055, 0.030),
    "spine": (-0.029, 0.016),
    "ridge": (-0.095, 0.040),
}
"""Mean and scatter in right knees, as shares of a width, positive to the right: how far the femur's
shaft leans to lateral of its condyles; how much deeper the lateral compartment of the tibia is than
the medial; how far its spines and the ridge of the patella lie off the middle. All four are known
anatomy; the figures are estimates from 51 knees."""

WIDEN = 1.5
"""Scatter is taken this much larger, for knees unlike those."""

MOST = 5.0
"""Most that one cue may say, natural logarithm of the odds of right against left."""

FIBULA_SAYS = 20.0
"""What a fibula beside the tibia says: it is lateral."""

DECIDED = 4.6
"""Odds of 100 to 1, natural logarithm: less is not enough to call a side."""

CONTRADICTS = 9.2
"""Odds of 10 000 to 1 against the side that was given are worth a warning."""


def odds_of_right(
    femur: FemurShape | None,
    tibia: TibiaShape | None,
    patella: PatellaShape | None,
    fibula: Cloud | None,
) -> float:
    """Natural logarithm of the odds that these are bones of a right knee; 0 if nothing is known."""
    seen: dict[str, float] = {}
    odds = 0.0
    if femur is not None:
        seen["shaft"] = femur.shaft_x
    if tibia is not None:
        left, right = (back_front[1] - back_front[0] for back_front in (tibia.left, tibia.right))
        seen["depth"] = (right - left) / tibia.width
        seen["spine"] = tibia.spine / tibia.width
        if fibula is not None:
            beside = (fibula.inside.mean(axis=0) - tibia.middle) @ tibia.axes[0]
            odds += FIBULA_SAYS * float(np.clip(beside / (0.2 * tibia.width), -1, 1))
    if patella is not None:
        seen["ridge"] = patella.lean
    for cue, value in seen.items():
        mean, scatter = CUES[cue]
        odds += float(np.clip(2 * mean * value / (WIDEN * scatter) ** 2, -MOST, MOST))
    return odds


def side_of(odds: float) -> Side:
    """The side that these odds decide; UNKNOWN if they do not."""
    if abs(odds) < DECIDED:
        return Side.UNKNOWN
    return Side.RIGHT if odds > 0 else Side.LEFT
