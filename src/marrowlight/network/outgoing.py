"""DICOM files on this machine that are to be stored on a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowlight.errors import InputError, LimitExceeded, NoImages, UnreadableFile, UsageError
from marrowlight.export.write import exported_dicom
from marrowlight.network.holdings import UID
from marrowlight.network.part import MAGIC, PREAMBLE
from marrowlight.study.limits import MIB, Limits
from marrowlight.visit_folder import is_reading


@dataclass(frozen=True)
class Outgoing:
    """A DICOM file and the UIDs that it goes by."""

    path: Path
    study: str
    uid: str


def outgoing(places: Sequence[Path], limits: Limits | None = None) -> list[Outgoing]:
    """The DICOM files among files and folders; of the output of ``read`` only its documents.

    Raises
    ------
    UsageError
        A place is not there.
    NoImages
        There is no DICOM file at all.
    UnreadableFile
        A DICOM file does not say what it is; a reading has no documents, or those of another.
    """
    bounds = limits or Limits()
    found: list[Outgoing] = []
    for place in places:
        found += [_outgoing(file, bounds) for file in _files(place, bounds) if _is_dicom(file)]
    if not found:
        raise NoImages(
            "There is no DICOM file to store.",
            expected="output folders with documents, or DICOM files",
            do="make the documents first: marrowlight export OUT --seg --sr --pdf",
        )
    return list({one.uid: one for one in found}.values())


def whole_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a file; raises UnreadableFile, LimitExceeded."""
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise LimitExceeded(f"The file holds {size / MIB:.0f} MiB.", where=path.name,
                                expected=f"at most {limits.file_bytes / MIB:.0f} MiB")  # fmt: skip
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            f"The file cannot be read: {error.strerror}.", where=path.name
        ) from None


def _files(place: Path, limits: Limits) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise UsageError(f"There is no file or folder {place.name!r}.", where="push")
    if is_reading(place):
        return list(exported_dicom(place))
    files = sorted(p for p in place.rglob("*") if p.is_file() and not p.name.startswith("."))
    if len(files) > limits.files:
        raise LimitExceeded(f"The folder holds {len(files):,} files.", where=place,
                            expected=f"at most {limits.files:,}")  # fmt: skip
    return files


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC


def _outgoing(path: Path, limits: Limits) -> Outgoing:
    from marrowlight.study.dicom_file import dataset_of
    from marrowlight.study.quiet import dicom_faults, quiet_parsers

    content = whole_file(path, limits)
    faults: tuple[type[Exception], ...] = (InputError, *dicom_faults())
    try:
        with quiet_parsers():
            dataset = dataset_of(content, limits)
            study, uid = str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)
    except faults:
        study = uid = ""
    if not UID.fullmatch(study) or not UID.fullmatch(uid):
        raise UnreadableFile(
            "The DICOM file is damaged, or does not say which study it belongs to.",
            where=path.name,
            expected="DICOM files as they were exported",
            do="remove the file from the folder, or export it again",
        )
    return Outgoing(path, study, uid)
