"""The smallest detectable change and the verdict that follows from it."""

from __future__ import annotations

import itertools
import math
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowlight.course.course import SdcBasis, Verdict
from marrowlight.course.smallest_change import (
    SmallestChange,
    change_table,
    load_change_table,
    smallest_change,
    verdict,
)
from marrowlight.errors import KnowledgeError, UsageError

FLOOR = 100.0
SDC = SmallestChange(math.log(1.5), SdcBasis.PHANTOM, "for a test", math.log(1.5), 0.1)
VOLUMES = st.floats(min_value=0, max_value=1e6)
SWAPPED = {
    Verdict.GREW: Verdict.SHRANK,
    Verdict.SHRANK: Verdict.GREW,
    Verdict.NEW: Verdict.RESOLVED,
    Verdict.RESOLVED: Verdict.NEW,
}


def test_the_table_names_the_run_behind_it() -> None:
    table = change_table()
    assert table.source == "benchmarks/follow_repeat.py"
    assert "lower bound" in table.phantom.status
    for rows in (table.phantom.matched, *table.phantom.different, table.reader.rows):
        assert all(row.n >= 1 and row.low <= row.measured <= row.high for row in rows)
        assert all(row.log_ratio >= row.measured - 1e-9 for row in rows)


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("given_by", ["patient", "phantom"])
def test_it_is_never_smaller_for_a_smaller_volume(matched: bool, given_by: str) -> None:
    volumes = [0.0, 1.0, 50.0, 200.0, 999.0, 1000.0, 2500.0, 9e3, 3e4, 2e5]
    found = [
        smallest_change(v, matched=matched, given_by=given_by).log_ratio  # type: ignore[arg-type]
        for v in volumes
    ]
    assert all(a >= b for a, b in itertools.pairwise(found))
    assert found[0] > found[-1]
    assert found[0] == found[1], "beyond the smallest class it stays the same"


@pytest.mark.parametrize("volume", [100.0, 1500.0, 6000.0, 50_000.0])
def test_another_protocol_is_never_more_exact(volume: float) -> None:
    same = smallest_change(volume, matched=True, given_by="phantom")
    other = smallest_change(volume, matched=False, given_by="phantom")
    assert other.log_ratio > same.log_ratio


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("volume", [30.0, 800.0, 5000.0, 80_000.0])
def test_on_patients_the_larger_figure_holds_and_is_named(volume: float, matched: bool) -> None:
    found = smallest_change(volume, matched=matched)
    assert found.log_ratio == max(found.phantom_log_ratio, found.reader_log_ratio)
    larger_is_reader = found.reader_log_ratio >= found.phantom_log_ratio
    assert found.basis is (SdcBasis.READER if larger_is_reader else SdcBasis.PHANTOM)
    assert f"x{math.exp(found.log_ratio):.2f}" in found.text
    assert "reader" in found.text
    assert "lower bound" in found.text
    alone = smallest_change(volume, matched=matched, given_by="phantom")
    assert alone.basis is SdcBasis.PHANTOM
    assert alone.log_ratio == found.phantom_log_ratio


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0, 0, Verdict.ABSENT),
        (99, 0, Verdict.ABSENT),
        (2000, 2000, Verdict.STABLE),
        (2000, 2990, Verdict.STABLE),
        (2000, 3010, Verdict.GREW),
        (3010, 2000, Verdict.SHRANK),
        (500, 1600, Verdict.GREW),
        (0, 5000, Verdict.NEW),
        (99, 1000, Verdict.NEW),
        (5000, 0, Verdict.RESOLVED),
        (0, 999, Verdict.UNCERTAIN),
        (999, 0, Verdict.UNCERTAIN),
        (150, 999, Verdict.UNCERTAIN),
        (500, 500, Verdict.UNCERTAIN),
    ],
)
def test_verdicts(before: float, after: float, said: Verdict) -> None:
    assert verdict(before, after, SDC, floor_mm3=FLOOR) is said


def test_what_hardly_exceeds_the_floor_is_not_new() -> None:
    assert verdict(0, 1200, SDC, floor_mm3=1000) is Verdict.UNCERTAIN
    assert verdict(1200, 0, SDC, floor_mm3=1000) is Verdict.UNCERTAIN


def test_the_least_volume_for_a_verdict_can_be_set() -> None:
    assert verdict(200, 800, SDC, floor_mm3=FLOOR, uncertain_below_mm3=500) is Verdict.GREW


@given(before=VOLUMES, after=VOLUMES, floor=st.floats(min_value=1, max_value=3000))
def test_swapping_the_visits_swaps_the_verdict(before: float, after: float, floor: float) -> None:
    there = verdict(before, after, SDC, floor_mm3=floor)
    back = verdict(after, before, SDC, floor_mm3=floor)
    assert back is SWAPPED.get(there, there)


@pytest.mark.parametrize("volume", [-1.0, math.nan, math.inf])
def test_no_volume_is_refused(volume: float) -> None:
    with pytest.raises(UsageError):
        verdict(volume, 1000, SDC, floor_mm3=FLOOR)
    with pytest.raises(UsageError):
        smallest_change(volume, matched=True)


@pytest.mark.parametrize("floor", [0.0, -5.0, math.nan])
def test_no_floor_is_refused(floor: float) -> None:
    with pytest.raises(UsageError):
        verdict(0, 1000, SDC, floor_mm3=floor)


@pytest.mark.parametrize(
    ("old", "new", "line_of"),
    [
        ("version: 1", "version: 2", "version:"),
        ("\n  thickness:", "\n  thicknes:", "phantom:"),
        ("commit:", "commit: [", None),
        (", n: ", ", n: -", "    - {at_mm3"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(
    tmp_path: Path, old: str, new: str, line_of: str | None
) -> None:
    text = _shipped()
    assert old in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(KnowledgeError) as caught:
        load_change_table(path)
    said = str(caught.value)
    assert "changed.yaml, line " in said
    if line_of is not None:
        lines = text.splitlines()
        wanted = next(n for n, line in enumerate(lines, 1) if line.startswith(line_of))
        assert f"line {wanted}" in said


@pytest.mark.parametrize(("key", "value"), [("log_ratio", "4.9"), ("at_mm3", "1")])
def test_a_table_that_rises_with_the_volume_is_refused(
    tmp_path: Path, key: str, value: str
) -> None:
    lines = _shipped().splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip() == "scanner:")
    head, tail = lines[start + 2].split(f"{key}: ", 1)
    lines[start + 2] = f"{head}{key}: {value}{tail[tail.index(',') :]}"
    path = tmp_path / "changed.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(KnowledgeError, match=f"line {start + 1}"):
        load_change_table(path)


def _shipped() -> str:
    folder = resources.files("marrowlight.course")
    return folder.joinpath("smallest_change.yaml").read_text(encoding="utf-8")
