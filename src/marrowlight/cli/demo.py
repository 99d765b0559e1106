"""``marrowlight demo``: a phantom knee, read, compared with its own truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli import options as opt


def command(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the phantom and its reading.")
    ] = Path("marrowlight-demo"),
    seed: Annotated[int, typer.Option(help="Another seed is another knee.")] = 1,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Make a digital knee with known edema, read it, and compare the two.

    Example: marrowlight demo -o demo && open demo/reading/report.html
    """
    from marrowlight.cli.demonstrate import demonstrate

    return demonstrate(out, seed=seed, overwrite=overwrite, quiet=quiet, as_json=as_json)
