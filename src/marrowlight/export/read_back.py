"""Documents read back and held against what they were made of, before they are handed out.

A document that does not say what the reading says must never leave: DocumentError.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import DocumentError, InputError
from marrowlight.export import codes
from marrowlight.export.material import Material
from marrowlight.export.seg import segment_numbers
from marrowlight.export.uids import bone_tracking, lesion_tracking
from marrowlight.study.slices import RAS_OF_LPS

SAME_VOLUME = 1e-6
"""Two volumes are the same if they differ by no more than this share, or by 1/1000 mm³: the
structured report holds them to 1/10 000 mm³."""


def check_seg(file: bytes, material: Material) -> None:
    """Raise DocumentError unless every voxel is where the reading has it, bone by bone."""
    if not material.bones_with_edema:
        _require(not _any_pixel(file), "segmentation", "the edema of a reading without edema")
        return
    expected = np.zeros(material.bone_of.shape, np.uint16)
    for label, number in segment_numbers(material).items():
        expected[material.bone_of == label] = number
    _require_labels(file, expected, material, "the edema of each bone")


def check_whole_seg(file: bytes, material: Material) -> None:
    """Raise DocumentError unless every voxel of edema is in the one segment, and no other."""
    _require_labels(file, (material.bone_of > 0).astype(np.uint16), material, "all edema")


def _require_labels(
    file: bytes, expected: NDArray[np.uint16], material: Material, what: str
) -> None:
    from marrowlight.study.limits import Limits
    from marrowlight.study.seg_file import read_seg

    grid = material.bones.grid
    try:
        found = read_seg(file, [grid], Limits())
        same = found.grid.matches(grid) and np.array_equal(found.labels, expected)
    except InputError:
        same = False
    _require(same, "segmentation", what)


def check_probability(file: bytes, material: Material) -> None:
    """Raise DocumentError unless the fractional segmentation holds the probability to 1/510."""
    from pydicom import dcmread

    stored = dcmread(BytesIO(file))
    planes = stored.pixel_array.reshape(-1, stored.Rows, stored.Columns)
    found = np.full(material.bones.grid.shape, np.nan)
    for plane, group in zip(planes, stored.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        ras = RAS_OF_LPS[:3, :3] @ np.array(position)
        found[:, :, round(material.bones.grid.to_index(ras)[2])] = plane.T / 255
    assert material.probability is not None
    off = np.abs(found - material.probability).max()
    _require(bool(off <= 0.51 / 255), "probability map", "the probability of edema")


def check_sr(file: bytes, material: Material) -> None:
    """Raise DocumentError unless volume, bone and side of every group are those of the reading."""
    from pydicom import dcmread

    from marrowlight.export.common import as_it_is

    with as_it_is():
        root = dcmread(BytesIO(file))
        _require(
            root.VerificationFlag == "UNVERIFIED", "structured report", "that it is unverified"
        )
        found = dict(_groups(root))
    wanted: dict[str, tuple[float, str, str]] = {}
    for bone in material.bones_read:
        side = codes.SIDES.get(material.side_of(bone))
        place = (codes.bone_code(bone.bone).value, side.value if side else "")
        wanted[bone_tracking(material, bone).uid] = (bone.edema.volume_mm3, *place)
        for lesion in bone.edema.lesions:
            wanted[lesion_tracking(material, lesion).uid] = (lesion.volume_mm3, *place)
    _require(found.keys() == wanted.keys(), "structured report", "the bones and lesions")
    for uid, expected in wanted.items():
        off = abs(found[uid][0] - expected[0])
        close = off <= max(1e-3, SAME_VOLUME * expected[0])
        same = close and found[uid][1:] == expected[1:]
        _require(same, "structured report", "volume, bone and side")


def check_pdf(file: bytes, pdf: bytes) -> None:
    """Raise DocumentError unless the object holds this PDF, byte for byte."""
    from pydicom import dcmread

    stored = dcmread(BytesIO(file))
    held = stored.EncapsulatedDocument[: int(stored.EncapsulatedDocumentLength)]
    _require(held == pdf, "encapsulated document", "the PDF")


def _groups(root: Any) -> list[tuple[str, tuple[float, str, str]]]:
    """Tracking UID of each measurement group to volume, code of the site and of the side."""
    containers = [i for i in root.ContentSequence if _name(i) == "126010"]  # Imaging Measurements
    out = []
    for group in containers[0].ContentSequence:
        rows = list(group.ContentSequence)
        uid = next(str(i.UID) for i in rows if _name(i) == "112040")
        volume = next(
            float(i.MeasuredValueSequence[0].NumericValue)
            for i in rows
            if _name(i) == codes.VOLUME.value
        )
        site = next(i for i in rows if _name(i) == "363698007")  # Finding Site
        side = [
            str(i.ConceptCodeSequence[0].CodeValue)
            for i in site.get("ContentSequence", ())
            if _name(i) == "272741003"  # Laterality
        ]
        bone = str(site.ConceptCodeSequence[0].CodeValue)
        out.append((uid, (volume, bone, side[0] if side else "")))
    return out


def _name(item: Any) -> str:
    named = item.get("ConceptNameCodeSequence")
    return str(named[0].CodeValue) if named else ""


def _any_pixel(file: bytes) -> bool:
    from pydicom import dcmread

    return bool(dcmread(BytesIO(file)).pixel_array.any())


def _require(holds: bool, document: str, what: str) -> None:
    if not holds:
        raise DocumentError(
            f"The {document} does not read back as it was meant: {what} came out differently. "
            "This is a fault of Marrowlight, and nothing was written.",
            do="report it without patient data; the other documents can be exported one by one",
        )
