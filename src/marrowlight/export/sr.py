"""The measurements of a reading as a DICOM structured report (Comprehensive SR, TID 1500)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.sr.coding import Code

from marrowlight.edema.measurement import BoneEdema, IntervalKind, Lesion, Volumes
from marrowlight.export import codes
from marrowlight.export.common import (
    ALGORITHM,
    CHARACTER_SET,
    MANUFACTURER,
    MODEL,
    SERIES_NUMBERS,
    as_it_is,
    automatic,
    comment_of,
    equipment,
    finish,
    made_at,
    marked_as,
    refer_to_frames,
    serial_number,
    source_images,
)
from marrowlight.export.material import Material
from marrowlight.export.seg import segment_numbers, source_grid
from marrowlight.export.uids import (
    OBSERVED_BY,
    Tracking,
    bone_tracking,
    document_uids,
    lesion_tracking,
)
from marrowlight.report.amount import interval_of

if TYPE_CHECKING:
    from highdicom.sr import ComprehensiveSR
    from pydicom.dataset import Dataset


def measurement_sr(material: Material) -> ComprehensiveSR:
    """A structured report with a measurement group per bone and per lesion.

    A bone with edema and its lesions refer to the bone's segment of the SEG; a bone that was read
    and has none is reported as such. Bones that were not read are named in the comment. The report
    is complete and UNVERIFIED; it names no cause.

    Raises NotFromDicom, GridMismatch.
    """
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import ComprehensiveSR

    grid = source_grid(material)
    with as_it_is():
        images = source_images(material.dicom, grid.shape[1], grid.shape[0])
        uids = document_uids(material)
        report = ComprehensiveSR(
            evidence=[*images, _seg_reference(images[0], material)],
            content=_content(material),
            series_instance_uid=uids.sr.series,
            series_number=SERIES_NUMBERS["sr"],
            sop_instance_uid=uids.sr.sop,
            instance_number=1,
            is_complete=True,
            is_final=False,
            is_verified=False,
            series_description=marked_as(material, "measurements"),
            specific_character_set=CHARACTER_SET,
            coding_schemes=[
                CodingSchemeIdentificationItem(
                    codes.SCHEME,
                    codes.SCHEME_NAME,
                    version="1",
                    responsible_organization=MANUFACTURER,
                )
            ],
            **equipment(material),
            **made_at(material),
        )
        finish(report, material)
        refer_to_frames(report, material.dicom)
    return report


def _seg_reference(image: Dataset, material: Material) -> Dataset:
    """What stands for the SEG in the list of evidence."""
    from pydicom.dataset import Dataset
    from pydicom.uid import SegmentationStorage

    seg, uids = Dataset(), document_uids(material).seg
    seg.SOPClassUID, seg.SOPInstanceUID = SegmentationStorage, uids.sop
    seg.StudyInstanceUID, seg.SeriesInstanceUID = image.StudyInstanceUID, uids.series
    return seg


def _content(material: Material) -> Any:
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        LanguageOfContentItemAndDescendants,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
        RelationshipTypeValues,
        TextContentItem,
    )

    device = ObserverContext(
        observer_type=codes.DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=OBSERVED_BY,
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL,
            serial_number=serial_number(material),
        ),
    )
    groups: list[Any] = []
    for bone in material.bones_read:
        refer = _reference(material, bone)
        groups.append(_bone_group(material, bone, refer))
        groups += [_lesion_group(material, one, bone, refer) for one in bone.edema.lesions]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device),
        procedure_reported=codes.PROCEDURE,
        imaging_measurements=groups,
        title=codes.REPORT,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(codes.ENGLISH),
    )
    comment = TextContentItem(
        name=codes.COMMENT,
        value=comment_of(material),
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    report[0].ContentSequence.append(comment)
    return report[0]


def _reference(material: Material, bone: BoneEdema) -> Any:
    """The segment of a bone; None where it has none."""
    from highdicom.sr import ReferencedSegment, SourceSeriesForSegmentation
    from pydicom.uid import SegmentationStorage

    number = segment_numbers(material).get(bone.label)
    if number is None:
        return None
    return ReferencedSegment(
        SegmentationStorage,
        document_uids(material).seg.sop,
        number,
        source_series=SourceSeriesForSegmentation(material.dicom.header["SeriesInstanceUID"]),
    )


def _bone_group(material: Material, bone: BoneEdema, segment: Any) -> Any:
    # No more than every lesion has, in the same order: 3D Slicer names the columns of its table by
    # the first group and fills the others by position.
    measurements = [
        _volume(bone.edema),
        *_reader_limits(bone.edema),
        *_measured((codes.CYST_VOLUME, bone.edema.cyst_volume_mm3, codes.MM3),
                   (codes.BONE_SHARE, _percent(bone.edema.bone_share), codes.PERCENT)),
    ]  # fmt: skip
    return _group(material, bone_tracking(material, bone), bone, measurements, segment)


def _lesion_group(material: Material, lesion: Lesion, bone: BoneEdema, segment: Any) -> Any:
    measurements = [
        _volume(lesion),
        *_reader_limits(lesion),
        *_measured((codes.CYST_VOLUME, lesion.cyst_volume_mm3, codes.MM3),
                   (codes.BONE_SHARE, _percent(lesion.bone_share), codes.PERCENT),
                   (codes.CONTRAST, lesion.contrast, codes.SPREADS),
                   (codes.PEAK_CONTRAST, lesion.peak_contrast, codes.SPREADS),
                   (codes.SURFACE_DISTANCE, lesion.distance_to_surface_mm, codes.MM)),
    ]  # fmt: skip
    return _group(material, lesion_tracking(material, lesion), bone, measurements, segment)


def _group(
    material: Material,
    tracking: Tracking,
    bone: BoneEdema,
    measurements: list[Any],
    segment: Any,
) -> Any:
    """TID 1411 where there is a segment to refer to, TID 1501 without one."""
    from highdicom.sr import (
        AlgorithmIdentification,
        FindingSite,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        TrackingIdentifier,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )

    present = bone.edema.volume_mm3 > 0
    group = {
        "tracking_identifier": TrackingIdentifier(tracking.uid, tracking.identifier),
        "finding_type": codes.EDEMA,
        "finding_category": codes.ABNORMAL,
        "finding_sites": [
            FindingSite(
                codes.bone_code(bone.bone), laterality=codes.SIDES.get(material.side_of(bone))
            )
        ],
        "measurements": measurements,
        "qualitative_evaluations": [
            QualitativeEvaluation(codes.EDEMA, codes.PRESENT if present else codes.ABSENT)
        ],
    }
    if automatic(material):
        group["algorithm_id"] = AlgorithmIdentification(
            name=ALGORITHM, version=material.reading.versions.software
        )
    if segment is None:
        return MeasurementsAndQualitativeEvaluations(**group)
    return VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **group)


def _volume(edema: Volumes) -> Any:
    """The volume; how far it would repeat is its uncertainty (CID 225)."""
    from highdicom.sr import CodedConcept, Measurement, MeasurementProperties

    again = interval_of(edema, IntervalKind.REPEATABILITY)
    properties = None
    if again is not None:
        properties = MeasurementProperties(
            upper_measurement_uncertainty=_rounded(again.high_mm3 - edema.volume_mm3),
            lower_measurement_uncertainty=_rounded(edema.volume_mm3 - again.low_mm3),
        )
        for item in properties:
            # highdicom writes these two without a unit; they have that of the measurement.
            value = item.MeasuredValueSequence[0]
            value.MeasurementUnitsCodeSequence = [CodedConcept.from_code(codes.MM3)]
    return Measurement(codes.VOLUME, _rounded(edema.volume_mm3), codes.MM3, properties=properties)


def _reader_limits(edema: Volumes) -> list[Any]:
    """Both ends of what another reader would draw."""
    one = interval_of(edema, IntervalKind.READER_AGREEMENT)
    if one is None:
        return []
    low, high = codes.LIMITS[IntervalKind.READER_AGREEMENT]
    return _measured((low, one.low_mm3, codes.MM3), (high, one.high_mm3, codes.MM3))


def _measured(*rows: tuple[Code, float | None, Code]) -> list[Any]:
    """One measurement per row of name, value and unit; what was not measured is left out."""
    from highdicom.sr import Measurement

    return [
        Measurement(name, _rounded(value), unit) for name, value, unit in rows if value is not None
    ]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _rounded(value: float) -> float:
    """To 1/10 000 of a unit: a decimal string of DICOM holds no more of a large volume."""
    return round(float(value), 4)
