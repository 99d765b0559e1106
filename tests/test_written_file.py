"""A reading that is read back: as it was written, from a later version, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marrowlight.errors import UnreadableFile
from marrowlight.report.files import reading_bytes
from marrowlight.written_file import LARGEST_BYTES, reading_from
from tests.report.example import result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reading.json"
    path.write_bytes(reading_bytes(result().reading))
    return path


def changed(path: Path, change: Any) -> Path:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_it_comes_back_as_it_was(file: Path) -> None:
    assert reading_from(file) == result().reading
    assert reading_from(file.parent) == result().reading
    assert reading_from(str(file)) == result().reading


def test_fields_of_a_later_version_are_left_out(file: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["later"] = {"a": 1}
        data["regions"][0]["edema"]["also_later"] = [2]
        data["regions"][0]["bones"][0]["third"] = 3

    assert reading_from(changed(file, change)) == result().reading


def refused(path: Path) -> str:
    with pytest.raises(UnreadableFile) as error:
        reading_from(path)
    assert "reading" in str(error.value)
    return str(error.value)


def test_a_field_that_is_wrong_is_named(file: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["later"] = 1
        data["regions"][0]["edema"]["volume_mm3"] = "much"

    assert "regions.0.edema.volume_mm3" in refused(changed(file, change))


def test_another_schema_is_named(file: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["schema"] = "marrowlight.reading/2"

    message = refused(changed(file, change))
    assert "'marrowlight.reading/2'" in message
    assert "marrowlight.reading/1" in message


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 50_000, "no JSON"),
        (b"[1]", "schema is None"),
        (b"{}", "schema is None"),
    ],
)
def test_what_is_no_reading(file: Path, content: bytes, word: str) -> None:
    file.write_bytes(content)
    assert word in refused(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "nowhere.json")


def test_a_file_that_is_too_large(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file.stat().st_size < LARGEST_BYTES
    monkeypatch.setattr("marrowlight.written_file.LARGEST_BYTES", 100)
    assert f"{file.stat().st_size} bytes" in refused(file)
