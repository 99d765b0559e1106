"""The JSON Schemas of what is written, made from the models and shipped beside them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel

Contract = Literal["reading", "explanation", "course"]
"""``reading.json``, ``explanation.json``, ``course.json``."""


def made_schema(contract: Contract) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a contract, made from its model.

    Fields with a default are optional, so that what was written before a field was added is still
    valid; unknown fields are allowed, so that what is written after it is too.
    """
    model, name = _model(contract)
    schema = _open(model.model_json_schema(by_alias=True, mode="validation"))
    schema["required"] = ["schema", *schema["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:marrowlight:{name.removeprefix('marrowlight.')}",
        **schema,
    }


def _model(contract: Contract) -> tuple[type[BaseModel], str]:
    from marrowlight import explanation, reading
    from marrowlight.course import course

    models: dict[str, tuple[type[BaseModel], str]] = {
        "reading": (reading.Reading, reading.SCHEMA),
        "explanation": (explanation.Explanation, explanation.SCHEMA),
        "course": (course.Course, course.SCHEMA),
    }
    return models[contract]


def shipped_schema(contract: Contract = "reading") -> dict[str, Any]:
    """The JSON Schema that is in the package."""
    text = resources.files(__package__).joinpath(f"{contract}.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def schema_text(contract: Contract) -> str:
    """What the shipped file of a contract must hold.

    Written anew, when a field is added, by ``python -c "import marrowlight.report.schema as s;
    print(s.schema_text('reading'), end='')" > src/marrowlight/report/reading.schema.json``.
    """
    return json.dumps(made_schema(contract), indent=1, ensure_ascii=False) + "\n"


def _open(node: Any) -> Any:
    """The same schema, allowing fields that this version does not know."""
    if isinstance(node, dict):
        return {
            key: _open(value)
            for key, value in node.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_open(value) for value in node] if isinstance(node, list) else node
