"""The digital right knee: what is where, painted back to front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marrowlight.phantom import knee_bones as bones
from marrowlight.phantom.canvas import Area, Canvas
from marrowlight.phantom.knee_bones import KneeForm
from marrowlight.phantom.limb import Limb, paint_limb
from marrowlight.phantom.model import JointModel, Site
from marrowlight.phantom.shapes import Column, ColumnRow, band, ellipsoid, tube
from marrowlight.phantom.skeleton import BoneLook, paint_bone
from marrowlight.phantom.spec import EdemaSpec, Shape
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint

FEMUR, TIBIA, FIBULA, PATELLA = 1, 2, 3, 4
"""Labels of the bone registry."""

FILM_MM = 0.7
"""Joint fluid between two sheets of cartilage. Unit: mm."""

Path = Sequence[tuple[float, float, float, float]]

MUSCLES: tuple[Path, ...] = (
    ((-31, 16, 28, 7), (-34, 12, 50, 14), (-30, 16, 80, 20), (-24, 18, 130, 24)),  # vastus medialis
    ((34, 12, 50, 9), (36, 8, 75, 16), (32, 12, 130, 24)),  # vastus lateralis
    ((0, 36, 72, 5), (0, 36, 95, 13), (0, 38, 130, 19)),  # vastus intermedius, rectus femoris
    ((38, -24, 0, 4), (40, -34, 30, 9), (37, -38, 60, 14), (32, -40, 130, 19)),  # biceps femoris
    ((-33, -27, 5, 5), (-29, -42, 35, 11), (-24, -48, 65, 15), (-16, -46, 130, 20)),  # semimembr.
    ((-28, -54, 40, 5), (-20, -60, 130, 12)),  # semitendinosus
    ((-46, -14, 0, 4), (-48, -22, 30, 7), (-46, -26, 130, 9)),  # sartorius
    ((-21, -37, 26, 6), (-22, -45, 0, 11), (-21, -50, -40, 16), (-20, -50, -130, 20)),  # gastroc. m.
    ((21, -35, 24, 6), (21, -43, 0, 11), (20, -48, -40, 15), (20, -48, -130, 19)),  # gastrocn. l.
    ((24, -25, -4, 4), (2, -27, -28, 8), (-12, -22, -60, 9), (-12, -18, -85, 6)),  # popliteus
    ((26, -28, -34, 6), (6, -30, -60, 11), (0, -32, -130, 17)),  # soleus
    ((30, 8, -26, 5), (30, 6, -50, 12), (27, 6, -130, 17)),  # tibialis anterior
    ((40, -10, -34, 6), (42, -8, -60, 9), (40, -8, -130, 11)),  # peronei
)


def _limb(form: KneeForm) -> Limb:
    f = form.fat_mm - 7
    contour = Column(
        [
            ColumnRow(-130, 4, -4, 50 + f, 40, 62 + f),
            ColumnRow(-90, 3, -4, 53 + f, 38 + f, 66 + f),
            ColumnRow(-60, 1, -2, 54 + f, 39 + f, 64 + f),
            ColumnRow(-36, 0, 0, 53 + f, 42, 63 + f),
            ColumnRow(-12, 0, 0, 53 + f, 50 + 0.5 * f, 59 + f),
            ColumnRow(8, 0, 0, 55 + f, 59, 58 + f),
            ColumnRow(28, 0, 0, 57 + f, 61, 60 + f),
            ColumnRow(52, 0, 0, 60 + f, 61, 66 + f),
            ColumnRow(80, 0, -2, 65 + f, 64 + f, 70 + f),
            ColumnRow(130, 0, -4, 72 + f, 72 + f, 74 + f),
        ]
    )
    return Limb(contour, fat_mm=form.fat_mm, muscles=MUSCLES)


def paint_knee(canvas: Canvas, form: KneeForm) -> None:
    """Paint a whole right knee on a canvas."""
    paint_limb(canvas, _limb(form))
    _vessels(canvas)
    area = canvas.area((-48, -42, -12), (48, 64, 92))
    if area is not None:
        _capsule(area, form)
    joint = canvas.area((-46, -42, -16), (46, 44, 62))
    if joint is not None:
        _articulation(joint, form)
    _cruciates(canvas)
    look = BoneLook(cortex_mm=form.cortex_mm, scar_mm=form.scar_mm)
    for number, (box, shape, shafts, scars) in {
        FEMUR: (bones.FEMUR_BOX, bones.femur, ((48, 0.0), (66, 1.4), (95, 4.2)), (37.0, 0.004)),
        TIBIA: (bones.TIBIA_BOX, bones.tibia, ((-75, 3.8), (-48, 1.6), (-26, 0.0)), (-17.0, -0.002)),
        FIBULA: (bones.FIBULA_BOX, bones.fibula, ((-60, 1.6), (-30, 0.3)), None),
        PATELLA: (bones.PATELLA_BOX, bones.patella, (), None),
    }.items():
        part = canvas.area(*box)
        if part is not None:
            paint_bone(part, shape(form, *part.xyz), number, look, shafts=shafts, scar=scars)
    _nutrient_vessels(canvas)
    _collaterals(canvas)
    _extensor(canvas, form)


def _vessels(canvas: Canvas) -> None:
    for tissue, path in (
        ("artery", ((-6, -20, 130, 3.2), (-3, -26, 70, 3.2), (1, -39, 20, 3.1), (1, -41, -5, 3.0),
                    (3, -33, -45, 2.6), (4, -30, -130, 2.2))),
        ("vein", ((-2, -27, 130, 4.0), (2, -34, 70, 4.2), (5, -46, 20, 4.2), (5, -48, -5, 4.0),
                  (7, -39, -45, 3.4), (8, -36, -130, 3.0))),
        ("fascia", ((8, -44, 130, 3.0), (6, -53, 40, 3.0), (4, -56, 0, 3.0), (4, -50, -50, 2.6))),
    ):  # fmt: skip
        _tube(canvas, tissue, path)


def _tube(canvas: Canvas, tissue: str, path: Path, flat: tuple[float, float, float] = (1, 1, 1)) -> None:
    area = _around(canvas, path, flat)
    if area is not None:
        area.paint(tissue, band(*area.xyz, path, flat) < 0)


def _around(canvas: Canvas, path: Path, flat: tuple[float, float, float]) -> Area | None:
    points = np.array(path)
    reach = points[:, 3:] * np.array(flat)
    low, high = (points[:, :3] - reach).min(0), (points[:, :3] + reach).max(0)
    return canvas.area((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _capsule(area: Area, form: KneeForm) -> None:
    """The suprapatellar pouch, recesses beside the condyles, and the fat pad's synovium."""
    x, y, z = area.xyz
    t = form.effusion_mm
    pouch = band(x, y, z, [(0, 34, 50, t), (0, 31, 62, 1.3 * t), (0, 28, 80, 0.7 * t)], (10, 1, 1))
    femur = bones.femur(form, x, y, z)
    gutter = np.maximum(femur - (2.0 + 0.6 * t), np.abs(z - 24) - 14)
    gutter = np.maximum(gutter, np.abs(y - 8) - 14)
    area.paint("fascia", (pouch < 0.9) & (pouch >= 0))
    area.paint("fluid", (pouch < 0) | (gutter < 0))
    back = np.maximum(femur - (2.6 + 0.5 * t), z - 26)
    back = np.maximum(back, y + 18)
    area.paint("fluid", (back < 0) & (np.abs(x) > 9))
    pad = ellipsoid(x, y, z, (0, 31, 2), (20, 11, 13))
    area.paint("fat", pad < 0)


