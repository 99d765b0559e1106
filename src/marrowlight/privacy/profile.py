"""What the profile says of an attribute: the standard's table, and our rules beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

EDITION = "2026c"

_CODES = {
    "replace": "D",
    "empty": "Z",
    "delete": "X",
    "replace_UID": "U",
    "empty_or_replace": "Z/D",
    "delete_or_empty": "X/Z",
    "delete_or_replace": "X/D",
    "delete_or_empty_or_replace": "X/Z/D",
    "delete_or_empty_or_replace_UID": "X/Z/U*",
}
"""Functions of dicom-anonymizer to the codes of PS3.15 Table E.1-1."""


@dataclass(frozen=True)
class Rules:
    """Our rules, as sets of attribute keywords; ``rules.yaml`` says why.

    plain : words kept whole; safe_private : (creator, group, element within its block) to VR
    """

    words: frozenset[str]
    technical: frozenset[str]
    characteristics: frozenset[str]
    device: frozenset[str]
    dummy: frozenset[str]
    empty: frozenset[str]
    classes: frozenset[str]
    schemes: frozenset[str]
    groups: frozenset[int]
    plain: frozenset[str]
    safe_private: dict[tuple[str, int, int], str]

    @property
    def creators(self) -> frozenset[str]:
        """Private creators on the safe list: constants, that name nobody."""
        return frozenset(creator for creator, _, _ in self.safe_private)


@cache
def rules() -> Rules:
    """The rules of the data files."""
    data = _data("rules.yaml")
    safe = {
        (creator, int(block["group"]), int(element)): str(vr)
        for creator, block in _data("safe_private.yaml")["creators"].items()
        for element, vr in block["elements"].items()
    }
    names = (
        "words", "technical", "characteristics", "device", "dummy", "empty", "classes", "schemes",
    )  # fmt: skip
    sets = {name: frozenset(map(str, data[name])) for name in names}
    return Rules(
        **sets,
        groups=frozenset(data["groups"]),
        plain=frozenset(data["plain"].split()),
        safe_private=safe,
    )


@cache
def profile_code(group: int, element: int) -> str:
    """The code of the Basic Profile for an attribute (X, Z, D, U, X/Z ...); empty if not listed.

    Source: DICOM PS3.15 Table E.1-1, as dicom-anonymizer carries it.
    """
    single, masked = _table()
    if code := single.get((group, element)):
        return code
    for (of_group, of_element, group_mask, element_mask), code in masked.items():
        same_group = group & group_mask == of_group & group_mask
        if same_group and element & element_mask == of_element & element_mask:
            return code
    return ""


@cache
def _table() -> tuple[dict[tuple[int, int], str], dict[tuple[int, int, int, int], str]]:
    from dicomanonymizer.simpledicomanonymizer import initialize_actions

    single: dict[tuple[int, int], str] = {}
    masked: dict[tuple[int, int, int, int], str] = {}
    for tag, action in initialize_actions(f"dicomfields_{EDITION}").items():
        code = _CODES[action.__name__]
        if len(tag) == 2:
            single[tag] = code
        else:
            masked[tag] = code
    return single, masked


def _data(name: str) -> dict[str, Any]:
    text = files("marrowlight.privacy").joinpath(name).read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data
