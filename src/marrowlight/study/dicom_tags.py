"""The DICOM attributes that are kept, as plain text and numbers."""

from __future__ import annotations

import math
from typing import Any

from marrowlight.study.parsed import Tags
from marrowlight.study.shown import clean

TEXT = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "Modality", "Manufacturer",
    "ManufacturerModelName", "ImageType", "SeriesDescription", "ProtocolName", "StudyDescription",
    "RequestedProcedureDescription", "PerformedProcedureStepDescription", "SequenceName",
    "PulseSequenceName", "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType",
    "BodyPartExamined", "Laterality", "ImageLaterality", "PatientPosition", "ReceiveCoilName",
    "ContrastBolusAgent", "AcquisitionTime", "ImageOrientationPatient", "PhotometricInterpretation",
)  # fmt: skip
NUMBERS = (
    "EchoTime", "RepetitionTime", "InversionTime", "FlipAngle", "EchoTrainLength",
    "MagneticFieldStrength", "SliceThickness", "SpacingBetweenSlices", "EchoNumbers",
    "TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber", "DiffusionBValue",
    "TriggerTime", "ImagesInAcquisition", "SeriesNumber",
)  # fmt: skip
FRAME_MACROS = {
    "MREchoSequence": ("EffectiveEchoTime",),
    "MRTimingAndRelatedParametersSequence": ("RepetitionTime", "FlipAngle", "EchoTrainLength"),
    "MRModifierSequence": (
        "InversionRecovery", "InversionTimes", "SpectrallySelectedSuppression",
    ),
    "MRImageFrameTypeSequence": ("FrameType", "ComplexImageComponent", "AcquisitionContrast"),
    "FrameAnatomySequence": ("FrameLaterality",),
    "FrameContentSequence": (
        "StackID", "InStackPositionNumber", "TemporalPositionIndex", "FrameAcquisitionNumber",
    ),
    "MRDiffusionSequence": ("DiffusionBValue",),
    "MRReceiveCoilSequence": ("ReceiveCoilName",),
    "PixelMeasuresSequence": ("SliceThickness", "SpacingBetweenSlices"),
    "CardiacSynchronizationSequence": ("NominalCardiacTriggerDelayTime",),
    "MRMetaboliteMapSequence": ("MetaboliteMapDescription",),
}  # fmt: skip
"""Functional group macros of enhanced MR, and what is taken from each (PS3.3 C.8.13.5)."""

SAME_AS = {
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameLaterality": "ImageLaterality",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "FrameType": "ImageType",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
}
"""Enhanced attribute to the one of single-frame MR that means the same here."""


def header_tags(dataset: Any) -> Tags:
    """The kept attributes at the top level of a data set."""
    tags: Tags = {}
    for keyword in TEXT:
        _keep(tags, keyword, dataset.get(keyword))
    for keyword in NUMBERS:
        _keep(tags, keyword, dataset.get(keyword), number=True)
    for keyword, of in (
        ("SpectrallySelectedSuppression", None), ("InversionRecovery", None),
        ("AcquisitionContrast", None), ("ComplexImageComponent", None), ("NumberOfFrames", float),
    ):  # fmt: skip
        _keep(tags, keyword, dataset.get(keyword), number=of is float)
    _keep(tags, "AnatomicRegion", _region(dataset))
    return tags


def frame_tags(base: Tags, shared: Any, frame: Any) -> Tags:
    """The attributes of one frame of an enhanced object: its own groups win over the shared."""
    tags = dict(base)
    for group in (shared, frame):
        if group is None:
            continue
        for macro, keywords in FRAME_MACROS.items():
            item = first_item(group, macro)
            if item is None:
                continue
            for keyword in keywords:
                value = item.get(keyword)
                name = SAME_AS.get(keyword, keyword)
                _keep(tags, name, value, number=name in NUMBERS)
            _keep(tags, "AnatomicRegion", _region(item))
    return tags


def _region(dataset: Any) -> Any:
    """What the coded anatomic region is called; None if there is none."""
    item = first_item(dataset, "AnatomicRegionSequence")
    return None if item is None else item.get("CodeMeaning")


def first_item(dataset: Any, keyword: str) -> Any:
    """The first item of a sequence, or None."""
    if dataset is None:
        return None
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else None


def floats(value: Any) -> tuple[float, ...]:
    """Finite numbers of a multi-valued attribute; empty if any is not one."""
    if value is None:
        return ()
    many = value if hasattr(value, "__len__") and not isinstance(value, str) else [value]
    try:
        numbers = tuple(float(v) for v in many)
    except (TypeError, ValueError, OverflowError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _keep(tags: Tags, keyword: str, value: Any, *, number: bool = False) -> None:
    if value is None or value == "":
        return
    if number:
        numbers = floats(value)
        if numbers:
            tags[keyword] = numbers[0]
        return
    many = hasattr(value, "__iter__") and not isinstance(value, str | bytes)
    # A PersonName iterates over its components: only real multi-values are joined.
    if many and type(value).__name__ != "PersonName":
        text = "\\".join(str(v) for v in value)
    else:
        text = str(value)
    if cleaned := clean(text):
        tags[keyword] = cleaned
