"""A reading that was written before, read back and checked."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from marrowlight.errors import UnreadableFile
from marrowlight.reading import SCHEMA, Reading

LARGEST_BYTES = 64_000_000
"""A reading holds some kB to a few MB; what is larger is something else."""


def reading_from(path: Path) -> Reading:
    """The reading in ``reading.json``, or in the output folder that holds it.

    Fields that this version does not know are left out, as the contract asks. Raises
    UnreadableFile.
    """
    file = path / "reading.json" if path.is_dir() else path
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise UnreadableFile(
                f"The file holds {file.stat().st_size} bytes.", where=file, expected="a reading"
            )
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(
            f"The reading cannot be read: {error.strerror}.",
            where=file,
            expected="reading.json of `marrowlight read`, or the folder that holds it",
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise UnreadableFile("This is no JSON.", where=file, expected="a reading") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise UnreadableFile(
            f"Its schema is {schema!r}.",
            where=file,
            expected=SCHEMA,
            do="give the reading.json of `marrowlight read` or `measure`",
        )
    while True:
        try:
            return Reading.model_validate(data)
        except ValidationError as error:
            unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
            if len(unknown) < error.error_count():
                first = next(e for e in error.errors() if e["type"] != "extra_forbidden")
                place = ".".join(map(str, first["loc"]))
                raise UnreadableFile(
                    f"{place}: {first['msg']}.", where=file, expected="a reading as it was written"
                ) from None
            for place_ in unknown:
                _drop(data, place_)


def _drop(data: object, place: tuple[str | int, ...]) -> None:
    for key in place[:-1]:
        data = data[key]  # type: ignore[index]
    del data[place[-1]]  # type: ignore[attr-defined]
