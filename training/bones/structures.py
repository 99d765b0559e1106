"""Structures with a place of their own: tendons, ligaments, fat pads, menisci, bowel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.bones.paint import Painter
from training.bones.tissue import BONES, Tissue


def _of(coarse: NDArray[np.uint8], bone: int) -> NDArray[np.int64]:
    return np.argwhere(coarse == bone)


def named_structures(
    painter: Painter,
    coarse: NDArray[np.uint8],
    site: str,
    apart: NDArray[np.float32],
    waves: list[NDArray[np.float32]],
    rng: np.random.Generator,
) -> None:
    """Paint what every joint of this kind has, before skin and joint space are drawn."""
    if site == "knee":
        _knee_fat(painter, coarse, apart, waves, rng)
    elif site == "ankle":
        _ankle(painter, coarse, rng)
    else:
        _hip(painter, coarse, rng)
    _between_bones(painter, coarse, rng)


def _between_bones(painter: Painter, coarse: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Ligaments from bone to bone, at random."""
    v = painter.voxel_mm
    bones = [n for n in range(1, BONES + 1) if (coarse == n).any()]
    for _ in range(rng.integers(3, 10)):
        one, other = rng.choice(bones, 2, replace=len(bones) < 2)
        a = _of(coarse, one)
        a = a[rng.integers(len(a))]
        b = _of(coarse, other)
        b = b[rng.integers(0, len(b), 60)]
        b = b[np.argmin(((b - a) ** 2).sum(1))]
        if ((b - a) ** 2).sum() * v * v < 60**2:
            painter.tube(a, b, rng.uniform(0.9, 3), Tissue.TENDON, rng.uniform(1, 2.5))


def _knee_fat(
    painter: Painter,
    coarse: NDArray[np.uint8],
    apart: NDArray[np.float32],
    waves: list[NDArray[np.float32]],
    rng: np.random.Generator,
) -> None:
    v = painter.voxel_mm
    femur, tibia, patella = (_of(coarse, n) for n in (Tissue.FEMUR, Tissue.TIBIA, Tissue.PATELLA))
    joint = np.array([*tibia.mean(0)[:2], np.percentile(tibia[:, 2], 97)])
    lowest = patella[np.argmin(patella[:, 2])]
    hoffa = (lowest + joint + [0, 15 / v, 0]) / 2
    kind = Tissue.DEEP_FAT if rng.random() < 0.85 else Tissue.SYNOVIUM
    painter.ball(hoffa, rng.uniform(14, 26), kind, stretch=(1.3, 1, 1))
    y, z = np.arange(coarse.shape[1])[:, None], np.arange(coarse.shape[2])
    if rng.random() < 0.8:
        ahead = (y > femur[:, 1].mean()) & (z > joint[2] + 20 / v)
        pad = ahead & (apart < rng.uniform(3, 10)) & (waves[0] > -0.3)
        painter.canvas[pad & painter.within] = Tissue.DEEP_FAT
    if rng.random() < 0.6:
        ahead = (y > femur[:, 1].mean()) & (z > joint[2] + 12 / v)
        recess = ahead & (apart < rng.uniform(2, 11)) & (waves[2] > rng.uniform(-0.2, 1.0))
        painter.canvas[recess & painter.within] = Tissue.FLUID


