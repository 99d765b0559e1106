"""The reading as a FHIR DiagnosticReport."""

from __future__ import annotations

from pydicom.sr.coding import Code

from marrowlight.export.common import comment_of
from marrowlight.export.fhir.about import STATUS, About
from marrowlight.export.fhir.elements import Json, concept, reference

STUDY_REPORT = Code("18748-4", "LN", "Diagnostic imaging study")
RADIOLOGY = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v2-0074",
            "code": "RAD",
            "display": "Radiology",
        }
    ]
}


def diagnostic_report(about: About, results: list[str]) -> Json:
    """Preliminary, with the summary as its conclusion and no code of a conclusion: causes that the
    software ranks are for a reader to weigh, and are not exported.

    results : names of the Observations of bones in the bundle.
    """
    return {
        "resourceType": "DiagnosticReport",
        "identifier": [],
        **about.based_on,
        "status": STATUS,
        "category": [RADIOLOGY],
        "code": concept(STUDY_REPORT),
        "subject": about.subject,
        **about.times,
        "result": [reference("Observation", urn) for urn in results],
        "imagingStudy": about.imaging_study,
        "conclusion": comment_of(about.material),
    }
