"""Key slices as pictures: a PNG of the slice, and outlines over it as SVG paths."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.report.contours import mask_path
from marrowlight.report.display import Display, display_of
from marrowlight.report.key_slices import Marks, choose_slices, lesion_marks
from marrowlight.result import ReadResult

MARGIN_MM = 12.0
"""Kept around the bones when a slice is cropped. Unit: mm."""

WINDOW_PERCENT = (0.5, 99.2)
"""Intensities shown black and white, as percentiles within the crop of all slices."""

LONGEST_PIXELS = 900
"""Longest side of a picture; 10 cm on paper at 230 dpi."""

SCALE_BARS_MM = (5, 10, 20, 50, 100)
SCALE_BAR_SHARE = 0.3
"""The scale bar is the longest that takes no more than this share of the width."""

LABEL_UNITS = 3.2
"""Height of a lesion id, in ``Picture.unit``."""

MOST_LABELS = 8
"""Lesion ids written on one slice."""


@dataclass(frozen=True)
class Label:
    """A lesion id on a slice; x, y in mm from the upper left corner."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Picture:
    """One slice, ready to be drawn. All lengths in mm from the upper left corner of the crop."""

    number: int
    """Slice number counted from 1 along the slice axis as scanned."""
    of: int
    position: str
    plane: str
    width: float
    height: float
    png: str
    """Base64."""
    bones: str
    edema: str
    cyst: str
    labels: tuple[Label, ...]
    lesions: tuple[str, ...]
    edema_mm2: float
    left: str
    right: str
    top: str
    bottom: str
    bar_mm: int
    key: bool

    @property
    def unit(self) -> float:
        """A length that looks the same in every picture: 1 % of its mean side."""
        return (self.width + self.height) / 200

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return sum(map(len, (self.png, self.bones, self.edema, self.cyst)))


def marks_of(result: ReadResult) -> Marks:
    """The pieces of the edema mask and the lesions in them."""
    lesions = tuple(lesion for region in result.reading.regions for lesion in region.edema.lesions)
    return lesion_marks(np.asarray(result.edema, bool), display_of(result.bones.grid), lesions)


def key_pictures(result: ReadResult, marks: Marks) -> tuple[Picture, ...]:
    """The key slices of a reading, in slice order; exactly one has ``key`` set."""
    display = display_of(result.bones.grid)
    edema = np.asarray(result.edema, bool)
    cyst = np.asarray(result.cyst, bool)
    key, chosen = choose_slices(edema | cyst, result.bones.mask, marks, display)
    image = shown_image(result)
    box = crop_box(result.bones.mask | edema, display)
    shades = window(display.stack(image)[:, box[0], box[1]]) if result.primary else (0.0, 1.0)
    return tuple(
        _picture(result, image, display, marks, index, box, shades, key=index == key)
        for index in chosen
    )


def shown_image(result: ReadResult) -> NDArray[np.float32]:
    """The primary image; the bones in grey (0.4) where a mask was measured without one."""
    if result.primary is not None:
        return result.primary.volume.voxels
    return result.bones.mask.astype(np.float32) * 0.4


def crop_box(bones: NDArray[np.bool_], display: Display) -> tuple[slice, slice]:
    """Rows and columns on the screen that hold the bones and a margin; equal for all slices."""
    seen: NDArray[np.bool_] = np.any(display.stack(bones), axis=0)
    out = []
    for axis, size in ((1, display.row_mm), (0, display.column_mm)):
        held = np.flatnonzero(seen.any(axis=axis))
        margin = round(MARGIN_MM / size)
        out.append(slice(max(0, int(held[0]) - margin), int(held[-1]) + margin + 1))
    return out[0], out[1]


