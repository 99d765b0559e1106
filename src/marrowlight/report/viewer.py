"""The interactive view: NiiVue's script and the volumes that it shows, inside the page."""

from __future__ import annotations

import base64
import gzip
import zlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.report.nifti import nifti_image_bytes
from marrowlight.report.pictures import shown_image, window
from marrowlight.result import ReadResult
from marrowlight.study.grid import Grid, box_around

SCRIPT = "niivue.umd.js"
VERSION = "niivue.version.txt"

MARGIN_MM = 25.0
"""Kept around the bones in the volumes of the page. Unit: mm."""

PAGE_BYTES = 7_700_000
"""Of the whole page; the image gets what the script, the pictures and the masks leave of it."""

LEAST_IMAGE_BYTES = 500_000
"""The image gets at least this much, whatever the pictures take. Base64."""

GREY_STEPS = (1, 2, 4)
"""A large image keeps every, every second or every fourth grey: noise hides the steps."""

GZIP_LEVEL = 6
EDEMA, CYST = 1, 2


@dataclass(frozen=True)
class Viewer:
    """What the page needs for the interactive view.

    script : NiiVue, safe inside a script element; version : its version; image, findings, bones :
    base64 of ``.nii.gz`` files on one grid; low, high : window of the image; coarser : how many
    times coarser than scanned the image is in the page (1 is as scanned).
    """

    script: str
    version: str
    image: str
    findings: str
    bones: str
    low: float
    high: float
    coarser: int


def viewer_script() -> tuple[str, str] | None:
    """NiiVue's script and version, or None if the package was built without Node."""
    assets = resources.files(__package__).joinpath("assets")
    script, version = assets.joinpath(SCRIPT), assets.joinpath(VERSION)
    if not script.is_file() or not version.is_file():
        return None
    return in_script(script.read_text("utf-8")), version.read_text("utf-8").strip()


def in_script(code: str) -> str:
    """JavaScript that does not end the element it is inlined in; its meaning is unchanged."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def viewer_of(result: ReadResult, taken: int = 0) -> Viewer | None:
    """The interactive view of a reading, or None if the package was built without it.

    taken : bytes that the rest of the page takes; the image is made coarser where that leaves too
    little for it.
    """
    found = viewer_script()
    if found is None:
        return None
    script, version = found
    grid = result.bones.grid
    bones = result.bones.mask
    edema, cyst = np.asarray(result.edema, bool), np.asarray(result.cyst, bool)
    findings = edema.astype(np.uint8) * EDEMA
    findings[cyst] = CYST
    image = shown_image(result)
    box = box_around(bones | edema, [round(MARGIN_MM / s) for s in grid.spacing])
    part = grid.part([s.start for s in box], image[box].shape)
    shades = window(image[box]) if result.primary else (0.0, 1.0)
    grey, low, high = greys_of(image[box], *shades)
    masks = packed_mask(findings[box], part), packed_mask(bones[box].astype(np.uint8), part)
    room = PAGE_BYTES - taken - len(script) - sum(map(len, masks))
    coarser, packed = packed_image(grey, part, max(room, LEAST_IMAGE_BYTES))
    return Viewer(
        script=script,
        version=version,
        image=packed,
        findings=masks[0],
        bones=masks[1],
        low=low,
        high=high,
        coarser=coarser,
    )


def greys_of(
    image: NDArray[np.float32], low: float, high: float
) -> tuple[NDArray[np.uint8], float, float]:
    """The image in 256 greys that reach beyond the window, and the window in these greys."""
    top = max(high, min(float(image.max()), low + 2 * (high - low)))
    bottom = float(image.min())
    scale = 255 / max(top - bottom, 1e-9)
    grey = np.clip((image - bottom) * scale, 0, 255).astype(np.uint8)
    return grey, (low - bottom) * scale, min(255.0, (high - bottom) * scale)


def packed_image(grey: NDArray[np.uint8], grid: Grid, room: int) -> tuple[int, str]:
    """The image in base64, with fewer greys and then coarser until it fits into room bytes."""
    coarser, most = 1, room * 3 / 4
    while True:
        for step in GREY_STEPS:
            fewer = grey // step * step
            if _estimated_bytes(fewer) > 1.1 * most:
                continue
            data = gzip.compress(nifti_image_bytes(fewer, grid, "image"), GZIP_LEVEL, mtime=0)
            if len(data) <= most:
                return coarser, base64.b64encode(data).decode("ascii")
        grey, grid = _halved(grey, grid)
        coarser *= 2


def _estimated_bytes(grey: NDArray[np.uint8]) -> float:
    """Compressed size of an image, judged by every eighth slice."""
    some = grey[..., ::8]
    return len(zlib.compress(some.tobytes(), GZIP_LEVEL)) * grey.size / some.size


def _halved(grey: NDArray[np.uint8], grid: Grid) -> tuple[NDArray[np.uint8], Grid]:
    """Means of 2 voxels along every axis that is no coarser than 1.5 times the finest."""
    finest = min(grid.spacing)
    affine = np.array(grid.affine)
    voxels: NDArray[Any] = grey.astype(np.float32)
    for axis, size in enumerate(grid.spacing):
        count = voxels.shape[axis] // 2
        if size > 1.5 * finest or count < 1:
            continue
        pairs = np.moveaxis(voxels, axis, 0)[: 2 * count]
        voxels = np.moveaxis((pairs[0::2] + pairs[1::2]) / 2, 0, axis)
        affine[:3, 3] += affine[:3, axis] / 2
        affine[:3, axis] *= 2
    i, j, k = voxels.shape
    return np.rint(voxels).astype(np.uint8), Grid((i, j, k), affine)


def packed_mask(voxels: NDArray[np.uint8], grid: Grid) -> str:
    """A mask as base64 of a ``.nii.gz`` file."""
    data = gzip.compress(nifti_image_bytes(voxels, grid, "mask"), GZIP_LEVEL, mtime=0)
    return base64.b64encode(data).decode("ascii")
