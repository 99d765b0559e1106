"""All files of a course: course.json, its report, and every visit's edema on one grid."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from marrowlight.course.course import Course
from marrowlight.course.course_result import CourseResult
from marrowlight.errors import OutputExists
from marrowlight.report.as_json import json_bytes
from marrowlight.report.atomic import EXPLANATION, READING, check_files, write_together
from marrowlight.stages import Stages, peak_memory_mb
from marrowlight.version import __version__

COURSE = "course.json"
"""The file by which a folder is known to hold a course."""

REPORT = "report.html"
RUN = "run.json"
RUN_SCHEMA = "marrowlight.follow-run/1"
MASK = "edema_visit{}.nii.gz"
"""Edema of a visit, counted from 1, on the grid of the first: laid there bone by bone."""


def check_course_folder(folder: str | Path, *, overwrite: bool) -> None:
    """Refuse a folder that a course cannot be written to; creates nothing.

    Raises OutputExists if it holds a reading, or a course and ``overwrite`` is false;
    OutputNotWritable if it is no folder or read-only.
    """
    place = Path(folder)
    if os.path.lexists(place / READING):
        raise OutputExists(
            "The output folder holds the reading of one visit.",
            where=place,
            expected="an empty folder, or one that holds an earlier course",
            do="choose another folder with -o",
        )
    if overwrite and not os.path.lexists(place / COURSE):
        # A report that belongs to no course is not ours to replace.
        overwrite = False
    check_files([place / name for name in (COURSE, REPORT, RUN)], overwrite=overwrite)


def write_course(
    folder: str | Path,
    result: CourseResult,
    *,
    overwrite: bool = False,
    stages: Stages | None = None,
    options: Mapping[str, object] | None = None,
) -> Path:
    """Write everything of a course into a folder, each file under a hidden name and then renamed.

    ``course.json``, ``report.html``, ``edema_visit1.nii.gz``... on the grid of the first visit,
    ``run.json``, and ``explanation.json`` where a case was given. None of them says who the patient
    is or gives a date.

    Parameters
    ----------
    folder : is made if it is not there
    overwrite : replace an earlier course there
    stages : times so far, for run.json
    options : what was asked for, for run.json; no paths

    Returns
    -------
    Path
        Of report.html.

    Raises
    ------
    OutputExists, OutputNotWritable
    """
    from marrowlight.report.follow import follow_html
    from marrowlight.report.nifti import nifti_bytes

    place, times = Path(folder), stages or Stages()
    check_course_folder(place, overwrite=overwrite)
    with times.stage("encode masks"):
        grid = result.visits[0].bones.grid
        files = {
            MASK.format(n + 1): nifti_bytes(
                result.carried_edema(n).astype(np.uint8), grid, f"marrowlight edema, visit {n + 1}"
            )
            for n in range(len(result.visits))
        }
    with times.stage("report"):
        files[REPORT] = follow_html(result).encode("utf-8")
    if result.explanation is not None:
        files[EXPLANATION] = json_bytes(result.explanation.model_dump(mode="json", by_alias=True))
    files[RUN] = json_bytes(_run(result, times, options or {}))
    files[COURSE] = course_bytes(result.course)
    with times.stage("write"):
        write_together(
            {place / name: content for name, content in files.items()}, overwrite=overwrite
        )
        _remove_stale(place, files)
    return place / REPORT


def course_bytes(course: Course) -> bytes:
    """``course.json``: UTF-8, indented, fields in the order of the schema."""
    return json_bytes(course.model_dump(mode="json", by_alias=True))


def _run(result: CourseResult, stages: Stages, options: Mapping[str, object]) -> dict[str, Any]:
    """What ran, how long and with how much memory. No patient data."""
    return {
        "schema": RUN_SCHEMA,
        "software": __version__,
        "readings": [v.reading.reading_id for v in result.visits],
        "options": {k: v for k, v in options.items() if v not in (None, [], ())},
        "seconds": {name: round(s, 3) for name, s in stages.seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
    }


def _remove_stale(folder: Path, files: Mapping[str, bytes]) -> None:
    """Remove what an earlier course left that this one does not have."""
    for path in [*folder.glob(MASK.format("*")), folder / EXPLANATION]:
        if path.name not in files:
            with contextlib.suppress(OSError):
                path.unlink()
