"""How deep a DICOM file nests its sequences and how many elements it holds, before it is parsed.

A parser that calls itself for each level, and makes an object of each element, can be driven out of
memory or time by a small file. This walk makes no objects, calls nothing, and skips values.
"""

from __future__ import annotations

from struct import Struct

from marrowlight.errors import LimitExceeded
from marrowlight.study.limits import Limits

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = 0x7FE00010
LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
"""Value representations with a length of four bytes. Source: PS3.5 7.1.2."""

_Level = tuple[int, bool, bool]
"""Byte where it ends, whether its VRs are implicit, whether it holds items (or else elements)."""


def check_nesting(data: bytes, start: int, limits: Limits, *, little: bool = True) -> None:
    """Walk a data set.

    data : bytes of a file; start : where its data set begins; little : byte order

    Raises LimitExceeded if it nests deeper, or holds more elements, than ``limits`` allow. What is
    malformed is left to the parser.
    """
    whole = len(data)
    order = "<" if little else ">"
    numbers, short, long = Struct(order + "HHL"), Struct(order + "H"), Struct(order + "L")
    levels: list[_Level] = [(whole, _implicit(data, start), False)]
    at = start
    depth = count = 0
    while levels and at + 8 <= whole:
        end, implicit, items = levels[-1]
        if at >= end:
            levels.pop()
            depth -= items
            continue
        group, element, length = numbers.unpack_from(data, at)
        tag = group << 16 | element
        if tag == (SEQUENCE_END if items else ITEM_END):
            at += 8
            levels.pop()
            depth -= items
            continue
        count += 1
        if count > limits.elements:
            raise LimitExceeded(f"holds more than {limits.elements} elements")
        if items:
            at += 8
            stop = whole if length == UNDEFINED else at + length
            levels.append((stop, implicit or _implicit(data, at), False))
            continue
        vr = b"" if implicit else data[at + 4 : at + 6]
        at += 8
        if vr in LONG:
            if at + 4 > whole:
                return
            (length,) = long.unpack_from(data, at)
            at += 4
        elif vr.isalpha() and vr.isupper():
            (length,) = short.unpack_from(data, at - 2)
        else:
            vr = b""
        nested = vr == b"SQ" or (vr in (b"", b"UN") and _is_item(numbers, data, at))
        if tag == PIXELS or not (nested or (vr in (b"UN", b"") and length == UNDEFINED)):
            at = _after_fragments(numbers, data, at) if length == UNDEFINED else at + length
            continue
        depth += 1
        if depth > limits.depth:
            raise LimitExceeded(f"nests sequences more than {limits.depth} deep")
        levels.append((whole if length == UNDEFINED else at + length, implicit, True))


def _implicit(data: bytes, at: int) -> bool:
    vr = data[at + 4 : at + 6]
    return not (vr.isalpha() and vr.isupper())


def _is_item(numbers: Struct, data: bytes, at: int) -> bool:
    if at + 8 > len(data):
        return False
    group, element, _ = numbers.unpack_from(data, at)
    return bool(group << 16 | element == ITEM)


def _after_fragments(numbers: Struct, data: bytes, at: int) -> int:
    """Where encapsulated pixels end: after items of a stated length and a delimiter."""
    while _is_item(numbers, data, at):
        length: int = numbers.unpack_from(data, at)[2]
        at += 8 + length
    return at + 8
