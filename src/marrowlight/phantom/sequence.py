"""Signal equations: how bright a tissue is in a sequence.

Spin echo: S = PD (1 - exp(-TR/T1)) exp(-TE/T2). Inversion recovery: S = PD (1 - 2 exp(-TI/T1) +
exp(-TR/T1)) exp(-TE/T2), with its sign, because the parts of a voxel add before the magnitude is
taken. Turbo spin echo is taken as spin echo at its effective echo time; the brighter fat that its
refocusing pulses make (J-coupling) is left out. Source: Bernstein, King, Zhou, Handbook of MRI
Pulse Sequences, 2004, chapters 14 and 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from marrowlight.phantom.tissue import Relaxation, Tissue, Tissues
from marrowlight.study.series import Role


class FatSuppression(StrEnum):
    NONE = "none"
    SATURATION = "saturation"
    """A pulse at the frequency of fat: fails where the field is uneven."""
    INVERSION = "inversion"
    """STIR: fat is nulled by its T1, whatever the field."""
    SEPARATION = "separation"
    """Dixon: fat is computed away."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence with its times in ms; ti_ms is None without inversion."""

    role: Role
    name: str
    description: str
    tr_ms: float
    te_ms: float
    ti_ms: float | None
    suppression: FatSuppression


STIR_BELOW_NULL = 0.88
"""TI over the TI that nulls fat: gives the 175 ms at 1.5 T and 222 ms at 3 T that are in use."""

_TIMES: dict[Role, tuple[str, str, float, float, FatSuppression]] = {
    Role.PD_FS: ("pdfs", "PD TSE FS", 3200, 32, FatSuppression.SATURATION),
    Role.T2_FS: ("t2fs", "T2 TSE FS", 4000, 68, FatSuppression.SATURATION),
    Role.STIR: ("stir", "STIR TSE", 4500, 38, FatSuppression.INVERSION),
    Role.DIXON_WATER: ("dixon_water", "T2 TSE Dixon water", 3800, 60, FatSuppression.SEPARATION),
    Role.T1: ("t1w", "T1 TSE", 620, 11, FatSuppression.NONE),
    Role.T2: ("t2w", "T2 TSE", 4000, 85, FatSuppression.NONE),
    Role.PD: ("pdw", "PD TSE", 2800, 28, FatSuppression.NONE),
}


def sequence_of(role: Role, tissues: Tissues) -> Sequence:
    """The usual sequence of a role at the field strength of the tissues.

    Fat is nulled at TI = T1 ln(2 / (1 + exp(-TR/T1))); STIR is scanned somewhat below it.
    """
    name, description, tr, te, suppression = _TIMES[role]
    ti = None
    if suppression is FatSuppression.INVERSION:
        t1 = tissues.fat.t1_ms
        ti = round(float(STIR_BELOW_NULL * t1 * np.log(2 / (1 + np.exp(-tr / t1)))), 1)
    return Sequence(role, name, description, tr, te, ti, suppression)


def signal(relaxation: Relaxation, sequence: Sequence) -> float:
    """Signal of fully dense protons, -1..1."""
    t1, t2 = relaxation.t1_ms, relaxation.t2_ms
    recovered = float(np.exp(-sequence.tr_ms / t1))
    if sequence.ti_ms is None:
        along = 1 - recovered
    else:
        along = 1 - 2 * float(np.exp(-sequence.ti_ms / t1)) + recovered
    return along * float(np.exp(-sequence.te_ms / t2))


def water_signal(tissue: Tissue, sequence: Sequence) -> float:
    """Signal of the water in a voxel full of a tissue."""
    density = tissue.proton_density * (1 - tissue.fat_fraction)
    return density * signal(tissue.water, sequence)


def fat_density(tissue: Tissue) -> float:
    """Density of fat protons in a voxel full of a tissue."""
    return tissue.proton_density * tissue.fat_fraction
