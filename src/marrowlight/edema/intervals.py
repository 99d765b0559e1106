"""The two 95 % intervals of a volume: another reader, and the same measurement again."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowlight.edema.measurement import Interval, IntervalKind
from marrowlight.errors import KnowledgeError

Z95 = 1.96
"""Half-width of a 95 % interval in standard deviations."""


class Origin(StrEnum):
    """Who made the edema mask."""

    FOUND = "found"
    """Marrowlight's own finder, with T1."""
    FOUND_WITHOUT_T1 = "found_without_t1"
    """Marrowlight's own finder without T1: it agrees less with readers."""
    DRAWN = "drawn"
    """The user: by hand or with another tool."""


class Scatter(BaseModel):
    """Scatter of ln(second volume / first volume) as a function of the volume.

    sd(V) = small / (1 + (V / knee_mm3)^(1/3)): constant for small lesions, where two masks share
    little, and falling with the ratio of surface to volume for large ones, where they differ by a
    rim.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Below 6 the upper end of the interval rises with the volume: 1 - 1.96 * small / 12 > 0.
    small: float = Field(gt=0, lt=6, description="SD of the log ratio of very small volumes.")
    knee_mm3: float = Field(gt=0, description="Volume at which that SD has halved. mm³.")
    status: Literal["measured", "estimate"]
    basis: str = Field(min_length=20, description="One sentence for the report.")
    source: str = Field(min_length=10, description="Command, data and date behind the numbers.")

    def sd(self, volume_mm3: float) -> float:
        """Standard deviation of ln(second volume / first volume) at this volume."""
        return self.small / (1.0 + math.cbrt(volume_mm3 / self.knee_mm3))


@lru_cache(maxsize=1)
def scatters() -> dict[IntervalKind, dict[Origin, Scatter]]:
    """The constants of ``intervals.yaml``, by kind of interval and origin of the mask.

    Raises KnowledgeError if the file breaks its own rules.
    """
    import yaml

    text = resources.files(__package__).joinpath("intervals.yaml").read_text(encoding="utf-8")
    raw = yaml.safe_load(text)
    try:
        return {
            kind: {origin: Scatter(**raw[kind.value][origin.value]) for origin in Origin}
            for kind in IntervalKind
        }
    except (KeyError, TypeError, ValidationError) as error:
        raise KnowledgeError(
            f"intervals.yaml does not hold the scatter of every interval: {error}",
            expected="small, knee_mm3, status, basis and source for each kind and origin",
        ) from error


def interval(
    kind: IntervalKind, volume_mm3: float, *, origin: Origin, smallest_counted_mm3: float
) -> Interval:
    """One 95 % interval of a volume, in mm³.

    [V exp(-1.96 sd), V exp(+1.96 sd)] with the sd at V. Where nothing was found the interval runs
    from 0 to the upper end of the smallest lesion that is counted, since one that small may have
    been missed. It always contains the volume, and both ends rise with it.
    """
    scatter = scatters()[kind][origin]
    seen = max(volume_mm3, smallest_counted_mm3)
    return Interval(
        kind=kind,
        low_mm3=volume_mm3 * math.exp(-Z95 * scatter.sd(volume_mm3)),
        high_mm3=seen * math.exp(Z95 * scatter.sd(seen)),
        basis=scatter.basis,
    )


def both_intervals(
    volume_mm3: float, *, origin: Origin, smallest_counted_mm3: float
) -> tuple[Interval, ...]:
    """Reader agreement and repeatability of a volume, in that order."""
    return tuple(
        interval(kind, volume_mm3, origin=origin, smallest_counted_mm3=smallest_counted_mm3)
        for kind in IntervalKind
    )
