"""Case files: what is known of a patient, as YAML or JSON, checked word by word."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import yaml

from marrowlight.causes.case import PREGNANT, Case, Pregnancy, Sex
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.near import nearest
from marrowlight.errors import CaseError, UnreadableFile
from marrowlight.study.study import Joint, Side

KEYS = (
    "age", "sex", "joint", "side", "pregnancy", "pathway", "visit_date", "present", "absent",
    "values", "note",
)  # fmt: skip
"""What a case file may hold. ``note`` is for people and never read."""

OLDEST = 120.0
"""Years. Nobody with a proven age has been older than 122."""

LARGEST_BYTES = 200_000

JOINT_WORDS = {"ankle_foot": Joint.ANKLE, "foot": Joint.ANKLE, "si": Joint.SACROILIAC}
"""Other words for a joint; the one place where the vocabularies meet."""

_SEX: dict[str, Sex | None] = {
    "female": "female", "f": "female", "male": "male", "m": "male", "unknown": None,
}  # fmt: skip


def read_case(path: Path, *, joint: Joint | None = None) -> Case:
    """Read a case file, YAML or JSON. joint : where the file names none.

    Raises CaseError, with the place in the file and what was expected; UnreadableFile where there
    is no such file.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise CaseError(
                f"The file holds {path.stat().st_size} bytes.", where=path.name,
                expected="a case file of a few lines",
            )  # fmt: skip
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CaseError(
            "This is no text.", where=path.name, expected="a case file, YAML or JSON in UTF-8"
        ) from None
    except OSError as error:
        raise UnreadableFile(
            f"The case file cannot be read: {error.strerror}.", where=path, do="check the path"
        ) from None
    return case_from(_parsed(text, path.name), name=path.name, joint=joint)


def case_from(data: Mapping[str, Any], *, name: str = "case", joint: Joint | None = None) -> Case:
    """Check what a case says. data : the keys of ``KEYS``; name : for messages.

    Raises CaseError: unknown ids (with the nearest known), contradictions, impossible values.
    """
    known = knowledge()
    if not isinstance(data, Mapping):
        raise _refused(name, f"A {type(data).__name__} was found.", "keys such as joint: hip")
    for key in data:
        if key not in KEYS:
            near = nearest(str(key)[:99], [*KEYS, *known.findings])
            where = " under present, absent or values" if near and near[0] in known.findings else ""
            raise _refused(
                name,
                f"'{key}' is no key of a case file.",
                f"{_or(near)}{where}" if near else f"one of {', '.join(KEYS)}",
            )
    _plain(data, name)
    values = dict(data.get("values") or {})
    pregnancy = data.get("pregnancy", values.pop("pregnancy_status", None))
    present = _ids(data.get("present"), "present", name, known)
    absent = _ids(data.get("absent"), "absent", name, known)
    if both := sorted(present & absent):
        raise _refused(name, f"'{both[0]}' is both present and absent.", "one of the two")
    case = Case(
        joint=_joint(data.get("joint"), name, joint),
        age=_age(data.get("age"), name),
        sex=_sex(data.get("sex"), name),
        pregnancy=_pregnancy(pregnancy, name),
        side=_side(data.get("side"), name),
        visit_date=_date(data.get("visit_date"), name),
        pathway=_pathway(data.get("pathway"), name, known),
        present=present,
        absent=absent,
        values={k: _value(k, v, name, known) for k, v in values.items() if v is not None},
        name=name,
    )
    _agree(case, known)
    return case


def _plain(data: Mapping[str, Any], name: str) -> None:
    """Raise CaseError unless every key holds what its kind holds: words, numbers, lists of words.

    What is nested deeper is never written out, however large it may be.
    """
    for key, value in data.items():
        if key == "note":
            continue
        if key == "values":
            if value is not None and not isinstance(value, Mapping):
                raise _refused(name, "values is no list of pairs.", "values: {finding: value}")
            inner = [*(value or {}), *(value or {}).values()]
        elif key in ("present", "absent"):
            if value is not None and not isinstance(value, list | tuple | set | frozenset):
                raise _refused(name, f"{key} is no list.", f"{key}: [finding, finding]")
            inner = list(value or ())
        else:
            inner = [value]
        if any(isinstance(part, Mapping | list | tuple | set) for part in inner):
            raise _refused(name, f"{key}: something is nested.", "words and numbers")


def _agree(case: Case, known: Knowledge) -> None:
    """Raise CaseError where parts of a case contradict each other."""
    if case.pathway is not None:
        for id_ in known.pathways[case.pathway].means:
            if id_ in case.absent:
                raise _refused(
                    case.name,
                    f"The pathway is '{case.pathway}', but '{id_}' is absent.",
                    "the pathway or the finding corrected",
                )
    for id_ in sorted(case.present):
        finding = known.findings[id_]
        for other in finding.excludes:
            if other in case.present:
                raise _refused(
                    case.name,
                    f"'{id_}' and '{other}' are both present.",
                    f"'{id_}' absent, or '{other}' not present",
                )
        if finding.joints and case.joint not in finding.joints:
            raise _refused(
                case.name,
                f"'{id_}' cannot be at the {case.joint.value}.",
                f"a finding of the {case.joint.value}",
            )
    if case.sex == "male" and case.pregnancy in (*PREGNANT, "postpartum"):
        raise _refused(case.name, "A man is stated to be pregnant.", "sex or pregnancy corrected")
    carries = case.pregnancy in (*PREGNANT, "postpartum")
    if carries and case.age is not None and not 10 <= case.age <= 60:
        raise _refused(case.name, f"Pregnancy at {case.age:g} years.", "age or pregnancy corrected")


