"""A course as rows and as one record: what CSV and JSON hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from marrowlight.causes.knowledge import knowledge
from marrowlight.simulate.parameters import parameters
from marrowlight.simulate.sensitivity import Bar
from marrowlight.simulate.simulation import HYPOTHESIS, LABEL, Simulation

SCHEMA: Literal["marrowlight.simulation/1"] = "marrowlight.simulation/1"

COLUMNS = {
    "weeks": "Weeks since onset",
    "site": "Place, from 1 in the order in which the cause takes them",
    "lesion_ml": "Marrow that looks bright on MRI, ml",
    "fluid_ml": "Edema fluid, ml",
    "pressure_mmhg": "Pressure in bone, mmHg",
    "capillary_mmhg": "Pressure in capillaries, mmHg",
    "flow_ml_min_100g": "Blood flow, ml/min/100 g",
    "load": "Load after care, relative to everyday load",
    "injury": "Injury, relative to a bone bruise",
    "inflammation": "Inflammation, relative",
    "resorption": "Resorption, relative",
    "dead_marrow_ml": "Dead marrow, ml",
    "blood_formation_hypothesis": "Blood formation, relative to rest (a hypothesis, no source)",
}
"""Columns of a row, and what they are with their unit."""


def rows(run: Simulation, every_weeks: float = 1.0) -> list[dict[str, float]]:
    """Rows of a course, one for each place at each point of time, keys as ``COLUMNS``."""
    last = float(run.weeks[-1])
    points = np.union1d(np.arange(0, last, every_weeks), [last])
    of_site = {
        "lesion_ml": run.lesion_ml, "fluid_ml": run.fluid_ml, "pressure_mmhg": run.pressure_mmhg,
        "capillary_mmhg": run.capillary_mmhg, "flow_ml_min_100g": run.flow, "injury": run.injury,
        "inflammation": run.inflammation, "resorption": run.resorption,
        "dead_marrow_ml": run.dead_ml, "blood_formation_hypothesis": run.blood_formation,
    }  # fmt: skip
    out = []
    for week in points.tolist():
        for site in range(len(run.fluid_ml)):
            values = {"weeks": week, "site": float(site + 1)}
            values["load"] = float(np.interp(week, run.weeks, run.load))
            for key, course in of_site.items():
                values[key] = float(np.interp(week, run.weeks, course[site]))
            # Adding nought turns -0.0, which a solver may leave, into 0.0.
            out.append({key: round(values[key], 5) + 0.0 for key in COLUMNS})
    return out


def summary(run: Simulation) -> dict[str, float | None]:
    """The course in a few numbers; weeks since onset, None where it never happens."""
    return {
        "first_seen_weeks": run.first_seen_weeks,
        "peak_ml": run.peak_ml,
        "weeks_to_peak": run.weeks_to_peak,
        "weeks_to_half": run.weeks_to_half,
        "weeks_to_clear": run.weeks_to_clear,
        "highest_pressure_mmhg": float(run.pressure_mmhg.max()),
        "lowest_flow_ml_min_100g": float(run.flow.min()),
        "highest_flow_ml_min_100g": float(run.flow.max()),
        "imbalance_ml": run.imbalance_ml,
    }


def record(run: Simulation, bars: Sequence[Bar] | None = None) -> dict[str, Any]:
    """Everything about a course as plain values (``marrowlight.simulation/1``)."""
    expected = knowledge().causes[run.cause].course
    used = {key: getattr(run.body, key) for key in parameters()}
    return {
        "schema": SCHEMA,
        "label": LABEL,
        "hypothesis": HYPOTHESIS,
        "cause": run.cause,
        "name": knowledge().causes[run.cause].name,
        "pattern": run.drive.pattern,
        "seed": run.seed,
        "expected_course": {
            "weeks": expected.weeks.model_dump(),
            "pattern": expected.pattern,
            "text": expected.text,
            "source": list(expected.source),
        },
        "care": [
            {
                "care": one.effect.id,
                "from_week": one.start,
                "to_week": one.stop,
                "acts_on": one.effect.acts_on,
                "factor": one.effect.factor,
                "basis": one.effect.basis,
                "source": list(one.effect.source),
                "note": one.effect.note,
            }
            for one in run.care
        ],
        "summary": summary(run),
        "columns": COLUMNS,
        "rows": rows(run),
        "drive": run.drive.model_dump(mode="json"),
        "parameters": [
            {**one.model_dump(mode="json"), "used": used[key]} for key, one in parameters().items()
        ],
        "sensitivity": None if bars is None else [_bar(one) for one in bars],
    }


def csv_text(run: Simulation) -> str:
    """The rows as CSV, after two lines of comment that say what it is."""
    out = io.StringIO()
    out.write(f"# {LABEL} {run.cause}\n# {HYPOTHESIS}\n")
    writer = csv.DictWriter(out, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(run))
    return out.getvalue()


def _bar(bar: Bar) -> dict[str, Any]:
    return {
        "id": bar.id, "name": bar.name, "unit": bar.unit, "basis": bar.basis, "low": bar.low,
        "high": bar.high, "half_weeks": list(bar.half_weeks), "peak_ml": list(bar.peak_ml),
    }  # fmt: skip
