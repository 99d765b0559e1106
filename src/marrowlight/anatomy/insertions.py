"""Where tendons and ligaments of the knee are fixed to bone, from the shape of the bones.

Landmarks for ``zones/insertions_knee.yaml``; a point that the image does not show is NaN, and its
zone stays empty. Positions come from cadaver studies (``zones/references_insertions.yaml``) where a
share or a distance is cited, else they are estimates; nothing here was checked on dissected knees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.cloud import Cloud, cloud_of
from marrowlight.anatomy.frame import PlacedBone, Placement, Points

NOWHERE = np.full(3, np.nan)

CONDYLE_MM = (14.0, 45.0)
"""Height above the distal end of the femur at which epicondyles are looked for. Estimate."""

SMCL_FROM_EPICONDYLE_MM = (0.0, -4.8, 3.2)
LCL_FROM_EPICONDYLE_MM = (0.0, -3.1, 1.4)
TUBERCLE_FROM_EPICONDYLE_MM = (0.0, -8.3, 12.6)
"""Lateral, anterior and proximal of the epicondyle of that side: superficial medial collateral
(``laprade2007``), fibular collateral (``laprade2003``), adductor tubercle (estimate)."""

NOTCH_MM = (4.0, 34.0)
"""Width of a gap between the condyles that is notch. Estimate. Unit: mm."""

ACL_SHARES, PCL_SHARES = (0.27, 0.3), (0.6, 0.3)
"""Middle of the femoral footprint: share of the depth of the condyle along the roof of the notch,
from behind, and of the height of the notch below its roof. Estimates after the quadrant method."""

ACL_TIBIA, PCL_TIBIA = (0.43, 0.46), (0.9, 0.455)
"""Middle of the tibial footprint: share of the plateau from its front, and from medial.
PCL: mean of its two bundles, 83 and 96 % from the front, 47 and 44 % from medial (``tajima2009``).
ACL: estimate."""

PCL_BELOW_MM = 8.0
"""The PCL is fixed to the back of the tibia this far below the plateau. Estimate. Unit: mm."""

DMCL_BELOW_MM = 6.5
"""The deep medial collateral is fixed this far below the joint line (``liu2010``). Unit: mm."""

TUBEROSITY_MM = (18.0, 55.0)
"""Height below the plateau at which the tuberosity is looked for. Estimate. Unit: mm."""


def with_knee_insertions(bones: BoneMap, placement: Placement) -> Placement:
    """The placement with the landmarks of the insertions added to the bones of the knee."""
    return replace(
        placement, placed=tuple(_with_landmarks(bones, placed) for placed in placement.placed)
    )


def _with_landmarks(bones: BoneMap, placed: PlacedBone) -> PlacedBone:
    if placed.bone.bone not in _FINDERS:
        return placed
    finder, names = _FINDERS[placed.bone.bone]
    cloud = cloud_of(bones, placed.bone)
    found = {} if cloud is None else finder(_Part(cloud, placed))
    more = {
        name: placed.frame.to_ras(found.get(name, NOWHERE)[None])[0]
        for name in names
        if name not in placed.landmarks
    }
    return replace(placed, landmarks={**placed.landmarks, **more})


class _Part:
    """A bone in its own frame: lateral, anterior and proximal mm.

    inside : (n, 3) points one mm apart; surface : (m, 3) those at the edge
    """

    def __init__(self, cloud: Cloud, placed: PlacedBone) -> None:
        self.inside = placed.frame.of(cloud.inside)
        self.surface = placed.frame.of(cloud.surface)

    def nearest(self, point: Points) -> Points:
        """The surface point nearest to a point."""
        away = np.linalg.norm(self.surface - point, axis=1)
        found: Points = self.surface[away.argmin()]
        return found


def _end(points: Points, axis: int, sign: int, share: float = 0.5) -> Points:
    """Middle of the outermost points (share in percent) along an axis."""
    value = sign * points[:, axis]
    out: Points = points[value >= np.percentile(value, 100 - share)].mean(axis=0)
    return out


def _femur(part: _Part) -> dict[str, Points]:
    distal = float(part.surface[:, 2].min())
    height = part.surface[:, 2] - distal
    ring = part.surface[(height > CONDYLE_MM[0]) & (height < CONDYLE_MM[1])]
    found: dict[str, Points] = {}
    if len(ring) < 200:
        return found
    medial, lateral = _end(ring, 0, -1), _end(ring, 0, 1)
    found["mcl_femur"] = part.nearest(medial + np.array(SMCL_FROM_EPICONDYLE_MM))
    found["lcl_femur"] = part.nearest(lateral + np.array(LCL_FROM_EPICONDYLE_MM))
    found["adductor_tubercle"] = part.nearest(medial + np.array(TUBERCLE_FROM_EPICONDYLE_MM))
    found.update(_notch(part, distal))
    return found


def _notch(part: _Part, distal: float) -> dict[str, Points]:
    """Femoral footprints of the cruciates on the walls of the notch."""
    low = part.inside[part.inside[:, 2] < distal + 45.0]
    middle = float(np.median(low[:, 0]))
    cells: dict[tuple[int, int], list[float]] = {}
    for across, front, up in low:
        cells.setdefault((round(front), round(up)), []).append(float(across))
    walls = {}
    for cell, row in cells.items():
        ordered = np.sort(row)
        steps = np.diff(ordered)
        inner = np.flatnonzero((steps > NOTCH_MM[0]) & (steps < NOTCH_MM[1]))
        for n in inner:
            if ordered[n] - 12 < middle < ordered[n + 1] + 12:
                walls[cell] = (float(ordered[n]), float(ordered[n + 1]))
    if len(walls) < 60:
        return {}
    plane = np.array(list(walls), float)
    columns = np.unique(plane[:, 0])
    roof = np.array([plane[plane[:, 0] == c, 1].max() for c in columns])
    # The roof slopes from behind and above to the front and below.
    slope, level = np.polyfit(columns, roof, 1)
    along = np.array([1.0, slope]) / np.hypot(1.0, slope)
    down = np.array([along[1], -along[0]])
    origin = np.array([0.0, level])
    lateral = low[low[:, 0] > middle][:, 1:]
    on_roof = lateral[np.abs((lateral - origin) @ down) < 3.0]
    if len(on_roof) < 20:
        return {}
    deep, shallow = np.percentile((on_roof - origin) @ along, [1, 99])
    tall = float(np.percentile((plane - origin) @ down, 95))
    found = {}
    for name, (depth, below), wall in (("acl_femur", ACL_SHARES, 1), ("pcl_femur", PCL_SHARES, 0)):
        wanted = origin + (deep + depth * (shallow - deep)) * along + below * tall * down
        cell = plane[np.linalg.norm(plane - wanted, axis=1).argmin()]
        across = walls[int(cell[0]), int(cell[1])][wall]
        found[name] = part.nearest(np.array([across, *cell]))
    return found


def _tibia(part: _Part) -> dict[str, Points]:
    top = float(np.percentile(part.surface[:, 2], 99.5))
    rim = part.surface[(part.surface[:, 2] < top - 8) & (part.surface[:, 2] > top - 16)]
    if len(rim) < 150:
        return {}
    medial, lateral = np.percentile(rim[:, 0], [0.5, 99.5])
    back, front = np.percentile(rim[:, 1], [0.5, 99.5])
    plateau = float(
        np.median(
            [_height(part, medial + s * (lateral - medial), (back + front) / 2) for s in (0.2, 0.8)]
        )
    )

    def place(shares: tuple[float, float]) -> tuple[float, float]:
        return medial + shares[1] * (lateral - medial), front - shares[0] * (front - back)

    across, ahead = place(ACL_TIBIA)
    found = {"acl_tibia": np.array([across, ahead, _height(part, across, ahead)])}
    across, _ = place(PCL_TIBIA)
    column = part.surface[
        (np.abs(part.surface[:, 0] - across) < 3)
        & (np.abs(part.surface[:, 2] - plateau + PCL_BELOW_MM) < 2)
    ]
    if len(column):
        found["pcl_tibia"] = column[column[:, 1].argmin()]
    level = part.surface[np.abs(part.surface[:, 2] - plateau + DMCL_BELOW_MM) < 2]
    if len(level):
        found["mcl_tibia"] = level[level[:, 0].argmin()]
    below = plateau - part.surface[:, 2]
    shin = part.surface[(below > TUBEROSITY_MM[0]) & (below < TUBEROSITY_MM[1])]
    lowest = float(part.surface[:, 2].min())
    if len(shin) > 100:
        foremost = _end(shin, 1, 1)
        if foremost[2] > lowest + 6.0:
            found["tuberosity"] = part.nearest(foremost)
    return found


def _height(part: _Part, across: float, ahead: float) -> float:
    """Height of the surface above a place, as seen from above."""
    near = np.hypot(part.surface[:, 0] - across, part.surface[:, 1] - ahead) < 3
    return float(np.percentile(part.surface[near][:, 2], 95)) if near.any() else np.nan


def _fibula(part: _Part) -> dict[str, Points]:
    top = float(part.surface[:, 2].max())
    head = part.surface[part.surface[:, 2] > top - 12]
    return {"lcl_fibula": part.nearest(_end(head, 0, 1, 5.0))}


def _patella(part: _Part) -> dict[str, Points]:
    base, apex = _end(part.surface, 2, 1, 4.0), _end(part.surface, 2, -1, 4.0)
    return {"patella_base": part.nearest(base), "patella_apex": part.nearest(apex)}


Finder = Callable[[_Part], dict[str, NDArray[np.float64]]]

_FINDERS: Mapping[str, tuple[Finder, tuple[str, ...]]] = {
    "femur": (_femur, ("mcl_femur", "lcl_femur", "adductor_tubercle", "acl_femur", "pcl_femur")),
    "tibia": (_tibia, ("acl_tibia", "pcl_tibia", "mcl_tibia", "tuberosity")),
    "fibula": (_fibula, ("lcl_fibula",)),
    "patella": (_patella, ("patella_base", "patella_apex")),
}
