"""Tissues: relaxation times, proton density and fat fraction, read from ``tissues.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from marrowlight.errors import KnowledgeError

FIELDS_T = (1.5, 3.0)
"""Field strengths for which tissues are known. Unit: tesla."""

Milliseconds = Annotated[float, Field(gt=0, le=10_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Quantity = Literal["t1_ms", "t2_ms", "proton_density", "fat_fraction"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    t1_ms: dict[float, Milliseconds]
    t2_ms: dict[float, Milliseconds]
    source: dict[Quantity, str]

    @model_validator(mode="after")
    def _every_field_strength(self) -> _Row:
        for name in ("t1_ms", "t2_ms"):
            if set(getattr(self, name)) != set(FIELDS_T):
                raise ValueError(f"{name} must be given for exactly {FIELDS_T} T")
        return self


class _Tissue(_Row):
    proton_density: Fraction
    fat_fraction: Fraction


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    sources: dict[str, str]
    fat: _Row
    tissues: dict[str, _Tissue]

    @model_validator(mode="after")
    def _sources_resolve(self) -> _File:
        rows = {"fat protons": self.fat, **self.tissues}
        for name, row in rows.items():
            wanted = {"t1_ms", "t2_ms"}
            if isinstance(row, _Tissue):
                wanted |= {"proton_density", "fat_fraction"}
            if set(row.source) != wanted:
                raise ValueError(f"{name}: source must name exactly {sorted(wanted)}")
            for quantity, key in row.source.items():
                if key not in self.sources:
                    raise ValueError(f"{name}: source {key!r} of {quantity} is not in sources")
        if next(iter(self.tissues), None) != "air":
            raise ValueError("the first tissue must be air, because its number is 0")
        return self


@dataclass(frozen=True, slots=True)
class Relaxation:
    """T1 and T2 in ms at one field strength."""

    t1_ms: float
    t2_ms: float


@dataclass(frozen=True, slots=True)
class Tissue:
    """A tissue at one field strength.

    number : its value in label arrays, 0 is air; water : relaxation of its water;
    proton_density : relative to joint fluid = 1; fat_fraction : 0..1, of all its protons.
    """

    name: str
    number: int
    water: Relaxation
    proton_density: float
    fat_fraction: float


@dataclass(frozen=True, slots=True)
class Tissues:
    """All tissues at one field strength, with the fat that they share.

    by_name : in the order of their numbers; fat : relaxation of fat protons.
    """

    field_t: float
    fat: Relaxation
    by_name: dict[str, Tissue]

    def __getitem__(self, name: str) -> Tissue:
        return self.by_name[name]


def load_tissues(field_t: float, path: Path | None = None) -> Tissues:
    """Read and check tissues.

    field_t : 1.5 or 3.0; path : another file of the same form, default the one of the package.
    Raises KnowledgeError with file and key if the file breaks its rules or knows no such field.
    """
    file = _read(path)
    if field_t not in FIELDS_T:
        raise KnowledgeError(
            f"No relaxation times are known at {field_t} T.",
            where=path or "tissues.yaml",
            expected="a field strength of " + " or ".join(f"{f} T" for f in FIELDS_T),
        )
    return Tissues(
        field_t,
        Relaxation(file.fat.t1_ms[field_t], file.fat.t2_ms[field_t]),
        {
            name: Tissue(
                name,
                number,
                Relaxation(row.t1_ms[field_t], row.t2_ms[field_t]),
                row.proton_density,
                row.fat_fraction,
            )
            for number, (name, row) in enumerate(file.tissues.items())
        },
    )


def tissue_number(name: str) -> int:
    """The number of a tissue in label arrays. Raises KeyError if there is none of that name."""
    return _numbers()[name]


def tissue_names() -> tuple[str, ...]:
    """Names by number; air is 0."""
    return tuple(_numbers())


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate(_read(None).tissues)}


def _read(path: Path | None) -> _File:
    import yaml

    where = str(path or "tissues.yaml")
    source = path or resources.files(__package__).joinpath("tissues.yaml")
    try:
        return _File.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise KnowledgeError(f"The file is no YAML: {error}", where=where) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise KnowledgeError(
            f"{key}: {first['msg']}.",
            where=f"{where}, key {key}",
            expected="the form described at the top of the file",
        ) from error
