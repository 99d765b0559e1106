"""Damage to files of text: JSON, YAML, and the header of NRRD."""

from __future__ import annotations

import gzip
import re
import zlib
from random import Random

from tests.fuzz.havoc import WORDS, havoc
from tests.hostile_strings import HOSTILE_VALUES

TOKEN = re.compile(r'"[^"]*"|-?[\d.]+|\b[a-z_]+\b')
NRRD_LINES = (
    "data file: /etc/passwd", "data file: LIST", "datafile: ../../x.raw", "line skip: 5",
    "byte skip: -1", "byteskip: 99999999999", "encoding: raw", "encoding: bzip2", "encoding: hex",
    "sizes: 99999 99999 99999", "sizes: -1 -1 -1", "sizes: 1", "sizes: 0 0 0", "dimension: 99",
    "type: double", "type: block", "endian: big", "space: ras", "space: 4d", "kinds: x",
    "space directions: none none none", "space directions: (nan,0,0) (0,inf,0) (0,0,1e308)",
    "space directions: (1,0) (0,1)", "space origin: (1,2)", "space origin: (nan,nan,nan)",
    "Segment0_LabelValue:=x", "Segment0_LabelValue:=-5", "Segment0_Layer:=9", "Segment0_Layer:=x",
    "Segment0_LabelValue:=" + "9" * 5000, "Segment1_Name:=<script>", "no colon", ":", "#", "",
)  # fmt: skip


def token(r: Random, text: str) -> str:
    """A word, a number or a text is another."""
    found = list(TOKEN.finditer(text))
    if not found:
        return text
    one = r.choice(found)
    put = r.choice((*WORDS, *HOSTILE_VALUES, "null", "true", "[]", "{}", "[[[]]]", "&a [*a]"))
    if one[0].startswith('"') and r.random() < 0.5:
        put = '"' + put + '"'
    return text[: one.start()] + put + text[one.end() :]


def line(r: Random, text: str) -> str:
    """A line is gone, comes again, or another comes before it."""
    lines = text.split("\n")
    at = r.randrange(len(lines))
    kind = r.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at:at] = [lines[at]] * r.choice((1, 2000))
    elif kind == 2:
        lines.insert(at, lines[r.randrange(len(lines))])
    else:
        lines[at] = lines[at] + r.choice((*WORDS, *HOSTILE_VALUES))
    return "\n".join(lines)


def deep(r: Random, text: str) -> str:
    """Brackets in brackets."""
    many = r.choice((10, 900, 100_000))
    opened, closed = r.choice((("[", "]"), ('{"a":', "}"), ("- ", ""), ("? ", "")))
    return opened * many + text + (closed * many if r.random() < 0.5 else "")


def anchors(r: Random, text: str) -> str:
    """YAML that doubles itself at every line."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines) + "\n" + text


def spoil(r: Random, data: bytes) -> bytes:
    """One of them."""
    text = data.decode("utf-8", "replace")
    put = r.choice((token, token, token, line, line, deep, anchors))(r, text)
    return put.encode("utf-8", "surrogatepass")


def spoil_nrrd(r: Random, data: bytes) -> bytes:
    """The header as text, or the voxels packed anew."""
    head, mark, body = data.partition(b"\n\n")
    if not mark:
        return data
    kind = r.random()
    if kind < 0.2:
        body = r.choice(
            (havoc(r, body), zlib.compress(body), gzip.compress(b"\0" * 2**24, mtime=0))
        )
    elif kind < 0.6:
        lines = head.decode("utf-8", "replace").split("\n")
        put = r.choice(NRRD_LINES)
        field = put.split(":")[0]
        same = [n for n, old in enumerate(lines) if old.split(":")[0] == field]
        if same and r.random() < 0.8:
            lines[same[0]] = put
        else:
            lines.insert(r.randint(1, len(lines)), put)
        head = "\n".join(lines).encode()
    elif kind < 0.65:
        names = [f"Segment{n}_ID:=x\nSegment{n}_LabelValue:=1" for n in range(2, 3000)]
        head += b"\n" + "\n".join(names).encode()
    else:
        head = spoil(r, head)
    return head + mark + body
