"""Writing a reading whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from marrowlight.errors import OutputExists, OutputNotWritable

READING = "reading.json"
"""The file by which a folder is known to hold a reading."""

EXPLANATION = "explanation.json"
"""Why the edema may be there; only where a case was given."""

OUTPUTS = (
    "report.html",
    "edema.nii.gz",
    "edema_probability.nii.gz",
    "bones.nii.gz",
    "source.json",
    "run.json",
    EXPLANATION,
    READING,
)
"""All files of a reading, in the order in which they take their place; the contract comes last."""

TEMP_PREFIX = ".marrowlight-"
PRIVATE = 0o600
SHARED = 0o644
_FULL = (errno.ENOSPC, errno.EDQUOT)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that a reading cannot be written to; creates nothing.

    Raises OutputExists if it holds a reading and ``overwrite`` is false, or if it holds files of
    the same names that belong to no reading; OutputNotWritable if it is no folder or read-only.
    """
    require_folder(folder)
    taken = [name for name in OUTPUTS if os.path.lexists(folder / name)]
    if not taken:
        return
    if READING not in taken:
        raise OutputExists(
            f"The output folder holds {', '.join(taken)}, which would be replaced and "
            f"belong to no reading (there is no {READING}).",
            where=folder,
            expected="an empty folder, or one that holds an earlier reading",
            do="choose another folder with -o, or move these files away",
        )
    if not overwrite:
        raise OutputExists(
            "The output folder already holds a reading.",
            where=folder / READING,
            expected="an empty folder",
            do="choose another folder with -o, or replace the reading with --overwrite",
        )


def require_folder(folder: Path) -> None:
    """Raise OutputNotWritable unless the folder is there, or can be made, and can be written."""
    near = folder
    while not os.path.lexists(near) and near != near.parent:
        near = near.parent
    if not near.is_dir():
        raise OutputNotWritable(
            f"The output folder cannot be made: {near.name} is a file.",
            where=folder,
            expected="a folder, or a name that is not taken",
            do="choose another folder with -o",
        )
    if not os.access(near, os.W_OK | os.X_OK):
        raise OutputNotWritable(
            "The output folder cannot be written: no permission, or a read-only disk.",
            where=folder,
            expected="a folder that you may write to",
            do="choose another folder with -o, or change its permissions",
        )


