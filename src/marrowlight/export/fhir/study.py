"""The images that were read, and the documents made of them, as a FHIR ImagingStudy."""

from __future__ import annotations

from pydicom.sr.coding import Code

from marrowlight.errors import NotFromDicom
from marrowlight.export.common import SERIES_NUMBERS, as_it_is, marked_as, source_images
from marrowlight.export.fhir.about import About
from marrowlight.export.fhir.elements import ANY_URI, Json, coding, is_uid, uid_identifier
from marrowlight.export.material import Material
from marrowlight.export.uids import document_uids
from marrowlight.study.origin import DicomOrigin
from marrowlight.study.shown import clean

MODALITIES = {
    "MR": "Magnetic Resonance",
    "SEG": "Segmentation",
    "SR": "SR Document",
    "DOC": "Document",
    "OT": "Other",
}
_LARGEST = 2**31 - 1


def imaging_study(about: About) -> Json | None:
    """The study with the series that were read and our own; None where there is no DICOM study.

    A server that has the study already keeps its own resource. Series of the study that were not
    read are not listed, so no total is given.
    """
    material = about.material
    if about.study is None or material.origin is None:
        return None
    series = [*_read(material), *_documents(material)]
    modalities = list(dict.fromkeys(one["modality"]["code"] for one in series))
    text = clean(material.origin.header.get("StudyDescription", ""))
    return {
        "resourceType": "ImagingStudy",
        "identifier": [uid_identifier(about.study)],
        "status": "available",
        "modality": [_modality(code) for code in modalities],
        "subject": about.subject,
        **({"started": about.date} if about.date else {}),
        **about.based_on,
        **({"description": text} if text else {}),
        "series": series,
    }


def _read(material: Material) -> list[Json]:
    """The series that were read; parts of one series, such as its echoes, count as one."""
    parts: dict[str, list[DicomOrigin]] = {}
    for one in (material.dicom, *material.others):
        same = one.header.get("StudyInstanceUID") == material.dicom.header.get("StudyInstanceUID")
        uid = one.header.get("SeriesInstanceUID", "")
        if same and is_uid(uid):
            parts.setdefault(uid, []).append(one)
    return [_series(uid, origins) for uid, origins in parts.items()]


def _series(uid: str, origins: list[DicomOrigin]) -> Json:
    header = origins[0].header
    number, text = header.get("SeriesNumber", ""), clean(header.get("SeriesDescription", ""))
    has_number = number.isascii() and number.isdigit() and int(number[:12]) <= _LARGEST
    return {
        "uid": uid,
        **({"number": int(number)} if has_number else {}),
        "modality": _modality(header.get("Modality", "MR")),
        **({"description": text} if text else {}),
        "numberOfInstances": len({frame.sop for one in origins for frame in one.frames}),
    }


def _documents(material: Material) -> list[Json]:
    """Our own series, under the UIDs that SEG, SR and PDF have; none if they cannot be made."""
    from pydicom.uid import ComprehensiveSRStorage, EncapsulatedPDFStorage, SegmentationStorage

    try:
        with as_it_is():
            source_images(material.dicom, 1, 1)
    except NotFromDicom:
        return []
    uids = document_uids(material)
    kinds = (
        ("SEG", "seg", uids.seg, SegmentationStorage, "edema"),
        ("SR", "sr", uids.sr, ComprehensiveSRStorage, "measurements"),
        ("DOC", "pdf", uids.pdf, EncapsulatedPDFStorage, "report"),
    )
    return [
        {
            "uid": instance.series,
            "number": SERIES_NUMBERS[kind],
            "modality": _modality(modality),
            "description": marked_as(material, what),
            "numberOfInstances": 1,
            "instance": [
                {
                    "uid": instance.sop,
                    "sopClass": {"system": ANY_URI, "code": f"urn:oid:{sop_class}"},
                    "number": 1,
                }
            ],
        }
        for modality, kind, instance, sop_class, what in kinds
    ]


def _modality(text: str) -> Json:
    code = text if text in MODALITIES else "OT"
    return coding(Code(code, "DCM", MODALITIES[code]))
