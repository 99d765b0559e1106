"""A visit from the output folder of an earlier reading, and what of a study makes two the same."""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.errors import MarrowlightError, UnreadableFile
from marrowlight.reading import Reading
from marrowlight.records import SOURCE_SCHEMA
from marrowlight.report.atomic import READING
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side, Study
from marrowlight.written_file import reading_from

LARGEST_BYTES = 64_000_000
"""A record beside a reading holds some kB, or a few MB of UIDs; what is larger is not ours."""

_SALT = secrets.token_bytes(16)
"""New in every run, so that a hash tells only whether two visits of this run are of one patient."""


@dataclass(frozen=True, eq=False)
class Identity:
    """What tells visits apart. Never written.

    date : of the study; patient, study : salted hashes; image_sha256 : of the image that edema was
    read on. None where not known.
    """

    date: datetime.date | None = None
    patient: str | None = None
    study: str | None = None
    image_sha256: str | None = None


@dataclass(frozen=True, eq=False)
class VisitFolder:
    """The output folder of ``read`` or ``measure``, read back.

    scanner : numbers of the sequence; sources : files of the image, as they were named then
    """

    path: Path
    reading: Reading
    identity: Identity
    scanner: Mapping[str, float | str]
    sources: tuple[str, ...]

    def masks(self, *, isolate: bool = False) -> tuple[BoneMap, NDArray[np.bool_]]:
        """Bones and edema of the reading, on one grid. isolate : as for ``open_study``.

        Raises UnreadableFile, BadMask, GridMismatch.
        """
        from marrowlight.study.maskfile import read_mask

        files = [self.path / "bones.nii.gz", self.path / "edema.nii.gz"]
        for file in files:
            if not file.is_file():
                raise UnreadableFile(
                    f"There is no {file.name} beside the reading.",
                    where=self.path,
                    expected="the whole output folder of `marrowlight read` or `measure`",
                )
        drawn, edema = (read_mask(file, [], isolate=isolate) for file in files)
        edema.grid.require_match(drawn.grid, this="edema.nii.gz", that="bones.nii.gz")
        bones = tuple(
            LabelledBone(b.label, b.bone, b.side) for r in self.reading.regions for b in r.bones
        )
        labels = drawn.labels.astype(np.uint8)
        return BoneMap(labels, drawn.grid, bones, "an earlier reading"), edema.labels > 0

    def probability(self, bones: BoneMap) -> NDArray[np.float32] | None:
        """Probability of edema per voxel, on the grid of the bones; None if there is none.

        Raises UnreadableFile, GridMismatch.
        """
        from marrowlight.study.limits import Limits
        from marrowlight.study.nifti_file import read_nifti
        from marrowlight.study.nifti_volume import nifti_affine

        file = self.path / "edema_probability.nii.gz"
        if not file.is_file():
            return None
        stored = read_nifti(file.name, file.read_bytes(), Limits())
        voxels = stored.voxels.astype(np.float32)
        if voxels.shape != bones.grid.shape:
            raise UnreadableFile(
                f"{file.name} holds {voxels.shape} voxels.",
                where=self.path,
                expected=f"{bones.grid.shape}, as bones.nii.gz",
            )
        grid = Grid(bones.grid.shape, nifti_affine(stored)[0])
        grid.require_match(bones.grid, this=file.name, that="bones.nii.gz")
        return voxels

    def image(self, bones: BoneMap, *, isolate: bool = False) -> NDArray[np.float32] | None:
        """The image that edema was read on, if its files are still where they were; for pictures.

        None where they are gone, cannot be read, or hold another image than then.
        """
        from marrowlight.study.open import open_study

        files = [Path(source) for source in self.sources]
        if not files or not all(file.is_file() for file in files):
            return None
        try:
            study = open_study(*files, isolate=isolate)
        except (MarrowlightError, OSError):
            return None
        for series in study.series:
            if series.volume.sha256 == self.identity.image_sha256:
                return series.volume.voxels if series.volume.grid.matches(bones.grid) else None
        return None


