"""The map of the joint: the patient's own bones, and where in them the edema lies."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.report.contours import mask_path
from marrowlight.report.joint_views import (
    FROM_LEFT,
    FROM_RIGHT,
    FRONT,
    VIEWS,
    EvenBones,
    View,
    even_bones,
    even_zones,
    shaded,
)
from marrowlight.report.key_slices import Marks
from marrowlight.report.where import ZoneKey
from marrowlight.result import ReadResult
from marrowlight.study.grid import box_around
from marrowlight.study.study import Side
from marrowlight.study.volume import resample

MOST_BONES = 4
"""Bones that are drawn one by one, those with most edema."""

MOST_MARKS = 6
"""Lesions that are named on the map of all bones."""

NEARLY = 0.85
"""A more usual view is taken where it shows at least this share of what the best one does."""

ENOUGH = 0.5
"""A zone is well seen from where it shows this share of what it shows at its best."""

SECOND_VIEW = 0.2
"""A bone is drawn from a second side where that shows at least this much more of its edema."""

LETTER_SHARE = 0.065
"""Height of a letter as a share of that of the picture; a lesion that is smaller than two letters
has its name beside it."""

LEAST_SHARE_SEEN = 0.004
"""A zone gets its number where it takes at least this share of the picture of its bone."""

BLUR = 0.9
"""Outlines are smoothed by this much. Unit: voxel."""

ENLARGED = 3
"""Pixels of a picture per voxel, along each side."""

STEPS = (0.05, 1 / 3, 2 / 3)
"""Borders of the four strengths in which the share of a zone is drawn: a twentieth, and thirds as
in MOAKS."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A short text on a panel; x, y in mm from the upper left corner.

    beside : whether the text begins at x, beside something small, and is not centred on it.
    """

    text: str
    x: float
    y: float
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled outline: SVG path data in mm, and how strongly it is filled, 0 to 4."""

    path: str
    strength: int


@dataclass(frozen=True)
class Panel:
    """One picture of the map. All lengths in mm from its upper left corner."""

    title: str
    width: float
    height: float
    png: str
    """Base64; clear where there is no bone."""
    outline: str
    zones: tuple[Shape, ...]
    lesions: str
    marks: tuple[Mark, ...]
    left: str
    right: str
    top: str
    bottom: str
    says: str
    """For those who do not see it."""

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        shapes = sum(len(shape.path) for shape in self.zones)
        return len(self.png) + len(self.outline) + len(self.lesions) + shapes


@dataclass(frozen=True)
class JointMap:
    """The map of a joint: all bones with the lesions, then single bones with their zones."""

    whole: tuple[Panel, ...]
    bones: tuple[Panel, ...]

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return sum(panel.size for panel in (*self.whole, *self.bones))


def joint_map(
    result: ReadResult, marks: Marks, numbers: Mapping[ZoneKey, int], system: str | None
) -> JointMap | None:
    """The map of a reading; None without edema.

    marks : lesions of the edema mask; numbers : of the zones with edema, as in the table of zones;
    system : whose zones are drawn, or None.
    """
    edema = np.asarray(result.edema, bool)
    if not edema.any():
        return None
    even = even_bones(result.bones)
    pieces = resample(marks.labels, result.bones.grid, even.grid, labels=True)
    names = {b.label: b for b in result.bones.bones}
    side = _side_view(result)
    whole = tuple(
        _whole(view, even, pieces, marks, _words(view, _only_side(result)))
        for view in (FRONT, side)
    )
    zones = result.zones
    if zones is None or system not in zones.maps:
        return JointMap(whole, ())
    by_label = {z.label: z.id for z in zones.zones if z.system == system}
    panels: list[Panel] = []
    for label in _most_affected(result)[:MOST_BONES]:
        drawn = even_zones(even, result.bones, label, zones.maps[system])
        if not drawn.any():
            continue
        known = _zones_with_edema(result, system, names[label], by_label)
        panels += _bone_panels(even, names[label], drawn, known, numbers, system)
    return JointMap(whole, tuple(panels))


@dataclass(frozen=True, slots=True)
class _Held:
    """A zone with edema: its number on the map, how full it is and how much it holds."""

    key: ZoneKey
    share: float
    edema_mm3: float


def _zones_with_edema(
    result: ReadResult, system: str, bone: LabelledBone, by_label: Mapping[int, str]
) -> dict[int, _Held]:
    """By label of the zone map, the zones of one bone that hold edema."""
    labels = {zone: label for label, zone in by_label.items()}
    held = {}
    for number, region in enumerate(result.reading.regions):
        if bone.label not in {b.label for b in region.bones}:
            continue
        for zone in region.zones:
            if zone.system == system and zone.edema_mm3 > 0:
                key = (number, zone.system, zone.zone)
                held[labels[zone.zone]] = _Held(key, zone.share, zone.edema_mm3)
    return held


