"""A phantom as a DICOM study: MR Image Storage, one file per slice.

Attributes follow DICOM PS3.3, A.4 (MR Image IOD). Identifiers are made from the spec, so the same
spec gives the same files.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.phantom.phantom import Phantom, PhantomSeries
from marrowlight.phantom.scan import PROTON_MHZ_PER_T, USUAL_BANDWIDTH_HZ
from marrowlight.phantom.sequence import FatSuppression
from marrowlight.study.study import Side
from marrowlight.study.uid import uid_of
from marrowlight.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

STUDY_DATE, STUDY_TIME = "20200101", "120000"
"""A phantom has no date of its own; a fixed one keeps its files the same from run to run."""

_LPS = np.diag([-1.0, -1.0, 1.0])


def study_day(days: int) -> str:
    """The date of a scan that took place so many days after the first: YYYYMMDD."""
    return (date.fromisoformat(STUDY_DATE) + timedelta(days=days)).strftime("%Y%m%d")


def write_dicom(phantom: Phantom, folder: Path) -> None:
    """Write the study below a folder, which is made."""
    for number, series in enumerate(phantom.series, start=1):
        place = folder / f"{number:02d}_{series.name}"
        place.mkdir(parents=True)
        top = max(int(series.volume.voxels.max()), 1)
        for k in range(phantom.grid.shape[2]):
            slice_ = slice_dataset(phantom, series, number, k, top)
            slice_.save_as(place / f"{k + 1:04d}.dcm", enforce_file_format=True)


def slice_dataset(
    phantom: Phantom, series: PhantomSeries, number: int, k: int, top: int
) -> FileDataset:
    """One slice as a data set. number : of the series, from 1; top : its brightest value."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    key = phantom.spec.key
    sop = uid_of(key, series.name, k)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = sop
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid_of("marrowlight phantom")
    meta.ImplementationVersionName = "MARROWLIGHT"
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID = MRImageStorage
    ds.SOPInstanceUID = sop
    _identify(ds, phantom, key)
    _describe_series(ds, phantom, series, number, key)
    _describe_sequence(ds, phantom, series)
    _place(ds, phantom, k)
    voxels = series.volume.voxels[:, :, k]
    _pixels(ds, voxels, top)
    return ds


def _identify(ds: Any, phantom: Phantom, key: str) -> None:
    joint = phantom.spec.joint.value
    ds.PatientName = f"Phantom^{joint.capitalize()}"
    ds.PatientID = f"PHANTOM-{joint.upper()}-{phantom.spec.seed}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.StudyInstanceUID = uid_of(key, "study")
    ds.StudyID = "1"
    day = study_day(phantom.spec.repeat.day if phantom.spec.repeat else 0)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = STUDY_TIME
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = f"MR {joint} {phantom.spec.side.value} (digital phantom)"
    ds.Manufacturer = "Marrowlight"
    ds.ManufacturerModelName = "Digital phantom"
    ds.SoftwareVersions = __version__
    ds.InstitutionName = ""


def _describe_series(
    ds: Any, phantom: Phantom, series: PhantomSeries, number: int, key: str
) -> None:
    spec = phantom.spec
    ds.Modality = "MR"
    ds.SeriesInstanceUID = uid_of(key, "series", series.name)
    ds.SeriesNumber = number
    name = series.sequence.description
    if series.name == "dixon_fat":
        name = name.replace("water", "fat")
    ds.SeriesDescription = f"{phantom.plane.value[:3]} {name}"
    ds.ProtocolName = ds.SeriesDescription
    ds.BodyPartExamined = spec.joint.value.upper()
    ds.Laterality = "L" if spec.side is Side.LEFT else "R"
    ds.PatientPosition = "FFS"
    ds.FrameOfReferenceUID = uid_of(key, "frame of reference")
    ds.PositionReferenceIndicator = ""


def _describe_sequence(ds: Any, phantom: Phantom, series: PhantomSeries) -> None:
    spec, sequence = phantom.spec, series.sequence
    dixon = sequence.suppression is FatSuppression.SEPARATION
    kind = {"dixon_water": "WATER", "dixon_fat": "FAT"}.get(series.name, "NONE")
    ds.ImageType = ["DERIVED" if dixon else "ORIGINAL", "PRIMARY", "M", "SE"] + [kind] * dixon
    ds.ScanningSequence = ["SE", "IR"] if sequence.ti_ms is not None else "SE"
    ds.SequenceVariant = "SK"
    options = {FatSuppression.SATURATION: "FS"}.get(sequence.suppression)
    ds.ScanOptions = options if options else ""
    ds.MRAcquisitionType = "2D"
    ds.SequenceName = f"tse_{series.name}"[:16]
    ds.SliceThickness = spec.slice_mm
    ds.SpacingBetweenSlices = round(phantom.grid.spacing[2], 6)
    ds.RepetitionTime = sequence.tr_ms
    ds.EchoTime = sequence.te_ms
    if sequence.ti_ms is not None:
        ds.InversionTime = sequence.ti_ms
    ds.NumberOfAverages = 1
    ds.ImagingFrequency = round(PROTON_MHZ_PER_T * spec.field_t, 4)
    ds.ImagedNucleus = "1H"
    ds.EchoNumbers = 1
    ds.MagneticFieldStrength = spec.field_t
    ds.EchoTrainLength = 1
    ds.PixelBandwidth = spec.bandwidth_hz or USUAL_BANDWIDTH_HZ[spec.field_t]
    ds.FlipAngle = 90
    # Frequency runs along a row (I), phase along a column (J).
    ds.InPlanePhaseEncodingDirection = "COL"


def _place(ds: Any, phantom: Phantom, k: int) -> None:
    grid = phantom.grid
    directions = _LPS @ grid.directions
    position = _LPS @ grid.to_ras([0, 0, k])
    ds.ImagePositionPatient = [_decimal(v) for v in position]
    ds.ImageOrientationPatient = [_decimal(v) for v in (*directions[:, 0], *directions[:, 1])]
    ds.SliceLocation = _decimal(float(position @ directions[:, 2]))
    ds.AcquisitionNumber = 1
    ds.InstanceNumber = k + 1
    ds.PixelSpacing = [_decimal(grid.spacing[1]), _decimal(grid.spacing[0])]


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5, 6.2)."""
    for digits in range(10, 3, -1):
        text = f"{value + 0.0:.{digits}f}"
        if len(text) <= 16:
            return text
    return f"{value:.8g}"


def _pixels(ds: Any, voxels: NDArray[np.float32], top: int) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Columns, ds.Rows = voxels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.WindowCenter, ds.WindowWidth = round(top * 0.3), max(round(top * 0.6), 1)
    ds.PixelData = np.ascontiguousarray(voxels.T).astype("<u2").tobytes()
