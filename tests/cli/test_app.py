"""The command line as a whole: help, versions, exit codes."""

import subprocess
import sys
import time

import pytest

from marrowlight.cli import choices
from marrowlight.study.study import Joint, Side


def marrowlight(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "marrowlight", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_choices_are_those_of_the_study():
    assert {c.value for c in choices.JointChoice} == {j.value for j in Joint} - {"unknown"}
    assert {c.value for c in choices.SideChoice} == {s.value for s in Side}


def test_help_answers_at_once():
    # 0.3 s on an idle machine of two cores; three tries, because test machines are busy.
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        out = marrowlight("--help")
        seconds.append(time.perf_counter() - start)
    assert out.returncode == 0
    assert "inspect" in out.stdout
    assert min(seconds) < 0.9


@pytest.mark.parametrize("command", ["read", "bones"])
def test_help_loads_nothing_heavy(command):
    code = (
        f"import sys; from marrowlight.cli.app import run; run(['{command}', '--help']); "
        "heavy = {'numpy', 'scipy', 'pydicom', 'nibabel', 'onnxruntime', 'yaml', "
        "'PIL'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr


@pytest.mark.parametrize("command", ["read", "inspect", "bones", "measure", "phantom", "demo"])
def test_every_command_has_the_common_options_and_an_example(command):
    text = marrowlight(command, "--help").stdout
    assert "--quiet" in text
    assert "--json" in text
    assert "--overwrite" in text
    assert "Example: marrowlight " + command in " ".join(text.split())


def test_a_wrong_option_is_a_usage_error():
    out = marrowlight("read", "--nonsense")
    assert out.returncode == 2
    assert "Traceback" not in out.stderr


def test_version():
    assert marrowlight("--version").stdout.startswith("marrowlight 0.")
