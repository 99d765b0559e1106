"""Pictures of a course as SVG: curves over weeks, and the bars of what matters most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from marrowlight.causes.knowledge import knowledge
from marrowlight.simulate.sensitivity import Bar
from marrowlight.simulate.simulation import HYPOTHESIS, LABEL, Simulation

WIDTH, PANEL, LEFT, RIGHT, GAP = 760, 128, 62, 18, 44
"""Sizes in pixels: of the picture, of the height of a panel, and of what is around it."""

COLORS = ("#1f6f8b", "#c0562f", "#6b8e23", "#7a4f9e", "#8a6d1d")
"""Of the places, in order; the first panel names them."""

INK, PALE, BAND = "#23303a", "#d5dbe0", "#eef2f4"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#23303a;paint-order:stroke}.t{font-weight:600}"
    ".s{font-size:11px;fill:#54636e}"
)
MOST_BARS = 10

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Curve:
    values: Values
    color: str
    name: str = ""
    dashed: bool = False


def course_svg(run: Simulation) -> str:
    """Volume, pressure, blood flow, load, and the hypothesis, over weeks."""
    many = len(run.lesion_ml) > 1
    names = [f"place {n + 1}" if many else "" for n in range(len(run.lesion_ml))]

    def of(arrays: Values, *, named: bool = False, dashed: bool = False) -> list[_Curve]:
        return [
            _Curve(one, COLORS[n % len(COLORS)], names[n] if named else "", dashed)
            for n, one in enumerate(arrays)
        ]

    volume = of(run.lesion_ml, named=True)
    if many:
        volume.append(_Curve(run.total_ml, INK, "all"))
    if run.dead_ml.any():
        volume.append(_Curve(run.dead_ml.sum(axis=0), INK, "dead marrow", True))
    body = run.body
    panels: list[tuple[str, list[_Curve], float | None]] = [
        ("Edema as seen on MRI, ml", volume, None),
        (
            "Pressure in bone, mmHg (dotted: at rest)",
            of(run.pressure_mmhg),
            body.intraosseous_pressure_mmhg,
        ),
        ("Blood flow, ml/min/100 g (dotted: at rest)", of(run.flow), body.flow_ml),
        ("Load after care, everyday load is 1", [_Curve(run.load, INK)], None),
        (
            "HYPOTHESIS without a source: blood formation, at rest 1",
            of(run.blood_formation, dashed=True),
            1.0,
        ),
    ]
    top = 64
    height = top + len(panels) * (PANEL + GAP) + 40
    parts = [_open(height, f"Simulated course of {run.cause}. {LABEL}")]
    name = knowledge().causes[run.cause].name
    parts.append(f'<text class="t" x="{LEFT}" y="20" font-size="15">{escape(name)}</text>')
    parts.append(f'<text class="s" x="{LEFT}" y="38">{escape(LABEL)}</text>')
    end = float(run.weeks[-1])
    for title, curves, rest in panels:
        parts += _panel(run, title, curves, rest, top, end)
        top += PANEL + GAP
    parts.append(
        f'<text class="s" x="{LEFT}" y="{top - 4}">Weeks since onset. {_legend(run)}</text>'
    )
    parts.append(f'<text class="s" x="{LEFT}" y="{top + 14}">{escape(HYPOTHESIS)}</text></svg>')
    return "\n".join(parts)


def bars_svg(bars: Sequence[Bar]) -> str:
    """The numbers that change the weeks to half most, or where none does, the peak volume."""
    by_half = any(0 < bar.half_span < math.inf for bar in bars)
    panels = [("Peak volume, ml", sorted(bars, key=lambda b: -b.peak_span), "peak_ml")]
    if by_half:
        half = sorted((b for b in bars if b.half_span < math.inf), key=lambda b: -b.half_span)
        panels.insert(0, ("Weeks until half is gone", half, "half_weeks"))
    row, left = 22, 300
    height = 46 + sum(58 + row * min(MOST_BARS, len(chosen)) for _, chosen, _ in panels)
    parts = [_open(height, f"Which assumption matters most. {LABEL}")]
    parts.append(f'<text class="s" x="14" y="20">{escape(LABEL)} Each number moved alone.</text>')
    y = 48
    for title, chosen, key in panels:
        parts.append(f'<text class="t" x="14" y="{y}">{title}</text>')
        shown = list(chosen)[:MOST_BARS]
        ends = [v for bar in shown for v in getattr(bar, key) if v is not None]
        low, high = min(ends), max(ends)
        scale = (WIDTH - left - 70) / max(high - low, 1e-9)
        for bar in shown:
            y += row
            first, middle, last = getattr(bar, key)
            parts.append(f'<text x="14" y="{y}">{escape(bar.name)}</text>')
            if None in (first, middle, last):
                continue
            for end, number, color in ((first, bar.low, COLORS[0]), (last, bar.high, COLORS[1])):
                a, b = sorted((end, middle))
                words = f"{bar.name} at {number:.3g} {bar.unit}: {end:.3g}"
                parts.append(
                    f'<rect x="{left + (a - low) * scale:.1f}" y="{y - 11}" height="13" '
                    f'width="{max((b - a) * scale, 0.5):.1f}" fill="{color}">'
                    f"<title>{escape(words)}</title></rect>"
                )
            x = left + (max(first, middle, last) - low) * scale + 6
            text = f"{first:.3g}–{last:.3g}" if first <= last else f"{last:.3g}–{first:.3g}"
            parts.append(f'<text class="s" x="{x:.1f}" y="{y}">{text}</text>')
        y += 36
    parts.append(
        f'<text class="s" x="14" y="{y - 8}">Blue: the number is low. Orange: it is high. A bar '
        "begins at the usual value.</text></svg>"
    )
    return "\n".join(parts)


def _open(height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img"><title>{escape(title)}</title>'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
    )


def _panel(
    run: Simulation, title: str, curves: list[_Curve], rest: float | None, top: float, end: float
) -> list[str]:
    values = np.concatenate([curve.values for curve in curves])
    low = min(0.0 if rest is None else rest, float(values.min()))
    high = max(rest or 0.0, float(values.max()))
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    wide = WIDTH - LEFT - RIGHT

    def x(week: float) -> float:
        return LEFT + wide * week / end

    def y(value: float) -> float:
        return top + PANEL * (1 - (value - low) / (high - low))

    parts = [f'<text class="t" x="{LEFT}" y="{top - 8}">{escape(title)}</text>']
    for given in run.care:
        a, b = x(min(given.start, end)), x(min(given.stop, end))
        parts.append(
            f'<rect x="{a:.1f}" y="{top}" width="{b - a:.1f}" height="{PANEL}" fill="{BAND}">'
            f"<title>{escape(given.effect.id)}</title></rect>"
        )
    for tick in ticks:
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="{PALE}"/>'
            f'<text class="s" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">'
            f"{tick:g}</text>"
        )
    for tick in _ticks(0, end, 8):
        if tick <= end:
            parts.append(
                f'<text class="s" x="{x(tick):.1f}" y="{top + PANEL + 15}" text-anchor="middle">'
                f"{tick:g}</text>"
            )
    if rest is not None:
        parts.append(
            f'<path d="M{LEFT} {y(rest):.1f}H{WIDTH - RIGHT}" stroke="{INK}" '
            'stroke-dasharray="1 4"/>'
        )
    seen = x(min(run.first_seen_weeks, end))
    parts.append(
        f'<path d="M{seen:.1f} {top}V{top + PANEL}" stroke="{INK}" stroke-dasharray="3 3"/>'
    )
    keep = np.unique(np.linspace(0, len(run.weeks) - 1, 400).astype(int))
    for curve in curves:
        line = " ".join(
            f"{x(float(run.weeks[i])):.1f},{y(float(curve.values[i])):.1f}" for i in keep
        )
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{curve.color}" stroke-width="2"{dash}/>'
        )
        if curve.name:
            at = int(curve.values.argmax())
            anchor = "end" if at > 0.85 * len(run.weeks) else "start"
            parts.append(
                f'<text x="{x(float(run.weeks[at])):.1f}" '
                f'y="{max(y(float(curve.values[at])) - 5, top + 10):.1f}" '
                f'text-anchor="{anchor}" style="fill:{curve.color}" stroke="#fff" '
                f'stroke-width="4">{escape(curve.name)}</text>'
            )
    return parts


def _legend(run: Simulation) -> str:
    text = "Dashed upright line: first seen on MRI."
    if run.care:
        text += " Shaded: care (" + ", ".join(one.effect.id for one in run.care) + ")."
    return escape(text)


def _ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that cover low to high."""
    span = max(high - low, 1e-6)
    step = 10 ** math.floor(math.log10(span / about))
    step = next(step * n for n in (1, 2, 5, 10, 20) if span / (step * n) <= about + 0.5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) + 0.0 for n in range(first, last + 1)]