class OutputFolder:
    """A folder that receives all files of a reading, or none of them.

    Files are written and synced in a hidden folder beside their place and renamed together when
    the ``with`` block ends well. If it ends in an error or by Ctrl-C, the hidden folder is removed
    and what was there before is untouched.

    Parameters
    ----------
    folder : Path
        Made if absent.
    overwrite : bool
        Replace an earlier reading, including files that the new one does not have.

    Raises
    ------
    OutputExists, OutputNotWritable
        On entering, as ``check_folder``; OutputNotWritable also when the disk is full.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.folder = Path(folder)
        self.overwrite = overwrite
        self._made: list[Path] = []
        self._temp: Path | None = None
        self._names: list[str] = []

    def __enter__(self) -> OutputFolder:
        check_folder(self.folder, overwrite=self.overwrite)
        with self._explained():
            missing = [p for p in (self.folder, *self.folder.parents) if not p.exists()]
            self._made = missing
            self.folder.mkdir(parents=True, exist_ok=True)
            self._temp = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=self.folder))
        return self

    def reserve(self, needed: int) -> None:
        """Raise OutputNotWritable unless ``needed`` bytes are free."""
        with self._explained():
            free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise _full(self.folder, needed, free)

    def write(self, name: str, content: bytes, *, mode: int = SHARED) -> None:
        """Write one file into the hidden folder and sync it to the disk.

        mode : permissions, exactly (the umask does not apply to PRIVATE files).
        """
        if self._temp is None:
            raise RuntimeError("OutputFolder is used outside its with block.")
        with self._explained(len(content)):
            write_synced(self._temp / name, content, mode)
        self._names.append(name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if kind is None:
                with _undisturbed(), self._explained():
                    self._commit()
                    done = True
        finally:
            if self._temp is not None:
                shutil.rmtree(self._temp, ignore_errors=True)
            if not done:
                for folder in self._made:
                    with contextlib.suppress(OSError):
                        folder.rmdir()

    def _commit(self) -> None:
        """Let the new files take the place of the old ones; on an error put the old ones back."""
        assert self._temp is not None
        old = self._temp / "old"
        old.mkdir()
        order = [*(n for n in self._names if n not in OUTPUTS)]
        order += [n for n in OUTPUTS if n in self._names]
        stale = [n for n in OUTPUTS if n not in self._names]
        undo: list[tuple[Path, Path]] = []
        try:
            for name in (*stale, *order):
                place = self.folder / name
                if os.path.lexists(place):
                    place.rename(old / name)
                    undo.append((old / name, place))
                if name in order:
                    (self._temp / name).rename(place)
                    undo.append((place, self._temp / name))
        except OSError:
            for here, there in reversed(undo):
                here.rename(there)
            raise
        _sync_folder(self.folder)

    def _explained(self, needed: int | None = None) -> contextlib.AbstractContextManager[None]:
        return explained(self.folder, needed)


def check_files(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse single files that cannot be written, before anything is worked out.

    Raises OutputExists if one is there and ``overwrite`` is false; OutputNotWritable if a folder
    is no folder or read-only.
    """
    for path in paths:
        require_folder(path.parent)
        if path.is_dir():
            raise OutputNotWritable(
                f"{path.name} is a folder, not a file.", where=path, do="choose another name"
            )
        if os.path.lexists(path) and not overwrite:
            raise OutputExists(
                f"There is a file {path.name} already.",
                where=path,
                expected="a name that is not taken",
                do="choose another name, or replace it with --overwrite",
            )


def write_together(files: Mapping[Path, bytes], *, overwrite: bool, mode: int = SHARED) -> None:
    """Write files that belong together: each under a hidden name, then all renamed.

    mode : permissions, as in ``OutputFolder.write``. Folders are made if absent. Raises as
    ``check_files``, and OutputNotWritable when the disk is full; then no file has changed.
    """
    check_files(list(files), overwrite=overwrite)
    waiting: list[tuple[Path, Path]] = []
    try:
        for path, content in files.items():
            with explained(path.parent, len(content)):
                path.parent.mkdir(parents=True, exist_ok=True)
                hidden = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=path.parent))
                waiting.append((hidden / path.name, path))
                write_synced(hidden / path.name, content, mode)
        with _undisturbed():
            for hidden, path in waiting:
                with explained(path.parent):
                    hidden.replace(path)
    finally:
        for hidden, _ in waiting:
            shutil.rmtree(hidden.parent, ignore_errors=True)
    for folder in {path.parent for path in files}:
        _sync_folder(folder)


@contextlib.contextmanager
def explained(folder: Path, needed: int | None = None) -> Iterator[None]:
    """Turn an error of the operating system into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            free = None
            with contextlib.suppress(OSError):
                free = shutil.disk_usage(folder).free
            raise _full(folder, needed, free) from error
        raise OutputNotWritable(
            f"The output could not be written: {error.strerror or error}.",
            where=folder,
            expected="a folder that you may write to",
            do="choose another folder with -o, or change its permissions",
        ) from error


def write_synced(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        if mode == PRIVATE and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the names in a folder; not every file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back for the moment that the renames take, then let it through."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt


def _full(folder: Path, needed: int | None, free: int | None) -> OutputNotWritable:
    wanted = "" if needed is None else f" {needed / 1e6:.1f} MB are needed."
    left = "" if free is None else f" {free / 1e6:.1f} MB are free."
    return OutputNotWritable(
        f"The disk is full.{wanted}{left}",
        where=folder,
        expected="room for all files of the reading",
        do="free some space, or choose a folder on another disk with -o",
    )
