"""The interactive view of two visits that move together: the volumes inside the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marrowlight.course.moved import moved_mask
from marrowlight.course.visit import Visit
from marrowlight.report.display import display_of
from marrowlight.report.laid import LaidBone
from marrowlight.report.viewer import (
    LEAST_IMAGE_BYTES,
    MARGIN_MM,
    PAGE_BYTES,
    greys_of,
    packed_image,
    packed_mask,
    viewer_script,
)
from marrowlight.study.grid import box_around


@dataclass(frozen=True)
class ShownVisit:
    """One visit of the view. image, edema : base64 of ``.nii.gz`` files; low, high : window."""

    number: int
    weeks: float
    image: str
    edema: str
    low: float
    high: float


@dataclass(frozen=True)
class LinkedViewer:
    """What the page needs for the interactive view of two visits on one grid.

    script : NiiVue, safe inside a script element; version : its version; bone : by which the later
    visit is laid on the first; plane : as scanned at the first; start : RAS mm of what changed.
    """

    script: str
    version: str
    bone: str
    plane: str
    visits: tuple[ShownVisit, ...]
    start: tuple[float, float, float]

    @property
    def data(self) -> str:
        """Settings of the view as JSON that cannot end its element."""
        values = {
            "plane": self.plane,
            "start": [round(v, 2) for v in self.start],
            "windows": [[v.low, v.high] for v in self.visits],
            "names": [f"Visit {v.number}" for v in self.visits],
        }
        return json.dumps(values).replace("<", "\\u003c")


def linked_viewer(
    bones: Sequence[LaidBone], visits: Sequence[Visit], taken: int = 0
) -> LinkedViewer | None:
    """The view of first and last visit, laid on each other by the bone that changed most.

    bones : that bone first; taken : bytes that the rest of the page takes. None if the package was
    built without the viewer, or where an image is missing.
    """
    found = viewer_script()
    if found is None or not bones:
        return None
    one = bones[0]
    ends = (one.order[0], one.order[-1])
    if any(visits[n].image is None for n in ends):
        return None
    script, version = found
    margin = [round(MARGIN_MM / s) for s in one.grid.spacing]
    box = box_around(visits[ends[0]].bones.mask, margin)
    part = one.grid.part([s.start for s in box], tuple(s.stop - s.start for s in box))
    shades = one.shades(visits)
    room = (PAGE_BYTES - taken - len(script)) // 2
    shown = []
    for n in ends:
        image = one.image(visits[n], n, part)
        assert image is not None
        edema = moved_mask(visits[n].edema, visits[n].bones.grid, one.matrices[n], part)
        grey, low, high = greys_of(image, *shades[n])
        packed = packed_mask(edema.astype(np.uint8), part)
        _, data = packed_image(grey, part, max(room - len(packed), LEAST_IMAGE_BYTES))
        shown.append(ShownVisit(n + 1, visits[n].weeks, data, packed, low, high))
    return LinkedViewer(
        script=script,
        version=version,
        bone=one.name.lower(),
        plane=display_of(one.grid).plane.value,
        visits=tuple(shown),
        start=_middle(one, visits),
    )


def _middle(one: LaidBone, visits: Sequence[Visit]) -> tuple[float, float, float]:
    """The voxel nearest to the middle of what changed, or of the bone."""
    first, last = one.edema[one.order[0]], one.edema[one.order[-1]]
    voxels = next(
        np.argwhere(mask) for mask in (first ^ last, first | last, one.first_bone(visits))
        if mask.any()
    )  # fmt: skip
    away = ((voxels - voxels.mean(axis=0)) * one.grid.spacing) ** 2
    x, y, z = one.grid.to_ras(voxels[int(np.argmin(away.sum(axis=1)))].astype(float)).tolist()
    return x, y, z
