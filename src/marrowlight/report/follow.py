"""The page of a comparison: self-contained, opens from disk, asks nothing of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from marrowlight.report.amount import THIN, ml
from marrowlight.report.follow_meaning import expected_ribbons, follow_meaning
from marrowlight.report.follow_page import FollowPage, follow_page, name_of, weeks_words
from marrowlight.report.follow_viewer import linked_viewer
from marrowlight.report.follow_words import MARKS, WORDS
from marrowlight.report.html import asset, content_policy, environment
from marrowlight.report.laid import laid_bones
from marrowlight.report.side_by_side import side_by_side
from marrowlight.report.timeline import Chart, Ribbon, chart

if TYPE_CHECKING:
    from marrowlight.course.course_result import CourseResult

WIDE, NARROW, SMALL = (1080, 340), (340, 280), (340, 240)
"""Sizes of a chart, in which its letters are as large as the text: of the main one on a wide and
on a narrow screen, and of the others."""

FIRST_TRACKS = 12
"""Lesions that are always listed; the rest unfolds."""


def follow_html(result: CourseResult, *, ribbons: Sequence[Ribbon] = ()) -> str:
    """The report of a comparison: pictures and tables without JavaScript.

    ribbons : expected courses of the leading causes, to draw into the timeline; where the result
    has an explanation with a course, its own are taken.

    Every string is escaped; a Content-Security-Policy allows only the scripts of the page itself
    and no connection at all.
    """
    from markupsafe import Markup

    from marrowlight.version import __version__

    course = result.course
    lesions = [
        {x.id: x for region in v.reading.regions for x in region.edema.lesions}
        for v in result.visits
    ]
    page = follow_page(course, lesions)
    weeks = course.visits[-1].weeks - course.visits[0].weeks
    main, others = _charts(result, ribbons or expected_ribbons(result.explanation, weeks))
    bones = laid_bones(result)
    rows = side_by_side(bones, result.visits)
    viewer = linked_viewer(bones, result.visits, sum(row.size for row in rows))
    style, code = asset("report.css"), asset("follow.js")
    scripts = [viewer.script, code] if viewer else []
    html: str = (
        environment()
        .get_template("follow.html.j2")
        .render(
            course=course,
            page=page,
            main_chart=main,
            charts=others,
            has_bars=any(d.bar for c in (*(main or ()), *others) for d in c.dots),
            rows=rows,
            meaning=follow_meaning(result.explanation),
            viewer=viewer,
            viewer_data=Markup(viewer.data) if viewer else "",  # noqa: S704
            viewer_script=Markup(viewer.script) if viewer else "",  # noqa: S704
            code=Markup(code),  # noqa: S704
            count_limits=_count_limits(page),
            first_tracks=FIRST_TRACKS,
            weeks_words=weeks_words,
            marks=MARKS,
            words=WORDS,
            ml=_ml,
            version=__version__,
            style=Markup(style),  # noqa: S704
            policy=content_policy(style, scripts),
            thin=THIN,
        )
    )
    return html


def _charts(
    result: CourseResult, ribbons: Sequence[Ribbon]
) -> tuple[tuple[Chart, Chart] | None, tuple[Chart, ...]]:
    """The main chart, wide and narrow, and those of single bones where there are several."""
    course = result.course
    held = [b for b in course.bones if any(b.volume_mm3)]
    held.sort(key=lambda b: -max(v or 0.0 for v in b.volume_mm3))
    total = course.total if any(v is not None for v in course.total.volume_mm3) else None
    if len(held) == 1 or (held and total is None):
        main, title, rest = held[0], name_of(held[0], course.side), held[1:]
    elif total is not None:
        main, title, rest = total, "All bones together", held
    else:
        return None, ()

    def drawn(size: tuple[int, int]) -> Chart | None:
        return chart(
            main, course.visits, title=title, width=size[0], height=size[1], ribbons=ribbons
        )

    wide, narrow = drawn(WIDE), drawn(NARROW)
    others = [
        chart(b, course.visits, title=name_of(b, course.side), width=SMALL[0], height=SMALL[1])
        for b in rest
    ]
    both = (wide, narrow) if wide and narrow else None
    return both, tuple(c for c in others if c)


def _count_limits(page: FollowPage) -> str:
    """``3 limits, 1 visit not compared``."""
    parts = []
    if page.limits:
        parts.append(f"{len(page.limits)} limit{'s' if len(page.limits) > 1 else ''}")
    if page.left_out:
        many = "s" if len(page.left_out) > 1 else ""
        parts.append(f"{len(page.left_out)} visit{many} not compared")
    return ", ".join(parts)


def _ml(volume_mm3: float) -> str:
    return ml(volume_mm3) if volume_mm3 > 0 else "nothing"
