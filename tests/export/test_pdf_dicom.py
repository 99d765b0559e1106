"""The PDF inside DICOM: in the study of the images, unverified, and byte for byte the PDF."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from made_material import image_files, knee_material, oblique_grid

from benchmarks.dicom_rules import broken_rules
from marrowlight.errors import DocumentError, NotFromDicom
from marrowlight.export.common import as_file, as_it_is
from marrowlight.export.encapsulated import encapsulated_pdf
from marrowlight.export.material import Material
from marrowlight.export.read_back import check_pdf
from marrowlight.export.seg import edema_seg

PDF = b"%PDF-1.7\n" + bytes(range(256)) + b"\n%%EOF"
ODD = PDF + b"\n"


def material(**more: Any) -> Material:
    return knee_material(oblique_grid(), **more)


def stored(one: Material, pdf: bytes = PDF) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(as_file(encapsulated_pdf(one, pdf))))


def test_it_lies_in_the_study_of_the_images_as_a_series_of_its_own() -> None:
    images = image_files(oblique_grid())
    one = material(files=images)
    document = stored(one)
    for name in (
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
        "StudyDate", "StudyID", "AccessionNumber", "ReferringPhysicianName",
    ):  # fmt: skip
        assert document.get(name) == images[0].get(name), name
    seg = edema_seg(one)
    series = {str(d.SeriesInstanceUID) for d in (images[0], seg, document)}
    assert len(series) == 3
    assert document.SeriesNumber == 9104
    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"
    assert document.Modality == "DOC"
    assert document.SpecificCharacterSet == "ISO_IR 192"


def test_it_says_what_it_is_and_that_nobody_has_verified_it() -> None:
    document = stored(material())
    assert document.SeriesDescription == "Marrowlight report, automatic, not verified"
    assert document.DocumentTitle.endswith("automatic, not verified")
    assert document.VerificationFlag == "UNVERIFIED"
    assert document.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert document.Manufacturer == "Marrowlight"
    assert document.SoftwareVersions
    given = stored(material(found=False))
    assert given.SeriesDescription == "Marrowlight report, given mask, not verified"


def test_it_does_not_promise_that_no_text_is_burnt_into_the_pictures() -> None:
    assert stored(material()).BurnedInAnnotation == "YES"


@pytest.mark.parametrize("pdf", [PDF, ODD])
def test_the_pdf_comes_out_byte_for_byte(pdf: bytes, tmp_path: Path) -> None:
    file = as_file(encapsulated_pdf(material(), pdf))
    check_pdf(file, pdf)
    with pytest.raises(DocumentError):
        check_pdf(file, pdf + b" ")
    document = pydicom.dcmread(BytesIO(file))
    assert len(document.EncapsulatedDocument) % 2 == 0
    assert document.EncapsulatedDocumentLength == len(pdf)
    if not shutil.which("dcm2pdf"):
        pytest.skip("dcm2pdf (dcmtk) is not installed")
    (tmp_path / "report.dcm").write_bytes(file)
    words = ["dcm2pdf", str(tmp_path / "report.dcm"), str(tmp_path / "report.pdf")]
    subprocess.run(words, check=True, capture_output=True)
    assert (tmp_path / "report.pdf").read_bytes() == pdf


def test_it_refers_to_every_image_it_was_made_of() -> None:
    images = image_files(oblique_grid())
    named = [
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for one in stored(material(files=images)).SourceInstanceSequence
    ]
    assert sorted(named) == sorted((one.SOPClassUID, one.SOPInstanceUID) for one in images)


def test_a_multi_frame_object_is_named_once() -> None:
    (image,) = image_files(oblique_grid(), enhanced=True)
    (named,) = stored(material(files=[image])).SourceInstanceSequence
    assert named.ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert named.ReferencedSOPClassUID == image.SOPClassUID


def test_the_same_reading_gives_the_same_bytes_and_another_one_another_object() -> None:
    images = image_files(oblique_grid())
    first, again = (as_file(encapsulated_pdf(material(files=images), PDF)) for _ in range(2))
    assert first == again
    other = stored(material(files=images, edema=np.zeros(oblique_grid().shape, bool)))
    assert other.SOPInstanceUID != pydicom.dcmread(BytesIO(first)).SOPInstanceUID


def test_images_that_were_no_dicom_have_no_such_document() -> None:
    with pytest.raises(NotFromDicom):
        encapsulated_pdf(material(files=None), PDF)


def test_odd_values_of_the_source_are_kept_as_they_are() -> None:
    long = "a" * 70
    with as_it_is():
        files = image_files(oblique_grid(), PatientID=long, StudyDate="20260230")
        document = stored(material(files=files))
        assert document.PatientID == long
        assert document.StudyDate == ""


@pytest.mark.parametrize("enhanced", [False, True])
def test_two_validators_find_nothing_wrong(enhanced: bool, tmp_path: Path) -> None:
    one = material(files=image_files(oblique_grid(), enhanced=enhanced))
    assert broken_rules(stored(one)) == []
    spoilt = stored(one)
    del spoilt.MIMETypeOfEncapsulatedDocument
    spoilt.BurnedInAnnotation = ""
    assert len(broken_rules(spoilt)) == 2
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    (tmp_path / "report.dcm").write_bytes(as_file(encapsulated_pdf(one, PDF)))
    words = ["dciodvfy", str(tmp_path / "report.dcm")]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (told.stdout + told.stderr).strip() == "EncapsulatedPDF"