def window(voxels: NDArray[Any]) -> tuple[float, float]:
    """Intensities that are shown black and white, from a million voxels at most."""
    flat = np.ravel(voxels)
    low, high = np.percentile(flat[:: 1 + flat.size // 1_000_000], WINDOW_PERCENT)
    return float(low), float(high if high > low else low + 1.0)


def _picture(
    result: ReadResult,
    image: NDArray[np.float32],
    display: Display,
    marks: Marks,
    index: int,
    box: tuple[slice, slice],
    shades: tuple[float, float],
    *,
    key: bool,
) -> Picture:
    def seen(voxels: NDArray[Any]) -> NDArray[Any]:
        return display.slice(voxels, index)[box]

    def path(mask: NDArray[Any]) -> str:
        return mask_path(np.asarray(mask, bool), display.row_mm, display.column_mm)

    shown = seen(image)
    height, width = shown.shape[0] * display.row_mm, shown.shape[1] * display.column_mm
    bones = seen(result.bones.labels)
    edema = np.asarray(seen(result.edema), bool)
    pieces = seen(marks.labels)
    here = [p for p in np.unique(pieces).tolist() if p in marks.names]
    ids = [lesion for p in sorted(here, key=list(marks.names).index) for lesion in marks.names[p]]
    return Picture(
        number=index + 1,
        of=display.slices,
        position=display.position(index),
        plane=display.plane.value,
        width=round(width, 2),
        height=round(height, 2),
        png=slice_png(shown, display, shades),
        bones=" ".join(path(bones == label) for label in np.unique(bones[bones > 0])),
        edema=path(edema),
        cyst=path(seen(result.cyst)),
        labels=_labels(pieces, marks, display, width),
        lesions=tuple(ids),
        edema_mm2=float(edema.sum()) * display.row_mm * display.column_mm,
        left=display.left,
        right=display.right,
        top=display.top,
        bottom=display.bottom,
        bar_mm=max(
            (b for b in SCALE_BARS_MM if b <= SCALE_BAR_SHARE * width), default=SCALE_BARS_MM[0]
        ),
        key=key,
    )


def slice_png(
    shown: NDArray[Any],
    display: Display,
    shades: tuple[float, float],
    longest: int = LONGEST_PIXELS,
) -> str:
    """An 8-bit grey PNG in base64, with square pixels, enlarged smoothly so that paper shows no
    steps.

    shown : (rows, columns) as on the screen; shades : intensities shown black and white; longest :
    most pixels along a side.
    """
    from PIL import Image

    low, high = shades
    grey = np.clip((shown.astype(np.float32) - low) / (high - low), 0, 1) * 255
    height, width = shown.shape[0] * display.row_mm, shown.shape[1] * display.column_mm
    pixel = max(min(display.row_mm, display.column_mm) / 2, max(height, width) / longest)
    size = (max(1, round(width / pixel)), max(1, round(height / pixel)))
    picture = Image.fromarray(grey.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=4)
    return base64.b64encode(data.getvalue()).decode("ascii")


def _labels(
    pieces: NDArray[Any], marks: Marks, display: Display, width: float
) -> tuple[Label, ...]:
    """Ids of the largest lesions of a slice beside their pieces, none over another."""
    height = pieces.shape[0] * display.row_mm
    unit = (width + height) / 200
    line, letter = LABEL_UNITS * unit, LABEL_UNITS * unit * 0.68
    out: list[Label] = []
    # The letters at the edges and the scale bar have their places already (x, baseline, length).
    edge = 7 * unit
    taken = [
        (0.0, height / 2 + 1.5 * unit, edge),
        (width - edge, height / 2 + 1.5 * unit, edge),
        (width / 2 - edge / 2, 4 * unit, edge),
        (width / 2 - edge / 2, height - 1.4 * unit, edge),
        (width * 0.65, height - 3 * unit, width * 0.35),
    ]
    for piece in [p for p in marks.names if (pieces == p).any()][:MOST_LABELS]:
        rows, columns = np.nonzero(pieces == piece)
        names = marks.names[piece]
        text = ", ".join(names[:2]) + ("…" if len(names) > 2 else "")
        long = letter * len(text)
        right, left = (columns.max() + 1.5) * display.column_mm, columns.min() * display.column_mm
        top, bottom = rows.min() * display.row_mm, (rows.max() + 1) * display.row_mm
        middle = (top + bottom) / 2
        places = [
            (x, y + line * 0.35)
            for y in (top, bottom, middle, top - line, bottom + line, middle - line, middle + line)
            for x in (right, left - long)
        ]
        for x, y in places:
            fits = 0 <= x <= width - long and line <= y <= height - line
            clear = all(
                x > other + size or other > x + long or abs(y - level) > 1.15 * line
                for other, level, size in taken
            )
            if fits and clear:
                out.append(Label(text, round(float(x), 2), round(float(y), 2)))
                taken.append((x, y, long))
                break
    return tuple(out)
