"""Frames of the bones of the knee, each from its own shape.

Femur:
    lateral_mm       lateral of the middle of the intercondylar notch
    forward_share    in front of the middle of the condyles, as a share of their width
    height_share     above the lowest part of the condyles, as a share of their width
    flexion_deg      round the axis of the rear of the condyles: 0 down, 90 to the rear, 180 up,
                     below 0 in front
Tibia:
    lateral_mm       lateral of the middle of the spines
    lateral_share    the same as a share of the width of the plateau
    forward_share    0 at the rear, 1 at the front edge of the compartment of that side
    below_mm         below the plane of the plateau
Patella:
    lateral_mm       lateral of the ridge, which may lean
Fibula: in the frame of the tibia, without coordinates of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.cloud import Cloud
from marrowlight.anatomy.frame import (
    Coordinate,
    Frame,
    NoFrame,
    PlacedBone,
    Placement,
    Points,
    along,
)
from marrowlight.anatomy.knee_femur import FemurShape, femur_shape
from marrowlight.anatomy.knee_patella import PatellaShape, patella_shape
from marrowlight.anatomy.knee_side import CONTRADICTS, odds_of_right, side_of
from marrowlight.anatomy.knee_tibia import TibiaShape, tibia_shape
from marrowlight.anatomy.solid import SideBones, sides_of
from marrowlight.notice import Notice
from marrowlight.study.study import Side

KNEE_BONES = ("femur", "tibia", "patella", "fibula")

CONDYLE_RADIUS = 0.26
"""Radius of the rear of the condyles as a share of their width: it puts the axis of flexion in the
middle of their round part. Estimate: 19 mm at a width of 73 mm, without cartilage."""

MOST_CUT_MM2 = {"femur": 700.0, "tibia": 500.0, "patella": 120.0}
"""More bone than this at an edge of the image that does not cross the shaft: the joint end is cut
off, and a share of it would be a share of something else. mm². Estimates: a third of a section."""

SHAFT = {"femur": 1.0, "tibia": -1.0}
"""Which way a shaft runs on, +1 upwards: there it may leave the image."""

Shapes = tuple[FemurShape | None, TibiaShape | None, PatellaShape | None]


def place_knee(bones: BoneMap, side: Side) -> Placement:
    """Frames of the bones of the knee, each side for itself.

    bones : may hold both sides; side : of bones that have none of their own.
    """
    placed: list[PlacedBone] = []
    unplaced: list[tuple[str, str]] = []
    notices: list[Notice] = []
    for group in sides_of(bones, side, KNEE_BONES):
        if _upside_down(group):
            why = "the femur lies below the tibia: the image is upside down, or the names are"
            unplaced += [(bone, why) for bone in group.bones]
            continue
        femur = tibia = patella = None
        for bone in (b for b in KNEE_BONES if b in group.bones):
            try:
                if bone == "femur":
                    femur = femur_shape(_whole(group, bone))
                elif bone == "tibia":
                    tibia = tibia_shape(_whole(group, bone))
                elif bone == "patella":
                    towards = _front_and_up(femur, tibia)
                    patella = patella_shape(_whole(group, bone), *towards)
            except NoFrame as error:
                unplaced.append((bone, str(error)))
        shapes = (femur, tibia, patella)
        try:
            lateral = _lateral(group, shapes, notices)
        except NoFrame as error:
            named = [b for b, s in zip(KNEE_BONES, shapes, strict=False) if s is not None]
            unplaced += [(bone, str(error)) for bone in named]
            continue
        placed += _placed(group, shapes, lateral)
    return Placement(tuple(placed), tuple(unplaced), tuple(notices))


def _front_and_up(femur: FemurShape | None, tibia: TibiaShape | None) -> tuple[Points, Points]:
    known = femur or tibia
    axes = np.eye(3) if known is None else known.axes
    return axes[1], axes[2]


def _upside_down(group: SideBones) -> bool:
    if not {"femur", "tibia"} <= set(group.bones):
        return False
    try:
        femur, tibia = (group.cloud(b).inside[:, 2].mean() for b in ("femur", "tibia"))
    except NoFrame:
        return False
    return bool(femur < tibia)


def _whole(group: SideBones, bone: str) -> Cloud:
    """A bone in points. Raises NoFrame if the image cuts off more of it than the shaft's end."""
    grid, mask = group.source.grid, group.source.of(group.bones[bone])
    for axis in range(3):
        face = grid.voxel_volume_mm3 / grid.spacing[axis]
        upward = float(grid.directions[2, axis])
        for end, sense in ((0, -1.0), (-1, 1.0)):
            if SHAFT.get(bone, 0.0) * sense * upward > 0.7:
                continue
            if np.count_nonzero(np.moveaxis(mask, axis, 0)[end]) * face > MOST_CUT_MM2[bone]:
                raise NoFrame("it is cut off by the edge of the image")
    return group.cloud(bone)


