"""The two records beside a reading: how it ran, and whom it belongs to.

They are kept apart on purpose: ``run.json`` holds no patient data, ``source.json`` holds all of it.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from marrowlight.errors import UnreadableFile
from marrowlight.result import ReadResult
from marrowlight.stages import Stages, peak_memory_mb
from marrowlight.study.origin import DicomOrigin

RUN_SCHEMA = "marrowlight.run/1"
SOURCE_SCHEMA = "marrowlight.source/1"


def run_record(
    result: ReadResult, stages: Stages, options: Mapping[str, object]
) -> dict[str, object]:
    """What ran, on what (as hashes), how long and with how much memory. No patient data.

    options : of the command, with paths already replaced by what they stand for.
    """
    from importlib.metadata import version

    study = result.study
    images = {
        s.id: {"role": s.role.value, "sha256": s.volume.sha256, "sequence": dict(s.sequence)}
        for s in (study.series if study else ())
    }
    libraries = ("numpy", "scipy", "onnxruntime", "nibabel", "pydicom")
    return {
        "schema": RUN_SCHEMA,
        "reading_id": result.reading.reading_id,
        "software": result.reading.versions.software,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
        "options": {k: v for k, v in options.items() if v not in (None, [], ())},
        "images": images,
        "bones_sha256": result.bones.sha256,
        "seconds": {name: round(s, 3) for name, s in stages.seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
    }


def source_record(result: ReadResult, paths: Mapping[str, object]) -> dict[str, Any]:
    """Whom the reading belongs to, so that later commands work from its folder.

    paths : what the user named, by what it stands for. The only record that identifies a patient.
    """
    study = result.study
    return {
        "schema": SOURCE_SCHEMA,
        "reading_id": result.reading.reading_id,
        "made": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "paths": dict(paths),
        "identity": dict(study.identity) if study else {},
        "series": [
            {
                "id": s.id,
                "sources": list(s.sources),
                "uids": s.uids,
                "dicom": asdict(s.origin) if s.origin else None,
            }
            for s in (study.series if study else ())
        ],
    }


def origins_of(
    source: Mapping[str, Any], primary: str
) -> tuple[DicomOrigin | None, tuple[DicomOrigin, ...]]:
    """The DICOM images of the primary series and of the others, from ``source_record``.

    Raises UnreadableFile if the record was changed into something else.
    """
    from pydantic import TypeAdapter, ValidationError

    kind = TypeAdapter(dict[str, DicomOrigin | None])
    try:
        rows = {one["id"]: one.get("dicom") for one in source.get("series") or ()}
        found = kind.validate_python(rows)
    except (ValidationError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableFile(
            "source.json does not say which images were read as it was written.",
            expected="the file as `marrowlight read` wrote it",
            do="read the study again",
        ) from error
    first = found.pop(primary, None)
    return first, tuple(one for one in found.values() if one)
