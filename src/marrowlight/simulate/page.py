"""A course as one HTML page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from marrowlight.causes.knowledge import knowledge
from marrowlight.simulate.parameters import parameters
from marrowlight.simulate.plot import bars_svg, course_svg
from marrowlight.simulate.sensitivity import Bar
from marrowlight.simulate.simulation import HYPOTHESIS, LABEL, Simulation
from marrowlight.simulate.table import COLUMNS, rows

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#23303a;background:#fff;margin:2rem auto;
max-width:52rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin-top:2.2rem}
.label{border:2px solid #c0562f;padding:.5rem .8rem;font-weight:600}
.hypothesis{color:#8a3b1d}svg{max-width:100%;height:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.2rem .6rem;border-bottom:1px solid #d5dbe0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){body{background:#161b1f;color:#e3e8ec}
th,td{border-color:#3a454d}.hypothesis{color:#e9a184}svg{border-radius:6px}}
@media print{.wide{overflow:visible}}
"""

MOST_ROWS = 40
"""Rows of the table in the page; files hold every week."""

SHOWN = (
    "weeks", "site", "lesion_ml", "fluid_ml", "pressure_mmhg", "flow_ml_min_100g", "load",
    "blood_formation_hypothesis",
)  # fmt: skip


def page(run: Simulation, bars: Sequence[Bar] | None = None) -> str:
    """The page: label first, then pictures, table, numbers with their sources."""
    name = knowledge().causes[run.cause].name
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(name)}: simulated course</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(name)}</h1>",
        f'<p class="label">{escape(LABEL)}</p>',
        *(f"<p>{escape(line)}</p>" for line in sentences(run)),
        course_svg(run),
        f'<p class="hypothesis">{escape(HYPOTHESIS)}</p>',
    ]
    if bars is not None:
        parts += ["<h2>Which assumption matters most</h2>", bars_svg(bars)]
    every = max(1, math.ceil(float(run.weeks[-1]) * len(run.lesion_ml) / MOST_ROWS))
    heads = [f"<span title='{escape(COLUMNS[key])}'>{escape(_short(key))}</span>" for key in SHOWN]
    body = [[f"{row[key]:.3g}" for key in SHOWN] for row in rows(run, every)]
    parts += ["<h2>The course</h2>", _table(heads, body, numbers=True)]
    if run.care:
        parts += [
            "<h2>Care in the model</h2>",
            _table(
                ("care", "weeks", "acts on", "factor", "basis", "source", "note"),
                (
                    (
                        escape(one.effect.id), f"{one.start:.3g}–{one.stop:.3g}",
                        one.effect.acts_on, f"{one.effect.factor:g}", one.effect.basis,
                        _cited(one.effect.source), escape(one.effect.note),
                    )
                    for one in run.care
                ),
            ),
        ]  # fmt: skip
    parts += [
        "<h2>Every number</h2>",
        f"<p>{escape(run.drive.note)} Source of the course: {_cited(run.drive.source)}.</p>",
        _table(
            ("what", "used", "low–high", "unit", "basis", "source", "note"),
            (
                (
                    escape(one.name), f"{getattr(run.body, key):g}", f"{one.low:g}–{one.high:g}",
                    escape(one.unit), one.basis, _cited(one.source), escape(one.note),
                )
                for key, one in parameters().items()
            ),
        ),
        f'<p class="label">{escape(LABEL)}</p></body></html>',
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def sentences(run: Simulation) -> list[str]:
    """What the model gives and what the literature says, in plain words."""
    weeks = knowledge().causes[run.cause].course.weeks
    pattern = knowledge().causes[run.cause].course.pattern
    what = (
        f"In the model the edema is largest in week {run.weeks_to_peak:.0f} ({run.peak_ml:.1f} ml)"
    )
    if run.weeks_to_clear is not None:
        end = f"half of it is gone by week {run.weeks_to_half:.0f}, nearly all by week "
        end += f"{run.weeks_to_clear:.0f}."
    elif run.weeks_to_half is not None:
        end = f"falls to half by week {run.weeks_to_half:.0f} and does not clear within the "
        end += f"{run.weeks[-1]:.0f} weeks."
    else:
        end = f"and does not fall to half within the {run.weeks[-1]:.0f} weeks."
    return [
        f"{what}, {end}".replace(", and", " and"),
        f"Literature and estimates: it {pattern}, {weeks.low:g} to {weeks.high:g} weeks, median "
        f"{weeks.median:g}. The model was set to agree with that; it does not confirm it.",
    ]


def _cited(source: Sequence[str]) -> str:
    known = knowledge().references
    return "; ".join(escape(known[key].cite) if key in known else key for key in source)


def _short(key: str) -> str:
    return {
        "lesion_ml": "lesion, ml", "fluid_ml": "fluid, ml", "pressure_mmhg": "pressure, mmHg",
        "flow_ml_min_100g": "flow, ml/min/100 g",
        "blood_formation_hypothesis": "blood formation (hypothesis)",
    }.get(key, key)  # fmt: skip


def _table(heads: Iterable[str], body: Iterable[Iterable[str]], *, numbers: bool = False) -> str:
    cell = '<td class="n">' if numbers else "<td>"
    lines = ["<div class='wide'><table><tr>"]
    lines.append("".join(f"<th>{head}</th>" for head in heads) + "</tr>")
    lines += ["<tr>" + "".join(f"{cell}{one}</td>" for one in row) + "</tr>" for row in body]
    return "\n".join(lines) + "\n</table></div>"
