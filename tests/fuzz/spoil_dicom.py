"""Damage to DICOM files that knows their elements."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from random import Random

from tests.fuzz.havoc import NUMBERS, WORDS
from tests.hostile_strings import HOSTILE_VALUES

LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
VRS = (*LONG, b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"PN",
       b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US", b"ZZ", b"\0\0", b"??")  # fmt: skip
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
            "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
            "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5",
            "1.2.840.113619.5.2", "1.2.3", "")  # fmt: skip
SIZES = {0x0028_0002: "H", 0x0028_0010: "H", 0x0028_0011: "H", 0x0028_0100: "H", 0x0028_0101: "H",
         0x0028_0102: "H", 0x0028_0103: "H", 0x0062_000B: "H", 0x0062_000E: "H"}  # fmt: skip
"""Samples, rows, columns, bits, sign, segment numbers: binary."""
TEXTS = (0x0008_0008, 0x0008_0005, 0x0008_0016, 0x0010_0010, 0x0010_0020, 0x0018_0050, 0x0018_0081,
         0x0018_0088, 0x0020_000E, 0x0020_0032, 0x0020_0037, 0x0028_0004, 0x0028_0008, 0x0028_0030,
         0x0028_1052, 0x0028_1053, 0x0008_103E, 0x0062_0001)  # fmt: skip
"""Frames, positions, spacings, rescaling, names and kinds: text."""
ITEM, ITEM_END, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Element:
    """Where an element lies: its tag, first byte, first byte of its value, and end."""

    tag: int
    start: int
    value: int
    end: int
    explicit: bool
    little: bool

    @property
    def length_at(self) -> tuple[int, int]:
        """Byte and size of its length."""
        size = 4 if not self.explicit or self.value - self.start == 12 else 2
        return self.value - size, size


def elements(data: bytes) -> list[Element]:
    """Elements of the file header and the data set, those in items as well, as far as they go."""
    at, out = 132 if data[128:132] == b"DICM" else 0, []
    syntax = b""
    while at + 8 <= len(data):
        meta = data[at : at + 2] == b"\x02\x00"
        little = meta or syntax != b"1.2.840.10008.1.2.2"
        explicit = meta or syntax != b"1.2.840.10008.1.2"
        order = "<" if little else ">"
        group, element, length = struct.unpack_from(f"{order}HHL", data, at)
        tag, value = group << 16 | element, at + 8
        if group == 0xFFFE:
            at = value
            continue
        vr = data[at + 4 : at + 6]
        if explicit and vr in LONG and at + 12 <= len(data):
            (length,) = struct.unpack_from(f"{order}L", data, at + 8)
            value = at + 12
        elif explicit:
            (length,) = struct.unpack_from(f"{order}H", data, at + 6)
        inside = vr == b"SQ" or length == 0xFFFFFFFF
        end = value if inside else min(value + length, len(data))
        out.append(Element(tag, at, value, end, explicit, little))
        if tag == 0x0002_0010:
            syntax = data[value:end].strip(b"\0 ")
        at = end
    return out


def _write(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """An element, explicit little endian."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    size = len(value) if length is None else length
    if vr in LONG:
        return head + b"\0\0" + struct.pack("<L", size & 0xFFFFFFFF) + value
    return head + struct.pack("<H", size & 0xFFFF) + value


