"""What the resources of a reading repeat: whose it is, when the images were made, what made it."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass

from marrowlight.export.fhir.elements import IDENTIFIER_TYPES, Json, is_uid, reference
from marrowlight.export.material import Material
from marrowlight.export.uids import document_uuid
from marrowlight.study.shown import MOST_CHARACTERS, clean

STATUS = "preliminary"
"""Of the report and of every observation: nobody has verified them."""

NO_PATIENT = "Not known: the images name no patient"


@dataclass(frozen=True)
class Name:
    """What a resource is called.

    urn : within the bundle; servers put their own address in its place, wherever it stands.
    uid : in its identifier, which stays.
    """

    urn: str
    uid: str


@dataclass(frozen=True)
class About:
    """What every resource is about.

    subject : reference to the patient by identifier; no resource is made for the patient.
    study : UID of the DICOM study, None where the images were no DICOM.
    date : of the study. FHIR wants a time zone with every time, and a DICOM study time has none, so
    the time is left out. accession : identifier of the order, None where there is none.
    """

    material: Material
    subject: Json
    study: str | None
    date: str | None
    accession: Json | None

    def name(self, *parts: str) -> Name:
        """The name of a resource, the same whenever it is made of this reading.

        The study is part of it: a reading id follows from voxels alone, and the same voxels can
        stand in an archive a second time, de-identified.
        """
        number = uuid.UUID(document_uuid(self.material, "fhir", self.study or "", *parts))
        return Name(f"urn:uuid:{number}", f"2.25.{number.int}")

    @property
    def device(self) -> Json:
        return reference("Device", self.name("device").urn)

    @property
    def imaging_study(self) -> list[Json]:
        """Reference to the study; none where the images were no DICOM."""
        return [reference("ImagingStudy", self.name("study").urn)] if self.study else []

    @property
    def times(self) -> Json:
        """When the images were made, where that is known, and when the reading was."""
        when = {"effectiveDateTime": self.date} if self.date else {}
        return {**when, "issued": self.material.made.isoformat(timespec="seconds")}

    @property
    def based_on(self) -> Json:
        """The order, by its accession number."""
        if self.accession is None:
            return {}
        return {"basedOn": [{"type": "ServiceRequest", "identifier": self.accession}]}


def about(material: Material) -> About:
    """What the resources of a reading repeat."""
    header = material.origin.header if material.origin else {}
    study = header.get("StudyInstanceUID", "")
    return About(
        material,
        _subject(header),
        study if is_uid(study) else None,
        iso_date(header.get("StudyDate", "")),
        _identifier(header.get("AccessionNumber", ""), "ACSN", "Accession ID"),
    )


def iso_date(text: str) -> str | None:
    """A DICOM date as a FHIR date; None if it is none."""
    try:
        return datetime.datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return None


def _subject(header: dict[str, str]) -> Json:
    number = _identifier(header.get("PatientID", ""), "MR", "Medical record number")
    if number is None:
        return {"type": "Patient", "display": NO_PATIENT}
    issuer = clean(header.get("IssuerOfPatientID", ""))
    return {
        "type": "Patient",
        "identifier": {**number, **({"assigner": {"display": issuer}} if issuer else {})},
    }


def _identifier(value: str, code: str, display: str) -> Json | None:
    """An identifier that the hospital gave; None if there is none, or none that JSON can hold.

    It is not mended: with a character less it would be the identifier of somebody else.
    """
    if not value or clean(value) != value or len(value) > MOST_CHARACTERS:
        return None
    kind = {"system": IDENTIFIER_TYPES, "code": code, "display": display}
    return {"type": {"coding": [kind]}, "value": value}
