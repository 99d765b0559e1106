"""Follow visits: from files and earlier readings to what changed between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from marrowlight.course.course import LeftOutVisit, Limit
from marrowlight.course.course_result import CourseResult
from marrowlight.course.limits import visits_words
from marrowlight.course.visit import Visit
from marrowlight.errors import InputError, MixedPatients, UnreadableFile, UsageError
from marrowlight.report.atomic import READING
from marrowlight.result import ReadResult
from marrowlight.stages import Stages
from marrowlight.study.shown import clean
from marrowlight.study.study import Joint, Side, Study
from marrowlight.visit_folder import (
    Identity,
    VisitFolder,
    as_it_was_read,
    identity_of,
    is_reading,
    joint_of,
    side_of,
    visit_folder,
)

if TYPE_CHECKING:
    from marrowlight.causes.case import Case
    from marrowlight.course.amounts import Rules
    from marrowlight.explanation import Explanation

VisitInput = str | Path | Study | ReadResult
"""What may stand for a visit: a study as files or opened, or its reading as folder or value."""

DATE_LIKE = re.compile(r"\d{6,}|\d{4}[-_. ]\d{1,2}[-_. ]\d{1,2}|\d{1,2}[-_. ]\d{1,2}[-_. ]\d{4}")
"""Looks like a date, or like the number of a patient."""

WEEKS_APART = 1.0
"""Weeks given and dates in the files may differ by this much without a word. Unit: weeks."""


@dataclass(frozen=True, eq=False)
class _Opened:
    """A visit before it is read. place : among the inputs; found : study or earlier reading."""

    place: int
    name: str
    found: Study | VisitFolder | ReadResult
    identity: Identity
    weeks: float = 0.0


def follow(
    visits: Sequence[VisitInput],
    *,
    weeks: Sequence[float] | None = None,
    joint: Joint | str | None = None,
    side: Side | str | None = None,
    case: Case | None = None,
    pictures: bool = True,
    isolate: bool = False,
    rules: Rules | None = None,
    stages: Stages | None = None,
    progress: Callable[[str], None] | None = None,
) -> CourseResult:
    """What changed between visits of one joint of one patient.

    Parameters
    ----------
    visits : sequence of path, Study or ReadResult
        Each a study (a folder, file or archive; then it is read), or the output folder of an
        earlier ``read`` or ``measure`` (then that reading is used). At least two.
    weeks : sequence of float, optional
        When each visit was; without it the dates in the files say so, and the visits are put in
        their order. Must rise.
    joint, side : optional
        Override what the files of studies say; an earlier reading of another is left out.
    case : Case, optional
        What is known of the patient; the result then holds an explanation, of what the last visit
        shows and of the course.
    pictures : bool
        Look for the images of earlier readings, which only pictures need.
    isolate : bool
        Read images and masks in a child process with limits, as ``open_study`` does.
    rules : Rules, optional
        How change is told from noise; the package's own unless given.
    stages, progress : as for ``read``

    Returns
    -------
    CourseResult
        A visit that could not be used is in ``course.left_out`` with the reason.

    Raises
    ------
    UsageError
        If there are fewer than two visits, the weeks do not fit, or no dates are known.
    MixedPatients
        If the visits are of different patients.
    InputError
        If fewer than two visits are left that can be used, or the case is of another joint.
    """
    from marrowlight.course.compare import compare

    stages = stages or Stages(on_start=progress)
    if len(visits) < 2:
        raise UsageError(
            f"{len(visits) or 'No'} visit was named.", expected="at least two visits to compare"
        )
    given = _weeks_given(weeks, len(visits))
    left_out: list[LeftOutVisit] = []
    limits: list[Limit] = []
    opened: list[_Opened] = []
    for place, (what, name) in enumerate(zip(visits, _names(visits), strict=True)):
        with stages.stage(f"open visit {place + 1}"):
            try:
                opened.append(_open(place, name, what, joint=joint, side=side, isolate=isolate))
            except InputError as error:
                left_out.append(_left_out(name, error))
    _one_patient(opened)
    opened = _without_repeats(opened, left_out)
    _enough(opened, left_out, len(visits))
    opened = _in_time(opened, given, limits)
    read: list[Visit] = []
    for one in opened:
        said = stages.on_start
        try:
            with stages.stage(f"read visit {one.place + 1}"):
                inner = Stages(on_start=_told(said, f"visit {one.place + 1}: "))
                timed = given is not None
                read.append(_visit(one, timed, inner, pictures=pictures, isolate=isolate))
        except InputError as error:
            left_out.append(_left_out(one.name, error))
    read = _of_one_joint(read, left_out)
    _enough(read, left_out, len(visits))
    with stages.stage("compare"):
        result = compare(
            read, left_out=left_out, limits=limits, rules=rules, progress=stages.on_start
        )
    if case is not None:
        with stages.stage("explain"):
            result = replace(result, explanation=_explained(case, result))
    return result


def _told(tell: Callable[[str], None] | None, before: str) -> Callable[[str], None] | None:
    return None if tell is None else lambda text: tell(before + text)


def _weeks_given(weeks: Sequence[float] | None, visits: int) -> tuple[float, ...] | None:
    """The weeks that were given; raises UsageError unless they rise, one for each visit."""
    if weeks is None:
        return None
    known = tuple(float(w) for w in weeks)
    said = ", ".join(f"{w:g}" for w in known)
    if len(known) != visits:
        raise UsageError(
            f"{len(known)} time(s) were given for {visits} visits ({said}).",
            where="--weeks",
            expected="weeks of each visit, in the order of the visits, e.g. 0,6,14",
        )
    if not all(abs(w) < 10_000 for w in known) or sorted(set(known)) != list(known):
        raise UsageError(
            f"The weeks do not rise from visit to visit ({said}).",
            where="--weeks",
            expected="weeks since the first visit that rise, e.g. 0,6,14",
            do="name the visits in the order in which they were made",
        )
    return known


def _names(visits: Sequence[VisitInput]) -> list[str]:
    """A name for each visit: the end of its path, never a name that two share, nor a date."""
    names = []
    for place, one in enumerate(visits, start=1):
        own = f"visit {place}"
        if isinstance(one, str | Path):
            path = Path(one).resolve()
            found = clean(path.parent.name if path.name == READING else path.name)
            own = found if found and not DATE_LIKE.search(found) else own
        names.append(own)
    twice = {name for name, n in Counter(names).items() if n > 1}
    return [f"{n} ({place})" if n in twice else n for place, n in enumerate(names, start=1)]


def _open(
    place: int,
    name: str,
    one: VisitInput,
    *,
    joint: Joint | str | None,
    side: Side | str | None,
    isolate: bool,
) -> _Opened:
    """Open a visit without reading it. Raises InputError."""
    if isinstance(one, ReadResult):
        identity = identity_of(one.study) if one.study else Identity()
        return _Opened(place, name, one, identity)
    if isinstance(one, Study):
        return _Opened(place, name, one, identity_of(one))
    from marrowlight.report.course_files import COURSE
    from marrowlight.study.open import open_study

    path = Path(one)
    if is_reading(path):
        folder = visit_folder(path)
        as_it_was_read(folder.reading, joint=joint, side=side)
        return _Opened(place, name, folder, folder.identity)
    if (path / COURSE).is_file() or path.name == COURSE:
        raise UnreadableFile(
            "It is the output of `marrowlight follow`, which holds a course and no visit.",
            where=path,
            expected="a study, or the output folder of `marrowlight read` or `measure`",
        )
    study = open_study(path, joint=joint, side=side, isolate=isolate)
    _ = study.primary
    return _Opened(place, name, study, identity_of(study))


def _one_patient(opened: Sequence[_Opened]) -> None:
    known = [one for one in opened if one.identity.patient]
    if len({one.identity.patient for one in known}) > 1:
        other = [o.place for o in known if o.identity.patient != known[0].identity.patient]
        raise MixedPatients(
            "The visits are not of one patient: another patient id than in visit "
            f"{known[0].place + 1} is in {visits_words(other)}.",
            expected="visits of one patient",
            do="name the visits of one patient; the ids are not shown here on purpose",
        )


def _without_repeats(opened: Sequence[_Opened], left_out: list[LeftOutVisit]) -> list[_Opened]:
    """Without visits that hold the same image as an earlier one."""
    kept: list[_Opened] = []
    for one in opened:
        twin = next((k for k in kept if _same(k, one)), None)
        if twin is None:
            kept.append(one)
        else:
            reason = f"It holds the same images as visit {twin.place + 1}: one study, named twice."
            left_out.append(LeftOutVisit(name=one.name, reason=reason))
    return kept


def _same(one: _Opened, other: _Opened) -> bool:
    a, b = one.identity.image_sha256, other.identity.image_sha256
    if a and b:
        return a == b
    ids = [_reading_id(o.found) for o in (one, other)]
    return ids[0] is not None and ids[0] == ids[1]


def _reading_id(found: Study | VisitFolder | ReadResult) -> str | None:
    return None if isinstance(found, Study) else found.reading.reading_id


def _in_time(
    opened: Sequence[_Opened], given: tuple[float, ...] | None, limits: list[Limit]
) -> list[_Opened]:
    """The visits in the order of time, with their weeks since the first. Raises UsageError."""
    dates = [one.identity.date for one in opened]
    if given is not None:
        placed = [replace(one, weeks=given[one.place] - given[opened[0].place]) for one in opened]
        first = dates[0]
        off = [
            n
            for n, (one, date) in enumerate(zip(placed, dates, strict=True))
            if date and first and abs((date - first).days / 7 - one.weeks) > WEEKS_APART
        ]
        if off:
            text = (
                f"The dates in the files of {', '.join(placed[n].name for n in off)} do not fit "
                "the weeks that were given; the weeks given were used."
            )
            limits.append(Limit(code="weeks-against-dates", text=text))
        return placed
    unknown = [one.place for one in opened if one.identity.date is None]
    if unknown:
        raise UsageError(
            f"The files hold no study date in {visits_words(unknown)}.",
            expected="a study date in every visit",
            do="say when each visit was: --weeks 0,6,14",
        )
    order = sorted(opened, key=lambda one: (one.identity.date, one.place))
    known = [one.identity.date for one in order if one.identity.date]
    if len(set(known)) < len(known):
        same = [o.place for o in order if known.count(o.identity.date) > 1]  # type: ignore[arg-type]
        raise UsageError(
            f"{visits_words(same).capitalize()} carry the same date.",
            expected="visits at different times",
            do="say when each visit was: --weeks 0,6,14",
        )
    if [o.place for o in order] != [o.place for o in opened]:
        said = ", ".join(str(o.place + 1) for o in order)
        text = f"The visits were not named in the order of time; they were put in it ({said})."
        limits.append(Limit(code="put-in-order", text=text))
    return [
        replace(one, weeks=(date - known[0]).days / 7)
        for one, date in zip(order, known, strict=True)
    ]


def _visit(one: _Opened, given: bool, stages: Stages, *, pictures: bool, isolate: bool) -> Visit:
    """Read a visit, or take its reading. Raises InputError."""
    found = one.found
    source: Literal["dates", "given"] = "given" if given else "dates"
    shared: dict[str, Any] = {
        "name": one.name,
        "weeks": one.weeks,
        "weeks_source": source,
        "patient": one.identity.patient,
        "study": one.identity.study,
        "image_sha256": one.identity.image_sha256,
    }
    if isinstance(found, VisitFolder):
        bones, edema = found.masks(isolate=isolate)
        return Visit(
            joint=joint_of(found.reading.regions),
            side=side_of(found.reading.regions),
            bones=bones,
            edema=edema,
            reading=found.reading,
            image=found.image(bones, isolate=isolate) if pictures else None,
            from_reading=True,
            scanner=found.scanner,
            **shared,
        )
    result = found
    if isinstance(result, Study):
        from marrowlight.read_study import read

        result = read(result, only_primary=True, stages=stages)
    primary = result.primary
    return Visit(
        joint=joint_of(result.regions),
        side=side_of(result.regions),
        bones=result.bones,
        edema=result.edema,
        reading=result.reading,
        image=primary.volume.voxels if primary else None,
        from_reading=isinstance(found, ReadResult),
        scanner=primary.sequence if primary else {},
        **shared,
    )


def _of_one_joint(visits: Sequence[Visit], left_out: list[LeftOutVisit]) -> list[Visit]:
    """Only visits of the joint and side that most of them show; of equals that of the first.

    A visit of both sides goes with one of either: bones have their own sides.
    """

    def fit(one: Visit, other: Visit) -> bool:
        joints, sides = {one.joint, other.joint}, {one.side, other.side}
        return (len(joints) == 1 or Joint.UNKNOWN in joints) and (
            len(sides) == 1 or bool(sides & {Side.UNKNOWN, Side.MIDLINE})
        )

    if not visits:
        return []
    most = max(visits, key=lambda v: sum(fit(v, w) for w in visits))
    kept = []
    for visit in visits:
        if fit(visit, most):
            kept.append(visit)
            continue
        is_, other = (f"{v.side.value} {v.joint.value}" for v in (visit, most))
        reason = f"It shows another joint or side than the others: {is_}, not {other}."
        left_out.append(LeftOutVisit(name=visit.name, reason=reason))
    return kept


def _enough(usable: Sequence[object], left_out: Sequence[LeftOutVisit], of: int) -> None:
    if len(usable) >= 2:
        return
    why = "".join(f"\n  {one.name}: {one.reason}" for one in left_out)
    count = "None" if not usable else "Only one"
    raise InputError(
        f"{count} of {of} visits can be used.{why}",
        expected="at least two visits of one joint of one patient",
        do="look at the visits that were left out: `marrowlight inspect` shows what is in each",
    )


def _left_out(name: str, error: InputError) -> LeftOutVisit:
    return LeftOutVisit(name=name, reason=error.found.splitlines()[0])


def _explained(case: Case, result: CourseResult) -> Explanation:
    """The case explained with what the last visit shows and with the course."""
    from marrowlight.explained import explain_reading

    last = result.visits[-1].reading
    return explain_reading(case, last, result.course).explanation
