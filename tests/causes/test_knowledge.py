"""The knowledge that ships: complete, sourced, in our own words; and broken copies are refused."""

from __future__ import annotations

import re
import shutil
from importlib import resources
from pathlib import Path

import pytest
import yaml

from marrowlight.causes.knowledge import JOINTS, SITE, knowledge, load_knowledge
from marrowlight.causes.probability import ESTIMATE
from marrowlight.errors import KnowledgeError

DATA = Path(str(resources.files("marrowlight.causes").joinpath("data")))
INFECTION = "infection_osteomyelitis_septic_arthritis"
CAUSES = sorted(p.stem for p in (DATA / "causes").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path):
    """A copy of the data that a test may break."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(path: Path, old: str, new: str) -> int:
    """Replace the first ``old`` of a file; the line, counted from one, on which it stood."""
    text = path.read_text()
    assert old in text, f"{path.name} does not hold {old!r}: the test is out of date"
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def refused(folder: Path) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as error:
        load_knowledge(folder)
    return error.value


def test_all_causes_load():
    known = knowledge()
    assert sorted(known.causes) == CAUSES
    assert len(CAUSES) == 24
    assert len(known.findings) > 90
    assert re.fullmatch("[0-9a-f]{64}", known.sha256)


@pytest.mark.parametrize("joint", JOINTS)
def test_shares_at_a_joint_add_up_to_about_one(joint):
    total = sum(cause.prior[joint].p[1] for cause in knowledge().causes.values())
    assert total == pytest.approx(1, abs=0.1)


def sources(node):
    """Every list of sources in a parsed file, wherever it stands, with the thing it belongs to."""
    if isinstance(node, dict):
        if "source" in node:
            yield node, node["source"]
        for value in node.values():
            yield from sources(value)
    elif isinstance(node, list):
        for value in node:
            yield from sources(value)


def probabilities(node):
    if isinstance(node, dict):
        if "p" in node:
            yield node
        for value in node.values():
            yield from probabilities(value)
    elif isinstance(node, list):
        for value in node:
            yield from probabilities(value)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_probability_has_a_source_that_resolves(cause):
    references = knowledge().references
    raw = yaml.safe_load((DATA / "causes" / f"{cause}.yaml").read_text())
    rows = list(probabilities(raw))
    assert len(rows) > 20
    assert all(row["source"] for row in rows)
    for thing, keys in sources(raw):
        assert set(keys) <= {*references, ESTIMATE}, thing
    measured = [row for row in raw["findings"] if row["basis"] != "estimate"]
    assert all(row["source"] != [ESTIMATE] for row in measured), "a basis without a source"


@pytest.mark.parametrize("cause", CAUSES)
def test_figures_worth_knowing_are_cited(cause):
    for fact in knowledge().causes[cause].facts:
        assert ESTIMATE not in fact.source, fact.text


@pytest.mark.parametrize("cause", CAUSES)
def test_prose_is_finished_and_american(cause):
    path = DATA / "causes" / f"{cause}.yaml"
    one = knowledge().causes[cause]
    ids = {one.id, one.group, *knowledge().findings}
    words = set(re.findall(r"\w+", path.read_text())) - ids
    british = [w for w in words if re.search(r"(?i)oedema|tumour|colour|haem|paed|centre", w)]
    assert not british
    assert "TODO" not in words
    assert 3 <= len(re.findall(r"[.?!](?:\s|$)", one.summary)) <= 6
    assert path.stat().st_size < 15_000
    assert max(map(len, path.read_text().splitlines())) <= 100


def test_questions_can_be_asked():
    known = knowledge().findings.values()
    for finding in known:
        assert finding.question.endswith("?"), finding.id
        assert "TODO" not in finding.question
        assert len(finding.question) <= 100, finding.id
    names = [finding.name for finding in known]
    assert len(set(names)) == len(names), "two findings with one name"


def test_usual_sites_are_sites_of_the_joint():
    """A site of the ankle is never usual at the hip: where a lesion lies decides."""
    known = knowledge()
    usual = {joint: set(known.sites_of(joint)) for joint in JOINTS}
    assert "femoral_head" in usual[JOINTS[0]]
    assert not usual[JOINTS[0]] & usual[JOINTS[2]]
    assert set().union(*usual.values()) <= set(known.findings[SITE].options)


def said(cause: str) -> str:
    one = knowledge().causes[cause]
    facts = " ".join(fact.text for fact in one.facts)
    return " ".join([one.summary, *one.separates, *one.red_flags, one.course.text, facts])


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            "infection_osteomyelitis_septic_arthritis",
            "T1 loss, often taken as the sign of tumor",
        ),
        (INFECTION, "must not reassure"),
        ("tumour_marrow_infiltration", "does not separate tumor from infection"),
        ("tumour_marrow_infiltration", "its absence does not reassure, nor does a knock"),
        ("osteonecrosis", "neither an effusion nor edema that clears rules it out"),
        ("transient_osteoporosis_bmes", "popular three to four weeks"),
        ("transient_osteoporosis_bmes", "rules out osteonecrosis"),
        ("osteoarthritis_bml", "edema at the cruciate insertions is common"),
        ("spondyloarthritis", "cruciate insertions alone does not count"),
    ],
)
def test_a_known_trap_is_said_where_it_matters(cause, words):
    assert words.lower() in " ".join(said(cause).split()).lower()


def test_the_copy_loads_as_it_is(folder):
    assert load_knowledge(folder).sha256 == knowledge().sha256


def test_the_hash_follows_the_data(folder):
    change(folder / "causes" / "crps.yaml", "harm: 4", "harm: 5")
    assert load_knowledge(folder).sha256 != knowledge().sha256


# What is broken in osteonecrosis.yaml: old text, new text, words of the message, and how many lines
# below the old text the message points.
BROKEN = {
    "dangling reference": ("[onMitch]", "[onMich]", "did you mean onMitch", 0),
    "dangling further reading": (
        "read: [koo1999",
        "read: [koo1998",
        "'koo1998' is no known read",
        0,
    ),
    "range out of order": ("hip: {p: [0.0526", "hip: {p: [0.2526", "out of order", 0),
    "certainty": ("[0.8, 0.9, 0.97]", "[0.8, 1.0, 1.0]", "between 0 and 1", 0),
    "not a share": ("[0.8, 0.9, 0.97]", "[0.8, 0.9, 97]", "less than or equal to 1", 0),
    "unknown key": ("red_flags:", "red_flag:", "red_flag: Extra inputs", 0),
    "unknown key in a row": ("basis: subset", "base: subset", "base: Extra inputs", 0),
    "unknown finding": ("finding: fever", "finding: fevers", "did you mean fever", 0),
    "two rows": ("finding: known_malignancy", "finding: fever", "'fever' has two rows", 0),
    "doubled key": ("harm: 8\n", "harm: 8\nharm: 7\n", "'harm' is given twice", 1),
    "tab": ("places:\n  hip:", "places:\n\thip:", "no YAML", 1),
    "unknown site": ("usual: [femoral_head]", "usual: [femoral_haed]", "femoral_head", 0),
    "unknown joint": ("  ankle: {p", "  wrist: {p", "prior.wrist", 0),
    "ages that are not whole": ("40-59: 0.49", "40-59: 0.59", "add up to 1.1", -1),
    "weeks out of order": ("low: 12, median", "low: 120, median", "out of order", 0),
    "another id": ("id: osteonecrosis", "id: necrosis", "not the name of the file", 0),
    "no source": ("source: [onCN1844, onCN7268]", "source: []", "at least 1 item", 0),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_cause_is_refused_by_file_and_line(folder, what):
    old, new, words, below = BROKEN[what]
    line = change(folder / "causes" / "osteonecrosis.yaml", old, new)
    error = refused(folder)
    assert error.where == f"osteonecrosis.yaml, line {line + below}"
    assert words in str(error)


def test_a_finding_that_speaks_of_causes_needs_a_background(folder):
    line = change(folder / "findings" / "history.yaml", "kind: background", "kind: number")
    error = refused(folder)
    assert error.where is not None
    name, found = error.where.split(", line ")
    assert name == "history.yaml"
    assert line - 4 <= int(found) <= line, "the row, or a line of it"
    assert "background" in str(error)


def test_a_reference_without_a_paper_is_refused(folder):
    line = change(folder / "references" / "a-b.yaml", "cite: Karimi A", "site: Karimi A")
    assert refused(folder).where == f"a-b.yaml, line {line - 1}"


def test_a_reference_given_in_two_files_is_refused(folder):
    text = (folder / "references" / "a-b.yaml").read_text()
    (folder / "references" / "zz.yaml").write_text(text)
    error = refused(folder)
    assert error.where == "zz.yaml, line 3"
    assert "there already" in str(error)


def test_a_reference_that_nothing_names_may_stay(folder):
    path = folder / "references" / "a-b.yaml"
    path.write_text(path.read_text() + "  spare2020:\n    cite: Spare 2020\n    read: recalled\n")
    assert "spare2020" in load_knowledge(folder).references
