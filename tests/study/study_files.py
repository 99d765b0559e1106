"""Small DICOM and NIfTI files for the tests of study: written here, never downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from marrowlight.study.grid import Grid

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

STIR_TAGS: dict[str, Any] = {
    "SeriesDescription": "STIR",
    "ScanningSequence": ["SE", "IR"],
    "EchoTime": 40.0,
    "RepetitionTime": 4000.0,
    "InversionTime": 180.0,
    "BodyPartExamined": "KNEE",
}
T1_TAGS: dict[str, Any] = {
    "SeriesDescription": "T1",
    "ScanningSequence": "SE",
    "EchoTime": 12.0,
    "RepetitionTime": 600.0,
    "BodyPartExamined": "KNEE",
}


def oblique_grid(
    shape: tuple[int, int, int] = (20, 16, 6),
    spacing: tuple[float, float, float] = (0.6, 0.7, 3.3),
    turn: tuple[float, float, float] = (0.2, 0.1, -0.3),
    origin: tuple[float, float, float] = (60.0, -20.0, 10.0),
) -> Grid:
    """A right-handed grid turned by three angles (radians); sagittal slices before the turn."""
    a, b, c = turn
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    sagittal = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    affine = np.eye(4)
    affine[:3, :3] = rx @ ry @ rz @ sagittal @ np.diag(spacing)
    affine[:3, 3] = origin
    return Grid(shape, affine)


def picture(shape: tuple[int, int, int] = (20, 16, 6), seed: int = 0) -> np.ndarray:
    """(I, J, K) int16 image whose every voxel is likely to differ from every other."""
    return np.random.default_rng(seed).integers(1, 4000, shape).astype(np.int16)


def base(tags: dict[str, Any], syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """A valid MR data set without pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", MRImageStorage)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    little = syntax != ExplicitVRBigEndian
    one = FileDataset(
        "", {}, file_meta=meta, preamble=b"\0" * 128,
        is_implicit_VR=False, is_little_endian=little,
    )  # fmt: skip
    one.SOPClassUID = meta.MediaStorageSOPClassUID
    one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    one.Modality = "MR"
    one.PatientID = "P1"
    one.PatientName = "Doe^Jane"
    one.StudyDate = "20260101"
    one.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    for key, value in tags.items():
        setattr(one, key, value)
    return one


def pixels_of(one: Dataset, values: np.ndarray) -> None:
    """Put a (rows, columns) or (frames, rows, columns) int16 array into a data set."""
    one.Rows, one.Columns = values.shape[-2:]
    one.SamplesPerPixel = 1
    one.PhotometricInterpretation = "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
    one.PixelRepresentation = 1
    little = one.file_meta.TransferSyntaxUID != ExplicitVRBigEndian
    one.PixelData = values.astype("<i2" if little else ">i2").tobytes()


def slice_sets(voxels: np.ndarray, grid: Grid, **tags: Any) -> list[FileDataset]:
    """One data set per slice of an image on a grid, in slice order."""
    syntax = tags.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    lps = LPS @ grid.affine
    common = {
        "StudyInstanceUID": tags.pop("StudyInstanceUID", generate_uid()),
        "SeriesInstanceUID": tags.pop("SeriesInstanceUID", generate_uid()),
        "FrameOfReferenceUID": "1.2.3.4",
        "SliceThickness": round(grid.spacing[2], 6),
        "SpacingBetweenSlices": round(grid.spacing[2], 6),
        **tags,
    }
    out = []
    for k in range(grid.shape[2]):
        one = base(common, syntax)
        one.InstanceNumber = k + 1
        directions = [*(lps[:3, 0] / grid.spacing[0]), *(lps[:3, 1] / grid.spacing[1])]
        one.ImageOrientationPatient = [f"{v:.12f}"[:16] for v in directions]
        position = lps @ [0, 0, k, 1]
        one.ImagePositionPatient = [f"{v:.10f}"[:16] for v in position[:3]]
        one.PixelSpacing = [f"{grid.spacing[1]:.10f}", f"{grid.spacing[0]:.10f}"]
        pixels_of(one, voxels[:, :, k].T)
        out.append(one)
    return out


def save(sets: list[FileDataset], folder: Path, stem: str = "IM") -> list[Path]:
    """Write data sets as files without an extension."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, one in enumerate(sets):
        path = folder / f"{stem}{n:04d}"
        one.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_series(folder: Path, stem: str = "IM", seed: int = 0, **tags: Any) -> list[Path]:
    """A small sagittal oblique series; STIR unless tags say otherwise."""
    grid = tags.pop("grid", None) or oblique_grid()
    sets = slice_sets(picture(grid.shape, seed), grid, **{**STIR_TAGS, **tags})
    return save(sets, folder, stem)


def enhanced_set(voxels: np.ndarray, grid: Grid, order: list[int], **tags: Any) -> FileDataset:
    """One enhanced multi-frame MR object with its frames in the given order of slices."""
    lps = LPS @ grid.affine
    one = base(
        {
            "SOPClassUID": EnhancedMRImageStorage,
            "StudyInstanceUID": generate_uid(),
            "SeriesInstanceUID": generate_uid(),
            "FrameOfReferenceUID": "1.2.3.4",
            **tags,
        }
    )
    frames = []
    for k in order:
        frame, place, content = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [f"{v:.10f}"[:16] for v in (lps @ [0, 0, k, 1])[:3]]
        frame.PlanePositionSequence = Sequence([place])
        content.InStackPositionNumber = k + 1
        content.StackID = "1"
        frame.FrameContentSequence = Sequence([content])
        frames.append(frame)
    turn, measures, echo, shared = Dataset(), Dataset(), Dataset(), Dataset()
    directions = [*(lps[:3, 0] / grid.spacing[0]), *(lps[:3, 1] / grid.spacing[1])]
    turn.ImageOrientationPatient = [f"{v:.12f}"[:16] for v in directions]
    measures.PixelSpacing = [f"{grid.spacing[1]:.10f}", f"{grid.spacing[0]:.10f}"]
    measures.SliceThickness = 3.0
    echo.EffectiveEchoTime = 40.0
    shared.PlaneOrientationSequence = Sequence([turn])
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.MREchoSequence = Sequence([echo])
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    one.PerFrameFunctionalGroupsSequence = Sequence(frames)
    one.NumberOfFrames = len(order)
    pixels_of(one, np.stack([voxels[:, :, k].T for k in order]))
    return one


def write_nifti(path: Path, voxels: np.ndarray, grid: Grid) -> Path:
    """NIfTI with sform and qform set alike."""
    image = nib.Nifti1Image(voxels, grid.affine)
    image.set_sform(grid.affine, 1)
    image.set_qform(grid.affine, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path
