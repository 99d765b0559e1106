"""Files that could not be read: which series lost them, and how the user is told."""

from __future__ import annotations

from collections.abc import Sequence

from marrowlight import errors
from marrowlight.errors import InputError, SliceError
from marrowlight.notice import Notice
from marrowlight.study.candidate import Candidate
from marrowlight.study.parsed import Parsed, Skipped
from marrowlight.study.series import SetAside
from marrowlight.study.shown import clean, shown_name

MOST_NAMES = 5
"""File names in one message."""


def list_skipped(parsed: Parsed) -> tuple[list[SetAside], list[Notice]]:
    """Skipped files for the list of what was set aside; damaged ones also as a notice."""
    aside: list[SetAside] = []
    by_reason: dict[str, list[Skipped]] = {}
    for one in parsed.skipped:
        by_reason.setdefault(one.reason, []).append(one)
    for reason, files in by_reason.items():
        name = shown_name(files[0].file)
        if len(files) > 1:
            name += f" and {len(files) - 1} more"
        aside.append(SetAside(name, reason, len(files)))
    lost = [s for s in parsed.skipped if s.fault]
    if not lost:
        return aside, []
    text = f"{len(lost)} file{'s' * (len(lost) != 1)} could not be read: {_names(lost)}."
    return aside, [Notice("read-in-part", text)]


def add_losses(candidates: Sequence[Candidate], parsed: Parsed) -> list[Candidate]:
    """Mark the candidates that lost a file as defective; add those of which nothing is left.

    A series is known by the header of the damaged file, a NIfTI file by its own name.
    """
    out = list(candidates)
    lost: dict[str, list[Skipped]] = {}
    for one in parsed.skipped:
        if not one.fault:
            continue
        uid = str(one.tags.get("SeriesInstanceUID", ""))
        if uid:
            lost.setdefault(uid, []).append(one)
        elif one.file.lower().endswith((".nii", ".nii.gz")):
            name = shown_name(one.file)
            empty = Candidate(name.split(".nii")[0], None, {}, (one.file,), nifti=True)
            empty.defect = lost_error([one])
            out.append(empty)
    for uid, files in lost.items():
        hurt = [c for c in out if c.uids.get("series") == uid and _may_belong(c, files)]
        for candidate in hurt:
            # The gap that the lost file leaves is a consequence: the file is what must be named.
            if candidate.defect is None or isinstance(candidate.defect, SliceError):
                candidate.defect = lost_error(files)
        if not hurt:
            tags = files[0].tags
            label = str(tags.get("SeriesDescription", tags.get("ProtocolName", "unnamed series")))
            empty = Candidate(label, None, tags, tuple(f.file for f in files), {"series": uid})
            empty.defect = lost_error(files)
            out.append(empty)
    return out


def _may_belong(candidate: Candidate, files: Sequence[Skipped]) -> bool:
    """Whether one of the files can be a slice of this volume: the echo, if both say one."""
    mine = candidate.tags.get("EchoTime")
    echoes = [f.tags.get("EchoTime") for f in files]
    return mine is None or any(e is None or abs(float(e) - float(mine)) < 0.1 for e in echoes)


def lost_error(files: Sequence[Skipped]) -> InputError:
    kind = getattr(errors, files[0].fault, errors.UnreadableFile)
    enough = len(files) == 1
    return kind(
        f"{shown_name(files[0].file)} {files[0].reason}."
        if enough
        else f"{len(files)} files of one series cannot be read: {_names(files)}.",
        where=clean(files[0].file),
        expected="every file of a series that is measured, whole",
        do="copy or export the series again; slices are never left out silently",
    )


def _names(files: Sequence[Skipped]) -> str:
    shown = "; ".join(f"{shown_name(f.file)} ({f.reason})" for f in files[:MOST_NAMES])
    return shown + (f"; and {len(files) - MOST_NAMES} more" if len(files) > MOST_NAMES else "")
