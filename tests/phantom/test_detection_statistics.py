"""Statistics of the detection benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.detection_statistics import fit_curve, limits, wilson


def test_wilson_is_the_published_interval() -> None:
    # Newcombe 1998, Stat Med 17:857, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_the_curve_finds_the_volume_that_made_the_data() -> None:
    rng = np.random.default_rng(1)
    volume = rng.choice([20.0, 50, 100, 200, 500, 1000], 6000)
    p = 1 / (1 + np.exp(-(-8 + 4 * np.log10(volume))))
    curve = fit_curve(volume, rng.random(6000) < p)
    true = 10 ** ((np.log(19) + 8) / 4)
    found = curve.volume_at(0.95)
    assert found is not None
    assert found[1] < true < found[2]
    assert found[2] / found[1] < 1.6


def test_the_curve_lies_between_sizes_never_and_always_found() -> None:
    volume = np.repeat([20.0, 50, 100, 200, 500, 1000], 10)
    curve = fit_curve(volume, volume > 150)
    assert curve.at(np.array([100.0]))[0] < 0.2
    assert curve.at(np.array([200.0]))[0] > 0.8
    found = curve.volume_at(0.95)
    assert found is not None
    assert 150 < found[0] < 350


def test_a_volume_is_named_only_where_detection_grows_with_size() -> None:
    volume = np.array([20.0, 50, 100, 200] * 5)
    assert fit_curve(volume, np.zeros(20, bool)).volume_at(0.95) is None


def test_limits_of_agreement_are_ratios() -> None:
    mean, low, high = limits(np.exp(np.array([0.1, -0.1, 0.3, -0.3])))
    assert mean == pytest.approx(1.0)
    assert low * high == pytest.approx(1.0)
