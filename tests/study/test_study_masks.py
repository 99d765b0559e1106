"""Masks from NIfTI, NRRD and DICOM SEG, on the voxels of the image that they were drawn on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import nrrd
import numpy as np
import pytest
from highdicom.sr.coding import CodedConcept
from pydicom import dcmread
from pydicom.dataset import FileDataset
from study_files import LPS, STIR_TAGS, oblique_grid, picture, save, slice_sets, write_nifti

from marrowlight.errors import (
    AmbiguousOrientation,
    BadMask,
    GeometryError,
    InputError,
    LimitExceeded,
    UnreadableFile,
)
from marrowlight.study.grid import Grid
from marrowlight.study.lattice import reorder
from marrowlight.study.limits import Limits
from marrowlight.study.maskfile import read_mask
from marrowlight.study.open import open_study

GRID = oblique_grid((20, 16, 6))


def label_map(labels: int = 2) -> np.ndarray:
    """Labels in blocks; the first and the last slice are empty."""
    out = np.zeros(GRID.shape, np.uint8)
    out[3:9, 2:11, 1:4] = 1
    if labels > 1:
        out[11:17, 4:14, 2:5] = 2
    return out


def test_nifti_mask_on_the_grid_of_its_image(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "bone.nii.gz", label_map(), GRID)
    mask = read_mask(path, [GRID])
    assert mask.grid is GRID
    np.testing.assert_array_equal(mask.labels, label_map())


@pytest.mark.parametrize("flips", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_a_mask_in_another_axis_order_is_put_back_without_resampling(
    tmp_path: Path, flips: tuple[int, ...], axes: tuple[int, int, int]
) -> None:
    image = nib.Nifti1Image(label_map(), GRID.affine)
    moves = np.array([[a, -1 if n in flips else 1] for n, a in enumerate(np.argsort(axes))])
    turned = image.as_reoriented(moves)
    nib.save(turned, tmp_path / "mask.nii.gz")
    mask = read_mask(tmp_path / "mask.nii.gz", [GRID])
    assert mask.grid is GRID
    np.testing.assert_array_equal(mask.labels, label_map())


def test_a_mask_half_a_voxel_off_keeps_its_own_grid(tmp_path: Path) -> None:
    affine = GRID.affine.copy()
    affine[:3, 3] += 0.3
    path = write_nifti(tmp_path / "bone.nii.gz", label_map(), Grid(GRID.shape, affine))
    assert not read_mask(path, [GRID]).grid.matches(GRID)


def test_reorder_refuses_another_lattice() -> None:
    assert reorder(label_map(), GRID, oblique_grid((20, 16, 6), (0.61, 0.7, 3.3))) is None
    assert reorder(label_map(), GRID, oblique_grid((20, 16, 7))) is None


def test_the_image_decides_between_sform_and_qform_of_a_mask(tmp_path: Path) -> None:
    image = nib.Nifti1Image(label_map(), GRID.affine)
    image.set_sform(GRID.affine, 1)
    moved = GRID.affine.copy()
    moved[1, 3] += 9.0
    image.set_qform(moved, 1)
    nib.save(image, tmp_path / "mask.nii.gz")
    assert read_mask(tmp_path / "mask.nii.gz", [GRID]).grid is GRID
    with pytest.raises(AmbiguousOrientation):
        read_mask(tmp_path / "mask.nii.gz")


def nrrd_header(space: str = "left-posterior-superior") -> dict[str, Any]:
    signs = {"left-posterior-superior": LPS, "right-anterior-superior": np.eye(4)}[space]
    affine = signs @ GRID.affine
    return {"space": space, "space directions": affine[:3, :3].T, "space origin": affine[:3, 3]}


@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior"])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_nrrd_mask_with_slicer_names(tmp_path: Path, space: str, encoding: str) -> None:
    header = {**nrrd_header(space), "encoding": encoding,
              "Segment0_ID": "a", "Segment0_Name": "femur", "Segment0_LabelValue": "1",
              "Segment1_ID": "b", "Segment1_Name": "tibia left", "Segment1_LabelValue": "2",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "bones.seg.nrrd"), label_map(), header)
    mask = read_mask(tmp_path / "bones.seg.nrrd", [GRID])
    assert mask.grid is GRID
    assert mask.segment_names == {1: "femur", 2: "tibia left"}
    np.testing.assert_array_equal(mask.labels, label_map())


def test_nrrd_layers_become_one_label_map_unless_they_overlap(tmp_path: Path) -> None:
    layers = np.stack([label_map() == 1, label_map() == 2]).astype(np.uint8)
    plain = nrrd_header()
    header = {
        **plain, "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([[np.nan] * 3, plain["space directions"]]),
        "Segment0_ID": "a", "Segment0_Name": "femur", "Segment0_LabelValue": "1",
        "Segment0_Layer": "0", "Segment1_ID": "b", "Segment1_Name": "tibia",
        "Segment1_LabelValue": "1", "Segment1_Layer": "1",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), layers, header)
    mask = read_mask(tmp_path / "a.nrrd", [GRID])
    np.testing.assert_array_equal(mask.labels, label_map())
    assert mask.segment_names == {1: "femur", 2: "tibia"}
    layers[1][layers[0] == 1] = 1
    nrrd.write(str(tmp_path / "b.nrrd"), layers, header)
    with pytest.raises(BadMask, match="segments that overlap"):
        read_mask(tmp_path / "b.nrrd")


def test_a_detached_nrrd_header_follows_no_path(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "a.nhdr"), label_map(), nrrd_header(), detached_header=True)
    with pytest.raises(UnreadableFile, match="another file, which is not followed"):
        read_mask(tmp_path / "a.nhdr")


def test_nrrd_without_geometry_is_refused(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "a.nrrd"), label_map())
    with pytest.raises(GeometryError, match=r"a.nrrd does not say where its voxels are"):
        read_mask(tmp_path / "a.nrrd")


def source_files(folder: Path) -> list[FileDataset]:
    tags = {"PatientBirthDate": "", "PatientSex": "O", "StudyTime": "", "StudyID": "1",
            "AccessionNumber": "", "SeriesNumber": 1, "Manufacturer": "X"}  # fmt: skip
    sets = slice_sets(picture(GRID.shape), GRID, **STIR_TAGS, **tags)
    return [dcmread(path) for path in save(sets, folder)]


def seg_of(
    sources: list[FileDataset], values: np.ndarray, kind: str, names: list[str], **more: Any
) -> hd.seg.Segmentation:
    """A DICOM SEG by highdicom; values : (slices, rows, columns[, segments])."""
    code = CodedConcept("72696002", "SCT", "Bone")
    algorithm = hd.AlgorithmIdentificationSequence("x", code, "1")
    segments = [
        hd.seg.SegmentDescription(
            n, name, code, code, hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC, algorithm
        )
        for n, name in enumerate(names, start=1)
    ]
    return hd.seg.Segmentation(
        sources, values, kind, segments, hd.UID(), 7, hd.UID(), 1, "M", "X", "1", "1", **more
    )


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False])
def test_highdicom_seg_comes_back_on_the_grid_of_its_image(
    tmp_path: Path, kind: str, omit: bool
) -> None:
    sources = source_files(tmp_path / "stir")
    values = label_map().transpose(2, 1, 0)
    seg = seg_of(sources, values, kind, ["femur", "tibia"], omit_empty_frames=omit)
    seg.save_as(tmp_path / "seg.dcm")
    grid = open_study(tmp_path / "stir").primary.volume.grid
    assert grid.matches(GRID, 0.001)
    mask = read_mask(tmp_path / "seg.dcm", [grid])
    assert mask.grid is grid
    np.testing.assert_array_equal(mask.labels, label_map())
    assert {k: v for k, v in mask.segment_names.items() if k} == {1: "femur", 2: "tibia"}


def test_seg_without_an_image_stands_on_a_grid_of_its_own(tmp_path: Path) -> None:
    sources = source_files(tmp_path / "stir")
    values = label_map().transpose(2, 1, 0)
    seg_of(sources, values, "BINARY", ["femur", "tibia"]).save_as(tmp_path / "seg.dcm")
    mask = read_mask(tmp_path / "seg.dcm")
    assert mask.labels.shape == (20, 16, 4)
    for label in (1, 2):
        own = mask.grid.to_ras(np.argwhere(mask.labels == label)).mean(axis=0)
        true = GRID.to_ras(np.argwhere(label_map() == label)).mean(axis=0)
        np.testing.assert_allclose(own, true, atol=0.001)


def test_seg_goes_onto_a_nifti_copy_of_its_image_with_flipped_rows(tmp_path: Path) -> None:
    sources = source_files(tmp_path / "stir")
    values = label_map().transpose(2, 1, 0)
    seg_of(sources, values, "BINARY", ["femur", "tibia"]).save_as(tmp_path / "seg.dcm")
    flip = np.eye(4)
    flip[1, 1], flip[1, 3] = -1, 15
    flipped = Grid(GRID.shape, GRID.affine @ flip)
    mask = read_mask(tmp_path / "seg.dcm", [flipped])
    assert mask.grid is flipped
    np.testing.assert_array_equal(mask.labels, label_map()[:, ::-1])


def test_a_fractional_seg_counts_from_one_half(tmp_path: Path) -> None:
    sources = source_files(tmp_path / "stir")
    share = np.zeros((6, 16, 20), np.float32)
    share[2, 3:9, 3:9] = 0.9
    share[2, 9:12, 3:9] = 0.2
    seg_of(sources, share, "FRACTIONAL", ["femur"]).save_as(tmp_path / "seg.dcm")
    mask = read_mask(tmp_path / "seg.dcm", [GRID])
    assert mask.labels.sum() == 36
    assert mask.labels[3:9, 3:9, 2].all()


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    sources = source_files(tmp_path / "stir")
    both = np.zeros((6, 16, 20, 2), np.uint8)
    both[2, 3:9, 3:9] = 1
    seg_of(sources, both, "BINARY", ["femur", "tibia"]).save_as(tmp_path / "seg.dcm")
    with pytest.raises(BadMask, match=r"seg.dcm has segments that overlap"):
        read_mask(tmp_path / "seg.dcm", [GRID])


def test_an_image_given_as_a_mask_is_refused(tmp_path: Path) -> None:
    source_files(tmp_path / "stir")
    with pytest.raises(UnreadableFile, match="IM0000 is DICOM, but no segmentation"):
        read_mask(tmp_path / "stir" / "IM0000")


def test_masks_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    fractions = np.full(GRID.shape, 0.25, np.float32)
    cases: list[tuple[Path, type[InputError], str]] = [
        (tmp_path / "gone.nii", UnreadableFile, "gone.nii does not exist"),
        (tmp_path, UnreadableFile, "is a folder"),
        (tmp_path / "a.txt", UnreadableFile, "a.txt is no mask"),
        (write_nifti(tmp_path / "p.nii.gz", fractions, GRID), BadMask, "p.nii.gz holds fractions"),
        (
            write_nifti(tmp_path / "n.nii.gz", -label_map().astype(np.int16), GRID),
            BadMask,
            "labels from -2 to 0",
        ),
        (
            write_nifti(tmp_path / "t.nii.gz", np.stack([label_map()] * 2, 3), GRID),
            BadMask,
            "t.nii.gz holds 2 volumes",
        ),
    ]
    for path, kind, text in cases:
        with pytest.raises(kind, match=text) as caught:
            read_mask(path)
        assert caught.value.expected
        assert caught.value.where


def test_a_truncated_or_giant_mask_is_refused(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "m.nii", label_map(), GRID)
    with pytest.raises(LimitExceeded, match=r"m.nii declares 20x16x6 voxels"):
        read_mask(path, limits=Limits(image_bytes=1000))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UnreadableFile, match=r"m.nii is cut off"):
        read_mask(path)
