"""How a patient came to be imaged, and which causes may be present together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.probability import STRICT, Chance, Sourced
from marrowlight.study.study import Joint


class Entry(BaseModel):
    """A pathway of entry, and what it does to the shares of causes.

    findings : findings whose presence puts a patient on this pathway where none is named (any one);
    ages : from and to, in years, that must hold for that, and for which the shares hold; means :
    findings that are present where the pathway is stated; absorbs : findings that the pathway's
    shares already contain, so that they are not counted again; shares : by joint, share of a cause
    on this pathway. Causes without a share divide the rest as their priors and the absorbed
    findings say.
    """

    model_config = STRICT
    id: str
    name: str
    text: str = Field(min_length=8)
    findings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    ages: tuple[float, float] = (0, 130)
    means: tuple[str, ...] = ()
    absorbs: tuple[str, ...] = ()
    shares: dict[Joint, dict[str, Chance]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _room_for_the_rest(self) -> Entry:
        for joint, shares in self.shares.items():
            total = sum(share.p[1] for share in shares.values())
            if total >= 0.97:
                raise ValueError(f"the shares at the {joint} add up to {total:.2f}: no room left")
        return self


class Pathways(BaseModel):
    """The file ``pathways.yaml``; the first pathway that fits is taken."""

    model_config = STRICT
    version: Literal[1]
    pathways: tuple[Entry, ...]


class Pair(Chance):
    """Two causes that may be present at once: p is P(second is present as well | first)."""

    first: str
    second: str


class Unexplained(Sourced):
    """``other``: none of the causes. p : its share, by joint alike."""

    p: tuple[float, float, float]
    text: str


class Pairs(BaseModel):
    """The file ``pairs.yaml``."""

    model_config = STRICT
    version: Literal[1]
    other: Unexplained
    pairs: tuple[Pair, ...]
