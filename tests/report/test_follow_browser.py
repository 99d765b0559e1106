"""The page of a comparison in a real browser: Chromium, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marrowlight.report.follow import follow_html
from marrowlight.report.viewer import viewer_script
from tests.report.follow_example import FOUR, LEFT_OUT, followed
from tests.report.test_browser import ARGUMENTS, CHROMIUM, CONTRAST, SLOW_MS, pixels, ratio
from tests.report.test_follow_timeline import falling

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four visits, one with a long name that has no place to break."""
    plans = (FOUR[0], replace(FOUR[1], name="visit" * 30), *FOUR[2:])
    path = tmp_path_factory.mktemp("course") / "report.html"
    one = followed(plans, left_out=LEFT_OUT)
    path.write_text(follow_html(one, ribbons=(falling(), falling("arthritis"))), "utf-8")
    return path


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_it_needs_no_javascript_and_never_scrolls_sideways(
    browser: Any, report: Path, width: int
) -> None:
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("html").evaluate("one => one.scrollWidth") <= width
    pictures = page.locator("svg.slice")
    assert pictures.count() >= 10
    for i in range(pictures.count()):
        box = pictures.nth(i).bounding_box()
        assert box["width"] > 120
        assert box["x"] + box["width"] <= width
    shown = [one for one in page.locator("svg.chart").all() if one.is_visible()]
    assert len(shown) == 3, "one of the two main charts, and two bones"
    for one in shown:
        assert one.bounding_box()["width"] <= width
    assert not page.locator("#view").is_visible()
    context.close()


def test_letters_of_charts_are_as_large_as_text(browser: Any, report: Path) -> None:
    for width in (360, 1200):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(report.as_uri())
        heights = page.evaluate(
            "[...document.querySelectorAll('svg.chart .number')]"
            ".map(one => one.getBoundingClientRect().height).filter(h => h > 0)"
        )
        assert min(heights) > 11
        assert max(heights) < 26
        page.close()


def test_no_table_is_cut_at_1200_pixels(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll')]"
        ".filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
    )
    assert cut == []
    page.close()


def test_its_colors_have_contrast(browser: Any, report: Path) -> None:
    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        page.goto(report.as_uri())
        for selector in (".lead", ".v-resolved .verdict", ".v-new .verdict", "td .verdict",
                         ".chip .small", ".chart-title", "figcaption"):  # fmt: skip
            front, back = page.evaluate(CONTRAST, selector)
            assert ratio(front, back) >= 4.5, (scheme, selector, front, back)
        page.context.close()


def test_gained_lost_and_kept_differ_in_lightness_too(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    colors = [
        [float(n) for n in page.evaluate(f"getComputedStyle(document.querySelector('.swatch.{name}')).backgroundColor.match(/[0-9.]+/g).slice(0, 3)")]  # noqa: E501
        for name in ("gained", "lost", "kept")
    ]  # fmt: skip
    for n, one in enumerate(colors):
        for other in colors[n + 1 :]:
            assert ratio(one, other) > 1.4
    page.close()


@pytest.mark.skipif(viewer_script() is None, reason="built without the viewer")
def test_both_visits_move_together(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda r: requests.append(r.url))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto(report.as_uri())
    page.locator("#viewer").scroll_into_view_if_needed()
    first, last = page.locator("#canvas-0"), page.locator("#canvas-1")
    page.locator("#canvas-1[data-ready=yes]").wait_for(timeout=SLOW_MS)
    start = places(first)
    np.testing.assert_allclose(places(last), start, atol=0.1)
    assert pixels(first.screenshot(timeout=SLOW_MS)).std() > 10, "the canvas is blank"
    assert pixels(last.screenshot(timeout=SLOW_MS)).std() > 10, "the canvas is blank"
    for chosen, other in ((last, first), (first, last)):
        box = chosen.bounding_box()
        page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"])
        page.mouse.wheel(0, 120)
        page.wait_for_function(
            "before => document.getElementById('canvas-0').dataset.at !== before",
            arg=" ".join(f"{v:.1f}" for v in start), timeout=SLOW_MS,
        )  # fmt: skip
        np.testing.assert_allclose(places(other), places(chosen), atol=0.1)
        start = places(first)
    assert not complaints
    assert {url.partition(":")[0] for url in requests} <= {"file", "data", "blob"}
    page.close()


def places(canvas: Any) -> list[float]:
    """Where the crosshair is, RAS mm."""
    return [float(v) for v in canvas.get_attribute("data-at").split()]
