"""Where the voxels of a series came from in DICOM: what a document about them has to refer to.

Identifying: only source.json and the documents that are exported may hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.study.parsed import Slice

HEADER = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName", "SeriesInstanceUID", "SeriesNumber",
    "SeriesDescription", "FrameOfReferenceUID", "Modality", "BodyPartExamined", "NumberOfFrames",
)  # fmt: skip
"""Attributes of patient, study and series that a document about the images repeats."""


@dataclass(frozen=True)
class SourceFrame:
    """The image that one slice was read from.

    sop_class, sop : UIDs; frame : number in a multi-frame object, from 1, None in a single-frame
    one; position : centre of its first pixel, LPS mm.
    """

    sop_class: str
    sop: str
    frame: int | None
    position: tuple[float, float, float]


@dataclass(frozen=True)
class DicomOrigin:
    """The DICOM images of one series, in slice order.

    Parameters
    ----------
    header : dict
        DICOM keyword of ``HEADER`` to text; only those that the files give.
    orientation : 6 floats
        Direction along a row, then along a column, LPS.
    pixel_spacing : 2 floats
        Between rows, between columns. mm.
    slice_thickness : float or None
        Nominal. mm.
    frames : tuple of SourceFrame
        One for each slice of the volume.
    """

    header: dict[str, str]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    slice_thickness: float | None
    frames: tuple[SourceFrame, ...]

    @property
    def enhanced(self) -> bool:
        """Whether the slices are frames of multi-frame objects."""
        return any(one.frame is not None for one in self.frames)


def origin_of(members: Sequence[Slice]) -> DicomOrigin:
    """The origin of slices of one series, in the order given."""
    first = members[0]
    thickness = first.tags.get("SliceThickness")
    return DicomOrigin(
        header={key: _text(first.tags[key]) for key in HEADER if key in first.tags},
        orientation=first.orientation,
        pixel_spacing=first.spacing,
        slice_thickness=thickness if isinstance(thickness, float) and thickness > 0 else None,
        frames=tuple(
            SourceFrame(
                str(one.tags.get("SOPClassUID", "")),
                str(one.tags.get("SOPInstanceUID", "")),
                int(one.tags["FrameNumber"]) if "FrameNumber" in one.tags else None,
                (one.position[0], one.position[1], one.position[2]),
            )
            for one in members
        ),
    )


def _text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else value
