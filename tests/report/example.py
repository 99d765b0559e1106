"""A small knee made of noise and two spheres, and the reading that belongs to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.measurement import (
    BoneEdema,
    Edema,
    Edge,
    Extent,
    Interval,
    IntervalKind,
    Lesion,
)
from marrowlight.reading import (
    NormalMarrow,
    OtherSeries,
    Reading,
    Region,
    SeriesReading,
    Versions,
    Warned,
)
from marrowlight.report.sentence import summary_sentence
from marrowlight.result import ReadResult
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane, Role, Series
from marrowlight.study.study import Joint, Side
from marrowlight.study.volume import Volume

SAGITTAL = Grid(
    (60, 64, 12),
    np.array([[0, 0, -4.0, 30], [-0.9, 0, 0, 20], [0, -0.9, 0, 25], [0, 0, 0, 1]]),
)
"""Sagittal slices of 4 mm, rows downwards and columns backwards, as a scanner writes them."""


def ball(grid: Grid, centre: tuple[float, float, float], radius: float) -> NDArray[np.bool_]:
    """(I, J, K) bool; centre in RAS mm."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    inside: NDArray[np.bool_] = np.linalg.norm(grid.to_ras(index) - centre, axis=-1) <= radius
    return inside


def intervals(volume: float) -> tuple[Interval, ...]:
    return (
        Interval(kind=IntervalKind.READER_AGREEMENT, low_mm3=0.5 * volume, high_mm3=2 * volume,
                 basis="Two readers of four examinations."),
        Interval(kind=IntervalKind.REPEATABILITY, low_mm3=0.8 * volume, high_mm3=1.25 * volume,
                 basis="The same phantom with other noise."),
    )  # fmt: skip


def lesion(number: int, volume: float, at: tuple[float, float, float], **more: object) -> Lesion:
    values: dict[str, object] = {
        "id": f"e{number}",
        "bone": "femur",
        "side": Side.LEFT,
        "volume_mm3": volume,
        "intervals": intervals(volume),
        "centroid_ras_mm": at,
        "peak_ras_mm": at,
        "extent_mm": Extent(right_left=8, anterior_posterior=12, superior_inferior=12),
        "bone_share": 0.04,
        "contrast": 5.2,
        "cyst_share": 0.0,
        "edge": Edge.ILL_DEFINED,
        **more,
    }
    return Lesion.model_validate(values)


def edema(volume: float, lesions: tuple[Lesion, ...] = (), **more: object) -> Edema:
    values: dict[str, object] = {
        "volume_mm3": volume,
        "intervals": intervals(volume) if volume else (),
        "bone_share": 0.06 if volume else 0.0,
        "lesions": lesions,
        "load_mm3": 0.5 * volume,
        "smallest_counted_mm3": 12.0,
        **more,
    }
    return Edema.model_validate(values)


def bone(name: str, label: int, found: Edema, side: Side = Side.LEFT) -> BoneEdema:
    return BoneEdema(
        bone=name, side=side, label=label, name=name.capitalize(), volume_mm3=48_000, edema=found
    )


def region(
    *bones: BoneEdema,
    total: Edema | None = None,
    joint: Joint = Joint.KNEE,
    side: Side = Side.LEFT,
) -> Region:
    if total is None:
        volume = sum(b.edema.volume_mm3 for b in bones)
        total = edema(volume, tuple(one for b in bones for one in b.edema.lesions))
    return Region(joint=joint, side=side, joint_evidence=("tag",), bones=bones, edema=total)


def reading(*regions: Region, description: str = "sag stir", **more: object) -> Reading:
    spacing = SAGITTAL.spacing
    first = SeriesReading(
        id="s1", role=Role.STIR, description=description, plane=Plane.SAGITTAL, primary=True,
        shape=SAGITTAL.shape, spacing_mm=spacing, slice_thickness_mm=3.5,
        normal_marrow=NormalMarrow(center=100, spread=8, voxels=5000, source="image"),
        regions=regions,
    )  # fmt: skip
    values: dict[str, object] = {
        "reading_id": "00112233aabbccdd",
        "summary": summary_sentence(regions),
        "regions": regions,
        "primary_series": "s1",
        "primary_reason": "The only fluid-sensitive series.",
        "series": (first,),
        "other_series": (
            OtherSeries(id="s2", role=Role.T1, description=description, plane=Plane.SAGITTAL,
                        shape=SAGITTAL.shape, used_for="not used"),
        ),
        "set_aside": ({"name": description, "reason": "localiser", "files": 3},),
        "warnings": (Warned(code="slices-missing", text="Two slices are missing.", series="s1"),),
        "versions": Versions(software="0.1.0", parameters="ab" * 32, weights=None,
                             knowledge="cd" * 32),
        **more,
    }  # fmt: skip
    return Reading.model_validate(values)


FEMUR_LESION = (8.0, -8.0, 10.0)
TIBIA_LESION = (8.0, -4.0, -20.0)


def result(*, empty: bool = False, image: bool = True, description: str = "sag stir") -> ReadResult:
    """A left knee with 2 lesions in the femur and 1 in the tibia, or with none."""
    grid = SAGITTAL
    femur = ball(grid, (8, -8, 8), 20)
    tibia = ball(grid, (8, -6, -24), 10) & ~femur
    labels = femur.astype(np.uint8) + 2 * tibia.astype(np.uint8)
    small = (8.0, -20.0, 12.0)
    bones = BoneMap(
        labels,
        grid,
        (LabelledBone(1, "femur", Side.LEFT), LabelledBone(2, "tibia", Side.LEFT)),
        "mask given by the user",
    )
    marked = ball(grid, FEMUR_LESION, 6) | ball(grid, TIBIA_LESION, 4) | ball(grid, small, 2.5)
    cyst = ball(grid, FEMUR_LESION, 2)
    if empty:
        marked &= False
        cyst &= False
    rng = np.random.default_rng(1)
    voxels = rng.normal(100, 8, grid.shape) * (0.4 + 0.6 * (labels > 0)) + 120 * marked
    series = Series(
        "s1", Volume(voxels.astype(np.float32), grid), Role.STIR, ("name has 'stir'",),
        description, Plane.SAGITTAL,
    )  # fmt: skip
    in_femur = () if empty else (lesion(1, 790, FEMUR_LESION), lesion(3, 60, small))
    in_tibia = () if empty else (lesion(2, 260, TIBIA_LESION, bone="tibia"),)
    found = region(
        bone("femur", 1, edema(0 if empty else 850, in_femur)),
        bone("tibia", 2, edema(0 if empty else 260, in_tibia)),
    )
    return ReadResult(
        reading=reading(found, description=description),
        study=None,
        primary=series if image else None,
        bones=bones,
        edema=marked & ~cyst,
        cyst=cyst,
        probability=(0.7 * marked).astype(np.float32) if image else None,
    )
