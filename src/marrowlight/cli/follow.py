"""``marrowlight follow``: what changed from visit to visit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.course.course import BoneCourse, Course
    from marrowlight.course.course_result import CourseResult
    from marrowlight.stages import Stages


def command(
    visits: Annotated[
        list[Path],
        typer.Argument(
            metavar="VISIT1 VISIT2...",
            help="Each a study (folder, file or archive), or the output folder of an earlier "
            "`marrowlight read` or `measure`.",
        ),
    ],
    out: opt.Out,
    weeks: Annotated[
        str | None,
        typer.Option(
            metavar="0,6,14",
            help="When each visit was, in weeks; without it the dates in the files say so.",
        ),
    ] = None,
    case: Annotated[
        Path | None,
        typer.Option(
            metavar="CASE.yaml",
            help="What is known of the patient; the report then says what the course speaks for.",
        ),
    ] = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    isolate: opt.Isolate = True,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Compare visits of one joint: what grew, shrank, moved, beyond measurement error.

    Example: marrowlight follow visit1/ visit2/ -o course

    Bones are laid on each other one by one, since joints bend between visits; each image is judged
    against its own normal marrow. Visits are put in the order of their dates, or name the weeks
    with --weeks 0,6,14.

    Writes report.html, course.json, edema_visit1.nii.gz... (on the grid of the first visit) and
    run.json; with --case also explanation.json. Exit code 3 means that the visits were refused,
    that one of them had to be left out, or that no bone could be compared.
    """
    from marrowlight.follow_visits import follow
    from marrowlight.report.course_files import check_course_folder, write_course
    from marrowlight.stages import Stages

    screen = Screen(quiet=quiet, as_json=as_json)
    check_course_folder(out, overwrite=overwrite)
    times = parse_weeks(weeks)
    known = None
    if case is not None:
        # A mistake in the case is told before the images are read.
        from marrowlight.causes.case_file import read_case

        known = read_case(case)
    with screen.progress() as progress:
        stages = Stages(on_start=progress)
        result = follow(
            visits,
            weeks=times,
            joint=joint.value if joint else None,
            side=side.value if side else None,
            case=known,
            isolate=isolate,
            stages=stages,
        )
        chosen = {
            "command": "follow",
            "weeks": "given" if times else "dates",
            "case": "given" if case else None,
            "joint": joint,
            "side": side,
            "isolate": isolate,
        }
        report = write_course(out, result, overwrite=overwrite, stages=stages, options=chosen)
    _show(screen, result, report, stages)
    return 3 if result.course.left_out or not any_compared(result.course) else 0


def any_compared(course: Course) -> bool:
    """Whether any bone could be compared between two visits."""
    return any(bone.log_ratio is not None for bone in course.bones)


def parse_weeks(text: str | None) -> tuple[float, ...] | None:
    """``"0,6,14"`` to numbers; raises UsageError."""
    from marrowlight.errors import UsageError

    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"{text!r} are no weeks.", where="--weeks", expected="numbers, e.g. 0,6,14"
        ) from None


def _show(screen: Screen, result: CourseResult, report: Path, stages: Stages) -> None:
    """Summary, a table of bones, limits, and where the report is."""
    from marrowlight.course.sentence import ml_number
    from marrowlight.course.smallest_change import ratio_text

    course = result.course
    screen.result(
        {
            "out": str(report.parent),
            "report": str(report),
            "partial": bool(course.left_out) or not any_compared(course),
            "seconds": round(sum(stages.seconds.values()), 2),
            "course": course.model_dump(mode="json", by_alias=True),
        }
    )
    screen.say(course.summary)
    rows = []
    for bone in (*course.bones, course.total):
        volumes = [ml_number(v) if v is not None else "not compared" for v in bone.volume_mm3]
        noise = ratio_text(bone.sdc_log_ratio)
        rows.append((_name(bone, course), *volumes, noise, bone.verdict.value))
    columns = [f">week {v.weeks:.3g}, ml" for v in course.visits]
    screen.table("Edema that all visits show", ("bone", *columns, ">noise", "verdict"), rows)
    screen.warn([f"{one.name} was left out: {one.reason}" for one in course.left_out])
    screen.warn([one.text for one in course.limits])
    screen.say(f"Report: {report}")


def _name(bone: BoneCourse, course: Course) -> str:
    from marrowlight.course.compare import TOTAL
    from marrowlight.course.limits import bone_words
    from marrowlight.course.visit import BoneKey

    if bone.bone == TOTAL:
        return "all together"
    return bone_words(BoneKey(bone.bone, bone.side), course.side)
