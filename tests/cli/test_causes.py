"""``marrowlight causes``: the list and the page, for people and for machines."""

import json
import subprocess
import sys

import pytest

from marrowlight.causes.knowledge import JOINTS, knowledge
from marrowlight.cli.causes import RankedJoint
from tests.cli.running import run_cli


def test_joints_are_those_with_shares():
    assert {j.value for j in RankedJoint} == {j.value for j in JOINTS}


def test_the_list_names_every_cause_whole(capsys):
    seen = run_cli(capsys, "causes", "list")
    assert seen.code == 0
    for cause in knowledge().causes:
        assert cause in seen.out
    assert "…" not in seen.out, "an id that is cut cannot be typed again"


def test_the_list_of_a_joint_starts_with_the_most_frequent(capsys):
    ids = [row["id"] for row in _json(capsys, "causes", "list", "--joint", "knee")["causes"]]
    assert ids[0] == "osteoarthritis_bml"
    assert len(ids) == len(knowledge().causes)
    hip = run_cli(capsys, "causes", "list", "--joint", "hip").out
    assert "knee" not in hip
    assert hip.index("osteonecrosis") < hip.index("neuropathic_charcot")


def test_the_list_for_machines_gives_ranges(capsys):
    value = _json(capsys, "causes", "list")
    assert value["schema"] == "marrowlight.causes/1"
    assert value["knowledge"] == knowledge().sha256
    row = next(r for r in value["causes"] if r["id"] == "osteonecrosis")
    low, middle, high = row["share"]["hip"]
    assert low < middle < high
    assert row["weeks"]["low"] < row["weeks"]["high"]
    assert row["pattern"] == "progresses"


def test_a_page_teaches(capsys):
    seen = run_cli(capsys, "causes", "show", "osteonecrosis")
    assert seen.code == 0
    cause = knowledge().causes["osteonecrosis"]
    flat = " ".join(seen.out.split())
    assert cause.summary in flat
    for text in (*cause.separates, *cause.red_flags, cause.next_step, cause.facts[0].text):
        assert text in flat
    assert "https://pubmed.ncbi.nlm.nih.gov/27905865/" in seen.out
    assert "+6.5" in flat
    assert "no medical device" in flat


def test_a_page_of_one_joint_speaks_of_that_joint(capsys):
    seen = run_cli(capsys, "causes", "show", "osteonecrosis", "--joint", "ankle").out
    assert "talus" in seen
    assert "Anterosuperior" not in seen


def test_a_page_for_machines(capsys):
    value = _json(capsys, "causes", "show", "crps", "--joint", "ankle")
    assert value["schema"] == "marrowlight.cause/1"
    assert value["joint"] == "ankle"
    sign = value["present_for"][0]
    assert sign["finding"] == "allodynia_or_vasomotor_change"
    assert sign["source"] == ["estimate"]
    assert value["references"]["crpsKobe"]["url"].startswith("http")


def test_quiet_prints_nothing(capsys):
    for words in (("list",), ("show", "crps")):
        seen = run_cli(capsys, "causes", *words, "--quiet")
        assert (seen.code, seen.out, seen.err) == (0, "", "")


def test_an_unknown_cause_is_a_usage_error_that_helps(capsys):
    seen = run_cli(capsys, "causes", "show", "osteonecroses")
    assert seen.code == 2
    assert "did you mean osteonecrosis?" in seen.err
    assert seen.out == ""


def test_an_unknown_cause_for_machines(capsys):
    seen = run_cli(capsys, "causes", "show", "osteonecroses", "--json")
    assert json.loads(seen.out)["error"]["kind"] == "UsageError"


@pytest.mark.parametrize("joint", ["sacroiliac", "wrist"])
def test_a_joint_without_shares_is_a_usage_error(capsys, joint):
    seen = run_cli(capsys, "causes", "list", "--joint", joint)
    assert seen.code == 2
    assert "Traceback" not in seen.err


@pytest.mark.parametrize("words", [["causes", "list"], ["causes", "show"]])
def test_help_has_an_example_and_loads_nothing_heavy(words):
    code = (
        f"import sys; from marrowlight.cli.app import run; run({[*words, '--help']}); "
        "heavy = {'numpy', 'scipy', 'yaml', 'marrowlight.causes'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    text = " ".join(out.stdout.split())
    assert "Example: marrowlight " + " ".join(words) in text
    assert "--quiet" in text
    assert "--json" in text


def _json(capsys, *words):
    seen = run_cli(capsys, *words, "--json")
    assert seen.code == 0, seen.err
    return json.loads(seen.out)
