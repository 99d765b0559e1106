"""What the software can see in a reading and how sure it then is: the file ``data/seen.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.anatomy.registry import bone_registry
from marrowlight.causes.knowledge import SITE, Knowledge, knowledge
from marrowlight.causes.probability import ESTIMATE, STRICT, Share, Sourced
from marrowlight.causes.yaml_file import Where, YamlFile
from marrowlight.study.study import Joint


class Limit(Sourced):
    """A threshold. unit : of the value; text : what it decides."""

    value: Annotated[float, Field(gt=0)]
    unit: str
    text: str


class Sure(Sourced):
    """How sure the software is of something that it sees, 0 to 1."""

    value: Share
    text: str


class Limits(BaseModel):
    """All thresholds, by name; the file says what each decides."""

    model_config = STRICT
    fill: Limit
    contradict: Limit
    involved_ml: Limit
    beside_share: Limit
    surface_mm: Limit
    diffuse_fills: Limit
    focal_fills: Limit
    beyond_ml: Limit
    beyond_seen_ml: Limit
    one_piece: Limit
    whole_bone: Limit
    part_of_bone: Limit
    mostly: Limit
    half: Limit
    not_at_insertion: Limit
    second_lesion: Limit
    cyst_ml: Limit
    patchy_bones: Limit


class Sureness(BaseModel):
    """How sure the software is, by what it sees; the file says when each holds."""

    model_config = STRICT
    present: Sure
    present_small: Sure
    absent: Sure
    volume: Sure
    ratio: Sure
    count: Sure
    count_doubtful: Sure
    distance: Sure
    both_sides: Sure
    one_side: Sure
    diffuse: Sure
    diffuse_edge_unknown: Sure
    not_at_the_joint_end: Sure
    focal: Sure
    site: Sure
    site_mostly: Sure
    site_partly: Sure
    patchy: Sure
    not_patchy: Sure
    insertion: Sure
    insertion_at_joint: Sure
    no_insertion: Sure
    cyst: Sure
    no_cyst: Sure
    epiphysis_spared: Sure
    epiphysis_not_spared: Sure


class Doubt(Sourced):
    """A warning of a reading, and the share of certainty that it leaves.

    below_contrast : it concerns only lesions fainter than this, robust SD; all where not given.
    """

    code: str
    present: Share
    absent: Share
    below_contrast: float | None = None


class BoneEnd(BaseModel):
    """The joint end of a bone.

    near : its zones; apart : zones that are neither joint end nor metaphysis; short : a bone that
    is all joint end.
    """

    model_config = STRICT
    near: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    short: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> BoneEnd:
        if self.short == bool(self.near):
            raise ValueError("a bone is short, or it has zones near the joint")
        return self


class JointRules(Sourced):
    """What is looked at in one joint.

    system : of zones; bones : that are expected; facing : pairs that share a joint; ends : by bone;
    sites : zones by option of ``bme_site``; rest : by bone, the site of what lies in no zone.
    """

    system: str
    bones: tuple[str, ...]
    facing: tuple[tuple[str, str], ...]
    ends: dict[str, BoneEnd]
    sites: dict[str, tuple[str, ...]]
    rest: dict[str, str]

    def site_of(self, zone: str) -> str | None:
        """The site that a zone belongs to, None for a zone between two sites."""
        return next((site for site, zones in self.sites.items() if zone in zones), None)


class SeenRules(BaseModel):
    """The whole file."""

    model_config = STRICT
    version: Literal[1]
    limits: Limits
    sure: Sureness
    doubts: tuple[Doubt, ...]
    joints: dict[Joint, JointRules]
    asked: dict[str, str]


@lru_cache(maxsize=1)
def seen_rules() -> SeenRules:
    """The rules of this package. A file that breaks its form raises ``KnowledgeError``."""
    folder = resources.files("marrowlight.causes").joinpath("data")
    return load_seen_rules(folder.joinpath("seen.yaml"), knowledge())


def load_seen_rules(path: Traversable | Path, known: Knowledge) -> SeenRules:
    """Load and check a file of rules: every source, finding, site and bone must be known."""
    file = YamlFile(path)
    rules = file.parse(SeenRules)
    sources = {*known.references, ESTIMATE}
    for where, key in _sources(file.data, ()):
        if key not in sources:
            raise file.fail(where, f"'{key}' is no known source.")
    for name in rules.asked:
        if name not in known.findings:
            raise file.fail(("asked", name), f"'{name}' is no known finding.")
    options = known.findings[SITE].options
    for joint, one in rules.joints.items():
        for field in ("sites", "rest"):
            sites = one.sites if field == "sites" else one.rest.values()
            for site in sites:
                if site not in options:
                    raise file.fail(("joints", joint.value, field), f"'{site}' is no known site.")
        facing = {bone for pair in one.facing for bone in pair}
        for bone in {*one.bones, *one.ends, *one.rest, *facing}:
            if bone not in bone_registry():
                raise file.fail(("joints", joint.value), f"'{bone}' is no known bone.")
    return rules


def _sources(node: object, where: Where) -> Iterator[tuple[Where, str]]:
    """Every source that a part of the file names."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "source" and isinstance(value, list):
                yield from (((*where, key, i), str(one)) for i, one in enumerate(value))
            else:
                yield from _sources(value, (*where, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _sources(value, (*where, index))
