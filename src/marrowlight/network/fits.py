"""Whether a study fits, from what the server says of it: MR, of a joint, with a series for fluid.

Cheap and generous: the rules of ``study`` decide, on the headers alone; what they leave open, the
images decide when the study is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marrowlight.network.header import JsonHeader
from marrowlight.network.holdings import HeldSeries
from marrowlight.study.candidate import Candidate
from marrowlight.study.dicom_tags import header_tags
from marrowlight.study.joint import find_joint
from marrowlight.study.role import find_role
from marrowlight.study.series import Role
from marrowlight.study.study import Joint

MR = "MR"
MOST_HEADERS = 20
"""Series whose first header is asked for, where the list of series leaves a study open."""

MAY_BE_SUPPRESSED = (Role.PD, Role.T2)
"""Whether fat is suppressed, only the image may show."""


@dataclass(frozen=True)
class Fit:
    """fits : whether to pull and open it; reason : why, without a word of the files."""

    fits: bool
    reason: str


def fit_of(
    description: str, series: Sequence[HeldSeries], first_header: Callable[[str], JsonHeader]
) -> Fit:
    """Whether a study is worth pulling.

    description : of the study; first_header : asks for the header of one instance of a series
    """
    magnetic = [one for one in series if one.modality == MR]
    if not magnetic:
        return Fit(False, "it holds no MR images")
    listed = [_candidate(description, one.header) for one in magnetic]
    joint = find_joint(listed).joint
    if joint not in (Joint.OTHER, Joint.UNKNOWN) and _any(listed, fluid=True):
        return Fit(True, f"{joint.value}, with a fluid-sensitive series")
    if joint is Joint.OTHER:
        return Fit(False, "it shows another part of the body")
    asked = [_candidate(description, first_header(one.uid)) for one in magnetic[:MOST_HEADERS]]
    joint = find_joint(asked).joint
    if joint is Joint.OTHER:
        return Fit(False, "it shows another part of the body")
    if joint is Joint.UNKNOWN:
        return Fit(False, "no tag or name says which joint it shows")
    if _any(asked, fluid=True):
        return Fit(True, f"{joint.value}, with a fluid-sensitive series")
    if _any(asked, fluid=False):
        return Fit(True, f"{joint.value}, perhaps with a fluid-sensitive series")
    return Fit(False, f"{joint.value}, without a fluid-sensitive series")


def _candidate(description: str, header: JsonHeader) -> Candidate:
    tags = header_tags(header)
    if description:
        tags.setdefault("StudyDescription", description)
    return Candidate(header.text("SeriesDescription"), None, tags, ())


def _any(candidates: Sequence[Candidate], *, fluid: bool) -> bool:
    roles = [find_role(one).role for one in candidates]
    return any(r.fluid_sensitive if fluid else r in MAY_BE_SUPPRESSED for r in roles)
