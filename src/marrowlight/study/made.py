"""From candidates with a role to the series of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowlight.notice import Notice
from marrowlight.study.candidate import Candidate
from marrowlight.study.dicom_tags import floats
from marrowlight.study.grid import Grid
from marrowlight.study.role import Found
from marrowlight.study.series import Plane, Series
from marrowlight.study.volume import Volume

NUMBERS = {
    "EchoTime": "te_ms", "RepetitionTime": "tr_ms", "InversionTime": "ti_ms",
    "FlipAngle": "flip_deg", "MagneticFieldStrength": "field_t",
}  # fmt: skip


def make_series(kept: Sequence[tuple[Candidate, Found]]) -> list[Series]:
    """One series per candidate, ids s1, s2... in the order given.

    A candidate without a volume gets an empty one: it takes part in the choice of the primary
    series and is never handed out.
    """
    return [_series(f"s{n}", one, found) for n, (one, found) in enumerate(kept, start=1)]


def in_frame_of(one: Series, primary: Series) -> Series:
    """The series, with a notice if its positions cannot be compared with those of the primary."""
    mine, theirs = (s.uids.get("frame_of_reference") for s in (one, primary))
    if not mine or not theirs or mine == theirs:
        return one
    text = (
        f"{one.id} and {primary.id} name different frames of reference: the patient may have moved "
        "between them, and positions were compared as they stand."
    )
    return replace(one, notices=(*one.notices, Notice("frame-of-reference-differs", text)))


def plane_of(grid: Grid) -> Plane:
    """Main plane of the slices: the body axis nearest to their normal."""
    return _plane(np.cross(grid.directions[:, 0], grid.directions[:, 1]))


def _plane(normal: NDArray[np.float64]) -> Plane:
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[int(np.abs(normal).argmax())]


def _plane_by_tag(one: Candidate) -> Plane:
    """Plane of a candidate without a volume, as far as its header says."""
    numbers = floats(str(one.tags.get("ImageOrientationPatient", "")).split("\\"))
    if len(numbers) != 6:
        return Plane.AXIAL
    return _plane(np.cross(numbers[:3], numbers[3:]))


def _series(id_: str, one: Candidate, found: Found) -> Series:
    volume = one.volume or Volume(np.zeros((1, 1, 1), np.float32), Grid((1, 1, 1), np.eye(4)))
    sequence: dict[str, float | str] = {
        name: value
        for tag, name in NUMBERS.items()
        if isinstance(value := one.tags.get(tag), float) and value > 0
    }
    if maker := one.tags.get("Manufacturer"):
        sequence["manufacturer"] = str(maker)
    thickness = one.tags.get("SliceThickness")
    return Series(
        id=id_,
        volume=volume,
        role=found.role,
        role_evidence=found.evidence,
        description=one.label,
        plane=plane_of(volume.grid) if one.volume else _plane_by_tag(one),
        slice_thickness_mm=thickness if isinstance(thickness, float) and thickness > 0 else None,
        sequence=sequence,
        sources=one.files,
        uids=one.uids,
        origin=one.origin,
        notices=(*one.notices, *found.notices),
    )
