"""Material for documents, made from small DICOM images that are written, parsed and stacked."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.intervals import Origin
from marrowlight.edema.measure import measure_edema
from marrowlight.export.material import Material
from marrowlight.provenance import reading_id, software_versions
from marrowlight.reading import Reading
from marrowlight.regions import regions_of
from marrowlight.report.sentence import summary_sentence
from marrowlight.study.candidate import Candidate
from marrowlight.study.dicom_file import read_dicom
from marrowlight.study.grid import Grid
from marrowlight.study.limits import Limits
from marrowlight.study.parsed import Slice
from marrowlight.study.stack import stack_slices
from marrowlight.study.study import Joint, Side

sys.path.append(str(Path(__file__).parents[1] / "study"))

from study_files import (  # noqa: F401
    STIR_TAGS,
    enhanced_set,
    oblique_grid,
    picture,
    slice_sets,
)

MADE = datetime.datetime(2026, 3, 4, 15, 16, 17, tzinfo=datetime.UTC)
PATIENT: dict[str, Any] = {
    "PatientBirthDate": "19700102", "PatientSex": "F", "StudyID": "S7", "AccessionNumber": "A9",
    "StudyTime": "101112.5", "ReferringPhysicianName": "Ref^Doc",
    "SpecificCharacterSet": "ISO_IR 192",
}  # fmt: skip


def image_files(
    grid: Grid, *, enhanced: bool = False, order: Sequence[int] | None = None, **tags: Any
) -> list[FileDataset]:
    """The images of a series on a grid, single-frame ones in the order given, or one enhanced."""
    order = list(range(grid.shape[2])) if order is None else list(order)
    voxels = picture(grid.shape)
    tags = {**STIR_TAGS, **PATIENT, **tags}
    if enhanced:
        return [enhanced_set(voxels, grid, order, **tags)]
    sets = slice_sets(voxels, grid, **tags)
    return [sets[k] for k in order]


def slices_of(files: Sequence[FileDataset]) -> list[Slice]:
    """What parsing the files gives."""
    out: list[Slice] = []
    for n, one in enumerate(files):
        file = BytesIO()
        one.save_as(file, enforce_file_format=True)
        found = read_dicom(f"IM{n}", file.getvalue(), Limits())
        assert isinstance(found, list), found
        out += found
    return out


def material_on(
    files: Sequence[FileDataset] | Candidate | None,
    grid: Grid,
    edema: np.ndarray,
    labels: np.ndarray,
    bones: Sequence[LabelledBone],
    *,
    joint: Joint = Joint.KNEE,
    side: Side = Side.RIGHT,
    found: bool = True,
    tracks: Mapping[str, str] | None = None,
    probability: np.ndarray | None = None,
) -> Material:
    """The material of a reading that found this edema in these bones.

    files : of the series, or the series itself as it was stacked; None where it was no DICOM.

    The arrays are given on ``grid``; the stack may run the other way along its normal, and they
    are carried there.
    """
    origin, here = None, grid
    if files is not None:
        candidate = files if isinstance(files, Candidate) else stack_slices(slices_of(files))[0]
        assert candidate.volume is not None, candidate.defect
        origin, here = candidate.origin, candidate.volume.grid
        if np.dot(here.affine[:3, 2], grid.affine[:3, 2]) < 0:
            edema, labels = edema[:, :, ::-1], labels[:, :, ::-1]
            probability = None if probability is None else probability[:, :, ::-1]
    bone_map = BoneMap(np.ascontiguousarray(labels), here, tuple(bones), "made")
    how = Origin.FOUND if found else Origin.DRAWN
    measured = measure_edema(
        mask=edema, grid=here, bones=bone_map, probability=probability, origin=how, minimum_mm3=1.0
    )
    regions = regions_of(measured, origin=how, joint=joint, side=side)
    versions = software_versions(None)
    if found:
        versions = versions.model_copy(update={"parameters": "a" * 64, "weights": "b" * 64})
    reading = Reading(
        reading_id=reading_id([bone_map.sha256, str(edema.sum())], [side.value], versions),
        summary=summary_sentence(regions),
        regions=regions,
        primary_series="s1",
        primary_reason="made",
        series=(),
        versions=versions,
    )
    return Material(reading, bone_map, edema, probability, MADE, origin, (), tracks)


def blocks(shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Labels of two bones, 1 and 2, one above the other, and edema in each; none on the border."""
    labels = np.zeros(shape, np.uint8)
    middle = shape[1] // 2
    labels[1:-1, 1:middle] = 1
    labels[1:-1, middle + 1 : -1] = 2
    edema = np.zeros(shape, bool)
    edema[2 : shape[0] // 2, 2 : middle - 1, 1:-1] = True
    edema[shape[0] // 2 :, middle + 2 : -2, -2:] = labels[shape[0] // 2 :, middle + 2 : -2, -2:] > 0
    return labels, edema


KNEE = (LabelledBone(1, "femur", Side.RIGHT), LabelledBone(2, "tibia", Side.RIGHT))


def knee_material(grid: Grid, **more: Any) -> Material:
    """A right knee with edema in femur and tibia; ``files`` of ``image_files`` by default."""
    labels, edema = blocks(grid.shape)
    edema = more.pop("edema", edema)
    bones = more.pop("bones", KNEE)
    files = more.pop("files", None) if "files" in more else image_files(grid)
    return material_on(files, grid, edema, labels, bones, **more)