def _articulation(area: Area, form: KneeForm) -> None:
    """Cartilage, menisci and the film of fluid between them."""
    x, y, z = area.xyz
    femur, tibia = bones.femur(form, x, y, z), bones.tibia(form, x, y, z)
    patella = bones.patella(form, x, y, z)
    c = form.cartilage_mm
    # Cartilage covers the condyles as far up as they roll, and the trochlea to its upper rim.
    reach = np.where(y < 0, 27 + np.float32(0.15) * y, 20 + np.float32(0.95) * y)
    reach = np.minimum(reach, 47)
    edge = np.clip((reach - z) * np.float32(0.35), 0, 1)
    in_notch = (np.abs(x) < 9.0) & (z > np.float32(-0.72) * y + 9)
    trochlea = y > 14
    femoral = (femur - c * edge) * np.where(in_notch & ~trochlea, -1, 1)
    femoral = np.where(in_notch & ~trochlea, 9.0, femoral)
    plateau = np.clip((38 - np.hypot(x, (y + 4) * np.float32(1.55))) * np.float32(0.4), 0, 1)
    plateau = plateau * np.clip((np.abs(x) - 8.5) * np.float32(0.6), 0, 1)
    tibial = np.where((z > -9) & (plateau > 0.05), tibia - (c + 0.3) * plateau, 9.0)
    facet = np.clip((19 - np.hypot(x, z - 30 - form.patella_up_mm)) * np.float32(0.35), 0, 1)
    patellar = np.where((y < 43) & (facet > 0.05), patella - (c + 1.4) * facet, 9.0)

    gap = (femur > 0) & (tibia > 0)
    ring_m = np.hypot((x + 21) * np.float32(1 / 19.5), (y + 3) * np.float32(1 / 25))
    ring_l = np.hypot((x - 21.5) * np.float32(1 / 19.0), (y + 3.5) * np.float32(1 / 22))
    ring = np.where(x < 0, ring_m, ring_l)
    between = (z > -6) & (z < 9.5) & (tibia < 9) & (femur < 9.5)
    film = np.minimum(femoral, np.minimum(tibial, patellar)) < FILM_MM
    crevice = between & gap & (ring < 0.98)
    area.paint("fluid", (film | crevice) & (patella > 0))
    capsule = between & gap & (ring >= 0.98) & (ring < 1.08)
    area.paint("fascia", capsule)
    inner = np.where(x < 0, 0.56 - np.float32(0.004) * y, 0.55)
    wedge = crevice & (ring > inner) & (femoral > FILM_MM * 0.6) & (tibial > FILM_MM * 0.5)
    wedge &= ~((np.abs(x) < 7) & (np.abs(y + 3) < 12))
    area.paint("meniscus", wedge)
    area.paint("cartilage", (femoral < 0) | (tibial < 0) | (patellar < 0))


