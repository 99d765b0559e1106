"""The folder of de-identified files: all of a run, or nothing of it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from marrowlight.errors import OutputExists
from marrowlight.privacy.report import RECORD
from marrowlight.report.as_json import json_bytes
from marrowlight.report.atomic import (
    SHARED,
    TEMP_PREFIX,
    explained,
    require_folder,
    write_synced,
)

_FOLDER = re.compile(r"\d{3,}-[0-9a-f]{8}")
"""How the folders of series are called; no other is ever replaced."""


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but an earlier run that may be replaced.

    Raises OutputExists, or OutputNotWritable if it is no folder or read-only.
    """
    require_folder(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise OutputExists(
            "The output folder is not empty, and what it holds was not written by deidentify "
            f"(there is no {RECORD}).",
            where=folder,
            expected="an empty folder: de-identified and other files must not be mixed",
            do="choose another folder with -o",
        )
    if not overwrite:
        raise OutputExists(
            "The output folder already holds de-identified files.",
            where=folder / RECORD,
            expected="an empty folder",
            do="choose another folder with -o, or replace them with --overwrite",
        )


class DeidentifiedFolder:
    """Receives the files of a run in a hidden folder; they take their place when it ends well.

    Raises as ``check_output`` on entering, OutputNotWritable when the disk is full. On an error or
    Ctrl-C what was there before is untouched.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.folder = folder
        self.overwrite = overwrite
        self._made: list[Path] = []
        self._temp = folder

    def __enter__(self) -> DeidentifiedFolder:
        check_output(self.folder, overwrite=self.overwrite)
        with explained(self.folder):
            self._made = [p for p in (self.folder, *self.folder.parents) if not p.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._temp = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=self.folder))
            (self._temp / "new").mkdir()
        return self

    def write(self, series: str, name: str, content: bytes) -> None:
        """Write one file of a series into the hidden folder, and sync it."""
        with explained(self.folder, len(content)):
            place = self._temp / "new" / series
            place.mkdir(exist_ok=True)
            write_synced(place / name, content, SHARED)

    def finish(self, record: dict[str, object]) -> None:
        """Let the new files take the place of those of an earlier run; the record comes last."""
        text = json_bytes(record)
        new, old = self._temp / "new", self._temp / "old"
        with explained(self.folder, len(text)):
            write_synced(new / RECORD, text, SHARED)
            old.mkdir()
            undo: list[tuple[Path, Path]] = []
            try:
                for path in sorted(self.folder.iterdir()):
                    if path.name == RECORD or _FOLDER.fullmatch(path.name):
                        path.rename(old / path.name)
                        undo.append((old / path.name, path))
                for path in sorted(new.iterdir()):
                    path.rename(self.folder / path.name)
                    undo.append((self.folder / path.name, path))
            except OSError:
                for here, there in reversed(undo):
                    here.rename(there)
                raise
        self._made = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._temp, ignore_errors=True)
        for folder in self._made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
