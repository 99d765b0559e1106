"""The audit of dependencies can fail, and says what it could not ask."""

from __future__ import annotations

import datetime
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from benchmarks.stamp import ROOT

FOLDER = ROOT / "requirements"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", FOLDER / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_bad_version_in_a_lock_is_found(audit: ModuleType) -> None:
    known = yaml.safe_load((FOLDER / "known-bad.yaml").read_text())
    lock = "pydicom==3.0.1 \\\n    --hash=sha256:aa\nPyDicom==3.0.2 ; python_version > '3'\n"
    lock += "Jinja2==3.1.6 \\\n    # via x\nurllib3==2.6.0\n"
    told = list(audit.listed_as_bad(audit.pinned(lock), known))
    assert [line.split(":")[0] for line in told] == [
        "pydicom 3.0.1", "urllib3 2.6.0", "urllib3 2.6.0"
    ]  # fmt: skip
    assert "CVE-2026-32711" in told[0]


def test_no_lock_holds_a_bad_version(audit: ModuleType) -> None:
    known = yaml.safe_load((FOLDER / "known-bad.yaml").read_text())
    for lock in FOLDER.glob("*.lock"):
        pins = audit.pinned(lock.read_text())
        assert len(pins) > 30
        assert list(audit.listed_as_bad(pins, known)) == []


def test_every_entry_says_what_and_where(audit: ModuleType) -> None:
    known = yaml.safe_load((FOLDER / "known-bad.yaml").read_text())
    assert isinstance(known["reviewed"], datetime.date)
    locked = {n for lock in FOLDER.glob("*.lock") for n, _ in audit.pinned(lock.read_text())}
    for name, entries in known["packages"].items():
        assert name in locked, f"{name} is in no lock: remove it from the list"
        for entry in entries:
            assert set(entry) == {"versions", "id", "what", "source"}
            SpecifierSet(entry["versions"])
            assert entry["id"].startswith(("CVE-", "GHSA-", "PYSEC-"))
            assert entry["source"].startswith("https://")


def test_a_database_that_answers_for_nothing_is_not_taken_for_a_clean_answer(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    skipped = {"name": "x", "skip_reason": "Dependency not found on PyPI: x (1)"}
    bad = {"name": "y", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    good = {"name": "z", "version": "1", "vulns": []}
    assert audit.read_answer(json.dumps({"dependencies": [skipped]}), "") == (
        [], 0, 1, "Dependency not found on PyPI"
    )  # fmt: skip
    found = audit.read_answer(json.dumps({"dependencies": [skipped, bad, good]}), "")
    assert found[:3] == (["y 1: CVE-1, fixed in ['2']"], 2, 1)
    assert audit.read_answer("", "a\nConnectionError: no route")[3] == "ConnectionError: no route"
    monkeypatch.setattr(audit, "ask_database", lambda lock: ([], 0, 0, "no route"))
    assert audit.main() == 0
    assert "advisory database, run.lock: not reached: no route" in capsys.readouterr().out
    (tmp_path / "run.lock").write_text("pydicom==3.0.1\n")
    monkeypatch.setattr(audit, "HERE", tmp_path)
    assert audit.main() == 1
    assert "BAD pydicom 3.0.1" in capsys.readouterr().out
