"""Small visits made of two bones and balls of edema, measured as a real reading is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.course.visit import Visit
from marrowlight.edema.intervals import Origin
from marrowlight.edema.measure import measure_edema
from marrowlight.provenance import reading_id
from marrowlight.reading import NormalMarrow, Reading, SeriesReading, Versions
from marrowlight.regions import regions_of
from marrowlight.result import ReadResult
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side
from marrowlight.study.volume import volume_hash

VERSIONS = Versions(software="0.1.0", parameters=None, weights=None, knowledge="cd" * 32)

Point = tuple[float, float, float]

FEMUR, TIBIA = 1, 2
BONES = {"femur": FEMUR, "tibia": TIBIA}


def grid_of(
    spacing: Point = (2.0, 2.0, 2.0), low: Point = (-40, -40, -60), high: Point = (40, 40, 60)
) -> Grid:
    """A grid along the axes of the body that reaches from low to high, RAS mm."""
    shape = [round((h - n) / s) for n, h, s in zip(low, high, spacing, strict=True)]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    return Grid((shape[0], shape[1], shape[2]), affine)


WIDE = grid_of()


@dataclass(frozen=True)
class Ball:
    """A ball of edema: bone, centre in RAS mm of a joint that has not moved, radius in mm."""

    bone: str
    centre: Point
    radius: float


def points_of(grid: Grid) -> NDArray[np.float64]:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    return grid.to_ras(index)


def moved(degrees: float, shift: Point) -> NDArray[np.float64]:
    """(4, 4) a turn about the right-left axis, then a shift, RAS mm."""
    turn = np.radians(degrees)
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, 3] = shift
    return matrix


def labels_of(grid: Grid, motion: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A femur above and a tibia below, neither of them round, where ``motion`` takes them."""
    back = np.linalg.inv(motion)
    x, y, z = np.moveaxis(points_of(grid) @ back[:3, :3].T + back[:3, 3], -1, 0)
    labels = np.zeros(grid.shape, np.uint8)
    labels[(np.abs(x) < 26) & (np.abs(y + 2) < 22) & (z > 4) & (z < 44) & (x + z > -10)] = FEMUR
    labels[(np.abs(x) < 24) & (np.abs(y) < 18) & (z < -4) & (z > -44) & (y - z > -2)] = TIBIA
    return labels


def made_visit(
    balls: Sequence[Ball] = (),
    weeks: float = 0.0,
    *,
    grid: Grid = WIDE,
    motion: NDArray[np.float64] | None = None,
    name: str = "visit",
    side: Side = Side.LEFT,
    joint: Joint = Joint.KNEE,
    bones: Sequence[str] = ("femur", "tibia"),
    drawn: bool = True,
    **more: object,
) -> Visit:
    """A visit of a left knee. motion : where its bones lie, (4, 4) from a joint not moved.

    drawn : the edema was drawn (what is told from nothing is then what voxels resolve); else it was
    found, with T1.
    """
    motion = np.eye(4) if motion is None else motion
    labels = labels_of(grid, motion)
    labels[~np.isin(labels, [BONES[b] for b in bones])] = 0
    edema = np.zeros(grid.shape, bool)
    for ball in balls:
        centre = motion[:3, :3] @ ball.centre + motion[:3, 3]
        near = np.linalg.norm(points_of(grid) - centre, axis=-1) <= ball.radius
        edema |= near & (labels == BONES[ball.bone])
    shown = tuple(LabelledBone(BONES[b], b, side) for b in bones)
    map_ = BoneMap(labels, grid, shown, "made")
    values: dict[str, object] = {"name": name, "weeks": weeks, "weeks_source": "given", **more}
    return Visit(
        joint=joint,
        side=side,
        bones=map_,
        edema=edema,
        reading=reading_of(map_, edema, joint, side, drawn=drawn),
        **values,  # type: ignore[arg-type]
    )


def reading_of(
    bones: BoneMap,
    edema: NDArray[np.bool_],
    joint: Joint,
    side: Side,
    *,
    drawn: bool = True,
    role: Role = Role.STIR,
    plane: Plane = Plane.SAGITTAL,
) -> Reading:
    """The reading of masks, as ``measure`` would make it."""
    origin = Origin.DRAWN if drawn else Origin.FOUND
    measured = measure_edema(mask=edema, grid=bones.grid, bones=bones, origin=origin)
    regions = regions_of(measured, origin=origin, joint=joint, side=side)
    grid = bones.grid
    series = SeriesReading(
        id="s1", role=role, description="made", plane=plane, primary=True, shape=grid.shape,
        spacing_mm=grid.spacing, slice_thickness_mm=None,
        normal_marrow=NormalMarrow(center=100, spread=8, voxels=5000, source="image"),
        regions=regions,
    )  # fmt: skip
    number = reading_id([volume_hash(edema, grid.affine), bones.sha256], [joint, side], VERSIONS)
    return Reading(
        reading_id=number,
        summary="made",
        regions=regions,
        primary_series="s1",
        primary_reason="made",
        series=(series,),
        versions=VERSIONS if drawn else VERSIONS.model_copy(update={"parameters": "ab" * 32}),
    )


def result_of(visit: Visit) -> ReadResult:
    """The reading of a visit with its masks, to be written as ``read`` writes it."""
    empty = np.zeros_like(visit.edema)
    return ReadResult(visit.reading, None, None, visit.bones, visit.edema, empty)
