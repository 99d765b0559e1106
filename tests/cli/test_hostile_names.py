"""Names from outside neither steer the terminal nor stop a reading."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from marrowlight.cli.app import run
from marrowlight.cli.console import Screen
from marrowlight.errors import UnreadableFile
from tests.conftest import Exam
from tests.hostile_strings import HOSTILE_VALUES, unsafe_characters

NO_TEXT = os.fsdecode(b"mask\xff\x1b[2J<img src=x>.nii.gz")


def test_a_mask_whose_name_is_no_text_is_measured(exam: Exam, tmp_path: Path) -> None:
    edema = tmp_path / NO_TEXT
    shutil.copy(exam.edema, edema)
    out = tmp_path / "out"
    words = ["measure", "--edema", str(edema), "--bones", str(exam.bones), "-o", str(out)]
    assert run([*words, "--bone-labels", "registry", "--joint", "knee", "--quiet"]) == 0
    record = json.loads((out / "source.json").read_text())
    assert record["paths"]["edema"] == str(edema)


@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_shown_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    screen = Screen(quiet=False, as_json=as_json)
    for text in HOSTILE_VALUES:
        screen.say(text)
        screen.warn([text])
        screen.error(UnreadableFile(text, where=text, expected=text, do=text))
        screen.result({"x": text})
    screen.table("Title", ("name",), [(text[:99],) for text in HOSTILE_VALUES])
    shown = capsys.readouterr()
    (shown.out + shown.err).encode("utf-8")
    if not as_json:
        assert unsafe_characters(shown.out + shown.err) == set()
    assert "\x1b" not in shown.out + shown.err
