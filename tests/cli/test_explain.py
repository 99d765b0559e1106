"""``marrowlight explain``: several cases, machines and people, and what is refused."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from marrowlight.report.files import reading_bytes
from tests.cli.running import run_cli
from tests.report.example import result

KNEE = "joint: knee\nage: 24\nsex: male\npresent: [acute_trauma, mri_effusion]\nabsent: [fever]\n"
HIP = '{"joint": "hip", "age": 46, "present": ["fever"], "values": {"crp_mg_l": 80}}'


@pytest.fixture
def knee(tmp_path: Path) -> Path:
    path = tmp_path / "knee.yaml"
    path.write_text(KNEE)
    return path


@pytest.fixture
def hip(tmp_path: Path) -> Path:
    path = tmp_path / "hip.json"
    path.write_text(HIP)
    return path


@pytest.fixture
def read(tmp_path: Path) -> Path:
    """The reading of a left knee."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "reading.json").write_bytes(reading_bytes(result().reading))
    return folder


def test_one_object_a_line_in_the_order_of_the_files(knee, hip, capsys) -> None:
    seen = run_cli(capsys, "explain", hip, knee, hip, "--json")
    assert seen.code == 0, seen.err
    lines = seen.out.splitlines()
    told = [json.loads(line) for line in lines]
    assert [t["case"]["joint"] for t in told] == ["hip", "knee", "hip"]
    assert lines[0] == lines[2]
    for one in told:
        assert one["schema"] == "marrowlight.explanation/1"
        assert {"ranking", "flags", "next_test", "care", "expected_course"} <= set(one)
        for flag in one["flags"]:
            assert {"cause", "what", "why", "rule_out"} <= set(flag)


def test_one_case_is_one_object_too(knee, capsys) -> None:
    seen = run_cli(capsys, "explain", knee, "--json")
    assert len(seen.out.splitlines()) == 1
    assert json.loads(seen.out)["ranking"][0]["cause"] == "bone_contusion"


def test_a_person_sees_bars_ranges_reasons_and_what_is_next(knee, capsys) -> None:
    seen = run_cli(capsys, "explain", knee)
    assert seen.code == 0
    assert "Pathway: Injury (inferred)" in seen.out
    bars = [line for line in seen.out.splitlines() if "█" in line or "····" in line]
    assert 1 <= len(bars) <= 5
    assert all(" % (" in line and " to " in line for line in bars)
    assert "bits)" in seen.out
    assert "Next: " in seen.out
    assert "Expected course (" in seen.out
    assert "==" not in seen.out, "one case needs no heading"


def test_flags_come_first(hip, capsys) -> None:
    out = run_cli(capsys, "explain", hip).out
    assert out.startswith("Do not miss (NOW): ")
    assert "what rules it out: " in out


def test_several_cases_have_headings(knee, hip, capsys) -> None:
    out = run_cli(capsys, "explain", knee, hip).out
    assert [line for line in out.splitlines() if line.startswith("==")] == [
        "== knee.yaml",
        "== hip.json",
    ]


def test_nothing_known_says_that_these_are_priors(tmp_path, capsys) -> None:
    (tmp_path / "bare.yaml").write_text("joint: hip\n")
    seen = run_cli(capsys, "explain", tmp_path / "bare.yaml")
    assert seen.code == 0
    assert "priors alone" in seen.err


def test_the_sacroiliac_joint_is_told_without_a_list(tmp_path, capsys) -> None:
    (tmp_path / "si.yaml").write_text("joint: sacroiliac\nage: 30\n")
    seen = run_cli(capsys, "explain", tmp_path / "si.yaml")
    assert seen.code == 0
    assert "No causes are ranked" in seen.err
    assert "█" not in seen.out
    told = json.loads(run_cli(capsys, "explain", tmp_path / "si.yaml", "--json").out)
    assert told["ranking"] == []
    assert told["notices"][0]["code"] == "no-priors"


def test_a_wrong_case_is_told_and_nothing_is_printed(knee, tmp_path, capsys) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("joint: knee\npresent: [fevre]\n")
    seen = run_cli(capsys, "explain", knee, wrong, "--json")
    assert seen.code == 3
    assert seen.out == "" or "error" in json.loads(seen.out)
    assert "did you mean fever" in seen.err + seen.out
    assert "wrong.yaml" in seen.err + seen.out


def test_a_file_that_is_not_there(tmp_path, capsys) -> None:
    seen = run_cli(capsys, "explain", tmp_path / "nowhere.yaml")
    assert seen.code == 3
    assert "nowhere.yaml" in seen.err
    assert run_cli(capsys, "explain").code == 2


def test_a_reading_fills_in_what_the_case_leaves_open(knee, read, capsys) -> None:
    alone = json.loads(run_cli(capsys, "explain", knee, "--json").out)
    for path in (read, read / "reading.json"):
        seen = run_cli(capsys, "explain", knee, "--reading", path, "--json")
        assert seen.code == 0, seen.err
        told = json.loads(seen.out)
        more = set(told["case"]["present"]) - set(alone["case"]["present"])
        assert "bme_present" in more
        assert told["case"]["side"] == "left"


def test_a_reading_of_another_joint_is_refused(hip, read, capsys) -> None:
    seen = run_cli(capsys, "explain", hip, "--reading", read)
    assert seen.code == 3
    assert "hip" in seen.err
    assert "knee" in seen.err
    assert seen.out == ""


def test_one_reading_is_of_one_case(knee, hip, read, capsys) -> None:
    seen = run_cli(capsys, "explain", knee, hip, "--reading", read)
    assert seen.code == 2
    assert "2 cases" in seen.err


def test_something_else_than_a_reading_is_refused(knee, tmp_path, capsys) -> None:
    other = tmp_path / "run.json"
    other.write_text('{"schema": "marrowlight.run/1"}')
    seen = run_cli(capsys, "explain", knee, "--reading", other)
    assert seen.code == 3
    assert "marrowlight.reading/1" in seen.err


GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "explain.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def test_the_example_of_the_guide_is_true(tmp_path, capsys) -> None:
    """Words as printed, numbers within three points; else renew the block in the guide."""
    blocks = re.findall(r"(?:^    .*\n)+", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    case, shown = (
        textwrap.dedent(next(b for b in blocks if b.startswith(start)))
        for start in ("    joint: hip\n", "    █")
    )
    (tmp_path / "case.yaml").write_text(case)
    printed = run_cli(capsys, "explain", tmp_path / "case.yaml").out

    def words(text: str) -> list[str]:
        return [NUMBER.sub("#", line).strip("█· +-") for line in text.splitlines()]

    assert words(printed) == words(shown)
    for one, two in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert float(one) == pytest.approx(float(two), abs=3)
