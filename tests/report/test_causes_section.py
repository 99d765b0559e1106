"""The causes section of the report: what must not be missed first, and nothing unescaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from marrowlight.causes.case import Case
from marrowlight.explained import Explained, explain_reading
from marrowlight.report.causes import causes_view, share
from marrowlight.report.files import write_reading
from marrowlight.report.html import report_html
from marrowlight.result import ReadResult
from marrowlight.study.study import Joint, Side
from tests.report.example import bone as made_bone
from tests.report.example import edema, reading, region, result
from tests.report.test_browser import ARGUMENTS, CHROMIUM, CONTRAST, ratio
from tests.report.test_html import EVIL, Page

CASE = Case(
    joint=Joint.KNEE, side=Side.LEFT, age=58, sex="female",
    present=frozenset({"corticosteroid_use", "fever", "pain_weight_bearing"}),
    absent=frozenset({"acute_trauma"}),
)  # fmt: skip


def explained(case: Case = CASE) -> ReadResult:
    one = result()
    return replace(one, explained=explain_reading(case, one.reading))


@pytest.fixture(scope="module")
def read() -> ReadResult:
    return explained()


@pytest.fixture(scope="module")
def source(read: ReadResult) -> str:
    return report_html(read)


@pytest.fixture(scope="module")
def section(source: str) -> str:
    start = source.index('<section id="causes"')
    return source[start : source.index("</section>", start)]


@pytest.fixture(scope="module")
def text(section: str) -> str:
    return Page(section).text


def told(read: ReadResult) -> Explained:
    assert read.explained is not None
    return read.explained


def test_without_a_case_there_is_no_section() -> None:
    assert 'id="causes"' not in report_html(result())


def test_flags_stand_before_the_ranking(read: ReadResult, text: str) -> None:
    flags = told(read).explanation.flags
    assert flags
    first = text.index(told(read).explanation.ranking[0].name + " ")
    for flag in flags:
        assert flag.what in text
        assert flag.rule_out.rstrip(".") in text
    assert text.index("Not to be missed") < text.index(flags[0].what) < first


def test_at_most_five_causes_are_shown_and_the_rest_is_folded(
    read: ReadResult, section: str
) -> None:
    ranking = told(read).explanation.ranking
    rest = section.index('<details class="rest">')
    assert section[:rest].count('<details class="cause">') == 5
    for one in ranking[:5]:
        assert section.index(one.name) < rest
    assert section[rest:].count('<div class="cause">') == len(ranking) - 5


def test_every_cause_of_the_first_view_has_its_range_and_reasons(read: ReadResult) -> None:
    view = causes_view(told(read))
    for shown, one in zip(view.first, told(read).explanation.ranking, strict=False):
        assert shown.share == share(one.probability)
        assert shown.low <= shown.middle <= shown.low + shown.span + 0.02
        assert shown.speaks_for or shown.against
        assert shown.missing
        assert all(0 <= sign.width <= 100 for sign in (*shown.speaks_for, *shown.against))


def test_next_test_course_and_care_are_there(read: ReadResult, text: str) -> None:
    explanation = told(read).explanation
    assert explanation.next_test is not None
    assert explanation.expected_course is not None
    assert explanation.next_test.name in text
    assert explanation.expected_course.text[:40] in text
    for step in explanation.care_first:
        assert step in text
    for option in explanation.care:
        assert option.name in text
    held = text.index("Held back")
    for option in explanation.care:
        if option.held_back and not option.avoid:
            assert text.index(option.name, held) > held


def test_what_waits_is_not_offered(read: ReadResult) -> None:
    view = causes_view(told(read))
    assert view.care is not None
    assert view.care.held
    offered = {row.name for row in (*view.care.options, *view.care.more)}
    assert not offered & {row.name for row in (*view.care.held, *view.care.avoid)}


def test_every_reference_in_the_text_is_listed(read: ReadResult, text: str) -> None:
    listed = len(causes_view(told(read)).sources)
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(",")}
    assert cited
    assert cited == set(range(1, listed + 1))


def test_osteonecrosis_is_held_against_transient_edema() -> None:
    one = result().reading
    hip = one.regions[0].model_copy(update={"joint": Joint.HIP})
    case = Case(joint=Joint.HIP, age=44, sex="male", present=frozenset({"corticosteroid_use"}))
    view = causes_view(explain_reading(case, one.model_copy(update={"regions": (hip,)})))
    assert view.necrosis is not None
    assert view.necrosis.rows[0].cells[2] == "present", "what is known stands first"


def test_what_the_image_added_is_said(read: ReadResult, text: str) -> None:
    assert "bme_present" in told(read).filled
    assert "What the software saw" in text
    assert f"the image adds {len(told(read).filled)}" in text
    rows = {row.name: row for row in causes_view(told(read)).seen}
    assert rows["Joint effusion"].state == "unknown"


def test_the_case_is_kept_where_the_image_disagrees() -> None:
    one = told(explained(replace(CASE, absent=frozenset({"bme_present"}))))
    assert "bme_present" in one.explanation.case.absent
    assert any("The case is kept" in line for line in causes_view(one).notices)


def test_a_joint_without_priors_says_so() -> None:
    sacrum = region(made_bone("sacrum", 6, edema(800), Side.MIDLINE), joint=Joint.SACROILIAC,
                    side=Side.MIDLINE)  # fmt: skip
    one = explain_reading(Case(joint=Joint.SACROILIAC), reading(sacrum))
    view = causes_view(one)
    assert not view.first
    assert any("sacroiliac" in line for line in view.notices)
    assert "No causes are ranked" in report_html(replace(result(), explained=one))


def test_outside_text_cannot_act(read: ReadResult) -> None:
    explanation = told(read).explanation
    bad_flag = explanation.flags[0].model_copy(update={"what": EVIL, "why": (EVIL,)})
    first = explanation.ranking[0]
    sign = (*first.for_, *first.against)[0].model_copy(update={"name": EVIL, "state": EVIL})
    evil = explanation.model_copy(
        update={
            "flags": (bad_flag,),
            "ranking": (
                first.model_copy(update={"name": EVIL, "for_": (sign,)}),
                *explanation.ranking[1:],
            ),
            "care_first": (EVIL,),
        }
    )
    page = Page(report_html(replace(read, explained=replace(told(read), explanation=evil))))
    honest = Page(report_html(read))
    assert not page.all("img")
    assert len(page.all("script")) == len(honest.all("script"))
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_it_needs_no_style_of_its_own_and_nothing_from_outside(section: str) -> None:
    page = Page(section)
    for _, attrs in page.elements:
        assert "style" not in attrs, "the policy forbids it"
        assert not attrs.get("src")
        assert not attrs.get("href")


def test_headings_come_in_order(source: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(source).elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_explanation_is_written_beside_the_reading(read: ReadResult, tmp_path: Path) -> None:
    write_reading(tmp_path / "out", read, source={}, run={})
    found: dict[str, Any] = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert found["schema"] == "marrowlight.explanation/1"
    assert found["ranking"][0]["for"] is not None
    assert found["flags"][0]["cause"]
    write_reading(tmp_path / "out", result(), source={}, run={}, overwrite=True)
    assert not (tmp_path / "out" / "explanation.json").exists(), "an old one does not stay"


def test_shares_are_never_shown_as_certain() -> None:
    assert share(0.004).startswith("under 1")
    assert share(0.999).startswith("over 99")
    assert share(0.414).startswith("41")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(source: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("causes") / "report.html"
    path.write_text(source, encoding="utf-8")
    return path.as_uri()


def test_it_fits_screens_and_needs_no_javascript(browser: Any, address: str) -> None:
    for width in (1200, 360):
        context = browser.new_context(
            java_script_enabled=False, viewport={"width": width, "height": 900}
        )
        page = context.new_page()
        page.goto(address)
        page.locator("details.cause summary").first.click()
        assert page.locator("details.cause .reasons").first.is_visible()
        assert not page.locator("details.cause .reasons").nth(1).is_visible()
        assert page.locator("#causes").bounding_box()["width"] <= width
        context.close()


def wide(one: ReadResult) -> ReadResult:
    """The same with lesions whose every cell is filled."""
    full = {"distance_to_surface_mm": 10.4, "subchondral_share": 0.94, "cyst_share": 0.021,
            "volume_mm3": 123_456.0, "centroid_ras_mm": (-101.0, -102.0, -103.0)}  # fmt: skip
    (one_region,) = one.reading.regions
    lesions = tuple(x.model_copy(update=full) for x in one_region.edema.lesions)
    found = one_region.edema.model_copy(update={"lesions": lesions})
    regions = (one_region.model_copy(update={"edema": found}),)
    return replace(one, reading=one.reading.model_copy(update={"regions": regions}))


def test_no_table_is_cut_at_1200_pixels(browser: Any, read: ReadResult, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    path = tmp_path / "wide.html"
    path.write_text(report_html(wide(read)), encoding="utf-8")
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll')]"
        ".filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
    )
    assert cut == []
    page.close()


def test_its_colors_have_contrast(browser: Any, address: str) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for selector in (".flags h3", ".urgency", ".flags p", ".cause-share .small",
                         ".evidence h4", ".words .small", ".held li"):  # fmt: skip
            front, back = page.evaluate(CONTRAST, selector)
            assert ratio(front, back) >= 4.5, (scheme, selector, front, back)
        context.close()
