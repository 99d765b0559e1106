"""Damage to zip archives that knows their directory."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from random import Random

from tests.fuzz.havoc import NUMBERS, havoc
from tests.hostile_strings import HOSTILE_VALUES

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
FIELDS = {
    LOCAL: ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    CENTRAL: ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2),
              (34, 2), (38, 4), (42, 4)),
    END: ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
}  # fmt: skip
"""Byte and size of version, flags, method, checksum, sizes, lengths of names, and offsets."""


def field(r: Random, data: bytes) -> bytes:
    """A field of a header or of the directory lies."""
    mark = r.choice(tuple(FIELDS))
    places = [n for n in range(len(data)) if data.startswith(mark, n)]
    if not places:
        return data
    at, size = r.choice(FIELDS[mark])
    at += r.choice(places)
    near = int.from_bytes(data[at : at + size], "little")
    lie = r.choice((*NUMBERS, near + 1, near - 1, 12, 14, 9, 8, 0)) % 256**size
    return data[:at] + lie.to_bytes(size, "little") + data[at + size :]


def overlap(r: Random, data: bytes) -> bytes:
    """Every file of the directory is the first one."""
    out = bytearray(data)
    places = [n for n in range(len(data)) if data.startswith(CENTRAL, n)]
    for at in places[1:]:
        out[at + 16 : at + 28] = out[places[0] + 16 : places[0] + 28] if places else b""
        out[at + 42 : at + 46] = out[places[0] + 42 : places[0] + 46]
    return bytes(out)


def zip64(r: Random, data: bytes) -> bytes:
    """A directory of 64 bits that lies, before the end."""
    at = data.rfind(END)
    if at < 0:
        return data
    n = [r.choice(NUMBERS) % 2**64 for _ in range(4)]
    record = b"PK\x06\x06" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, *n)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, at, 1)
    return data[:at] + record + locator + data[at:]


def _again(r: Random, data: bytes, *more: tuple[zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    """The same files, and others."""
    out = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w") as new,
    ):
        for one in old.infolist():
            new.writestr(one.filename, old.read(one), method)
        for info, content in more:
            new.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def names(r: Random, data: bytes) -> bytes:
    """Names that leave their folder, act, or come twice."""
    chosen = [r.choice(HOSTILE_VALUES)[:60000] for _ in range(4)]
    usable = [n for n in chosen if n and n.isprintable()] or ["../x"]
    return _again(r, data, *((zipfile.ZipInfo(n), b"n+1") for n in (*usable, *usable)))


def special(r: Random, data: bytes) -> bytes:
    """Links, pipes, devices, and archives inside."""
    info = zipfile.ZipInfo(r.choice(("link", "inner.zip", "stir.nii")))
    kind = r.choice((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFREG))
    info.external_attr = (kind | 0o777) << 16
    return _again(r, data, (info, r.choice((b"/etc/passwd", data))))


def bomb(r: Random, data: bytes) -> bytes:
    """Files of zeros."""
    more = [(zipfile.ZipInfo(f"z{n}.dcm"), b"\0" * 2**22) for n in range(r.choice((1, 6)))]
    return _again(r, data, *more)


def method(r: Random, data: bytes) -> bytes:
    """Packed in another way."""
    return _again(r, data, method=r.choice((0, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))


def many(r: Random, data: bytes) -> bytes:
    """Very many empty files."""
    count = r.choice((100, 3000))
    return _again(r, data, *((zipfile.ZipInfo(str(n)), b"") for n in range(count)))


ALL = (field, field, field, field, overlap, zip64, names, special, bomb, method, many)


def spoil(r: Random, data: bytes) -> bytes:
    """One of them; an archive that is spoilt already gets other damage."""
    try:
        return r.choice(ALL)(r, data)
    except Exception:  # noqa: BLE001 (zipfile raises anything on what was spoilt before)
        return havoc(r, data)
