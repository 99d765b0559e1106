"""The PDF of the report says what the page says, marks itself as unverified and reaches nowhere."""

from __future__ import annotations

import builtins
import datetime
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from marrowlight.causes.case import Case
from marrowlight.errors import DocumentError
from marrowlight.explained import explain_reading
from marrowlight.export import pdf as pdf_module
from marrowlight.export.folder import material_of
from marrowlight.export.material import Material
from marrowlight.export.pdf import report_pdf
from marrowlight.report.html import report_html
from marrowlight.result import ReadResult
from marrowlight.study.study import Joint, Side
from tests.hostile_strings import FORMULAS, MARKUP, PATHS, ROWS, UNSEEN, unsafe_characters
from tests.report.example import FEMUR_LESION, bone, edema, lesion, reading, region, result
from tests.report.test_html import Page
from tests.report.zoned import zoned_result

try:
    import weasyprint  # noqa: F401
except OSError:
    pytest.skip("Pango is not installed: no PDF can be made", allow_module_level=True)

MADE = datetime.datetime(2026, 3, 4, 15, 16, 17, tzinfo=datetime.UTC)
CASE = Case(
    joint=Joint.KNEE, side=Side.LEFT, age=58, sex="female",
    present=frozenset({"corticosteroid_use", "fever", "pain_weight_bearing"}),
)  # fmt: skip
FURNITURE = re.compile(
    r"Automatic, not verified|Given mask, not verified|Marrowlight, reading \S+|Page \d+ of \d+"
)
ACTS = {
    "/URI", "/JS", "/JavaScript", "/Launch", "/EmbeddedFile", "/EmbeddedFiles", "/GoToR", "/GoToE",
    "/SubmitForm", "/ImportData", "/OpenAction", "/AA", "/RichMedia", "/Movie", "/Sound", "/XFA",
    "/AcroForm",
}  # fmt: skip
"""Keys and names of a PDF with which it would do something, or reach out of itself."""


def material(one: ReadResult) -> Material:
    return material_of(one, made=MADE)


def printed(one: ReadResult) -> PdfReader:
    return PdfReader(BytesIO(report_pdf(report_html(one), material(one))))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def text_of(reader: PdfReader) -> str:
    """All words without spaces, and without what stands on each page."""
    pages = (FURNITURE.sub("", page.extract_text()) for page in reader.pages)
    return squeezed("".join(pages))


def objects(reader: PdfReader) -> Iterator[Any]:
    """Every key and name in the file, streams included."""
    todo, seen = [reader.trailer], set()
    while todo:
        one = todo.pop()
        if hasattr(one, "get_object"):
            one = one.get_object()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            yield from one
            todo += [one.raw_get(key) for key in one]
        elif isinstance(one, list):
            todo += one
        else:
            yield one


@pytest.fixture(scope="module")
def read() -> ReadResult:
    one = zoned_result()
    return replace(one, explained=explain_reading(CASE, one.reading))


@pytest.fixture(scope="module")
def page(read: ReadResult) -> str:
    return report_html(read)


@pytest.fixture(scope="module")
def file(read: ReadResult, page: str) -> bytes:
    return report_pdf(page, material(read))


@pytest.fixture(scope="module")
def reader(file: bytes) -> PdfReader:
    return PdfReader(BytesIO(file))


def test_every_word_of_the_page_is_in_the_pdf(page: str, reader: PdfReader) -> None:
    on_paper = re.sub(r'<section id="viewer".*?</section>|<nav.*?</nav>', "", page, flags=re.DOTALL)
    words = [squeezed(one) for one in Page(on_paper[on_paper.index("<header") :]).texts]
    held = text_of(reader)
    assert len(words) > 300
    assert [one for one in words if one not in held and one != "openacauseforitsreasons"] == []


