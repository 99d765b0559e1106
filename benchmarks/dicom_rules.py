"""dicom-validator without its download: the rules of the standard as highdicom ships them.

``dicom-validator`` reads DICOM PS3.3 from the network. Its rules are plain dictionaries, and
highdicom holds which modules an object has and which attributes a module has, with their types.
Conditions and lists of allowed values are not in there: those are left to ``dciodvfy``.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from pydicom.datadict import keyword_dict
from pydicom.dataset import Dataset
from pydicom.tag import Tag


def _tag(keyword: str) -> str:
    tag = Tag(keyword_dict[keyword])
    return f"({tag.group:04X},{tag.element:04X})"


CONTENT = _tag("ContentSequence")

VALUE_TYPES = {
    "ConceptCodeSequence": ["CODE"],
    "ContinuityOfContent": ["CONTAINER"],
    "Date": ["DATE"],
    "DateTime": ["DATETIME"],
    "GraphicData": ["SCOORD", "SCOORD3D"],
    "GraphicType": ["SCOORD", "SCOORD3D"],
    "MeasuredValueSequence": ["NUM"],
    "PersonName": ["PNAME"],
    "ReferencedFrameOfReferenceUID": ["SCOORD3D"],
    "ReferencedSOPSequence": ["COMPOSITE", "IMAGE", "WAVEFORM"],
    "TabulatedValuesSequence": ["TABLE"],
    "TemporalRangeType": ["TCOORD"],
    "TextValue": ["TEXT"],
    "Time": ["TIME"],
    "UID": ["UIDREF"],
}
"""Attribute of a content item of a report to the value types that have it (PS3.3 C.17.3): the
tables list those of all value types as if each item had them all."""

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
"""Each functional group stands in one of the two, and the tables list it in both."""


def broken_rules(dataset: Dataset) -> list[str]:
    """What dicom-validator finds wrong: ``module: attribute: kind of error``."""
    from dicom_validator.validator.iod_validator import IODValidator

    validator = IODValidator(dataset, _rules(str(dataset.SOPClassUID)), error_handler=_Silent())
    result = validator.validate()
    return [
        f"{module}: {tag}: {error.code.name}"
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
    ] or ([] if result.status.name == "Passed" else [result.status.name])


class _Silent:
    def handle_validation_start(self, result: Any) -> None: ...

    def handle_validation_result(self, result: Any) -> None: ...


@functools.cache
def _table(name: str) -> Any:
    return json.loads(resources.files("highdicom").joinpath("_standard", name).read_text())


@functools.cache
def _rules(sop_class: str) -> Any:
    from dicom_validator.validator.dicom_info import DicomInfo

    kind = _table("sop_class_iod_map.json")[sop_class]
    parts = _table("iod_module_map.json")[kind]
    attributes = _table("module_attribute_map.json")
    modules = {part["key"]: {"ref": part["key"], "use": part["usage"]} for part in parts}
    iod = {"title": kind, "modules": modules, "group_macros": {}}
    return DicomInfo({}, {sop_class: iod}, {key: _module(attributes[key]) for key in modules})


def _module(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Attributes of a module by tag, each with those of its items."""
    module: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: len(row["path"])):
        here = module
        for step in row["path"]:
            here = here[_tag(step)].setdefault("items", {})
        here[_tag(row["keyword"])] = _attribute(**row)
    if items := module.get(CONTENT, {}).get("items"):
        # Content items hold content items to any depth, of which the tables give the first.
        items[CONTENT] = {**module[CONTENT], "type": "3"}
    return module


def _attribute(keyword: str, type: str, path: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": keyword, "type": type}
    in_content = not path or path[-1] == "ContentSequence"
    if keyword in VALUE_TYPES and in_content:
        is_one = {"op": "=", "tag": _tag("ValueType"), "index": 0, "values": VALUE_TYPES[keyword]}
        rule |= {"type": "1C", "cond": {"type": "MN", **is_one}}
    elif path and path[-1] in GROUPS:
        rule["type"] = "3"
    return rule
