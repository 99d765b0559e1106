"""Descriptions cleaned to the words that say what an image is (Clean Descriptors Option).

Only what the patterns of ``study`` read, and plain words of planes and sequences, passes. What a
pattern leaves open (``knie\\w*``) becomes an ``x``, so that no name can hide in it, and so that the
cleaned text is still read the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from marrowlight.privacy.profile import rules
from marrowlight.study import body_words, words
from marrowlight.study.body_words import joint_of_name, side_of_name
from marrowlight.study.words import plain

HOLE = "x"
"""Stands for letters or words that were taken out where something else would be read without."""


def clean_words(text: str, names: Collection[str] = ()) -> str:
    """The known words of a description, in plain lower case; empty if there is none.

    Parameters
    ----------
    text : a description, in any of the languages of ``study.words``
    names : words, in plain form, that never pass: those of the patient's own name and ids

    Returns
    -------
    str
        ``study`` finds the same joint, side and sequence in it as in the text without the names.
    """
    tokens = [HOLE if token in names else token for token in plain(text).split()]
    before = " ".join(tokens)
    kept = _kept_letters(before)
    out: list[str] = []
    holed: list[str] = []
    at = 0
    for token in tokens:
        shown = _shown(token, kept[at : at + len(token)])
        at += len(token) + 1
        if shown:
            out.append(shown)
            holed.append(shown)
        elif not holed or holed[-1] != HOLE:
            holed.append(HOLE)
    if _read_as(" ".join(out)) == _read_as(before):
        return " ".join(out)
    return " ".join(holed)


def _shown(token: str, kept: list[bool]) -> str:
    """A token with the letters that no pattern names as ``x``; empty if none is named."""
    if token == HOLE or not any(kept):
        return ""
    letters = (letter if keep else "\0" for letter, keep in zip(token, kept, strict=True))
    return re.sub("\0+", HOLE, "".join(letters))


def _kept_letters(text: str) -> list[bool]:
    """For each sign of a plain text, whether a pattern names it literally."""
    kept = [False] * len(text)
    for pattern in _patterns():
        for match in pattern.finditer(text):
            open_parts = [match.span(name) for name in match.groupdict()]
            for at in range(*match.span()):
                if not any(begin <= at < end for begin, end in open_parts):
                    kept[at] = True
    for word in re.finditer(r"\S+", text):
        if word.group(0) in rules().plain:
            kept[word.start() : word.end()] = [True] * len(word.group(0))
    _keep_sides(text, kept)
    return kept


def _keep_sides(text: str, kept: list[bool]) -> None:
    """Keep the short words for a side that stand directly beside the name of a joint."""
    found = list(re.finditer(r"\S+", text))
    joints = [any(p.search(w.group(0)) for _, p in body_words.JOINTS) for w in found]
    short = body_words.LEFT_BESIDE | body_words.RIGHT_BESIDE
    for n, word in enumerate(found):
        if word.group(0) in short and any(joints[max(0, n - 1) : n + 2]):
            kept[word.start() : word.end()] = [True] * len(word.group(0))


@cache
def _sources() -> tuple[re.Pattern[str], ...]:
    """All patterns by which ``study`` reads names."""
    found = [v for module in (words, body_words) for v in vars(module).values()]
    single = [v for v in found if isinstance(v, re.Pattern)]
    return (*single, *(pattern for _, pattern in body_words.JOINTS))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """The same patterns, with every part that is open to any letter as a named group."""
    made = []
    for source in _sources():
        parts = re.split(r"(\\w[*+]?)", source.pattern)
        parts[1::2] = [f"(?P<open{n}>{part})" for n, part in enumerate(parts[1::2])]
        made.append(re.compile("".join(parts)))
    return tuple(made)


def _read_as(text: str) -> tuple[object, ...]:
    """Everything that ``study`` concludes from a plain text."""
    joint = joint_of_name(text)
    head = joint_of_name(text, head=True)
    hits = tuple(bool(pattern.search(text)) for pattern in _sources())
    return hits, side_of_name(text), joint and joint[0], head and head[0]
