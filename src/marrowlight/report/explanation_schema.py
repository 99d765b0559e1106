"""The JSON Schema of ``explanation.json``, made from the model and shipped beside it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from marrowlight.explanation import SCHEMA, Explanation

FILE = "explanation.schema.json"


def explanation_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an explanation, made from the model.

    Fields with a default are optional and unknown fields are allowed, as in a reading.
    """
    schema = _open(Explanation.model_json_schema(by_alias=True, mode="validation"))
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
    """What ``explanation.schema.json`` must hold.

    Written anew by ``python -c "import marrowlight.report.explanation_schema as s;
    print(s.schema_text(), end='')" > src/marrowlight/report/explanation.schema.json`` when a field
    is added.
    """
    return json.dumps(explanation_schema(), indent=1, ensure_ascii=False) + "\n"


def _open(node: Any) -> Any:
    """The same schema, allowing fields that this version does not know."""
    if isinstance(node, dict):
        return {
            key: _open(value)
            for key, value in node.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_open(value) for value in node] if isinstance(node, list) else node
