"""Identifiers of documents and of what they follow: the same reading always gives the same ones.

They are hashes. Those of bones follow from the patient's id, so that they are the same at every
visit: who tries all ids of a hospital finds the one. They stand in documents that carry the id
anyway; ``deidentify`` replaces both.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from marrowlight.edema.measurement import BoneEdema, Lesion
from marrowlight.export.material import Material
from marrowlight.study.uid import uid_of

FORMAT = "1"
"""Of the documents; raised whenever the same reading would give other documents than before."""

OBSERVED_BY = uid_of("marrowlight", "device")
"""UID of the software as the observer of a structured report."""


@dataclass(frozen=True)
class Instance:
    """One DICOM object to be: its series and itself."""

    series: str
    sop: str


@dataclass(frozen=True)
class DocumentUids:
    """UIDs of the DICOM objects of one reading."""

    seg: Instance
    whole: Instance
    probability: Instance
    sr: Instance
    pdf: Instance


def document_uids(material: Material) -> DocumentUids:
    """UIDs of the DICOM objects of a reading.

    They follow from the source images, the reading (and so from software version, weights,
    parameters and options) and from which earlier lesions its lesions are.

    Raises NotFromDicom.
    """
    origin = material.dicom
    about = (
        FORMAT,
        origin.header.get("StudyInstanceUID", ""),
        origin.header.get("SeriesInstanceUID", ""),
        *(f"{one.sop}#{one.frame or 0}" for one in origin.frames),
        material.reading.reading_id,
        *(f"{lesion}={key}" for lesion, key in sorted((material.tracks or {}).items())),
    )

    def instance(kind: str) -> Instance:
        return Instance(
            uid_of("marrowlight", kind, "series", *about), uid_of("marrowlight", kind, *about)
        )

    return DocumentUids(*map(instance, ("seg", "seg_all", "probability", "sr", "pdf")))


@dataclass(frozen=True)
class Tracking:
    """What stays the same over visits: a text for people (no identity in it) and a UID."""

    identifier: str
    uid: str


def bone_tracking(material: Material, bone: BoneEdema) -> Tracking:
    """Tracking of all edema of one bone: the same at every visit of the patient."""
    header = material.dicom.header
    whose = (header.get("IssuerOfPatientID", ""), header.get("PatientID", ""))
    if not whose[1]:
        whose = ("study", header.get("StudyInstanceUID", ""))
    place = (bone.bone, material.side_of(bone).value)
    return Tracking(f"edema, {', '.join(place)}", uid_of("marrowlight", "track", *whose, *place))


def lesion_tracking(material: Material, lesion: Lesion) -> Tracking:
    """Tracking of one lesion: of the visit that saw it first, where a course says so."""
    key = material.lesion_key(lesion)
    return Tracking(f"lesion {key}", uid_of("marrowlight", "track", key))


def document_uuid(material: Material, *parts: str) -> str:
    """A UUID (version 5) for a part of a FHIR bundle; needs no DICOM images."""
    tracks = ",".join(f"{k}={v}" for k, v in sorted((material.tracks or {}).items()))
    name = "/".join(("marrowlight", FORMAT, material.reading.reading_id, tracks, *parts))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