def _cruciates(canvas: Canvas) -> None:
    acl: Path = ((6.5, -19, 21, 4.6), (3.5, -8, 12, 4.0), (-1, 6, 2, 4.8), (-2, 10, -1, 4.6))
    pcl: Path = ((-5, 0, 14, 4.6), (-4, -11, 15.5, 4.4), (-2, -22, 8, 4.2), (0, -27, -6, 4.4))
    area = canvas.area((-14, -38, -6), (14, 18, 32))
    if area is not None:
        x, y, z = area.xyz
        a, p = tube(x, y, z, acl), tube(x, y, z, pcl)
        inside = area.tissue != 0
        area.paint("synovium", inside & (np.minimum(a, p) < 2.2))
        area.paint("fluid", inside & (np.minimum(a, p) < 0.7))
        area.paint("ligament", a < 0)
        area.paint("tendon", p < 0)


def _nutrient_vessels(canvas: Canvas) -> None:
    """Veins in bone: bright lines on fluid-sensitive images that are no edema."""
    for path in (
        ((4, -14, 66, 0.9), (2, -4, 74, 0.8), (0, 4, 90, 0.7)),
        ((2, -17, -40, 0.9), (1, -6, -48, 0.8), (0, 2, -66, 0.7)),
        ((9, -16, 34, 0.8), (12, -6, 37, 0.7), (14, 2, 42, 0.5)),
    ):
        area = _around(canvas, path, (1, 1, 1))
        if area is not None:
            inside = tube(*area.xyz, path) < 0
            area.paint("vein", inside)


