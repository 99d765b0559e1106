"""The digital right ankle: tibia, fibula, talus, calcaneus, navicular and cuboid, plain.

Origin in the middle of the ankle joint; x to the right (lateral), y to the front, z up, mm.
"""

from __future__ import annotations

import numpy as np

from marrowlight.phantom.joint import BonePart, Cord, Path, paint_joint
from marrowlight.phantom.limb import Limb
from marrowlight.phantom.model import JointModel, Site
from marrowlight.phantom.shapes import (
    Column,
    ColumnRow,
    Field,
    cut,
    disc,
    ellipsoid,
    tube,
    union,
)
from marrowlight.phantom.spec import EdemaSpec, Shape
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint

TIBIA, FIBULA, TALUS, CALCANEUS, NAVICULAR, CUBOID = 2, 3, 7, 8, 9, 10
"""Labels of the bone registry."""

GAP_MM = 3.0
"""Between the bones of a joint: two sheets of cartilage and a film of fluid. Unit: mm."""

CARTILAGE_MM = 1.2

MUSCLES: tuple[Path, ...] = (
    ((4, -30, 130, 20), (2, -30, 70, 14), (0, -24, 20, 6)),  # soleus, flexor hallucis longus
    ((4, 26, 130, 13), (4, 26, 60, 8), (2, 26, 24, 4)),  # anterior compartment
    ((30, -14, 130, 9), (30, -18, 50, 6), (30, -20, 20, 3)),  # peronei
    ((-4, -30, -74, 6), (-4, 10, -68, 9), (-8, 60, -52, 9), (-8, 110, -48, 7)),  # flexor brevis
    ((-22, -20, -60, 6), (-24, 30, -52, 9), (-22, 100, -44, 7)),  # abductor hallucis
    ((24, -10, -66, 5), (30, 40, -60, 8), (30, 100, -54, 6)),  # abductor digiti minimi
)

CORDS = (
    Cord("tendon",
         ((0, -58, -56, 2.6), (0, -53, -30, 2.6), (0, -48, 20, 2.7), (0, -47, 90, 2.4)),
         (2.4, 1, 1)),
    Cord("tendon",
         ((-6, 36, 60, 2.6), (-12, 32, 5, 2.6), (-24, 44, -20, 2.4))),
    Cord("tendon",
         ((4, 34, 60, 2.2), (4, 31, 5, 2.4), (0, 70, -14, 2.0))),
    Cord("tendon",
         ((-24, -16, 40, 2.8), (-23, -14, -8, 2.8), (-26, 20, -30, 2.6), (-24, 36, -34, 3.4))),
    Cord("tendon",
         ((-8, -30, 10, 2.6), (-9, -25, -24, 2.6), (-14, 4, -46, 2.4))),
    Cord("tendon",
         ((31, -20, 30, 2.4), (29, -22, -16, 2.4), (28, 6, -46, 2.2), (30, 40, -54, 2.0))),
    Cord("tendon",
         ((0, -44, -73, 1.6), (-4, 10, -76, 1.6), (-6, 80, -66, 1.2)), (6, 1, 1)),
    Cord("artery",
         ((-16, -24, 90, 1.8), (-16, -24, 0, 1.8), (-18, 0, -44, 1.6))),
    Cord("vein",
         ((-19, -27, 90, 2.0), (-19, -27, 0, 2.0), (-21, -2, -46, 1.8))),
)  # fmt: skip


def _dome(x: Field, y: Field, z: Field, grow: float = 0.0) -> Field:
    return tube(x, y, z, [(-40, 0, -19, 20.5 + grow), (40, 0, -19, 20.5 + grow)])


def _talus(w: float, x: Field, y: Field, z: Field) -> Field:
    body = np.maximum(_dome(x, y, z), np.abs(x - 1 + np.float32(0.05) * y) - 14.5 * w)
    body = np.maximum(body, -33 - z)
    body = -union(-body, -ellipsoid(x, y, z, (0, -2, -20), (21, 23, 25)), 3)
    head = tube(x, y, z, [(-2, 8, -20, 9.5), (-7, 21, -21, 9), (-9, 28, -23, 10.5)])
    return union(body, head, 5)


def _calcaneus(w: float, x: Field, y: Field, z: Field) -> Field:
    heel = ellipsoid(x, y, z, (1, -40, -54), (14.5 * w, 18, 18))
    middle = tube(x, y, z, [(2, -36, -50, 14), (5, -10, -49, 13), (10, 20, -46, 10.5)])
    shelf = ellipsoid(x, y, z, (-12, 2, -40), (9, 9, 5))
    facet = ellipsoid(x, y, z, (5, -10, -41), (13, 14, 9))
    whole = union(union(heel, middle, 8), union(shelf, facet, 4), 4)
    return cut(whole, _talus(w, x, y, z) - GAP_MM, 1.0)


def _navicular(w: float, x: Field, y: Field, z: Field) -> Field:
    body = ellipsoid(x, y, z, (-11, 42, -24), (17 * w, 9.5, 13))
    return cut(body, _talus(w, x, y, z) - GAP_MM, 1.0)


def _cuboid(w: float, x: Field, y: Field, z: Field) -> Field:
    body = disc(x, y, z, (16, 40, -46), (12, 16, 12))
    return cut(body, union(_calcaneus(w, x, y, z), _navicular(w, x, y, z)) - GAP_MM, 1.0)


