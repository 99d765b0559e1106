"""A region of a reading laid out for the question what can be seen in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from marrowlight.causes.seen_rules import JointRules, Sure, seen_rules
from marrowlight.edema.measurement import BoneEdema, Lesion
from marrowlight.reading import Region

MM3_PER_ML = 1000.0

State = Literal["present", "absent", "unknown"]


class Seen(BaseModel):
    """One finding as the software sees it.

    value : of a finding that is a number (in its unit) or a category, else None; sure : 0 to 1, an
    estimate, 0 where unknown; why : a clause, such as ``7.2 ml in the femur``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    finding: str
    state: State
    value: float | str | None = None
    sure: float = Field(ge=0, le=1)
    why: str


@dataclass(frozen=True)
class Look:
    """A region, laid out for the questions below.

    involved : bones with edema above the limit; doubtful : with less; missing : expected bones that
    were not read; ratio : from contrast in SD to signal against normal marrow, None where unknown.
    """

    region: Region
    rules: JointRules
    involved: tuple[BoneEdema, ...]
    doubtful: tuple[BoneEdema, ...]
    missing: tuple[str, ...]
    nameless: bool
    ratio: Callable[[float], float] | None

    @classmethod
    def at(cls, region: Region, rules: JointRules, ratio: Callable[[float], float] | None) -> Look:
        """Sort the bones of a region by how sure it is that there is edema in them."""
        limits = seen_rules().limits
        least = limits.involved_ml.value * MM3_PER_ML
        beside = limits.beside_share.value * region.edema.volume_mm3
        found = [b for b in region.bones if b.edema.volume_mm3 > 0]
        sure = [
            b
            for b in found
            if b.edema.volume_mm3 >= max(b.edema.detection_limit_mm3 or least, beside)
        ]
        read = {b.bone for b in region.bones}
        return cls(
            region=region,
            rules=rules,
            involved=tuple(sorted(sure, key=lambda b: -b.edema.volume_mm3)),
            doubtful=tuple(b for b in found if b not in sure),
            missing=tuple(b for b in rules.bones if b not in read),
            nameless=not read & set(rules.bones),
            ratio=ratio,
        )

    @property
    def largest(self) -> Lesion | None:
        """The largest lesion in a bone that is surely involved."""
        lesions = [one for b in self.involved for one in b.edema.lesions]
        return max(lesions, key=lambda one: one.volume_mm3, default=None)

    @property
    def unread(self) -> str:
        """The bones that were not read, as a clause."""
        return f"not read: {listed(self.missing)}"

    def share(self, lesion: Lesion, zones: Iterable[str], system: str | None = None) -> float:
        """Share of a lesion in zones of a system."""
        named, of = set(zones), system or self.rules.system
        parts = (p.share_of_lesion for p in lesion.zones if p.system == of and p.zone in named)
        return min(1.0, sum(parts))


def see(name: str, state: State, sure: Sure, why: str, value: float | str | None = None) -> Seen:
    return Seen(finding=name, state=state, value=value, sure=sure.value, why=why)


def unknown(name: str, why: str) -> Seen:
    return Seen(finding=name, state="unknown", sure=0.0, why=why)


def amount_of(bones: Iterable[BoneEdema]) -> str:
    return listed([f"{b.edema.volume_mm3 / MM3_PER_ML:.2g} ml in the {b.name.lower()}"
                    for b in bones])  # fmt: skip


def listed(parts: Iterable[str]) -> str:
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def words(text: str) -> str:
    """Ids of bones as words."""
    return text.replace("_", " ")
