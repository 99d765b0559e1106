"""No text from outside acts in the page, whatever it holds and wherever it stands."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import pytest

from marrowlight.report.as_json import json_bytes
from marrowlight.report.files import reading_bytes
from marrowlight.report.html import report_html
from marrowlight.result import ReadResult
from tests.hostile_strings import (
    BROKEN,
    FORMULAS,
    HOSTILE,
    LONG,
    MARKUP,
    PATHS,
    ROWS,
    UNSEEN,
    unsafe_characters,
)
from tests.report.example import result
from tests.report.test_html import Page

GROUPS = {"markup": MARKUP, "formulas": {**FORMULAS, **ROWS, **PATHS}, "unseen": UNSEEN,
          "broken": BROKEN, "long": LONG}  # fmt: skip


def spoiled(text: str) -> ReadResult:
    """A reading with the text in every place that files or users fill."""
    one = result(description=text)
    reading = one.reading
    region = reading.regions[0]
    bones = tuple(bone.model_copy(update={"name": text}) for bone in region.bones)
    region = region.model_copy(update={"joint_evidence": (text,), "bones": bones})
    reading = reading.model_copy(
        update={
            "regions": (region,),
            "summary": text,
            "primary_reason": text,
            "warnings": tuple(w.model_copy(update={"text": text}) for w in reading.warnings),
            "set_aside": tuple({**s, "name": text, "reason": text} for s in reading.set_aside),
        }
    )
    return dataclasses.replace(
        one, reading=reading, bones=dataclasses.replace(one.bones, source=text)
    )


def shape(page: Page) -> Counter[tuple[str, tuple[str, ...]]]:
    """Elements by name and by the names of their attributes."""
    return Counter((tag, tuple(sorted(attrs))) for tag, attrs in page.elements)


@pytest.fixture(scope="module")
def plain() -> Counter[tuple[str, tuple[str, ...]]]:
    return shape(Page(report_html(spoiled("a plain text"))))


@pytest.mark.parametrize("group", GROUPS)
def test_hostile_text_makes_no_element_no_attribute_and_no_unseen_character(
    group: str, plain: Counter[tuple[str, tuple[str, ...]]]
) -> None:
    text = " | ".join(GROUPS[group].values())
    source = report_html(spoiled(text))
    source.encode("utf-8")
    assert unsafe_characters(source) == set()
    page = Page(source)
    assert shape(page) == plain
    if group == "markup":  # Shown as the text that it is.
        assert all(" ".join(one.split()) in page.text for one in MARKUP.values())


def test_the_json_files_take_every_text_and_give_it_back() -> None:
    told = {name: text for name, text in HOSTILE.items() if name != "half-pair"}
    assert json.loads(json_bytes(told)) == told
    assert b"<script>" in json_bytes({"x": HOSTILE["script"]})
    reading = result(description=HOSTILE["surrogate-bytes"]).reading
    assert json.loads(reading_bytes(reading))["set_aside"][0]["name"] == HOSTILE["surrogate-bytes"]
