"""The two 95 % intervals: what they promise whatever the constants are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.edema import intervals as module
from marrowlight.edema.intervals import Origin, Scatter, both_intervals, interval, scatters
from marrowlight.edema.measurement import IntervalKind
from marrowlight.errors import KnowledgeError

LIMIT = 10.0
volumes = st.floats(0.1, 1e6)
kinds, origins = st.sampled_from(IntervalKind), st.sampled_from(Origin)


@given(volumes, kinds, origins)
@settings(deadline=None)
def test_an_interval_contains_its_volume_and_is_zero_only_below_nothing(
    volume: float, kind: IntervalKind, origin: Origin
) -> None:
    one = interval(kind, volume, origin=origin, smallest_counted_mm3=LIMIT)
    assert one.kind is kind
    assert 0 < one.low_mm3 < volume < one.high_mm3
    assert one.level == 0.95


@given(volumes, st.floats(1.001, 100), kinds, origins)
@settings(deadline=None)
def test_more_edema_never_gives_a_lower_end(
    volume: float, times: float, kind: IntervalKind, origin: Origin
) -> None:
    less = interval(kind, volume, origin=origin, smallest_counted_mm3=LIMIT)
    more = interval(kind, volume * times, origin=origin, smallest_counted_mm3=LIMIT)
    assert more.low_mm3 > less.low_mm3
    assert more.high_mm3 >= less.high_mm3
    assert more.high_mm3 / more.low_mm3 <= less.high_mm3 / less.low_mm3 * (1 + 1e-9)


@given(kinds, origins)
@settings(deadline=None)
def test_nothing_found_reaches_up_to_what_could_have_been_missed(
    kind: IntervalKind, origin: Origin
) -> None:
    nothing = interval(kind, 0.0, origin=origin, smallest_counted_mm3=LIMIT)
    least = interval(kind, LIMIT, origin=origin, smallest_counted_mm3=LIMIT)
    assert nothing.low_mm3 == 0
    assert nothing.high_mm3 == least.high_mm3 >= LIMIT


def test_a_drawn_mask_has_the_measured_scatter_of_readers() -> None:
    # At 3 ml two readers of the sacroiliac set differ by a factor of about 3 at the 95 % level.
    one = interval(
        IntervalKind.READER_AGREEMENT, 3000, origin=Origin.DRAWN, smallest_counted_mm3=10
    )
    assert one.high_mm3 / 3000 == pytest.approx(3.0, rel=0.1)
    assert one.low_mm3 / 3000 == pytest.approx(1 / 3.0, rel=0.1)


FOUND_AND_READ_MM3 = {"1003": (583, 531), "1012": (3038, 3205), "1013": (132688, 128156),
                      "1016": (10604, 15369)}  # fmt: skip
"""Volume found with the subject left out, and the mean of its four readings: of
benchmarks/results/reader_agreement.md."""


def test_the_interval_of_a_found_mask_covers_the_readers_and_is_no_wider_than_they_are() -> None:
    factors = []
    for found, read in FOUND_AND_READ_MM3.values():
        one = interval(
            IntervalKind.READER_AGREEMENT, found, origin=Origin.FOUND, smallest_counted_mm3=43
        )
        assert one.low_mm3 <= read <= one.high_mm3
        factors.append(one.high_mm3 / found)
    assert sorted(factors)[1] * sorted(factors)[2] <= 2.5**2


@given(st.floats(50, 1e6))
@settings(deadline=None)
def test_the_same_reader_again_agrees_better_than_another_reader(volume: float) -> None:
    table = scatters()
    same = table[IntervalKind.REPEATABILITY][Origin.DRAWN].sd(volume)
    other = table[IntervalKind.READER_AGREEMENT][Origin.DRAWN].sd(volume)
    assert same < other


def test_both_kinds_are_always_there_and_named() -> None:
    got = both_intervals(100.0, origin=Origin.FOUND, smallest_counted_mm3=LIMIT)
    assert [i.kind.value for i in got] == ["reader_agreement", "repeatability"]
    assert all(i.basis for i in got)


def test_the_scatter_halves_at_its_knee() -> None:
    one = Scatter(small=1.0, knee_mm3=100, status="estimate", basis="b" * 20, source="s" * 10)
    assert one.sd(0) == 1.0
    assert one.sd(100) == pytest.approx(0.5)
    assert one.sd(1e12) < 1e-3


def test_every_constant_names_its_source_and_whether_it_was_measured() -> None:
    for kind in IntervalKind:
        for origin in Origin:
            one = scatters()[kind][origin]
            assert "benchmarks." in one.source
            assert math.isfinite(one.small)
            if one.status == "measured":
                assert "20" in one.source  # a date


def test_a_broken_data_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    monkeypatch.setattr(yaml, "safe_load", lambda _: {"reader_agreement": {"found": {}}})
    with pytest.raises(KnowledgeError, match=r"intervals\.yaml"):
        module.scatters.__wrapped__()
