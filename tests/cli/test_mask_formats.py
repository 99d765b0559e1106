"""Bones may come as NIfTI, NRRD or DICOM SEG: the same reading from each."""

import json

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import pytest

from tests.cli.running import run_cli

NAMES = {1: "Femur", 2: "Tibia", 3: "Fibula", 4: "Patella"}


def as_nrrd(exam, path):
    image = nib.load(exam.bones)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    header = {
        "space": "left-posterior-superior",
        "space directions": lps[:3, :3].T,
        "space origin": lps[:3, 3],
    }
    nrrd.write(str(path), np.asanyarray(image.dataobj).astype(np.uint8), header)
    return path


def as_seg(exam, path):
    hd = pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes

    sources = [pydicom.dcmread(p) for p in sorted(exam.fluid.glob("*.dcm"))]
    volume = np.asanyarray(nib.load(exam.bones).dataobj)
    inverse = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ nib.load(exam.bones).affine)
    frames = []
    for source in sources:
        k = round(float((inverse @ [*map(float, source.ImagePositionPatient), 1.0])[2]))
        frames.append(volume[:, :, k].T)
    pixels = np.stack(frames).astype(np.uint8)
    segments = [
        hd.seg.SegmentDescription(
            segment_number=n,
            segment_label=name,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=getattr(codes.SCT, name),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for n, name in NAMES.items()
    ]
    hd.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=9,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    ).save_as(path)
    return path


def volumes(capsys, exam, mask, out, *more):
    seen = run_cli(
        capsys, "measure", "--bones", mask, "--edema", exam.edema, "--image", exam.dicom, "-o", out,
        "--json", *more,
    )  # fmt: skip
    assert seen.code == 0, seen.err + seen.out
    (region,) = json.loads(seen.out)["reading"]["regions"]
    return {b["bone"]: (b["volume_mm3"], b["edema"]["volume_mm3"]) for b in region["bones"]}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["nrrd", "seg"])
def test_every_format_gives_the_volumes_of_the_nifti(exam, tmp_path, capsys, kind):
    wanted = volumes(capsys, exam, exam.bones, tmp_path / "a", "--bone-labels", "registry")
    if kind == "nrrd":
        mask, more = as_nrrd(exam, tmp_path / "bones.nrrd"), ("--bone-labels", "registry")
    else:
        # A SEG names its own segments.
        mask, more = as_seg(exam, tmp_path / "bones.dcm"), ()
    found = volumes(capsys, exam, mask, tmp_path / "b", *more)
    assert set(found) == set(wanted)
    for bone, (size, edema) in wanted.items():
        assert found[bone] == pytest.approx((size, edema), rel=1e-4)
