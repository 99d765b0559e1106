"""Numbers for people: volumes, intervals and shares with as many digits as they deserve."""

from __future__ import annotations

from marrowlight.edema.measurement import Interval, IntervalKind, Volumes

MM3_PER_ML = 1000.0
THIN = "\N{NARROW NO-BREAK SPACE}"
"""Between the thousands of a number, and between a number and its unit."""

KIND_WORDS = {
    IntervalKind.READER_AGREEMENT: "another reader",
    IntervalKind.REPEATABILITY: "measured again",
}


def digits(value: float) -> str:
    """Two significant digits below 10, whole numbers above, never more than three decimals."""
    size = abs(value)
    if size >= 9.95:
        return f"{value:,.0f}".replace(",", THIN)
    if size >= 0.995:
        return f"{value:.1f}"
    if size >= 0.0995:
        return f"{value:.2f}"
    return f"{value:.3f}" if size else "0"


def ml(volume_mm3: float) -> str:
    """A volume in ml with its unit: 0.012 ml, 0.54 ml, 5.2 ml, 138 ml."""
    if 0 < volume_mm3 < 0.5:
        return f"under 0.001{THIN}ml"
    return f"{digits(volume_mm3 / MM3_PER_ML)}{THIN}ml"


def mm3(volume_mm3: float) -> str:
    """A volume in whole mm³ with its unit: 5 203 mm³."""
    return f"{volume_mm3:,.0f}".replace(",", THIN) + f"{THIN}mm³"


def percent(share: float | None) -> str:
    """A share of 0..1 as per cent: 0.4 %, 6 %; a dash if it was not measured."""
    if share is None:
        return "–"
    hundred = share * 100
    if 0 < hundred < 0.1:
        return f"under 0.1{THIN}%"
    shown = f"{hundred:.0f}" if hundred >= 9.95 or hundred == 0 else f"{hundred:.1f}"
    return f"{shown.removesuffix('.0')}{THIN}%"


def interval_of(volumes: Volumes, kind: IntervalKind) -> Interval | None:
    """The interval of one kind, or None if it was not measured."""
    return next((one for one in volumes.intervals if one.kind is kind), None)


def range_ml(volumes: Volumes, kind: IntervalKind) -> str:
    """An interval in ml, ``2.9 to 8.7 ml``; a dash if it was not measured."""
    one = interval_of(volumes, kind)
    if one is None:
        return "–"
    low = digits(one.low_mm3 / MM3_PER_ML) if one.low_mm3 >= 0.5 else "0"
    return f"{low} to {ml(one.high_mm3)}"


def mm(value: float) -> str:
    """A length in mm without its unit: 8.4, 23."""
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"