def test_summary_volumes_and_disclaimer_are_in_the_pdf(read: ReadResult, reader: PdfReader) -> None:
    held = text_of(reader)
    finding = read.reading.summary.removeprefix("Left knee: b")
    for said in (finding, read.reading.disclaimer, "Not to be missed", "Provenance"):
        assert squeezed(said) in held, said


def test_every_page_says_that_nobody_has_verified_it(reader: PdfReader) -> None:
    assert len(reader.pages) > 2
    for number, sheet in enumerate(reader.pages, 1):
        text = sheet.extract_text()
        assert "Automatic, not verified" in text
        assert "Marrowlight, reading 00112233aabbccdd" in text
        assert f"Page {number} of {len(reader.pages)}" in text


def test_a_given_mask_is_not_called_automatic() -> None:
    one = result(empty=True)
    versions = one.reading.versions.model_copy(update={"parameters": None})
    given = replace(one, reading=one.reading.model_copy(update={"versions": versions}))
    for sheet in printed(given).pages:
        assert "Given mask, not verified" in sheet.extract_text()


def test_no_sheet_is_empty_and_pictures_are_drawn(page: str, reader: PdfReader) -> None:
    for sheet in reader.pages:
        assert len(squeezed(FURNITURE.sub("", sheet.extract_text()))) > 40 or sheet.images
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    scanned = set(re.findall(r'data:image/png;base64,([^"]+)', shown))
    held = {image.data for sheet in reader.pages for image in sheet.images}
    assert len(held) >= len(scanned) > 1


def test_a_negative_reading_says_so_in_full() -> None:
    held = text_of(printed(result(empty=True)))
    assert squeezed("No bone marrow edema was found") in held
    assert squeezed("No lesion was found. Anything smaller than 12") in held


def test_it_is_made_for_archives_and_for_reading_aloud(reader: PdfReader) -> None:
    metadata = reader.xmp_metadata
    assert metadata is not None
    assert (metadata.pdfaid_part, metadata.pdfaid_conformance) == ("2", "A")
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert reader.metadata is not None
    assert reader.metadata.title == "Left knee: bone marrow edema, Marrowlight"
    assert reader.metadata.creation_date == MADE
    fonts = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for sheet in reader.pages
        for font in sheet["/Resources"]["/Font"].values()
    ]
    assert fonts
    assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
    pictures = [one.indirect_reference for sheet in reader.pages for one in sheet.images]
    assert pictures
    smoothed = [one.get_object()["/Interpolate"].value for one in pictures]
    assert not any(smoothed), "PDF/A forbids it"


def test_pictures_carry_the_words_for_those_who_cannot_see_them(reader: PdfReader) -> None:
    said = [str(one) for one in objects(reader) if isinstance(one, str)]
    assert any("Slice 6 of 12, sagittal" in one and "Edema outlined" in one for one in said)


@pytest.mark.parametrize("kind", [MARKUP, {**FORMULAS, **ROWS, **PATHS}, UNSEEN])
def test_text_from_outside_stays_text(kind: dict[str, str]) -> None:
    one = result(description=" ".join(kind.values()))
    file = report_pdf(report_html(one), material(one))
    assert not ACTS & {str(name) for name in objects(PdfReader(BytesIO(file)))}
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed; pypdf misreads such fonts")
    words = ["pdftotext", "-raw", "-nopgbrk", "-", "-"]
    whole = subprocess.run(words, input=file, capture_output=True, check=True).stdout.decode()
    assert not unsafe_characters(whole)
    held = squeezed(FURNITURE.sub("", whole))
    for text in kind.values():
        if kind is not UNSEEN:
            assert squeezed(text) in held, text


def test_a_very_long_text_does_not_hold_it_up() -> None:
    start = time.process_time()
    assert len(printed(result(description="A" * 20_000 + "<b>" * 2_000)).pages) < 40
    assert time.process_time() - start < 60


