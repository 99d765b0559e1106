"""How an amount of edema is expected to change with time, for each cause.

Each cause is a population of digital patients, drawn once from the ranges of ``courses.yaml``: each
has an onset, a peak, a plateau, a half-time, and goes one of four ways. What is expected is what
they do. Amounts are on the scale of ln(volume), times in weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from marrowlight.causes.course_knowledge import WAYS, CourseOf, Spread, Way, course_knowledge
from marrowlight.causes.draws import SEED, Z_END, Floats

PATIENTS = 400
"""Digital patients of each cause: averages over them are off by about a twentieth."""

PRESENT = 0.05
"""Share of the largest amount below which a first MRI would rarely have shown the edema: a
twentieth, as for ``clears``."""

ONSET_KNOWN = 0.25
"""SD of ln(weeks since onset) where the patient states it. Estimate."""

RIBBON = (10.0, 50.0, 90.0)
"""Percentiles of patients that make the expected ribbon."""

_STREAM = 77


@dataclass(frozen=True, eq=False)
class Patients:
    """Digital patients of one cause, each array (N,), weeks; swing : SD of ln(volume).

    weight : of each where it fades, so that those who had cleared before the first MRI do not
    count; they sum to one.
    """

    seen: Floats
    peak: Floats
    plateau: Floats
    half: Floats
    swing: Floats
    doubling: Floats
    weight: Floats

    def fading(self, weeks: ArrayLike) -> Floats:
        """ln(volume / largest volume) so many weeks after the first MRI: (..., ) to (..., N)."""
        model = course_knowledge().model
        since = np.asarray(weeks, float)[..., None] + self.seen
        start = model.start.value
        rise = np.log(start + (1 - start) * np.clip(since / self.peak, 0, 1))
        fall = np.log(2) / self.half * np.maximum(since - self.peak - self.plateau, 0)
        out: Floats = np.maximum(rise - fall, np.log(model.nothing.value))
        return out


def patients(cause: str, onset: float | None = None) -> Patients:
    """The digital patients of a cause. onset : weeks from onset to the first MRI, if known.

    The same cause always gives the same patients. Raises KeyError if the cause is unknown.
    """
    return _patients(cause, None if onset is None else round(max(onset, 0.1), 1))


@lru_cache(maxsize=256)
def _patients(cause: str, onset: float | None) -> Patients:
    known = course_knowledge()
    about = known.courses[cause]
    # Normal numbers at even steps, shuffled for each figure: less noise than drawing at random.
    even = np.array(
        [NormalDist().inv_cdf((i + 0.5) / PATIENTS) for i in range(PATIENTS)], np.float64
    )
    random = np.random.default_rng([SEED, _STREAM, crc32(cause.encode())])
    z = np.array([random.permutation(even) for _ in range(6)])
    swing, doubling = about.swing or known.defaults.swing, about.doubling or known.defaults.doubling
    seen = _spread(about.seen, z[0])
    if onset is not None:
        seen = onset * np.exp(ONSET_KNOWN * z[0])
    made = Patients(
        seen=seen,
        peak=_spread(about.peak, z[1]),
        plateau=_spread(about.plateau, z[2]),
        half=_spread(about.half, z[3]),
        swing=_spread(swing, z[4]),
        doubling=_spread(doubling, z[5]),
        weight=np.full(PATIENTS, 1 / PATIENTS),
    )
    log_there = np.minimum(made.fading(0.0) - np.log(PRESENT), 0.0)
    there = np.exp(log_there - log_there.max())
    made.weight[:] = there / there.sum()
    return made


def _spread(spread: Spread, z: Floats) -> Floats:
    low, middle, high = np.log(spread.range)
    out: Floats = np.exp(middle + z * np.where(z > 0, high - middle, middle - low) / Z_END)
    return out


def change(
    cause: str, way: Way, start: float, end: ArrayLike, onset: float | None = None
) -> tuple[Floats, Floats]:
    """What happens to ln(volume) between two times, for each digital patient that goes one way.

    start, end : weeks after the first MRI, end (T,) or a number; returns mean and SD, (T, N).
    """
    model = course_knowledge().model
    them = patients(cause, onset)
    end = np.atleast_1d(np.asarray(end, float))
    span = (end - start)[:, None] * np.ones(PATIENTS)
    spread = {
        "fades": np.full(PATIENTS, model.fades.value),
        "grows": np.full(PATIENTS, model.grows.value),
        "stays": np.full(PATIENTS, model.stays.value),
        "fluctuates": them.swing,
    }[way]
    sd = spread * np.sqrt(1 - np.exp(-span / model.memory.value))
    if way == "fades":
        return them.fading(end) - them.fading(start), sd
    if way == "grows":
        most = np.log(model.most_growth.value)
        grown = np.log(2) / them.doubling
        begun = grown * start
        return most * (np.exp(-begun / most) - np.exp(-(begun + grown * span) / most)), sd
    return np.zeros_like(span), sd


def shares_of(about: CourseOf) -> dict[Way, float]:
    """Share of patients that goes each way, at the middles; sums to one."""
    total = sum(about.ways[way].p[1] for way in WAYS)
    return {way: about.ways[way].p[1] / total for way in WAYS}


def expected_log_ratio(
    cause: str, weeks_from: float, weeks_to: float, onset: float | None = None
) -> tuple[float, float]:
    """Mean and SD of ln(volume after / volume before) that a cause is expected to show.

    Parameters
    ----------
    cause : str
        Id of a cause.
    weeks_from, weeks_to : float
        Weeks after the first MRI.
    onset : float, optional
        Weeks from onset to the first MRI; without it all that are usual for the cause are meant.

    Returns
    -------
    (float, float)
        Over patients, measurement error not included.
    """
    mean, square = 0.0, 0.0
    for way, share in shares_of(course_knowledge().courses[cause]).items():
        middle, sd = change(cause, way, weeks_from, weeks_to, onset)
        weight = share * _weight(cause, way, onset)
        mean += float(weight @ middle[0])
        square += float(weight @ (middle[0] ** 2 + sd[0] ** 2))
    return mean, float(np.sqrt(max(square - mean**2, 0.0)))


def expected_ribbon(
    cause: str, weeks: ArrayLike, start_ml: float, onset: float | None = None
) -> tuple[Floats, Floats, Floats]:
    """Low, middle and high amount that a cause is expected to show: for plots.

    weeks : (T,) after the first MRI; start_ml : amount at the first MRI; returns three arrays
    (T,), ml: the 10th, 50th and 90th percentile of patients, measurement error not included.
    """
    times = np.atleast_1d(np.asarray(weeks, float))
    amounts, weights = [], []
    # Each patient keeps a place in the scatter, at nine even steps, so that the edges are smooth.
    steps = np.array([NormalDist().inv_cdf((i + 0.5) / 9) for i in range(9)])
    for way, share in shares_of(course_knowledge().courses[cause]).items():
        middle, sd = change(cause, way, 0.0, times, onset)
        amounts.append((middle[..., None] + sd[..., None] * steps).reshape(len(times), -1))
        weights.append(np.repeat(share * _weight(cause, way, onset) / len(steps), len(steps)))
    values, weight = np.concatenate(amounts, axis=1), np.concatenate(weights)
    order = np.argsort(values, axis=1)
    sums = np.cumsum(weight[order], axis=1)
    low, middle, high = (
        np.array(
            [
                row[o][min(int(np.searchsorted(s, q / 100)), len(o) - 1)]
                for row, o, s in zip(values, order, sums, strict=True)
            ]
        )
        for q in RIBBON
    )
    return start_ml * np.exp(low), start_ml * np.exp(middle), start_ml * np.exp(high)


def _weight(cause: str, way: Way, onset: float | None) -> Floats:
    if way == "fades":
        return patients(cause, onset).weight
    return np.full(PATIENTS, 1 / PATIENTS)
