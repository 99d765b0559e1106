"""The detection curve as a picture: SVG, one panel per noise level, one line per strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.detection_statistics import Curve

WIDTH, HEIGHT, LEFT, TOP, GAP = 420, 300, 60, 40, 40
COLOURS = ("#0b5cad", "#b3520b", "#1b7f3b", "#7a3fa0")
DASHES = ("", "7 4", "2 4", "10 3 2 3")


@dataclass(frozen=True)
class Line:
    """One strength in one panel: points are (mm³, share found, low, high)."""

    label: str
    points: tuple[tuple[float, float, float, float], ...]
    curve: Curve


@dataclass(frozen=True)
class Panel:
    """One noise level."""

    title: str
    lines: tuple[Line, ...]


def draw(panels: Sequence[Panel], title: str, path: Path) -> None:
    """Write the picture."""
    low = min(p[0] for panel in panels for line in panel.lines for p in line.points)
    high = max(p[0] for panel in panels for line in panel.lines for p in line.points)
    span = (np.log10(low) - 0.1, np.log10(high) + 0.1)
    total = LEFT + len(panels) * (WIDTH + GAP)
    tall = TOP + HEIGHT + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {tall}" '
        f'width="{total}" height="{tall}" font-family="sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{total}" height="{tall}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, LEFT + number * (WIDTH + GAP), span)
    parts.append("</svg>")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _panel(panel: Panel, x0: float, span: tuple[float, float]) -> list[str]:
    def px(volume: float) -> float:
        return float(x0 + (np.log10(volume) - span[0]) / (span[1] - span[0]) * WIDTH)

    def py(share: float) -> float:
        return TOP + (1 - share) * HEIGHT

    bottom = TOP + HEIGHT
    out = [
        f'<rect x="{x0}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#444"/>',
        f'<text x="{x0 + WIDTH / 2}" y="{TOP - 14}" text-anchor="middle" font-weight="bold">'
        f"{panel.title}</text>",
        f'<text x="{x0 + WIDTH / 2}" y="{bottom + 42}" text-anchor="middle">'
        "true volume of the lesion, mm³</text>",
    ]
    for share in (0, 0.25, 0.5, 0.75, 0.95):
        dash = ' stroke-dasharray="4 3"' if share == 0.95 else ""
        colour = "#888" if share == 0.95 else "#ddd"
        out.append(
            f'<line x1="{x0}" x2="{x0 + WIDTH}" y1="{py(share):.1f}" y2="{py(share):.1f}" '
            f'stroke="{colour}"{dash}/>'
            f'<text x="{x0 - 6}" y="{py(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        )
    for volume in sorted({p[0] for line in panel.lines for p in line.points}):
        out.append(
            f'<text x="{px(volume):.1f}" y="{bottom + 18}" text-anchor="middle" '
            f'font-size="11">{volume:g}</text>'
        )
    for n, line in enumerate(panel.lines):
        colour, dash = COLOURS[n % len(COLOURS)], DASHES[n % len(DASHES)]
        volumes = np.logspace(span[0], span[1], 80)
        route = " ".join(
            f"{px(v):.1f},{py(p):.1f}" for v, p in zip(volumes, line.curve.at(volumes), strict=True)
        )
        out.append(
            f'<polyline points="{route}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
        shift = (n - (len(panel.lines) - 1) / 2) * 4
        for volume, share, low, high in line.points:
            x = px(volume) + shift
            out.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{py(low):.1f}" y2="{py(high):.1f}" '
                f'stroke="{colour}"/>'
                f'<circle cx="{x:.1f}" cy="{py(share):.1f}" r="3.5" fill="{colour}"/>'
            )
        y = bottom - 14 - 18 * (len(panel.lines) - 1 - n)
        out.append(
            f'<line x1="{x0 + WIDTH - 150}" x2="{x0 + WIDTH - 120}" y1="{y - 4}" y2="{y - 4}" '
            f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{x0 + WIDTH - 114}" y="{y}">{line.label}</text>'
        )
    return out
