"""How deep a DICOM file nests its sequences and how many elements it holds, before it is parsed.

A parser that calls itself for each level, and makes an object of each element, can be driven out of
memory or time by a small file. This walk makes no objects, calls nothing, and skips values.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from marrowlight.errors import LimitExceeded
from marrowlight.study.limits import Limits

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
"""Value representations with a length of four bytes. Source: PS3.5 7.1.2."""


class _Level(NamedTuple):
    """A sequence, or an item or the data set with its elements.

    end : byte where it ends; bound : byte behind which nothing of it is read; implicit : its VRs
    are; items : it is a sequence; cut_out : what follows begins at its end, whatever is in it
    """

    end: int
    bound: int
    implicit: bool
    items: bool = False
    cut_out: bool = False


def check_nesting(data: bytes, start: int, limits: Limits, *, little: bool = True) -> None:
    """Walk a data set, as pydicom would read it.

    data : bytes of a file; start : where its data set begins; little : byte order

    Raises LimitExceeded if it nests deeper, or holds more elements, than ``limits`` allow. What is
    malformed is left to the parser.
    """
    whole = len(data)
    order = "<" if little else ">"
    numbers, short, long = Struct(order + "HHL"), Struct(order + "H"), Struct(order + "L")
    delimiter = Struct(order + "HH").pack(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF)
    levels = [_Level(whole, whole, _implicit(data, start))]
    at = start
    depth = count = 0
    while levels:
        level = levels[-1]
        over = at >= level.end or at + 8 > level.bound
        group, element, length = (0, 0, 0) if over else numbers.unpack_from(data, at)
        tag = group << 16 | element
        if over or tag == (SEQUENCE_END if level.items else ITEM_END):
            at = level.end if level.cut_out else at + 8 * (not over)
            levels.pop()
            depth -= level.items
            continue
        count += 1
        if count > limits.elements:
            raise LimitExceeded(f"holds more than {limits.elements} elements")
        if level.items:
            at += 8
            end = level.bound if length == UNDEFINED else min(at + length, level.bound)
            implicit = level.implicit or _implicit(data, at)
            levels.append(_Level(end, level.bound, implicit))
            continue
        vr = b"" if level.implicit else data[at + 4 : at + 6]
        at += 8
        if vr in LONG:
            if at + 4 > whole:
                return
            (length,) = long.unpack_from(data, at)
            at += 4
        elif b"AA" <= vr <= b"ZZ":
            (length,) = short.unpack_from(data, at - 2)
        else:  # Some writers fall back to implicit VRs for one element.
            vr = b""
        before_item = _is_item(numbers, data, at)
        if length == UNDEFINED:
            nested = vr in (b"SQ", b"UN") or (not vr and _is_sequence(tag, before_item))
        else:
            nested = vr == b"SQ" or (vr in (b"", b"UN") and before_item)
        if nested:
            depth += 1
            if depth > limits.depth:
                raise LimitExceeded(f"nests sequences more than {limits.depth} deep")
            known = length != UNDEFINED
            end = min(at + length, level.bound) if known else level.bound
            levels.append(_Level(end, end, level.implicit, items=True, cut_out=known))
        elif length == UNDEFINED:
            end = _after_fragments(numbers, delimiter, data, at, level.bound)
            if end < 0:  # The parser gives up this item, and goes on from here.
                levels.pop()
            at = max(at, end)
        else:
            at = min(at + length, level.bound)


def _implicit(data: bytes, at: int) -> bool:
    vr = data[at + 4 : at + 6]
    return not (vr.isalpha() and vr.isupper())


def _is_item(numbers: Struct, data: bytes, at: int) -> bool:
    if at + 8 > len(data):
        return False
    group, element, _ = numbers.unpack_from(data, at)
    return bool(group << 16 | element == ITEM)


def _after_fragments(numbers: Struct, delimiter: bytes, data: bytes, at: int, bound: int) -> int:
    """Where pixels in fragments end, or any value without a length; -1 if they do not."""
    place = at
    while place < bound and _is_item(numbers, data, place):
        length: int = numbers.unpack_from(data, place)[2]
        place += 8 + length
    if data[place : place + 4] != delimiter:
        place = data.find(delimiter, at, bound)
    return place + 8 if place >= 0 else -1


def _is_sequence(tag: int, before_item: bool) -> bool:
    """Whether an element without a VR and without a length is one: by the dictionary, or a look."""
    from pydicom.datadict import dictionary_VR

    try:
        return str(dictionary_VR(tag)) == "SQ"
    except KeyError:
        return before_item
