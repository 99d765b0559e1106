"""Frames of the bones of the sacroiliac joints: which side, how far from the joint, how high in it.

Ilium (or hip bone) and sacrum, where the map names them:
    right_mm      to the right of the midline
    joint_gap_mm  distance to the nearest point of the joint surface of that side
    upper_share   0 at the lower, 1 at the upper end of that joint in that slice
One mask for all bone, where it does not: ilium and sacrum are then one mass, and
    right_mm      as above
    upper_share   0 at the lower, 1 at the upper end of the bone beside the midline in that slice,
                  where the joints lie
Slices are those of the image where it was scanned in coronal or oblique coronal slices, else
coronal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.cloud import cloud_of
from marrowlight.anatomy.frame import (
    Coordinate,
    Frame,
    NoFrame,
    PlacedBone,
    Placement,
    Points,
    bone_points,
    frame_from,
    unit,
)
from marrowlight.notice import Notice
from marrowlight.study.study import Side

JOINT_GAP_MM = 8.0
"""Ilium and sacrum this close face each other. Unit: mm."""

JOINT_LEAST_MM2 = 400.0
"""A joint of which less than this is seen has no quadrants. The auricular surface measures about
1500 mm². Estimate. Unit: mm²."""

BESIDE_MM = (25.0, 60.0)
"""Where the joints lie to the left and right of the midline. Estimate. Unit: mm."""

BESIDE_LEAST_MM3 = 4000.0
"""With less bone there on one side, the pelvis is not in the image on both sides. Unit: mm³."""

SLAB_MM = 4.0
"""Thickness of a slice where the image was not scanned in coronal ones: the usual distance of
slices (``sparcc``). Unit: mm."""

MIDDLE_WITHIN_MM = 40.0
"""The midline is looked for this far from the middle of the bone that is seen. Unit: mm."""


def place_sacroiliac(bones: BoneMap, side: Side) -> Placement:
    """Frames of ilium and sacrum of both sides, or of one mask for all bone.

    side : not needed; both joints are told apart by the midline.
    """
    del side
    names = {b.bone for b in bones.bones}
    try:
        if names & {"ilium", "hip_bone"} and "sacrum" in names:
            return _named(bones)
        if "bone" in names:
            return _nameless(bones)
    except NoFrame as error:
        return Placement((), tuple((b.bone, str(error)) for b in bones.bones))
    why = "the joint lies between ilium and sacrum, and the bone map holds only one of them"
    return Placement((), tuple((b.bone, why) for b in bones.bones))


@dataclass(frozen=True, eq=False)
class _Slices:
    """Slices through the pelvis: unit vectors across them and, in them, upwards."""

    across: Points
    up: Points
    step_mm: float

    def number(self, ras: Points) -> NDArray[np.int64]:
        """(n,) number of the slice of each point."""
        out: NDArray[np.int64] = np.round(ras @ self.across / self.step_mm).astype(np.int64)
        return out

    def ends(self, ras: Points) -> tuple[NDArray[np.int64], Points]:
        """Slices that hold points, and the (n, 2) heights between which these lie in each."""
        number, height = self.number(ras), ras @ self.up
        found = np.unique(number)
        ends = [np.percentile(height[number == n], [2, 98]) for n in found]
        return found, np.array(ends)

    def share(self, ras: Points, found: NDArray[np.int64], ends: Points) -> NDArray[np.float64]:
        """(n,) 0 at the lower, 1 at the upper end; slices without one borrow from the next."""
        number = self.number(ras)
        low = np.interp(number, found, ends[:, 0])
        high = np.interp(number, found, ends[:, 1])
        share: NDArray[np.float64] = (ras @ self.up - low) / np.maximum(high - low, 1.0)
        return share


def _slices(bones: BoneMap) -> _Slices:
    """The slices of the image where they are coronal or oblique coronal, else coronal ones."""
    grid = bones.grid
    axis = int(np.argmax(grid.spacing))
    across, step = grid.directions[:, axis], grid.spacing[axis]
    thick = step > 1.5 * min(grid.spacing)
    if not thick or abs(across[0]) > 0.3 or abs(across[1]) < 0.3:
        across, step = np.array([0.0, 1.0, 0.0]), SLAB_MM
    across = across if across[1] > 0 else -across
    up = np.array([0.0, 0.0, 1.0])
    return _Slices(across, unit(up - (up @ across) * across), step)


def _named(bones: BoneMap) -> Placement:
    from scipy.spatial import cKDTree

    sacrum = next(b for b in bones.bones if b.bone == "sacrum")
    iliac = [b for b in bones.bones if b.bone in ("ilium", "hip_bone")]
    cloud = cloud_of(bones, sacrum)
    clouds = [c for b in iliac if (c := cloud_of(bones, b)) is not None]
    if cloud is None or not clouds:
        raise NoFrame("too little of it is in the image")
    surface = np.concatenate([c.surface for c in clouds])
    gap, nearest = cKDTree(cloud.surface).query(surface, distance_upper_bound=JOINT_GAP_MM)
    near = np.isfinite(gap)
    joint = (surface[near] + cloud.surface[nearest[near]]) / 2
    middle = _midline(cloud.inside, surface)
    slices = _slices(bones)
    sides: dict[int, tuple[cKDTree, NDArray[np.int64], Points]] = {}
    unplaced = []
    for sign, word in ((1, "right"), (-1, "left")):
        own = joint[(joint[:, 0] - middle) * sign > 0]
        if len(own) < JOINT_LEAST_MM2:
            text = f"too little of the {word} joint is in the image"
            unplaced += [(b, text) for b in ("ilium", "sacrum")]
        else:
            sides[sign] = (cKDTree(own), *slices.ends(own))
    if not sides:
        raise NoFrame("ilium and sacrum do not face each other within the image")

    def per_side(value: int) -> Coordinate:
        def of(ras: Points) -> NDArray[np.float64]:
            out = np.full(len(ras), np.nan)
            for sign, (tree, found, ends) in sides.items():
                here = (ras[:, 0] - middle) * sign > 0
                out[here] = (
                    tree.query(ras[here])[0] if value == 0 else slices.share(ras[here], found, ends)
                )
            return out

        return of

    frame = _frame(np.array([middle, *joint.mean(axis=0)[1:]]), slices)
    coordinates: dict[str, Coordinate] = {
        "right_mm": lambda ras: ras[:, 0] - middle,
        "joint_gap_mm": per_side(0),
        "upper_share": per_side(1),
    }
    placed = [PlacedBone(sacrum, Side.UNKNOWN, frame, coordinates)]
    for bone in iliac:
        as_ilium = LabelledBone(bone.label, "ilium", bone.side)
        placed.append(PlacedBone(as_ilium, bone.side, frame, coordinates))
    return Placement(tuple(placed), tuple(unplaced))


def _nameless(bones: BoneMap) -> Placement:
    bone = next(b for b in bones.bones if b.bone == "bone")
    points = bone_points(bones, bone)
    middle = _mirror_line(points[:, 0])
    slices = _slices(bones)
    aside = np.abs(points[:, 0] - middle)
    sides: dict[int, tuple[NDArray[np.int64], Points]] = {}
    for sign in (1, -1):
        own = points[
            (aside > BESIDE_MM[0]) & (aside < BESIDE_MM[1]) & ((points[:, 0] - middle) * sign > 0)
        ]
        reach = float(((points[:, 0] - middle) * sign).max())
        if reach < BESIDE_MM[1] or len(own) * bones.grid.voxel_volume_mm3 < BESIDE_LEAST_MM3:
            raise NoFrame("both sides of the pelvis are not in the image: its midline is not known")
        sides[sign] = slices.ends(own)

    def upper(ras: Points) -> NDArray[np.float64]:
        out = np.full(len(ras), np.nan)
        for sign, (found, ends) in sides.items():
            here = (ras[:, 0] - middle) * sign > 0
            out[here] = slices.share(ras[here], found, ends)
        return out

    frame = _frame(np.array([middle, *points.mean(axis=0)[1:]]), slices)
    placed = PlacedBone(
        bone, Side.UNKNOWN, frame,
        {"right_mm": lambda ras: ras[:, 0] - middle, "upper_share": upper},
    )  # fmt: skip
    text = (
        "Ilium and sacrum are drawn as one bone: there are no quadrants of the sacroiliac joints, "
        "only upper and lower halves of each side."
    )
    why = "it is drawn as one with its neighbour"
    return Placement(
        (placed,), (("ilium", why), ("sacrum", why)), (Notice("sacroiliac-halves", text),)
    )


def _frame(origin: Points, slices: _Slices) -> Frame:
    right = np.array([1.0, 0.0, 0.0])
    return frame_from(origin, slices.up, right, np.array([0.0, 1.0, 0.0]))


def _midline(sacrum: Points, iliac: Points) -> float:
    """RAS x of the midline: where the sacrum mirrors itself, or its middle if one side is cut."""
    both = np.ptp(np.sign(iliac[:, 0] - sacrum[:, 0].mean())) > 1
    return _mirror_line(sacrum[:, 0]) if both else float(sacrum[:, 0].mean())


def _mirror_line(x: NDArray[np.float64]) -> float:
    """The position about which the amount of bone along x is most like its mirror image. mm."""
    low = np.floor(x.min())
    count = np.bincount(np.round(x - low).astype(int)).astype(float)
    middle = float(x.mean() - low)
    best, found = np.inf, middle
    for at in np.arange(middle - MIDDLE_WITHIN_MM, middle + MIDDLE_WITHIN_MM, 0.5):
        reach = np.arange(0.5, max(at, len(count) - at), 1.0)
        right = np.interp(at + reach, np.arange(len(count)), count, left=0, right=0)
        left = np.interp(at - reach, np.arange(len(count)), count, left=0, right=0)
        unlike = float(np.abs(right - left).sum())
        if unlike < best:
            best, found = unlike, float(at)
    return found + float(low)