def _most_affected(result: ReadResult) -> list[int]:
    """Labels of the bones that hold edema, most first."""
    bones = [b for region in result.reading.regions for b in region.bones]
    held = [b for b in bones if b.edema.volume_mm3 > 0]
    return [b.label for b in sorted(held, key=lambda b: -b.edema.volume_mm3)]


def _only_side(result: ReadResult) -> Side:
    """The side of all regions, if they have one and the same."""
    sides = {region.side for region in result.reading.regions}
    return sides.pop() if len(sides) == 1 else Side.UNKNOWN


def _side_view(result: ReadResult) -> View:
    """The side nearer to most of the edema; anterior left, as usual, where both sides are seen."""
    if _only_side(result) not in (Side.LEFT, Side.RIGHT):
        return FROM_LEFT
    lesions = [one for region in result.reading.regions for one in region.edema.lesions]
    voxels = np.argwhere(result.bones.mask).astype(np.float64)
    middle = float(result.bones.grid.to_ras(voxels)[:, 0].mean())
    pull = sum((one.centroid_ras_mm[0] - middle) * one.volume_mm3 for one in lesions)
    return FROM_RIGHT if pull > 0 else FROM_LEFT


def _whole(
    view: View, even: EvenBones, pieces: NDArray[np.generic], marks: Marks, words: str
) -> Panel:
    """All bones from one side, and the lesions as if the bones were glass."""
    labels = view.seen(even.labels)
    hit, seen = _first(labels > 0)
    front = np.take_along_axis(labels, hit[None], axis=0)[0]
    flat = view.seen(np.asarray(pieces))
    shape = even.grid.shape
    out: list[Mark] = []
    for piece, ids in marks.names.items():
        if len(out) == MOST_MARKS:
            break
        rows, columns = np.nonzero(np.any(flat == piece, axis=0))
        if not len(rows):
            continue
        column, row = view.place(even.grid.to_index(marks.places[ids[0]]), shape)
        small = max(np.ptp(rows), np.ptp(columns)) < 2 * LETTER_SHARE * seen.shape[0]
        text = ", ".join(ids[:2]) + ("…" if len(ids) > 2 else "")
        start = float(columns.max()) + 1.5 if small else column
        at = Mark(text, _mm(start + 0.5, even.mm), _mm(row + 0.5, even.mm), beside=bool(small))
        if _clear(at, out, LETTER_SHARE * seen.shape[0] * even.mm):
            out.append(at)
    listed = ", ".join(mark.text for mark in out)
    return Panel(
        title=f"All bones {words}",
        width=_mm(seen.shape[1], even.mm),
        height=_mm(seen.shape[0], even.mm),
        png=_png(shaded(hit.astype(np.float32), seen), seen),
        outline=_outlines(front * seen, even.mm),
        zones=(),
        lesions=_pieces(np.any(flat > 0, axis=0), even.mm),
        marks=tuple(out),
        left=view.left,
        right=view.right,
        top=view.top,
        bottom=view.bottom,
        says=f"All bones {words}, with the edema in orange"
        + (f": lesions {listed}." if listed else "."),
    )


def _bone_panels(
    even: EvenBones,
    bone: LabelledBone,
    zones: NDArray[np.uint8],
    known: Mapping[int, _Held],
    numbers: Mapping[ZoneKey, int],
    system: str,
) -> list[Panel]:
    """One bone from the one or two sides that show most of its edema."""
    box = box_around(even.labels == bone.label, (2, 2, 2))
    mine, here = (even.labels == bone.label)[box], zones[box]
    faces = []
    for view in VIEWS:
        hit, seen = _first(view.seen(mine))
        face = np.take_along_axis(view.seen(here), hit[None], axis=0)[0] * seen
        faces.append((view, hit, seen, face))
    total = sum(one.edema_mm3 for one in known.values())
    areas = np.array([np.bincount(f[3].ravel(), minlength=256) for f in faces], float)
    best = np.maximum(areas.max(axis=0), 1)

    def shown(*which: int) -> float:
        """How much of the edema lies in zones that these views show, a hidden one in part."""
        return sum(
            held.edema_mm3
            * min(1.0, float(max(areas[i, label] for i in which) / best[label]) / ENOUGH)
            for label, held in known.items()
        )

    order = range(len(VIEWS))
    most = max(map(shown, order))
    first = next(i for i in order if shown(i) >= NEARLY * most)
    chosen = [first]
    second = max(order, key=lambda i: shown(first, i))
    if shown(first, second) - shown(first) > SECOND_VIEW * total:
        chosen.append(second)
    return [
        _bone_panel(faces[i], even.mm, bone, known, numbers, system, _view_name(faces[i][0], bone))
        for i in sorted(chosen)
    ]