def _lateral(group: SideBones, shapes: Shapes, notices: list[Notice]) -> int:
    """+1 where the right of the body is lateral, else -1. Raises NoFrame if that is unknown."""
    fibula = group.cloud("fibula") if "fibula" in group.bones else None
    odds = odds_of_right(*shapes, fibula)
    if group.side in (Side.RIGHT, Side.LEFT):
        given = 1 if group.side is Side.RIGHT else -1
        if given * odds < -CONTRADICTS:
            other = Side.LEFT if given > 0 else Side.RIGHT
            text = (
                f"The knee is called {group.side.value}, but its bones look like those of a "
                f"{other.value} knee: if they are, medial and lateral zones are exchanged."
            )
            notices.append(Notice("side-differs", text))
        return given
    shape = side_of(odds)
    if shape is Side.UNKNOWN:
        raise NoFrame("its side is not known, and its shape does not tell medial from lateral")
    text = f"The side was worked out from the shape of the bones: {shape.value}."
    notices.append(Notice("side-from-shape", text))
    return 1 if shape is Side.RIGHT else -1


def _placed(group: SideBones, shapes: Shapes, lateral: int) -> list[PlacedBone]:
    femur, tibia, patella = shapes
    side = Side.RIGHT if lateral > 0 else Side.LEFT
    turn = np.array([[float(lateral)], [1.0], [1.0]])
    out = []
    if femur is not None:
        frame = Frame(femur.middle, femur.axes * turn)
        out.append(PlacedBone(group.bones["femur"], side, frame, _femur(femur, frame, lateral)))
    if tibia is not None:
        frame = Frame(tibia.middle, tibia.axes * turn)
        out.append(PlacedBone(group.bones["tibia"], side, frame, _tibia(tibia, frame, lateral)))
        if "fibula" in group.bones:
            out.append(PlacedBone(group.bones["fibula"], side, frame, {}))
    if patella is not None:
        frame = Frame(patella.middle, patella.axes * turn)
        ridge, slope = lateral * patella.ridge, lateral * patella.slope

        def from_ridge(ras: Points) -> NDArray[np.float64]:
            inside = frame.of(ras)
            value: NDArray[np.float64] = inside[:, 0] - ridge - slope * inside[:, 2]
            return value

        out.append(PlacedBone(group.bones["patella"], side, frame, {"lateral_mm": from_ridge}))
    return out


def _femur(shape: FemurShape, frame: Frame, lateral: int) -> Mapping[str, Coordinate]:
    radius = CONDYLE_RADIUS * shape.width
    axis_y, axis_z = shape.posterior + radius, shape.distal + radius

    def flexion_deg(ras: Points) -> NDArray[np.float64]:
        inside = frame.of(ras)
        return np.asarray(np.degrees(np.arctan2(axis_y - inside[:, 1], axis_z - inside[:, 2])))

    return {
        "lateral_mm": along(frame, 0, lateral * shape.notch),
        "forward_share": along(frame, 1, 0.0, shape.width),
        "height_share": along(frame, 2, shape.distal, shape.width),
        "flexion_deg": flexion_deg,
    }


def _tibia(shape: TibiaShape, frame: Frame, lateral: int) -> Mapping[str, Coordinate]:
    spine = lateral * shape.spine
    inner, outer = (shape.left, shape.right) if lateral > 0 else (shape.right, shape.left)

    def lateral_mm(ras: Points) -> NDArray[np.float64]:
        return np.asarray(frame.of(ras)[:, 0] - spine)

    def forward(ras: Points) -> NDArray[np.float64]:
        inside = frame.of(ras)
        is_outer = inside[:, 0] >= spine
        back = np.where(is_outer, outer[0], inner[0])
        depth = np.where(is_outer, outer[1] - outer[0], inner[1] - inner[0])
        return np.asarray((inside[:, 1] - back) / depth)

    return {
        "lateral_mm": lateral_mm,
        "lateral_share": lambda ras: lateral_mm(ras) / shape.width,
        "forward_share": forward,
        "below_mm": lambda ras: np.asarray(-frame.of(ras)[:, 2]),
    }
