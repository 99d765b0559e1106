"""The bones of the digital right knee as implicit shapes.

x to the right (lateral), y to the front, z up, mm; the joint line is z = 0. Sizes are those of a
mean adult, after published morphometry (epicondylar width about 80 mm, condyles about 62 mm from
front to back); `KneeForm` says by how much one knee differs from another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True, slots=True)
class KneeForm:
    """What differs from knee to knee. Shares are relative to the mean, lengths in mm."""

    condyle_width: float = 1.0
    condyle_depth: float = 1.0
    notch_width: float = 1.0
    groove_mm: float = 11.0
    patella_up_mm: float = 0.0
    patella_size: float = 1.0
    shaft_width: float = 1.0
    cartilage_mm: float = 2.3
    fat_mm: float = 7.0
    effusion_mm: float = 1.8
    cortex_mm: float = 1.0
    scar_mm: float = 0.32

    @staticmethod
    def random(rng: np.random.Generator) -> KneeForm:
        """One knee out of many: each length and share drawn around its mean."""

        def about(mean: float, sd: float) -> float:
            return float(mean + sd * np.clip(rng.standard_normal(), -2, 2))

        return KneeForm(
            condyle_width=about(1.0, 0.03),
            condyle_depth=about(1.0, 0.03),
            notch_width=about(1.0, 0.08),
            groove_mm=about(11.0, 0.7),
            patella_up_mm=about(0.0, 2.0),
            patella_size=about(1.0, 0.05),
            shaft_width=about(1.0, 0.05),
            cartilage_mm=about(2.3, 0.2),
            fat_mm=about(7.0, 1.5),
            effusion_mm=about(1.8, 0.35),
            cortex_mm=about(1.0, 0.08),
            scar_mm=about(0.32, 0.06),
        )


FEMUR_BOX = ((-46.0, -40.0, -3.0), (46.0, 40.0, 130.0))
TIBIA_BOX = ((-46.0, -36.0, -130.0), (46.0, 40.0, 10.0))
PATELLA_BOX = ((-28.0, 26.0, 2.0), (28.0, 60.0, 58.0))
FIBULA_BOX = ((18.0, -38.0, -130.0), (48.0, 0.0, -4.0))


def femur(form: KneeForm, x: Field, y: Field, z: Field) -> Field:
    """The distal femur: shaft, two condyles, notch and trochlear groove."""
    w, d, s = form.condyle_width, form.condyle_depth, form.shaft_width
    shaft = Column(
        [
            ColumnRow(24, 0, 0, 37 * w, 22, 14),
            ColumnRow(36, 0, 2, 38 * w, 21.5, 18),
            ColumnRow(48, 0, 3, 31 * w, 19.5 * s, 17 * s),
            ColumnRow(60, 0, 4, 23.5 * s, 17 * s, 15.5 * s),
            ColumnRow(75, 0, 5, 17.5 * s, 15 * s, 14.5 * s),
            ColumnRow(95, 0, 6, 15 * s, 14 * s, 14 * s),
            ColumnRow(130, 0, 8, 14 * s, 13.5 * s, 13.5 * s),
        ]
    )(x, y, z)
    shaft = np.maximum(shaft, 26 - z)
    back = union(
        disc(x, y, z, (-23 * w, -15 * d, 23), (12.5, 19, 20)),
        disc(x, y, z, (23.5 * w, -13 * d, 22.5), (13, 18.5, 19.5)),
    )
    front = union(
        disc(x, y, z, (-20.5 * w, 3, 28.5), (14.5, 27 * d, 25.5)),
        disc(x, y, z, (21 * w, 5, 28.5), (15.5, 28 * d, 25.5)),
    )
    body = ellipsoid(x, y, z, (0, 5, 36), (36 * w, 25.5 * d, 21))
    whole = union(union(union(back, front, 4), body, 5), shaft, 9)
    # The roof of the notch runs down to the front: Blumensaat's line of the sagittal image.
    notch = tube(
        x * np.float32(1 / form.notch_width),
        y,
        z,
        [(0, -48, 27, 11.5), (0, -20, 19, 10.5), (0, 2, 7.5, 9), (0, 14, -3, 7)],
    )
    groove = tube(
        x,
        y,
        z,
        [
            (0.5, 43, 66, form.groove_mm - 2),
            (0.5, 41, 46, form.groove_mm),
            (0.5, 38.5, 28, form.groove_mm),
            (0.5, 32, 12, form.groove_mm),
            (0, 20, 0, 8),
        ],
    )
    return cut(cut(whole, notch, 2.5), groove, 5)


def tibia(form: KneeForm, x: Field, y: Field, z: Field) -> Field:
    """The proximal tibia: plateau with its eminence, tuberosity and shaft."""
    w, s = form.condyle_width, form.shaft_width
    side = Column(
        [
            ColumnRow(-130, 0, 2, 13.5 * s, 17 * s, 13 * s),
            ColumnRow(-90, 0, 2, 14 * s, 18 * s, 14 * s),
            ColumnRow(-65, 0, 1, 16 * s, 20 * s, 15 * s, 0.1),
            ColumnRow(-48, 0, 0, 20.5 * s, 24.5, 16.5 * s, 0.2),
            ColumnRow(-36, 1, 0, 27 * w, 27.5, 19, 0.3),
            ColumnRow(-24, 0, -2, 34 * w, 25.5, 22, 0.5),
            ColumnRow(-12, 0, -3, 38 * w, 25, 24.5, 0.8),
            ColumnRow(0, 0, -3, 38.5 * w, 25, 24.5, 0.8),
            ColumnRow(10, 0, -3, 38.5 * w, 25, 24.5, 0.8),
        ]
    )(x, y, z)
    # Posterior slope of 6 degrees; the medial plateau is a little hollow, the lateral one domed.
    medial = (x + 21) * (x + 21) * np.float32(1 / 500) + (y + 4) * (y + 4) * np.float32(1 / 700)
    lateral = (x - 21) * (x - 21) * np.float32(1 / 700) - (y + 4) * (y + 4) * np.float32(1 / 900)
    bowl = np.where(x < 0, np.minimum(medial, 1.4) - 0.6, np.clip(lateral, -1.2, 0.8) - 0.2)
    top = z + 2.6 - np.float32(0.105) * (y + 4) - bowl
    solid = -union(-side, -top, 2.5)
    eminence = union(
        ellipsoid(x, y, z, (-5, -4, -4), (4.5, 9, 10)),
        ellipsoid(x, y, z, (5.5, -5, -4.5), (4.5, 8, 9)),
    )
    return union(solid, eminence, 3)


def patella(form: KneeForm, x: Field, y: Field, z: Field) -> Field:
    """The patella: flat in front, with a ridge behind that rides in the groove."""
    p = form.patella_size
    behind = np.where(y < 46, np.abs(x - 1), 0) * np.float32(0.28)
    tilt = (z - 28 - form.patella_up_mm) * np.float32(0.05)
    return ellipsoid(
        x, y - behind + tilt, z, (1, 44, 28 + form.patella_up_mm), (22 * p, 10.3 * p, 20.5 * p)
    )


def fibula(form: KneeForm, x: Field, y: Field, z: Field) -> Field:
    """The head, neck and shaft of the fibula."""
    head = ellipsoid(x, y, z, (34, -20, -19), (9.5, 10, 9))
    shaft = tube(
        x,
        y,
        z,
        [(34, -20, -22, 7), (33.5, -19.5, -36, 5.5), (31, -18, -60, 6), (29, -17, -130, 6.5)],
    )
    return union(head, shaft, 4)