def _bone_panel(
    face: tuple[View, NDArray[np.intp], NDArray[np.bool_], NDArray[np.uint8]],
    mm: float,
    bone: LabelledBone,
    known: Mapping[int, _Held],
    numbers: Mapping[ZoneKey, int],
    system: str,
    name: str,
) -> Panel:
    view, hit, seen, zone = face
    shapes, marks, said = [], [], []
    for label in np.unique(zone[zone > 0]).tolist():
        here = zone == label
        held = known.get(label)
        shapes.append(Shape(_path(here, mm), strength(held.share) if held else 0))
        if held and here.mean() >= LEAST_SHARE_SEEN and held.key in numbers:
            row, column = _inside(here)
            number = str(numbers[held.key])
            marks.append(Mark(number, _mm(column + 0.5, mm), _mm(row + 0.5, mm)))
            said.append(number)
    # Weak ones first, so that the border of a strong one lies on top.
    shapes.sort(key=lambda shape: shape.strength)
    told = f"zones {', '.join(said)} hold edema" if said else "no zone seen from here holds edema"
    return Panel(
        title=name,
        width=_mm(seen.shape[1], mm),
        height=_mm(seen.shape[0], mm),
        png=_png(shaded(hit.astype(np.float32), seen), seen),
        outline=_path(seen, mm),
        zones=tuple(shapes),
        lesions="",
        marks=tuple(marks),
        left=view.left,
        right=view.right,
        top=view.top,
        bottom=view.bottom,
        says=f"{name}: {told}.",
    )


def strength(share: float) -> int:
    """How strongly a zone is filled, 1 to 4, by the share of it that is edema."""
    return 1 + sum(share > step for step in STEPS)


def _view_name(view: View, bone: LabelledBone) -> str:
    """``Femur from the inner side``."""
    from marrowlight.anatomy.registry import bone_registry

    return f"{bone_registry()[bone.bone].name} {_words(view, bone.side)}"


def _words(view: View, side: Side) -> str:
    """Where a view is from; inner is nearer to the body's midline, where the side is known."""
    if view in (FROM_LEFT, FROM_RIGHT) and side in (Side.LEFT, Side.RIGHT):
        outer = (view is FROM_RIGHT) == (side is Side.RIGHT)
        return "from the outer side" if outer else "from the inner side"
    return view.name


def _first(inside: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(rows, columns) depth of the first voxel that a viewer meets, and where there is any."""
    return np.argmax(inside, axis=0), np.any(inside, axis=0)


def _inside(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """(row, column) of the place in a shape that is farthest from its edge."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(row), int(column)


def _outlines(labels: NDArray[np.uint8], mm: float) -> str:
    return " ".join(_path(labels == one, mm) for one in np.unique(labels[labels > 0]))


def _pieces(mask: NDArray[np.bool_], mm: float) -> str:
    """Smooth outlines of every piece of a mask, however small."""
    from scipy import ndimage

    parts, count = ndimage.label(mask, np.ones((3, 3)))
    return " ".join(_path(parts == n, mm) for n in range(1, count + 1))


def _path(mask: NDArray[np.bool_], mm: float) -> str:
    """A smooth outline; one as it is where smoothing would leave nothing of it."""
    return mask_path(mask, mm, mm, blur=BLUR) or mask_path(mask, mm, mm)


def _clear(mark: Mark, others: Sequence[Mark], letter_mm: float) -> bool:
    """Whether a text runs into no other; a letter is about two thirds as wide as it is high."""

    def ends(one: Mark) -> tuple[float, float]:
        long = 0.67 * letter_mm * len(one.text)
        start = one.x if one.beside else one.x - long / 2
        return start, start + long

    left, right = ends(mark)
    return all(
        abs(mark.y - other.y) > letter_mm or left > ends(other)[1] or ends(other)[0] > right
        for other in others
    )


def _mm(voxels: float, mm: float) -> float:
    return round(float(voxels) * mm, 2)


def _png(grey: NDArray[np.uint8], seen: NDArray[np.bool_]) -> str:
    """A PNG of grey and transparency, enlarged smoothly."""
    from PIL import Image

    rows, columns = grey.shape
    size = (columns * ENLARGED, rows * ENLARGED)
    light = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    clear = Image.fromarray(seen.astype(np.uint8) * 255).resize(size, Image.Resampling.BICUBIC)
    data = io.BytesIO()
    Image.merge("LA", (light, clear)).save(data, "PNG", optimize=True)
    return base64.b64encode(data.getvalue()).decode("ascii")
