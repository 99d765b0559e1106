"""``marrowlight phantom``: a digital joint with known truth."""

from __future__ import annotations

from typing import Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.choices import PhantomJoint


def command(
    joint: Annotated[PhantomJoint, typer.Argument(help="Which joint.")],
    out: opt.Out,
    seed: Annotated[int, typer.Option(help="Same seed, same phantom.")] = 1,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Make a digital joint.

    Example: marrowlight phantom knee -o knee
    """
    return 0
