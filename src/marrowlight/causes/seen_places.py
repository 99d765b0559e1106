"""What the place of edema says: site, focal or diffuse, both sides of the joint, insertions."""

from __future__ import annotations

from collections.abc import Callable

from marrowlight.causes.look import MM3_PER_ML, Look, Seen, listed, see, unknown, words
from marrowlight.causes.seen_rules import BoneEnd, seen_rules
from marrowlight.edema.measurement import BoneEdema, Edge, Lesion

INSERTIONS = "insertions"


def _distance(look: Look) -> Seen:
    name, lesion = "bme_distance_to_joint_mm", look.largest
    if lesion is None or lesion.distance_to_surface_mm is None:
        return unknown(name, "no joint surface was found near the largest lesion")
    value = round(lesion.distance_to_surface_mm, 1)
    why = f"lesion {lesion.id}"
    return see(name, "present", seen_rules().sure.distance, why, value)


def _both_sides(look: Look) -> Seen:
    name, sure = "bme_both_sides_of_joint", seen_rules().sure
    pairs = look.rules.facing
    at_joint = {b.bone for b in look.involved if _reaches_joint(b)}
    for one, other in pairs:
        if one in at_joint and other in at_joint:
            why = f"at the joint in {listed([one, other])}"
            return see(name, "present", sure.both_sides, words(why))
    found = {b.bone for b in (*look.involved, *look.doubtful)}
    partners = {o for p in pairs for o in p if set(p) & at_joint} - at_joint
    if partners & set(look.missing):
        return unknown(name, words(f"not read: {listed(sorted(partners & set(look.missing)))}"))
    if partners & found:
        why = f"little, or away from the joint, in {listed(sorted(partners & found))}"
        return unknown(name, words(why))
    if not at_joint:
        return see(name, "absent", sure.one_side, "no lesion lies at the joint")
    why = f"only {listed(sorted(at_joint))}"
    return see(name, "absent", sure.one_side, words(why))


def _reaches_joint(bone: BoneEdema) -> bool:
    """Whether a lesion of the bone lies at the joint, where that was measured."""
    near = seen_rules().limits.surface_mm.value
    known = [d for one in bone.edema.lesions if (d := one.distance_to_surface_mm) is not None]
    return not known or min(known) <= near


def _diffuse(look: Look) -> Seen:
    """Focal or diffuse: how much of the joint end is filled, and whether it reaches beyond."""
    name, limits, sure = "bme_diffuse", seen_rules().limits, seen_rules().sure
    bone, lesion = look.involved[0], look.largest
    end = look.rules.ends.get(bone.bone)
    if lesion is None or end is None:
        return unknown(name, f"no rule for the {bone.name.lower()}")
    piece = max(one.volume_mm3 for one in bone.edema.lesions) / bone.edema.volume_mm3
    if end.short:
        share = bone.edema.bone_share or 0.0
        why = f"{share:.0%} of the {bone.name.lower()}"
        if share < limits.part_of_bone.value:
            return see(name, "absent", sure.focal, why)
        if share < limits.whole_bone.value or piece < limits.one_piece.value:
            return unknown(name, f"{why}, between focal and diffuse")
    else:
        measured = _end_of(look, bone, end)
        if measured is None:
            return unknown(name, f"the joint end of the {bone.name.lower()} was not placed")
        fills, beyond_ml, view_ml = measured
        why = f"{fills:.0%} of the joint end of the {bone.name.lower()}"
        if view_ml < limits.beyond_seen_ml.value:
            return unknown(name, f"{why}; the metaphysis is hardly in view")
        if fills == 0 and beyond_ml > 0:
            why = f"none in the joint end of the {bone.name.lower()}"
            return see(name, "absent", sure.not_at_the_joint_end, why)
        why += f", {beyond_ml:.1f} ml beyond it" if beyond_ml >= 0.05 else ", none beyond it"
        reaches = beyond_ml >= limits.beyond_ml.value
        if fills < limits.focal_fills.value and not reaches:
            return see(name, "absent", sure.focal, why)
        if not reaches or fills < limits.diffuse_fills.value or piece < limits.one_piece.value:
            return unknown(name, f"{why}: between focal and diffuse")
    if lesion.edge is Edge.SHARP:
        return unknown(name, f"{why}, but with a sharp edge")
    how = sure.diffuse if lesion.edge is Edge.ILL_DEFINED else sure.diffuse_edge_unknown
    return see(name, "present", how, why)


def _end_of(look: Look, bone: BoneEdema, end: BoneEnd) -> tuple[float, float, float] | None:
    """Share of the joint end that is edema; edema beyond it, ml; bone beyond it in view, ml."""
    system = look.rules.system
    near = [z for z in look.region.zones if z.system == system and z.zone in end.near]
    near = [z for z in near if z.bone == bone.bone]
    size = sum(z.volume_mm3 for z in near)
    if not size:
        return None
    held = sum(z.edema_mm3 for z in near)
    beyond = max(0.0, bone.edema.volume_mm3 - held)
    view = max(0.0, bone.volume_mm3 - size)
    return held / size, beyond / MM3_PER_ML, view / MM3_PER_ML


