"""Find the files of an input: folders, files and zip archives, in any mixture."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from marrowlight.errors import LimitExceeded, NoImages, UnreadableFile
from marrowlight.study.limits import MIB, RATIO_FROM, Limits
from marrowlight.study.shown import shown_name

HEAD_BYTES = 512

DIRECTORY_BYTES_PER_FILE = 512
"""Room for one file in the directory of an archive: 46, its name and its attributes. Bytes."""

ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError,
    ValueError, LookupError,
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One file to look at.

    name : path, or ``archive.zip!member``; head() : its first 512 bytes; read() : all of it;
    explicit : the user named it. A refused item has a reason and no bytes.
    """

    name: str
    size: int
    head: Callable[[], bytes]
    read: Callable[[], bytes]
    explicit: bool = False
    refused: str = ""
    fault: str = ""


def gather(paths: Sequence[str | Path], limits: Limits) -> Iterator[Item]:
    """Every regular file under the paths once, in a fixed order; archives are opened.

    Nothing in an archive is ever written to disk, so that no member name is followed.

    Raises NoImages if a path does not exist, LimitExceeded if there are too many files.
    """
    seen: set[str] = set()
    count = 0
    for given in map(Path, paths):
        named = not _is_folder(given)
        if named and not _exists(given):
            raise NoImages(
                f"There is no file or folder {shown_name(str(given))!r}.",
                expected="a path that exists and may be opened",
            )
        for path in [given] if named else _walk(given):
            real = os.path.realpath(path)  # Unlike Path.resolve, never raises on a loop of links.
            if real in seen:
                continue
            seen.add(real)
            for item in _open_path(path, named, limits):
                count += 1
                if count > limits.files:
                    raise LimitExceeded(
                        f"The input holds more than {limits.files} files.",
                        where=given,
                        expected="one study",
                        do="name the folder of one study",
                    )
                yield item


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder by name; links to folders and hidden files are left out.

    A folder that cannot be listed is given itself, so that it is told.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        yield folder
        return
    for path in inside:
        if path.name.startswith(".") or path.name == "__MACOSX":
            continue
        if not _is_folder(path):
            yield path
        elif not path.is_symlink():
            yield from _walk(path)


def _open_path(path: Path, named: bool, limits: Limits) -> Iterator[Item]:
    try:
        info = path.stat()
    except OSError as error:
        yield _refused(str(path), f"cannot be opened ({error.strerror})", "UnreadableFile", named)
        return
    if stat.S_ISDIR(info.st_mode):
        yield _refused(str(path), "is a folder that cannot be opened", "UnreadableFile", named)
        return
    if not stat.S_ISREG(info.st_mode):
        yield _refused(str(path), "not a regular file", "", named)
        return
    if info.st_size > limits.file_bytes:
        text = f"is {info.st_size / MIB:.0f} MiB; the limit is {limits.file_bytes / MIB:.0f} MiB"
        yield _refused(str(path), text, "LimitExceeded", named)
        return

    def head() -> bytes:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)

    try:
        first = head()
    except OSError as error:
        yield _refused(str(path), f"cannot be opened ({error.strerror})", "UnreadableFile", named)
        return
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _open_archive(path, named, limits)
    else:
        yield Item(str(path), info.st_size, lambda: first, path.read_bytes, named)


def _open_archive(path: Path, named: bool, limits: Limits) -> Iterator[Item]:
    try:
        # The directory is read as a whole by zipfile, whatever number of files it claims.
        if (size := _directory_bytes(path)) > limits.files * DIRECTORY_BYTES_PER_FILE + MIB:
            text = f"has a directory of {size / MIB:.0f} MiB"
            yield _refused(str(path), text, "LimitExceeded", named)
            return
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if _overlap(archive.infolist()):
                text = "is an archive whose files overlap"
                yield _refused(str(path), text, "UnreadableFile", named)
                return
            if len(members) > limits.files:
                text = f"holds {len(members)} files; the limit is {limits.files}"
                yield _refused(str(path), text, "LimitExceeded", named)
                return
            total = sum(m.file_size for m in members)
            if total > limits.total_bytes:
                text = (
                    f"unpacks to {total / MIB:.0f} MiB; the limit is "
                    f"{limits.total_bytes / MIB:.0f} MiB"
                )
                yield _refused(str(path), text, "LimitExceeded", named)
                return
            for member in sorted(members, key=lambda m: m.filename):
                yield _member(path, archive, member, limits)
    except ZIP_FAULTS as error:
        text = f"is a damaged zip archive ({type(error).__name__})"
        yield _refused(str(path), text, "UnreadableFile", named)


def _directory_bytes(path: Path) -> int:
    """Size that a zip archive states for its directory. Source: APPNOTE.TXT 4.3.14 to 4.3.16."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 0xFFFF - 22 - 76))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        return int.from_bytes(tail[at - 36 : at - 28], "little")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _overlap(members: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether two files of an archive share bytes: one small file that unpacks as many."""
    ordered = sorted(members, key=lambda m: m.header_offset)
    return any(
        a.header_offset + 30 + a.compress_size > b.header_offset for a, b in pairwise(ordered)
    )


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> Item:
    name = f"{path}!{member.filename}"
    parts = PurePosixPath(member.filename.replace("\\", "/"))
    if stat.S_ISLNK(member.external_attr >> 16):
        return _refused(name, "is a link inside an archive; links are not followed", "", False)
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        return _refused(name, "has a name that points outside of its archive", "", False)
    if any(p.startswith(".") or p == "__MACOSX" for p in parts.parts):
        return _refused(name, "hidden file", "", False)
    if member.flag_bits & 0x1:
        return _refused(name, "is encrypted", "UnreadableFile", False)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _refused(name, "is packed by a method that is not read", "UnreadableFile", False)
    packed = max(member.compress_size, 1)
    if member.file_size > RATIO_FROM and member.file_size > limits.archive_ratio * packed:
        text = f"unpacks to {member.file_size / packed:.0f} times its size"
        return _refused(name, text, "LimitExceeded", False)
    if member.file_size > limits.file_bytes:
        text = f"unpacks to {member.file_size / MIB:.0f} MiB"
        return _refused(name, text, "LimitExceeded", False)

    def load(most: int) -> bytes:
        try:
            with archive.open(member) as file:
                return file.read(most)
        except ZIP_FAULTS as error:
            raise UnreadableFile(
                f"A file in the archive cannot be unpacked ({type(error).__name__}).", where=name
            ) from error

    # zipfile itself never gives more than the declared size, which was checked above.
    return Item(name, member.file_size, lambda: load(HEAD_BYTES), lambda: load(member.file_size))


def _refused(name: str, reason: str, fault: str, explicit: bool) -> Item:
    return Item(name, 0, lambda: b"", lambda: b"", explicit, reason, fault)
