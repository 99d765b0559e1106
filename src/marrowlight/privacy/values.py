"""Single values: dates moved, ages cut, numbers and codes told from free text."""

from __future__ import annotations

import re
from datetime import date, timedelta

EARLIEST_YEAR = 1900
"""Dates before this are dummies that somebody else put in; they are emptied."""

OLDEST_AGE = 89
"""Ages above this single out a person and are given as 90. Unit: years. Source: 45 CFR 164.514."""

_DATE = re.compile(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})")
_DATETIME = re.compile(r"(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?(?:[+-]\d{4})?")
_AGE = re.compile(r"(\d{3})([DWMY])")
_NUMBER = re.compile(rb"[0-9+\-.eE \\\0]*")
_TIME = re.compile(rb"[0-9:.\\ \0-]*")
_CODE = re.compile(rb"[ -~]{0,16}(?:\\[ -~]{0,16})*[ \0]?")


def shifted(value: str, days: int) -> str:
    """A DA or DT value moved back by whole days, its time of day kept; empty if it is no date.

    The offset from UTC is dropped: it tells a region. A year or a month alone cannot be moved by
    days and is emptied.
    """
    text = value.strip(" \0")
    day, time = text, ""
    if found := _DATETIME.fullmatch(text):
        day, time = found.group(1), found.group(2) or ""
    moved = parse_date(day)
    if moved is None:
        return ""
    try:
        return f"{moved - timedelta(days=days):%Y%m%d}{time}"
    except OverflowError:
        return ""


def parse_date(value: str) -> date | None:
    """The date of a DA value, or None if it is none or a dummy."""
    found = _DATE.fullmatch(value.strip(" \0"))
    if found is None or int(found.group(1)) < EARLIEST_YEAR:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def cut_age(value: str) -> str:
    """An AS value, above 89 years as 090Y; empty if it is no age."""
    found = _AGE.fullmatch(value.strip(" \0"))
    if found is None:
        return ""
    if found.group(2) == "Y" and int(found.group(1)) > OLDEST_AGE:
        return f"{OLDEST_AGE + 1:03d}Y"
    return found.group(0)


def is_plain(vr: str, raw: bytes) -> bool:
    """Whether the bytes are what their VR promises, and no free text under a false name."""
    if vr in ("DS", "IS"):
        return bool(_NUMBER.fullmatch(raw))
    if vr == "TM":
        return bool(_TIME.fullmatch(raw))
    if vr in ("CS", "AS"):
        return bool(_CODE.fullmatch(raw))
    return True
