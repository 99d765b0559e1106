"""``marrowlight inspect``: what is in there, what would be used, and why."""

from __future__ import annotations

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    inputs: opt.Inputs,
    series: opt.SeriesRoles = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    nifti_orientation: opt.Orientation = None,
    isolate: opt.Isolate = False,
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
    screen.result(describe(study))
    return 0
