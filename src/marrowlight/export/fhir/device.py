"""The software as a FHIR Device: what measured, in which version."""

from __future__ import annotations

from marrowlight.export.common import MANUFACTURER, MODEL
from marrowlight.export.fhir.about import About
from marrowlight.export.fhir.elements import Json, uid_identifier
from marrowlight.study.uid import uid_of

_VERSIONS = {
    "software": "Software",
    "parameters": "SHA-256 of the parameters",
    "weights": "SHA-256 of the weights",
    "knowledge": "SHA-256 of the bone registry",
    "bone_weights": "SHA-256 of the weights that found the bones",
    "zones": "SHA-256 of the zones",
}


def device(about: About) -> Json:
    """One Device for each set of versions, whatever was read with it."""
    versions = about.material.reading.versions.model_dump()
    parts = (f"{name}={versions[name] or ''}" for name in _VERSIONS)
    return {
        "resourceType": "Device",
        "identifier": [uid_identifier(uid_of("marrowlight", "device", *parts))],
        "status": "active",
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": MODEL, "type": "model-name"}],
        "type": {"text": "Image analysis software"},
        "version": [
            {"type": {"text": text}, "value": versions[name]}
            for name, text in _VERSIONS.items()
            if versions[name]
        ],
    }
