"""The timeline: places on it, the band of noise, ribbons, and axes that suit the volumes."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.course.course import Amount, BoneCourse, SdcBasis, Step, Verdict, VisitUsed
from marrowlight.report.follow import NARROW, SMALL, WIDE, follow_html
from marrowlight.report.scale import LOG_FROM, volume_scale, week_scale
from marrowlight.report.timeline import SERIES, Chart, Ribbon, chart
from marrowlight.study.study import Joint, Side
from tests.report.follow_example import FOUR, followed
from tests.report.test_html import Page

SDC = math.log(2.0)


def course(*volumes: float | None) -> BoneCourse:
    """A femur at visits 5 weeks apart."""
    steps = tuple(
        Step(from_visit=n - 1, to_visit=n, weeks=5, log_ratio=0.0, sdc_log_ratio=SDC,
             sdc_basis=SdcBasis.READER, verdict=Verdict.STABLE, floor_mm3=10.0)
        for n in range(1, len(volumes))
    )  # fmt: skip
    return BoneCourse(
        bone="femur", side=Side.LEFT, volume_mm3=volumes,
        amounts=tuple(
            Amount(volume_mm3=v or 0, low_mm3=0.5 * (v or 0), high_mm3=2 * (v or 0),
                   measured=v is not None) for v in volumes
        ),
        log_ratio=0.0, sdc_log_ratio=SDC, sdc_basis=SdcBasis.READER, verdict=Verdict.STABLE,
        steps=steps, lesions=(),
    )  # fmt: skip


def visits(*weeks: float) -> tuple[VisitUsed, ...]:
    return tuple(
        VisitUsed(index=n, name=f"v{n}", weeks=w, weeks_source="given", joint=Joint.KNEE,
                  side=Side.LEFT, role=None, plane=None, spacing_mm=(1, 1, 3),
                  slice_thickness_mm=None, reading_id="0", from_reading=True)
        for n, w in enumerate(weeks)
    )  # fmt: skip


def drawn(*volumes: float | None, ribbons: tuple[Ribbon, ...] = ()) -> Chart:
    weeks = [5.0 * n for n in range(len(volumes))]
    one = chart(course(*volumes), visits(*weeks), title="Femur", width=700, height=300,
                ribbons=ribbons)  # fmt: skip
    assert one is not None
    return one


def falling(name: str = "bone bruise") -> Ribbon:
    weeks = tuple(float(w) for w in range(0, 41, 2))
    middle = tuple(2 ** (-w / 6) for w in weeks)
    low = (1.0, *(0.5 * m for m in middle[1:]))
    high = (1.0, *(2 * m for m in middle[1:]))
    return Ribbon(name, weeks, low, middle, high)


def test_weeks_are_to_scale_and_more_edema_stands_higher() -> None:
    one = drawn(3000, 2000, 2500)
    first, second, third = one.dots
    assert second.x - first.x == pytest.approx(third.x - second.x, abs=0.02)
    assert first.y < third.y < second.y
    assert [tick.text for tick in one.visits] == ["1", "2", "3"]
    assert re.sub(r"\s", " ", first.text) == "3.0 ml"


def test_visits_close_together_share_a_number() -> None:
    one = chart(course(*[3000.0] * 5), visits(0, 1, 20, 21, 60), title="Femur", width=340,
                height=240)  # fmt: skip
    assert one is not None
    assert [tick.text for tick in one.visits] == ["1, 2", "3, 4", "5"]
    assert len(one.lines) == 5
    close = chart(course(*[3000.0] * 5), visits(0, 1, 2, 3, 90), title="Femur", width=340,
                  height=240)  # fmt: skip
    assert close is not None
    assert [tick.text for tick in close.visits] == ["1–4", "5"]


def test_the_band_of_noise_lies_around_the_first_visit() -> None:
    one = drawn(3000, 2000)
    top, height = one.band
    zero = one.bottom
    per_mm3 = (zero - one.dots[0].y) / 3000
    assert zero - top == pytest.approx(6000 * per_mm3, abs=0.05)
    assert zero - (top + height) == pytest.approx(1500 * per_mm3, abs=0.05)


def test_a_logarithmic_axis_where_volumes_differ_much() -> None:
    assert not drawn(3000, 3000 / LOG_FROM * 1.1).logarithmic
    one = drawn(3000, 3000 / LOG_FROM * 0.9)
    assert one.logarithmic
    top, height = one.band
    assert one.dots[0].y - top == pytest.approx(height / 2, abs=0.05), "even above and below"
    levels = [t.at for t in one.volumes]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) >= 2


def test_nothing_has_a_place_of_its_own_on_a_logarithmic_axis() -> None:
    one = drawn(5000, 500, 0)
    assert one.logarithmic
    assert one.volumes[0].text == "none"
    assert one.dots[2].text == "none"
    assert not one.dots[2].found
    assert one.dots[2].y == one.volumes[0].at > one.dots[1].y


def test_a_visit_that_does_not_show_the_bone_is_a_gap() -> None:
    one = drawn(3000, None, 2000)
    assert len(one.dots) == 2
    assert one.line == ""
    assert one.gap.startswith("M")
    assert "week 5" not in one.says
    assert chart(course(None, None), visits(0, 5), title="x", width=700, height=300) is None


def test_ribbons_start_at_the_first_visit_and_end_at_the_axis() -> None:
    one = drawn(3000, 2000, ribbons=(falling(),))
    (ribbon,) = one.ribbons
    points = [tuple(map(float, p.split())) for p in re.findall(r"[\d.]+ [\d.]+", ribbon.middle)]
    assert points[0] == (one.dots[0].x, one.dots[0].y)
    assert points[-1][0] == pytest.approx(one.right, abs=0.02)
    assert one.right > one.dots[-1].x + 50, "what is expected next is seen"
    assert "bone bruise" in one.says


def test_no_more_ribbons_than_can_be_told_apart_and_none_to_nothing() -> None:
    many = tuple(falling(f"cause {n}") for n in range(5))
    assert len(drawn(3000, 2000, ribbons=many).ribbons) == SERIES
    assert drawn(0, 2000, ribbons=many).ribbons == ()


def test_ribbons_are_drawn_on_the_page_and_named() -> None:
    four = followed(FOUR)
    page = Page(follow_html(four, ribbons=(falling(), falling("osteoarthritis"))))
    shapes = [str(a.get("class")) for a in page.all("path")]
    # Once on the wide chart, once on the narrow one, once in the legend.
    assert shapes.count("ribbon r1") == shapes.count("ribbon r2") == 3
    assert "expected with bone bruise" in page.text
    assert "expected with osteoarthritis" in page.text
    assert "no forecast for one person" in page.text
    plain = Page(follow_html(four))
    assert not any("ribbon" in str(a.get("class")) for a in plain.all("path"))


def test_round_numbers_stand_on_the_axes() -> None:
    weeks = week_scale(26, (0, 500), 8)
    assert [text for _, text in weeks.ticks] == ["0", "4", "8", "12", "16", "20", "24"]
    years = week_scale(120, (0, 500), 8)
    assert [text for _, text in years.ticks] == ["0", "26", "52", "78", "104"]
    assert len(week_scale(1.0, (0, 500), 8).ticks) == 2
    scale = volume_scale([2500, 2000], [3100], 10, (200, 20), 5)
    assert [text for _, text in scale.ticks] == ["0", "1", "2", "3", "4"]


@settings(max_examples=120, deadline=None)
@given(
    volumes=st.lists(
        st.one_of(st.none(), st.just(0.0), st.floats(0.01, 300_000)), min_size=2, max_size=7
    ),
    gaps=st.lists(st.floats(0.1, 60), min_size=6, max_size=6),
    size=st.sampled_from([WIDE, NARROW, SMALL]),
    expected=st.booleans(),
)
def test_all_is_inside_the_drawing(
    volumes: list[float | None], gaps: list[float], size: tuple[int, int], expected: bool
) -> None:
    weeks = [sum(gaps[:n]) for n in range(len(volumes))]
    one = chart(course(*volumes), visits(*weeks), title="Femur", width=size[0], height=size[1],
                ribbons=(falling(),) if expected else ())  # fmt: skip
    if all(v is None for v in volumes):
        assert one is None
        return
    assert one is not None
    for dot in one.dots:
        assert one.left <= dot.x <= one.right + 0.01
        ends = (dot.y, *(dot.bar or ()))
        assert all(one.top - 0.01 <= y <= one.bottom + 0.01 for y in ends)
        if dot.text:
            assert 0 <= dot.text_x <= size[0] - 5 * len(dot.text)
    assert one.top - 0.01 <= one.band[0]
    assert one.band[1] >= 0
    assert len(one.volumes) >= 1
    assert one.visits[-1].text.endswith(str(len(volumes)))
    for a, b in pairwise(one.visits):
        assert b.at - a.at >= 3.5 * (len(a.text) + len(b.text)), "numbers run into each other"
    for ribbon in one.ribbons:
        numbers = [float(n) for n in re.findall(r"[-\d.]+", ribbon.area)]
        assert all(math.isfinite(n) for n in numbers)
        assert max(numbers[0::2]) <= one.right + 0.01
