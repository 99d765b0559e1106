"""How small a lesion the finder still finds, as measured on phantoms."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowlight.errors import KnowledgeError


class DetectionLimit(BaseModel):
    """Smallest lesion found in 95 of 100 under one condition.

    snr : of normal marrow; strength : share of water in place of marrow, 0..1; mm3, low, high :
    volume in mm³ with its 95 % interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    snr: float = Field(gt=0)
    strength: float = Field(gt=0, le=1)
    mm3: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)


@lru_cache(maxsize=1)
def detection_limits() -> tuple[DetectionLimit, ...]:
    """All conditions that were measured; reports state the first.

    Raises KnowledgeError if the data file breaks its rules.
    Source: ``benchmarks/phantom_detection.py``.
    """
    import yaml

    text = resources.files(__package__).joinpath("detection.yaml").read_text(encoding="utf-8")
    try:
        rows = tuple(DetectionLimit(**row) for row in yaml.safe_load(text)["rows"])
    except (ValidationError, KeyError, TypeError) as error:
        raise KnowledgeError(f"detection.yaml: {error}") from error
    if not rows or any(not row.low <= row.mm3 <= row.high for row in rows):
        raise KnowledgeError("detection.yaml: an interval does not hold its volume.")
    return rows
