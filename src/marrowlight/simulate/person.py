"""One person out of many: the same cause is larger, slower or more often in some than in others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowlight.simulate.drive import Drive, Flares

SIZE_SPREAD = 0.30
"""SD of ln(marrow that takes part) between people. Assumption."""

PACE_SPREAD = 0.15
"""SD of ln(all times of a course) between people. Assumption."""

FLARE_SPREAD = 0.30
"""SD of ln(time between two flares) and of ln(strength of a flare) in one person. Assumption."""


@dataclass(frozen=True)
class Person:
    """size, pace : factors on the region and on all times; seed : None is the middle person.

    flares : (start in weeks since onset, strength) of every flare of every trigger, by its index.
    """

    size: float
    pace: float
    seed: int | None
    flares: tuple[tuple[tuple[float, float], ...], ...]


def person(drive: Drive, weeks: float, seed: int | None = None) -> Person:
    """The middle person, or one drawn by ``seed``. weeks : up to which flares are laid out."""
    rng = None if seed is None else np.random.default_rng([seed, 11])
    size = pace = 1.0
    if rng is not None:
        size = float(np.exp(SIZE_SPREAD * np.clip(rng.standard_normal(), -2, 2)))
        pace = float(np.exp(PACE_SPREAD * np.clip(rng.standard_normal(), -2, 2)))
    flares = tuple(
        _flares(one, weeks, pace, rng) if isinstance(one, Flares) else () for one in drive.triggers
    )
    return Person(size, pace, seed, flares)


def _flares(
    of: Flares, weeks: float, pace: float, rng: np.random.Generator | None
) -> tuple[tuple[float, float], ...]:
    out: list[tuple[float, float]] = []
    at = of.from_weeks * pace
    if rng is not None:
        # A person is not met at the start of a flare, but anywhere between two.
        at += float(rng.uniform(0, of.every_weeks)) * pace
    end = min(weeks, of.until_weeks * pace if of.until_weeks else weeks)
    while at < end:
        strength = 1 + of.uneven * (1 if len(out) % 2 == 0 else -1)
        step = of.every_weeks * pace
        if rng is not None:
            strength *= float(np.exp(FLARE_SPREAD * rng.standard_normal()))
            step *= float(np.exp(FLARE_SPREAD * rng.standard_normal()))
        out.append((at, strength))
        at += step
    return tuple(out)
