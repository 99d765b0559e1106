"""Frames of the bones of the ankle, all from the talar dome and the leg above it.

Talus:
    across_share     0 at the medial, 1 at the lateral edge of the dome
    backwards_share  0 at the front, 1 at the back end of the dome, along its arc
    dome_mm          below the surface of the dome, towards the axis of its cylinder
    front_mm         in front of the front edge of the dome
    head_share       along the neck: 0 at the front edge of the dome, 1 at the tip of the head
Tibia and fibula:
    across_share     as above
    plafond_mm       above the top of the joint space, along the leg
Calcaneus:
    length_share     0 at the heel, 1 at the front end, along its own long axis
    height_share     0 at the sole, 1 at its highest point
    breadth_mm       lateral of its middle
and the landmarks ``achilles`` and ``plantar_fascia``. Metatarsals:
    base_mm          distance to the nearest tarsal bone
    ray_mm           across the foot: below 0 the rays that meet the cuneiforms, above 0 the rays
                     that meet the cuboid
Navicular, cuboid and cuneiforms are whole: ``front_mm`` alone, in front of the axis of the dome.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.frame import (
    Coordinate,
    Frame,
    NoFrame,
    PlacedBone,
    Placement,
    Points,
    frame_from,
    unit,
)
from marrowlight.anatomy.solid import SideBones, Solid, sides_of
from marrowlight.anatomy.talar_dome import TalarDome, talar_dome
from marrowlight.notice import Notice
from marrowlight.study.study import Side

ANKLE_BONES = (
    "tibia", "fibula", "talus", "calcaneus", "navicular", "cuboid", "cuneiforms", "metatarsals",
)  # fmt: skip

LEG_FROM_MM, LEG_SEEN_MM = 30.0, 50.0
"""The direction of the leg is read from the tibia this far above the talus, if so much of it is in
the image; else up is up. Lower down the flare of the tibia would tilt it. Unit: mm."""

CUT_MM2 = 60.0
"""A bone with more than this area at the edge of the image is cut off. Estimate. Unit: mm²."""

BASE_FACES_MM = 5.0
"""Surface of the metatarsals this close to a tarsal bone belongs to a base. Unit: mm."""

BASE_LEAST = 15
"""Fewer such points (1 mm apart), and the bases of those rays are not in the image."""

WHOLE = ("talus", "calcaneus", "navicular", "cuboid", "cuneiforms")
"""Bones that are read only when they are wholly in the image."""


def place_ankle(bones: BoneMap, side: Side) -> Placement:
    """Frames of the bones of the ankle, each side for itself.

    bones : may hold both sides; side : of bones that have none of their own.
    """
    placed: list[PlacedBone] = []
    unplaced: list[tuple[str, str]] = []
    notices: list[Notice] = []
    for group in sides_of(bones, side, ANKLE_BONES):
        try:
            group, said = _turned(group)
            solids = {b: s for b in ("tibia", "talus") if (s := group.solid(b))}
            up, outwards = _leg(group, solids)
            dome = talar_dome(solids["talus"], solids["tibia"], up, outwards)
        except NoFrame as error:
            why = f"it is placed from the talar dome and the tibia: {error}"
            unplaced += [(b, why) for b in group.bones]
            continue
        notices += said
        for bone in group.bones:
            try:
                if bone in WHOLE:
                    _require_whole(group, bone)
                placed.append(_PLACE[bone](group, bone, dome, up))
            except NoFrame as error:
                unplaced.append((bone, str(error)))
    return Placement(tuple(placed), tuple(unplaced), tuple(notices))


def _turned(group: SideBones) -> tuple[SideBones, list[Notice]]:
    """The group turned to the side that the fibula shows, and what was assumed."""
    try:
        tibia, fibula = group.solid("tibia"), group.solid("fibula")
    except NoFrame as error:
        if group.side is Side.UNKNOWN:
            raise NoFrame(f"its side is not known and the fibula does not tell: {error}") from error
        return group, []
    level = fibula.points[:, 2]
    beside = tibia.points[(tibia.points[:, 2] > level.min()) & (tibia.points[:, 2] < level.max())]
    if not len(beside):
        raise NoFrame("tibia and fibula are not beside each other")
    if fibula.points[:, 0].mean() < beside[:, 0].mean():
        group = group.turned()
    shape = Side.RIGHT if group.lateral > 0 else Side.LEFT
    if group.side is Side.UNKNOWN:
        text = f"The side was worked out from tibia and fibula: {shape.value}."
        return group, [Notice("side-from-shape", text)]
    if group.side in (Side.LEFT, Side.RIGHT) and group.side is not shape:
        text = (
            f"The ankle is called {group.side.value}, but its fibula lies as in a {shape.value} "
            "one: medial and lateral follow the shape."
        )
        return group, [Notice("side-differs", text)]
    return group, []


def _leg(group: SideBones, solids: dict[str, Solid]) -> tuple[Points, Points]:
    """Unit vectors along the leg upwards and, at right angles, outwards."""
    tibia, top = solids["tibia"].points, float(solids["talus"].points[:, 2].max())
    up = np.array([0.0, 0.0, 1.0])
    shaft = tibia[tibia[:, 2] > top + LEG_FROM_MM]
    if len(shaft) and np.ptp(shaft[:, 2]) > LEG_SEEN_MM:
        heights = shaft[:, 2] - shaft[:, 2].mean()
        up = unit(heights @ shaft / (heights @ heights))
    outwards = np.array([1.0, 0.0, 0.0])
    if "fibula" in group.bones:
        beside = [
            s[np.abs(s[:, 2] - top - 5.0) < 4.0] for s in (group.solid("fibula").points, tibia)
        ]
        if all(len(s) for s in beside):
            outwards = beside[0].mean(axis=0) - beside[1].mean(axis=0)
    return up, unit(outwards - (outwards @ up) * up)


def _require_whole(group: SideBones, bone: str) -> None:
    """Raise NoFrame if the edge of the image cuts a bone off."""
    mask, grid = group.source.of(group.bones[bone]), group.source.grid
    for axis in range(3):
        area = grid.voxel_volume_mm3 / grid.spacing[axis]
        for end in (0, -1):
            if int(np.take(mask, end, axis=axis).sum()) * area > CUT_MM2:
                raise NoFrame("it is cut off by the edge of the image")


def _made(
    group: SideBones,
    bone: str,
    dome: TalarDome,
    up: Points,
    coordinates: dict[str, Coordinate],
    landmarks: dict[str, Points] | None = None,
) -> PlacedBone:
    """A placed bone whose coordinates take body coordinates; they are made to take RAS+ mm."""
    body = group.body

    def from_ras(value: Coordinate) -> Coordinate:
        return lambda ras: value(body.of(ras))

    own = frame_from(dome.center + dome.radius * dome.up, up, dome.axis, dome.front)
    return PlacedBone(
        group.bones[bone],
        Side.RIGHT if group.lateral > 0 else Side.LEFT,
        Frame(body.to_ras(own.origin[None])[0], own.axes @ body.axes),
        {name: from_ras(value) for name, value in coordinates.items()},
        {name: body.to_ras(point[None])[0] for name, point in (landmarks or {}).items()},
    )


def _talus(group: SideBones, bone: str, dome: TalarDome, up: Points) -> PlacedBone:
    points = group.solid(bone).points
    angle = np.radians(dome.arc_deg[0])
    rim = dome.middle[0] + dome.radius * np.sin(angle)

    def front(body: Points) -> NDArray[np.float64]:
        out: NDArray[np.float64] = body @ dome.front - rim
        return out

    ahead = points[front(points) > 0]
    if len(ahead) < 500 or front(points).max() < 12.0:
        raise NoFrame("its neck and head are not in the image")
    tip = ahead[front(ahead) > np.percentile(front(ahead), 80)].mean(axis=0)
    start = ahead[front(ahead) < 2.0].mean(axis=0)
    neck = unit(tip - start)
    length = float(np.percentile((ahead - start) @ neck, 99.5))
    return _made(
        group, bone, dome, up,
        {
            "across_share": dome.across,
            "backwards_share": dome.backwards,
            "dome_mm": lambda body: dome.polar(body)[2],
            "front_mm": front,
            "head_share": lambda body: (body - start) @ neck / length,
        },
    )  # fmt: skip


def _leg_bone(group: SideBones, bone: str, dome: TalarDome, up: Points) -> PlacedBone:
    group.solid(bone)
    over = unit(up - (up @ dome.axis) * dome.axis)
    top = dome.center + (dome.radius + dome.gap_mm) * over
    # The edges of the dome where the leg stands on it.
    medial, lateral = dome.edges_mm @ np.array([1.0, dome.polar(top[None])[1][0]])
    return _made(
        group, bone, dome, up,
        {
            "across_share": lambda body: (body @ dome.axis - medial) / (lateral - medial),
            "plafond_mm": lambda body: (body - top) @ up,
        },
    )  # fmt: skip


def _calcaneus(group: SideBones, bone: str, dome: TalarDome, up: Points) -> PlacedBone:
    solid = group.solid(bone)
    points = solid.points
    middle = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - middle).T))
    long = vectors[:, -1] if vectors[:, -1] @ dome.front > 0 else -vectors[:, -1]
    if long @ dome.front < 0.5:
        raise NoFrame("its long axis does not point to the front")
    high = unit(up - (up @ long) * long)
    wide = np.cross(long, high)
    wide = wide if wide @ dome.axis > 0 else -wide
    span = np.percentile((points - middle) @ long, [0.2, 99.8])
    rise = np.percentile((points - middle) @ high, [0.2, 99.8])

    def share(way: Points, ends: NDArray[np.float64]) -> Coordinate:
        return lambda body: ((body - middle) @ way - ends[0]) / (ends[1] - ends[0])

    length, height = share(long, span), share(high, rise)
    return _made(
        group, bone, dome, up,
        {
            "length_share": length,
            "height_share": height,
            "breadth_mm": lambda body: (body - middle) @ wide,
        },
        {
            "achilles": _achilles(solid.surface, long, high, length(solid.surface)),
            "plantar_fascia": _plantar_fascia(
                solid.surface, high, (solid.surface - middle) @ wide, length(solid.surface)
            ),
        },
    )  # fmt: skip


def _achilles(surface: Points, long: Points, high: Points, length: Points) -> Points:
    """The middle of the Achilles insertion: the back of the heel, at 0.6 of its height.

    The tendon ends on the upper (55 %) or middle third (40 %) of the back (``kim2010``).
    """
    heel = surface[length < 0.3]
    low, top = np.percentile(heel @ high, [1, 99])
    band = heel[np.abs(heel @ high - (low + 0.6 * (top - low))) < 2.0]
    back = band[band @ long < np.percentile(band @ long, 15)]
    middle = back.mean(axis=0)
    found: Points = back[np.linalg.norm(back - middle, axis=1).argmin()]
    return found


def _plantar_fascia(surface: Points, high: Points, breadth: Points, length: Points) -> Points:
    """The medial process of the tuberosity: the lowest point of the inner half of the heel."""
    heel = surface[(length < 0.4) & (breadth < 0.0)]
    found: Points = heel[(heel @ high).argmin()]
    return found


def _metatarsals(group: SideBones, bone: str, dome: TalarDome, up: Points) -> PlacedBone:
    from scipy.spatial import cKDTree

    tarsals = {}
    for tarsal in ("cuneiforms", "cuboid"):
        if tarsal not in group.bones:
            raise NoFrame(f"its bases are found from the {tarsal}, which is not in the bone map")
        tarsals[tarsal] = cKDTree(group.surface(tarsal))
    surface = group.surface(bone)
    gap = {t: tree.query(surface)[0] for t, tree in tarsals.items()}
    facing = {
        t: surface[(gap[t] < BASE_FACES_MM) & (gap[t] == np.minimum(*gap.values()))] for t in gap
    }
    inner, outer = facing["cuneiforms"], facing["cuboid"]
    if max(len(inner), len(outer)) < BASE_LEAST:
        raise NoFrame("its bases do not face cuneiforms and cuboid within the image")
    across, border = dome.axis, 1e6 if len(inner) >= BASE_LEAST else -1e6
    if min(len(inner), len(outer)) >= BASE_LEAST:
        # The border between the groups runs as the lateral column does, half way between them.
        along = unit(outer.mean(axis=0) - group.surface("cuboid").mean(axis=0))
        across = outer.mean(axis=0) - inner.mean(axis=0)
        across = unit(across - (across @ along) * along)
        border = (np.percentile(inner @ across, 95) + np.percentile(outer @ across, 5)) / 2
    return _made(
        group, bone, dome, up,
        {
            "base_mm": lambda body: np.minimum(*(t.query(body)[0] for t in tarsals.values())),
            "ray_mm": lambda body: body @ across - border,
        },
    )  # fmt: skip


def _whole(group: SideBones, bone: str, dome: TalarDome, up: Points) -> PlacedBone:
    return _made(
        group, bone, dome, up, {"front_mm": lambda body: body @ dome.front - dome.middle[0]}
    )


_PLACE = {
    "tibia": _leg_bone, "fibula": _leg_bone, "talus": _talus, "calcaneus": _calcaneus,
    "navicular": _whole, "cuboid": _whole, "cuneiforms": _whole, "metatarsals": _metatarsals,
}  # fmt: skip
