"""How far each bone is trusted: agreement of planes and series, size, place, what is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.expect import Expected, ExpectedBone
from marrowlight.anatomy.found import BoneTrust
from marrowlight.anatomy.gate import CUT_SHARE, LEAST_CONFIDENCE, REFUSED_CUT_SHARE
from marrowlight.anatomy.planes import UNSEEN, PlaneVote
from marrowlight.anatomy.registry import bone_registry
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side

Labels = NDArray[np.uint8]

BORDER_VOXELS = 3
"""Outermost sections in which a cut is looked for: networks leave the very last ones bare."""

COARSE_MM = 2.0
"""Gaps between bones are measured at this resolution. mm."""

FACES = (
    (0, 0, "side", "left"),
    (0, -1, "side", "right"),
    (1, 0, "posterior", "posterior"),
    (1, -1, "anterior", "anterior"),
    (2, 0, "inferior", "inferior"),
    (2, -1, "superior", "superior"),
)
"""Axis, end, border as named in expected.yaml, and as told to people."""


@dataclass(frozen=True)
class Evidence:
    """What the bones of one limb are judged on.

    labels : (X, Y, Z) indices of classes; probability : (C, X, Y, Z); votes : of the planes;
    grid; classes; faces : borders of the limb's box that are borders of the field of view, as
    (axis, end); seeded : registry ids that the user pointed at.
    """

    labels: Labels
    probability: NDArray[np.floating]
    votes: tuple[PlaneVote, ...]
    grid: Grid
    classes: Sequence[str]
    faces: frozenset[tuple[int, int]]
    seeded: frozenset[str] = frozenset()


def judge(evidence: Evidence, expect: Expected, side: Side) -> tuple[BoneTrust, ...]:
    """One BoneTrust per expected bone, in the order of the registry; pure."""
    agreement = _agreement(evidence)
    first = {}
    order = list(bone_registry())
    for known in sorted(expect.bones, key=lambda b: order.index(b.bone)):
        own_side = Side.MIDLINE if known.midline else side
        first[known.bone] = _alone(evidence, known, own_side, agreement)
    broken = _misplaced(evidence, expect, {n for n, t in first.items() if t.read})
    out = []
    for name, trust in first.items():
        reason = trust.reason or broken.get(name, "")
        out.append(
            BoneTrust(
                name, trust.side, trust.confidence, not reason, reason,
                trust.cut_off, trust.volume_mm3,
            )
        )  # fmt: skip
    return tuple(out)


def _alone(
    evidence: Evidence, known: ExpectedBone, side: Side, agreement: dict[str, float]
) -> BoneTrust:
    """A bone judged without its neighbours."""
    name = bone_registry()[known.bone].name.lower()
    if known.bone not in evidence.classes:
        return BoneTrust(known.bone, side, 0.0, False, "the network does not know it", False, 0.0)
    c = list(evidence.classes).index(known.bone)
    mine = evidence.labels == c
    volume = float(mine.sum()) * evidence.grid.voxel_volume_mm3
    if not volume:
        text = f"no {name} was seen in the field of view"
        return BoneTrust(known.bone, side, 0.0, False, text, False, 0.0)
    inside = float(evidence.probability[c][mine].mean())
    confidence = float(np.sqrt(inside * agreement.get(known.bone, inside)))
    cuts = _cuts(mine, evidence, known)
    cut = max(cuts.values(), default=0.0) >= CUT_SHARE
    reason = ""
    least, most = known.volume_ml
    if not least <= volume / 1000 <= most:
        reason = (
            f"what looks like {name} has {volume / 1000:.1f} ml; {least:g} to {most:g} ml are "
            "expected in such a field of view"
        )
    elif known.bone not in evidence.seeded and confidence < LEAST_CONFIDENCE:
        reason = (
            f"planes and series do not agree on the {name} "
            f"(confidence {confidence:.3f}, {LEAST_CONFIDENCE:g} is needed)"
        )
    elif cuts and max(cuts.values()) >= REFUSED_CUT_SHARE:
        where = max(cuts, key=lambda k: cuts[k])
        reason = f"the {name} is cut off by the {where} border of the field of view"
    return BoneTrust(known.bone, side, round(confidence, 3), not reason, reason, cut, volume)


def _agreement(evidence: Evidence) -> dict[str, float]:
    """Weighted mean, over the votes, of the Dice with the result; by bone."""
    count = len(evidence.classes)
    dice = np.zeros(count)
    weight = np.zeros(count)
    final = evidence.labels.astype(np.intp)
    for vote in evidence.votes:
        seen = vote.labels != UNSEEN
        pairs = np.bincount(
            final[seen] * count + vote.labels[seen], minlength=count * count
        ).reshape(count, count)
        both = pairs.sum(axis=0) + pairs.sum(axis=1)
        there = pairs.sum(axis=1) > 0
        dice[there] += vote.weight * 2 * np.diag(pairs)[there] / both[there]
        weight[there] += vote.weight
    return {
        name: float(dice[c] / weight[c])
        for c, name in enumerate(evidence.classes)
        if c and weight[c] > 0
    }


def _cuts(mine: NDArray[np.bool_], evidence: Evidence, known: ExpectedBone) -> dict[str, float]:
    """Share of the largest section that lies in a border where the bone should not end."""
    cuts = {}
    for axis, end, border, told in FACES:
        if border in known.may_end or (axis, end) not in evidence.faces:
            continue
        sections = mine.sum(axis=tuple(a for a in range(3) if a != axis))
        at = sections[:BORDER_VOXELS] if end == 0 else sections[-BORDER_VOXELS:]
        cuts[told] = float(at.max() / sections.max())
    return cuts


def _misplaced(evidence: Evidence, expect: Expected, read: set[str]) -> dict[str, str]:
    """Bones that stand where they cannot, with the reason."""
    registry = bone_registry()
    centres, sizes = {}, {}
    for c, name in enumerate(evidence.classes):
        index = np.argwhere(evidence.labels == c) if c and name in read else np.empty((0, 3))
        if len(index):
            centres[name] = evidence.grid.to_ras(index.mean(axis=0))
            sizes[name] = len(index)
    wrong: dict[str, str] = {}
    for rule in expect.relations:
        if rule.bone not in centres or rule.than not in centres:
            continue
        way = centres[rule.bone] - centres[rule.than]
        right = {"above": way[2] > 0, "below": way[2] < 0, "in_front_of": way[1] > 0}
        if not right[rule.relation]:
            text = (
                f"the {registry[rule.bone].name.lower()} does not lie "
                f"{rule.relation.replace('_', ' ')} the {registry[rule.than].name.lower()}: the "
                "image may be turned, or the bones are mistaken"
            )
            for bone in (rule.bone, rule.than) if rule.both else (rule.bone,):
                wrong.setdefault(bone, text)
    for pair in expect.neighbours:
        if any(b not in centres or b in wrong for b in pair.bones):
            continue
        gap = _gap_mm(evidence, *pair.bones)
        if gap > pair.gap_mm:
            small, large = sorted(pair.bones, key=lambda b: sizes[b])
            text = (
                f"what looks like {registry[small].name.lower()} lies {gap:.0f} mm from the "
                f"{registry[large].name.lower()}"
            )
            wrong.setdefault(small, text)
    return wrong


def _gap_mm(evidence: Evidence, one: str, other: str) -> float:
    """The smallest distance between two bones, on a coarse grid. mm."""
    from scipy.spatial import cKDTree

    steps = tuple(max(1, round(COARSE_MM / s)) for s in evidence.grid.spacing)
    coarse = evidence.labels[:: steps[0], :: steps[1], :: steps[2]]
    spacing = np.array(evidence.grid.spacing) * steps
    names = list(evidence.classes)
    a = np.argwhere(coarse == names.index(one)) * spacing
    b = np.argwhere(coarse == names.index(other)) * spacing
    if not len(a) or not len(b):
        return float("inf")
    return float(cKDTree(a).query(b)[0].min())
