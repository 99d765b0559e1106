"""The bones over the image, slice by slice, as one PNG: for people who would rather look."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.registry import bone_registry
from marrowlight.report.contours import outlines
from marrowlight.report.display import Display, display_of
from marrowlight.report.pictures import window
from marrowlight.study.study import Side

if TYPE_CHECKING:
    from PIL import ImageDraw
    from PIL.Image import Image

STEP = 5
"""Every fifth slice is shown; more of them where that leaves fewer than ``FEWEST``."""

FEWEST = 6
TILE_PIXELS = 380
"""Longest side of one slice. Unit: pixel."""

SHEET_PIXELS = 1600
"""Width of the sheet. Unit: pixel."""

TEXT_PIXELS = 15
GAP_PIXELS = 6
LINE_PIXELS = 2
SMOOTH = 2
"""Drawn this many times larger and then made smaller, so that lines are smooth."""

COLOURS = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (255, 255, 255),
    (213, 94, 0), (0, 114, 178), (187, 204, 51), (255, 170, 187), (153, 221, 255), (170, 170, 170),
    (238, 221, 136), (119, 170, 221),
)  # fmt: skip
"""One for each bone of the registry, alike on both sides and on every sheet; for all kinds of
colour vision as far as so many allow. Source: Okabe and Ito 2008; Tol 2021, light scheme."""

PAPER, INK = (17, 21, 23), (232, 237, 238)


def contact_sheet(image: NDArray[Any], bones: BoneMap) -> bytes:
    """A PNG of every fifth slice with the outline of each bone, and their names below.

    image : (I, J, K), any unit, on the grid of ``bones``. Slices lie as radiologists see them: the
    patient's right is on the left of axial and coronal slices, anterior on the left of sagittal
    ones; letters at the edges say so.
    """
    from PIL import Image as Images

    display = display_of(bones.grid)
    order = list(bone_registry())
    colours = {b.label: COLOURS[order.index(b.bone) % len(COLOURS)] for b in bones.bones}
    shades = window(image)
    tiles = [
        _tile(image, bones, display, index, colours, shades)
        for index in shown_slices(display.slices)
    ]
    across = max(1, (SHEET_PIXELS - GAP_PIXELS) // (tiles[0].width + GAP_PIXELS))
    across = min(across, len(tiles))
    rows = -(-len(tiles) // across)
    wide, high = tiles[0].width + GAP_PIXELS, tiles[0].height + GAP_PIXELS
    legend = _legend(bones, colours, max(across * wide - GAP_PIXELS, 2 * TILE_PIXELS))
    width = max(across * wide + GAP_PIXELS, legend.width + 2 * GAP_PIXELS)
    sheet = Images.new("RGB", (width, rows * high + 2 * GAP_PIXELS + legend.height), PAPER)
    for n, tile in enumerate(tiles):
        sheet.paste(tile, (GAP_PIXELS + n % across * wide, GAP_PIXELS + n // across * high))
    sheet.paste(legend, (GAP_PIXELS, rows * high + GAP_PIXELS))
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    return data.getvalue()


def shown_slices(count: int) -> list[int]:
    """Indices of the slices on the sheet: every fifth, from the first to the last of them alike."""
    step = max(1, min(STEP, count // FEWEST))
    return list(range((count - 1) % step // 2, count, step))


def _tile(
    image: NDArray[Any],
    bones: BoneMap,
    display: Display,
    index: int,
    colours: dict[int, tuple[int, int, int]],
    shades: tuple[float, float],
) -> Image:
    from PIL import Image as Images
    from PIL import ImageDraw

    shown = display.slice(image, index)
    height, width = shown.shape[0] * display.row_mm, shown.shape[1] * display.column_mm
    scale = SMOOTH * TILE_PIXELS / max(height, width)
    low, high = shades
    grey = np.clip((shown.astype(np.float32) - low) / (high - low), 0, 1) * 255
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    tile = Images.fromarray(grey.astype(np.uint8)).resize(size, Images.Resampling.BICUBIC)
    tile = tile.convert("RGB")
    draw = ImageDraw.Draw(tile)
    labels = display.slice(bones.labels, index)
    for bone in bones.bones:
        for line in outlines(labels == bone.label):
            points = (line + 0.5) * (display.column_mm * scale, display.row_mm * scale)
            closed = [*map(tuple, points.tolist()), tuple(points[0].tolist())]
            draw.line(closed, fill=colours[bone.label], width=LINE_PIXELS * SMOOTH, joint="curve")
    small = tile.resize((size[0] // SMOOTH, size[1] // SMOOTH), Images.Resampling.LANCZOS)
    _letters(ImageDraw.Draw(small), small.size, display, index)
    return small


def _letters(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], display: Display, index: int
) -> None:
    """Slice number and the letters at the edges."""
    font = _font()
    wide, high = size
    for text, at, anchor in (
        (f"{index + 1} / {display.slices}", (4, 3), "la"),
        (display.left, (4, high / 2), "lm"),
        (display.right, (wide - 4, high / 2), "rm"),
        (display.top, (wide / 2, 3), "ma"),
        (display.bottom, (wide / 2, high - 3), "md"),
    ):
        draw.text(at, text, INK, font, anchor, stroke_width=2, stroke_fill=(0, 0, 0))


def _legend(bones: BoneMap, colours: dict[int, tuple[int, int, int]], width: int) -> Image:
    """The name of each bone beside its colour, on as many lines as they need."""
    from PIL import Image as Images
    from PIL import ImageDraw

    font = _font()
    line = TEXT_PIXELS + 9
    places: list[tuple[int, int, LabelledBone]] = []
    x = y = 0
    for bone in bones.bones:
        long = 34 + round(font.getlength(_name(bone)))
        if x and x + long > width:
            x, y = 0, y + line
        places.append((x, y, bone))
        x += long
    legend = Images.new("RGB", (width, y + line), PAPER)
    draw = ImageDraw.Draw(legend)
    for x, y, bone in places:
        middle = y + line // 2
        draw.line([(x, middle), (x + 14, middle)], fill=colours[bone.label], width=4)
        draw.text((x + 20, middle), _name(bone), INK, font, "lm")
    return legend


def _name(bone: LabelledBone) -> str:
    name = bone_registry()[bone.bone].name
    return f"{name}, {bone.side.value}" if bone.side in (Side.LEFT, Side.RIGHT) else name


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(TEXT_PIXELS)
