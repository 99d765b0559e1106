"""The conformance statement is what the code does."""

from pathlib import Path

from marrowlight.conformance import WRITTEN, conformance_statement
from marrowlight.export.documents import NAMES

PAGE = Path(__file__).parents[1] / "docs" / "conformance.md"


def test_the_committed_page_is_what_the_code_gives():
    assert PAGE.read_text(encoding="utf-8") == conformance_statement(), (
        "run: python -m marrowlight.conformance docs/conformance.md"
    )


def test_every_dicom_document_is_stated():
    dicom = {name for names in NAMES.values() for name in names if name.endswith(".dcm")}
    assert {file for file, _, _, _ in WRITTEN} == dicom
