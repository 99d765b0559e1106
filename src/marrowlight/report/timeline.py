"""The timeline: volume over weeks as a chart, laid out in the units of its SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from marrowlight.course.course import BoneCourse, VisitUsed
from marrowlight.report.amount import ml
from marrowlight.report.scale import Scale, volume_scale, week_scale

SERIES = 3
"""Expected courses that are drawn, the leading ones: more could not be told apart."""

EDGE_LEFT, EDGE_RIGHT, EDGE_TOP, EDGE_BOTTOM = 60.0, 18.0, 40.0, 42.0
"""Room around the plot for the numbers at its axes."""

LETTER = 7.2
"""Width of a letter, near enough to keep texts apart."""

SOON_WEEKS = 8.0
"""An expected course is drawn at least this long beyond the last visit."""


@dataclass(frozen=True)
class Ribbon:
    """The course that is expected with one cause.

    name : of the cause; weeks : since the first visit, rising; low, middle, high : volume as a
    share of that at the first visit, one for each of weeks.
    """

    name: str
    weeks: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Tick:
    """A place on an axis and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """One visit; bar : ends of the interval, or None; text : the volume, empty where it would run
    into another; found : whether there is any edema."""

    x: float
    y: float
    bar: tuple[float, float] | None
    text: str
    text_x: float
    text_y: float
    found: bool


@dataclass(frozen=True)
class Shape:
    """An expected course: its outline and its middle as path data; number : from 1."""

    number: int
    name: str
    area: str
    middle: str


@dataclass(frozen=True)
class Chart:
    """One chart; lengths in the units of its view box."""

    title: str
    says: str
    """For those who do not see it."""
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    volumes: tuple[Tick, ...]
    weeks: tuple[Tick, ...]
    visits: tuple[Tick, ...]
    lines: tuple[float, ...]
    """x of each visit."""
    dots: tuple[Dot, ...]
    line: str
    gap: str
    """Where a visit between does not show the bone."""
    band: tuple[float, float]
    """y and height of the band of changes that are noise."""
    ribbons: tuple[Shape, ...]
    logarithmic: bool
    nothing: float | None
    """y of no edema at all on a logarithmic axis, where it is needed."""


def chart(
    bone: BoneCourse,
    visits: Sequence[VisitUsed],
    *,
    title: str,
    width: float,
    height: float,
    ribbons: Sequence[Ribbon] = (),
) -> Chart | None:
    """The volume of one bone over the weeks; None where no visit shows it.

    ribbons : as shares of the volume at the first visit that shows the bone; not drawn where that
    has no edema.
    """
    seen = [i for i, volume in enumerate(bone.volume_mm3) if volume is not None]
    if not seen:
        return None
    volumes = {i: float(bone.volume_mm3[i] or 0.0) for i in seen}
    first = volumes[seen[0]]
    drawn = tuple(ribbons[:SERIES]) if first > 0 else ()
    floor = min((step.floor_mm3 for step in bone.steps), default=1.0)
    reach = math.exp(bone.sdc_log_ratio)
    band = (first / reach, first * reach) if first > floor else (0.0, floor * reach)
    bars = {i: _bar(bone, i) for i in seen}
    last = visits[seen[-1]].weeks
    end = last * 1.04
    if drawn:
        end = min(max(r.weeks[-1] for r in drawn), max(1.5 * last, last + SOON_WEEKS))
    x = week_scale(
        max(end, last * 1.04, 1.0), (EDGE_LEFT, width - EDGE_RIGHT), int((width - 60) / 75)
    )
    y = volume_scale(
        list(volumes.values()),
        [band[1], *(v for bar in bars.values() if bar for v in bar)],
        floor,
        (height - EDGE_BOTTOM, EDGE_TOP),
        int((height - 72) / 34),
    )
    dots = _dots(seen, volumes, bars, visits, x, y, (width, height - EDGE_BOTTOM))
    top = y.at(band[1])
    return Chart(
        title=title,
        says=_says(title, seen, volumes, visits, drawn),
        width=width,
        height=height,
        left=EDGE_LEFT,
        right=width - EDGE_RIGHT,
        top=EDGE_TOP,
        bottom=height - EDGE_BOTTOM,
        volumes=tuple(Tick(y.at(v), text) for v, text in y.ticks),
        weeks=tuple(Tick(x.at(v), text) for v, text in x.ticks),
        visits=_visit_marks([x.at(v.weeks) for v in visits]),
        lines=tuple(x.at(v.weeks) for v in visits),
        dots=dots,
        line=_path(dots, seen, apart=False),
        gap=_path(dots, seen, apart=True),
        band=(top, round(y.at(band[0]) - top, 2)),
        ribbons=tuple(
            _shape(number, one, first, x, y) for number, one in enumerate(drawn, start=1)
        ),
        logarithmic=y.logarithmic,
        nothing=y.at(0.0) if y.logarithmic and y.shows_nothing else None,
    )


def _bar(bone: BoneCourse, visit: int) -> tuple[float, float] | None:
    amount = bone.amounts[visit]
    if amount.low_mm3 is None or amount.high_mm3 is None:
        return None
    return amount.low_mm3, amount.high_mm3


