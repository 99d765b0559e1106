"""All files of a reading, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from marrowlight.reading import Reading
from marrowlight.report.as_json import json_bytes
from marrowlight.report.atomic import EXPLANATION, PRIVATE, READING, SHARED, OutputFolder
from marrowlight.result import ReadResult
from marrowlight.stages import Stages

SPARE_BYTES = 65536
"""Room kept for run.json and the folder itself when free space is checked beforehand."""


def write_reading(
    folder: str | Path,
    result: ReadResult,
    *,
    source: Mapping[str, Any],
    run: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    stages: Stages | None = None,
    overwrite: bool = False,
) -> Path:
    """Write all outputs of a reading; returns the path of the report.

    Parameters
    ----------
    folder : path
        Made if absent.
    result : ReadResult
    source : mapping
        For source.json, the only file that identifies the patient; readable by its owner only.
    run : mapping, or callable that returns one
        For run.json; called last, when all times are known.
    stages : Stages, optional
        Collects the time of each stage.
    overwrite : bool
        Replace an earlier reading in the folder.

    Raises
    ------
    OutputExists, OutputNotWritable
        Then the folder is as it was before.
    """
    stages = stages or Stages()
    with OutputFolder(Path(folder), overwrite=overwrite) as out:
        with stages.stage("encode masks"):
            files = _image_files(result)
        with stages.stage("report"):
            from marrowlight.report.html import report_html

            files["report.html"] = report_html(result).encode("utf-8")
            files[READING] = reading_bytes(result.reading)
            if result.explained:
                told = result.explained.explanation
                files[EXPLANATION] = json_bytes(told.model_dump(mode="json", by_alias=True))
        with stages.stage("write"):
            files["source.json"] = json_bytes(source)
            out.reserve(sum(map(len, files.values())) + SPARE_BYTES)
            for name, content in files.items():
                out.write(name, content, mode=PRIVATE if name == "source.json" else SHARED)
        out.write("run.json", json_bytes(run() if callable(run) else run))
    return Path(folder) / "report.html"


def reading_bytes(reading: Reading) -> bytes:
    """``reading.json``: UTF-8, indented, fields in the order of the schema."""
    return json_bytes(reading.model_dump(mode="json", by_alias=True))


def _image_files(result: ReadResult) -> dict[str, bytes]:
    from marrowlight.report.nifti import nifti_bytes, probability_bytes

    grid = result.bones.grid
    files = {
        "edema.nii.gz": nifti_bytes(
            np.asarray(result.edema).astype(np.uint8), grid, "marrowlight edema"
        ),
        "bones.nii.gz": nifti_bytes(result.bones.labels, grid, "marrowlight bones by registry"),
    }
    if result.probability is not None:
        files["edema_probability.nii.gz"] = probability_bytes(result.probability, grid)
    return files
