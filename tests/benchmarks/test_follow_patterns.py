"""The recognition of patterns, on few people, without images."""

import pytest

from benchmarks.follow_patterns import (
    PATTERNS,
    WEEKS,
    causes_of,
    recognised,
    report,
    speaks_for,
    with_noise,
)
from marrowlight.phantom.visits import phantom_visits


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_recognised_from_a_year_of_visits(pattern):
    causes = causes_of(pattern)
    right = 0
    for seed in range(8):
        visits = phantom_visits(causes[seed % len(causes)], WEEKS["year"], seed=seed)
        right += recognised(with_noise(visits, seed)) == pattern
    assert right >= 6


def test_another_course_is_not_taken_for_it():
    visits = phantom_visits("bone_contusion", WEEKS["usual"], seed=1)
    assert recognised(with_noise(visits[::-1][:1] + visits[1:1], 1)) == "cannot be told"
    assert recognised(with_noise(visits, 1)) == "resolves"


def test_a_migrating_course_speaks_for_migrating_disease():
    cause = "regional_migratory_osteoporosis"
    course = with_noise(phantom_visits(cause, WEEKS["usual"], seed=2), 2)
    assert speaks_for(course, cause) > 2
    assert speaks_for(course, "infection_osteomyelitis_septic_arthritis") < 0


def test_the_report_has_a_row_for_each_line():
    row = {
        "pattern": "resolves", "weeks": [0, 4], "from": "volumes with noise", "right": 9,
        "seeds": 10, "share": 0.9, "interval": [0.6, 0.98], "for_its_cause": 1.0, "bits": 1.5,
        "said": {"resolves": 9, "migrates": 1},
    }  # fmt: skip
    text = report({"commit": "abc", "date": "2026-01-01", "table": [row]})
    assert "| resolves | 0, 4 |" in text
    assert "migrates 1" in text
