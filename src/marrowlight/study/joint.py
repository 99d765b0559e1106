"""Which joint and which side a study shows, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from marrowlight.errors import NotThisJoint
from marrowlight.notice import Notice
from marrowlight.study.body_words import joint_of_name, side_of_name
from marrowlight.study.candidate import Candidate
from marrowlight.study.study import Joint, Side, Study

OFF_CENTRE_MM = 40.0
"""A limb whose stack is centred further than this to one side of the scanner's origin is on that
side. Knees lie 60 to 120 mm off the midline unless the table was moved sideways. Unit: mm."""

BOTH_SIDES_MM = 180.0
"""A field at least this wide from right to left, about the midline, shows both sides. Unit: mm."""

LATERALITY = {"L": Side.LEFT, "R": Side.RIGHT, "B": Side.MIDLINE}


FROM_POSITION_CODE = "side-from-position"
"""Code of the notice that only the place in the scanner says which side this is."""


@dataclass(frozen=True)
class JointFound:
    """Joint and side, each with evidence."""

    joint: Joint
    joint_evidence: tuple[str, ...]
    side: Side
    side_evidence: tuple[str, ...]
    notices: tuple[Notice, ...] = ()


def find_joint(
    candidates: Sequence[Candidate], *, joint: Joint | None = None, side: Side | None = None
) -> JointFound:
    """Joint and side of the candidates; ``joint`` and ``side`` override what the files say."""
    notices: list[Notice] = []
    seen, evidence = _joint(candidates, notices)
    if joint is not None:
        if seen not in (Joint.UNKNOWN, joint):
            text = (
                f"The joint was given as {joint.value}; the files say {seen.value} ({evidence[0]})."
            )
            notices.append(Notice("joint-disagrees", text))
        seen, evidence = joint, ("given by the user", *evidence)
    found, side_evidence = _side(candidates, seen, notices)
    if side is not None:
        notices = [n for n in notices if n.code != FROM_POSITION_CODE]
        if found not in (Side.UNKNOWN, side):
            text = (
                f"The side was given as {side.value}; the files say {found.value} "
                f"({side_evidence[0]})."
            )
            notices.append(Notice("side-disagrees", text))
        found, side_evidence = side, ("given by the user", *side_evidence)
    return JointFound(seen, evidence, found, side_evidence, tuple(notices))


def require_joint(study: Study) -> None:
    """Raise NotThisJoint if the study shows a head or another part that is not read here."""
    if study.joint is Joint.OTHER:
        raise NotThisJoint(
            "The images show another part of the body: " + "; ".join(study.joint_evidence) + ".",
            expected="a hip, knee, ankle or sacroiliac joint",
            do="give the right folder; if the files are wrong, say which joint it is with --joint",
        )


def _joint(candidates: Sequence[Candidate], notices: list[Notice]) -> tuple[Joint, tuple[str, ...]]:
    """The joint by the most telling source; a weaker source that differs is noted."""
    found: list[tuple[Joint, str]] = []
    for source, texts in _sources(candidates):
        votes: dict[Joint, str] = {}
        for text in texts:
            hit = joint_of_name(text, head=source != "description")
            if hit is not None:
                votes.setdefault(hit[0], f"{source} has '{hit[1]}'")
        if len(votes) == 1:
            found += votes.items()
        elif votes:
            # A knee exam may have one series called "hip to ankle": a source at odds is no source.
            named = " and ".join(sorted(j.value for j in votes))
            notices.append(Notice("joint-ambiguous", f"{source} names {named}."))
    if not found:
        return Joint.UNKNOWN, ("no tag, name or coil says which joint this is",)
    first = found[0][0]
    for other, why in found[1:]:
        if other is not first:
            text = (
                f"The files disagree about the joint: {found[0][1]}, but {why}. The first counts."
            )
            notices.append(Notice("joint-disagrees", text))
    return first, tuple(why for other, why in found if other is first)


def _sources(candidates: Sequence[Candidate]) -> Iterable[tuple[str, list[str]]]:
    """Texts that may name the joint, most telling source first."""
    yield "AnatomicRegion", _values(candidates, ("AnatomicRegion",))
    yield "BodyPartExamined", _values(candidates, ("BodyPartExamined",))
    keys = (
        "StudyDescription", "RequestedProcedureDescription", "PerformedProcedureStepDescription",
        "SeriesDescription", "ProtocolName",
    )  # fmt: skip
    yield "description", _values(candidates, keys)
    yield "receive coil", _values(candidates, ("ReceiveCoilName",))
    yield "path", sorted({_short(f) for c in candidates for f in c.files[:1]})


def _short(file: str) -> str:
    """File name and its folder; what is above belongs to the machine and not to the exam."""
    path = PurePath(file.replace("!", "/"))
    return " ".join(path.parts[-2:])


def _values(candidates: Sequence[Candidate], keys: Sequence[str]) -> list[str]:
    return sorted({str(c.tags[k]) for c in candidates for k in keys if c.tags.get(k)})


def _side(
    candidates: Sequence[Candidate], joint: Joint, notices: list[Notice]
) -> tuple[Side, tuple[str, ...]]:
    told: list[tuple[Side, str]] = []
    for key in ("ImageLaterality", "Laterality"):
        values = {LATERALITY[v] for v in _values(candidates, (key,)) if v in LATERALITY}
        if len(values) == 1:
            told.append((values.pop(), f"{key} tag"))
        elif values:
            told.append((Side.MIDLINE, f"{key} tag names both sides"))
    keys = ("BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription")
    names = _values(candidates, keys) + [PurePath(f).name for c in candidates for f in c.files[:1]]
    named = {side for text in names if (side := side_of_name(text))}
    if len(named) == 1:
        told.append((named.pop(), "name"))
    placed = _by_geometry(candidates, joint)
    if not told:
        if placed is None:
            return Side.UNKNOWN, ("no tag, name or position says which side this is",)
        if placed[0] is not Side.MIDLINE:
            text = (
                f"No tag says which side this is; {placed[0].value} was concluded from the "
                "position in the scanner alone."
            )
            notices.append(Notice(FROM_POSITION_CODE, text))
        return placed[0], (placed[1],)
    first, why = told[0]
    for other, source in [*told[1:], *([placed] if placed else [])]:
        if {first, other} == {Side.LEFT, Side.RIGHT}:
            text = (
                f"Left and right disagree: {why} says {first.value}, {source} says "
                f"{other.value}. {first.value.capitalize()} was used; check the images."
            )
            notices.append(Notice("side-disagrees", text))
    agreeing = [s for o, s in [*told, *([placed] if placed else [])] if o is first]
    return first, tuple(agreeing)


def _by_geometry(candidates: Sequence[Candidate], joint: Joint) -> tuple[Side, str] | None:
    """The side by where the largest stack lies; None if that does not tell."""
    volumes = [
        c.volume for c in candidates
        if c.volume is not None and not any(n.code == "orientation-unknown" for n in c.notices)
    ]  # fmt: skip
    if not volumes or joint is Joint.OTHER:
        return None
    largest = max(volumes, key=lambda v: v.grid.voxel_volume_mm3 * v.voxels.size)
    x = largest.grid.corners()[:, 0]
    middle, width = float(x.mean()), float(x.max() - x.min())
    if joint is Joint.SACROILIAC:
        if x.min() < -20 and x.max() > 20:
            return Side.MIDLINE, f"the field is {width:.0f} mm wide and shows both sides"
        return None
    if x.min() < -BOTH_SIDES_MM / 2 and x.max() > BOTH_SIDES_MM / 2:
        return None
    if abs(middle) < OFF_CENTRE_MM:
        return None
    side = Side.RIGHT if middle > 0 else Side.LEFT
    return side, f"the stack lies {abs(middle):.0f} mm {side.value} of the scanner's origin"
