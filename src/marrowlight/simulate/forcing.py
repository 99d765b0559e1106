"""What acts on one place in bone at a time: triggers, load and care."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.simulate.care import CareGiven
from marrowlight.simulate.drive import Drive, Flares, Growth, Pulse, Steady
from marrowlight.simulate.person import Person

_FORGOTTEN = 30.0
"""A pulse is nothing after so many of its times of fading (e^-30)."""


@dataclass(frozen=True)
class Forcing:
    """All that acts on one site.

    Parameters
    ----------
    drive : Drive
    person : Person
    care : tuple of CareGiven
    onset : float
        Week in which the cause takes this site; before it nothing acts but everyday load.
    load_factor : float
        Multiplies the load of the drive.
    """

    drive: Drive
    person: Person
    care: tuple[CareGiven, ...] = ()
    onset: float = 0.0
    load_factor: float = 1.0

    def breaks(self, weeks: float) -> tuple[float, ...]:
        """Weeks in which something jumps, 0 and ``weeks`` among them, rising."""
        pace = self.person.pace
        at = {0.0, weeks, self.onset}
        at |= {week * pace for week, _ in self.drive.load}
        at |= {edge for one in self.care for edge in (one.start, one.stop)}
        at |= {self.onset + start for flares in self.person.flares for start, _ in flares}
        return tuple(sorted(t for t in at if 0 <= t <= weeks))

    def load(self, week: float) -> float:
        """Relative to everyday load; the strongest care that takes load off counts."""
        steps = self.drive.load
        index = bisect_right([at * self.person.pace for at, _ in steps], week) - 1
        spared = min(self._factors("load", week), default=1.0)
        return self.load_factor * steps[max(index, 0)][1] * spared

    def trigger(self, week: float, grown: float) -> float:
        """Sum of the triggers, without unit. grown : level of what multiplies."""
        since = week - self.onset
        if since < 0:
            return 0.0
        out = grown
        for one, flares in zip(self.drive.triggers, self.person.flares, strict=True):
            if isinstance(one, Steady):
                out += one.level
            elif isinstance(one, Flares):
                for start, strength in flares:
                    out += strength * _pulse(one, since - start, self.person.pace)
            elif isinstance(one, Pulse):
                out += _pulse(one, since, self.person.pace)
        share = self.drive.load_drives
        return out * (1 - share + share * self.load(week))

    @property
    def growth(self) -> Growth | None:
        """What multiplies, if the cause has it."""
        return next((one for one in self.drive.triggers if isinstance(one, Growth)), None)

    def factor(self, mechanism: str, week: float) -> float:
        """Product of what care leaves of a mechanism; 1 without care."""
        return math.prod(self._factors(mechanism, week))

    def vent(self, week: float) -> float:
        """Opening of the compartment, ml/day/mmHg/100 ml."""
        return sum(self._factors("vent", week))

    def removed(self, week: float) -> float:
        """Rate at which care removes what multiplies, per week."""
        return sum(-math.log(max(1 - share, 1e-6)) for share in self._factors("growth", week))

    def dead_ml(self, week: float) -> float:
        """Dead marrow, ml: it grows and never goes back (logistic, from 2 % of its end)."""
        dead = self.drive.dead_marrow
        since = week - self.onset
        if dead is None or since <= 0:
            return 0.0
        half = dead.half_weeks * self.person.pace
        ratio = 49.0 * math.exp(-math.log(49.0) * since / half)
        return self.person.size * dead.most_ml / (1 + ratio)

    def _factors(self, mechanism: str, week: float) -> Sequence[float]:
        if not self.care:
            return ()
        return [
            one.effect.factor
            for one in self.care
            if one.effect.acts_on == mechanism and one.on(week)
        ]


def _pulse(of: Pulse, since: float, pace: float) -> float:
    """One rise and one fall, ``of.level`` at its peak; 0 before it."""
    rise, fade = of.rise_weeks * pace, of.fade_weeks * pace
    if since <= 0 or since > _FORGOTTEN * fade:
        return 0.0
    peak = math.log(fade / rise) * rise * fade / (fade - rise)
    top = math.exp(-peak / fade) - math.exp(-peak / rise)
    return of.level * (math.exp(-since / fade) - math.exp(-since / rise)) / top
