"""The report as a PDF: the page that was written for browsers, laid out on paper."""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from marrowlight.errors import DocumentError
from marrowlight.export.common import automatic
from marrowlight.export.drawings import draw_for_paper
from marrowlight.export.material import Material
from marrowlight.report.html import clean

if TYPE_CHECKING:
    from types import ModuleType

VARIANT = "pdf/a-2a"
"""For archives: fonts inside, nothing outside, tagged for reading aloud. Source: ISO 19005-2."""

AUTOMATIC = "Automatic, not verified"
GIVEN = "Given mask, not verified"

MOST_ROWS = 300
"""Rows of a table that are printed: what is folded on the page would fill a hundred sheets here."""

_SCRIPT = re.compile(r"<script\b[^>]*>.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_DROPPED = (
    "script", "noscript", "nav", "base", "link", "meta", "iframe", "object", "embed", "form",
    ".skip", ".screen-only",
)  # fmt: skip
"""What a page needs on a screen only, or not at all."""


def report_pdf(html: str, material: Material) -> bytes:
    """Lay a report page out as a PDF (PDF/A-2a).

    The PDF says what the page says, without the interactive view. Each page is marked as not
    verified and carries the reading number. Nothing is fetched: not a file, not an address. The
    same page and material give the same bytes.

    html : the ``report.html`` of the reading

    Raises DocumentError if the page refers to anything outside itself or cannot be laid out whole,
    or if the libraries that weasyprint needs are not installed.
    """
    weasyprint = _weasyprint()
    with _complaints() as complaints:
        fetcher = _fetcher(weasyprint)
        try:
            page = weasyprint.HTML(string=_SCRIPT.sub("", html), url_fetcher=fetcher)
            _prepare(page, material)
            pdf: bytes = page.write_pdf(
                pdf_variant=VARIANT,
                pdf_identifier=hashlib.sha256(html.encode("utf-8", "replace")).digest()[:16],
            )
        except (Exception, weasyprint.urls.FatalURLFetchingError) as error:  # noqa: BLE001
            # The page is a file that anybody may have changed, and the layout is not our code.
            complaints.append(error)
    if complaints:
        raise DocumentError(
            "The report page cannot be laid out whole: it shows something that cannot be drawn, or "
            "refers to something outside itself.",
            where="report.html",
            expected="the page as Marrowlight wrote it, which holds all that it shows",
            do="make the reading again; if it comes back, report it with the version of weasyprint",
        ) from complaints[0]
    return pdf


def _prepare(page: Any, material: Material) -> None:
    """Leave of a page what belongs on paper, and mark it, in place."""
    from xml.etree.ElementTree import Element, SubElement

    root, wrapper = page.etree_element, page.wrapper_element
    parents = {child: parent for parent in root.iter() for child in parent}
    for dropped in list(wrapper.query_all(*_DROPPED)):
        _remove(dropped.etree_element, parents)
    for body in list(root.iter("tbody")):
        _shorten(body, parents)
    for link in root.iter("a"):
        if not link.get("href", "").startswith("#"):
            link.attrib.pop("href", None)
    style = "".join(one.etree_element.text or "" for one in wrapper.query_all("style"))
    draw_for_paper(wrapper, style)
    head, body = root.find("head"), root.find("body")
    for name in ("dcterms.created", "dcterms.modified"):
        when = material.made.isoformat(timespec="seconds")
        SubElement(head, "meta", {"name": name, "content": when})
    SubElement(head, "meta", {"name": "generator", "content": "Marrowlight"})
    # Within the page and last, since what WeasyPrint is given beside a page yields to the page.
    SubElement(head, "style").text = _print_style()
    marks = {
        "running-mark": AUTOMATIC if automatic(material) else GIVEN,
        "running-reading": f"Marrowlight, reading {material.reading.reading_id}",
    }
    for place, (name, text) in enumerate(marks.items()):
        mark = Element("p", {"class": name})
        mark.text = clean(text)
        body.insert(place, mark)


def _shorten(rows: Any, parents: dict[Any, Any]) -> None:
    """Leave out what a table has beyond ``MOST_ROWS``, and say so below it."""
    from xml.etree.ElementTree import Element

    left_out = list(rows)[MOST_ROWS:]
    if not left_out:
        return
    for row in left_out:
        rows.remove(row)
    table = parents[rows]
    said = Element("p", {"class": "note"})
    said.text = (
        f"{len(left_out)} more rows of this table, the smallest, are not printed; they are in the "
        "reading's report.html and reading.json."
    )
    around = parents[table]
    around.insert(list(around).index(table) + 1, said)


def _remove(element: Any, parents: dict[Any, Any]) -> None:
    parent = parents[element]
    if element not in list(parent):
        return
    place = list(parent).index(element)
    if element.tail:
        before = parent[place - 1] if place else None
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


def _print_style() -> str:
    path = resources.files(__package__).joinpath("assets", "print.css")
    return path.read_text(encoding="utf-8")


def _weasyprint() -> ModuleType:
    try:
        import weasyprint
    except OSError as error:
        raise DocumentError(
            "A PDF cannot be made: Pango, which lays out text, is not installed.",
            expected="libpango-1.0-0, libpangoft2-1.0-0 and a font",
            do="on Debian or Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
            "fonts-dejavu-core; on macOS: brew install pango; or export without --pdf",
        ) from error
    module: ModuleType = weasyprint
    return module


def _fetcher(weasyprint: Any) -> Any:
    """What WeasyPrint asks for everything that is not in the page: only data inside it is given."""

    class Inside(weasyprint.urls.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.lower().startswith("data:"):
                raise weasyprint.urls.FatalURLFetchingError("it refers to something outside itself")
            return super().fetch(url, headers)

    return Inside(allowed_protocols={"data"}, allow_redirects=False)


@contextmanager
def _complaints() -> Iterator[list[BaseException]]:
    """What WeasyPrint could not do, which it only logs; nothing of it goes to other logs."""
    found: list[BaseException] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(RuntimeError(record.getMessage()))

    logger = logging.getLogger("weasyprint")
    handler, passed_on = Handler(logging.ERROR), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            # It leaves the file of its colour profile to be closed by itself.
            warnings.simplefilter("ignore", ResourceWarning)
            yield found
    finally:
        logger.removeHandler(handler)
        logger.propagate = passed_on
