"""The smallest detectable change: what measuring again makes of a volume that has not changed.

Measured by ``benchmarks/follow_repeat.py`` and kept in ``smallest_change.yaml``: for the software
on simulated repeated scans, and for one human reader on the same images twice. Simulated scans
leave much out, so theirs is a lower bound. On patients the larger of the two is used until real
repeated scans have been measured.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from marrowlight.course.course import SdcBasis, Verdict
from marrowlight.errors import KnowledgeError, UsageError

if TYPE_CHECKING:
    import yaml

UNCERTAIN_BELOW_MM3 = 1000.0
"""No verdict but ``uncertain`` is given where no visit shows this much. Unit: mm³."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassRow(_Part):
    """One class of volume.

    at_mm3 : geometric mean of its volumes; log_ratio : the smallest detectable |ln(V2 / V1)|;
    measured, low, high : of this class alone, with its 95 % interval; n : pairs behind it.
    """

    at_mm3: float = Field(gt=0)
    log_ratio: float = Field(gt=0, le=5)
    measured: float = Field(gt=0, le=5)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    n: int = Field(ge=1)


def _falling(rows: tuple[ClassRow, ...]) -> tuple[ClassRow, ...]:
    for one, two in itertools.pairwise(rows):
        if two.at_mm3 <= one.at_mm3:
            raise ValueError("at_mm3 must rise from row to row")
        if two.log_ratio > one.log_ratio:
            raise ValueError("log_ratio must not be larger for a larger volume")
    return rows


Rows = Annotated[tuple[ClassRow, ...], Field(min_length=2), AfterValidator(_falling)]
"""Classes by rising volume."""


class PhantomTable(_Part):
    """The software's own repeatability, by what differs between two simulated scans."""

    status: str = Field(min_length=10)
    matched: Rows
    thickness: Rows
    scanner: Rows
    sequence: Rows
    all: Rows

    @property
    def different(self) -> tuple[Rows, ...]:
        """The classes of every protocol that does not match."""
        return self.thickness, self.scanner, self.sequence, self.all


class ReaderTable(_Part):
    """One human reader who drew the same images twice."""

    status: str = Field(min_length=10)
    rows: Rows


class ChangeTable(_Part):
    """``smallest_change.yaml``; commit and date are those of the benchmark behind it."""

    version: Literal[1]
    source: str = Field(min_length=10)
    date: object
    commit: str = Field(min_length=7)
    phantom: PhantomTable
    reader: ReaderTable


@dataclass(frozen=True)
class SmallestChange:
    """The smallest change at one volume that is more than measuring again makes.

    log_ratio : |ln(V2 / V1)| up to this is noise, at 95 %
    basis : which of the two figures that is
    text : one sentence that says so
    phantom_log_ratio, reader_log_ratio : both figures
    """

    log_ratio: float
    basis: SdcBasis
    text: str
    phantom_log_ratio: float
    reader_log_ratio: float


def smallest_change(
    volume_mm3: float, *, matched: bool, given_by: Literal["patient", "phantom"] = "patient"
) -> SmallestChange:
    """The smallest detectable change of a volume.

    Parameters
    ----------
    volume_mm3 : float
        Geometric mean of both volumes, each raised to the smallest that is told from nothing: that
        is what the table was made with.
    matched : bool
        Same sequence, slice thickness and scanner at both visits. Else the largest of what another
        thickness, scanner or sequence, or all of them, makes.
    given_by : str
        ``patient``: the larger of the software's repeatability on simulated scans and one human
        reader. ``phantom``: the former alone, for tests on phantoms only.

    Between the middles of two classes it is interpolated over ln(volume), beyond the outermost it
    stays the same, so it is never smaller for a smaller volume.

    Raises
    ------
    UsageError
        If the volume is not a number of at least 0.
    KnowledgeError
        If ``smallest_change.yaml`` breaks its rules.
    """
    if not (math.isfinite(volume_mm3) and volume_mm3 >= 0):
        raise UsageError(f"A volume of {volume_mm3} mm³ has no smallest change.")
    table = change_table()
    sets = (table.phantom.matched,) if matched else table.phantom.different
    phantom = max(_at(rows, volume_mm3) for rows in sets)
    reader = _at(table.reader.rows, volume_mm3)
    software = (
        f"the software's own repeatability on simulated repeated scans "
        f"({'the same protocol' if matched else 'different protocols'}) is {ratio_text(phantom)}"
    )
    if given_by == "phantom":
        text = f"Of a phantom: {software}."
        return SmallestChange(phantom, SdcBasis.PHANTOM, text, phantom, reader)
    within = (
        f"Changes within {ratio_text(max(phantom, reader))} are not told from measurement error"
    )
    if phantom > reader:
        text = (
            f"{within}: {software}, a lower bound, and wider than that of one human reader on the "
            "same images twice."
        )
        return SmallestChange(phantom, SdcBasis.PHANTOM, text, phantom, reader)
    text = (
        f"{within}: so far apart are two readings of the same images by one human reader; "
        f"{software}, a lower bound. The larger of the two is used until real repeated scans have "
        "been measured."
    )
    return SmallestChange(reader, SdcBasis.READER, text, phantom, reader)


