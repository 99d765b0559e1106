"""Write a simulated course: JSON, CSV, SVG and a page."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from marrowlight.errors import OutputExists, OutputNotWritable
from marrowlight.simulate.page import page
from marrowlight.simulate.plot import bars_svg, course_svg
from marrowlight.simulate.sensitivity import Bar
from marrowlight.simulate.simulation import Simulation
from marrowlight.simulate.table import csv_text, record

FILES = (
    "simulation.html", "simulation.svg", "sensitivity.svg", "simulation.csv", "simulation.json",
)  # fmt: skip
"""In the order in which they take their place; the record comes last."""


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Raises OutputExists if the folder holds a simulation and ``overwrite`` is false."""
    held = [name for name in FILES if (folder / name).exists()]
    if held and not overwrite:
        raise OutputExists(
            f"The folder already holds {', '.join(held)}.",
            where=folder,
            do="choose another folder, or overwrite it (--overwrite)",
        )


def write_simulation(
    run: Simulation,
    folder: str | Path,
    bars: Sequence[Bar] | None = None,
    *,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write the files of ``FILES``; without bars there is no ``sensitivity.svg``.

    Raises OutputExists or OutputNotWritable; nothing is left half written.
    """
    out = Path(folder)
    check_folder(out, overwrite=overwrite)
    texts = {
        "simulation.html": page(run, bars),
        "simulation.svg": course_svg(run) + "\n",
        "sensitivity.svg": bars_svg(bars) + "\n" if bars is not None else None,
        "simulation.csv": csv_text(run),
        "simulation.json": json.dumps(record(run, bars), indent=2, ensure_ascii=False) + "\n",
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".simulation-", dir=out) as scratch:
            for name, text in texts.items():
                if text is not None:
                    (Path(scratch) / name).write_text(text, encoding="utf-8")
            for name, text in texts.items():
                if text is None:
                    (out / name).unlink(missing_ok=True)
                else:
                    (Path(scratch) / name).replace(out / name)
    except OSError as error:
        raise OutputNotWritable(
            f"The simulation could not be written ({error.strerror or error}).",
            where=out,
            do="choose a folder that can be written",
        ) from error
    return tuple(out / name for name in FILES if texts[name] is not None)
