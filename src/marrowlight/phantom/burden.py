"""The burden of edema: lesions laid into the marrow of a sampled joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.phantom.anatomy import Anatomy, canvas_of
from marrowlight.phantom.lesion import Lesion
from marrowlight.phantom.tissue import tissue_number

_CYST = 255


@dataclass(frozen=True, eq=False)
class Burden:
    """What lesions do to a sampled joint.

    Parameters
    ----------
    shares : dict of (K, I, J) float32
        Share of each tissue in each voxel, with edema and cyst fluid in place of marrow.
    of_lesion : tuple of (K, I, J) float32
        For each lesion: share of each voxel that is marrow within its outline, cyst left out.
    cyst : (K, I, J) float32
        Share of each voxel that is cyst.
    """

    shares: dict[str, NDArray[np.float32]]
    of_lesion: tuple[NDArray[np.float32], ...]
    cyst: NDArray[np.float32]

    @property
    def inside(self) -> NDArray[np.float32]:
        """(K, I, J) share of each voxel that is edema of any lesion."""
        total = np.zeros_like(self.cyst)
        for one in self.of_lesion:
            total += one
        return total


def lay_in(anatomy: Anatomy, lesions: Sequence[Lesion]) -> Burden:
    """Lay lesions into the marrow; where two overlap, the stronger one counts."""
    slices, _, columns, rows = anatomy.samples.shape
    shape = (slices, columns, rows)
    strength = np.zeros(anatomy.samples.shape, np.float16)
    owner = np.zeros(anatomy.samples.shape, np.uint8)
    touched: set[int] = set()
    for number, lesion in enumerate(lesions, start=1):
        for k in range(slices):
            if _add(anatomy, lesion, number, k, strength[k], owner[k]):
                touched.add(k)
    shares = dict(anatomy.shares)
    for name in ("marrow", "red_marrow", "edema", "fluid") if touched else ():
        old = shares.get(name)
        shares[name] = np.zeros(shape, np.float32) if old is None else old.copy()
    of_lesion = tuple(np.zeros(shape, np.float32) for _ in lesions)
    cyst = np.zeros(shape, np.float32)
    for k in touched:
        here, water, whose = anatomy.samples[k], strength[k].astype(np.float32), owner[k]
        in_cyst = whose == _CYST
        cyst[k] = in_cyst.mean(axis=0, dtype=np.float32)
        water[in_cyst] = 0
        for name in ("marrow", "red_marrow"):
            mine = here == tissue_number(name)
            moved = (water * mine).mean(axis=0, dtype=np.float32)
            shares[name][k] -= moved + (in_cyst & mine).mean(axis=0, dtype=np.float32)
            shares["edema"][k] += moved
        shares["fluid"][k] += cyst[k]
        for number, out in enumerate(of_lesion, start=1):
            out[k] = (whose == number).mean(axis=0, dtype=np.float32)
    return Burden(shares, of_lesion, cyst)


def _add(
    anatomy: Anatomy,
    lesion: Lesion,
    number: int,
    k: int,
    strength: NDArray[np.float16],
    owner: NDArray[np.uint8],
) -> bool:
    """Lay one lesion into slice k; strength, owner : (S, I, J), changed in place."""
    far = lesion.outermost_mm
    low, high = lesion.center - far, lesion.center + far
    canvas = canvas_of(anatomy.frame, anatomy.grid, anatomy.offsets, k)
    area = canvas.area((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    if area is None:
        return False
    here = anatomy.samples[k][area.where]
    marrow = (here == tissue_number("marrow")) | (here == tissue_number("red_marrow"))
    marrow &= anatomy.bone_samples[k][area.where] == lesion.bone
    if not marrow.any():
        return False
    reach = lesion.reach(np.stack(area.xyz, axis=-1))
    water = np.where(marrow, lesion.strength(reach), 0).astype(np.float16)
    current = strength[area.where]
    wins = marrow & (reach <= lesion.radius) & ((water >= current) | (owner[area.where] == 0))
    owner[area.where][wins & (owner[area.where] != _CYST)] = number
    if lesion.cyst_radius > 0:
        owner[area.where][marrow & (reach <= lesion.cyst_radius)] = _CYST
    np.maximum(current, water, out=current)
    return True
