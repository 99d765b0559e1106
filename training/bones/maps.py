"""Label maps of real bones, on one isotropic grid with the labels of the bone registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.bones.tissue import BONES, Tissue

VOXEL_MM = 0.75
"""Voxel of every map and scene, all axes. Unit: mm."""

OAI_LABELS = {1: 1, 2: 13, 3: 2, 4: 13, 5: 4, 6: 13, 7: 1, 8: 2, 9: 4}
"""Labels of the OAI knees to tissues; a bone lesion (7 to 9) belongs to its bone."""

PYMSKT_LABELS = {1: 13, 2: 13, 3: 13, 4: 13, 5: 1, 6: 2, 7: 4, 8: 3, 9: 14, 10: 14}
SURFACE_LABELS = {**{n: n for n in range(1, BONES + 1)}, 20: 13}

TEST_PEOPLE = {
    "knee": ("9031930", "9255535", "9364232", "9004175", "9016403"),
    "hip": ("m05", "m10"),
    "ankle": ("L01_realfoot", "R03", "R08", "L07", "R14", "L12"),
}
"""People that no network is trained on. At the ankle a person gives the mortise; calcaneus and
midfoot are shared with others (there are 8 and 1), except for L01."""

CLEARED = ("pymskt", "libhip", "talocrural")
"""Beginnings of the names of maps whose licence allows weights to be passed on (MIT, CC0)."""


@dataclass(frozen=True, eq=False)
class LabelMap:
    """One joint of one person.

    labels : (I, J, K) uint8, ``Tissue`` numbers, RAS, ``VOXEL_MM`` isotropic
    name, person, site : file stem, who, and hip, knee or ankle
    """

    labels: NDArray[np.uint8]
    name: str
    person: str
    site: str

    @property
    def test(self) -> bool:
        """Whether this person is kept for testing."""
        return self.person in TEST_PEOPLE.get(self.site, ())

    @property
    def cleared(self) -> bool:
        """Whether weights trained on it may be passed on."""
        return self.name.startswith(CLEARED)


def map_files(anatomy: Path, *, evaluation_only: bool = False) -> list[tuple[Path, str]]:
    """Files of label maps with their site, sorted; ``evaluation_only`` gives those alone."""
    root = anatomy / "evaluation_only" if evaluation_only else anatomy
    files = [(f, site) for site in ("knee", "hip", "ankle")
             for f in sorted((root / site).glob("*.n*"))]  # fmt: skip
    if not files:
        raise FileNotFoundError(f"No label maps in {root}; expected folders knee, hip and ankle.")
    return files


def person_of(name: str, site: str) -> str:
    """Who a map shows, by its file name: both visits and both sides of one person are one."""
    if site == "hip":
        return name.split("_")[1][:3] if name.startswith("libhip") else name
    if site == "ankle":
        found = re.match(r"talocrural_([LR]\d+)(_realfoot)?", name)
        return found[1] + (found[2] or "") if found else name
    found = re.search(r"\d{7}", name)
    return found[0] if found else name


def read_map(path: Path, site: str) -> LabelMap:
    """Read a label map, smooth the steps between its slices, and put it on the common grid."""
    name = path.name.split(".")[0]
    if path.suffix == ".nrrd":
        raw, spacing = _nrrd(path)
        table = PYMSKT_LABELS
    else:
        image = nib.as_closest_canonical(nib.load(str(path)))
        raw, spacing = np.asarray(image.dataobj).astype(np.uint8), image.header.get_zooms()[:3]
        oai = name.startswith(("akoa", "zib"))
        table = OAI_LABELS if oai else SURFACE_LABELS
    lookup = np.zeros(256, np.uint8)
    for foreign, tissue in table.items():
        lookup[foreign] = tissue
    return LabelMap(_isotropic(lookup[raw], spacing), name, person_of(name, site), site)


def _nrrd(path: Path) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
    """The pymskt map, turned from left-posterior-superior to RAS order."""
    import nrrd

    raw, header = nrrd.read(str(path))
    directions = np.asarray(header["space directions"], float)
    affine = np.eye(4)
    affine[:3, :3] = (directions * np.array([-1, -1, 1])).T
    image = nib.as_closest_canonical(nib.Nifti1Image(raw.astype(np.uint8), affine))
    return np.asarray(image.dataobj).astype(np.uint8), image.header.get_zooms()[:3]


def _isotropic(labels: NDArray[np.uint8], spacing: tuple[float, ...]) -> NDArray[np.uint8]:
    """Shape-preserving resampling: every tissue is blurred a little, the strongest one wins."""
    steps = [s / VOXEL_MM for s in spacing]
    shape = tuple(round(n * s) for n, s in zip(labels.shape, steps, strict=True))
    out = np.zeros(shape, np.uint8)
    best = np.full(shape, 0.5, np.float32)
    for tissue, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        bone = tissue <= BONES
        wide = tuple(slice(max(0, b.start - 6), min(n, b.stop + 6))
                     for b, n in zip(box, labels.shape, strict=True))  # fmt: skip
        blur = [(0.8 if bone else 0.4) / s for s in spacing]
        soft = ndimage.gaussian_filter((labels[wide] == tissue).astype(np.float32), blur,
                                       mode="nearest")  # fmt: skip
        start = [round(w.start * s) for w, s in zip(wide, steps, strict=True)]
        size = [min(round(w.stop * s), n) - a
                for w, s, a, n in zip(wide, steps, start, shape, strict=True)]  # fmt: skip
        offset = [(a + 0.5) / s - 0.5 - w.start
                  for a, s, w in zip(start, steps, wide, strict=True)]  # fmt: skip
        here = ndimage.affine_transform(soft, [1 / s for s in steps], offset, tuple(size),
                                        order=1, mode="nearest")  # fmt: skip
        part = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
        # Thin cartilage would vanish at one half.
        value = here if bone else here + 0.12
        wins = value > best[part]
        out[part][wins] = tissue
        best[part][wins] = value[wins]
    for tissue in (Tissue.FEMUR, Tissue.TIBIA, Tissue.PATELLA):
        pieces, count = ndimage.label(out == tissue)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            out[(pieces > 0) & (pieces != sizes.argmax())] = 0
    return out
