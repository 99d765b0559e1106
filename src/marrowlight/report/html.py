"""The report as one self-contained page that opens from disk and asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any

from marrowlight.report import page
from marrowlight.report.amount import THIN
from marrowlight.report.causes import causes_view
from marrowlight.report.joint_map import joint_map
from marrowlight.report.key_slices import Marks
from marrowlight.report.pictures import Picture, key_pictures, marks_of
from marrowlight.report.systems import main_system, system_title
from marrowlight.report.viewer import Viewer, viewer_of
from marrowlight.report.where import where, zone_numbers
from marrowlight.result import ReadResult

EDEMA_RGB = (255, 176, 0)
CYST_RGB = (86, 190, 255)
"""Orange and sky blue of the palette for all kinds of colour vision. Source: Okabe and Ito 2008."""


_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Characters that act on a text without being seen, or that cannot be encoded (categories Cc, Cf,
Zl, Zp, Cs, and no characters)."""


def report_html(result: ReadResult) -> str:
    """The report of one reading: pictures and tables without JavaScript, an interactive view with.

    Every string is escaped; a Content-Security-Policy allows only the scripts of the page itself
    and no connection at all.
    """
    from markupsafe import Markup

    reading = result.reading
    marks = marks_of(result)
    pictures = key_pictures(result, marks)
    key = next(p for p in pictures if p.key)
    numbers = zone_numbers(reading)
    system = next(filter(None, map(main_system, reading.regions)), "")
    drawn = joint_map(result, marks, numbers, system or None)
    taken = sum(p.size for p in pictures) + (drawn.size if drawn else 0)
    viewer = viewer_of(result, taken)
    style = asset("report.css")
    code = asset("report.js")
    scripts = [code, *([viewer.script] if viewer else [])]
    template = environment().get_template("report.html.j2")
    html: str = template.render(
        reading=reading,
        title=page.page_title(reading),
        causes=causes_view(result.explained) if result.explained else None,
        regions=[page.region_view(region) for region in reading.regions],
        map=drawn,
        map_system=system_title(system),
        places=[one for one in where(reading, numbers) if one.says_anything],
        series=page.series_rows(reading.series),
        bases=page.bases(reading),
        detection=page.detection_text(reading),
        marrow=next((s.normal_marrow for s in reading.series if s.primary), None),
        roles=page.ROLES,
        grid_text=page.grid_text,
        pictures=pictures,
        key=key,
        without_image=result.primary is None,
        image_reason=page.as_sentence(reading.primary_reason),
        bones_source=page.as_sentence(result.bones.source),
        viewer=viewer,
        viewer_script=Markup(viewer.script) if viewer else "",  # noqa: S704
        viewer_data=Markup(_data(viewer, result, marks, key)) if viewer else "",  # noqa: S704
        style=Markup(style),  # noqa: S704
        code=Markup(code),  # noqa: S704
        policy=content_policy(style, scripts),
        thin=THIN,
    )
    return html


def content_policy(style: str, scripts: list[str]) -> str:
    """The page's Content-Security-Policy: its own style and scripts by hash, and nothing else."""
    allowed = " ".join(_hash(s) for s in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def clean(value: Any) -> Any:
    """Text without control characters and changes of writing direction, which escaping keeps."""
    if type(value) is not str:
        return value
    return _UNSEEN.sub(" ", value)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def asset(name: str) -> str:
    """The text of a file among the assets."""
    path = resources.files(__package__).joinpath("assets", name)
    return path.read_text(encoding="utf-8")


def environment() -> Any:
    """Templates of the assets: every value is escaped and cleaned, none may be missing."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=clean,
    )


def _data(viewer: Viewer, result: ReadResult, marks: Marks, key: Picture) -> str:
    """Settings of the interactive view as JSON that cannot end its element."""
    lesions = [one for region in result.reading.regions for one in region.edema.lesions]
    data = {
        "low": viewer.low,
        "high": viewer.high,
        "plane": key.plane,
        "edemaRgb": EDEMA_RGB,
        "cystRgb": CYST_RGB,
        "places": {id_: [round(v, 3) for v in place] for id_, place in marks.places.items()},
        "start": max(lesions, key=lambda one: one.volume_mm3).id if lesions else None,
    }
    return json.dumps(data).replace("<", "\\u003c")
