"""Frames of the bones of the knee, each from its own shape.

Femur:
    lateral_mm       lateral of the middle of the intercondylar notch
    forward_share    0 at the rear of the condyles, 1 at the front of the trochlea
    height_share     above the lowest part of the condyles, as a share of their width
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
from marrowlight.anatomy.frame import Coordinate, Frame, NoFrame, PlacedBone, Placement, Points
from marrowlight.anatomy.knee_femur import FemurShape, femur_shape
from marrowlight.anatomy.knee_patella import PatellaShape, patella_shape
from marrowlight.anatomy.knee_tibia import TibiaShape, tibia_shape
from marrowlight.anatomy.solid import SideBones, sides_of
from marrowlight.notice import Notice
from marrowlight.study.study import Side

KNEE_BONES = ("femur", "tibia", "patella", "fibula")

TROCHLEA_SHARE = (0.0, 0.5)
"""The front of the trochlea is looked for at these heights, share of the condyles' width."""

PLAIN_SHAFT, PLAIN_DEPTH_MM, PLAIN_RIDGE = 0.02, 2.0, 0.03
"""What a sign of the side has to exceed to count: how far the shaft leans to lateral (share of the
width), how much deeper the medial plateau is (mm), how far the ridge of the patella lies to medial
(share of its width). Estimates from the scatter of 51 knees."""

Shapes = tuple[FemurShape | None, TibiaShape | None, PatellaShape | None]


def place_knee(bones: BoneMap, side: Side) -> Placement:
    """Frames of the bones of the knee, each side for itself.

    bones : may hold both sides; side : of bones that have none of their own.
    """
    placed: list[PlacedBone] = []
    unplaced: list[tuple[str, str]] = []
    notices: list[Notice] = []
    for group in sides_of(bones, side, KNEE_BONES):
        femur = tibia = patella = None
        for bone in (b for b in KNEE_BONES if b in group.bones):
            try:
                if bone == "femur":
                    femur = femur_shape(group.cloud(bone))
                elif bone == "tibia":
                    tibia = tibia_shape(group.cloud(bone))
                elif bone == "patella":
                    patella = patella_shape(group.cloud(bone), *_front_and_up(femur, tibia))
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


def _lateral(group: SideBones, shapes: Shapes, notices: list[Notice]) -> int:
    """+1 where the right of the body is lateral, else -1. Raises NoFrame if that is unknown."""
    shown = _side_of_shape(group, shapes)
    if group.side in (Side.RIGHT, Side.LEFT):
        given = 1 if group.side is Side.RIGHT else -1
        if "fibula" in shown and shown["fibula"] != given:
            text = (
                f"The knee is called {group.side.value}, but its fibula lies as in the other one: "
                "medial and lateral follow the fibula."
            )
            notices.append(Notice("side-differs", text))
            return shown["fibula"]
        return given
    if "fibula" in shown:
        lateral, by = shown["fibula"], "the fibula"
    else:
        lateral, by = int(np.sign(sum(shown.values()))), "the shape of " + ", ".join(shown)
        if not lateral:
            raise NoFrame("its side is not known, and its shape does not tell medial from lateral")
    name = Side.RIGHT if lateral > 0 else Side.LEFT
    text = f"The side was worked out from {by}: {name.value}."
    notices.append(Notice("side-from-shape", text))
    return lateral


def _side_of_shape(group: SideBones, shapes: Shapes) -> dict[str, int]:
    """What each bone says of the side, +1 for right; bones that say nothing are absent."""
    femur, tibia, patella = shapes
    says: dict[str, float] = {}
    if femur is not None and abs(femur.shaft_x) > PLAIN_SHAFT:
        says["femur"] = femur.shaft_x
    if tibia is not None:
        deeper = (tibia.left[1] - tibia.left[0]) - (tibia.right[1] - tibia.right[0])
        if abs(deeper) > PLAIN_DEPTH_MM:
            says["tibia"] = deeper
        if "fibula" in group.bones:
            fibula = group.cloud("fibula").inside.mean(axis=0)
            says["fibula"] = float((fibula - tibia.middle) @ tibia.axes[0])
    if patella is not None and abs(patella.lean) > PLAIN_RIDGE:
        says["patella"] = -patella.lean
    return {bone: int(np.sign(value)) for bone, value in says.items()}


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
    low, high = (shape.distal + s * shape.width for s in TROCHLEA_SHARE)
    level = shape.points[(shape.points[:, 2] > low) & (shape.points[:, 2] < high)]
    front = float(np.percentile(level[:, 1], 99.5))

    def value(axis: int, start: float, length: float = 1.0) -> Coordinate:
        return lambda ras: np.asarray((frame.of(ras)[:, axis] - start) / length)

    return {
        "lateral_mm": value(0, lateral * shape.notch),
        "forward_share": value(1, shape.posterior, front - shape.posterior),
        "height_share": value(2, shape.distal, shape.width),
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
