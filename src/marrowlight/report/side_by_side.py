"""The same slice at every visit, and what was gained and lost on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.course import Verdict
from marrowlight.report.contours import mask_path
from marrowlight.report.display import Display, display_of
from marrowlight.report.laid import LaidBone
from marrowlight.report.pictures import SCALE_BAR_SHARE, SCALE_BARS_MM, crop_box, slice_png
from marrowlight.study.grid import Grid

if TYPE_CHECKING:
    from marrowlight.course.visit import Visit

MOST_ROWS = 3
"""Slices that are shown of all bones together."""

APART_MM = 10.0
"""Two slices of one bone are at least this far from each other. Unit: mm."""

LEAST_SHARE = 0.3
"""A further slice is shown where at least this share of the largest change of a slice lies."""

LONGEST_PIXELS = 520
"""Longest side of a picture: five may stand in a row."""

GREY = 0.4
"""Brightness of bone where a visit has no image."""


@dataclass(frozen=True)
class VisitSlice:
    """One visit on a slice; paths in mm from the upper left corner of the crop.

    number : of the visit, from 1; png : base64; bones, edema : outlines; edema_mm2 : of this bone
    on this slice; seen : whether there is an image.
    """

    number: int
    weeks: float
    png: str
    bone: str
    edema: str
    edema_mm2: float
    seen: bool


@dataclass(frozen=True)
class Difference:
    """Last visit against the first on a slice. mm3_*: of the whole bone."""

    first: int
    last: int
    kept: str
    gained: str
    lost: str
    mm3_kept: float
    mm3_gained: float
    mm3_lost: float


@dataclass(frozen=True)
class Row:
    """One slice of one bone at every visit that can be laid on it. Lengths in mm."""

    number: int
    bone: str
    verdict: Verdict
    slice: int
    of: int
    position: str
    plane: str
    width: float
    height: float
    visits: tuple[VisitSlice, ...]
    difference: Difference
    left: str
    right: str
    top: str
    bottom: str
    bar_mm: int
    missing: tuple[int, ...]
    """Visits, from 1, that cannot be laid on this bone."""

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return sum(len(v.png) + len(v.bone) + len(v.edema) for v in self.visits)

    @property
    def unit(self) -> float:
        """A length that looks the same in every picture: 1 % of its mean side."""
        return (self.width + self.height) / 200


def side_by_side(bones: Sequence[LaidBone], visits: Sequence[Visit]) -> tuple[Row, ...]:
    """Two or three slices through the largest change; empty where no bone has two visits.

    bones : those with most to see first, as ``laid_bones`` gives them; visits : all of the course.
    """
    chosen: list[tuple[LaidBone, int]] = []
    for one in bones:
        if one.weight > 0 or not chosen:
            chosen.append((one, _slices(one, visits)[0]))
    for one in bones:
        chosen += [(one, index) for index in _slices(one, visits)[1:]]
    rows = [
        _row(number, one, index, visits)
        for number, (one, index) in enumerate(chosen[:MOST_ROWS], start=1)
    ]
    return tuple(rows)


def _slices(one: LaidBone, visits: Sequence[Visit]) -> list[int]:
    """Slices of the first visit that show most of what changed, the best first.

    Of a bone that is stable, the one that shows most edema: what differs there is noise.
    """
    display = display_of(one.grid)
    first, last = one.edema[one.order[0]], one.edema[one.order[-1]]
    across = tuple(a for a in range(3) if a != display.slice_axis)
    area = np.count_nonzero(first ^ last, axis=across)
    if not one.changed or not area.any():
        edema = np.any([one.edema[n] for n in one.order], axis=0)
        shown = edema if edema.any() else one.first_bone(visits)
        return [int(np.argmax(np.count_nonzero(shown, axis=across)))]
    found = [int(np.argmax(area))]
    for index in np.argsort(-area, kind="stable").tolist():
        if area[index] < LEAST_SHARE * area.max():
            break
        if min(abs(index - other) for other in found) * display.slice_mm >= APART_MM:
            found.append(index)
    return found


def _row(number: int, one: LaidBone, index: int, visits: Sequence[Visit]) -> Row:
    display = display_of(one.grid)
    held = one.first_bone(visits) | np.any([one.edema[n] for n in one.order], axis=0)
    box = crop_box(held, display)
    plane = _plane_grid(one.grid, display, index)

    def path(mask: NDArray[np.bool_]) -> str:
        shown = display.slice(mask, index)[box]
        return mask_path(np.asarray(shown, bool), display.row_mm, display.column_mm)

    shades = one.shades(visits)
    pictures = []
    for n in one.order:
        bone = display.slice(one.bone(visits[n], n, plane), 0)[box]
        image = one.image(visits[n], n, plane)
        seen = image is not None
        shown = display.slice(image, 0)[box] if image is not None else None
        if shown is None:
            shown = bone.astype(np.float32) * GREY
        area = np.count_nonzero(display.slice(one.edema[n], index)[box])
        pictures.append(
            VisitSlice(
                number=n + 1,
                weeks=visits[n].weeks,
                png=slice_png(shown, display, shades[n], LONGEST_PIXELS),
                bone=mask_path(bone, display.row_mm, display.column_mm),
                edema=path(one.edema[n]),
                edema_mm2=float(area) * display.row_mm * display.column_mm,
                seen=seen,
            )
        )
    rows, columns = box
    size = display.slice(one.edema[one.order[0]], index)[rows, columns].shape
    height, width = size[0] * display.row_mm, size[1] * display.column_mm
    first, last = one.edema[one.order[0]], one.edema[one.order[-1]]
    voxel = one.grid.voxel_volume_mm3
    return Row(
        number=number,
        bone=one.name,
        verdict=one.verdict,
        slice=index + 1,
        of=display.slices,
        position=display.position(index),
        plane=display.plane.value,
        width=round(width, 2),
        height=round(height, 2),
        visits=tuple(pictures),
        difference=Difference(
            first=one.order[0] + 1,
            last=one.order[-1] + 1,
            kept=path(first & last),
            gained=path(last & ~first),
            lost=path(first & ~last),
            mm3_kept=float((first & last).sum() * voxel),
            mm3_gained=float((last & ~first).sum() * voxel),
            mm3_lost=float((first & ~last).sum() * voxel),
        ),
        left=display.left,
        right=display.right,
        top=display.top,
        bottom=display.bottom,
        bar_mm=max(
            (b for b in SCALE_BARS_MM if b <= SCALE_BAR_SHARE * width), default=SCALE_BARS_MM[0]
        ),
        missing=tuple(n + 1 for n in range(len(visits)) if n not in one.order),
    )


def _plane_grid(grid: Grid, display: Display, index: int) -> Grid:
    """One slice of a grid, as a grid."""
    start, shape = [0, 0, 0], list(grid.shape)
    start[display.slice_axis], shape[display.slice_axis] = index, 1
    return grid.part(start, tuple(shape))