def _dots(
    seen: Sequence[int],
    volumes: dict[int, float],
    bars: dict[int, tuple[float, float] | None],
    visits: Sequence[VisitUsed],
    x: Scale,
    y: Scale,
    ends: tuple[float, float],
) -> tuple[Dot, ...]:
    places = [(x.at(visits[i].weeks), y.at(volumes[i])) for i in seen]
    taken: list[tuple[float, float, float]] = []
    dots = []
    for i, (at, level) in zip(seen, places, strict=True):
        bar = bars[i]
        text = ml(volumes[i]) if volumes[i] > 0 else "none"
        found = _free(at, level, LETTER * len(text), (places, taken), ends)
        if found:
            taken.append((*found, LETTER * len(text)))
        dots.append(
            Dot(
                x=at,
                y=level,
                bar=(y.at(bar[0]), y.at(bar[1])) if bar else None,
                text=text if found else "",
                text_x=round(found[0], 2) if found else at,
                text_y=round(found[1], 2) if found else level,
                found=volumes[i] > 0,
            )
        )
    return tuple(dots)


def _free(
    x: float,
    y: float,
    long: float,
    others: tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float, float]]],
    ends: tuple[float, float],
) -> tuple[float, float] | None:
    """Where a text beside a dot runs into no other dot or text: its start and its base line.

    long : of the text; others : dots, and texts with their lengths; ends : of the drawing to the
    right, and of the plot downwards.
    """
    dots, texts = others
    for start, base in (
        (x + 9, y - 6),
        (x - 9 - long, y - 6),
        (x + 9, y + 17),
        (x - 9 - long, y + 17),
        (x - long / 2, y - 12),
        (x - long / 2, y + 24),
    ):
        inside = start >= EDGE_LEFT and start + long <= ends[0] - 2 and base <= ends[1] - 2
        hits_dot = any(start - 7 < a < start + long + 7 and base - 17 < b < base + 7
                       for a, b in dots if (a, b) != (x, y))  # fmt: skip
        hits_text = any(
            start < a + size + 5 and a < start + long + 5 and abs(b - base) < 15
            for a, b, size in texts
        )
        if inside and not hits_dot and not hits_text:
            return start, base
    return None


def _path(dots: Sequence[Dot], seen: Sequence[int], *, apart: bool) -> str:
    """Lines between visits that follow on each other, or, apart, between those that do not."""
    ends = zip(pairwise(dots), pairwise(seen), strict=True)
    return "".join(
        f"M{a.x:.2f} {a.y:.2f}L{b.x:.2f} {b.y:.2f}"
        for (a, b), (i, j) in ends
        if (j - i > 1) == apart
    )


def _visit_marks(places: Sequence[float]) -> tuple[Tick, ...]:
    """Numbers of the visits, from 1; those too near to each other share a place: ``2, 3``."""
    groups: list[list[int]] = []
    marks: list[Tick] = []
    for number in range(1, len(places) + 1):
        groups.append([number])
        marks.append(_mark(groups[-1], places))
        while len(marks) > 1 and marks[-1].at - marks[-2].at < 10 + LETTER / 2 * (
            len(marks[-1].text) + len(marks[-2].text)
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
            marks[-2:] = [_mark(groups[-1], places)]
    return tuple(marks)


def _mark(group: Sequence[int], places: Sequence[float]) -> Tick:
    text = ", ".join(map(str, group)) if len(group) < 4 else f"{group[0]}–{group[-1]}"
    return Tick(round((places[group[0] - 1] + places[group[-1] - 1]) / 2, 2), text)


def _shape(number: int, one: Ribbon, first: float, x: Scale, y: Scale) -> Shape:
    weeks, low, middle, high = _cut(one, x.end)
    across = [x.at(week) for week in weeks]

    def line(shares: Sequence[float]) -> list[str]:
        return [f"{a:.2f} {y.at(first * s):.2f}" for a, s in zip(across, shares, strict=True)]

    area = "M" + "L".join([*line(high), *reversed(line(low))]) + "Z"
    return Shape(number, one.name, area, "M" + "L".join(line(middle)))


def _cut(one: Ribbon, end: float) -> tuple[list[float], list[float], list[float], list[float]]:
    """Weeks, low, middle and high up to the end of the axis."""
    keep = [i for i, week in enumerate(one.weeks) if week < end]
    columns = [[float(c[i]) for i in keep] for c in (one.weeks, one.low, one.middle, one.high)]
    after = len(keep)
    if 0 < after < len(one.weeks):
        a, b = one.weeks[after - 1], one.weeks[after]
        part = (end - a) / (b - a)
        for column, whole in zip(columns, (one.weeks, one.low, one.middle, one.high), strict=True):
            column.append(whole[after - 1] + part * (whole[after] - whole[after - 1]))
    return columns[0], columns[1], columns[2], columns[3]


def _says(
    title: str,
    seen: Sequence[int],
    volumes: dict[int, float],
    visits: Sequence[VisitUsed],
    ribbons: Sequence[Ribbon],
) -> str:
    told = "; ".join(
        f"week {visits[i].weeks:g}: {ml(volumes[i]) if volumes[i] > 0 else 'no edema'}"
        for i in seen
    )
    expected = ", ".join(one.name for one in ribbons)
    return f"{title}, volume over weeks: {told}." + (
        f" Expected courses drawn: {expected}." if expected else ""
    )
