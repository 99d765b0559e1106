"""The page in a real browser: Chromium, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marrowlight.report.html import report_html
from marrowlight.report.pictures import marks_of
from marrowlight.report.viewer import viewer_script
from tests.report.example import result

CHROMIUM = next(
    (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
)
ARGUMENTS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-quic", "--no-first-run",
]  # fmt: skip
SLOW_MS = 120_000
"""A software renderer on a busy machine."""

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
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_html(result()), encoding="utf-8")
    return path


def test_it_reads_without_javascript(browser: Any, report: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "Left knee"
    assert page.get_by_role("table").count() >= 4
    assert page.locator("noscript p").bounding_box()
    assert page.get_by_role("button").count() == 0
    assert not page.locator("#view").is_visible()
    pictures = page.locator("svg.slice")
    assert pictures.count() >= 3
    for i in range(pictures.count()):
        box = pictures.nth(i).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
    page.context.close()


def test_it_fits_a_narrow_screen(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_its_colours_have_contrast(browser: Any, report: Path) -> None:
    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        page.goto(report.as_uri())
        for selector in (
            ".lead",
            ".disclaimer",
            "thead th",
            "figcaption",
            "nav a",
            ".note",
            ".small",
        ):
            front, back = page.evaluate(CONTRAST, selector)
            assert ratio(front, back) >= 4.5, (scheme, selector, front, back)
        page.context.close()


CONTRAST = """(selector) => {
  const one = document.querySelector(selector);
  let ground = one;
  while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
    ground = ground.parentElement;
  const numbers = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
  return [numbers(getComputedStyle(one).color), numbers(getComputedStyle(ground).backgroundColor)];
}"""


def ratio(front: list[float], back: list[float]) -> float:
    """Contrast ratio by WCAG 2.2."""
    light = []
    for colour in (front, back):
        c = np.array(colour) / 255
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.skipif(viewer_script() is None, reason="built without the viewer")
def test_the_viewer_shows_the_image_and_goes_to_a_lesion(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 700})
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda r: requests.append(r.url))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto(report.as_uri())
    page.get_by_role("button", name="Show lesion e1").click()
    canvas = page.locator("canvas[data-ready=yes]")
    canvas.wait_for(timeout=SLOW_MS)
    places = marks_of(result()).places
    np.testing.assert_allclose(crosshair(canvas), places["e1"], atol=0.2)
    page.get_by_role("button", name="Show lesion e2").click()
    page.get_by_text("Lesion e2.").wait_for(timeout=SLOW_MS)
    np.testing.assert_allclose(crosshair(canvas), places["e2"], atol=0.2)
    assert page.locator("#viewer").bounding_box()["y"] < 100

    drawn = pixels(canvas.screenshot(timeout=SLOW_MS))
    assert drawn.std() > 20, "the canvas is blank"
    orange = (drawn[..., 0] > drawn[..., 2] + 40) & (drawn[..., 1] > drawn[..., 2] + 15)
    assert orange.sum() > 100, "the edema is not seen"
    page.get_by_role("checkbox", name="Edema").uncheck()
    plain = pixels(canvas.screenshot(timeout=SLOW_MS))
    still = (plain[..., 0] > plain[..., 2] + 40) & (plain[..., 1] > plain[..., 2] + 15)
    assert still.sum() < orange.sum() / 10

    assert not complaints
    assert {url.partition(":")[0] for url in requests} <= {"file", "data", "blob"}
    page.close()


def crosshair(canvas: Any) -> list[float]:
    """Where NiiVue says that its crosshair is, RAS mm."""
    return [float(v) for v in canvas.get_attribute("data-at").split()]


def pixels(png: bytes) -> np.ndarray:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)
