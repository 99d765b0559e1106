"""Pull a study from a server into a folder, and go on where an earlier try was cut off."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowlight.errors import LimitExceeded, NotOnServer, OutputNotWritable
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.holdings import HeldInstance
from marrowlight.report.atomic import TEMP_PREFIX, explained, require_folder
from marrowlight.study.limits import GIB

ROOM_BYTES = GIB // 4
"""Free space below which nothing is pulled, so that the machine itself goes on. Bytes."""

Told = Callable[[int, int], None]
"""Called with (files done, files in all)."""


@dataclass(frozen=True)
class Pulled:
    """What a pull came to.

    Parameters
    ----------
    folder : Path
        Holds the study, a folder a series and a file an instance. The names are short hashes.
    files : int
        In the folder now, of which ``skipped`` were there before.
    bytes : int
        Retrieved now.
    """

    folder: Path
    files: int
    skipped: int
    bytes: int


def short_hash(*parts: str) -> str:
    """A name that says nothing about a patient, and is the same at every try."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def pull_study(
    server: DicomWeb,
    study: str,
    folder: Path,
    *,
    modalities: Sequence[str] = (),
    told: Told | None = None,
) -> Pulled:
    """Retrieve a study, instance by instance, below ``folder``.

    Each file is written to a hidden name and renamed once it is whole, so a file that is there is
    skipped, and what was cut off is retrieved at the next try.

    Parameters
    ----------
    study : UID
    modalities : e.g. ``("MR",)``; without it everything that the study holds
    told : callable, optional

    Raises
    ------
    NotOnServer
        The server does not hold the study, or nothing of these modalities.
    LimitExceeded
        The study is larger than ``server.limits`` allows (``files``, ``file_bytes``,
        ``total_bytes``).
    OutputNotWritable, AccessDenied, ServerRefused, ServerUnreachable
    """
    wanted = _instances(server, study, modalities)
    if len(wanted) > server.limits.files:
        raise LimitExceeded(
            f"The study holds {len(wanted):,} files.", expected=f"at most {server.limits.files:,}"
        )
    place = folder / short_hash(study)
    require_folder(place)
    skipped = total = fetched = 0
    for done, one in enumerate(wanted):
        if told:
            told(done, len(wanted))
        file = place / short_hash(one.series) / f"{short_hash(one.uid)}.dcm"
        if file.is_file():
            skipped += 1
            total += file.stat().st_size
            continue
        _prepare(file.parent)
        size = server.fetch(one, file)
        total, fetched = total + size, fetched + size
        if total > server.limits.total_bytes:
            raise LimitExceeded(
                f"The study holds more than {server.limits.total_bytes / GIB:.1f} GiB.",
                expected="a study within the limit on size",
            )
    if told:
        told(len(wanted), len(wanted))
    return Pulled(place, len(wanted), skipped, fetched)


def _instances(server: DicomWeb, study: str, modalities: Sequence[str]) -> list[HeldInstance]:
    if not modalities:
        found = server.instances(study)
    else:
        of = [one.uid for one in server.series(study) if one.modality in modalities]
        found = [one for series in of for one in server.instances(study, series)]
    if not found:
        what = f" of {', '.join(modalities)}" if modalities else ""
        raise NotOnServer(
            f"The server holds no images{what} of this study.",
            where=server.url,
            do="check the UID; `marrowlight pull --list` shows what the server holds",
        )
    return found


def require_room(folder: Path) -> None:
    """Raise OutputNotWritable if the disk of a folder is as good as full."""
    with explained(folder):
        free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise OutputNotWritable(
            f"The disk is full: {free / 1e6:.0f} MB are free.",
            where=folder,
            expected=f"at least {ROOM_BYTES / 1e6:.0f} MB",
            do="free some space, or choose a folder on another disk",
        )


def _prepare(folder: Path) -> None:
    """Make the folder, remove what an earlier try left half written, and see that there is room."""
    with explained(folder):
        if not folder.is_dir():
            folder.mkdir(parents=True)
        for left in folder.glob(f"{TEMP_PREFIX}*"):
            left.unlink(missing_ok=True)
    require_room(folder)
