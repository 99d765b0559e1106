"""What was measured of a bone, and of a lesion, as a FHIR Observation.

As HL7's mapping of structured reports has it (hl7.fhir.uv.dicom-sr), one Observation is one
measurement group, what is followed over visits is its ``focus``, and the site with its side is a
BodyStructure; the mapping is written for R5, so here the BodyStructure is contained, and the
measurements are components. One thing is otherwise: there the finding is the value, and a bone
without edema would say ``Edema``; here the finding is the code, and the value is present or absent.
"""

from __future__ import annotations

from typing import Any

from pydicom.sr.coding import Code

from marrowlight.anatomy.registry import bone_registry
from marrowlight.edema.measurement import BoneEdema, Lesion, Volumes
from marrowlight.export import codes
from marrowlight.export.common import automatic
from marrowlight.export.fhir.about import STATUS, About
from marrowlight.export.fhir.elements import Json, concept, quantity, reference, uid_identifier
from marrowlight.export.uids import Tracking, bone_tracking, lesion_tracking
from marrowlight.reading import BoneNotRead
from marrowlight.regions import NAMELESS
from marrowlight.report.amount import interval_of
from marrowlight.study.study import Side

GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_ID = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
IMAGING = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging",
            "display": "Imaging",
        }
    ]
}
NOT_PERFORMED = {
    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "code": "not-performed",
    "display": "Not Performed",
}


def bone_observation(about: About, bone: BoneEdema, lesions: list[str]) -> Json:
    """All edema of one bone; lesions : names of their Observations in the bundle.

    A bone without edema has one too: 0 mm³ was measured.
    """
    edema = bone.edema
    tracking = bone_tracking(about.material, bone) if about.study else None
    return {
        **_head(about, bone.bone, about.material.side_of(bone), tracking),
        "valueCodeableConcept": concept(codes.PRESENT if edema.volume_mm3 > 0 else codes.ABSENT),
        "method": _method(about),
        "device": about.device,
        **_members(lesions),
        "derivedFrom": about.imaging_study,
        "component": _components(
            *_volumes(edema),
            (codes.BONE_SHARE, _percent(edema.bone_share), codes.PERCENT),
            (codes.LESION_COUNT, len(edema.lesions), codes.COUNT),
        ),
    }


def lesion_observation(about: About, lesion: Lesion, bone: BoneEdema) -> Json:
    """One lesion. Its tracking identifiers are those of the visit that saw it first."""
    side, tracking = about.material.side_of(bone), lesion_tracking(about.material, lesion)
    return {
        **_head(about, bone.bone, side, tracking, codes.EDEMA),
        "valueCodeableConcept": concept(codes.PRESENT),
        "method": _method(about),
        "device": about.device,
        "derivedFrom": about.imaging_study,
        "component": _components(
            *_volumes(lesion),
            (codes.BONE_SHARE, _percent(lesion.bone_share), codes.PERCENT),
            (codes.CONTRAST, lesion.contrast, codes.SPREADS),
            (codes.PEAK_CONTRAST, lesion.peak_contrast, codes.SPREADS),
            (codes.SURFACE_DISTANCE, lesion.distance_to_surface_mm, codes.MM),
        ),
    }


def not_read_observation(about: About, bone: BoneNotRead, side: Side) -> Json:
    """A bone that was looked for and not read: no value, and why. Unknown is not absent."""
    return {
        **_head(about, bone.bone, side),
        "dataAbsentReason": {"coding": [NOT_PERFORMED], "text": f"Not read: {bone.reason}"},
        "method": _method(about),
        "device": about.device,
        "derivedFrom": about.imaging_study,
    }


def _head(
    about: About,
    bone: str,
    side: Side,
    tracking: Tracking | None = None,
    morphology: Code | None = None,
) -> Json:
    """Whose, where, when; the BodyStructure says the side in codes, and what is followed."""
    where = concept(codes.bone_code(bone), _site(bone, side))
    followed: list[Json] = []
    if tracking:
        followed = [
            uid_identifier(tracking.uid, TRACKING_UID),
            {"type": concept(TRACKING_ID), "value": tracking.identifier},
        ]
    structure = {
        "resourceType": "BodyStructure",
        "id": "site",
        **({"identifier": followed} if followed else {}),
        **({"morphology": concept(morphology)} if morphology else {}),
        "location": where,
        **({"locationQualifier": [concept(codes.SIDES[side])]} if side in codes.SIDES else {}),
        "patient": about.subject,
    }
    return {
        "resourceType": "Observation",
        "contained": [structure],
        "identifier": followed,
        "status": STATUS,
        "category": [IMAGING, concept(GROUP)],
        "code": concept(codes.EDEMA, "Bone marrow edema"),
        "subject": about.subject,
        "focus": [
            reference("BodyStructure", "#site", **({"identifier": followed[0]} if followed else {}))
        ],
        **about.times,
        "bodySite": where,
    }


def _site(bone: str, side: Side) -> str:
    """A bone with its side, for people: ``Left femur``, ``Sacrum``, ``Tibia, side unknown``."""
    name = "bone" if bone == NAMELESS else bone_registry()[bone].name.lower()
    if side in codes.SIDES:
        name = f"{side.value} {name}"
    elif side is Side.UNKNOWN:
        name = f"{name}, side unknown"
    return name[0].upper() + name[1:]


def _method(about: About) -> Json:
    how = "Found by software" if automatic(about.material) else "Edema mask given by the user"
    return {"text": f"{how}; volume of the mask, cysts excluded; not verified"}


def _members(lesions: list[str]) -> Json:
    if not lesions:
        return {}
    return {"hasMember": [reference("Observation", urn) for urn in lesions]}


def _volumes(edema: Volumes) -> list[tuple[Code, float | None, Code]]:
    """The volume and both ends of each interval of it."""
    rows: list[tuple[Code, float | None, Code]] = [(codes.VOLUME, edema.volume_mm3, codes.MM3)]
    for kind, (low, high) in codes.LIMITS.items():
        one = interval_of(edema, kind)
        rows.append((low, one.low_mm3 if one else None, codes.MM3))
        rows.append((high, one.high_mm3 if one else None, codes.MM3))
    rows.append((codes.CYST_VOLUME, edema.cyst_volume_mm3, codes.MM3))
    return rows


def _components(*rows: tuple[Code, float | None, Code]) -> list[dict[str, Any]]:
    """One component a measurement; what was not measured is left out, and never 0."""
    return [
        {"code": concept(code), "valueQuantity": quantity(value, unit)}
        for code, value, unit in rows
        if value is not None
    ]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
