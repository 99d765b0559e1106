"""``marrowlight inspect``: what is in there, what would be used, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    inputs: opt.Inputs,
    series: opt.SeriesRoles = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    nifti_orientation: opt.Orientation = None,
    isolate: opt.Isolate = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Taken by every command; inspect writes nothing.")
    ] = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Show what a study holds, what would be read, and how that is known. Writes nothing.

    Example: marrowlight inspect exam/
    """
    from marrowlight.cli.opening import open_inputs
    from marrowlight.study.inspect import describe

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress() as progress:
        study = open_inputs(
            inputs,
            series,
            joint=joint,
            side=side,
            orientation=nifti_orientation,
            isolate=isolate,
            progress=progress,
        )
    found = describe(study)
    screen.result(found)
    if screen.talks:
        _show(screen, found)
    return 0


def _show(screen: Screen, found: dict[str, Any]) -> None:
    """The tables for people."""
    for name in ("joint", "side"):
        evidence = "; ".join(found[name]["evidence"])
        screen.say(f"{name.capitalize()}: {found[name]['value']} ({evidence})")
    screen.table(
        "Series",
        ("id", "name", "role", "because", "plane", ">voxels", ">mm", "use"),
        [_row(one) for one in found["series"]],
    )
    if found["set_aside"]:
        screen.table(
            "Set aside",
            ("name", ">files", "reason"),
            [(a["name"], str(a["files"]), a["reason"]) for a in found["set_aside"]],
        )
    primary = found["primary"]
    if primary["id"]:
        screen.say(f"Edema would be read on {primary['id']}: {primary['reason']}")
    else:
        screen.say(f"Edema cannot be read: {primary['reason']}")
    notices = [n["text"] for n in found["notices"]]
    notices += [f"{one['id']}: {n['text']}" for one in found["series"] for n in one["notices"]]
    screen.warn(notices)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    gap = f", gap {one['gap_mm']:g}" if one["gap_mm"] else ""
    return (
        one["id"],
        one["description"],
        one["role"],
        "; ".join(one["evidence"]),
        one["plane"],
        " x ".join(map(str, one["shape"])),
        " x ".join(f"{s:.3g}" for s in one["spacing_mm"]) + gap,
        one["use"],
    )
