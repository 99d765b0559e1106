"""The digital right hip: proximal femur and acetabulum, plain.

Origin in the middle of the femoral head; x to the right (lateral), y to the front, z up, mm.
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
    curve,
    cut,
    ellipsoid,
    tube,
    union,
)
from marrowlight.phantom.spec import EdemaSpec, Shape
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint

FEMUR, HIP_BONE = 1, 5
"""Labels of the bone registry."""

CARTILAGE_MM = 1.5
SOCKET_MM = 3.6
"""Between the bone of the head and the bone of the socket. Unit: mm."""

MUSCLES: tuple[Path, ...] = (
    ((-30, -62, 70, 18), (10, -58, 30, 24), (44, -42, -20, 18), (56, -24, -60, 8)),  # glut. maximus
    ((16, -26, 110, 18), (30, -12, 60, 20), (50, -8, 10, 11), (56, -8, -8, 6)),  # gluteus medius
    ((14, 6, 80, 12), (28, 6, 40, 11), (46, 4, 4, 6)),  # gluteus minimus
    ((-24, 6, 110, 20), (-6, 26, 50, 15), (6, 29, 6, 11), (22, 0, -52, 6)),  # iliopsoas
    ((16, 36, 26, 6), (24, 40, -30, 11), (30, 40, -120, 16)),  # rectus femoris
    ((36, 34, 60, 9), (50, 28, 0, 10), (62, 14, -70, 6)),  # tensor fasciae latae
    ((60, 2, -36, 6), (58, 6, -80, 16), (54, 8, -130, 21)),  # vastus lateralis
    ((30, 10, -66, 6), (26, 12, -130, 18)),  # vastus medialis
    ((-44, 24, -30, 9), (-16, 12, -70, 16), (6, -2, -130, 24)),  # adductors
    ((-34, 30, -14, 8), (-8, 18, -34, 9), (20, -8, -64, 5)),  # pectineus
    ((-32, -6, 26, 8), (-36, -14, -10, 9), (-30, -18, -40, 7)),  # obturator internus
    ((-20, -6, -34, 8), (8, -22, -34, 7), (36, -22, -30, 5)),  # obturator externus, quadratus
    ((-4, -40, -56, 8), (10, -42, -90, 14), (16, -40, -130, 17)),  # hamstrings
)

CORDS = (
    Cord("artery", ((-16, 40, 60, 4.2), (-2, 46, 10, 4.2), (6, 42, -40, 3.8), (12, 30, -130, 3.2))),
    Cord("vein", ((-26, 36, 60, 5.0), (-13, 44, 10, 5.0), (-4, 40, -40, 4.4), (4, 26, -130, 3.6))),
    Cord("fascia", ((-20, -34, 30, 4.0), (0, -38, 0, 3.6), (14, -38, -60, 3.4))),
    Cord("tendon", ((66, -4, 40, 1.0), (70, -4, -20, 1.2), (69, 0, -130, 1.0)), (1, 8, 1)),
)


def _femur(r: float, x: Field, y: Field, z: Field) -> Field:
    head = ellipsoid(x, y, z, (0, 0, 0), (r, r, r))
    neck = tube(x, y, z, [(6, -1, -5, 0.62 * r), (20, -3, -17, 0.6 * r), (38, -6, -34, 0.72 * r)])
    trochanter = ellipsoid(x, y, z, (53, -9, -22), (12, 15, 21))
    between = ellipsoid(x, y, z, (43, -6, -44), (17, 16, 22))
    lesser = ellipsoid(x, y, z, (27, -17, -60), (8, 8, 10))
    shaft = tube(x, y, z, [(43, -6, -46, 16), (41, -5, -80, 14.5), (38, -4, -140, 13.5)])
    lower = union(union(union(between, trochanter, 6), shaft, 8), lesser, 6)
    return union(union(neck, lower, 8), head, 3)


def _hip_bone(r: float, x: Field, y: Field, z: Field) -> Field:
    socket = ellipsoid(x, y, z, (0, 0, 0), (r + SOCKET_MM,) * 3)
    cup = ellipsoid(x, y, z, (-5, 0, 5), (r + 11,) * 3)
    # The cup opens to the side, the front and below.
    open_side = np.float32(0.72) * x + np.float32(0.22) * y - np.float32(0.66) * z - 6
    cup = np.maximum(cup, open_side)
    wing = Column(
        [
            ColumnRow(16, -6, 0, 17, 24, 24),
            ColumnRow(36, -6, -2, 11, 22, 22),
            ColumnRow(60, -2, -6, 6.5, 32, 32),
            ColumnRow(110, 10, -8, 5, 48, 44),
        ]
    )(x, y, z)
    wing = np.maximum(wing, 18 - z)
    pubis = tube(x, y, z, curve([(-18, 14, -6, 11), (-40, 24, -14, 7.5), (-66, 28, -26, 9)]))
    ischium = tube(x, y, z, curve([(-14, -18, -8, 13), (-10, -28, -34, 11), (-8, -30, -56, 13)]))
    ramus = tube(x, y, z, curve([(-8, -30, -58, 9), (-34, -4, -62, 6), (-62, 22, -40, 7)]))
    whole = union(union(union(cup, wing, 8), pubis, 6), union(ischium, ramus, 5), 6)
    return cut(whole, socket, 1.0)


SITES = {
    "femoral_head": Site("femur", (0, 0, 4), (-0.25, 0.1, 1)),
    "femoral_neck": Site("femur", (22, -3, -18), (0.6, 0, 0.7)),
    "greater_trochanter": Site("femur", (52, -9, -22), (1, 0, 0)),
    "intertrochanteric": Site("femur", (42, -6, -44), (1, 0, 0)),
    "acetabular_roof": Site("hip_bone", (-2, 0, 36), (0, 0, -1)),
}


def hip_model(rng: np.random.Generator) -> JointModel:
    """One hip out of many."""
    vary = np.clip(rng.standard_normal(4), -2, 2)
    r = float(23.5 * (1 + 0.03 * vary[0]))
    fat = float(16 + 4 * vary[1])
    contour = Column(
        [
            ColumnRow(-140, 10, 0, 74 + fat, 62 + fat, 72 + fat, 0.1),
            ColumnRow(-60, 4, -4, 78 + fat, 58 + fat, 78 + fat, 0.3),
            ColumnRow(0, -6, -6, 84 + fat, 54 + fat, 84 + fat, 0.4),
            ColumnRow(110, -10, -6, 84 + fat, 52 + fat, 82 + fat, 0.5),
        ]
    )
    limb = Limb(contour, fat_mm=fat, muscles=MUSCLES)
    fluid = float(0.6 + 0.15 * vary[2])
    bones = (
        BonePart(
            HIP_BONE, ((-80, -52, -74), (32, 52, 114)), lambda x, y, z: _hip_bone(r, x, y, z),
            cartilage_mm=CARTILAGE_MM,
            covered=lambda x, y, z: ellipsoid(x, y, z, (0, 0, 0), (r + 6,) * 3),
        ),
        BonePart(
            FEMUR, ((-28, -34, -142), (68, 32, 28)), lambda x, y, z: _femur(r, x, y, z),
            shafts=((-110, 4.5), (-70, 2.4), (-40, 0.2)), cartilage_mm=CARTILAGE_MM,
            covered=lambda x, y, z: np.maximum(
                ellipsoid(x, y, z, (0, 0, 0), (r + 6,) * 3),
                np.float32(0.78) * x - np.float32(0.62) * z - np.float32(0.55 * r),
            ),
        ),
    )  # fmt: skip
    capsule = Cord(
        "fluid",
        (
            (10, -1, -8, 0.62 * r + 3.2),
            (22, -3, -19, 0.6 * r + 1.2 + fluid),
            (27, -4, -23, 0.6 * r),
        ),
    )

    return JointModel(
        joint=Joint.HIP,
        paint=lambda canvas: paint_joint(canvas, limb, bones, (*CORDS, capsule), fluid_mm=fluid),
        bones={"femur": FEMUR, "hip_bone": HIP_BONE},
        sites=SITES,
        usual=(
            EdemaSpec("femoral_head", 6000, 0.45, Shape.SUBCHONDRAL, edge_mm=6),
            EdemaSpec("acetabular_roof", 700, 0.35, Shape.SUBCHONDRAL, edge_mm=4),
        ),
        plane=Plane.CORONAL,
        fov_mm=190,
        middle=(6, 0, -14),
        reach_mm=((-50, 75), (-46, 44), (-95, 80)),
        center_ras_mm=(88, 8, 0),
    )