@pytest.mark.parametrize(
    "part",
    [
        '<img src="file:///etc/passwd">',
        '<img src="https://example.org/x.png">',
        '<svg viewBox="0 0 9 9"><image href="file:///etc/passwd"/></svg>',
        "<style>@import 'file:///etc/passwd';</style>",
        "<p style='background:url(https://example.org/x)'>x</p>",
        '<div class="pair"><svg></svg></div>',
        '<img src="data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPj'
        'xpbWFnZSBocmVmPSJmaWxlOi8vL2V0Yy9wYXNzd2QiLz48L3N2Zz4=">',
    ],
)
def test_a_page_that_was_changed_and_cannot_be_drawn_is_refused(part: str) -> None:
    one = result(empty=True)
    spoilt = report_html(one).replace("<main", f"{part}<main")
    with pytest.raises(DocumentError) as caught:
        report_pdf(spoilt, material(one))
    assert "cannot be laid out whole" in str(caught.value)
    assert "passwd" not in str(caught.value)
    assert "example.org" not in str(caught.value)


def test_links_attachments_and_forms_of_a_changed_page_are_dropped() -> None:
    one = result(empty=True)
    spoilt = report_html(one).replace(
        "<main",
        '<base href="https://example.org/"><link rel="attachment" href="/etc/passwd">'
        '<a href="https://example.org/">here</a><form action="/x"><input></form>'
        "<script>alert(1)</script><main",
    )
    reader = PdfReader(BytesIO(report_pdf(spoilt, material(one))))
    assert not ACTS & {str(name) for name in objects(reader)}
    assert "alert(1)" not in text_of(reader)


def test_the_same_page_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    one = result()
    page = report_html(one)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    code = (
        "import sys, pathlib, tests.export.test_pdf_report as t\n"
        "page = pathlib.Path(sys.argv[1]).read_text(encoding='utf-8')\n"
        "sys.stdout.buffer.write(t.report_pdf(page, t.material(t.result())))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "page.html")]
    other = subprocess.run(
        words,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )
    assert other.stdout == report_pdf(page, material(one))


def many(count: int) -> ReadResult:
    lesions = tuple(lesion(n, 1000 - n, FEMUR_LESION) for n in range(1, count + 1))
    found = region(bone("femur", 1, edema(850, lesions)), bone("tibia", 2, edema(0)))
    return replace(result(), reading=reading(found))


def test_a_reading_of_300_lesions_is_laid_out_in_reasonable_time() -> None:
    one = many(300)
    page = report_html(one)
    start = time.process_time()
    file = report_pdf(page, material(one))
    assert time.process_time() - start < 60
    assert len(file) < 2_000_000
    reader = PdfReader(BytesIO(file))
    assert 8 < len(reader.pages) < 25
    heads = [n for n, s in enumerate(reader.pages) if "Joint surface" in s.extract_text()]
    assert len(heads) > 5, "a table repeats its head on every sheet"
    assert "e300" in text_of(reader)


def test_the_total_of_a_long_table_stands_once_below_its_last_row() -> None:
    bones = tuple(bone("femur", n, edema(n)) for n in range(1, 80))
    reader = printed(replace(result(), reading=reading(region(*bones, total=edema(3160)))))
    assert text_of(reader).count("Allbones3.2ml") == 1


def test_what_is_too_long_to_print_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "MOST_ROWS", 10)
    held = text_of(printed(many(30)))
    assert squeezed("8 more rows of this table, the smallest, are not printed") in held
    assert squeezed("2 more rows of this table, the smallest, are not printed") in held


def test_without_pango_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def no_pango(name: str, *more: Any, **words: Any) -> Any:
        if name.startswith("weasyprint"):
            raise OSError("cannot load library 'libpango-1.0-0'")
        return there(name, *more, **words)

    monkeypatch.setattr(builtins, "__import__", no_pango)
    with pytest.raises(DocumentError) as caught:
        report_pdf("<html></html>", material(result(empty=True)))
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core" in str(caught.value)