def length(r: Random, data: bytes) -> bytes:
    """The length of an element lies."""
    one = r.choice(elements(data))
    at, size = one.length_at
    order = "little" if one.little else "big"
    true = int.from_bytes(data[at : at + size], order)
    lie = r.choice((*NUMBERS, true + 1, true - 1, true + 2, true * 2, true // 2))
    return data[:at] + (lie % 256**size).to_bytes(size, order) + data[at + size :]


def lengths(r: Random, data: bytes) -> bytes:
    """The lengths of two elements change places."""
    a, b = sorted(r.sample(elements(data), 2), key=lambda e: e.start)
    (at, n), (bt, m) = a.length_at, b.length_at
    if n != m or at == bt:
        return data
    return data[:at] + data[bt : bt + n] + data[at + n : bt] + data[at : at + n] + data[bt + n :]


def without(r: Random, data: bytes) -> bytes:
    """An element is gone."""
    one = r.choice(elements(data))
    return data[: one.start] + data[one.end :]


def twice(r: Random, data: bytes) -> bytes:
    """An element comes again, there or elsewhere."""
    found = elements(data)
    one, at = r.choice(found), r.choice(found).start
    times = r.choice((1, 1, 2, 1000))
    return data[:at] + data[one.start : one.end] * times + data[at:]


def vr(r: Random, data: bytes) -> bytes:
    """An element says to be of another kind."""
    one = r.choice(elements(data))
    return data[: one.start + 4] + r.choice(VRS) + data[one.start + 6 :]


def tag(r: Random, data: bytes) -> bytes:
    """An element says to be another."""
    found = elements(data)
    one, other = r.choice(found), r.choice(found)
    put = r.choice((data[other.start : other.start + 4], r.randbytes(4), b"\x09\x00\x10\x10"))
    return data[: one.start] + put + data[one.start + 4 :]


def value(r: Random, data: bytes) -> bytes:
    """A size, a number or a text says something extreme, with a length that fits it."""
    found = [e for e in elements(data) if e.tag in SIZES or e.tag in TEXTS]
    if not found:
        return data
    one = r.choice(found)
    order = "little" if one.little else "big"
    if one.tag in SIZES:
        put = (r.choice(NUMBERS) % 65536).to_bytes(2, order) * r.choice((1, 1, 1, 2))
    else:
        words = r.choices((*WORDS, *HOSTILE_VALUES), k=r.choice((1, 1, 2, 3, 6)))
        put = "\\".join(words).encode("utf-8", r.choice(("surrogatepass", "replace")))
        put += b" " * (len(put) % 2)
    at, size = one.length_at
    put = put[: 256**size - 2]
    return data[:at] + len(put).to_bytes(size, order) + put + data[one.end :]


def syntax(r: Random, data: bytes) -> bytes:
    """Another transfer syntax; for the deflated one sometimes in truth."""
    found = elements(data)
    one = next((e for e in found if e.tag == 0x0002_0010), None)
    if one is None:
        return data
    name = r.choice(SYNTAXES)
    put = name.encode() + b"\0" * (len(name) % 2)
    body = next((e.start for e in found if e.tag >> 16 > 2), len(data))
    rest = data[body:]
    if name.endswith(".99") and r.random() < 0.8:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        bomb = b"\0" * r.choice((0, 0, 2**20, 2**26))
        rest = packer.compress(rest + bomb) + packer.flush()
    at, _ = one.length_at
    return data[:at] + struct.pack("<H", len(put)) + put + data[one.end : body] + rest


def nest(r: Random, data: bytes) -> bytes:
    """Sequences in sequences, with and without lengths, with and without ends."""
    found = [e for e in elements(data) if e.tag >> 16 > 2]
    at = r.choice(found).start if found else len(data)
    deep = r.choice((1, 3, 30, 31, 32, 33, 34, 200, 1000, 20000))
    number = r.choice((0x0008_1140, 0x5200_9230, 0x5200_9229, 0x0009_1010, 0x0040_A730))
    kind = r.choice((b"SQ", b"SQ", b"UN"))
    if r.random() < 0.5:
        opened = _write(number, kind, b"", length=0xFFFFFFFF) + ITEM + UNDEFINED
        closed = (ITEM_END + bytes(4) + END + bytes(4)) if r.random() < 0.5 else b""
        return data[:at] + opened * deep + closed * deep + data[at:]
    inner = b""
    for _ in range(min(deep, 1000)):
        item = ITEM + struct.pack("<L", len(inner)) + inner
        inner = _write(number, kind, item)
    return data[:at] + inner + data[at:]


def items(r: Random, data: bytes) -> bytes:
    """A sequence of very many empty items."""
    found = [e for e in elements(data) if e.tag >> 16 > 2]
    at = r.choice(found).start if found else len(data)
    many = (ITEM + bytes(4)) * r.choice((10, 1000, 5000))
    return data[:at] + _write(r.choice((0x0008_1140, 0x5200_9230)), b"SQ", many) + data[at:]


def fragments(r: Random, data: bytes) -> bytes:
    """Pixels in fragments whose offsets, lengths, number and end may lie."""
    one = next((e for e in elements(data) if e.tag == 0x7FE0_0010), None)
    if one is None:
        return data
    old = data[one.value :]
    parts = [ITEM + struct.pack("<L", len(p)) + p for p in (old[:200], old[200:], r.randbytes(64))]
    r.shuffle(parts)
    parts = parts[: r.randint(0, 3)] * r.choice((1, 1, 500))
    offsets = b"".join(struct.pack("<L", r.choice(NUMBERS) % 2**32) for _ in range(r.randint(0, 4)))
    table = ITEM + struct.pack("<L", len(offsets)) + offsets
    closed = END + bytes(4) if r.random() < 0.7 else b""
    body = _write(0x7FE0_0010, b"OB", b"", length=0xFFFFFFFF) + table + b"".join(parts) + closed
    extended = b""
    if r.random() < 0.4:
        numbers = [r.choice(NUMBERS) % 2**64 for _ in range(r.randint(1, 4))]
        packed = b"".join(struct.pack("<Q", n) for n in numbers)
        extended = _write(0x7FE0_0001, b"OV", packed) + _write(0x7FE0_0002, b"OV", packed[::-1])
    return data[: one.start] + extended + body


def stream(r: Random, data: bytes) -> bytes:
    """The header of a compressed picture says another size."""
    for mark, at in ((b"\xff\x4f\xff\x51", 8), (b"\xff\xf7", 5), (b"\xff\xd8", 2)):
        if (found := data.find(mark, 132)) > 0:
            put = struct.pack(">2L", r.choice(NUMBERS) % 2**32, r.choice(NUMBERS) % 2**32)
            size = 8 if at == 8 else r.choice((1, 2, 4, 5))
            begin = found + at + r.choice((0, 0, 8, 28))
            return data[:begin] + put[:size] + data[begin + size :]
    return data


def bare(r: Random, data: bytes) -> bytes:
    """Without preamble, or without the whole file header."""
    if r.random() < 0.5:
        return data[132:]
    return data[next((e.start for e in elements(data) if e.tag >> 16 > 2), 132) :]


def bits(r: Random, data: bytes) -> bytes:
    """Pixels of another kind: floating, one bit, sixty-four."""
    key, kind = r.choice(((0x7FE0_0008, b"OF"), (0x7FE0_0009, b"OD"), (0x7FE0_0010, b"OW")))
    one = next((e for e in elements(data) if e.tag == 0x7FE0_0010), None)
    if one is None:
        return data
    put = data[one.value :] * r.choice((1, 2, 4))
    out = data[: one.start] + _write(key, kind, put)
    deep = next((e for e in elements(data) if e.tag == 0x0028_0100), None)
    if deep is None:
        return out
    wide = struct.pack("<H", r.choice((1, 8, 12, 32, 64)))
    return out[: deep.value] + wide + out[deep.end :]


ALL = (length, lengths, without, twice, vr, tag, value, value, value, syntax, nest, items,
       fragments, stream, bare, bits)  # fmt: skip


def spoil(r: Random, data: bytes) -> bytes:
    """One of them; a file without elements stays as it is."""
    return r.choice(ALL)(r, data) if len(elements(data)) > 1 else data
