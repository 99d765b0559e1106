"""Find the bones of a study: any contrast, any plane, nothing given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.canonical import Prepared, prepare, resize
from marrowlight.anatomy.clean import clean
from marrowlight.anatomy.expect import Expected, expected
from marrowlight.anatomy.found import BonesFound, BoneTrust
from marrowlight.anatomy.fuse import Fused, choose_series, fuse, worth
from marrowlight.anatomy.gate import decide_joint
from marrowlight.anatomy.network import BoneNetwork, shipped_network
from marrowlight.anatomy.planes import PlaneVote, joint_shares, run_planes, slab_within_budget
from marrowlight.anatomy.registry import LEFT_OFFSET, bone_registry
from marrowlight.anatomy.sample import sample
from marrowlight.anatomy.seed import Seed, check_seeds, grow
from marrowlight.anatomy.sides import gap_between_limbs
from marrowlight.anatomy.trust import Evidence, judge
from marrowlight.errors import BonesNotFound
from marrowlight.notice import Notice
from marrowlight.stages import Stages
from marrowlight.study.joint import require_joint
from marrowlight.study.series import Series
from marrowlight.study.study import Joint, Side, Study

SOURCE = "found by the bone network"


@dataclass(frozen=True, eq=False)
class _Limb:
    """One limb of the fused box: its part along X, what was drawn and how it is trusted."""

    part: slice
    side: Side
    labels: NDArray[np.uint8]
    probability: NDArray[np.float32]
    trust: tuple[BoneTrust, ...]


def find_bones(
    study: Study,
    *,
    seeds: Sequence[Seed] = (),
    stages: Stages | None = None,
    weights: BoneNetwork | None = None,
) -> BonesFound:
    """Find the bones of the joint that a study shows.

    The best series and up to two others are outlined slice by slice in three planes, averaged in
    space and cleaned by what is known of the joint. Deterministic.

    Parameters
    ----------
    study : Study
        Any contrast, any plane. ``study.joint`` is checked if it is known, and found if not.
    seeds : sequence of Seed
        Points that are in a bone, where the automatic answer is wrong.
    stages : Stages, optional
        Collects the time of each stage.
    weights : BoneNetwork, optional
        Default: the shipped set.

    Returns
    -------
    BonesFound
        On the grid of the best series.

    Raises
    ------
    NotThisJoint
        The images show no joint that is read here, or not the one that was named.
    BonesNotFound
        No main bone of the joint can be trusted; says why for each.
    UsageError
        A seed outside the image, or in a bone that this joint does not have.
    WeightsError
        The shipped weights are missing or were changed.
    """
    require_joint(study)
    stages = stages or Stages()
    with stages.stage("preparing the images"):
        network = weights or shipped_network()
        chosen = choose_series(study.series)
        ready = [prepare(s.volume, network.recipe) for s in chosen]
    with stages.stage("recognising the joint"):
        shares = _shares(network, ready[:1])
        joint = decide_joint(study, shares)
    drawer, keep, classes = _classes(network, joint)
    check_seeds(seeds, chosen[0].volume.grid, classes[1:])
    with stages.stage("outlining bone"):
        slab = slab_within_budget(ready, drawer.recipe.planes)
        votes = [
            run_planes(drawer, one, keep, slab, s.id) for one, s in zip(ready, chosen, strict=True)
        ]
    with stages.stage("putting the outlines together"):
        fused, used = fuse(votes, [worth(s) for s in chosen], classes)
        del votes
    expect = expected().of_joint(joint)
    with stages.stage("cleaning the bones"):
        brightness = ready[0].voxels if seeds else None
        limbs = _limbs(fused, expect, study.side, seeds, brightness)
        trust = _merged([t for limb in limbs for t in limb.trust])
        _require_a_main_bone(trust, expect, chosen[used[0]])
        bones = _bone_map(limbs, fused, chosen[0])
    notices = _notices(chosen, used, limbs, study.side)
    return BonesFound(
        bones, trust, joint, shares, tuple(chosen[i].id for i in used), network.sha256, notices
    )


def _shares(network: BoneNetwork, ready: Sequence[Prepared]) -> dict[Joint, float]:
    """Mean share of each joint by the network."""
    slab = slab_within_budget(ready, network.recipe.planes)
    mean = np.mean([joint_shares(network, one, slab) for one in ready], axis=0)
    return {j: round(float(s), 4) for j, s in zip(network.joints, mean, strict=True)}


def _classes(
    network: BoneNetwork, joint: Joint
) -> tuple[BoneNetwork, tuple[int, ...], tuple[str, ...]]:
    """The network that draws a joint, its channels that the joint has, and their bones."""
    drawer = network.for_joint(joint)
    registry = bone_registry()
    keep = [0] + [
        c for c, name in enumerate(drawer.classes) if c and joint.value in registry[name].joints
    ]
    return drawer, tuple(keep), tuple(drawer.classes[c] for c in keep)


def _limbs(
    fused: Fused,
    expect: Expected,
    side: Side,
    seeds: Sequence[Seed],
    brightness: NDArray[np.float32] | None,
) -> list[_Limb]:
    """Clean and judge each limb of the field of view on its own."""
    gap = gap_between_limbs(fused.probability, fused.grid, fused.classes, expect)
    width = fused.grid.shape[0]
    parts = [(slice(0, width), side)]
    if gap is not None:
        parts = [(slice(0, gap), Side.LEFT), (slice(gap, width), Side.RIGHT)]
    if brightness is not None:
        for axis in range(3):
            brightness = resize(brightness, axis, fused.grid.shape[axis])
    out = []
    for part, own_side in parts:
        probability = fused.probability[:, part]
        grid = fused.grid.part((part.start, 0, 0), probability.shape[1:])
        labels, smooth = clean(probability, grid, fused.classes, expect)
        mine = [s for s in seeds if part.start <= round(_x(s, fused)) < part.stop]
        if mine and brightness is not None:
            labels = grow(labels, smooth, brightness[part], grid, fused.classes, mine, expect)
        faces = {(axis, end) for axis in range(3) for end in (0, -1)}
        faces -= {(0, 0)} if part.start > 0 else set()
        faces -= {(0, -1)} if part.stop < width else set()
        evidence = Evidence(
            labels=labels,
            probability=probability,
            votes=tuple(PlaneVote(v.name, v.weight, v.labels[part]) for v in fused.votes),
            grid=grid,
            classes=fused.classes,
            faces=frozenset(faces),
            seeded=frozenset(s.bone for s in mine),
        )
        out.append(_Limb(part, own_side, labels, smooth, judge(evidence, expect, own_side)))
    return out


def _x(seed: Seed, fused: Fused) -> float:
    """Index of a seed along X, moved into the box (its air was cut off)."""
    return float(np.clip(fused.grid.to_index(seed.point)[0], 0, fused.grid.shape[0] - 1))


def _merged(trust: Sequence[BoneTrust]) -> tuple[BoneTrust, ...]:
    """One entry per bone and side: a midline bone was judged with each limb."""
    out: dict[tuple[str, Side], BoneTrust] = {}
    for one in trust:
        key = (one.bone, one.side)
        if (other := out.get(key)) is None:
            out[key] = one
            continue
        better = max((one, other), key=lambda t: (t.read, t.volume_mm3))
        read = [t for t in (one, other) if t.read]
        volume = sum(t.volume_mm3 for t in read) if read else better.volume_mm3
        out[key] = BoneTrust(
            better.bone, better.side, better.confidence, better.read, better.reason,
            one.cut_off or other.cut_off, volume,
        )  # fmt: skip
    order = list(bone_registry())
    return tuple(sorted(out.values(), key=lambda t: (order.index(t.bone), t.side.value)))


def _require_a_main_bone(trust: Sequence[BoneTrust], expect: Expected, best: Series) -> None:
    main = {b.bone for b in expect.bones if b.main}
    if any(t.read and t.bone in main for t in trust):
        return
    registry = bone_registry()
    reasons = "; ".join(
        f"{registry[t.bone].name.lower()}: {t.reason}" for t in trust if t.bone in main
    )
    raise BonesNotFound(
        f"No bone could be drawn that can be trusted. {reasons}.",
        where=f"series {best.id} ({best.role.value}, {best.plane.value})",
        expected="a field of view that holds the joint ends of its bones",
        do="give a point in each bone with --seed, or the bones with --bones",
    )


def _bone_map(limbs: Sequence[_Limb], fused: Fused, series: Series) -> BoneMap:
    """The bones that are read, on the grid of a series, with registry labels."""
    registry = bone_registry()
    onto = series.volume.grid
    both = len(limbs) > 1
    out = np.zeros(onto.shape, np.uint8)
    bones: dict[int, LabelledBone] = {}
    for limb in limbs:
        grid = fused.grid.part((limb.part.start, 0, 0), limb.labels.shape)
        found = sample(limb.labels, limb.probability, grid, onto)
        table = np.zeros(256, np.uint8)
        for trust in limb.trust:
            if not trust.read:
                continue
            label = registry[trust.bone].label
            label += LEFT_OFFSET if both and trust.side is Side.LEFT else 0
            table[fused.classes.index(trust.bone)] = label
            bones[label] = LabelledBone(label, trust.bone, trust.side)
        named = table[found]
        out[named > 0] = named[named > 0]
    return BoneMap(out, onto, tuple(bones[n] for n in sorted(bones)), SOURCE)


def _notices(
    chosen: Sequence[Series], used: Sequence[int], limbs: Sequence[_Limb], side: Side
) -> tuple[Notice, ...]:
    out = []
    for index, series in enumerate(chosen):
        if index not in used:
            text = (
                f"Series {series.id} was not used to draw bone: it covers little of {chosen[0].id}"
                " or does not show the same bones in the same place."
            )
            out.append(Notice("bones-series-left-out", text))
    if len(limbs) > 1:
        text = "The field of view shows both sides; each was drawn on its own."
        if side in (Side.LEFT, Side.RIGHT):
            text += f" The study is said to be of the {side.value} side."
        out.append(Notice("both-sides-drawn", text))
    return tuple(out)