def is_reading(path: Path) -> bool:
    """Whether a path is the output folder of a reading, or its reading.json."""
    return (path / READING).is_file() or (path.name == READING and path.is_file())


def visit_folder(path: Path) -> VisitFolder:
    """Read an output folder back, without its masks.

    Raises UnreadableFile.
    """
    folder = path.parent if path.name == READING else path
    reading = reading_from(folder)
    source, run = source_of(folder, reading), record(folder / "run.json")
    images = run.get("images") if run.get("reading_id") == reading.reading_id else None
    image = (images or {}).get(reading.primary_series)
    image = image if isinstance(image, dict) else {}
    series = next(
        (
            s
            for s in source.get("series") or ()
            if isinstance(s, dict) and s.get("id") == reading.primary_series
        ),
        {},
    )
    who = source.get("identity")
    who = who if isinstance(who, dict) else {}
    uids = series.get("uids")
    scanner = image.get("sequence")
    return VisitFolder(
        folder,
        reading,
        Identity(
            date_of(who.get("study_date")),
            _hashed(who.get("patient_id")),
            _hashed(uids.get("study") if isinstance(uids, dict) else None),
            str(image["sha256"]) if image.get("sha256") else None,
        ),
        scanner if isinstance(scanner, dict) else {},
        tuple(str(s) for s in series.get("sources") or ()),
    )


def source_of(folder: Path, reading: Reading) -> dict[str, Any]:
    """``source.json`` beside a reading; empty if it is not there or belongs to another reading."""
    source = record(folder / "source.json")
    if source.get("schema") != SOURCE_SCHEMA or source.get("reading_id") != reading.reading_id:
        return {}
    return source


def identity_of(study: Study) -> Identity:
    """What tells a study apart from another."""
    primary = next((s for s in study.series if s.id == study.primary_id), None)
    uid = primary.uids.get("study") if primary else None
    return Identity(
        date_of(study.identity.get("study_date")),
        _hashed(study.identity.get("patient_id")),
        _hashed(uid),
        primary.volume.sha256 if primary else None,
    )


def joint_of(regions: Sequence[Any]) -> Joint:
    """The joint of a reading."""
    return next((r.joint for r in regions if r.joint is not Joint.UNKNOWN), Joint.UNKNOWN)


def side_of(regions: Sequence[Any]) -> Side:
    """The side of a reading; of both sides together the midline."""
    sides = {r.side for r in regions} - {Side.UNKNOWN}
    if {Side.LEFT, Side.RIGHT} <= sides:
        return Side.MIDLINE
    return next((s for s in (Side.LEFT, Side.RIGHT, Side.MIDLINE) if s in sides), Side.UNKNOWN)


def as_it_was_read(reading: Reading, *, joint: Joint | str | None, side: Side | str | None) -> None:
    """Refuse to call an earlier reading another joint or side than it was read as."""
    is_: tuple[Joint | Side, ...] = (joint_of(reading.regions), side_of(reading.regions))
    for option, asked, was in zip(("joint", "side"), (joint, side), is_, strict=True):
        if asked is not None and asked != was:
            raise UnreadableFile(
                f"It was read as {option} {was.value}, which --{option} {asked} cannot change now: "
                f"read the study again with --{option}, or leave --{option} out.",
                where=reading.reading_id,
            )


def date_of(text: object) -> datetime.date | None:
    """``20240131`` or ``2024-01-31`` as a date; None for anything else."""
    try:
        return datetime.date.fromisoformat(str(text).strip()[:10])
    except ValueError:
        return None


def _hashed(text: object) -> str | None:
    plain = " ".join(str(text or "").lower().split())
    return hashlib.sha256(_SALT + plain.encode()).hexdigest() if plain else None


def record(path: Path) -> dict[str, Any]:
    """A JSON record as it lies beside a reading; empty if it is not there or is none of ours."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return {}
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
