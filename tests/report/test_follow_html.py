"""The page of a comparison: the sentence first, verdicts in words, nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from marrowlight.course.course import LeftOutVisit, Limit, Verdict
from marrowlight.course.course_result import CourseResult
from marrowlight.report import follow_viewer
from marrowlight.report.follow import follow_html
from marrowlight.report.follow_page import follow_page, noise_words, ratio_words
from marrowlight.report.follow_words import FATES, MARKS, MEANINGS, WORDS
from marrowlight.report.page import as_sentence
from tests.report.follow_example import FOUR, LEFT_OUT, Plan, followed
from tests.report.test_html import EVIL, Page


@pytest.fixture(scope="module")
def two() -> CourseResult:
    return followed()


@pytest.fixture(scope="module")
def source(two: CourseResult) -> str:
    return follow_html(two)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


@pytest.fixture(scope="module")
def four() -> CourseResult:
    return followed(FOUR, left_out=LEFT_OUT)


@pytest.fixture(scope="module")
def long(four: CourseResult) -> Page:
    return Page(follow_html(four))


def test_the_sentence_comes_first(two: CourseResult, page: Page, source: str) -> None:
    title = "Left knee: 2 visits over 14 weeks"
    main = page.text[page.text.index("Method", page.text.index("Timeline")) + len("Method") :]
    assert main.strip().startswith(f"{title} {two.course.summary}")
    assert source.index(two.course.summary[:30]) < source.index('class="chip ')
    assert source.index('class="chip ') < source.index("<svg")


def test_every_verdict_is_a_word_and_a_sign(two: CourseResult, page: Page) -> None:
    assert {b.bone: b.verdict for b in two.course.bones}["femur"] is Verdict.SHRANK
    assert re.search(r"Femur ▼ shrank 4\.0\sml to 0\.68\sml, ×\s0\.17", page.text)
    assert re.search(r"Tibia ▲ grew 0\.28\sml to 2\.1\sml, ×\s7\.6", page.text)


def test_all_verdicts_and_fates_have_words() -> None:
    for verdict in Verdict:
        assert WORDS[verdict]
        assert MARKS[verdict]
        assert MEANINGS[verdict]
    assert len(set(WORDS.values())) == len(set(MARKS.values())) == len(Verdict)
    assert sum(not words for words in FATES.values()) == 1, "only a kept lesion says nothing"


def test_a_ratio_to_nothing_is_not_given(four: CourseResult, long: Page) -> None:
    verdicts = {b.bone: b.verdict for b in four.course.bones}
    assert verdicts["femur"] is Verdict.RESOLVED
    assert verdicts["tibia"] is Verdict.NEW
    shown = follow_page(four.course, [{}] * 4)
    assert {line.ratio for line in shown.bones} == {"–"}
    assert "resolved 4.0" in re.sub(r"\s", " ", long.text)


def test_noise_is_a_range_of_ratios_with_its_basis_in_words(page: Page) -> None:
    assert re.search(r"×\s0\.45 to ×\s2\.2", page.text)
    assert "one human reader who read the same scans twice" in page.text
    assert ratio_words(None) == "–"
    assert re.sub(r"\s", " ", noise_words(0.8)) == "× 0.45 to × 2.2"


def test_what_was_not_compared_says_why(four: CourseResult, long: Page) -> None:
    assert "visit-b. It has no fluid-sensitive series." in long.text
    assert "Not compared: patella." in long.text
    assert "no. Too little of it is seen at both visits." in long.text
    for limit in four.course.limits:
        assert as_sentence(limit.text) in long.text
    assert re.search(r"4 limits, 1 visit not compared to read", long.text)


def test_registration_figures_are_folded(source: str) -> None:
    start = source.index("How well the bones lie on each other")
    folded = source[source.rindex("<details", 0, start) : source.index("</details>", start)]
    assert "<details>" in folded
    assert "0.31" in folded
    assert "<details open" not in source


def test_a_track_keeps_its_number_and_tells_its_fate(four: CourseResult) -> None:
    shown = follow_page(four.course, [{}] * 4)
    femur, tibia = shown.tracks
    assert [c.interval for c in femur.cells] == ["", "", "", "gone"]
    assert [c.interval for c in tibia.cells][2:] == ["new", ""]
    assert (femur.verdict, tibia.verdict) == ("resolved", "new")
    assert femur.place.endswith("(mm)"), "no zone is known, so the place is in millimetres"


def test_the_zone_of_a_lesion_is_its_place(two: CourseResult) -> None:
    class Zone:
        name, share_of_lesion = "Femur, medial trochlea", 0.8

    class Named:
        zones = (Zone,)

    first = two.course.bones[0].lesions[0].at[0].lesion_id
    shown = follow_page(two.course, [{first: Named}, {}])  # type: ignore[dict-item]
    assert shown.tracks[0].place == "Femur, medial trochlea"


def test_steps_are_listed_only_where_there_are_several(page: Page, long: Page) -> None:
    assert "From each visit to the next" not in page.text
    assert "From each visit to the next" in long.text
    assert "1 to 2, 4 weeks" in long.text
    assert "2 to 3, 4.3 weeks" in long.text


def test_the_disclaimer_stands_once(two: CourseResult, page: Page) -> None:
    assert page.text.count(two.course.disclaimer) == 1


def test_pictures_need_no_script(monkeypatch: pytest.MonkeyPatch, two: CourseResult) -> None:
    monkeypatch.setattr(follow_viewer, "viewer_script", lambda: None)
    bare = Page(follow_html(two))
    assert not bare.all("script")
    assert "Interactive view" not in bare.text
    pictures = [a for a in bare.all("svg") if a.get("class") == "slice"]
    assert len(pictures) % 3 == 0, "two visits and their difference on every slice"
    assert len(pictures) >= 6
    for image in bare.all("image"):
        assert str(image["href"]).startswith("data:image/png;base64,")
    charts = [a for a in bare.all("svg") if str(a.get("class", "")).startswith("chart")]
    assert len(charts) == 4, "all bones wide and narrow, femur, tibia"


def test_nothing_comes_from_outside(page: Page) -> None:
    for name, attrs in page.elements:
        assert "style" not in attrs, "the policy forbids it"
        assert not attrs.get("src")
        if attrs.get("href"):
            assert re.match(r"#|data:image/png", str(attrs["href"])), (name, attrs["href"])
        assert not any(key.startswith("on") for key in attrs)
    policy = next(str(m["content"]) for m in page.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect" not in policy


def test_every_picture_says_what_it_shows(page: Page, long: Page) -> None:
    for one in (page, long):
        for svg in one.all("svg"):
            assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])
        labels = [str(svg["aria-label"]) for svg in one.all("svg") if svg.get("role") == "img"]
        assert any(label.startswith("Visit 1, Femur: edema outlined") for label in labels)
        assert any("gained" in label for label in labels)
        assert any("volume over weeks: week 0:" in label for label in labels)


def test_ids_are_unique_and_headings_in_order(long: Page) -> None:
    ids = [attrs["id"] for _, attrs in long.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in long.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_outside_text_cannot_act(page: Page) -> None:
    evil = followed([Plan(0, 9.0, name=EVIL), Plan(14, 5.0, name="</title><script>")],
                    left_out=(LeftOutVisit(name=EVIL, reason=EVIL),),
                    limits=(Limit(code="x", text=EVIL),))  # fmt: skip
    course = evil.course.model_copy(update={"summary": EVIL})
    text = follow_html(replace(evil, course=course))
    bad = Page(text)
    assert not bad.all("img")
    assert len(bad.all("script")) == len(page.all("script"))
    assert not any(name.startswith("on") for _, attrs in bad.elements for name in attrs)
    assert "\u202e" not in text
    assert "<script>alert" not in text


def test_visits_without_edema_make_a_page() -> None:
    nothing = Page(follow_html(followed([Plan(0, 0.0), Plan(6, 0.0, moved=True)])))
    assert "No edema at any visit: femur and tibia." in nothing.text
    assert "No edema on this slice" in nothing.text


def test_bones_that_cannot_be_compared_make_a_page(two: CourseResult) -> None:
    def refused(one: Any) -> Any:
        return one.model_copy(
            update={"volume_mm3": (None, None), "steps": (), "log_ratio": None, "lesions": ()}
        )

    course = two.course.model_copy(
        update={"bones": tuple(map(refused, two.course.bones)), "total": refused(two.course.total)}
    )
    text = Page(follow_html(replace(two, course=course, matrices={}))).text
    assert "No bone could be compared" in text
    assert "The same slice" not in text
