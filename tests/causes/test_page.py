"""The knowledge page of a cause: the signs that say most, and the committed pages."""

from __future__ import annotations

import re
from math import log2
from pathlib import Path

import pytest

from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.page import LEAST_BITS, MOST, page_of, page_record, percent, span
from marrowlight.causes.page_markdown import INDEX, markdown_files, page_markdown, write_pages
from marrowlight.errors import UsageError
from marrowlight.study.study import Joint

DOCS = Path(__file__).parents[2] / "docs" / "causes"
CAUSES = sorted(knowledge().causes)


@pytest.mark.parametrize("name", [INDEX, *(f"{cause}.md" for cause in CAUSES)])
def test_the_committed_page_is_what_the_data_gives(name):
    assert (DOCS / name).read_text(encoding="utf-8") == markdown_files()[name], (
        "run: python -m marrowlight.causes.page_markdown docs/causes"
    )


def test_no_page_of_a_cause_that_is_no_more():
    assert {path.name for path in DOCS.iterdir()} == set(markdown_files())


def test_pages_are_written_and_other_files_left_alone(tmp_path):
    (tmp_path / "mine.md").write_text("mine")
    write_pages(tmp_path)
    assert (tmp_path / "mine.md").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == len(CAUSES) + 2


def test_the_band_is_what_speaks_most_for_osteonecrosis():
    page = page_of("osteonecrosis")
    first = page.present_for[0]
    assert first.finding == "serpiginous_band_or_double_line"
    assert first.bits == pytest.approx(log2(first.p[1] / first.background[1]))
    assert first.source == ("onMitch",)
    absent = {sign.finding for sign in page.absent_against}
    assert "serpiginous_band_or_double_line" in absent


def test_edema_that_clears_does_not_speak_against_osteonecrosis():
    page = page_of("osteonecrosis")
    assert "bme_resolved_on_followup" not in {sign.finding for sign in page.present_against}
    assert "mri_effusion" not in {sign.finding for sign in page.present_against}


def test_a_knock_and_a_sleep_without_pain_hardly_speak_against_tumor():
    page = page_of("tumour_marrow_infiltration")
    against = {sign.finding for sign in (*page.present_against, *page.absent_against)}
    assert not against & {"acute_trauma", "pain_rest_or_night"}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("joint", [None, Joint.KNEE])
def test_signs_are_sorted_by_weight_and_say_something(cause, joint):
    page = page_of(cause, joint)
    for signs, weight in (
        (page.present_for, lambda s: s.bits),
        (page.present_against, lambda s: -s.bits),
        (page.absent_against, lambda s: -s.absent_bits),
    ):
        weights = [weight(sign) for sign in signs]
        assert weights == sorted(weights, reverse=True)
        assert all(value >= LEAST_BITS for value in weights)
        assert len({sign.finding for sign in signs}) == len(signs) <= MOST
    assert len(page.present_for) >= 3
    assert all(sign.joint in (None, joint) for sign in page.present_for if joint)


def test_the_row_of_the_joint_takes_precedence():
    hip = {s.finding: s for s in page_of("osteonecrosis", Joint.HIP).present_against}
    assert hip["xr_normal"].joint == Joint.HIP
    knee = {s.finding: s for s in page_of("osteonecrosis", Joint.KNEE).present_against}
    assert "xr_normal" not in knee, "two thirds of early knees look normal"


def test_a_finding_that_cannot_be_at_the_joint_is_no_sign_there():
    root = "meniscal_root_tear_or_extrusion"
    cause = "insufficiency_fracture_subchondral"
    assert root in {sign.finding for sign in page_of(cause, Joint.KNEE).absent_against}
    assert root not in {sign.finding for sign in page_of(cause, Joint.HIP).absent_against}


@pytest.mark.parametrize("cause", CAUSES)
def test_every_number_in_brackets_is_a_reference_of_the_page(cause):
    page = page_of(cause)
    text = page_markdown(page)
    body, references = text.split("\n## References\n")
    cited = {
        int(n) for group in re.findall(r"\[(\d+(?:, \d+)*)\]", body) for n in group.split(", ")
    }
    listed = [int(n) for n in re.findall(r"^(\d+)\. ", references, re.MULTILINE)]
    assert listed == list(range(1, len(page.references) + 1))
    assert cited <= set(listed)
    assert len(cited) >= 1


def test_what_was_not_read_again_says_so():
    assert "(recalled)" in page_markdown(page_of("insufficiency_fracture_subchondral"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("osteonecross", "osteonecrosis"),
        ("AVN", "osteonecrosis"),
        ("tumor", "tumour_marrow_infiltration"),
        ("bone bruise", "bone_contusion"),
        ("gout", "gout_crystal"),
    ],
)
def test_an_unknown_id_is_answered_with_the_one_that_was_meant(typed, meant):
    with pytest.raises(UsageError) as error:
        page_of(typed)
    assert meant in str(error.value.expected)


def test_an_id_like_nothing_is_answered_with_where_to_look():
    with pytest.raises(UsageError) as error:
        page_of("xyzzy")
    assert error.value.expected is None
    assert "causes list" in str(error.value)


def test_a_joint_without_shares_is_refused():
    with pytest.raises(UsageError, match="sacroiliac"):
        page_of("osteonecrosis", Joint.SACROILIAC)


def test_the_record_is_plain_and_whole():
    import json

    record = page_record(page_of("spondyloarthritis"))
    assert json.loads(json.dumps(record)) == record
    used = {key for fact in record["facts"] for key in fact["source"]}
    assert used <= set(record["references"])


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0346, "3.5%"), (0.0005, "0.05%"), (0.9995, "99.95%"), (0.282, "28%"), (0.03, "3%")],
)
def test_shares_read_like_shares(share, words):
    assert percent(share) == words


def test_a_range_reads_middle_first():
    assert span((0.034, 0.085, 0.19)) == "8.5% (3.4% to 19%)"
