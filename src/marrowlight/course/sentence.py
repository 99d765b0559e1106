"""What changed, in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence

from marrowlight.course.course import BoneCourse, Fate, SdcBasis, Verdict
from marrowlight.course.limits import bone_words
from marrowlight.course.visit import BoneKey
from marrowlight.study.study import Side

CHANGED = (Verdict.GREW, Verdict.SHRANK, Verdict.NEW, Verdict.RESOLVED)

MOST_BONES = 3
"""A sentence names this many bones of a kind; the table has them all."""

SHORT_WEEKS = 2.0
"""Shorter times are said in days."""


def summary_sentence(bones: Sequence[BoneCourse], weeks: Sequence[float], side: Side) -> str:
    """What changed, e.g. ``Edema in the femur shrank from 12.1 to 4.0 ml over 8 weeks (more than
    measurement error); tibia stable.``

    bones : over all visits; weeks : of the visits; side : of the joint. Says nothing about causes.
    """
    over = f"over {span(max(weeks) - min(weeks))}"
    compared = [b for b in bones if b.log_ratio is not None]
    if not compared:
        return "No bone could be compared between the visits."
    held = [b for b in compared if b.verdict is not Verdict.ABSENT]
    if not held:
        most = max(max(ends(b)) for b in compared)
        if most > 0:
            first = (
                "The little edema that was found at any visit is less than can be told from "
                f"nothing (at most {ml_number(most)} ml in a bone)"
            )
        else:
            first = f"No bone marrow edema was found at any visit {over}"
        return f"{first}.{_not_compared(bones, side)}"
    changed = sorted((b for b in held if b.verdict in CHANGED), key=_size)
    clauses = [_changed(b, side) for b in changed[:MOST_BONES]]
    first = ""
    if clauses:
        basis = "more than measurement error"
        if any(b.sdc_basis is SdcBasis.PHANTOM for b in changed):
            basis = "more than the software's own measurement error"
        first = f"Edema in {_joined([clauses[0], *(f'edema in {c}' for c in clauses[1:])])}"
        first += f" {over} ({basis})"
        more = len(changed) - MOST_BONES
        if more > 0:
            first += f"; {more} more bone{'s' * (more > 1)} changed"
    for words, verdict in (("stable", Verdict.STABLE), ("uncertain", Verdict.UNCERTAIN)):
        alike = sorted((b for b in held if b.verdict is verdict), key=_size)
        if not alike:
            continue
        if first:
            first += f"; {_names(alike, side)} {words}"
        elif verdict is Verdict.STABLE:
            first = (
                f"Edema in the {_names(alike, side, amounts=True)} was stable {over} (no change "
                "beyond measurement error)"
            )
        else:
            first = (
                f"Edema in the {_names(alike, side, amounts=True)}: whether it changed {over} is "
                "uncertain (too little, or within measurement error)"
            )
    return f"{first}.{_moved(bones, side)}{_not_compared(bones, side)}"


def span(weeks: float) -> str:
    """A time for people: 10 days, 8 weeks."""
    if weeks < SHORT_WEEKS:
        days = round(weeks * 7)
        return f"{days} day{'s' * (days != 1)}"
    return f"{round(weeks)} weeks"


def ml_number(volume_mm3: float) -> str:
    """A volume in ml without its unit: 0.35, 4.0, 12.1, 138; 0 for none."""
    ml = volume_mm3 / 1000
    if ml >= 99.95:
        return f"{ml:.0f}"
    if ml >= 0.995:
        return f"{ml:.1f}"
    return f"{ml:.2f}" if ml >= 0.005 else "0"


def ends(bone: BoneCourse) -> tuple[float, float]:
    """First and last volume that was compared, mm³."""
    known = [v for v in bone.volume_mm3 if v is not None]
    return known[0], known[-1]


def _changed(bone: BoneCourse, side: Side) -> str:
    before, after = ends(bone)
    name = f"the {_name(bone, side)}"
    numbers = f"{ml_number(before)} to {ml_number(after)} ml"
    if bone.verdict is Verdict.NEW:
        return f"{name} is new ({ml_number(after)} ml)"
    if bone.verdict is Verdict.RESOLVED:
        return f"{name} resolved (from {numbers})"
    return f"{name} {bone.verdict.value} from {numbers}"


def _names(bones: Sequence[BoneCourse], side: Side, *, amounts: bool = False) -> str:
    def one(bone: BoneCourse) -> str:
        name = _name(bone, side)
        if not amounts:
            return name
        before, after = ends(bone)
        return f"{name} ({ml_number(before)} to {ml_number(after)} ml)"

    names = [one(bone) for bone in bones[:MOST_BONES]]
    more = len(bones) - MOST_BONES
    if more > 0:
        names.append(f"{more} more bone{'s' * (more > 1)}")
    return _joined(names)


def _moved(bones: Sequence[BoneCourse], side: Side) -> str:
    """Edema that left one bone and came up in another."""
    tracks = {t.track_id: t for b in bones for t in b.lesions}
    pairs = []
    for track in tracks.values():
        for stop in track.at:
            if stop.fate is not Fate.MOVED_BONE:
                continue
            came = [tracks[p] for p in track.from_tracks if tracks[p].bone != track.bone]
            for old in came[:1]:
                pair = (BoneKey(old.bone, old.side), BoneKey(track.bone, track.side))
                pairs.append(
                    f"the one in the {bone_words(pair[0], side)} was gone when the one in the "
                    f"{bone_words(pair[1], side)} came"
                )
    unique = list(dict.fromkeys(pairs))
    if not unique:
        return ""
    return f" Lesions changed place: {_joined(unique[:MOST_BONES])}."


def _not_compared(bones: Sequence[BoneCourse], side: Side) -> str:
    alone = [b for b in bones if b.log_ratio is None]
    if not alone:
        return ""
    verb = "was" if len(alone) == 1 else "were"
    return f" The {_names(alone, side)} {verb} not compared."


def _name(bone: BoneCourse, side: Side) -> str:
    return bone_words(BoneKey(bone.bone, bone.side), side)


def _size(bone: BoneCourse) -> float:
    return -max(ends(bone))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
