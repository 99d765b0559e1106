"""Documents of an output folder, written beside its reading."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marrowlight.errors import OutputExists, UnreadableFile
from marrowlight.export.documents import NAMES, known_kinds, make_documents
from marrowlight.export.folder import material_from
from marrowlight.report.as_json import json_bytes
from marrowlight.report.atomic import PRIVATE, check_files, write_together
from marrowlight.stages import Stages
from marrowlight.visit_folder import record
from marrowlight.written_file import reading_from

EXPORT = "export"
"""Folder of the documents, in the output folder of the reading."""

LIST = "export.json"
"""Says of which reading the documents are, with their hashes; no patient data."""

LIST_SCHEMA = "marrowlight.export/1"
PAGE = "report.html"

NOT_STORED = ("seg_all.dcm",)
"""Documents that stay out of an archive: all voxels of seg.dcm once more."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    folder : of the documents; files : kind or file name to path; skipped : kind to why it was not
    made.
    """

    folder: Path
    files: dict[str, Path]
    skipped: dict[str, str]


def export_reading(
    folder: str | Path,
    *,
    wanted: Sequence[str] | None = None,
    course: str | Path | None = None,
    overwrite: bool = False,
    stages: Stages | None = None,
) -> Exported:
    """Write documents of a reading into ``folder/export``, all of them or none.

    The same reading gives the same bytes. They identify the patient as the images do, and are
    readable by their owner only.

    Parameters
    ----------
    folder : output folder of ``read`` or ``measure``
    wanted : of ``export.documents.KINDS``; all but the probability map unless given
    course : folder of ``follow`` in which this reading is a visit: its lesions keep the tracking
        identifiers that they had when they were first seen
    overwrite : replace documents that are there
    stages : Stages, optional

    Raises
    ------
    UnreadableFile, UsageError, GridMismatch, DocumentError, OutputExists, OutputNotWritable
    """
    times = stages or Stages()
    place = Path(folder)
    out = place / EXPORT
    kinds = known_kinds(wanted)
    names = [name for kind in kinds for name in NAMES[kind]]
    check_files([out / name for name in names], overwrite=overwrite)
    with times.stage("read the reading back"):
        material = material_from(place, course)
        page = place / PAGE
        html = page.read_text(encoding="utf-8") if page.is_file() else None
    listed = _listed(out)
    stale = listed.get("reading_id") not in (None, material.reading.reading_id)
    if stale and not overwrite:
        raise OutputExists(
            "There are documents of an earlier reading.",
            where=out,
            expected="documents of the reading beside them, or none",
            do="replace them with --overwrite",
        )
    made = make_documents(material, page=html, wanted=kinds, stages=times)
    contents = {name: content for files in made.files.values() for name, content in files.items()}
    hashes = {} if stale else dict(listed.get("files", {}))
    hashes |= {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    listing = {
        "schema": LIST_SCHEMA,
        "reading_id": material.reading.reading_id,
        "files": hashes,
    }
    contents[LIST] = json_bytes(listing)
    with times.stage("write"):
        if stale:
            # Left beside the new ones they would be taken for documents of this reading.
            for name in {name for names in NAMES.values() for name in names} - contents.keys():
                (out / name).unlink(missing_ok=True)
        write_together(
            {out / name: content for name, content in contents.items()},
            overwrite=True,
            mode=PRIVATE,
        )
    written = {name: out / name for name in contents if name != LIST}
    return Exported(out, written, made.skipped)


def exported_dicom(folder: str | Path) -> tuple[Path, ...]:
    """The DICOM documents of an output folder for an archive, checked to be of its reading.

    Raises UnreadableFile if there are none, if they are of an earlier reading, or if a file is not
    as it was written.
    """
    place, out = Path(folder), Path(folder) / EXPORT
    listed = _listed(out)
    files = {
        n: h
        for n, h in dict(listed.get("files", {})).items()
        if n.endswith(".dcm") and n not in NOT_STORED
    }
    if not files:
        raise UnreadableFile(
            "There are no DICOM documents here.",
            where=out,
            expected="seg.dcm, sr.dcm and report.dcm",
            do="make them with `marrowlight export`",
        )
    if listed.get("reading_id") != reading_from(place).reading_id:
        raise UnreadableFile(
            "The documents are of an earlier reading than the one beside them.",
            where=out,
            do="make them again with `marrowlight export --overwrite`",
        )
    for name, expected in files.items():
        path = out / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise UnreadableFile(
                f"{name} is not as it was written.",
                where=out,
                do="make it again with `marrowlight export --overwrite`",
            )
    return tuple(out / name for name in sorted(files))


def _listed(out: Path) -> dict[str, Any]:
    """The list of documents in a folder; empty if there is none."""
    found = record(out / LIST)
    return found if found.get("schema") == LIST_SCHEMA else {}
