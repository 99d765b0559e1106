"""The numbers of the model (``data/parameters.yaml``), each with its source or as an assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.yaml_file import Where, YamlFile

ASSUMPTION = "assumption"
"""The source key of a figure that nobody has measured, as far as we know."""

STRICT = ConfigDict(extra="forbid", frozen=True)

Basis = Literal["measured", "direction", "assumption", "hypothesis"]
"""``measured``: a source gives the figure; ``direction``: a source gives only which way it works,
the size is assumed; ``hypothesis``: no source supports that there is such an effect at all."""


class Given(BaseModel):
    """Something with a source: keys of the references of causes, or ``assumption``."""

    model_config = STRICT
    source: tuple[str, ...] = Field(min_length=1)
    note: str = ""


class Parameter(Given):
    """One number: its value, the span that is plausible, and its unit."""

    id: str
    name: str = Field(min_length=3)
    value: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(gt=0)
    unit: str
    basis: Basis = "measured"

    @model_validator(mode="before")
    @classmethod
    def _assumed(cls, data: object) -> object:
        if isinstance(data, dict) and "basis" not in data and data.get("source") == [ASSUMPTION]:
            return {**data, "basis": "assumption"}
        return data

    @model_validator(mode="after")
    def _in_order(self) -> Parameter:
        if not self.low <= self.value <= self.high:
            raise ValueError("low, value and high are out of order")
        if ASSUMPTION in self.source and self.basis in ("measured", "direction"):
            raise ValueError(f"an assumption is not of basis '{self.basis}'")
        return self


class _File(BaseModel):
    model_config = STRICT
    version: Literal[1]
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Physiology:
    """The numbers of one bone, as the equations use them. Units stand in ``parameters.yaml``."""

    arterial_pressure_mmhg: float
    venous_pressure_mmhg: float
    intraosseous_pressure_mmhg: float
    oncotic_difference_mmhg: float
    reflection: float
    net_filtration_mmhg: float
    filtration_ml: float
    flow_ml: float
    drainage_ml: float
    stiffness_mmhg: float
    room: float
    venous_squeeze: float
    hyperemia: float
    leak_inflammation: float
    leak_resorption: float
    reflection_loss: float
    injury_inflames: float
    injury_resorbs: float
    pressure_inflames: float
    inflammation_weeks: float
    resorption_weeks: float
    load_on_injury: float
    load_slows_healing: float
    damage_per_week: float
    water_share: float
    pressure_stops_blood: float
    blood_formation_weeks: float

    @property
    def capillary_pressure_mmhg(self) -> float:
        """At rest, from the balance of Starling: filtration then equals drainage."""
        return (
            self.intraosseous_pressure_mmhg
            + self.reflection * self.oncotic_difference_mmhg
            + self.net_filtration_mmhg
        )


@lru_cache(maxsize=1)
def parameters() -> Mapping[str, Parameter]:
    """The parameters of this package by id, in file order."""
    return load_parameters(resources.files("marrowlight.simulate").joinpath("data/parameters.yaml"))


def load_parameters(path: Traversable | Path) -> Mapping[str, Parameter]:
    """Load and check a file. A file that breaks its rules raises ``KnowledgeError``."""
    file = YamlFile(path)
    out: dict[str, Parameter] = {}
    for index, one in enumerate(file.parse(_File).parameters):
        where: Where = ("parameters", index, "id")
        if one.id in out or one.id not in Physiology.__dataclass_fields__:
            raise file.fail(where, f"'{one.id}' is there twice, or the model has no such number.")
        out[one.id] = one
    check_sources(file, "parameters")
    if missing := sorted(set(Physiology.__dataclass_fields__) - set(out)):
        raise file.fail(("parameters",), f"The numbers {', '.join(missing)} are missing.")
    return out


def check_sources(file: YamlFile, part: str) -> None:
    """Raises KnowledgeError if a source of the list ``part`` is no known reference."""
    known = {ASSUMPTION, *knowledge().references}
    for index, row in enumerate(file.data[part]):
        for key in row["source"]:
            if key not in known:
                raise file.fail((part, index, "source"), f"'{key}' is no known source.")


def physiology(changed: Mapping[str, float] | None = None) -> Physiology:
    """The numbers of the model, some of them changed."""
    values = {key: one.value for key, one in parameters().items()}
    return Physiology(**{**values, **(changed or {})})