def knee_bands(painter: Painter, coarse: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Menisci, cruciates, collaterals, patellar and quadriceps tendon, popliteal vessels."""
    v = painter.voxel_mm
    u = rng.uniform
    femur, tibia, patella = (_of(coarse, n) for n in (Tissue.FEMUR, Tissue.TIBIA, Tissue.PATELLA))
    jx, jy, jz = *tibia.mean(0)[:2], np.percentile(tibia[:, 2], 97)

    def around(mm: float) -> NDArray[np.float64]:
        return rng.normal(0, mm / v, 3)

    for s in (-1, 1):
        rim = [(jx + s * r * np.cos(a) / v, jy + r * 0.8 * np.sin(a) / v, jz + 2 / v)
               for a in np.linspace(-2.2, 2.2, 9) for r in (u(24, 30),)]  # fmt: skip
        for a, b in pairwise(rim):
            painter.tube(a, b, u(2, 4.5), Tissue.FIBROCARTILAGE)
    top = np.array([jx, jy - 8 / v, jz + 14 / v])
    painter.tube(top + around(3), top + [0, 16 / v, -15 / v] + around(3), u(2.5, 5), Tissue.TENDON)
    top = np.array([jx, jy - 2 / v, jz + 14 / v])
    painter.tube(top + around(3), top - [0, 14 / v, 20 / v] + around(3), u(2.5, 5), Tissue.TENDON)
    low, high = patella[np.argmin(patella[:, 2])], patella[np.argmax(patella[:, 2])]
    tubercle = tibia[np.abs(tibia[:, 2] - (jz - u(25, 40) / v)) < 2]
    if len(tubercle):
        end = tubercle[np.argmax(tubercle[:, 1])]
        painter.tube(low + [0, u(0, 4) / v, 2 / v], end, u(2, 3.5), Tissue.TENDON, u(2.5, 4.5))
    painter.tube(high - [0, 0, 2 / v], high + np.array([u(-6, 6), u(-14, 4), 50]) / v, u(2.5, 4.5),
                 Tissue.TENDON, u(2, 4.5))  # fmt: skip
    front = patella[:, 1].max() + u(0.5, 2) / v
    painter.tube((low[0], front, low[2]), (low[0], front, high[2]), u(0.8, 1.8), Tissue.TENDON,
                 u(4, 9))  # fmt: skip
    level = femur[np.abs(femur[:, 2] - jz) * v < 30]
    for s, share in ((-1, 2), (1, 98)):
        if len(level) and rng.random() < 0.85:
            ex = np.percentile(level[:, 0], share) + s * u(1, 4) / v
            painter.tube((ex, jy + u(-10, 8) / v, jz + u(12, 28) / v),
                         (ex - s * u(0, 8) / v, jy + u(-15, 8) / v, jz - u(10, 45) / v),
                         u(0.9, 2.2), Tissue.TENDON)  # fmt: skip
        if rng.random() < 0.7:
            painter.tube(patella.mean(0) + [s * 15 / v, 0, 0],
                         (jx + s * 36 / v, jy + u(-5, 10) / v, jz + u(0, 25) / v),
                         u(0.8, 1.8), Tissue.TENDON)  # fmt: skip
    for _ in range(rng.integers(1, 4)):
        start = np.array([jx + u(-14, 14) / v, jy - u(24, 45) / v, -3.0])
        radius, kind = u(2, 4.5), rng.choice([Tissue.VESSEL, Tissue.VESSEL, Tissue.NERVE])
        while start[2] < coarse.shape[2]:
            end = start + np.array([u(-5, 5), u(-5, 5), u(20, 45)]) / v
            painter.tube(start, end, radius, kind)
            start = end


def _ankle(painter: Painter, coarse: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Achilles tendon with the fat before it, plantar fascia, the long tendons, sinus tarsi."""
    v = painter.voxel_mm
    u = rng.uniform
    heel, shin, talus = (
        _of(coarse, Tissue.CALCANEUS),
        _of(coarse, Tissue.TIBIA),
        _of(coarse, Tissue.TALUS),
    )
    back = heel[np.argmin(heel[:, 1])].astype(float)
    middle = shin.mean(0)
    end = np.array([middle[0] + u(-6, 6) / v, back[1] + u(0, 14) / v, coarse.shape[2] + 2.0])
    kager = np.array([middle[0], (back[1] + shin[:, 1].min()) / 2, back[2] + 22 / v])
    painter.ball(kager, u(10, 20), Tissue.DEEP_FAT, stretch=(0.9, 1, u(1.5, 2.6)))
    painter.tube(back + [0, 0, u(-4, 8) / v], end, u(2.2, 4.5), Tissue.TENDON, u(1.4, 2.4))
    under = np.array([heel[:, 0].mean(), np.percentile(heel[:, 1], 30), heel[:, 2].min() - 1])
    painter.tube(under, under + np.array([u(-8, 8), 110, u(5, 14)]) / v, u(1.2, 3), Tissue.TENDON,
                 u(2, 5))  # fmt: skip
    painter.ball((talus.mean(0) + heel.mean(0)) / 2 + [0, 8 / v, 0], u(5, 10), Tissue.DEEP_FAT,
                 stretch=(1.5, 1, 1))  # fmt: skip
    for _ in range(rng.integers(5, 11)):
        side = rng.choice([-1, 1])
        bend = talus.mean(0) + np.array([side * u(14, 30), u(-28, 30), u(-12, 10)]) / v
        painter.tube(
            bend + np.array([u(-6, 6), u(-6, 6), 70]) / v, bend, u(1.3, 3.2), Tissue.TENDON
        )
        painter.tube(bend, bend + np.array([u(-14, 14), u(40, 70), -u(10, 35)]) / v, u(1.3, 3.2),
                     Tissue.TENDON)  # fmt: skip


def _hip(painter: Painter, coarse: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Bladder and bowel towards the midline, the iliopsoas and gluteal tendons, large vessels."""
    v = painter.voxel_mm
    u = rng.uniform
    shape = np.array(coarse.shape)
    for _ in range(rng.integers(1, 6)):
        centre = shape * [u(0, 0.22), u(0.3, 0.95), u(0.4, 1)]
        kind = rng.choice([Tissue.FLUID, Tissue.SYNOVIUM, Tissue.DEEP_FAT, Tissue.NERVE])
        painter.ball(centre, u(10, 40), Tissue.FASCIA, stretch=(1.06, 1.06, 1.06))
        painter.ball(centre, u(10, 38), kind)
    femur = _of(coarse, Tissue.FEMUR)
    trochanter = femur[np.argmax(femur[:, 0])]
    for _ in range(rng.integers(1, 4)):
        painter.tube(trochanter, trochanter + np.array([-u(0, 25), u(-25, 25), u(25, 60)]) / v,
                     u(1.5, 4), Tissue.TENDON, u(1, 2))  # fmt: skip
    front = np.array([shape[0] * u(0.35, 0.6), np.percentile(femur[:, 1], 98) + u(8, 25) / v, -2])
    for _ in range(rng.integers(1, 4)):
        way = np.array([-u(0, 25), u(-15, 15), shape[2] * v + 10]) / v
        painter.tube(front + rng.normal(0, 6 / v, 3), front + way, u(2.5, 5.5), Tissue.VESSEL)