def _parsed(text: str, name: str) -> Any:
    if not text.strip():
        return {}
    if name.lower().endswith(".json"):
        try:
            return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, name))
        except json.JSONDecodeError as error:
            raise CaseError(
                f"This is no JSON: {error.msg}.", where=f"{name}, line {error.lineno}"
            ) from None
        except RecursionError:
            raise _refused(name, "It is nested too deeply.", "a case file of a few lines") from None
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise CaseError(
                "A tab begins the line.",
                where=f"{name}, line {number}",
                expected="spaces: YAML does not indent with tabs",
                do="replace the tabs with spaces",
            )
    try:
        return yaml.load(text, _Once)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        number = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CaseError(
            f"This is no YAML: {error.problem}.", where=f"{name}, line {number}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _refused(name, "This is no YAML.", "a case file of a few lines") from None


class _Once(yaml.SafeLoader):
    """Reads a mapping only if each of its keys is there once."""


def _mapping(loader: _Once, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
            raise yaml.MarkedYAMLError(
                problem=f"the key '{key.value}' is there twice", problem_mark=key.start_mark
            )
        if isinstance(key, yaml.ScalarNode):
            seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Once.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _once(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    for i, (key, _) in enumerate(pairs):
        if any(key == other for other, _ in pairs[:i]):
            raise _refused(name, f"The key '{key[:99]}' is there twice.", "each key once")
    return dict(pairs)


def _refused(name: str, found: str, expected: str) -> CaseError:
    return CaseError(found, where=name, expected=expected, do="correct the case file")


def _or(words: tuple[str, ...]) -> str:
    return f"did you mean {' or '.join(words)}?"


def _ids(value: Any, key: str, name: str, known: Knowledge) -> frozenset[str]:
    if value is None:
        return frozenset()
    for id_ in value:
        finding = known.findings.get(id_) if isinstance(id_, str) else None
        if finding is None:
            near = nearest(str(id_), (f.id for f in known.findings.values() if f.three_valued))
            raise _refused(
                name,
                f"{key}: '{id_}' is no known finding.",
                _or(near) if near else "an id of `marrowlight causes show` or `marrowlight ask`",
            )
        if not finding.three_valued:
            raise _refused(name, f"{key}: '{id_}' has a value.", f"values: {{{id_}: ...}}")
    return frozenset(value)


def _value(id_: str, value: Any, name: str, known: Knowledge) -> float | str:
    finding = known.findings.get(id_)
    if finding is None or finding.three_valued:
        near = nearest(str(id_), (f.id for f in known.findings.values() if not f.three_valued))
        expected = _or(near) if near else "a finding that has a value"
        if finding is not None:
            expected = f"present: [{id_}] or absent: [{id_}]"
        raise _refused(name, f"values: '{id_}' has no value.", expected)
    if finding.kind == "category":
        if value not in finding.options:
            near = nearest(str(value), finding.options)
            raise _refused(
                name,
                f"{id_}: '{value}' is no option.",
                _or(near) if near else f"one of {', '.join(finding.options)}",
            )
        return str(value)
    low, high = finding.low or 0.0, finding.high or math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _refused(
            name, f"{id_}: {value!r}.", f"a number from {low:g} to {high:g}, in {finding.unit}"
        )
    return float(value)


def _joint(value: Any, name: str, fallback: Joint | None) -> Joint:
    if value is None:
        if fallback is None:
            raise _refused(name, "No joint is named.", "joint: hip, knee, ankle or sacroiliac")
        return fallback
    word = str(value).strip().lower()
    words = {**{j.value: j for j in Joint if j not in (Joint.OTHER, Joint.UNKNOWN)}, **JOINT_WORDS}
    if word not in words:
        near = nearest(word, words)
        raise _refused(
            name, f"joint: '{value}' is none.", _or(near) if near else f"one of {', '.join(words)}"
        )
    if fallback is not None and words[word] is not fallback:
        raise _refused(
            name, f"The case is of the {words[word].value}.", f"a case of the {fallback.value}"
        )
    return words[word]


def _age(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= OLDEST:
        raise _refused(name, f"age: {value!r}.", f"years, from 0 to {OLDEST:g}")
    return float(value)


def _sex(value: Any, name: str) -> Sex | None:
    if value is None:
        return None
    word = str(value).strip().lower()
    if word not in _SEX:
        raise _refused(name, f"sex: '{value}'.", "female, male or unknown")
    return _SEX[word]


def _pregnancy(value: Any, name: str) -> Pregnancy | None:
    if value in (None, "unknown", "not_applicable"):
        return None
    options: tuple[Pregnancy, ...] = get_args(Pregnancy)
    for option in options:
        if value == option:
            return option
    near = nearest(str(value), options)
    raise _refused(
        name, f"pregnancy: '{value}'.", _or(near) if near else f"one of {', '.join(options)}"
    )


def _pathway(value: Any, name: str, known: Knowledge) -> str | None:
    if value is None:
        return None
    if value in known.pathways:
        return str(value)
    near = nearest(str(value), known.pathways)
    raise _refused(
        name,
        f"pathway: '{value}'.",
        _or(near) if near else f"one of {', '.join(known.pathways)}",
    )


def _side(value: Any, name: str) -> Side:
    if value is None:
        return Side.UNKNOWN
    try:
        return Side(str(value).strip().lower())
    except ValueError:
        options = ", ".join(side.value for side in Side)
        raise _refused(name, f"side: '{value}'.", f"one of {options}") from None


def _date(value: Any, name: str) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise _refused(name, "visit_date is no date.", "a date such as 2026-03-21") from None
