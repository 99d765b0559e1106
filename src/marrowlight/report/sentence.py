"""What was found, in one plain sentence per region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from marrowlight.edema.measurement import BoneEdema, Edema, IntervalKind, Lesion
from marrowlight.regions import NAMELESS
from marrowlight.report.amount import THIN, digits, interval_of, ml, percent
from marrowlight.report.systems import main_system
from marrowlight.study.study import Joint, Side

if TYPE_CHECKING:
    from marrowlight.reading import BoneNotRead, Region

_JOINTS = {
    Joint.SACROILIAC: "sacroiliac joint",
    Joint.OTHER: "joint of another kind",
    Joint.UNKNOWN: "joint not known",
}
MOSTLY = 0.8
HALF = 0.5
"""A lesion with this share in one zone is said to lie in it, or mostly in it."""

MOST_BONES = 3
"""A sentence names this many bones; the table has them all."""


def region_name(joint: Joint, side: Side) -> str:
    """The region for people: ``Left knee``, ``Sacroiliac joints``, ``Knee, side unknown``."""
    name = _JOINTS.get(joint, joint.value)
    if side in (Side.LEFT, Side.RIGHT):
        text = f"{side.value} {name}"
        if joint is Joint.UNKNOWN:
            text = f"{name}, {side.value} side"
    elif side is Side.MIDLINE:
        # Of a hip, only the sacrum beside it lies in the midline.
        name = "pelvis" if joint is Joint.HIP else name
        text = f"{name}s" if joint is Joint.SACROILIAC else f"{name}, midline"
    else:
        text = f"{name}, side unknown"
    return text[0].upper() + text[1:]


def bone_name(bone: BoneEdema, region_side: Side) -> str:
    """A bone for people, with its side only where it differs from that of its region."""
    name = "bone" if bone.bone == NAMELESS else bone.name.lower()
    if bone.side is region_side or bone.side in (Side.UNKNOWN, Side.MIDLINE):
        return name
    return f"{bone.side.value} {name}"


def not_read_name(one: BoneNotRead, region_side: Side) -> str:
    """A bone that was not read for people, with a capital."""
    from marrowlight.anatomy.registry import bone_registry

    name = "bone" if one.bone == NAMELESS else bone_registry()[one.bone].name.lower()
    if one.side not in (region_side, Side.UNKNOWN, Side.MIDLINE):
        name = f"{one.side.value} {name}"
    return name[0].upper() + name[1:]


def summary_sentence(regions: Sequence[Region]) -> str:
    """What was found, in one plain sentence per region; only what is known."""
    return " ".join(region_sentence(region) for region in regions)


def region_sentence(region: Region) -> str:
    """What was found in one region, e.g. ``Left knee: bone marrow edema of 5.2 ml ...``."""
    return f"{region_name(region.joint, region.side)}: {finding(region)}"


def finding(region: Region) -> str:
    """What was found in one region, without its name: ``bone marrow edema of 5.2 ml ...``."""
    edema = region.edema
    if edema.volume_mm3 <= 0:
        return (
            f"no bone marrow edema was found in {_all_bones(region)}; {_missed(edema)}."
            f"{_cysts(region)}"
        )
    found = f"bone marrow edema of {ml(edema.volume_mm3)}{_readers(region)}"
    return f"{found}{_bones(region)}{_lesions(region)}.{_cysts(region)}"


def _missed(edema: Edema) -> str:
    """What may be there all the same."""
    if edema.detection_limit_mm3 is not None:
        return f"a lesion smaller than about {ml(edema.detection_limit_mm3)} may be missed"
    return f"lesions smaller than {digits(edema.smallest_counted_mm3)}{THIN}mm³ are not counted"


def _readers(region: Region) -> str:
    one = interval_of(region.edema, IntervalKind.READER_AGREEMENT)
    if one is None:
        return ""
    low = digits(one.low_mm3 / 1000) if one.low_mm3 >= 0.5 else "0"
    return f" (another reader: {low} to {ml(one.high_mm3)})"


def _the(name: str) -> str:
    return f"the {name}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _all_bones(region: Region) -> str:
    return _joined([_the(bone_name(b, region.side)) for b in region.bones]) + " in view"


def _bones(region: Region) -> str:
    """The bones that hold edema with volume and share, most first."""
    held = sorted(
        (b for b in region.bones if b.edema.volume_mm3 > 0), key=lambda b: -b.edema.volume_mm3
    )
    if not held:
        return ""
    if len(held) == 1:
        share = held[0].edema.bone_share
        if held[0].bone == NAMELESS:
            return "" if share is None else f", {percent(share)} of the bone in view"
        of = "" if share is None else f" ({percent(share)} of the bone in view)"
        return f" in {_the(bone_name(held[0], region.side))}{of}"
    parts = []
    for place, bone in enumerate(held[:MOST_BONES]):
        share = bone.edema.bone_share
        of = "" if share is None else f", {percent(share)}"
        of += " of the bone in view" if of and place == 0 else ""
        amount = ml(bone.edema.volume_mm3)
        parts.append(f"{_the(bone_name(bone, region.side))} ({amount}{of})")
    more = len(held) - MOST_BONES
    if more > 0:
        parts.append(f"{more} more bone{'s' if more > 1 else ''}")
    return f" in {_joined(parts)}"


def _lesions(region: Region) -> str:
    lesions = region.edema.lesions
    if not lesions:
        return ""
    largest = max(lesions, key=lambda one: one.volume_mm3)
    surface = _surface(largest)
    named = {(b.bone, b.side): bone_name(b, region.side) for b in region.bones}
    here = named.get((largest.bone, largest.side)) if len(region.bones) > 1 else None
    zone = _zone(largest, region, here if len(lesions) > 1 else None)
    if len(lesions) == 1:
        return f"; one lesion{zone}{', which ' + surface if surface else ''}"
    size = f" of {ml(largest.volume_mm3)}"
    place = (f" in the {here}" if here else "") + zone
    return f"; {len(lesions)} lesions, the largest{size}{place}{' ' + surface if surface else ''}"


def _zone(lesion: Lesion, region: Region, bone: str | None) -> str:
    """The zone that most of a lesion lies in, in brackets; nothing where more lies outside all.

    bone : that was just named, so that it is not said twice.
    """
    system = main_system(region)
    parts = [part for part in lesion.zones if part.system == system]
    if not parts:
        return ""
    first = max(parts, key=lambda part: part.share_of_lesion)
    if first.share_of_lesion < 1 - sum(part.share_of_lesion for part in parts):
        return ""
    name = _lower(first.name)
    if bone:
        name = name.removeprefix(f"{bone}, ")
    if first.share_of_lesion >= MOSTLY:
        return f" ({name})"
    if first.share_of_lesion >= HALF:
        return f" (mostly {name})"
    return f" (in {len(parts)} zones, the largest part in {name})"


def _lower(name: str) -> str:
    """Without a capital at the start, unless the word is an abbreviation."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


def _surface(lesion: Lesion) -> str:
    """Where the lesion is to the joint surface, if that was measured."""
    if lesion.contacts_surface:
        return "reaches the joint surface"
    if lesion.distance_to_surface_mm is not None:
        return f"lies {lesion.distance_to_surface_mm:.0f}{THIN}mm from the joint surface"
    return ""


def _cysts(region: Region) -> str:
    cyst = region.edema.cyst_volume_mm3
    return f" Cysts of {ml(cyst)} are counted apart." if cyst > 0 else ""
