"""A course that was written before, read back and checked."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from marrowlight.course.course import SCHEMA, Course
from marrowlight.errors import UnreadableFile

LARGEST_BYTES = 64_000_000
"""A course holds some kB to a few MB; what is larger is something else."""


def course_from(path: Path) -> Course:
    """The course in ``course.json``, or in the output folder that holds it.

    Fields that this version does not know are left out, as the contract asks. Raises
    UnreadableFile.
    """
    file = path / "course.json" if path.is_dir() else path
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise UnreadableFile(
                f"The file holds {file.stat().st_size} bytes.", where=file, expected="a course"
            )
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(
            f"The course cannot be read: {error.strerror}.",
            where=file,
            expected="course.json of `marrowlight follow`, or the folder that holds it",
        ) from None
    except (ValueError, RecursionError):
        raise UnreadableFile("This is no JSON.", where=file, expected="a course") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise UnreadableFile(
            f"Its schema is {schema!r}.",
            where=file,
            expected=SCHEMA,
            do="give the course.json of `marrowlight follow`",
        )
    try:
        return Course.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableFile(
            f"{place}: {first['msg']}.", where=file, expected="a course as it was written"
        ) from None
