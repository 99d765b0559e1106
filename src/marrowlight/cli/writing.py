"""Where results go, and what is written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marrowlight.result import ReadResult
    from marrowlight.stages import Stages


def check_output(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be used before any work is done.

    Raises OutputExists, OutputNotWritable.
    """
    from marrowlight.report.atomic import check_folder

    check_folder(out, overwrite=overwrite)


def write_result(
    out: Path,
    result: ReadResult,
    stages: Stages,
    *,
    options: Mapping[str, object],
    paths: Mapping[str, object],
    overwrite: bool,
) -> None:
    """Write all outputs of a reading, each atomically."""
    from marrowlight.records import run_record, source_record
    from marrowlight.report.files import write_reading

    write_reading(
        out,
        result,
        source=source_record(result, paths),
        run=lambda: run_record(result, stages, options),
        stages=stages,
        overwrite=overwrite,
    )