def _epiphysis_spared(look: Look) -> Seen:
    name, limits, sure = "metaphyseal_with_epiphysis_spared", seen_rules().limits, seen_rules().sure
    bone, lesion = look.involved[0], look.largest
    end = look.rules.ends.get(bone.bone)
    if lesion is None or end is None or end.short:
        return unknown(name, f"the {bone.name.lower()} has no metaphysis here")
    measured = _end_of(look, bone, end)
    if measured is None:
        return unknown(name, f"the joint end of the {bone.name.lower()} was not placed")
    if look.share(lesion, end.near) >= limits.half.value:
        why = f"lesion {lesion.id} lies in the joint end"
        return see(name, "absent", sure.epiphysis_not_spared, why)
    if look.share(lesion, end.apart) >= limits.half.value:
        return unknown(name, f"lesion {lesion.id} lies in an apophysis, not in the metaphysis")
    if measured[0] == 0 and measured[1] >= limits.beyond_ml.value:
        why = "only beyond the joint end; look at T1"
        return see(name, "present", sure.epiphysis_spared, why)
    return unknown(name, "edema lies in the joint end and beyond it")


def _site(look: Look) -> Seen:
    name, limits, sure = "bme_site", seen_rules().limits, seen_rules().sure
    lesion = look.largest
    if lesion is None:
        return unknown(name, "no lesion")
    parts = [p for p in lesion.zones if p.system == look.rules.system]
    shares: dict[str, float] = {}
    for part in parts:
        if site := look.rules.site_of(part.zone):
            shares[site] = shares.get(site, 0.0) + part.share_of_lesion
    placed = lesion.bone not in {n.bone for n in look.region.not_placed}
    outside = 1 - sum(p.share_of_lesion for p in parts)
    if placed and (rest := look.rules.rest.get(lesion.bone)):
        shares[rest] = shares.get(rest, 0.0) + outside
    best = max(shares, key=lambda s: shares[s], default=None)
    if best is None or shares[best] < outside or shares[best] <= 0:
        return unknown(name, f"lesion {lesion.id} lies in no zone that has a name as a site")
    share = shares[best]
    how = sure.site_partly
    if share >= limits.half.value:
        how = sure.site if share >= limits.mostly.value else sure.site_mostly
    why = f"{share:.0%} of lesion {lesion.id}, the largest"
    return see(name, "present", how, why, best)


def _patchy(look: Look) -> Seen:
    name, sure = "bme_patchy_multibone", seen_rules().sure
    many = seen_rules().limits.patchy_bones.value
    count, possible = len(look.involved), len(look.involved) + len(look.doubtful)
    why = f"{count} bone{'s' if count != 1 else ''} with edema"
    if count >= many:
        return see(name, "present", sure.patchy, why)
    if possible + len(look.missing) < many:
        return see(name, "absent", sure.not_patchy, why)
    if possible < many:
        return unknown(name, f"{why}; {look.unread}")
    return unknown(name, f"{why}, and perhaps {listed([b.name.lower() for b in look.doubtful])}")


def _insertion(look: Look) -> Seen:
    """Whether a lesion that matters is centred beneath a tendon or ligament."""
    name, limits, sure = "enthesis_centred_bme", seen_rules().limits, seen_rules().sure
    zones = {z.zone: z for z in look.region.zones if z.system == INSERTIONS}
    if not zones:
        return unknown(name, "no insertion could be placed")
    total = look.region.edema.volume_mm3
    lesions = sorted(
        (one for b in look.involved for one in b.edema.lesions), key=lambda one: -one.volume_mm3
    )
    told = [one for one in lesions if one.volume_mm3 >= limits.second_lesion.value * total]
    shares = {one.id: _best_insertion(one) for one in told}
    for one in told:
        share, where = shares[one.id]
        if share >= limits.half.value:
            why = f"{share:.0%} of lesion {one.id} beneath {where}"
            if one is told[0] and not one.contacts_surface:
                return see(name, "present", sure.insertion, why)
            return see(name, "present", sure.insertion_at_joint, why)
    if any(one.bone not in {z.bone for z in zones.values()} for one in told):
        return unknown(name, "a bone with edema has no insertion that is known here")
    if all(share < limits.not_at_insertion.value for share, _ in shares.values()):
        return see(name, "absent", sure.no_insertion, "away from the insertions in view")
    return unknown(name, "partly beneath an insertion")


def _best_insertion(lesion: Lesion) -> tuple[float, str]:
    parts = [(p.share_of_lesion, p.name) for p in lesion.zones if p.system == INSERTIONS]
    return max(parts, default=(0.0, ""))


def _cyst(look: Look) -> Seen:
    name, limits, sure = "subchondral_cyst", seen_rules().limits, seen_rules().sure
    lesions = [one for b in (*look.involved, *look.doubtful) for one in b.edema.lesions]
    held = [one for one in lesions if one.cyst_volume_mm3 >= limits.cyst_ml.value * MM3_PER_ML]
    for one in held:
        distance = one.distance_to_surface_mm
        if distance is not None and distance <= limits.surface_mm.value:
            why = f"{one.cyst_volume_mm3 / MM3_PER_ML:.2f} ml in lesion {one.id}"
            return see(name, "present", sure.cyst, why)
    if held:
        return unknown(name, "a fluid-like hole away from the joint surface")
    return see(name, "absent", sure.no_cyst, "none was told apart from edema")


PLACED: dict[str, Callable[[Look], Seen]] = {
    "bme_site": _site,
    "bme_diffuse": _diffuse,
    "bme_distance_to_joint_mm": _distance,
    "bme_both_sides_of_joint": _both_sides,
    "bme_patchy_multibone": _patchy,
    "metaphyseal_with_epiphysis_spared": _epiphysis_spared,
    "enthesis_centred_bme": _insertion,
    "subchondral_cyst": _cyst,
}
"""What needs a bone with a name that holds edema."""
