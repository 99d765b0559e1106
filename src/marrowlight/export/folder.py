"""The output folder of ``read`` or ``measure`` as material for documents."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marrowlight.course.course import Course
from marrowlight.errors import UsageError
from marrowlight.export.material import Material, first_seen
from marrowlight.reading import Reading
from marrowlight.records import origins_of
from marrowlight.report.atomic import READING
from marrowlight.result import ReadResult
from marrowlight.visit_folder import source_of, visit_folder
from marrowlight.written_file import course_from


def material_from(folder: str | Path, course: str | Path | Course | None = None) -> Material:
    """Read an output folder back.

    course : of ``marrowlight follow``, in which this reading is a visit; its lesions then keep the
    identifiers that they had when they were first seen.

    Raises UnreadableFile, BadMask, GridMismatch, UsageError.
    """
    visit = visit_folder(Path(folder))
    bones, edema = visit.masks()
    source = source_of(visit.path, visit.reading)
    primary, others = origins_of(source, visit.reading.primary_series)
    if course is not None and not isinstance(course, Course):
        course = course_from(course)
    return Material(
        reading=visit.reading,
        bones=bones,
        edema=edema,
        probability=visit.probability(bones),
        made=_made(source, visit.path),
        origin=primary,
        others=others,
        tracks=tracks_of(course, visit.reading) if course else None,
    )


def material_of(result: ReadResult, *, made: datetime.datetime | None = None) -> Material:
    """The same from a reading in memory; made : when, now unless given."""
    series = result.study.series if result.study else ()
    return Material(
        reading=result.reading,
        bones=result.bones,
        edema=result.edema,
        probability=result.probability,
        made=made or datetime.datetime.now().astimezone(),
        origin=result.primary.origin if result.primary else None,
        others=tuple(s.origin for s in series if s.origin and s is not result.primary),
    )


def tracks_of(course: Course, reading: Reading) -> dict[str, str]:
    """Lesion id in a reading to the key of the lesion where the course saw it first.

    Raises UsageError if the reading is no visit of the course.
    """
    ids = [visit.reading_id for visit in course.visits]
    if reading.reading_id not in ids:
        raise UsageError(
            "This reading is no visit of the course.",
            where="--course",
            expected="a course that `marrowlight follow` made of this output folder",
        )
    here = ids.index(reading.reading_id)
    tracks = {}
    for track in (track for bone in course.bones for track in bone.lesions):
        # A lesion that merged and does not go on names the one that took it up, with no volume.
        seen = [stop for stop in track.at if stop.lesion_id and stop.volume_mm3 > 0]
        now = next((stop.lesion_id for stop in seen if stop.visit == here), None)
        if now:
            tracks[now] = first_seen(ids[seen[0].visit], str(seen[0].lesion_id))
    return tracks


def _made(source: Mapping[str, Any], folder: Path) -> datetime.datetime:
    """When the reading was made; readings of before this was kept have the time of their file."""
    try:
        made = datetime.datetime.fromisoformat(str(source.get("made")))
        if made.tzinfo:
            return made
    except ValueError:
        pass
    written = (folder / READING).stat().st_mtime
    return datetime.datetime.fromtimestamp(int(written)).astimezone()
