"""The build fetches the pinned viewer, and does without it where it must."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_is_pinned_by_integrity_and_names_no_registry() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["dependencies"]["@niivue/niivue"]
    lock_text = (ROOT / "package-lock.json").read_text()
    entry = json.loads(lock_text)["packages"]["node_modules/@niivue/niivue"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", pinned)
    assert entry["version"] == pinned
    assert entry["integrity"].startswith("sha512-")
    assert "resolved" not in lock_text


def test_without_npm_the_reason_is_given(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook.shutil, "which", lambda name: None)
    assert "npm was not found" in hook.fetch_viewer(ROOT, tmp_path, "0.0.0")
    assert not list(tmp_path.iterdir())


def test_when_npm_fails_its_last_words_are_given(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook.shutil, "which", lambda name: str(tmp_path / "npm"))
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    assert "no network" in hook.fetch_viewer(ROOT, tmp_path / "assets", "0.0.0")
    assert not (tmp_path / "assets").exists()


def test_the_script_comes_with_its_version_and_all_licences(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(
        "#!/bin/sh\nmkdir -p node_modules/@niivue/niivue/dist node_modules/other\n"
        "echo 'let niivue' > node_modules/@niivue/niivue/dist/niivue.umd.js\n"
        "echo '{}' > node_modules/other/package.json\n"
        "echo 'MIT of other' > node_modules/other/LICENSE\n"
    )
    npm.chmod(0o755)
    monkeypatch.setattr(hook.shutil, "which", lambda name: str(npm))
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "niivue.LICENSE.txt").write_text("BSD of NiiVue")
    assert hook.fetch_viewer(ROOT, assets, "9.9.9") is None
    assert (assets / "niivue.umd.js").read_text() == "let niivue\n"
    assert (assets / "niivue.version.txt").read_text().strip() == "9.9.9"
    licences = (assets / "niivue.licences.txt").read_text()
    assert "BSD of NiiVue" in licences
    assert "MIT of other" in licences
