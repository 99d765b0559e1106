"""What all visits show of a bone: only that is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.match import Seen
from marrowlight.course.visit import BoneKey, Visit
from marrowlight.edema.lesions import LesionVoxels, assign_to_bones, split_lesions
from marrowlight.edema.measurement import Lesion

Matrix = NDArray[np.float64]
"""(4, 4) float64: RAS mm of a visit to RAS mm of the first visit that shows the bone."""

Box = tuple[slice, slice, slice]

MOST_VOXELS = 50_000
"""With more voxels than this only every n-th of a bone is looked at to see what share of it is in
view: it is enough, and faster."""

SAME_CENTRE_MM = 1.0
"""A lesion found again in its mask has its centre where the reading says. Unit: mm. Rounding."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Which voxels of a visit belong to which bone and lesion, worked out once.

    bones : (I, J, K) uint8, labels of bones; edema : (I, J, K) uint8, the bone of each voxel of
    edema; boxes : of each, by label; lesions : as they lie in the mask
    """

    bones: NDArray[np.uint8]
    edema: NDArray[np.uint8]
    bone_boxes: Mapping[int, Box]
    edema_boxes: Mapping[int, Box]
    lesions: tuple[LesionVoxels, ...]

    @classmethod
    def of(cls, visit: Visit) -> Voxels:
        """As they were measured when the visit was read."""
        labels = visit.bones.labels
        bone_of = assign_to_bones(visit.edema, labels, visit.bones.grid)
        lesions = split_lesions(bone_of, None, visit.bones.grid)
        return cls(labels, bone_of, _boxes(labels), _boxes(bone_of), lesions)

    def of_bone(self, label: int) -> NDArray[np.intp]:
        """(n, 3) indices of the voxels of a bone; of a large bone only every m-th."""
        index = _indices(self.bones, label, self.bone_boxes)
        return index[:: 1 + len(index) // MOST_VOXELS]

    def of_edema(self, label: int) -> NDArray[np.intp]:
        """(n, 3) indices of all voxels of the edema in a bone."""
        return _indices(self.edema, label, self.edema_boxes)


def _boxes(labels: NDArray[np.uint8]) -> dict[int, Box]:
    from scipy import ndimage

    found = ndimage.find_objects(labels)
    return {n: box for n, box in enumerate(found, start=1) if box is not None}


def _indices(labels: NDArray[np.uint8], label: int, boxes: Mapping[int, Box]) -> NDArray[np.intp]:
    box = boxes.get(label)
    if box is None:
        return np.zeros((0, 3), np.intp)
    index: NDArray[np.intp] = np.argwhere(labels[box] == label) + [s.start for s in box]
    return index


@dataclass(frozen=True, eq=False)
class InView:
    """One bone at one visit: how much of it, and of its edema, all compared visits show.

    edema_mm3 : within the view of all; of_bone, of_edema : share of what this visit alone shows
    that all show, 0..1; lesions : with at least one voxel in view of all.
    """

    edema_mm3: float
    of_bone: float
    of_edema: float
    lesions: tuple[Seen, ...]


def shared_share(
    visits: Sequence[Visit],
    one: int,
    other: int,
    voxels: Mapping[int, Voxels],
    labels: Mapping[int, int],
    matrices: Mapping[int, Matrix],
) -> float:
    """Share of a bone at one visit that lies in the field of view of the other, 0..1.

    voxels : ``Voxels.of`` by visit; labels, matrices : of the bone, by visit
    """
    index = voxels[one].of_bone(labels[one])
    if not len(index):
        return 0.0
    return float(_seen_from(visits, index, one, (other,), matrices).mean())


def in_view(
    visits: Sequence[Visit],
    key: BoneKey,
    comparable: Sequence[int],
    labels: Mapping[int, int],
    matrices: Mapping[int, Matrix],
    voxels: Mapping[int, Voxels],
) -> dict[int, InView]:
    """One bone at every visit that can be compared, as far as all of them show it.

    Parameters
    ----------
    comparable : indices of visits; labels, matrices : of the bone, by visit
    voxels : ``Voxels.of`` by visit

    Volumes are counted on each visit's own grid: nothing is resampled.
    """
    found = {}
    for n in comparable:
        visit, label = visits[n], labels[n]
        grid = visit.bones.grid
        others = [m for m in comparable if m != n]
        bone, edema = voxels[n].of_bone(label), voxels[n].of_edema(label)
        bone_kept = _seen_from(visits, bone, n, others, matrices)
        edema_kept = _seen_from(visits, edema, n, others, matrices)
        lesions = []
        for lesion, index in _lesions_of(visit, label, voxels[n]):
            kept = index[_seen_from(visits, index, n, others, matrices)]
            if len(kept):
                ras = grid.to_ras(kept.astype(np.float64))
                lesions.append(
                    Seen(
                        n,
                        lesion.id,
                        key,
                        len(kept) * grid.voxel_volume_mm3,
                        ras @ matrices[n][:3, :3].T + matrices[n][:3, 3],
                        lesion.subchondral_share,
                    )
                )
        found[n] = InView(
            float(edema_kept.sum() * grid.voxel_volume_mm3),
            float(bone_kept.mean()) if len(bone) else 0.0,
            float(edema_kept.mean()) if len(edema) else 1.0,
            tuple(lesions),
        )
    return found


def _seen_from(
    visits: Sequence[Visit],
    index: NDArray[np.intp],
    one: int,
    others: Sequence[int],
    matrices: Mapping[int, Matrix],
) -> NDArray[np.bool_]:
    """(n,) bool: whether voxels of one visit lie in the fields of view of all the others."""
    seen = np.ones(len(index), bool)
    for other in others:
        there = visits[other].bones.grid
        step = (
            np.linalg.inv(there.affine)
            @ np.linalg.inv(matrices[other])
            @ matrices[one]
            @ visits[one].bones.grid.affine
        )
        at = index @ step[:3, :3].T + step[:3, 3]
        ends = np.asarray(there.shape) - 0.5
        seen &= ((at >= -0.5) & (at <= ends)).all(axis=1)
    return seen


def _lesions_of(visit: Visit, label: int, voxels: Voxels) -> list[tuple[Lesion, NDArray[np.intp]]]:
    """The lesions of a bone in the reading with their voxels in the mask.

    A lesion that a cyst held together lies in the mask in parts; each part without a lesion of its
    own goes to the lesion whose box it lies in. Specks that the reading does not list are left out.
    """
    listed = [x for b in visit.measured if b.label == label for x in b.edema.lesions]
    parts = [one.edema for one in voxels.lesions if one.label == label]
    grid = visit.bones.grid
    placed: dict[str, list[NDArray[np.intp]]] = {}
    waiting = []
    for part in parts:
        centre = grid.to_ras(part.mean(axis=0))
        volume = len(part) * grid.voxel_volume_mm3
        own = next(
            (
                x
                for x in listed
                if x.id not in placed
                and np.linalg.norm(centre - x.centroid_ras_mm) <= SAME_CENTRE_MM
                and abs(volume - x.volume_mm3) <= 0.01 * x.volume_mm3
            ),
            None,
        )
        if own:
            placed[own.id] = [part]
        else:
            waiting.append((part, centre))
    open_ = [x for x in listed if x.id not in placed]
    for part, centre in waiting:
        inside = [x for x in open_ if _in_box(centre, x)]
        if inside:
            nearest = min(inside, key=lambda x: float(np.linalg.norm(centre - x.centroid_ras_mm)))
            placed.setdefault(nearest.id, []).append(part)
    return [(x, np.concatenate(placed[x.id])) for x in listed if x.id in placed]


def _in_box(point: NDArray[np.float64], lesion: Lesion) -> bool:
    size = lesion.extent_mm
    reach = (size.right_left, size.anterior_posterior, size.superior_inferior)
    return bool((np.abs(point - lesion.centroid_ras_mm) <= reach).all())
