"""Numbers carry the digits that they deserve, and what was not measured is a dash."""

import pytest

from marrowlight.edema.measurement import IntervalKind
from marrowlight.report.amount import ml, mm3, percent, range_ml
from tests.report.example import edema


def plain(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (0, "0 ml"),
        (0.2, "under 0.001 ml"),
        (12, "0.012 ml"),
        (540, "0.54 ml"),
        (5203, "5.2 ml"),
        (9960, "10 ml"),
        (138_400, "138 ml"),
        (1_384_000, "1 384 ml"),
    ],
)
def test_a_volume_in_ml_has_two_digits_or_whole_numbers(volume: float, text: str) -> None:
    assert plain(ml(volume)) == text


def test_mm3_are_whole_with_thousands_apart() -> None:
    assert plain(mm3(15790.6)) == "15 791 mm³"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0, "0 %"),
        (0.0004, "under 0.1 %"),
        (0.06, "6 %"),
        (0.062, "6.2 %"),
        (0.4, "40 %"),
    ],
)
def test_a_share_is_shown_as_per_cent(share: float | None, text: str) -> None:
    assert plain(percent(share)) == text


def test_an_interval_that_was_not_measured_is_a_dash() -> None:
    found = edema(5000)
    assert plain(range_ml(found, IntervalKind.READER_AGREEMENT)) == "2.5 to 10 ml"
    none = found.model_copy(update={"intervals": ()})
    assert range_ml(none, IntervalKind.READER_AGREEMENT) == "–"
