"""Frames of the bones of the hip: head and neck of the femur, and the socket around the head.

The femur is asked
    neck_share      0 where the head ends, 1 where the neck does, along the axis of the neck; not
                    below 1 beyond the head and far from that axis: that is the trochanter
    neck_up_mm      above the axis of the neck, at right angles to it
    loaded_share    angle about the middle of the head as seen from the front: 0 at the medial end
                    of the weight-bearing arc, 1 at the lateral edge of the socket
    front_mm        in front of the middle of the head
    tip_share       below the tip of the greater trochanter, along the shaft, in head diameters
    flank_share     lateral of the axis of the shaft, in head diameters; not below 0 in the tip of
                    the greater trochanter where it hangs over the neck
    lesser_mm       above the lower edge of the lesser trochanter, along the shaft
    lesser_share    distance to the tip of the lesser trochanter, in head diameters
    shaft_share     distance to the axis of the shaft, in radii of the shaft
and has the landmarks ``head`` and ``lesser_trochanter``. The hip bone is asked
    socket_mm       distance to the surface of the socket, into the bone
    loaded_share, front_mm   as above
and has the landmark ``adductor_origin``.

Front, above and the weight-bearing arc are those of the body as it lies in the scanner; everything
else turns with the femur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.frame import Frame, NoFrame, PlacedBone, Placement, Points
from marrowlight.anatomy.hip_femur import ProximalFemur, proximal_femur
from marrowlight.anatomy.solid import SideBones, Solid, sides_of
from marrowlight.notice import Notice
from marrowlight.study.study import Side

LOADED_FROM_DEG = -45.0
"""Medial end of the weight-bearing arc: angle from straight up, medial is below zero. Estimate,
after the mid-vertical line of the JIC (perpendicular to the middle of the line from the lateral
edge of the socket to the teardrop)."""

EDGE_DEG = (8.0, 28.0, 45.0)
"""Angle of the lateral edge of the socket from straight up (the centre-edge angle, on bone, in the
plane of the middle of the head): least, usual and most. Outside it is taken for misread. Estimate
from 28 label maps (12 to 36 degrees). Unit: degrees."""

EDGE_SLAB_MM = 6.0
"""Half thickness of the slab around the middle of the head in which the edge is looked for."""

NECK_REACH = 1.6
"""The neck reaches this far from its axis, in its own narrowest radii. Estimate."""

OVERHANG = 0.5
"""Height of the part of the greater trochanter that may hang over the neck, in head diameters.
Estimate."""

SYMPHYSIS_LEAST_MM = 12.0
"""The inner end of the pubis is taller than this, or it is no symphysis. Estimate. Unit: mm."""

SOCKET_GAP_MM = 10.0
"""Bone farther from the head than this does not face it. Unit: mm."""


def place_hip(bones: BoneMap, side: Side) -> Placement:
    """Frames of femur and hip bone, each side for itself.

    bones : may hold both sides; side : of bones that have none of their own.
    """
    placed: list[PlacedBone] = []
    unplaced: list[tuple[str, str]] = []
    notices: list[Notice] = []
    for group in sides_of(bones, side, ("femur", "hip_bone")):
        try:
            group, femur, said = _femur_of(group)
        except NoFrame as error:
            why = "the socket is found from the femoral head, which was not found"
            unplaced += [(b, str(error) if b == "femur" else why) for b in group.bones]
            if "femur" not in group.bones:
                unplaced.append(("femur", str(error)))
            continue
        notices += said
        own = Side.RIGHT if group.lateral > 0 else Side.LEFT
        edge: float | None = None
        hip_bone: Solid | None = None
        try:
            hip_bone = group.solid("hip_bone")
            edge = _edge_deg(hip_bone, femur)
        except NoFrame as error:
            unplaced.append(("hip_bone", str(error)))
        placed.append(_placed_femur(group, own, femur, edge))
        if edge is None:
            notices.append(
                Notice(
                    "socket-edge-assumed",
                    "The lateral edge of the socket was not seen: the weight-bearing sectors of "
                    f"the femoral head end at {EDGE_DEG[1]:.0f} degrees.",
                )
            )
        if hip_bone is not None:
            placed.append(_placed_hip_bone(group, own, femur, hip_bone, edge))
        notices += femur.notices
    return Placement(tuple(placed), tuple(unplaced), tuple(notices))


def _femur_of(group: SideBones) -> tuple[SideBones, ProximalFemur, list[Notice]]:
    """The femur of a group, the group turned to its true side, and what was assumed."""
    femur = proximal_femur(group)
    if femur.neck[0] > 0:
        if group.side is Side.UNKNOWN:
            return group, femur, [_side_notice(group.lateral)]
        return group, femur, []
    turned = group.turned()
    femur = proximal_femur(turned)
    if femur.neck[0] <= 0:
        raise NoFrame("its neck does not point to the side")
    if group.side is Side.UNKNOWN:
        return turned, femur, [_side_notice(turned.lateral)]
    shape = "right" if turned.lateral > 0 else "left"
    return turned, femur, [
        Notice(
            "side-differs",
            f"The hip is called {group.side.value}, but its femur has the shape of a {shape} one: "
            "medial and lateral follow the shape.",
        )
    ]  # fmt: skip


def _side_notice(lateral: int) -> Notice:
    shape = "right" if lateral > 0 else "left"
    return Notice("side-from-shape", f"The side was worked out from the femur: {shape}.")


@dataclass(frozen=True, eq=False)
class _Loaded:
    """Angle about the front-to-back axis through the middle of the head, as a share of the arc."""

    body: Frame
    center: Points
    edge_deg: float

    def __call__(self, ras: Points) -> NDArray[np.float64]:
        away = self.body.of(ras) - self.center
        angle = np.degrees(np.arctan2(away[:, 0], away[:, 2]))
        # Straight below is where the angle jumps; medial of it belongs to the medial end.
        share: NDArray[np.float64] = (angle - LOADED_FROM_DEG) / (self.edge_deg - LOADED_FROM_DEG)
        return share


def _edge_deg(hip_bone: Solid, femur: ProximalFemur) -> float | None:
    """Angle of the lateral edge of the socket from straight up, or None if it is not there."""
    away = hip_bone.surface - femur.center
    gap = np.linalg.norm(away, axis=1) - femur.radius
    facing = (np.abs(away[:, 1]) < EDGE_SLAB_MM) & (gap < SOCKET_GAP_MM) & (away[:, 2] > 0)
    if facing.sum() < 20:
        return None
    angle = np.degrees(np.arctan2(away[facing, 0], away[facing, 2]))
    edge = float(np.percentile(angle, 98))
    return edge if EDGE_DEG[0] <= edge <= EDGE_DEG[2] else None


def _placed_femur(
    group: SideBones, side: Side, femur: ProximalFemur, edge_deg: float | None
) -> PlacedBone:
    body, own = group.body, femur.frame
    diameter = 2 * femur.radius

    def inside(ras: Points) -> Points:
        return own.of(body.of(ras))

    def aside(ras: Points) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        out = body.of(ras) - femur.center
        along = out @ femur.neck
        away = np.linalg.norm(out - along[:, None] * femur.neck, axis=1)
        far = (along > femur.head_end_mm) & (away > NECK_REACH * femur.neck_radius_mm)
        return along - femur.head_end_mm, far

    def neck_share(ras: Points) -> NDArray[np.float64]:
        along, far = aside(ras)
        share: NDArray[np.float64] = along / (femur.neck_end_mm - femur.head_end_mm)
        return np.where(far, np.maximum(share, 1.0), share)

    def flank_share(ras: Points) -> NDArray[np.float64]:
        out = inside(ras)
        share = (out[:, 0] - shaft[0]) / diameter
        tip = aside(ras)[1] & (out[:, 2] > femur.tip_mm - OVERHANG * diameter)
        held: NDArray[np.float64] = np.where(tip, np.maximum(share, 0.0), share)
        return held

    up = own.proximal - (own.proximal @ femur.neck) * femur.neck
    up /= np.linalg.norm(up)
    shaft = femur.shaft_lateral_anterior

    def shaft_share(ras: Points) -> NDArray[np.float64]:
        away: NDArray[np.float64] = np.linalg.norm(inside(ras)[:, :2] - shaft, axis=1)
        return away / femur.shaft_radius_mm

    def lesser_share(ras: Points) -> NDArray[np.float64]:
        away: NDArray[np.float64] = np.linalg.norm(body.of(ras) - femur.lesser, axis=1)
        return away / diameter

    return PlacedBone(
        group.bones["femur"],
        side,
        Frame(body.to_ras(own.origin[None])[0], own.axes @ body.axes),
        {
            "neck_share": neck_share,
            "neck_up_mm": lambda ras: (body.of(ras) - femur.center) @ up,
            "loaded_share": _Loaded(body, femur.center, edge_deg or EDGE_DEG[1]),
            "front_mm": lambda ras: body.of(ras)[:, 1] - femur.center[1],
            "tip_share": lambda ras: (femur.tip_mm - inside(ras)[:, 2]) / diameter,
            "flank_share": flank_share,
            "lesser_mm": lambda ras: inside(ras)[:, 2] - femur.lesser_end_mm,
            "lesser_share": lesser_share,
            "shaft_share": shaft_share,
        },
        {
            "head": body.to_ras(femur.center[None])[0],
            "lesser_trochanter": body.to_ras(femur.lesser[None])[0],
        },
    )


def _placed_hip_bone(
    group: SideBones, side: Side, femur: ProximalFemur, hip_bone: Solid, edge_deg: float | None
) -> PlacedBone:
    body = group.body
    gap = np.linalg.norm(hip_bone.surface - femur.center, axis=1) - femur.radius
    facing = gap < SOCKET_GAP_MM
    socket = femur.radius + (float(np.median(gap[facing])) if facing.any() else np.nan)
    return PlacedBone(
        group.bones["hip_bone"],
        side,
        Frame(body.to_ras(femur.center[None])[0], body.axes),
        {
            "socket_mm": lambda ras: np.linalg.norm(body.of(ras) - femur.center, axis=1) - socket,
            "loaded_share": _Loaded(body, femur.center, edge_deg or EDGE_DEG[1]),
            "front_mm": lambda ras: body.of(ras)[:, 1] - femur.center[1],
        },
        {"adductor_origin": body.to_ras(_adductor_origin(group, hip_bone, femur)[None])[0]},
    )


def _adductor_origin(group: SideBones, hip_bone: Solid, femur: ProximalFemur) -> Points:
    """Body mm of the adductor longus origin on the front of the body of the pubis, or NaN.

    It lies 12 mm below and, from the symphysis, about 12 mm lateral of its upper inner corner
    (``adductor2021``: centre 8.5 mm lateral and 12.2 mm below the pubic tubercle). NaN where the
    symphysis is beyond the edge of the image.
    """
    points = hip_bone.points
    front = points[(points[:, 1] > femur.center[1]) & (points[:, 2] < femur.center[2])]
    nowhere = np.full(3, np.nan)
    if not len(front):
        return nowhere
    inner = float(front[:, 0].min())
    face = front[front[:, 0] < inner + 4.0]
    beyond = face - np.array([4.0, 0.0, 0.0])
    tall = float(np.ptp(face[:, 2]))
    if (
        not group.in_image(beyond).all()
        or tall < SYMPHYSIS_LEAST_MM
        or femur.center[0] - inner < 60.0
    ):
        return nowhere
    slab = front[np.abs(front[:, 0] - inner - 12.0) < 3.0]
    level = float(slab[:, 2].max()) - 14.0
    row = slab[np.abs(slab[:, 2] - level) < 3.0]
    found: Points = row[row[:, 1].argmax()] if len(row) else nowhere
    return found
