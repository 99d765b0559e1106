"""Which assumption matters most: every number moved alone, low and high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marrowlight.errors import MarrowlightError
from marrowlight.simulate.drive import Drive, Flares, Growth, Pulse, Steady, drive_of
from marrowlight.simulate.parameters import Basis, parameters
from marrowlight.simulate.simulation import Simulation, simulate

SHARE = 0.25
"""By how much the numbers of a cause, which have no span of their own, are moved."""

TOLERANCE = 1e-6
"""Relative, of the solver: a bar need not be as sharp as a course."""


@dataclass(frozen=True)
class Bar:
    """One number moved alone.

    low, high : its values; half_weeks : (low, as it is, high) weeks to half, None where half is
    never reached; peak_ml : the same of the peak volume of all lesions.
    """

    id: str
    name: str
    unit: str
    basis: Basis
    low: float
    high: float
    half_weeks: tuple[float | None, float | None, float | None]
    peak_ml: tuple[float | None, float | None, float | None]

    @property
    def half_span(self) -> float:
        """Weeks between the two ends; infinite where at one of them half is never reached."""
        low, middle, high = self.half_weeks
        if middle is None:
            return 0.0
        return abs(high - low) if low is not None and high is not None else float("inf")

    @property
    def peak_span(self) -> float:
        """ml between the two ends."""
        low, _, high = self.peak_ml
        return abs(high - low) if low is not None and high is not None else 0.0


def sensitivity(cause: str, weeks: float = 52, care: Sequence[str] = ()) -> tuple[Bar, ...]:
    """Move every parameter to its low and high, and every number of the cause by a quarter.

    Returns the bars, the one that changes the weeks to half most first, then by peak volume.
    Raises what ``simulate`` raises.
    """
    middle = simulate(cause, weeks, care, tolerance=TOLERANCE)
    bars = []
    for one in parameters().values():
        ends = tuple(
            _try(cause, weeks, care, changed={one.id: value}) for value in (one.low, one.high)
        )
        bars.append(_bar(one.id, one.name, one.unit, one.basis, (one.low, one.high), middle, ends))
    for name, text, unit, value in _of_cause(drive_of(cause)):
        ends = tuple(
            _try(cause, weeks, care, drive=_moved(drive_of(cause), name, factor))
            for factor in (1 - SHARE, 1 + SHARE)
        )
        span = (value * (1 - SHARE), value * (1 + SHARE))
        bars.append(_bar(f"{cause}.{name}", text, unit, "assumption", span, middle, ends))
    return tuple(sorted(bars, key=lambda bar: (-bar.half_span, -bar.peak_span, bar.id)))


def _bar(
    id_: str,
    name: str,
    unit: str,
    basis: Basis,
    span: tuple[float, float],
    middle: Simulation,
    ends: Sequence[Simulation | None],
) -> Bar:
    all_three = (ends[0], middle, ends[1])
    half = tuple(s.weeks_to_half if s else None for s in all_three)
    peak = tuple(s.peak_ml if s else None for s in all_three)
    return Bar(
        id_, name, unit, basis, *span, (half[0], half[1], half[2]), (peak[0], peak[1], peak[2])
    )


def _try(
    cause: str,
    weeks: float,
    care: Sequence[str],
    *,
    changed: dict[str, float] | None = None,
    drive: Drive | None = None,
) -> Simulation | None:
    try:
        return simulate(cause, weeks, care, changed=changed, drive=drive, tolerance=TOLERANCE)
    except MarrowlightError:
        # Two extremes that no body has at once, such as an artery weaker than a vein.
        return None


def _of_cause(drive: Drive) -> Iterator[tuple[str, str, str, float]]:
    """Numbers of a cause that matter: (name, words, unit, value)."""
    yield "region_ml", "Marrow that takes part", "ml", drive.region_ml
    yield "load", "Load", "of the usual", 1.0
    yield "bone_strength", "Load that bone bears", "of everyday load", drive.bone_strength
    if drive.injury:
        yield "injury", "Injury at onset", "relative", drive.injury
    if drive.injury or drive.bone_strength < max(load for _, load in drive.load):
        yield "heal_weeks", "Time of healing", "weeks", drive.heal_weeks
    if drive.triggers:
        yield "triggers", "Strength of the trigger", "of its own", 1.0
        yield "trigger_weeks", "Times of the trigger", "of its own", 1.0


def _moved(drive: Drive, name: str, factor: float) -> Drive:
    if name == "load":
        return drive.model_copy(update={"load": tuple((w, x * factor) for w, x in drive.load)})
    if name == "triggers":
        return drive.model_copy(
            update={"triggers": tuple(_scaled(one, factor, 1.0) for one in drive.triggers)}
        )
    if name == "trigger_weeks":
        return drive.model_copy(
            update={"triggers": tuple(_scaled(one, 1.0, factor) for one in drive.triggers)}
        )
    return drive.model_copy(update={name: getattr(drive, name) * factor})


def _scaled(
    one: Steady | Pulse | Flares | Growth, level: float, time: float
) -> Steady | Pulse | Flares | Growth:
    if isinstance(one, Growth):
        return one.model_copy(
            update={"most": one.most * level, "doubling_weeks": one.doubling_weeks * time}
        )
    update = {"level": one.level * level}
    if isinstance(one, Pulse):
        update |= {"rise_weeks": one.rise_weeks * time, "fade_weeks": one.fade_weeks * time}
    if isinstance(one, Flares):
        update["every_weeks"] = one.every_weeks * time
    return one.model_copy(update=update)
