"""Tables of the label numbers that other tools and data sets use for bones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Side


@dataclass(frozen=True)
class ForeignLabels:
    """One table.

    name : as given to --bone-labels; what, source : in words; labels : number to registry id and
    side (None where the table does not say).
    """

    name: str
    what: str
    source: str
    labels: dict[int, tuple[str, Side | None]]


@lru_cache(maxsize=1)
def foreign_labels() -> dict[str, ForeignLabels]:
    """All tables by name. Raises KnowledgeError for a bone or side that does not exist."""
    import yaml

    from marrowlight.anatomy.registry import bone_registry

    text = resources.files(__package__).joinpath("foreign_labels.yaml").read_text(encoding="utf-8")
    tables = {}
    for name, row in yaml.safe_load(text)["tables"].items():
        labels: dict[int, tuple[str, Side | None]] = {}
        for number, bone in row["labels"].items():
            bone, _, side = str(bone).partition(":")
            if bone not in bone_registry() or side not in {"", *Side} or not 1 <= number <= 65535:
                raise KnowledgeError(f"foreign_labels.yaml: {name} has {number}: {bone}:{side}.")
            labels[int(number)] = (bone, Side(side) if side else None)
        if not row["source"]:
            raise KnowledgeError(f"foreign_labels.yaml: {name} has no source.")
        tables[name] = ForeignLabels(name, row["what"], row["source"], labels)
    return tables
