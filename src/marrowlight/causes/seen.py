"""From image to findings: what a reading shows, and nothing that it cannot show.

Fracture lines, erosions, bands, masses and the like are never claimed; they are left to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from marrowlight.causes.case import Case
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.look import MM3_PER_ML, Look, Seen, amount_of, listed, see, unknown
from marrowlight.causes.seen_places import PLACED
from marrowlight.causes.seen_rules import seen_rules
from marrowlight.errors import NotThisJoint
from marrowlight.notice import Notice
from marrowlight.reading import Reading, Region
from marrowlight.study.study import Joint, Side

__all__ = ["Seen", "case_seen", "region_of", "seen_in", "with_seen"]

FAR_APART = 2.0
"""Two values of one number that differ by more than this factor contradict each other."""

JUST_ABOVE = 1.0
"""...unless they differ by no more than one unit."""


def seen_in(
    reading: Reading, *, joint: Joint | None = None, side: Side = Side.UNKNOWN
) -> tuple[Seen, ...]:
    """What one joint of a reading shows, one entry for each finding that the software looks for.

    joint, side : of the patient in question; needed where a reading holds two knees. A joint that
    has no rules (sacroiliac) gives no findings. Raises NotThisJoint if the reading is of another
    joint or side.
    """
    region = region_of(reading, joint=joint, side=side)
    rules = seen_rules().joints.get(region.joint)
    if rules is None:
        return ()
    codes = {w.code for w in reading.warnings if w.series in (None, reading.primary_series)}
    look = Look.at(region, rules, _ratio_of(reading))
    return tuple(_doubted(one, codes, look) for one in _findings(look))


def region_of(reading: Reading, *, joint: Joint | None = None, side: Side = Side.UNKNOWN) -> Region:
    """The region of a reading that a patient is asked about; raises NotThisJoint."""
    regions = [r for r in reading.regions if r.side is not Side.MIDLINE] or list(reading.regions)
    here = [r for r in regions if joint in (None, r.joint)]
    fits = [r for r in here if Side.UNKNOWN in (side, r.side) or r.side is side]
    if len(fits) == 1:
        return fits[0]
    held = " and ".join(_name(r.joint, r.side) for r in regions) or "no joint"
    wanted = _name(joint, side) if joint else "one joint"
    if fits:
        raise NotThisJoint(
            f"The reading holds {held}, and the case does not say which is meant.",
            where="side",
            expected="a case that names its side",
            do="add 'side: left' or 'side: right' to the case",
        )
    raise NotThisJoint(
        f"The reading is of the {held}, the case of the {wanted}.",
        where=f"reading {reading.reading_id}",
        expected=f"a reading of the {wanted}",
        do="give the reading that belongs to this case, or correct joint and side in the case",
    )


def _name(joint: Joint, side: Side) -> str:
    name = "sacroiliac joint" if joint is Joint.SACROILIAC else joint.value
    return f"{side.value} {name}" if side in (Side.LEFT, Side.RIGHT) else name


def with_seen(case: Case, seen: Iterable[Seen]) -> tuple[Case, tuple[Notice, ...]]:
    """A case with what the image shows, where the case says nothing itself.

    Only what the software is sure enough of is filled in (limit ``fill`` of ``data/seen.yaml``).
    Where the image surely contradicts the case, the case is kept and a notice says so.
    """
    limits = seen_rules().limits
    findings = knowledge().findings
    notices: list[Notice] = []
    for one in seen:
        finding = findings[one.finding]
        said = case.values.get(one.finding) if one.value is not None else case.state(one.finding)
        surely = one.sure >= limits.contradict.value
        elsewhere = bool(finding.joints) and case.joint not in finding.joints
        if one.state == "unknown" or elsewhere:
            continue
        if said is not None:
            if surely and _contradicts(said, one):
                notices.append(_against(finding, one, said))
        elif one.sure >= limits.fill.value:
            if one.value is not None:
                case = replace(case, values={**case.values, one.finding: one.value})
            elif one.state == "absent" or not case.present.intersection(finding.excludes):
                case = case.but(one.finding, one.state == "present")
    return case, tuple(notices)


def case_seen(case: Case, reading: Reading) -> tuple[Case, tuple[Seen, ...], tuple[Notice, ...]]:
    """The case filled from its reading, all that was seen, and what to tell the reader.

    Raises NotThisJoint if the reading is of another joint or side than the case.
    """
    seen = seen_in(reading, joint=case.joint, side=case.side)
    filled, notices = with_seen(case, seen)
    region = region_of(reading, joint=case.joint, side=case.side)
    if case.side is not Side.UNKNOWN and region.side is Side.UNKNOWN:
        text = f"The reading does not know its side; it is taken for the {case.side.value} one."
        notices = (*notices, Notice("side-not-in-reading", text))
    return filled, seen, notices


def _contradicts(said: bool | float | str, one: Seen) -> bool:
    if one.value is None:
        return said != (one.state == "present")
    if isinstance(one.value, str) or isinstance(said, str):
        return said != one.value
    low, high = sorted((abs(float(said)), abs(one.value)))
    return high > FAR_APART * low and high - low > JUST_ABOVE


def _against(finding: Finding, one: Seen, said: bool | float | str) -> Notice:
    shown = one.state if one.value is None else one.value
    return Notice(
        "image-against-case",
        f"{finding.name}: the case says {_plain(said)}, the image shows {_plain(shown)} "
        f"({one.why}). The case is kept.",
    )


def _plain(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "present" if value else "absent"
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def _findings(look: Look) -> list[Seen]:
    seen = [_present(look), *_amounts(look)]
    if look.nameless:
        why = "the mask does not name the bones"
        placed: list[Seen] = [unknown(name, why) for name in PLACED]
    elif not look.involved:
        why = "no edema" if not look.doubtful else "edema below the detection limit only"
        placed = [unknown(name, f"{why} was found") for name in PLACED]
    else:
        placed = [rule(look) for rule in PLACED.values()]
    return [*seen, *placed, *(unknown(f, why) for f, why in seen_rules().asked.items())]


def _present(look: Look) -> Seen:
    sure = seen_rules().sure
    if look.involved:
        return see("bme_present", "present", sure.present, amount_of(look.involved))
    if look.doubtful:
        why = f"{amount_of(look.doubtful)}, below the detection limit"
        return see("bme_present", "present", sure.present_small, why)
    if look.missing and not look.nameless:
        return unknown("bme_present", f"none in the bones in view; {look.unread}")
    return see("bme_present", "absent", sure.absent, "no edema in any bone in view")


def _amounts(look: Look) -> list[Seen]:
    """Numbers of the region: volume, share of the bone, signal, bones."""
    sure = seen_rules().sure
    edema = look.region.edema
    ml = edema.volume_mm3 / MM3_PER_ML
    out = [see("bme_volume_ml", "present", sure.volume, "measured", round(ml, 3))]
    main = max(look.region.bones, key=lambda b: b.edema.volume_mm3, default=None)
    share = main.edema.bone_share if main and main.edema.volume_mm3 > 0 else None
    if share is None or main is None:
        out.append(unknown("bme_fraction_of_bone_pct", "no bone holds edema"))
    else:
        why = f"of the {main.name.lower()} in view, the bone with most edema"
        pct = round(100 * share, 2)
        out.append(see("bme_fraction_of_bone_pct", "present", sure.volume, why, pct))
    lesion = look.largest
    if lesion is None or lesion.contrast is None or look.ratio is None:
        out.append(unknown("bme_signal_ratio", "not measured"))
    else:
        why = f"lesion {lesion.id} against this patient's normal marrow"
        ratio = round(look.ratio(lesion.contrast), 2)
        out.append(see("bme_signal_ratio", "present", sure.ratio, why, ratio))
    if look.nameless:
        out.append(unknown("bme_n_bones", "the mask does not name the bones"))
        return out
    doubtful = bool(look.doubtful or look.missing)
    why = listed([b.name.lower() for b in look.involved]) or "no bone above the limit"
    if look.doubtful:
        why += f"; perhaps {listed([b.name.lower() for b in look.doubtful])}"
    if look.missing:
        why += f"; {look.unread}"
    how = sure.count_doubtful if doubtful else sure.count
    out.append(see("bme_n_bones", "present", how, why, float(len(look.involved))))
    return out


def _ratio_of(reading: Reading) -> Callable[[float], float] | None:
    marrow = next((s.normal_marrow for s in reading.series if s.primary), None)
    if marrow is None or marrow.center <= 0:
        return None
    step = marrow.spread / marrow.center
    return lambda contrast: 1 + contrast * step


def _doubted(seen: Seen, codes: set[str], look: Look) -> Seen:
    """The same with what the warnings of the reading leave of its certainty."""
    if seen.state == "unknown":
        return seen
    sure = seen.sure
    contrast = look.largest.contrast if look.largest else None
    for doubt in seen_rules().doubts:
        bright = doubt.below_contrast is not None and (contrast or 0) >= doubt.below_contrast
        if doubt.code in codes and not bright:
            sure *= doubt.absent if seen.state == "absent" else doubt.present
    return seen.model_copy(update={"sure": round(sure, 3)})
