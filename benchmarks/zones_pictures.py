"""Draw the zones of a knee on sections through its bones: to look at, and for the docs.

    python -m benchmarks.zones_pictures -o docs/zones              # the phantom knee
    python -m benchmarks.zones_pictures -o FOLDER NAME [NAME ...]  # real label maps, by file name

Real maps are for looking at only: they are not ours to publish.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.stamp import data_root
from benchmarks.zones_knee import knee_map
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.study import Joint

PIXEL_MM = 0.6
BONE, PAPER = (190, 190, 190), (255, 255, 255)
COLORS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
     (204, 121, 167), (120, 94, 240), (220, 38, 127), (100, 143, 255), (254, 97, 0),
     (255, 190, 60), (60, 160, 60), (160, 80, 160), (90, 200, 200)], np.uint8
)  # fmt: skip
"""By label, from 1; after the palettes of Okabe and Ito and of IBM, told apart by most eyes."""


def section(bones: BoneMap, zones: ZoneMap, system: str, axis: int, at: float) -> Image.Image:
    """A plane across RAS axis 0, 1 or 2 at a place in mm; up is superior or anterior."""
    grid = bones.grid
    place = grid.to_ras(np.argwhere(bones.mask[::2, ::2, ::2]).astype(float) * 2)
    low, high = place.min(axis=0) - 4, place.max(axis=0) + 4
    across, upward = (n for n in range(3) if n != axis)
    points = np.empty((*_axes(low, high, across, upward), 3))
    points[..., across] = np.arange(low[across], high[across], PIXEL_MM)
    points[..., upward] = np.arange(high[upward], low[upward], -PIXEL_MM)[:, None]
    points[..., axis] = at
    index = np.rint(grid.to_index(points)).astype(int)
    inside = ((index >= 0) & (index < grid.shape)).all(axis=-1)
    here = tuple(np.moveaxis(np.where(inside[..., None], index, 0), -1, 0))
    bone = inside & bones.mask[here]
    zone = np.where(inside, zones.maps[system][here], 0)
    picture = np.full((*bone.shape, 3), PAPER, np.uint8)
    picture[bone] = BONE
    picture[zone > 0] = COLORS[zone[zone > 0] - 1]
    return Image.fromarray(picture)


def _axes(
    low: NDArray[np.float64], high: NDArray[np.float64], across: int, upward: int
) -> tuple[int, int]:
    return (
        len(np.arange(high[upward], low[upward], -PIXEL_MM)),
        len(np.arange(low[across], high[across], PIXEL_MM)),
    )


def sheet(bones: BoneMap, zones: ZoneMap, system: str = "moaks") -> Image.Image:
    """Sagittal medial, central and lateral, coronal three times, axial three times, and a key."""
    at = {
        z.id: zones.grid.to_ras(np.argwhere(zones.of(z))[::5].astype(float)).mean(axis=0)
        for z in zones.of_system("moaks")
        if zones.voxels(z)
    }
    planes = [
        (0, at["femur_medial_central"][0]), (0, at["tibia_subspinous"][0]),
        (0, at["femur_lateral_central"][0]), (1, at["femur_medial_posterior"][1]),
        (1, at["tibia_subspinous"][1]), (1, at["femur_lateral_trochlea"][1]),
        (2, at["patella_medial"][2]), (2, at["femur_medial_central"][2] - 8),
        (2, at["tibia_medial_central"][2]),
    ]  # fmt: skip
    cut = [section(bones, zones, system, axis, place) for axis, place in planes]
    rows = [cut[:3], cut[3:6], cut[6:]]
    width = max(sum(p.width + 6 for p in row) for row in rows)
    out = Image.new("RGB", (width + 190, sum(row[0].height + 6 for row in rows)), PAPER)
    top = 0
    for row in rows:
        left = 0
        for picture in row:
            out.paste(picture, (left, top))
            left += picture.width + 6
        top += row[0].height + 6
    draw = ImageDraw.Draw(out)
    for n, zone in enumerate(zones.of_system(system)):
        color = tuple(COLORS[zone.label - 1].tolist())
        draw.rectangle((width + 4, 8 + 18 * n, width + 16, 20 + 18 * n), fill=color)
        draw.text((width + 22, 8 + 18 * n), zone.name, fill=(0, 0, 0))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    if not asked.names:
        spec = PhantomSpec(also=(), edema=(), pixel_mm=0.8, slice_mm=1.6, samples=1)
        bones = make_phantom(spec).bones
        zones = zones_of(bones, joint=Joint.KNEE)
        for system in ("moaks", "bloks"):
            picture = sheet(bones, zones, system).quantize(32)
            picture.save(asked.output / f"knee_{system}.png", optimize=True)
    root = data_root()
    if asked.names and root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    for name in asked.names:
        assert root is not None
        bones = knee_map(root / "anatomy" / "knee" / f"{name}.nii.gz")
        sheet(bones, zones_of(bones, joint=Joint.KNEE)).save(asked.output / f"{name}.png")


if __name__ == "__main__":
    main()