def _collaterals(canvas: Canvas) -> None:
    _tube(canvas, "tendon", ((-42.5, 0, 30, 1.2), (-43.5, 1, 2, 1.3), (-37, 4, -24, 1.2), (-27, 6, -50, 0.9)), (1, 5, 1))
    _tube(canvas, "tendon", ((43, -6, 28, 1.9), (43, -12, 6, 1.8), (38, -19, -14, 1.9)))
    _tube(canvas, "tendon", ((48, 6, 130, 1.0), (45, 8, 30, 1.2), (42.5, 12, 4, 1.4), (33, 17, -12, 1.2)), (1, 6, 1))


def _extensor(canvas: Canvas, form: KneeForm) -> None:
    """Quadriceps and patellar tendons, and the fibres that run over the patella."""
    up, p = form.patella_up_mm, form.patella_size
    top, bottom = 28 + up + 20 * p, 28 + up - 20 * p
    _tube(canvas, "tendon", ((0, 44.5, top - 1, 3.0), (0, 44, top + 10, 2.9), (0, 41, 80, 2.4), (0, 40, 100, 1.2)), (5, 1, 1))
    _tube(canvas, "tendon", ((0, 47, bottom + 2, 2.3), (0, 44, bottom - 14, 2.1), (0, 34, -28, 2.2), (0, 29.5, -40, 2.4)), (5.5, 1, 1))
    area = canvas.area((-22, 42, bottom), (22, 60, top + 4))
    if area is not None:
        d = bones.patella(form, *area.xyz)
        area.paint("tendon", (d > 0) & (d < 1.3) & (area.y > 47) & (np.abs(area.x) < 17))



SITES = {
    "medial_condyle": Site("femur", (-21, -4, 26), (0, -0.12, -1)),
    "lateral_condyle": Site("femur", (22, -2, 26), (0, -0.1, -1)),
    "trochlea": Site("femur", (12, 8, 36), (0.1, 1, 0)),
    "distal_femur": Site("femur", (0, 4, 52), (0, 1, 0)),
    "medial_plateau": Site("tibia", (-21, -2, -14), (0, 0, 1)),
    "lateral_plateau": Site("tibia", (21, -6, -14), (0, 0, 1)),
    "intercondylar_tibia": Site("tibia", (0, -2, -14), (0, 0, 1)),
    "proximal_tibia": Site("tibia", (0, 0, -36), (0, 1, 0)),
    "patella": Site("patella", (0, 45, 28), (-0.4, -1, 0)),
    "fibular_head": Site("fibula", (34, -20, -20), (0, 0, 1)),
}

USUAL = (
    EdemaSpec("medial_condyle", 5000, 0.45, Shape.SUBCHONDRAL, edge_mm=5),
    EdemaSpec("lateral_plateau", 350, 0.35, Shape.SUBCHONDRAL, edge_mm=3),
)


def knee_model(rng: np.random.Generator) -> JointModel:
    """One knee out of many."""
    form = KneeForm.random(rng)
    return JointModel(
        joint=Joint.KNEE,
        paint=lambda canvas: paint_knee(canvas, form),
        bones={"femur": FEMUR, "tibia": TIBIA, "fibula": FIBULA, "patella": PATELLA},
        sites=SITES,
        usual=USUAL,
        plane=Plane.SAGITTAL,
        fov_mm=160,
        middle=(0, 0, 4),
        reach_mm=((-50, 50), (-44, 62), (-70, 75)),
        center_ras_mm=(82, -8, 0),
    )
