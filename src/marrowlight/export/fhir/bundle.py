"""All resources of a reading in one FHIR R4 transaction."""

from __future__ import annotations

from marrowlight.export.fhir.about import Name, about
from marrowlight.export.fhir.device import device
from marrowlight.export.fhir.elements import OBSERVATION_UID, Json, uid_identifier
from marrowlight.export.fhir.observation import (
    bone_observation,
    lesion_observation,
    not_read_observation,
)
from marrowlight.export.fhir.report import diagnostic_report
from marrowlight.export.fhir.study import imaging_study
from marrowlight.export.material import Material
from marrowlight.report.as_json import json_bytes
from marrowlight.study.study import Side


def fhir_bundle(material: Material) -> Json:
    """A reading as a FHIR R4 (4.0.1) transaction.

    DiagnosticReport, Device, ImagingStudy where the images were DICOM, and an Observation for each
    bone, each lesion and each bone that was not read. Every resource has an identifier and is
    created only where the server has none with it, so posting twice changes nothing. The patient
    is named by identifier only.
    """
    shared = about(material)
    results: list[str] = []
    observations: list[Json] = []
    for bone in material.bones_read:
        name = shared.name("bone", str(bone.label))
        lesions = [shared.name("lesion", lesion.id) for lesion in bone.edema.lesions]
        results.append(name.urn)
        members = [lesion.urn for lesion in lesions]
        observations.append(_own(name, bone_observation(shared, bone, members)))
        observations += [
            _own(each, lesion_observation(shared, lesion, bone))
            for each, lesion in zip(lesions, bone.edema.lesions, strict=True)
        ]
    for region in material.reading.regions:
        for missed in region.not_read:
            side = region.side if missed.side is Side.UNKNOWN else missed.side
            name = shared.name("not read", region.side.value, missed.bone, missed.side.value)
            results.append(name.urn)
            observations.append(_own(name, not_read_observation(shared, missed, side)))
    study = imaging_study(shared)
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": shared.times["issued"],
        "entry": [
            _own(shared.name("report"), diagnostic_report(shared, results)),
            *([_entry(shared.name("study"), study)] if study else []),
            _entry(shared.name("device"), device(shared)),
            *observations,
        ],
    }


def fhir_bytes(material: Material) -> bytes:
    """The same as UTF-8 JSON; the same material gives the same bytes."""
    return json_bytes(fhir_bundle(material))


def _own(name: Name, resource: Json) -> Json:
    """A resource of this reading alone, identified by its name before all else."""
    kind = OBSERVATION_UID if resource["resourceType"] == "Observation" else None
    own = uid_identifier(name.uid, kind)
    return _entry(name, {**resource, "identifier": [own, *resource["identifier"]]})


def _entry(name: Name, resource: Json) -> Json:
    """An entry that is created only where nothing has the same first identifier."""
    first = resource["identifier"][0]
    return {
        "fullUrl": name.urn,
        # FHIR knows no empty lists.
        "resource": {key: value for key, value in resource.items() if value != []},
        "request": {
            "method": "POST",
            "url": resource["resourceType"],
            "ifNoneExist": f"identifier={first['system']}|{first['value']}",
        },
    }
