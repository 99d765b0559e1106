"""The work on one study, in a process of its own: read, compare with earlier visits, export.

    python -m marrowlight.network.work FOLDER

The folder is that of the job; it holds ``images/``, and afterwards ``reading/``, ``course/`` where
there is an earlier visit, and ``outcome.json``. Every step ends in files that are renamed into
place, so a process that is killed leaves whole steps behind, and the next goes on from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marrowlight.errors import (
    DocumentError,
    InputError,
    JournalInUse,
    MarrowlightError,
    OutputNotWritable,
    UsageError,
)

REQUEST, OUTCOME = "request.json", "outcome.json"
IMAGES, READING_FOLDER, COURSE_FOLDER, SCRATCH = "images", "reading", "course", "tmp"
STORED = ("seg", "sr", "pdf")
"""Documents that go back to the server; all of them, or none."""

WANTED = (*STORED, "fhir")
OUT_OF_MEMORY, NO_ROOM = 75, 74
"""Exit codes where no outcome can be written: memory or disk ran out (EX_TEMPFAIL, EX_IOERR)."""

GONE_S = 60.0
"""How long a process whose service was killed may take to end. s."""


def work_on(folder: Path, earlier: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Read what is in ``images/``, and make its documents.

    earlier : readings of the same patient, the latest first: ``{"folder", "joint", "side"}``

    Returns ``{"joint", "side", "compared": number of earlier visits, "not_compared": kind of error
    or empty}``. Raises what reading and exporting raise.
    """
    from marrowlight.export.write import export_reading
    from marrowlight.report.atomic import READING
    from marrowlight.visit_folder import joint_of, side_of
    from marrowlight.written_file import reading_from

    place = folder / READING_FOLDER
    if not (place / READING).is_file():
        if place.exists():
            shutil.rmtree(place)
        _read(folder / IMAGES, place)
    regions = reading_from(place).regions
    joint, side = joint_of(regions).value, side_of(regions).value
    same = [Path(one["folder"]) for one in earlier if (one["joint"], one["side"]) == (joint, side)]
    course, not_compared = None, ""
    if same:
        try:
            course = _follow([*reversed(same), place], folder / COURSE_FOLDER)
        except (InputError, UsageError) as error:
            not_compared = type(error).__name__
    made = export_reading(place, wanted=WANTED, course=course, overwrite=True)
    if missing := [kind for kind in STORED if kind in made.skipped]:
        raise DocumentError(f"Not all documents could be made: {made.skipped[missing[0]]}")
    compared = len(same) if course else 0
    return {"joint": joint, "side": side, "compared": compared, "not_compared": not_compared}


def _read(images: Path, place: Path) -> None:
    from marrowlight.output import write_result
    from marrowlight.read_study import read
    from marrowlight.stages import Stages
    from marrowlight.study.open import open_study

    stages = Stages()
    with stages.stage("open the study"):
        study = open_study(images, isolate=True)
    result = read(study, stages=stages)
    chosen = {"command": "watch", "bones": "found", "isolate": True}
    write_result(place, result, stages=stages, options=chosen, paths={"inputs": [str(images)]})


def _follow(visits: Sequence[Path], place: Path) -> Path:
    from marrowlight.follow_visits import follow
    from marrowlight.report.course_files import write_course

    result = follow(visits, pictures=False)
    chosen = {"command": "watch", "weeks": "dates"}
    write_course(place, result, overwrite=place.exists(), options=chosen)
    return place


def _main(folder: Path) -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    _limit_memory(request["memory_bytes"])
    return attempt(folder, request["earlier"])


def attempt(folder: Path, earlier: Sequence[Mapping[str, str]]) -> int:
    """``work_on``, with its outcome in ``outcome.json``; the exit code."""
    from marrowlight.report.as_json import json_bytes
    from marrowlight.report.atomic import explained, write_together

    try:
        try:
            with _alone(folder), explained(folder):
                outcome: dict[str, Any] = {"done": work_on(folder, earlier)}
        except OutputNotWritable:
            raise
        except MarrowlightError as error:
            # For whoever looks into the folder; logs get the kind alone.
            outcome = {"failed": type(error).__name__, "text": str(error)}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the service is to hear of it)
            # Without its message, which may quote a file.
            lines = traceback.format_tb(error.__traceback__)
            outcome = {"fault": type(error).__name__, "text": "".join(lines)}
        write_together({folder / OUTCOME: json_bytes(outcome)}, overwrite=True)
    except OutputNotWritable:
        return NO_ROOM
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until the process of a service that was killed is gone, if it works here still."""
    from marrowlight.network.lock import OnlyOne

    end = time.monotonic() + GONE_S
    while True:
        try:
            with OnlyOne(folder):
                yield
            return
        except JournalInUse:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def _end_with_parent() -> None:
    """End when the service does, however it ends: its end of the pipe is then closed."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
