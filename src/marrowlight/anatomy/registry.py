"""The bone registry: one data file that says what a bone is called everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from marrowlight.errors import KnowledgeError, UsageError

LEFT_OFFSET = 100
"""Added to the label of a left bone in a label map that holds both sides."""


@dataclass(frozen=True, slots=True)
class Bone:
    """One bone of the registry.

    id : stable identifier without a side; label : stable number in label maps; name : for people;
    joints : regions in which it is read; snomed_code, snomed_meaning : SNOMED CT;
    snomed_exact : false where only the next wider structure has a code.
    """

    id: str
    label: int
    name: str
    joints: tuple[str, ...]
    snomed_code: str
    snomed_meaning: str
    snomed_exact: bool
    names: tuple[str, ...]


@lru_cache(maxsize=1)
def bone_registry() -> dict[str, Bone]:
    """All bones by id, in the order of their labels.

    Raises KnowledgeError if two bones share an id, a label or a name.
    """
    import yaml

    text = resources.files(__package__).joinpath("bones.yaml").read_text(encoding="utf-8")
    bones: dict[str, Bone] = {}
    seen: dict[str, str] = {}
    for row in yaml.safe_load(text)["bones"]:
        sct = row["snomed"]
        bone = Bone(
            row["id"], row["label"], row["name"], tuple(row["joints"]),
            sct["code"], sct["meaning"], sct["exact"], tuple(row["names"]),
        )  # fmt: skip
        for key in {bone.id, str(bone.label), *bone.names}:
            if seen.setdefault(key, bone.id) != bone.id:
                raise KnowledgeError(f"bones.yaml: {key!r} names {seen[key]} and {bone.id}.")
        bones[bone.id] = bone
    return bones


def find_bone(name: str) -> Bone:
    """The bone of an id, or of a name in another tool (case and underscores do not matter).

    Raises UsageError, with the nearest names, if nobody knows it.
    """
    from difflib import get_close_matches

    wanted = " ".join(name.lower().replace("_", " ").split())
    known = {
        n.lower().replace("_", " "): bone
        for bone in bone_registry().values()
        for n in (bone.id, *bone.names)
    }
    if wanted in known:
        return known[wanted]
    near = get_close_matches(wanted, known, n=1)
    raise UsageError(
        f"No bone is called {name!r}." + (f" Did you mean {known[near[0]].id!r}?" if near else ""),
        expected="one of " + ", ".join(bone_registry()),
    )
