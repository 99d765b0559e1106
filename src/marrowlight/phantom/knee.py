"""The digital right knee: what is where, painted back to front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from marrowlight.phantom import knee_bones as bones
from marrowlight.phantom.canvas import Area, Canvas
from marrowlight.phantom.knee_bones import KneeForm
from marrowlight.phantom.limb import Limb, paint_limb, paint_tube
from marrowlight.phantom.model import JointModel, Site
from marrowlight.phantom.shapes import Column, ColumnRow, Field, Point, band, curve, tube
from marrowlight.phantom.skeleton import BoneLook, paint_bone
from marrowlight.phantom.spec import EdemaSpec, Shape
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint

FEMUR, TIBIA, FIBULA, PATELLA = 1, 2, 3, 4
"""Labels of the bone registry."""

NORMAL_EFFUSION_MM = 1.5
"""Half the depth of the suprapatellar pouch above which fluid also lies beside the condyles."""

FILM_MM = 0.4
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
    (
        (-21, -37, 26, 6),
        (-22, -45, 0, 11),
        (-21, -50, -40, 16),
        (-20, -50, -130, 20),
    ),  # gastroc. m.
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
    parts = {
        number: _Part(area, shape(form, *area.xyz))
        for number, (box, shape) in _BONES.items()
        if (area := canvas.area(*box)) is not None
    }
    if FEMUR in parts:
        _capsule(canvas, parts[FEMUR], form)
        _articulation(canvas, parts, form)
    _cruciates(canvas)
    look = BoneLook(cortex_mm=form.cortex_mm, scar_mm=form.scar_mm)
    for number, part in parts.items():
        shafts, scar = _INSIDE[number]
        paint_bone(part.area, part.distance, number, look, shafts=shafts, scar=scar)
    _nutrient_vessels(canvas)
    _collaterals(canvas)
    _extensor(canvas, form)
    if PATELLA in parts:
        part = parts[PATELLA]
        x, y, _ = part.area.xyz
        sleeve = (part.distance > 0) & (part.distance < 1.3) & (y > 47) & (np.abs(x) < 17)
        part.area.paint("tendon", sleeve)


@dataclass(frozen=True, eq=False, slots=True)
class _Part:
    """A bone in a canvas: the box around it and the distance to its surface there."""

    area: Area
    distance: Field

    def at(self, area: Area, far: float = 30.0) -> Field:
        """The distance in another area; ``far`` outside this part's box."""
        out = np.full(area.x.shape, np.float32(far), np.float32)
        common = [
            (max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(area.where, self.area.where, strict=True)
        ]
        if any(stop <= start for start, stop in common):
            return out
        there = tuple(
            slice(lo - w.start, hi - w.start)
            for (lo, hi), w in zip(common, area.where, strict=True)
        )
        here = tuple(
            slice(lo - w.start, hi - w.start)
            for (lo, hi), w in zip(common, self.area.where, strict=True)
        )
        out[there] = self.distance[here]
        return out


_BONES: dict[int, tuple[tuple[Point, Point], Callable[..., Field]]] = {
    FEMUR: (bones.FEMUR_BOX, bones.femur),
    TIBIA: (bones.TIBIA_BOX, bones.tibia),
    FIBULA: (bones.FIBULA_BOX, bones.fibula),
    PATELLA: (bones.PATELLA_BOX, bones.patella),
}

_INSIDE: dict[int, tuple[tuple[tuple[float, float], ...], tuple[float, float] | None]] = {
    FEMUR: (((48, 0.0), (66, 1.4), (95, 4.2)), (38.0, 0.004)),
    TIBIA: (((-75, 3.8), (-48, 1.6), (-26, 0.0)), (-17.0, -0.002)),
    FIBULA: (((-60, 1.6), (-30, 0.3)), None),
    PATELLA: ((), None),
}
"""How much thicker than the plate the cortex is at heights z, and the scar of the growth plate."""


def _vessels(canvas: Canvas) -> None:
    for tissue, path in (
        ("artery", ((-6, -20, 130, 3.2), (-3, -26, 70, 3.2), (1, -39, 20, 3.1), (1, -41, -5, 3.0),
                    (3, -33, -45, 2.6), (4, -30, -130, 2.2))),
        ("vein", ((-2, -27, 130, 4.0), (2, -34, 70, 4.2), (5, -46, 20, 4.2), (5, -48, -5, 4.0),
                  (7, -39, -45, 3.4), (8, -36, -130, 3.0))),
        ("fascia", ((8, -44, 130, 3.0), (6, -53, 40, 3.0), (4, -56, 0, 3.0), (4, -50, -50, 2.6))),
    ):  # fmt: skip
        paint_tube(canvas, tissue, path)


def _capsule(canvas: Canvas, femur: _Part, form: KneeForm) -> None:
    """Suprapatellar pouch, recesses beside and behind the condyles, and the fat pad."""
    t = form.effusion_mm
    area = canvas.area((-26, 20, 40), (26, 42, 88))
    if area is not None:
        path = [(0, 34, 50, t), (0, 31, 62, 1.3 * t), (0, 28.5, 80, 0.6 * t)]
        pouch = band(*area.xyz, path, (10, 1, 1))
        area.paint("fascia", (pouch < 0.8) & (pouch >= 0))
        area.paint("fluid", pouch < 0)
    area = canvas.area((-46, -40, -2), (46, 30, 42))
    if area is None:
        return
    x, y, z = area.xyz
    near = femur.at(area)
    # Recesses end softly: their depth falls off from a middle, and fluid is where some is left.
    beside = np.clip(1 - (((y - 8) / 15) ** 2 + ((z - 26) / 14) ** 2), 0, 1)
    beside = np.where(np.abs(x) > 26, beside, 0)
    behind = np.clip(1 - ((z - 18) / 13) ** 2, 0, 1) * np.clip((-20 - y) / 5, 0, 1)
    behind = behind * np.clip((np.abs(x) - 10) / 6, 0, 1) * np.clip((34 - np.abs(x)) / 6, 0, 1)
    depth = (
        np.float32(2 * max(t - NORMAL_EFFUSION_MM, 0)) * beside
        + np.float32(form.cartilage_mm + 0.8 * t) * behind
    )
    area.paint("fluid", (near < depth) & (depth > 0.1))


def _articulation(canvas: Canvas, parts: dict[int, _Part], form: KneeForm) -> None:
    """Cartilage, menisci and the film of fluid between them."""
    area = canvas.area((-46, -42, -12), (46, 44, 54))
    if area is None:
        return
    x, y, z = area.xyz
    femur = parts[FEMUR].at(area)
    patella = parts[PATELLA].at(area) if PATELLA in parts else np.full_like(femur, 30)
    tibia = parts[TIBIA].at(area) if TIBIA in parts else np.full_like(femur, 30)
    c = form.cartilage_mm
    # Cartilage covers the condyles as far up as they roll, and the trochlea to its upper rim.
    reach = np.minimum(np.where(y < 0, 31 + np.float32(0.2) * y, 16 + np.float32(1.05) * y), 46)
    cover = np.clip((reach - z) * np.float32(0.22), 0, 1)
    cover *= np.clip((35.5 * form.condyle_width - np.abs(x)) * np.float32(0.35), 0, 1)
    in_notch = (np.abs(x) < 9.5 * form.notch_width) & (y < 14) & (z > np.float32(-0.72) * y + 5)
    femoral = np.where((cover > 0.1) & ~in_notch, femur - c * cover, 9)
    plateau = np.clip((39 - np.hypot(x, (y + 3) * np.float32(1.45))) * np.float32(0.3), 0, 1)
    plateau *= np.clip((np.abs(x) - 7.5) * np.float32(0.5), 0, 1)
    tibial = np.where((z > -9) & (plateau > 0.1), tibia - (c + 0.3) * plateau, 9)
    facet = np.clip((20 - np.hypot(x, z - 29 - form.patella_up_mm)) * np.float32(0.25), 0, 1)
    facet *= np.clip((42.5 - y) * np.float32(0.3), 0, 1)
    patellar = np.where(facet > 0.1, patella - (c + 1.2) * facet, 9)
    area.paint("fluid", np.minimum(femoral, np.minimum(tibial, patellar)) < FILM_MM)
    area.paint("cartilage", (femoral < 0) | (tibial < 0) | (patellar < 0))

    low = canvas.area((-46, -34, -7), (46, 30, 13))
    if low is None:
        return
    x, y, z = low.xyz
    above, below = low.crop(femoral, area), low.crop(tibial, area)
    femur, tibia = low.crop(femur, area), low.crop(tibia, area)
    ring_m = np.hypot((x + 21.5) * np.float32(1 / 18.5), (y + 3) * np.float32(1 / 24))
    ring_l = np.hypot((x - 21.5) * np.float32(1 / 18), (y + 3.5) * np.float32(1 / 20))
    ring = np.where(x < 0, ring_m, ring_l)
    gap = (np.minimum(femur, above) > 0) & (np.minimum(tibia, below) > 0)
    gap &= (femur < 9) & (tibia < 8) & (np.abs(x) > 7)
    low.paint("fascia", gap & (ring >= 1) & (ring < 1.07))
    low.paint("fluid", gap & (ring < 1))
    inner = np.where(x < 0, 0.60 - np.float32(0.006) * y, 0.56)
    # The free edge is thin: the wedge opens outwards, above half a film of fluid.
    rise = np.minimum(above, below) > FILM_MM * 0.6
    horns = (np.abs(x) > 10) | (np.abs(y + 3) > 10)
    low.paint("meniscus", gap & rise & horns & (ring > inner) & (ring < 1))


def _cruciates(canvas: Canvas) -> None:
    acl: Path = ((7, -18, 22, 4.2), (4, -9, 14, 3.8), (1, 0, 6, 4.0), (-1, 8, -1, 4.4))
    pcl: Path = (
        (-6, 0, 13, 4.2), (-5, -6, 15.3, 4.2), (-4, -12, 15.3, 4.1), (-3, -18, 12, 4.0),
        (-1, -23, 5, 4.0), (0, -26.5, -5, 4.2),
    )  # fmt: skip
    area = canvas.area((-16, -40, -9), (16, 20, 34))
    if area is not None:
        x, y, z = area.xyz
        a, p = tube(x, y, z, curve(acl)), tube(x, y, z, curve(pcl))
        inside = area.tissue != 0
        area.paint("synovium", inside & (np.minimum(a, p) < 1.3))
        area.paint("ligament", a < 0)
        area.paint("tendon", p < 0)


def _nutrient_vessels(canvas: Canvas) -> None:
    """Veins in bone: bright lines on fluid-sensitive images that are no edema."""
    for path in (
        ((4, -14, 66, 0.9), (2, -4, 74, 0.8), (0, 4, 90, 0.7)),
        ((2, -17, -40, 0.9), (1, -6, -48, 0.8), (0, 2, -66, 0.7)),
        ((9, -16, 34, 0.8), (12, -6, 37, 0.7), (14, 2, 42, 0.5)),
    ):
        paint_tube(canvas, "vein", path)


def _collaterals(canvas: Canvas) -> None:
    paint_tube(
        canvas,
        "tendon",
        ((-42.5, 0, 30, 1.2), (-43.5, 1, 2, 1.3), (-37, 4, -24, 1.2), (-27, 6, -50, 0.9)),
        (1, 5, 1),
    )
    paint_tube(canvas, "tendon", ((43, -6, 28, 1.9), (43, -12, 6, 1.8), (38, -19, -14, 1.9)))
    paint_tube(
        canvas,
        "tendon",
        ((48, 6, 130, 1.0), (45, 8, 30, 1.2), (42.5, 12, 4, 1.4), (33, 17, -12, 1.2)),
        (1, 6, 1),
    )


def _extensor(canvas: Canvas, form: KneeForm) -> None:
    """Quadriceps and patellar tendons, and the fibres that run over the patella."""
    up, p = form.patella_up_mm, form.patella_size
    top, bottom = 28 + up + 20 * p, 28 + up - 20 * p
    paint_tube(
        canvas,
        "tendon",
        ((0, 44.5, top - 1, 3.0), (0, 44, top + 10, 2.9), (0, 41, 80, 2.4), (0, 40, 100, 1.2)),
        (5, 1, 1),
    )
    paint_tube(
        canvas,
        "tendon",
        (
            (0, 47, bottom + 2, 2.3),
            (0, 44, bottom - 14, 2.1),
            (0, 34, -28, 2.2),
            (0, 29.5, -40, 2.4),
        ),
        (5.5, 1, 1),
    )


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
    EdemaSpec("medial_condyle", 5000, 0.4, Shape.SUBCHONDRAL, edge_mm=3),
    EdemaSpec("lateral_plateau", 350, 0.3, Shape.SUBCHONDRAL, edge_mm=2),
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
