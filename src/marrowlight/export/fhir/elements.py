"""Data types of FHIR R4: codings, quantities, identifiers, references."""

from __future__ import annotations

import re
from typing import Any

from pydicom.sr.coding import Code

from marrowlight.export import codes
from marrowlight.study.uid import uid_of

Json = dict[str, Any]

SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
    "LN": "http://loinc.org",
    "DICOM_ID": "http://hl7.org/fhir/uv/dicom-sr/CodeSystem/dicom-identifier-type",
    codes.SCHEME: f"urn:oid:{uid_of('marrowlight', codes.SCHEME)}",
}
"""Coding scheme in DICOM to the system in FHIR. That of our own codes is a UID, as we own no name
on the web that would stay."""

DICOM_UID = "urn:dicom:uid"
ANY_URI = "urn:ietf:rfc:3986"
OBSERVATION_UID = Code("observation-uid", "DICOM_ID", "Observation UID")
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


def is_uid(text: str) -> bool:
    """Whether a text is a UID that an ``id`` of FHIR can hold."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def coding(code: Code) -> Json:
    return {"system": SYSTEMS[code.scheme_designator], "code": code.value, "display": code.meaning}


def concept(code: Code, text: str | None = None) -> Json:
    """A CodeableConcept; text : what is meant here, where that is more than the code says."""
    return {"coding": [coding(code)], **({"text": text} if text else {})}


def quantity(value: float, unit: Code) -> Json:
    return {
        "value": value,
        "unit": unit.meaning if unit.value.startswith("{") else unit.value,
        "system": SYSTEMS["UCUM"],
        "code": unit.value,
    }


def uid_identifier(uid: str, type_: Code | None = None) -> Json:
    """An identifier that is a DICOM UID."""
    kind = {"type": concept(type_)} if type_ else {}
    return {**kind, "system": DICOM_UID, "value": f"urn:oid:{uid}"}


def reference(kind: str, to: str, **more: Any) -> Json:
    """A reference to a resource of the bundle, or to a contained one."""
    return {"reference": to, "type": kind, **more}
