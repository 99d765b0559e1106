"""Axes of a chart: from weeks and volumes to places, with round numbers to write beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.report.amount import MM3_PER_ML

LOG_FROM = 4.0
"""Volumes that differ by more than this factor are shown on a logarithmic axis."""

NOTHING_SHARE = 0.12
"""Share of a logarithmic axis that is kept below it for no edema at all."""

WEEK_STEPS = (1, 2, 4, 8, 13, 26, 52, 104, 208, 520)


@dataclass(frozen=True)
class Scale:
    """An axis. begin, end : values at its ends; places : where these are in the drawing; ticks :
    values and their texts; bottom : where values of zero stand on a logarithmic axis."""

    begin: float
    end: float
    places: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False
    shows_nothing: bool = False
    bottom: float = 0.0

    def at(self, value: float) -> float:
        """The place of a value; values beyond the ends stand at them."""
        a, b = self.places
        if self.logarithmic:
            if value < self.begin * 0.999:
                return round(self.bottom, 2)
            share = math.log(value / self.begin) / math.log(self.end / self.begin)
        else:
            share = (value - self.begin) / (self.end - self.begin)
        return round(a + (b - a) * min(1.0, max(0.0, share)), 2)


def week_scale(end: float, places: tuple[float, float], most: int) -> Scale:
    """Weeks from 0; most : ticks at most."""
    step = next((s for s in WEEK_STEPS if end / s <= max(most, 2)), WEEK_STEPS[-1])
    ticks = tuple((float(w), str(w)) for w in range(0, math.floor(end) + 1, step))
    return Scale(0.0, end, places, ticks)


def volume_scale(
    volumes: Sequence[float],
    others: Sequence[float],
    floor: float,
    places: tuple[float, float],
    most: int,
) -> Scale:
    """Volumes in mm³, ticks in ml: logarithmic where they differ much, linear otherwise.

    volumes : of the visits; others : ends of bars and bands, which must fit too; floor : smallest
    volume that is told from nothing; most : ticks at most.
    """
    held = [v for v in volumes if v > 0]
    top = max([*volumes, *others, floor])
    if len(held) < 2 or max(held) < LOG_FROM * min(held):
        step = _round_up(top * 1.02 / max(most, 2))
        end = step * math.ceil(top * 1.02 / step)
        count = round(end / step)
        return Scale(0.0, end, places, tuple((n * step, _ml(n * step)) for n in range(count + 1)))
    low = min([v for v in (*held, *others) if v >= min(floor, *held)])
    low, top = low / 1.15, top * 1.1
    nothing = min([*volumes, *others]) < low
    bottom, upper = places
    start = bottom + (upper - bottom) * (NOTHING_SHARE if nothing else 0.0)
    marks = [m * 10.0**n for n in range(-3, 9) for m in (1, 2, 5)]
    marks = [v for v in marks if low <= v <= top]
    if len(marks) > most:
        tens = [v for v in marks if math.log10(v) % 1 < 1e-9 or math.log10(v) % 1 > 1 - 1e-9]
        marks = tens if len(tens) >= 2 else marks[::2]
    ticks = [(v, _ml(v)) for v in marks]
    if nothing:
        ticks.insert(0, (0.0, "none"))
    return Scale(low, top, (start, upper), tuple(ticks), True, nothing, bottom - 4)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    ten = 10.0 ** math.floor(math.log10(value))
    return next(m * ten for m in (1, 2, 5, 10) if m * ten >= value * (1 - 1e-9))


def _ml(volume_mm3: float) -> str:
    return f"{volume_mm3 / MM3_PER_ML:g}"
