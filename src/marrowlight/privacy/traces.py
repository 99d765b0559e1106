"""What must not be found again: the values of a file that identify, and the search for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from marrowlight.privacy.values import parse_date
from marrowlight.study.redact import LONG, SHORTEST, date_words, id_words, name_words
from marrowlight.study.words import plain

SHORTEST_TEXT = 5
SHORTEST_NUMBER = 6
SHORTEST_UID = 16
"""Fewer signs than these stand in every header by chance."""

ID_KEYWORDS = frozenset({"PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID"})
NOT_TEXT = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
MADE_HERE = frozenset({
    "PatientID", "PatientName", "PatientIdentityRemoved", "DeidentificationMethod",
    "DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified",
})  # fmt: skip
EMPTY_WORDS = frozenset(
    {"anonymized", "anonymous", "removed", "undefined", "unknown", "unspecified"}
)
"""Values that are none."""

VENDOR = frozenset({
    "Manufacturer", "ManufacturerModelName", "ReceiveCoilManufacturerName",
    "TransmitCoilManufacturerName", "DimensionIndexPrivateCreator",
    "FunctionalGroupPrivateCreator", "LUTLabel",
})  # fmt: skip
"""Stations are often called after vendor and model, which are kept."""

Path = tuple[int, ...]
"""Tags and numbers of items from the top down to an element."""


@dataclass
class Traces:
    """Identifying values of one file; built while it is cleaned.

    names : single words of names of persons, plain; ids, texts : whole values, lower case;
    dates : YYYYMMDD; uids : as they were; made : dates that were written in their place
    """

    names: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)

    def add(self, vr: str, keyword: str, value: Any) -> None:
        """Remember an original value that is taken out or replaced."""
        for text in _values(value):
            if vr == "PN":
                self.names |= name_words(text)
                self.texts |= {text.lower()} if len(text) >= SHORTEST_TEXT else set()
            elif vr in ("DA", "DT"):
                if parse_date(text[:8]):
                    self.dates.add(text[:8])
            elif vr == "UI":
                self.uids.add(text)
            elif keyword in ID_KEYWORDS:
                self.ids |= id_words(text)
            elif vr in ("LO", "SH", "ST", "LT", "UT", "UC", "AE", "UR"):
                self.texts |= {text.lower()} if _tells(text) else set()

    @property
    def words(self) -> frozenset[str]:
        """Plain words that no description may keep."""
        ids = {word for one in self.ids for word in plain(one).split() if len(word) >= SHORTEST}
        return frozenset(self.names | ids)

    @property
    def masks(self) -> frozenset[str]:
        """What is masked in messages and file names: names, ids, and dates as people write them."""
        dates = {form for one in self.dates for form in date_words(one)}
        return frozenset(self.names | self.ids | dates)

    def found_in(self, dataset: Any) -> list[Path]:
        """Where in a data set, freshly parsed, one of the values still stands.

        Every element is looked at as bytes, but for pixels and for what was made here.
        """
        person = _search(self.names | self.ids)
        anything = _search(self.names | self.ids | self.texts)
        long = {t for t in self.ids | self.texts | self.dates if len(t) >= SHORTEST_NUMBER}
        anywhere = {u.encode() for u in self.uids if len(u) >= SHORTEST_UID}
        anywhere |= {day.encode() for day in self.dates}
        left = []
        for path, keyword, vr, raw in elements(dataset):
            if vr == "UI":
                told = {v.strip(b" \0").decode("latin-1") for v in raw.split(b"\\")} & self.uids
            elif vr in ("DA", "DT"):
                days = {v[:8].decode("latin-1") for v in raw.split(b"\\")}
                told = (days & self.dates) - self.made
            elif vr in ("DS", "IS", "TM"):
                told = {v.strip(b" \0").decode("latin-1") for v in raw.split(b"\\")} & long
            elif vr in ("FL", "FD", "SL", "SS", "UL", "US", "SV", "UV", "AT"):
                continue
            else:
                pattern = person if keyword in VENDOR else anything
                told = {"text"} if pattern and pattern.search(raw.lower()) else set()
                told |= {"number" for one in anywhere if one in raw}
            if told:
                left.append(path)
        return left


def elements(dataset: Any, path: Path = ()) -> Iterator[tuple[Path, str, str, bytes]]:
    """Path, keyword, VR and bytes of every element that is no sequence, pixel, or made here."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    for tag in list(dataset.keys()):
        keyword = keyword_for_tag(tag)
        if keyword in NOT_TEXT or (not path and keyword in MADE_HERE):
            continue
        if tag.is_private_creator:
            continue  # What is left of these are names on the safe list.
        raw = dataset.get_item(tag)
        vr = raw.VR
        if vr is None:
            try:
                vr = dictionary_VR(tag)
            except KeyError:
                vr = "UN"
        if vr == "SQ" or (vr == "UN" and dataset[tag].VR == "SQ"):
            for n, item in enumerate(dataset[tag].value or ()):
                yield from elements(item, (*path, int(tag), n))
        else:
            value = raw.value
            yield (*path, int(tag)), keyword, vr, value if isinstance(value, bytes) else b""


def _values(value: Any) -> list[str]:
    """Single texts of a value, with one or several values."""
    if value is None or isinstance(value, bytes):
        return []
    many = not isinstance(value, str) and hasattr(value, "append")
    texts = [str(one).strip(" \0") for one in (value if many else [value])]
    return [text for text in texts if text]


def _tells(text: str) -> bool:
    """Whether a value is long enough to be told from chance."""
    signs = re.sub(r"[\W_]+", "", text)
    if text.lower() in EMPTY_WORDS:
        return False
    return len(signs) >= (SHORTEST_NUMBER if signs.isdigit() else SHORTEST_TEXT)


def _search(values: set[str]) -> re.Pattern[bytes] | None:
    """A pattern for any of the values, as whole words where they are Latin letters or digits."""
    parts: set[bytes] = set()
    for value in values:
        for codec in ("utf-8", "latin-1", "gb18030", "shift_jis", "euc_kr"):
            try:
                one = re.escape(value.encode(codec).lower())
            except UnicodeEncodeError:
                continue
            long = len(value) >= LONG
            parts.add(one if long else rb"(?<![0-9a-z])" + one + rb"(?![0-9a-z])")
    return re.compile(b"|".join(sorted(parts))) if parts else None
