"""What was written before, read back and checked: a reading or a course."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from marrowlight.course.course import SCHEMA as COURSE
from marrowlight.course.course import Course
from marrowlight.errors import UnreadableFile
from marrowlight.reading import SCHEMA as READING
from marrowlight.reading import Reading

LARGEST_BYTES = 64_000_000
"""What is written holds some kB to a few MB; what is larger is something else."""

Written = TypeVar("Written", bound=BaseModel)


def reading_from(path: str | Path) -> Reading:
    """The reading in ``reading.json``, or in the output folder that holds it.

    Fields that this version does not know are left out, as the contract asks. Raises
    UnreadableFile.
    """
    return _read(path, "reading", Reading, READING, "`marrowlight read` or `measure`")


def course_from(path: str | Path) -> Course:
    """The course in ``course.json``, or in the output folder that holds it.

    Fields that this version does not know are left out, as the contract asks. Raises
    UnreadableFile.
    """
    return _read(path, "course", Course, COURSE, "`marrowlight follow`")


def _read(path: str | Path, kind: str, model: type[Written], schema: str, command: str) -> Written:
    path = Path(path)
    file = path / f"{kind}.json" if path.is_dir() else path
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise UnreadableFile(
                f"The file holds {file.stat().st_size} bytes.", where=file, expected=f"a {kind}"
            )
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(
            f"The {kind} cannot be read: {error.strerror}.",
            where=file,
            expected=f"{kind}.json of {command}, or the folder that holds it",
        ) from None
    except (ValueError, RecursionError):
        raise UnreadableFile("This is no JSON.", where=file, expected=f"a {kind}") from None
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        raise UnreadableFile(
            f"Its schema is {found!r}.",
            where=file,
            expected=schema,
            do=f"give the {kind}.json of {command}",
        )
    try:
        return model.model_validate(data, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableFile(
            f"{place}: {first['msg']}.", where=file, expected=f"a {kind} as it was written"
        ) from None
