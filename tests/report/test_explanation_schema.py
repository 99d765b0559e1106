"""The contract of ``explanation.json``: the schema is the model's, and explanations keep it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from marrowlight.causes.case_file import case_from
from marrowlight.explain_case import explain
from marrowlight.report.schema import made_schema, shipped_schema


def written(**words: object) -> dict[str, object]:
    told = explain(case_from(words))
    loaded: dict[str, object] = json.loads(told.model_dump_json(by_alias=True))
    return loaded


def test_the_shipped_schema_is_the_one_of_the_model() -> None:
    assert shipped_schema("explanation") == made_schema("explanation"), (
        "write it anew as marrowlight.report.schema.schema_text says"
    )
    jsonschema.Draft202012Validator.check_schema(shipped_schema("explanation"))


@pytest.mark.parametrize(
    "words",
    [
        {"joint": "sacroiliac"},
        {"joint": "knee"},
        {"joint": "knee", "age": 9, "present": ["fever"], "absent": ["acute_trauma"]},
        {"joint": "hip", "age": 31, "sex": "female", "pregnancy": "trimester_3",
         "present": ["sudden_onset"], "values": {"bme_site": "femoral_head"}},
    ],
)  # fmt: skip
def test_explanations_keep_to_the_schema(words: dict[str, object]) -> None:
    jsonschema.validate(written(**words), shipped_schema("explanation"))


def test_a_field_of_a_later_version_is_no_mistake_and_a_wrong_one_is() -> None:
    data = written(joint="knee", present=["fever"])
    data["later"] = 1
    jsonschema.validate(data, shipped_schema("explanation"))
    ranking = data["ranking"]
    assert isinstance(ranking, list)
    ranking[0]["probability"] = 1.2
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, shipped_schema("explanation"))
    del data["ranking"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, shipped_schema("explanation"))


@pytest.mark.parametrize(
    "field",
    ["schema", "ranking", "flags", "next_test", "care", "expected_course", "hypotheses", "case"],
)
def test_what_machines_key_on_is_always_there(field: str) -> None:
    assert field in shipped_schema("explanation")["required"]
    assert field in written(joint="sacroiliac")
