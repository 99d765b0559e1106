"""The report as a PDF inside a DICOM object, for archives and viewers that show no measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowlight.export import codes
from marrowlight.export.common import (
    CHARACTER_SET,
    SERIES_NUMBERS,
    add_patient_and_study,
    as_it_is,
    equipment,
    finish,
    made_at,
    marked_as,
    require_identifiers,
)
from marrowlight.export.material import Material
from marrowlight.export.uids import document_uids

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def encapsulated_pdf(material: Material, pdf: bytes) -> Dataset:
    """An Encapsulated PDF object (PS3.3 A.45.1) in the study of the images, marked UNVERIFIED.

    pdf : of ``report_pdf``; ``EncapsulatedDocumentLength`` bytes of the object are exactly it.

    Raises NotFromDicom if the images do not say which study or series they belong to.
    """
    from highdicom.sr import CodedConcept
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

    origin, uids = material.dicom, document_uids(material).pdf
    require_identifiers(origin)
    document = Dataset()
    with as_it_is():
        document.SpecificCharacterSet = CHARACTER_SET
        document.SOPClassUID, document.SOPInstanceUID = EncapsulatedPDFStorage, uids.sop
        add_patient_and_study(document, origin.header)
        document.Modality = "DOC"
        document.SeriesInstanceUID = uids.series
        document.SeriesNumber = SERIES_NUMBERS["pdf"]
        document.SeriesDescription = marked_as(material, "report")
        for name, value in equipment(material).items():
            setattr(document, _keyword(name), value)
        document.ConversionType = "WSD"
        document.InstanceNumber = 1
        when = made_at(material)
        for name, value in when.items():
            setattr(document, _keyword(name), value)
        document.AcquisitionDateTime = material.made.strftime("%Y%m%d%H%M%S%z")[:19]
        # The page names nobody, but text that a scanner burnt into the pixels is in its pictures
        # too, and nobody has looked: NO would be a promise.
        document.BurnedInAnnotation = "YES"
        document.DocumentTitle = marked_as(material, "bone marrow edema report")
        document.ConceptNameCodeSequence = [CodedConcept.from_code(codes.IMAGING_REPORT)]
        document.VerificationFlag = "UNVERIFIED"
        document.SourceInstanceSequence = [
            _reference(*one) for one in dict.fromkeys((f.sop_class, f.sop) for f in origin.frames)
        ]
        document.MIMETypeOfEncapsulatedDocument = "application/pdf"
        document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
        document.EncapsulatedDocumentLength = len(pdf)
        finish(document, material)
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return document


def _keyword(name: str) -> str:
    """``content_date`` as DICOM writes it: ``ContentDate``."""
    return "".join(word.capitalize() for word in name.split("_"))


def _reference(sop_class: str, sop: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop
    return item
