"""``marrowlight simulate``: fluid in bone over weeks, a teaching and test model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen
from marrowlight.errors import UsageError

if TYPE_CHECKING:
    from marrowlight.simulate.simulation import Simulation

MOST_ROWS = 14
"""Rows of the table in the terminal; files hold every week."""

MOST_BARS = 6


def command(
    cause: Annotated[
        str, typer.Option(metavar="ID", help="A cause, as `marrowlight causes list` writes it.")
    ],
    more_care: Annotated[
        list[str] | None,
        typer.Argument(metavar="CARE[:WEEK]", help="Further care, after --care."),
    ] = None,
    weeks: Annotated[float, typer.Option(help="How long, from onset.")] = 52,
    care: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CARE[:WEEK] ...",
            help="Care, and the week since onset in which it starts, e.g. protected_loading or "
            "bisphosphonate:8. Without a week: when the edema is first seen.",
        ),
    ] = None,
    load: Annotated[float, typer.Option(help="Multiplies the load of the cause.")] = 1.0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=NUMBER", help="Another value of a parameter. Repeat for more."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another person with this cause; none: the middle one.")
    ] = None,
    sensitivity: Annotated[
        bool | None,
        typer.Option(
            "--sensitivity/--no-sensitivity",
            help="Move every assumption alone and show which matters most (some seconds). Done "
            "where files are written.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for simulation.html, .svg, .csv and .json."),
    ] = None,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Simulate fluid in bone over weeks. A teaching and test model, no prediction for a patient.

    Example: marrowlight simulate --cause transient_osteoporosis_bmes --care protected_loading

    Fluid leaves capillaries, fills a rigid bone, raises its pressure, squeezes its veins and is
    drained; injury, inflammation and resorption drive it. Most numbers are assumptions; files say
    of each where it comes from.
    """
    from marrowlight.simulate.sensitivity import sensitivity as bars_of
    from marrowlight.simulate.simulation import simulate
    from marrowlight.simulate.table import record
    from marrowlight.simulate.write import check_folder, write_simulation

    screen = Screen(quiet=quiet, as_json=as_json)
    if more_care and not care:
        raise UsageError(
            f"{more_care[0]!r} is no option of a simulation.", expected="--care before care"
        )
    given = [text for part in (*(care or ()), *(more_care or ())) for text in part.split(",")]
    if out is not None:
        check_folder(out, overwrite=overwrite)
    with screen.progress() as progress:
        progress("simulate")
        run = simulate(cause, weeks, given, seed=seed, load=load, changed=parse_set(set_))
        bars = None
        if sensitivity or (sensitivity is None and out is not None):
            progress("move every assumption")
            bars = bars_of(cause, weeks, given)
        files = write_simulation(run, out, bars, overwrite=overwrite) if out else ()
    screen.result({**record(run, bars), "files": [str(path) for path in files]})
    if screen.talks:
        _show(screen, run)
        if bars is not None:
            rows = [
                (bar.name, f"{bar.low:.3g}–{bar.high:.3g} {bar.unit}", _span(bar.half_weeks),
                 _span(bar.peak_ml), bar.basis)
                for bar in bars[:MOST_BARS]
            ]  # fmt: skip
            head = ("assumption", "low–high", ">weeks to half", ">peak, ml", "basis")
            screen.table("Which assumption matters most", head, rows)
        if files:
            screen.say("Written: " + ", ".join(str(path) for path in files))
    return 0


def parse_set(texts: list[str] | None) -> dict[str, float]:
    """``["room=0.2"]`` to numbers; raises UsageError."""
    out = {}
    for text in texts or ():
        name, _, number = text.partition("=")
        try:
            out[name] = float(number)
        except ValueError:
            raise UsageError(
                f"{text!r} does not set a parameter.", where="--set", expected="e.g. room=0.2"
            ) from None
    return out


def _show(screen: Screen, run: Simulation) -> None:
    """The course for people, the label first and last."""
    from marrowlight.simulate.page import sentences
    from marrowlight.simulate.simulation import HYPOTHESIS, LABEL
    from marrowlight.simulate.table import rows

    screen.say(LABEL)
    for line in sentences(run):
        screen.say(line)
    every = max(1, round(float(run.weeks[-1]) / MOST_ROWS))
    several = len(run.lesion_ml) > 1
    keys = ("lesion_ml", "fluid_ml", "pressure_mmhg", "flow_ml_min_100g", "load")
    cells = [
        (
            f"{row['weeks']:g}",
            *((f"{row['site']:g}",) if several else ()),
            *(f"{row[key]:.2f}" for key in keys),
            f"{row['blood_formation_hypothesis']:.2f}",
        )
        for row in rows(run, every)
    ]
    head = (
        ">weeks", *((">place",) if several else ()), ">lesion, ml", ">fluid, ml",
        ">pressure, mmHg", ">flow, ml/min/100 g", ">load", ">blood formation*",
    )  # fmt: skip
    screen.table("", head, cells)
    screen.say(f"* {HYPOTHESIS}")
    for one in run.care:
        screen.say(
            f"{one.effect.id}, weeks {one.start:.3g} to {one.stop:.3g}: acts on "
            f"{one.effect.acts_on}; its size is an assumption."
        )
    screen.say(LABEL)


def _span(values: tuple[float | None, float | None, float | None]) -> str:
    low, _, high = ("never" if value is None else f"{value:.3g}" for value in values)
    return f"{low} to {high}"