def verdict(
    before_mm3: float,
    after_mm3: float,
    sdc: SmallestChange,
    *,
    floor_mm3: float,
    uncertain_below_mm3: float = UNCERTAIN_BELOW_MM3,
) -> Verdict:
    """What happened to a volume between two visits. All volumes in mm³.

    - both below ``floor_mm3`` (which is told from nothing): absent
    - neither as large as ``uncertain_below_mm3``: uncertain, however far they are apart
    - one of them below the floor: new or resolved, if the other exceeds the floor by more than the
      smallest detectable change, else uncertain
    - both above: grew or shrank beyond the smallest detectable change, else stable

    Swapping the visits swaps new with resolved and grew with shrank, and changes nothing else.
    Raises UsageError if a volume is negative or no number, or the floor is not above 0.
    """
    if not (min(before_mm3, after_mm3) >= 0 and math.isfinite(before_mm3 + after_mm3)):
        raise UsageError(f"Volumes of {before_mm3} and {after_mm3} mm³ cannot be compared.")
    if not (math.isfinite(floor_mm3) and floor_mm3 > 0):
        raise UsageError(f"A floor of {floor_mm3} mm³ tells nothing from nothing.")
    seen_before, seen_after = before_mm3 >= floor_mm3, after_mm3 >= floor_mm3
    if not seen_before and not seen_after:
        return Verdict.ABSENT
    if max(before_mm3, after_mm3) < uncertain_below_mm3:
        return Verdict.UNCERTAIN
    change = math.log(max(after_mm3, floor_mm3)) - math.log(max(before_mm3, floor_mm3))
    beyond = abs(change) > sdc.log_ratio
    if not seen_before:
        return Verdict.NEW if beyond else Verdict.UNCERTAIN
    if not seen_after:
        return Verdict.RESOLVED if beyond else Verdict.UNCERTAIN
    if not beyond:
        return Verdict.STABLE
    return Verdict.GREW if change > 0 else Verdict.SHRANK


def ratio_text(log_ratio: float) -> str:
    """``x0.80 to x1.25`` of 0.223."""
    return f"x{math.exp(-log_ratio):.2f} to x{math.exp(log_ratio):.2f}"


def _at(rows: Sequence[ClassRow], volume_mm3: float) -> float:
    x = np.log([row.at_mm3 for row in rows])
    y = [row.log_ratio for row in rows]
    return float(np.interp(math.log(max(volume_mm3, 1e-3)), x, y))


@lru_cache(maxsize=1)
def change_table() -> ChangeTable:
    """The shipped table. Raises KnowledgeError if it breaks its rules."""
    return load_change_table(resources.files(__package__).joinpath("smallest_change.yaml"))


def load_change_table(path: Traversable | Path) -> ChangeTable:
    """Read and check a table. Raises KnowledgeError with file and line of the first mistake."""
    import yaml

    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        return ChangeTable.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise KnowledgeError(
            f"This is no YAML: {error.problem}.", where=f"{path.name}, line {line}"
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        lines = dict(_lines(node, ()))
        where = tuple(first["loc"])
        while where and where not in lines:
            where = where[:-1]
        raise KnowledgeError(
            f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}.",
            where=f"{path.name}, line {lines.get(where, 1)}",
        ) from None


def _lines(
    node: yaml.Node | None, where: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Every part of a YAML document with its line, from one."""
    import yaml

    parts: list[tuple[str | int, yaml.Node, int]] = []
    if isinstance(node, yaml.MappingNode):
        parts = [(k.value, v, k.start_mark.line) for k, v in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(n, v, v.start_mark.line) for n, v in enumerate(node.value)]
    for key, value, line in parts:
        yield (*where, key), line + 1
        yield from _lines(value, (*where, key))
