"""Write a result with the two records that belong beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from marrowlight.result import ReadResult
from marrowlight.stages import Stages


def write_result(
    folder: str | Path,
    result: ReadResult,
    *,
    overwrite: bool = False,
    stages: Stages | None = None,
    options: Mapping[str, object] | None = None,
    paths: Mapping[str, object] | None = None,
) -> Path:
    """Write everything of a reading into a folder, each file to a temporary name and renamed.

    Parameters
    ----------
    folder : is made if it is not there
    overwrite : replace an earlier reading there
    stages : times so far, for run.json
    options, paths : what was asked for, for run.json (no paths) and source.json (paths)

    Returns
    -------
    Path
        Of report.html.

    Raises
    ------
    OutputExists, OutputNotWritable
    """
    from marrowlight.records import run_record, source_record
    from marrowlight.report.files import write_reading

    times = stages or Stages()
    return write_reading(
        folder,
        result,
        source=source_record(result, paths or {}),
        run=lambda: run_record(result, times, options or {}),
        stages=times,
        overwrite=overwrite,
    )
