"""Expected courses: sourced, consistent with their weeks, and shaped as their pattern says."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from marrowlight.causes.course_expected import (
    PATIENTS,
    expected_log_ratio,
    expected_ribbon,
    patients,
)
from marrowlight.causes.course_knowledge import TWENTIETH, WAYS, course_knowledge, load_courses
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.errors import KnowledgeError

CAUSES = tuple(knowledge().causes)
OA = "osteoarthritis_bml"
TRANSIENT = "transient_osteoporosis_bmes"


def text() -> str:
    file = resources.files("marrowlight.causes").joinpath("data/courses.yaml")
    return file.read_text(encoding="utf-8")


def loaded(tmp_path: Path, changed: str) -> None:
    path = tmp_path / "courses.yaml"
    path.write_text(changed, encoding="utf-8")
    load_courses(YamlFile(path), knowledge())


@pytest.mark.parametrize("cause", CAUSES)
def test_half_times_follow_from_the_weeks_to_clear(cause: str) -> None:
    about = course_knowledge().courses[cause]
    for k in range(3):
        weeks = about.peak.range[k] + about.plateau.range[k] + TWENTIETH * about.half.range[k]
        assert 0.75 < weeks / about.clears.range[k] < 1.35


def test_a_twentieth_takes_so_many_half_times() -> None:
    assert pytest.approx(math.log2(20), abs=1e-4) == TWENTIETH


def test_the_swing_of_osteoarthritis_gives_back_the_published_shares() -> None:
    """63.3% changed by more than half within 12 weeks, 40.8% beyond one reader's error at 6."""
    known, normal = course_knowledge(), np.random.default_rng(1).standard_normal(400_000)
    swing, memory = known.courses[OA].swing, known.model.memory.value
    assert swing is not None
    error = math.log(2.4) / 1.96

    def ratios(weeks: float) -> np.ndarray:
        sd = swing.range[1] * math.sqrt(1 - math.exp(-weeks / memory))
        return np.exp(normal * math.hypot(sd, error))

    changed = (ratios(12) < 0.5) | (ratios(12) > 1.5)
    beyond = np.abs(np.log(ratios(6))) > math.log(2.4)
    assert changed.mean() == pytest.approx(0.633, abs=0.02)
    assert beyond.mean() == pytest.approx(0.408, abs=0.03)


@pytest.mark.parametrize("cause", CAUSES)
def test_expected_changes_have_the_sign_of_the_pattern(cause: str) -> None:
    pattern = knowledge().causes[cause].course.pattern
    mean, sd = expected_log_ratio(cause, 0, 26)
    assert 0.2 < sd < 4
    if pattern in ("resolves", "migrates"):
        assert mean < -1
    elif pattern == "persists":
        assert abs(mean) < 0.2
    elif cause == "tumour_marrow_infiltration":
        assert mean > 0.3


def test_uncertainty_of_a_fluctuating_course_grows_and_levels_off() -> None:
    sds = [expected_log_ratio(OA, 0, weeks)[1] for weeks in (1, 6, 12, 26)]
    assert sds == sorted(sds)
    assert sds[1] / sds[3] > 0.75
    assert expected_log_ratio(OA, 0, 12)[0] == pytest.approx(0, abs=0.1)


def test_early_edema_may_still_grow_and_late_edema_falls() -> None:
    early = expected_log_ratio("bone_contusion", 0, 3, onset=0.3)[0]
    late = expected_log_ratio("bone_contusion", 0, 3, onset=16)[0]
    assert late < -0.3 < early


def test_no_time_no_change() -> None:
    for cause in CAUSES:
        assert expected_log_ratio(cause, 4, 4) == (0.0, 0.0)


def test_ribbon_starts_at_the_amount_and_stays_in_order() -> None:
    weeks = np.array([0.0, 4.0, 12.0, 26.0, 52.0])
    for cause in CAUSES:
        low, middle, high = expected_ribbon(cause, weeks, 8.0)
        assert low.shape == weeks.shape
        assert (low[0], middle[0], high[0]) == pytest.approx((8, 8, 8))
        assert np.all(low <= middle)
        assert np.all(middle <= high)
    _, middle, high = expected_ribbon(TRANSIENT, weeks, 8.0)
    assert middle[3] < 1 < middle[1]
    assert expected_ribbon(OA, weeks, 8.0)[1][3] == pytest.approx(8, rel=0.1)


def test_patients_are_always_the_same_and_those_cleared_before_do_not_count() -> None:
    again = patients(TRANSIENT)
    assert np.array_equal(again.half, patients(TRANSIENT).half)
    assert again.weight.sum() == pytest.approx(1)
    late = patients("scurvy_nutritional", onset=30)
    seen = late.fading(0.0)
    assert late.weight[seen < np.quantile(seen, 0.2)].sum() < 0.2
    assert late.weight.max() > 1 / PATIENTS


def test_shares_of_ways_lie_in_order_and_whole() -> None:
    for about in course_knowledge().courses.values():
        assert sum(about.ways[w].p[1] for w in WAYS) == pytest.approx(1, abs=0.011)


def test_a_source_that_is_not_known_is_named_by_line(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nobody2020") as error:
        loaded(tmp_path, text().replace("source: [bbrct2005]", "source: [nobody2020]", 1))
    assert "courses.yaml, line" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pattern: resolves", "pattern: persists", "pattern"),
        ("- cause: crps", "- cause: crpz", "no known cause"),
        ("- cause: crps", "- cause: gout_crystal", "there twice"),
        ("fades: {p: [0.85, 0.93, 0.97]", "fades: {p: [0.35, 0.43, 0.97]", "add up"),
        ("seen: {range: [0.3, 2, 9]", "seen: {range: [3, 2, 9]", "out of order"),
        ("half: {range: [1.2, 3.7, 10.6]", "half: {range: [0, 3.7, 10.6]", "greater than 0"),
        ("than: transient_osteoporosis_bmes", "than: transient", "no known cause"),
    ],
)
def test_a_broken_course_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in text()
    with pytest.raises(KnowledgeError, match=told):
        loaded(tmp_path, text().replace(old, new, 1))
