"""What is set aside, and why: localisers, derived maps, label maps, stacks that are no volume."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from marrowlight.errors import BadVoxels
from marrowlight.study import words
from marrowlight.study.candidate import Candidate

FEWEST_SLICES = 3
"""Fewer slices than this are no volume: neither distance nor connection can be measured."""

LOCALISER_SLICES = 9
"""A series whose name says localiser, but which has more slices than this, is kept."""

MOST_LABELS = 64
"""An image of whole numbers with at most this many different values is a label map."""

MOST_LABEL_VALUE = 255
LABEL_NAMES = ("mask", "seg", "label", "lbl", "prob", "roi", "reader", "bone", "bones", "edema",
               "oedema", "lesion", "lesions", "truth", "segmentation", "marrow", "dseg",
               "probability")  # fmt: skip

DERIVED_TYPES = {
    "ADC": "an ADC map", "TRACEW": "a diffusion trace map", "FA": "a diffusion map",
    "T2MAP": "a T2 map", "T2 MAP": "a T2 map", "T1MAP": "a T1 map", "T1 MAP": "a T1 map",
    "T2_STAR_MAP": "a T2* map", "FIELD_MAP": "a field map", "FIELDMAP": "a field map",
    "B0 MAP": "a field map", "PHASE MAP": "a phase map", "SUBTRACT": "a subtraction",
    "SUBTRACTION": "a subtraction", "PROJECTION IMAGE": "a projection", "MIP": "a projection",
    "MAX_IP": "a projection", "MIN_IP": "a projection", "MPR": "a reformatted copy",
    "REFORMATTED": "a reformatted copy", "FAT_FRACTION": "a fat fraction map",
    "FATFRACTION": "a fat fraction map", "R2_STAR": "an R2* map", "CSA MPR": "a reformatted copy",
    "P": "a phase image", "PHASE": "a phase image", "R": "a real-part image",
    "REAL": "a real-part image", "I": "an imaginary-part image",
    "IMAGINARY": "an imaginary-part image", "SCREEN SAVE": "a screenshot",
    "CSA REPORT": "a scanner report", "LOCALIZER": "a localiser",
    "MOSAIC": "a mosaic of slices (a functional or diffusion series)",
}  # fmt: skip
"""Values of ImageType (from the third on) and ComplexImageComponent."""


def reason_to_set_aside(candidate: Candidate) -> str:
    """Why a candidate is not used, or empty. Only facts that make it no image to measure on."""
    if candidate.nifti:
        return _nifti_reason(candidate)
    types = str(candidate.tags.get("ImageType", "")).upper().split("\\")
    kinds = [*types[2:], str(candidate.tags.get("ComplexImageComponent", "")).upper()]
    for kind in kinds:
        if kind in DERIVED_TYPES:
            return f"{DERIVED_TYPES[kind]} (ImageType {kind})"
    dixon = {"W", "WATER", "DIXON"} & set(kinds)
    if types[:2] == ["DERIVED", "SECONDARY"] and not dixon:
        return "derived from other images (ImageType DERIVED, SECONDARY)"
    name = words.plain(candidate.description)
    slices = len(candidate.uids.get("sop", ()))
    if (found := words.LOCALISER.search(name)) and slices <= LOCALISER_SLICES:
        return f"a localiser (name has '{found.group(0)}', {slices} slices)"
    if "orientation" in candidate.part and slices <= LOCALISER_SLICES:
        return f"a localiser (several orientations in one series, {slices} slices in this one)"
    if types[0] == "DERIVED" and (found := words.DERIVED.search(name)):
        return f"a derived map (name has '{found.group(0)}')"
    b_value = candidate.tags.get("DiffusionBValue")
    if isinstance(b_value, float) and b_value > 0:
        return f"diffusion-weighted (b {b_value:g})"
    if candidate.defect is None and slices < FEWEST_SLICES:
        return f"{slices} slice{'s' * (slices != 1)}: a localiser or a single picture, no volume"
    return ""


def _nifti_reason(candidate: Candidate) -> str:
    volume = candidate.volume
    if volume is None:
        return ""
    voxels = volume.voxels
    name = PurePath(candidate.files[0]).name.lower().split(".nii")[0]
    spoken = [w for w in words.plain(name).split() if w in LABEL_NAMES]
    called = next((w for w in spoken if w.startswith("prob")), spoken[0] if spoken else "")
    if candidate.defect is not None:
        # A reader who drew nothing leaves a mask of zeros: no image, and no damage either.
        empty = isinstance(candidate.defect, BadVoxels) and not np.any(voxels)
        return f"an empty label map (name has '{called}')" if empty and called else ""
    if min(voxels.shape) < FEWEST_SLICES:
        return f"{min(voxels.shape)} slices: no volume"
    low, high = float(voxels.min()), float(voxels.max())
    if low >= 0 and high <= 1 and called.startswith("prob"):
        return f"a probability map (name has '{called}', values 0 to 1)"
    if low < 0 or high > MOST_LABEL_VALUE:
        return ""
    small = voxels.astype(np.uint8)
    if not np.array_equal(small, voxels):
        return ""
    values = np.flatnonzero(np.bincount(small.ravel(order="K"), minlength=256))
    if len(values) <= MOST_LABELS:
        return f"a label map ({len(values)} different whole numbers)"
    return ""
