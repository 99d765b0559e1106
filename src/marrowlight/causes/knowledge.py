"""All knowledge about causes, loaded once and checked: nothing dangles, nothing is unknown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from marrowlight.causes.cause import Cause
from marrowlight.causes.finding import Finding, Findings, Groups, Together
from marrowlight.causes.pathway import Entry, Pairs, Pathways
from marrowlight.causes.probability import ESTIMATE
from marrowlight.causes.reference import Reference, References
from marrowlight.causes.yaml_file import Where, YamlFile
from marrowlight.study.study import Joint

JOINTS = (Joint.HIP, Joint.KNEE, Joint.ANKLE)
"""The joints that have priors, so that causes can be ranked."""

SITE = "bme_site"
"""The finding that says where the edema is."""


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Everything known: ``causes``, ``findings`` and ``references`` by id, in file order.

    ``sha256`` is that of all data files together.
    """

    causes: Mapping[str, Cause]
    findings: Mapping[str, Finding]
    references: Mapping[str, Reference]
    groups: tuple[Together, ...]
    pathways: Mapping[str, Entry]
    pairs: Pairs
    sha256: str

    def sites_of(self, joint: Joint) -> tuple[str, ...]:
        """The sites where any cause is usual at this joint, in the order of the finding."""
        usual = {s for c in self.causes.values() for s in c.places[joint].usual}
        return tuple(s for s in self.findings[SITE].options if s in usual)


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """The knowledge of this package. A file that breaks its rules raises ``KnowledgeError``."""
    return load_knowledge(resources.files("marrowlight.causes").joinpath("data"))


def load_knowledge(folder: Traversable | Path) -> Knowledge:
    """Load and check a folder laid out as ``causes/data`` of this package."""
    files = {
        room: [YamlFile(path) for path in _yaml_in(folder / room)]
        for room in ("causes", "findings", "references")
    }
    references: dict[str, Reference] = {}
    for file in files["references"]:
        for key, reference in file.parse(References).references.items():
            if key in references:
                raise file.fail(("references", key), f"The reference '{key}' is there already.")
            references[key] = reference
    findings: dict[str, Finding] = {}
    for file in files["findings"]:
        for index, finding in enumerate(file.parse(Findings).findings):
            if finding.id in findings:
                raise file.fail(("findings", index, "id"), f"'{finding.id}' is there already.")
            findings[finding.id] = finding
    causes: dict[str, Cause] = {}
    for file in files["causes"]:
        cause = file.parse(Cause)
        if file.name != f"{cause.id}.yaml":
            raise file.fail(("id",), f"The id '{cause.id}' is not the name of the file.")
        causes[cause.id] = cause
    single = {name: YamlFile(folder / f"{name}.yaml") for name in ("groups", "pathways", "pairs")}
    groups = single["groups"].parse(Groups).groups
    pathways = single["pathways"].parse(Pathways).pathways
    pairs = single["pairs"].parse(Pairs)

    known = {
        "source": {*references, ESTIMATE},
        "read": set(references),
        "finding": set(findings),
        "cause": set(causes),
        "site": set(findings[SITE].options),
    }
    for file in [*files["causes"], *files["findings"], *single.values()]:
        for where, key, kind in _keys(file.data, (), file.name):
            if key not in known[kind]:
                raise file.fail(where, f"'{key}' is no known {kind}.", _near(key, known[kind]))
    grouped: set[str] = set()
    for index, group in enumerate(groups):
        if twice := grouped & set(group.findings):
            raise single["groups"].fail(
                ("groups", index), f"'{min(twice)}' is in two groups.", "one group for a finding"
            )
        grouped |= set(group.findings)
    for file in files["causes"]:
        _check_places(file, causes[file.data["id"]])
    return Knowledge(
        causes=causes,
        findings=findings,
        references=references,
        groups=groups,
        pathways={p.id: p for p in pathways},
        pairs=pairs,
        sha256=_hash(folder),
    )


def _check_places(file: YamlFile, cause: Cause) -> None:
    for field in ("places", "prior"):
        if set(getattr(cause, field)) != set(JOINTS):
            raise file.fail((field,), f"{field}: hip, knee and ankle are needed, no other joint.")
    seen = set()
    for index, row in enumerate(cause.findings):
        if (row.finding, row.joint) in seen:
            raise file.fail(("findings", index), f"'{row.finding}' has two rows.")
        seen.add((row.finding, row.joint))


_KIND = {
    "source": "source", "read": "read", "finding": "finding", "excludes": "finding",
    "absorbs": "finding", "needs": "finding", "means": "finding", "usual": "site", "first": "cause",
    "second": "cause",
}  # fmt: skip
"""Keys of the data files whose values must resolve, and to what."""


def _keys(node: object, where: Where, name: str) -> Iterator[tuple[Where, str, str]]:
    """Every value of a data file that names something elsewhere."""
    if isinstance(node, dict):
        for key, value in node.items():
            kind = _KIND.get(key)
            if key == "findings" and name in ("groups.yaml", "pathways.yaml"):
                kind = "finding" if value and isinstance(value[0], str) else None
            here = (*where, str(key))
            if kind and isinstance(value, str):
                yield here, value, kind
            elif kind and isinstance(value, list):
                yield from (((*here, i), str(v), kind) for i, v in enumerate(value))
            elif key == "shares" and isinstance(value, dict):
                for joint, shares in value.items():
                    for cause in shares:
                        yield (*here, joint, cause), cause, "cause"
                yield from _keys(value, here, name)
            else:
                yield from _keys(value, here, name)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _keys(value, (*where, index), name)


def _near(key: str, known: set[str]) -> str | None:
    from marrowlight.causes.near import nearest

    near = nearest(key, known)
    return f"did you mean {', '.join(near)}?" if near else None


def _yaml_in(folder: Traversable | Path) -> list[Traversable | Path]:
    return sorted((p for p in folder.iterdir() if p.name.endswith(".yaml")), key=lambda p: p.name)


def _hash(folder: Traversable | Path) -> str:
    digest = hashlib.sha256()
    for room in ("causes", "findings", "references", "."):
        for path in _yaml_in(folder / room if room != "." else folder):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
