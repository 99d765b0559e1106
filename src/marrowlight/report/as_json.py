"""A value as the bytes of a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """UTF-8, indented, no NaN; what is no JSON type is written as its text.

    A file name that is no UTF-8 has bytes that cannot be encoded: these are written as JSON's own
    escapes, which read back as they were.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    return (text + "\n").encode("utf-8", "backslashreplace")
