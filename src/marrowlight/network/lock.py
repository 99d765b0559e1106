"""A lock that one process holds, and that the system takes away from it when it dies."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from marrowlight.errors import JournalInUse
from marrowlight.report.atomic import PRIVATE, explained

NAME = "lock"


class OnlyOne:
    """Held within its ``with`` block by one process on a folder.

    Raises JournalInUse on entering if another process holds it, OutputNotWritable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1

    def __enter__(self) -> OnlyOne:
        with explained(self._folder):
            self._handle = os.open(self._folder / NAME, os.O_RDWR | os.O_CREAT, PRIVATE)
        try:
            _take(self._handle)
        except OSError:
            os.close(self._handle)
            raise JournalInUse(
                "Another service works with this journal.",
                where=self._folder,
                expected="one `marrowlight watch` for a state folder",
                do="leave the work to the one that runs, or give this one its own folder with "
                "--state",
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._handle)


def _take(handle: int) -> None:
    """Raises OSError if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
