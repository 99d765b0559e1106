"""Damage to NIfTI files that knows their header, and to the gzip around it."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from random import Random

from tests.fuzz.havoc import NUMBERS, havoc

FIELDS = (
    (0, "i"), (40, "h"), (42, "h"), (44, "h"), (46, "h"), (48, "h"), (50, "h"), (70, "h"),
    (72, "h"), (76, "f"), (80, "f"), (84, "f"), (88, "f"), (108, "f"), (112, "f"), (116, "f"),
    (123, "B"), (252, "h"), (254, "h"), (256, "f"), (260, "f"), (268, "f"), (280, "f"),
    (296, "f"), (308, "f"), (324, "f"), (344, "i"), (348, "i"), (352, "i"),
)  # fmt: skip
"""Sizes, type, spacing, offset, scaling, units, forms, magic and extension of NIfTI-1."""
FIELDS_2 = (
    (0, "i"), (4, "q"), (12, "h"), (14, "h"), (16, "q"), (24, "q"), (32, "q"), (40, "q"),
    (104, "d"), (112, "d"), (168, "q"), (176, "d"), (184, "d"), (344, "i"), (348, "i"),
    (352, "d"), (400, "d"), (432, "d"), (500, "i"), (540, "i"), (544, "i"),
)  # fmt: skip
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, 1e30, -1e30, 3.4e38, math.nan, math.inf, -math.inf,
          1e9, 16777217.0)  # fmt: skip
TYPES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, -1, 99)


def field(r: Random, data: bytes) -> bytes:
    """Fields of the header say something extreme."""
    two = data[4:7] == b"n+2"
    out = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 4))):
        at, kind = r.choice(FIELDS_2 if two else FIELDS)
        size = struct.calcsize(kind)
        if kind in "fd":
            put = struct.pack("<" + kind, r.choice(FLOATS))
        elif at == (12 if two else 70):
            put = struct.pack("<h", r.choice(TYPES))
        else:
            put = (r.choice(NUMBERS) % 256**size).to_bytes(size, "little")
        out[at : at + size] = put
    return bytes(out)


def giant(r: Random, data: bytes) -> bytes:
    """Dimensions that multiply to more than there is, or overflow."""
    count = r.randint(1, 7)
    if data[4:7] == b"n+2":
        sizes = [r.choice((1, 2, 2**15, 2**31, 2**40, 2**62, -1)) for _ in range(7)]
        return data[:16] + struct.pack("<8q", count, *sizes) + data[80:]
    sizes = [r.choice((1, 2, 100, 1000, 32767, -1, 0)) for _ in range(7)]
    return data[:40] + struct.pack("<8h", count, *sizes) + data[56:]


def volumes(r: Random, data: bytes) -> bytes:
    """A fourth, fifth or seventh dimension."""
    if data[4:7] == b"n+2":
        return data
    many, count = r.choice((1, 2, 3, 16, 17, 500)), r.choice((4, 5, 7))
    sizes = data[42:48] + struct.pack("<4h", *r.choice(((many, 1, 1, 1), (1, many, 1, 1))))
    return data[:40] + struct.pack("<h", count) + sizes + data[56:] + data[352:] * (many - 1)


def extension(r: Random, data: bytes) -> bytes:
    """An extension whose size lies, before the voxels."""
    start = 540 if data[4:7] == b"n+2" else 348
    size = r.choice(NUMBERS) % 2**32
    put = b"\x01\0\0\0" + struct.pack("<Li", size, r.choice((0, 4, 44))) + r.randbytes(24)
    return data[:start] + put + data[start + 4 :]


def swapped(r: Random, data: bytes) -> bytes:
    """The other byte order, of the header alone."""
    head = bytearray(data)
    for at, kind in FIELDS[:12]:
        size = struct.calcsize(kind)
        head[at : at + size] = head[at : at + size][::-1]
    return bytes(head)


def packed(r: Random, data: bytes) -> bytes:
    """gzip, sound or not: damaged, cut, twice, more members, a bomb behind the voxels."""
    good = gzip.compress(data, mtime=0)
    kind = r.randrange(6)
    if kind == 0:
        return havoc(r, good)
    if kind == 1:
        return gzip.compress(good, mtime=0)
    if kind == 2:
        return good + gzip.compress(r.randbytes(64), mtime=0)
    if kind == 3:
        return gzip.compress(data + b"\0" * r.choice((2**20, 2**25)), mtime=0)
    if kind == 4:
        return good[:10] + zlib.compress(data)
    return good


def bomb(r: Random, data: bytes) -> bytes:
    """Giant dimensions whose voxels do come, packed."""
    return gzip.compress(giant(r, data) + b"\0" * 2**24, mtime=0)


ALL = (field, field, field, giant, volumes, extension, swapped, packed, bomb)


def spoil(r: Random, data: bytes) -> bytes:
    """One of them."""
    return r.choice(ALL)(r, data)
