"""The page: self-contained, escaped, readable without JavaScript, and honest."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from marrowlight.report import html as html_module
from marrowlight.report.html import clean, report_html
from marrowlight.report.viewer import in_script
from marrowlight.result import ReadResult
from tests.report.example import bone, edema, reading, region, result
from tests.report.zoned import zoned_result

EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&\x00\u202eevil"


class Page(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    VOID = frozenset({"meta", "img", "input", "br", "link", "image", "path", "use", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.code: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        (self.code if inside in ("script", "style") else self.texts).append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def source() -> str:
    return report_html(result())


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_first_words_are_joint_side_and_what_was_found(page: Page) -> None:
    begin = page.text.index("Left knee")
    assert "Bone marrow edema of 1.1 ml (another reader: 0.56 to 2.2 ml)" in page.text[begin:][:400]


def test_it_refers_to_nothing_outside_itself(page: Page) -> None:
    for tag, attrs in page.elements:
        for name in ("src", "href", "action", "data", "poster", "xlink:href"):
            value = attrs.get(name) or ""
            assert value.startswith(("#", "data:")) or not value, f"<{tag} {name}={value[:40]}>"
    assert "url(" not in "".join(page.code[:1])
    assert "@import" not in page.code[0]


def test_the_policy_allows_its_own_scripts_and_no_connection(source: str, page: Page) -> None:
    policy = next(
        a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "unsafe" not in policy
    inlined = re.findall(r"<(script|style)>(.*?)</\1>", source, flags=re.DOTALL)
    assert inlined
    for _, code in inlined:
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_text_from_the_scanner_cannot_act() -> None:
    one = result(description=EVIL)
    page = Page(report_html(one))
    assert not page.all("img")
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    honest = Page(report_html(result()))
    assert len(page.all("script")) == len(honest.all("script"))
    assert "<script>alert('x')</script>" in page.text
    assert "\u202e" not in page.text
    assert "\x00" not in page.text


def test_headings_come_in_order(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_it_can_be_read_without_seeing(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    pictures = [a for a in page.all("svg") if a.get("aria-hidden") != "true"]
    assert pictures
    assert all(a.get("role") == "img" and a.get("aria-label") for a in pictures)
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    assert len(page.all("caption")) >= len(page.all("table")) - 1
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for link in (*page.all("a"), *page.all("use")):
        assert (link.get("href") or "").removeprefix("#") in ids


def test_every_number_of_the_reading_is_there(page: Page) -> None:
    text = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    for expected in (
        "850 mm³", "260 mm³", "790 mm³", "e3", "12 × 12", "5.2", "ill-defined", "L", "100 ± 8",
        "Two slices are missing", "slices-missing", "00112233aabbccdd", "ab" * 32, "localiser",
        "Two readers of four examinations.",
    ):  # fmt: skip
        assert expected in text, expected
    assert text.count("supports a reader and replaces none") == 1


def test_nothing_found_is_said_with_the_smallest_lesion_that_would_count() -> None:
    text = Page(report_html(result(empty=True))).text
    assert "No bone marrow edema was found" in text
    assert "smaller than 12" in text
    assert "No lesion was found." in text


def test_two_regions_stand_beside_each_other() -> None:
    from dataclasses import replace

    from marrowlight.study.study import Side

    one = result()
    right = region(bone("femur", 1, edema(0)), total=edema(0), side=Side.RIGHT)
    both = replace(one, reading=reading(*one.reading.regions, right))
    text = Page(report_html(both)).text
    assert "Left knee and right knee" in text
    assert re.search("Right knee ?No bone marrow edema was found", text)


def test_where_it_lies_is_shown_on_a_map_and_in_a_table() -> None:
    from dataclasses import replace

    one = zoned_result()
    page = Page(report_html(one))
    text = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    for expected in (
        "All bones from the front", "Femur front", "Tibia all",
        "The same by WORMS", "≈ approximate: the paper draws the border on meniscus or cartilage",
    ):  # fmt: skip
        assert expected in text, expected
    assert "† provisional" not in text
    said = [a["aria-label"] for a in page.all("svg") if a.get("role") == "img"]
    assert any("with the edema in orange: lesions e1" in (s or "") for s in said)
    assert any(a.get("href") == "#where" for a in page.all("a"))
    # Without zones the bones and the lesions are drawn all the same; without edema nothing is.
    plain = Page(report_html(replace(one, zones=None, reading=result().reading))).text
    assert "All bones from the front" in plain
    assert "Share of a zone" not in plain
    assert "All bones from the front" not in Page(report_html(result(empty=True))).text


def test_bones_that_were_found_say_how_far_they_are_trusted_and_what_was_not_read() -> None:
    from dataclasses import replace

    from marrowlight.reading import BoneNotRead
    from marrowlight.study.study import Side

    one = result()
    (found,) = one.reading.regions
    bones = tuple(b.model_copy(update={"confidence": 0.91}) for b in found.bones)
    missed = BoneNotRead(bone="patella", side=Side.LEFT, reason=f"it is cut off {EVIL}")
    trusted = found.model_copy(update={"bones": bones, "not_read": (missed,)})
    told = replace(one, reading=one.reading.model_copy(update={"regions": (trusted,)}))
    page = Page(report_html(told))
    text = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Trust in the bone" in text
    assert "91 %" in text
    assert "Not read in the left knee: Patella. It is cut off" in text
    assert not page.all("img")
    given = Page(report_html(one)).text
    assert "Trust in the bone" not in given
    assert "Not read in" not in given


def test_several_series_are_listed_and_never_added() -> None:
    one = result()
    first = one.reading.series[0]
    second = first.model_copy(update={"id": "s7", "primary": False})
    both = one.reading.model_copy(update={"series": (first, second)})
    from dataclasses import replace

    text = Page(report_html(replace(one, reading=both))).text
    assert "never added" in text
    assert "s7" in text


def test_without_the_viewer_the_page_says_so_and_has_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(html_module, "viewer_of", lambda one, taken: None)
    page = Page(report_html(result()))
    assert "built without Node.js" in page.text
    assert not page.all("script")
    assert "Key slices" in page.text


def test_the_page_stays_small(source: str) -> None:
    assert len(source) < 8_000_000


def test_a_page_of_a_large_volume_stays_small() -> None:
    import numpy as np

    from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
    from marrowlight.report.viewer import PAGE_BYTES, viewer_of
    from marrowlight.study.grid import Grid
    from marrowlight.study.volume import Volume

    grid = Grid((200, 200, 180), np.diag([0.5, 0.5, 0.5, 1.0]))
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 30, grid.shape).astype(np.float32)
    bones = BoneMap(
        np.ones(grid.shape, np.uint8), grid, (LabelledBone(1, "femur"),), "mask given by the user"
    )
    one = result()
    from dataclasses import replace

    assert one.primary is not None
    large = ReadResult(
        one.reading, None, replace(one.primary, volume=Volume(noise, grid)), bones,
        np.zeros(grid.shape, bool), np.zeros(grid.shape, bool),
    )  # fmt: skip
    taken = 2_500_000
    viewer = viewer_of(large, taken)
    if viewer is None:
        pytest.skip("built without the viewer")
    assert viewer.coarser == 2
    parts = (viewer.script, viewer.image, viewer.findings, viewer.bones)
    assert taken + sum(map(len, parts)) <= PAGE_BYTES


def test_inlined_code_cannot_end_its_element() -> None:
    assert "</script" not in in_script("a = '</script>'; b = `<!-- </script`")
    assert "<!--" not in in_script("b = `<!-- </script`")


def test_text_loses_control_characters_only() -> None:
    assert clean("Knie links\x1b[2J ü <b>") == "Knie links [2J ü <b>"
