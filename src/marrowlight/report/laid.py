"""Every visit of a bone laid on the first visit that shows it, for pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.course import Verdict
from marrowlight.course.moved import moved_mask
from marrowlight.report.pictures import window
from marrowlight.study.grid import Grid, box_around
from marrowlight.study.volume import resample

if TYPE_CHECKING:
    from marrowlight.course.course_result import CourseResult
    from marrowlight.course.visit import BoneKey, Visit

LEAST_TIMES, MOST_TIMES = 2.5, 6.0
"""White is this many times as far from black as normal marrow is: marrow stays dark enough for
edema to be seen, and bright enough to be seen itself."""

HALF = 0.5
"""A voxel is bone where at least this share of it is."""


@dataclass(frozen=True, eq=False)
class LaidBone:
    """One bone at all visits that could be laid on each other.

    Parameters
    ----------
    key : BoneKey
    name : str
        For people.
    verdict : Verdict
        On the last of these visits against the first.
    grid : Grid
        Of the first visit that shows the bone; everything else is on it.
    order : tuple of int
        Indices of the visits, in order of time; two at least.
    matrices : mapping from visit to (4, 4) float64
        RAS mm of that visit to RAS mm of the first.
    labels : mapping from visit to its label in the bone map of that visit
    edema : mapping from visit to (I, J, K) bool on grid
        That of this bone alone.
    """

    key: BoneKey
    name: str
    verdict: Verdict
    grid: Grid
    order: tuple[int, ...]
    matrices: Mapping[int, NDArray[np.float64]]
    labels: Mapping[int, int]
    edema: Mapping[int, NDArray[np.bool_]]

    @property
    def changed(self) -> bool:
        """Whether it changed beyond noise."""
        return self.verdict in (Verdict.GREW, Verdict.SHRANK, Verdict.NEW, Verdict.RESOLVED)

    @property
    def weight(self) -> float:
        """How much there is to see: mm³ that changed, and a little for edema that did not."""
        first, last = self.edema[self.order[0]], self.edema[self.order[-1]]
        most = max(int(np.count_nonzero(self.edema[n])) for n in self.order)
        changed = int(np.count_nonzero(first ^ last)) + 0.01 * most
        return float(changed * self.grid.voxel_volume_mm3)

    def first_bone(self, visits: Sequence[Visit]) -> NDArray[np.bool_]:
        """(I, J, K) bool on grid, the bone at the first visit that shows it."""
        first = self.order[0]
        return np.asarray(visits[first].bones.labels == self.labels[first])

    def bone(self, visit: Visit, n: int, onto: Grid) -> NDArray[np.bool_]:
        """The bone of visit n laid on the first, on another grid."""
        own = visit.bones.grid
        mask = visit.bones.labels == self.labels[n]
        moved = Grid(own.shape, self.matrices[n] @ own.affine)
        share = np.asarray(resample(mask, moved, onto), np.float32)
        return np.asarray(share >= HALF)

    def image(self, visit: Visit, n: int, onto: Grid) -> NDArray[np.float32] | None:
        """The image of visit n as this bone lies, on another grid; None where it has none."""
        if visit.image is None:
            return None
        own = visit.bones.grid
        moved = Grid(own.shape, self.matrices[n] @ own.affine)
        lowest = float(visit.image.min())
        return np.asarray(resample(visit.image, moved, onto, outside=lowest), np.float32)

    def shades(self, visits: Sequence[Visit]) -> dict[int, tuple[float, float]]:
        """By visit, intensities shown black and white: normal marrow is equally grey at all.

        Each visit has its own unit, so each is anchored at its own normal marrow.
        """
        anchors: dict[int, tuple[float, float, float]] = {}
        for n in self.order:
            image = visits[n].image
            if image is None:
                continue
            bones = visits[n].bones.mask
            low, high = window(image[box_around(bones)])
            marrow = float(np.median(image[bones & ~visits[n].edema]))
            anchors[n] = low, max(marrow, low + 1e-6 * (high - low)), high
        spans = [(high - low) / (marrow - low) for low, marrow, high in anchors.values()]
        times = min(MOST_TIMES, max([LEAST_TIMES, *spans]))
        found = {n: (low, low + times * (marrow - low)) for n, (low, marrow, _) in anchors.items()}
        return {n: found.get(n, (0.0, 1.0)) for n in self.order}


def laid_bones(result: CourseResult) -> tuple[LaidBone, ...]:
    """The bones that at least two visits show and whose registration was accepted.

    Those that changed beyond noise first, then by how much is to be seen.
    """
    from marrowlight.course.limits import bone_words
    from marrowlight.edema.lesions import assign_to_bones

    visits, side = result.visits, result.course.side
    owners = [assign_to_bones(v.edema, v.bones.labels, v.bones.grid) for v in visits]
    labels = [{k: b.label for k, b in v.keys(side).items()} for v in visits]
    verdicts = {(b.bone, b.side): b.verdict for b in result.course.bones}
    found = []
    for key, matrices in result.matrices.items():
        order = tuple(sorted(n for n in matrices if key in labels[n]))
        if len(order) < 2:
            continue
        grid = visits[order[0]].bones.grid
        edema = {order[0]: owners[order[0]] == labels[order[0]][key]}
        for n in order[1:]:
            mine = owners[n] == labels[n][key]
            edema[n] = moved_mask(mine, visits[n].bones.grid, matrices[n], grid)
        here = {n: labels[n][key] for n in order}
        name = bone_words(key, side)
        verdict = verdicts.get((key.bone, key.side), Verdict.UNCERTAIN)
        title = name[:1].upper() + name[1:]
        found.append(LaidBone(key, title, verdict, grid, order, matrices, here, edema))
    return tuple(sorted(found, key=lambda one: (not one.changed, -one.weight)))
