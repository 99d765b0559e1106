"""The contract: the schema is the model's, and a reading of today stays readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from marrowlight.reading import Reading
from marrowlight.report.files import reading_bytes
from marrowlight.report.schema import made_schema, shipped_schema
from tests.report.example import bone, edema, lesion, reading, region, result

FROZEN = Path(__file__).parent / "frozen"


def frozen(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FROZEN / name).read_text(encoding="utf-8"))
    return loaded


def test_the_shipped_schema_is_the_one_of_the_model() -> None:
    assert shipped_schema() == made_schema("reading"), (
        "write it anew as marrowlight.report.schema.schema_text says"
    )


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(shipped_schema())


@pytest.mark.parametrize("empty", [False, True])
def test_readings_keep_to_the_schema(empty: bool) -> None:
    written = json.loads(reading_bytes(result(empty=empty).reading))
    jsonschema.validate(written, shipped_schema())
    assert written["schema"] == "marrowlight.reading/1"


def test_the_schema_refuses_what_is_no_reading() -> None:
    written = json.loads(reading_bytes(result().reading))
    written["regions"][0]["edema"]["volume_mm3"] = "much"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, shipped_schema())
    del written["schema"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, shipped_schema())


def test_a_reading_comes_back_as_it_was() -> None:
    one = result().reading
    assert Reading.model_validate_json(reading_bytes(one)) == one


def test_not_measured_is_null() -> None:
    one = reading(region(bone("femur", 1, edema(900, (lesion(1, 900, (0, 0, 0), contrast=None),)))))
    written = json.loads(reading_bytes(one))
    assert written["regions"][0]["edema"]["lesions"][0]["contrast"] is None
    assert written["versions"]["weights"] is None


def test_the_first_reading_ever_still_loads_and_keeps_to_the_schema() -> None:
    old = frozen("reading-1.json")
    jsonschema.validate(old, shipped_schema())
    loaded = Reading.model_validate(old)
    assert loaded.regions[0].edema.volume_mm3 == old["regions"][0]["edema"]["volume_mm3"]


def test_a_reading_of_a_later_version_loads_without_its_new_fields() -> None:
    later = frozen("reading-1.json")
    later["new_in_a_later_version"] = {"a": 1}
    later["regions"][0]["edema"]["also_new"] = 2
    jsonschema.validate(later, shipped_schema())
    assert Reading.model_validate(later) == Reading.model_validate(frozen("reading-1.json"))


def test_no_field_of_the_first_schema_was_removed_or_changed() -> None:
    now = shipped_schema()
    for name, old in frozen("schema-1.json").items():
        new = now if name == "Reading" else now["$defs"][name]
        if "enum" in old:
            assert set(old["enum"]) <= set(new["enum"]), name
            continue
        for field, kind in old["properties"].items():
            assert field in new["properties"], f"{name}.{field} was removed"
            assert _kind(new["properties"][field]) == kind, f"{name}.{field} changed"
        assert set(new.get("required", [])) <= set(old["required"]), (
            f"{name}: a field that older readings lack must have a default"
        )


def _kind(field: dict[str, Any]) -> str:
    """What a field holds, without titles, descriptions and defaults."""
    kept = {k: v for k, v in field.items() if k not in ("title", "description", "default")}
    return json.dumps(kept, sort_keys=True)
