"""The JSON Schema of ``course.json``, made from the model and shipped beside it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from marrowlight.course.course import SCHEMA, Course

FILE = "course.schema.json"


def course_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a course, made from the model.

    Fields with a default are optional and unknown fields are allowed, as in a reading.
    """
    schema = Course.model_json_schema(by_alias=True, mode="validation")
    schema["required"] = ["schema", *schema["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:marrowlight:{SCHEMA.removeprefix('marrowlight.')}",
        **schema,
    }


def shipped_schema() -> dict[str, Any]:
    """The JSON Schema that is in the package."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def schema_text() -> str:
    """What ``course.schema.json`` must hold.

    Written anew by ``python -c "import marrowlight.report.course_schema as s;
    print(s.schema_text(), end='')" > src/marrowlight/report/course.schema.json`` when a field is
    added.
    """
    return json.dumps(course_schema(), indent=1, ensure_ascii=False) + "\n"
