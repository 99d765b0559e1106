"""How bright each tissue is: contrast families of MR, and wholly random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.bones.tissue import BONES, COUNT, Tissue

FAMILIES = ("fat_suppressed", "water_selective", "not_suppressed", "half_suppressed", "free")
SHARES = (0.29, 0.11, 0.29, 0.07, 0.24)


@dataclass(frozen=True, eq=False)
class Contrast:
    """Intensities of one image, in units in which bright tissue is about one.

    mean : (COUNT,) of each tissue; other : the same where fat suppression has failed
    fine, middle, coarse : (COUNT,) relative texture of each tissue at three scales
    cortex : of compact bone; lesion : of edema (any sign in the free family)
    """

    family: str
    mean: NDArray[np.float32]
    other: NDArray[np.float32]
    fine: NDArray[np.float32]
    middle: NDArray[np.float32]
    coarse: NDArray[np.float32]
    cortex: float
    lesion: float


def draw_contrast(rng: np.random.Generator, family: str | None = None) -> Contrast:
    """A random contrast of a family, or of any."""
    u = rng.uniform
    family = family or str(rng.choice(FAMILIES, p=SHARES))
    other = None
    if family == "fat_suppressed":
        marrow = u(0.03, 0.4)
        mean, lesion = _suppressed(marrow, rng), u(marrow + 0.15, 1.5)
    elif family == "water_selective":
        marrow = u(0.01, 0.15)
        mean, lesion = _water(marrow, rng), u(marrow + 0.05, 1.2)
    elif family == "not_suppressed":
        marrow = u(0.5, 1.0)
        mean = _unsuppressed(marrow, rng)
        lesion = u(0.05, marrow) if rng.random() < 0.7 else u(0.3, 1.2)
    elif family == "half_suppressed":
        marrow = u(0.05, 0.35)
        mean, lesion = _suppressed(marrow, rng), u(marrow + 0.15, 1.4)
        other = mean.copy()
        bright = u(0.5, 1.2)
        other[1 : BONES + 1] = bright
        other[[Tissue.SUBCUTANEOUS_FAT, Tissue.DEEP_FAT]] = bright * u(0.9, 1.5)
    else:
        mean = u(0.02, 1.1, COUNT).astype(np.float32)
        mean[1 : BONES + 1] = u(0.02, 1.1)
        lesion = u(0, 1.4)
    factor = np.ones(COUNT, np.float32)
    factor[1 : BONES + 1] = u(0.82, 1.2, BONES)
    factor[BONES + 1 :] = u(0.8, 1.25, COUNT - BONES - 1)
    mean = mean * factor
    mean[Tissue.AIR] = u(0, 0.04) if rng.random() < 0.9 else u(0, 0.15)
    mean[Tissue.METAL] = 0
    other = mean if other is None else np.where(other == 0, 0, other * factor)
    bone = mean[1]
    dark = rng.random() < 0.88
    cortex = u(0, 0.15) * max(bone, 0.2) if dark else bone * u(0.2, 1.3)
    fine, middle, coarse = (u(0, top, COUNT).astype(np.float32) for top in (0.15, 0.10, 0.15))
    fine[1 : BONES + 1], middle[1 : BONES + 1] = u(0, 0.25), u(0, 0.18)
    coarse[1 : BONES + 1] = u(0, 0.28)
    fine[[Tissue.SUBCUTANEOUS_FAT, Tissue.DEEP_FAT]] = u(0, 0.35)
    fine[Tissue.SYNOVIUM], middle[Tissue.SYNOVIUM] = u(0, 0.5), u(0, 0.5)
    return Contrast(family, mean.astype(np.float32), other.astype(np.float32), fine, middle, coarse,
                    float(cortex), float(lesion))  # fmt: skip


def _table(marrow: float, **tissue: float) -> NDArray[np.float32]:
    mean = np.zeros(COUNT, np.float32)
    mean[1 : BONES + 1] = marrow
    for name, value in tissue.items():
        mean[Tissue[name.upper()]] = value
    mean[Tissue.OTHER_MUSCLE] = mean[Tissue.MUSCLE]
    return mean


def _suppressed(marrow: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """STIR, fat-suppressed T2 and PD, DESS."""
    u = rng.uniform
    fat = marrow * u(0.5, 1.6) + u(0, 0.1)
    return _table(marrow, cartilage=u(0.35, 1), fibrocartilage=u(0.03, 0.3), tendon=u(0.02, 0.25),
                  fluid=u(0.6, 1.6), muscle=u(0.15, 0.9), subcutaneous_fat=fat,
                  deep_fat=fat * u(0.7, 1.15), vessel=u(0.1, 1.5), skin=u(0.1, 0.9),
                  fascia=u(0.03, 0.3), synovium=u(0.2, 0.9), nerve=u(0.2, 0.9))  # fmt: skip


def _water(marrow: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Strong water selection: all dark but muscle, cartilage and fluid."""
    u = rng.uniform
    fat = marrow * u(0.7, 3) + 0.01
    return _table(marrow, cartilage=u(0.3, 1), fibrocartilage=u(0.1, 0.5), tendon=u(0.1, 0.5),
                  fluid=u(0.3, 1.4), muscle=u(0.4, 1.1), subcutaneous_fat=fat,
                  deep_fat=fat * u(0.7, 1.15), vessel=u(0.4, 1.6), skin=u(0.2, 0.8),
                  fascia=u(0.1, 0.4), synovium=u(0.3, 0.9), nerve=u(0.3, 0.9))  # fmt: skip


def _unsuppressed(marrow: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """T1, PD and T2 without fat suppression."""
    u = rng.uniform
    fat = marrow * u(0.9, 1.6)
    return _table(marrow, cartilage=u(0.15, 0.7), fibrocartilage=u(0.03, 0.25),
                  tendon=u(0.02, 0.2), fluid=u(0.05, 1.4), muscle=u(0.08, 0.5),
                  subcutaneous_fat=fat, deep_fat=fat * u(0.7, 1.15), vessel=u(0.02, 0.8),
                  skin=u(0.1, 0.5), fascia=u(0.03, 0.25), synovium=u(0.15, 0.6),
                  nerve=u(0.2, 0.6))  # fmt: skip