def _tibia(w: float, x: Field, y: Field, z: Field) -> Field:
    side = Column(
        [
            ColumnRow(-20, -3, 0, 19 * w, 17, 18, 0.5),
            ColumnRow(8, -3, 0, 19 * w, 17.5, 18, 0.5),
            ColumnRow(24, -3, -1, 16.5 * w, 15.5, 15.5, 0.3),
            ColumnRow(50, -3, -1, 12.5, 12.5, 12.5),
            ColumnRow(140, -3, 0, 11.5, 14, 11.5),
        ]
    )(x, y, z)
    side = np.maximum(side, -4 - z)
    malleolus = ellipsoid(x, y, z, (-20, 3, -4), (6, 11, 13))
    whole = union(side, malleolus, 4)
    return cut(whole, np.maximum(_dome(x, y, z, GAP_MM), np.abs(x - 3) - 18 * w), 1.0)


def _fibula(w: float, x: Field, y: Field, z: Field) -> Field:
    path = [(25, -6, -20, 5.5), (25.5, -7, -4, 7), (24, -9, 14, 6.5), (22, -10, 40, 5.5)]
    shaft = tube(x, y, z, [*path, (23, -9, 140, 6)])
    return cut(shaft, _tibia(w, x, y, z) - 2.0, 1.0)


SITES = {
    "talar_dome": Site("talus", (-2, 0, -12), (-0.2, 0, 1)),
    "talar_body": Site("talus", (0, -2, -20), (0, 0, 1)),
    "talar_head": Site("talus", (-8, 24, -22), (-0.2, 1, 0)),
    "tibial_plafond": Site("tibia", (-3, 0, 16), (0, 0, -1)),
    "medial_malleolus": Site("tibia", (-20, 3, -2), (-1, 0, 0)),
    "calcaneus": Site("calcaneus", (2, -36, -52), (0, -1, 0)),
    "navicular": Site("navicular", (-11, 46.5, -24), (0, -1, 0)),
    "lateral_malleolus": Site("fibula", (25, -7, -6), (-1, 0, 0)),
}


def ankle_model(rng: np.random.Generator) -> JointModel:
    """One ankle out of many."""
    vary = np.clip(rng.standard_normal(3), -2, 2)
    w = float(1 + 0.04 * vary[0])
    fat = float(5 + vary[1])
    leg = Column(
        [
            ColumnRow(-40, 0, -2, 36, 40, 60),
            ColumnRow(-10, 0, -2, 36, 40, 58),
            ColumnRow(30, 1, -4, 33, 40, 54),
            ColumnRow(80, 3, -6, 40, 46, 58),
            ColumnRow(140, 4, -8, 50, 54, 66),
        ]
    )

    def contour(x: Field, y: Field, z: Field) -> Field:
        shin = np.maximum(leg(x, y, z), -44 - z)
        heel = ellipsoid(x, y, z, (0, -28, -52), (34, 42, 34))
        foot = ellipsoid(x, y, z, (0, 56, -42), (44, 110, 38))
        sole = -82 - z
        return np.maximum(union(union(shin, heel, 14), foot, 18), sole)

    limb = Limb(contour, fat_mm=fat, muscles=MUSCLES)
    bones = (
        BonePart(TIBIA, ((-32, -24, -22), (24, 24, 142)), lambda x, y, z: _tibia(w, x, y, z),
                 ((26, 0.0), (60, 2.6), (100, 4.0)), CARTILAGE_MM,
                 lambda x, y, z: _dome(x, y, z, 5.0)),
        BonePart(FIBULA, ((12, -22, -28), (36, 6, 142)), lambda x, y, z: _fibula(w, x, y, z),
                 ((16, 0.2), (50, 2.0))),
        BonePart(TALUS, ((-24, -28, -36), (24, 42, 6)), lambda x, y, z: _talus(w, x, y, z),
                 (), CARTILAGE_MM,
                 lambda x, y, z: np.minimum(-12 - z, np.minimum(-(z + 14), 22 - y))),
        BonePart(CALCANEUS, ((-26, -62, -76), (26, 36, -28)),
                 lambda x, y, z: _calcaneus(w, x, y, z),
                 (), CARTILAGE_MM, lambda x, y, z: _talus(w, x, y, z) - 5.0),
        BonePart(NAVICULAR, ((-32, 24, -40), (10, 56, -8)),
                 lambda x, y, z: _navicular(w, x, y, z),
                 (), CARTILAGE_MM, lambda x, y, z: _talus(w, x, y, z) - 5.0),
        BonePart(CUBOID, ((0, 20, -62), (32, 60, -30)), lambda x, y, z: _cuboid(w, x, y, z)),
    )  # fmt: skip
    fluid = float(0.45 + 0.1 * vary[2])
    return JointModel(
        joint=Joint.ANKLE,
        paint=lambda canvas: paint_joint(canvas, limb, bones, CORDS, fluid_mm=fluid),
        bones={
            "tibia": TIBIA, "fibula": FIBULA, "talus": TALUS, "calcaneus": CALCANEUS,
            "navicular": NAVICULAR, "cuboid": CUBOID,
        },
        sites=SITES,
        usual=(
            EdemaSpec("talar_dome", 2500, 0.45, Shape.SUBCHONDRAL, edge_mm=4),
            EdemaSpec("calcaneus", 500, 0.35, Shape.BLOB, edge_mm=4),
        ),
        plane=Plane.SAGITTAL,
        fov_mm=160,
        middle=(0, 4, -12),
        reach_mm=((-36, 36), (-62, 62), (-80, 65)),
        center_ras_mm=(78, 0, 0),
    )  # fmt: skip
