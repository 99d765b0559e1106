"""The sound files that cases are made of: phantom files, and real ones cut down."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.study import study_files as made

DICOM, NIFTI, NRRD, SEG, ZIP, JSON, YAML = "dicom", "nifti", "nrrd", "seg", "zip", "json", "yaml"

REAL_PIXELS, REAL_SLICES = 24, 3
"""Real files are cut to this many rows and columns, and series to this many slices."""

GENERATED = re.compile(r"1\.2\.826\.0\.1\.3680043\.[\d.]+")


@dataclass(frozen=True)
class Sample:
    """Sound files of one kind.

    name : for the report; kind : how they are spoiled and read; files : name to bytes; like :
    (shape, affine) of the image that a mask belongs to
    """

    name: str
    kind: str
    files: dict[str, bytes]
    like: Any = field(default=None, compare=False)


def corpus(root: Path | None) -> list[Sample]:
    """All samples, the same each time; those of real data only where ``root`` is given."""
    return [*_made(), *(_real(root) if root else ())]


def _bytes(dataset: Any, uids: dict[str, str]) -> bytes:
    """A data set as a file; generated UIDs become numbers in their order, so that runs agree."""
    from pydicom import dcmwrite

    def settle(_: Any, element: Any) -> None:
        if element.VR == "UI" and isinstance(element.value, str):
            element.value = GENERATED.sub(_number, element.value)
        elif element.VR in ("DA", "TM", "DT") and element.value:
            element.value = {"DA": "20260101", "TM": "101010", "DT": "20260101101010"}[element.VR]

    def _number(match: re.Match[str]) -> str:
        return uids.setdefault(match[0], f"1.2.826.0.1.3680043.8.498.{len(uids) + 1}")

    dataset.walk(settle)
    dataset.file_meta.walk(settle)
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def _series(sets: list[Any], stem: str = "IM") -> dict[str, bytes]:
    uids: dict[str, str] = {}
    return {f"{stem}{n}": _bytes(one, uids) for n, one in enumerate(sets)}


def _made() -> Iterator[Sample]:
    from pydicom.uid import (
        ExplicitVRBigEndian,
        ImplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGLSLossless,
        RLELossless,
    )

    grid = made.oblique_grid((12, 10, 3))
    voxels = made.picture(grid.shape)
    stir = _series(made.slice_sets(voxels, grid, **made.STIR_TAGS))
    yield Sample("made-stir", DICOM, stir)
    big = made.slice_sets(voxels, grid, TransferSyntaxUID=ExplicitVRBigEndian, **made.STIR_TAGS)
    yield Sample("made-big-endian", DICOM, _series(big))
    implicit = made.slice_sets(voxels, grid, **made.STIR_TAGS)
    for one in implicit:
        one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    yield Sample("made-implicit", DICOM, _series(implicit))
    enhanced = made.enhanced_set(voxels, grid, [2, 0, 1], **made.STIR_TAGS)
    yield Sample("made-enhanced", DICOM, _series([enhanced]))
    larger = made.oblique_grid((40, 36, 3))
    for name, syntax in (("rle", RLELossless), ("j2k", JPEG2000Lossless), ("jls", JPEGLSLossless)):
        packed = made.slice_sets(made.picture(larger.shape), larger, **made.STIR_TAGS)
        for one in packed:
            one.compress(syntax, generate_instance_uid=False)
        yield Sample(f"made-{name}", DICOM, _series(packed))
    yield Sample("made-nifti", NIFTI, {"stir.nii": _nifti(voxels, grid)})
    sidecar = json.dumps({"EchoTime": 0.04, "InversionTime": 0.18, "SeriesDescription": "STIR"})
    yield Sample(
        "made-nifti-2", NIFTI,
        {"stir.nii": _nifti(voxels, grid, two=True), "stir.json": sidecar.encode()},
    )  # fmt: skip
    labels = (voxels % 3).astype(np.uint8)
    like = (grid.shape, grid.affine)
    yield Sample("made-nifti-mask", NIFTI, {"mask.nii": _nifti(labels, grid)}, like)
    yield Sample("made-nrrd", NRRD, {"mask.nrrd": _nrrd(labels)}, like)
    yield Sample("made-nrrd-layers", NRRD, {"mask.seg.nrrd": _nrrd_layers(labels)}, like)
    for kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
        yield Sample(f"made-seg-{kind.lower()}", SEG, {"seg.dcm": _seg(voxels, grid, kind)}, like)
    yield Sample("made-zip", ZIP, {"exam.zip": _zipped(stir)})
    yield Sample("made-zip-nifti", ZIP, {"exam.zip": _zipped({"stir.nii": _nifti(voxels, grid)})})
    yield Sample("made-reading", JSON, {"reading.json": _reading()})
    case = (
        "joint: knee\nage: 54\nsex: female\n"
        "present: [sudden_onset, corticosteroid_use]\nabsent: [fever]\n"
    )
    yield Sample("made-case", YAML, {"case.yaml": case.encode()})


def _nifti(voxels: np.ndarray, grid: Any, *, two: bool = False) -> bytes:
    import nibabel

    image = (nibabel.Nifti2Image if two else nibabel.Nifti1Image)(voxels, grid.affine)
    image.set_sform(grid.affine, 1)
    image.set_qform(grid.affine, 1)
    return bytes(image.to_bytes())


def _nrrd(labels: np.ndarray) -> bytes:
    header = ["NRRD0004", "type: uchar", "dimension: 3", "space: left-posterior-superior",
              "sizes: " + " ".join(map(str, labels.shape)),
              "space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)",
              "endian: little", "encoding: gzip", "Segment0_ID:=a", "Segment0_Name:=femur",
              "Segment0_LabelValue:=1", "", ""]  # fmt: skip
    return "\n".join(header).encode() + gzip.compress(labels.tobytes(order="F"), mtime=0)


def _nrrd_layers(labels: np.ndarray) -> bytes:
    """As 3D Slicer writes segments that overlap: a list axis first."""
    header = ["NRRD0005", "type: uchar", "dimension: 4", "space: left-posterior-superior",
              f"sizes: 2 {labels.shape[0]} {labels.shape[1]} {labels.shape[2]}",
              "space directions: none (1,0,0) (0,1,0) (0,0,1)", "kinds: list domain domain domain",
              "endian: little", "encoding: raw", "space origin: (0,0,0)", "Segment0_ID:=a",
              "Segment0_Name:=femur", "Segment0_Layer:=0", "Segment0_LabelValue:=1",
              "Segment1_ID:=b", "Segment1_Layer:=1", "Segment1_LabelValue:=1", "", ""]  # fmt: skip
    layers = np.stack([labels == 1, labels == 2]).astype(np.uint8)
    return "\n".join(header).encode() + layers.tobytes(order="F")


def _seg(voxels: np.ndarray, grid: Any, kind: str) -> bytes:
    import highdicom as hd
    from pydicom import dcmread
    from pydicom.sr.coding import Code

    tags = {"PatientBirthDate": "", "PatientSex": "O", "StudyTime": "", "StudyID": "1",
            "AccessionNumber": "", "SeriesNumber": 1, "Manufacturer": "X"}  # fmt: skip
    sets = made.slice_sets(voxels, grid, **made.STIR_TAGS, **tags)
    uids: dict[str, str] = {}
    sources = [dcmread(io.BytesIO(_bytes(one, uids))) for one in sets]
    code = Code("72696002", "SCT", "Bone")
    algorithm = hd.AlgorithmIdentificationSequence("x", code, "1")
    automatic = hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC
    names = ["femur", "tibia"]
    segments = [
        hd.seg.SegmentDescription(n, name, code, code, automatic, algorithm)
        for n, name in enumerate(names, start=1)
    ]
    values = (voxels % 3).astype(np.uint8).transpose(2, 1, 0)
    if kind == "FRACTIONAL":
        values = np.stack([values == 1, values == 2], axis=-1).astype(np.float32)
    more = {"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}
    made_seg = hd.seg.Segmentation(
        sources, values, kind, segments, hd.UID(), 7, hd.UID(), 1, "M", "X", "1", "1",
        omit_empty_frames=False, **more,
    )  # fmt: skip
    return _bytes(made_seg, uids)


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"exam/{name}"), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _reading() -> bytes:
    from tests.report.example import reading

    return reading().model_dump_json(by_alias=True).encode()


def _real(root: Path) -> Iterator[Sample]:
    """Of each folder of DICOM a few slices, of a subject its images, all cut down."""
    from pydicom import dcmread

    for folder in sorted((root / "dicom").iterdir() if (root / "dicom").is_dir() else ()):
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        sets = [dcmread(p, force=True) for p in files[:REAL_SLICES]]
        sets = [cut for one in sets if (cut := _cut(one)) is not None]
        if sets and "NumberOfFrames" in sets[0]:
            del sets[1:]
        if sets:
            yield Sample(f"real-{folder.name}", DICOM, _series(sets))
    subject = root / "sij" / "1016"
    if subject.is_dir():
        yield Sample("real-stir", NIFTI, {"stir.nii": _cut_nifti(subject / "stir.nii.gz")})
        yield Sample("real-bone", NIFTI, {"mask.nii": _cut_nifti(subject / "bone.nii.gz")})


def _cut(dataset: Any) -> Any:
    """A real data set with fewer pixels and frames; None if it is no image."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

    if "PixelData" not in dataset:
        return None
    count = int(dataset.get("NumberOfFrames") or 1)
    pixels = dataset.pixel_array.reshape(count, dataset.Rows, dataset.Columns)
    kept = pixels[:REAL_SLICES, :REAL_PIXELS, :REAL_PIXELS]
    if count > 1:
        groups = dataset.PerFrameFunctionalGroupsSequence
        dataset.PerFrameFunctionalGroupsSequence = groups[: len(kept)]
        dataset.NumberOfFrames = len(kept)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset["PixelData"].is_undefined_length = False
    dataset.Rows, dataset.Columns = kept.shape[1:]
    big = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    dataset.PixelData = kept.astype(kept.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _cut_nifti(path: Path) -> bytes:
    import nibabel

    image = nibabel.load(path)
    cut = image.slicer[100 : 100 + REAL_PIXELS, 100 : 100 + REAL_PIXELS, :REAL_SLICES]
    return bytes(nibabel.Nifti1Image(np.asarray(cut.dataobj), cut.affine, cut.header).to_bytes())
