"""All data files of care, loaded once and checked against the knowledge of causes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from marrowlight.care.care_rules import (
    Correction,
    Corrections,
    Hold,
    Holds,
    OwnList,
    OwnLists,
    Step,
    Steps,
)
from marrowlight.care.option import Option, Options, Plan
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.near import nearest
from marrowlight.causes.probability import ESTIMATE
from marrowlight.causes.yaml_file import Where, YamlFile


@dataclass(frozen=True, eq=False)
class CareKnowledge:
    """What is known of care: ``options`` by id, ``plans`` by cause, the rest in file order.

    ``sha256`` is that of all data files of care together.
    """

    options: Mapping[str, Option]
    plans: Mapping[str, Plan]
    steps: tuple[Step, ...]
    lists: tuple[OwnList, ...]
    holds: tuple[Hold, ...]
    corrections: Mapping[str, Correction]
    sha256: str


@lru_cache(maxsize=1)
def care_knowledge() -> CareKnowledge:
    """The care of this package. A file that breaks its rules raises ``KnowledgeError``."""
    return load_care(resources.files("marrowlight.care").joinpath("data"), knowledge())


def load_care(folder: Traversable | Path, known: Knowledge) -> CareKnowledge:
    """Load and check a folder laid out as ``care/data`` of this package."""
    options: dict[str, Option] = {}
    files = [YamlFile(path) for path in _yaml_in(folder / "options")]
    for file in files:
        for index, option in enumerate(file.parse(Options).options):
            if option.id in options:
                raise file.fail(("options", index, "id"), f"'{option.id}' is there already.")
            options[option.id] = option
    plans: dict[str, Plan] = {}
    for path in _yaml_in(folder / "causes"):
        file = YamlFile(path)
        plan = file.parse(Plan)
        if file.name != f"{plan.cause}.yaml":
            raise file.fail(("cause",), f"The cause '{plan.cause}' is not the name of the file.")
        _check_once(file, plan)
        plans[plan.cause] = plan
        files.append(file)
    single = {
        name: YamlFile(folder / f"{name}.yaml")
        for name in ("steps", "lists", "held_back", "corrections")
    }
    files.extend(single.values())
    steps = single["steps"].parse(Steps).steps
    lists = single["lists"].parse(OwnLists).lists
    holds = single["held_back"].parse(Holds).held_back
    corrections = single["corrections"].parse(Corrections).corrections

    ids = {
        "source": {*known.references, ESTIMATE},
        "finding": set(known.findings),
        "cause": set(known.causes),
        "option": set(options),
        "step": {step.id for step in steps},
    }
    for file in files:
        for where, key, kind in _keys(file.data, ()):
            if key not in ids[kind]:
                near = nearest(key, ids[kind])
                raise file.fail(
                    where,
                    f"'{key}' is no known {kind}.",
                    f"did you mean {', '.join(near)}?" if near else None,
                )
    return CareKnowledge(
        options=options,
        plans=plans,
        steps=steps,
        lists=lists,
        holds=holds,
        corrections={row.id: row for row in corrections},
        sha256=_hash(folder),
    )


def _check_once(file: YamlFile, plan: Plan) -> None:
    seen: set[str] = set()
    for index, row in enumerate(plan.options):
        if row.option in seen:
            raise file.fail(("options", index), f"'{row.option}' has two rows.")
        seen.add(row.option)


_KIND = {
    "source": "source", "finding": "finding", "value": "finding", "only_if": "finding",
    "unless_absent": "finding", "cause": "cause", "causes": "cause", "option": "option",
    "options": "option", "first": "step",
}  # fmt: skip
"""Keys of the data files whose values must resolve, and to what."""


def _keys(node: object, where: Where) -> Iterator[tuple[Where, str, str]]:
    """Every value of a data file that names something elsewhere."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = (*where, str(key))
            kind = _KIND.get(key)
            names = value if isinstance(value, list) else [value]
            if kind and all(isinstance(name, str) for name in names):
                for index, name in enumerate(names):
                    yield (*here, index) if isinstance(value, list) else here, name, kind
            else:
                yield from _keys(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _keys(value, (*where, index))


def _yaml_in(folder: Traversable | Path) -> list[Traversable | Path]:
    return sorted((p for p in folder.iterdir() if p.name.endswith(".yaml")), key=lambda p: p.name)


def _hash(folder: Traversable | Path) -> str:
    digest = hashlib.sha256()
    for room in ("options", "causes", "."):
        for path in _yaml_in(folder / room if room != "." else folder):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
