"""DICOM JSON (PS3.18 F.2) as a header that the rules of ``study`` can look at."""

from __future__ import annotations

from typing import Any

from marrowlight.study.shown import clean


class JsonHeader:
    """A data set in DICOM JSON, asked by keyword as pydicom's are. What is malformed is absent."""

    def __init__(self, attributes: Any) -> None:
        self._attributes = attributes if isinstance(attributes, dict) else {}

    @property
    def known(self) -> bool:
        """Whether anything was said at all."""
        return bool(self._attributes)

    def get(self, keyword: str, default: Any = None) -> Any:
        """The value of an attribute: text, number, a list of these, or of items of a sequence."""
        from pydicom.datadict import tag_for_keyword

        tag = tag_for_keyword(keyword)
        found = self._attributes.get(f"{tag:08X}") if tag is not None else None
        values = found.get("Value") if isinstance(found, dict) else None
        if not isinstance(values, list) or not values:
            return default
        if isinstance(found, dict) and found.get("vr") == "SQ":
            return [JsonHeader(one) for one in values]
        plain = [v for v in values if isinstance(v, str | int | float)]
        return default if not plain else plain[0] if len(plain) == 1 else plain

    def text(self, keyword: str) -> str:
        """The value as one text without control characters; empty if absent."""
        value = self.get(keyword)
        many = value if isinstance(value, list) else [] if value is None else [value]
        return clean("\\".join(str(v) for v in many if isinstance(v, str | int | float)))

    def number(self, keyword: str) -> int | None:
        """The value as a whole number; None if it is none."""
        try:
            return int(self.text(keyword))
        except ValueError:
            return None
