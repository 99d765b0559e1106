"""The edema of a reading as a DICOM segmentation (Segmentation Storage, PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.measurement import BoneEdema
from marrowlight.export import codes
from marrowlight.export.common import (
    ALGORITHM,
    CHARACTER_SET,
    SERIES_NUMBERS,
    as_it_is,
    automatic,
    equipment,
    finish,
    made_at,
    marked_as,
    refer_to_frames,
    source_images,
)
from marrowlight.export.material import Material
from marrowlight.export.uids import Instance, bone_tracking, document_uids
from marrowlight.study.grid import Grid
from marrowlight.study.slices import affine_of
from marrowlight.study.study import Side
from marrowlight.study.uid import uid_of

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

ALL_LABEL = "Bone marrow edema"
EDEMA_RGB = (255, 176, 0)


def segment_numbers(material: Material) -> dict[int, int]:
    """Label of a bone with edema to the number of its segment."""
    return {bone.label: n for n, bone in enumerate(material.bones_with_edema, start=1)}


def edema_seg(material: Material) -> Segmentation:
    """A binary, uncompressed segmentation on the source grid, one segment per bone with edema.

    No two segments overlap: viewers lose parts of those that do, and halve their volumes. All
    edema in one segment is ``whole_seg``. Empty frames are kept: old viewers need them. A negative
    reading gives one segment for all, empty.

    Raises NotFromDicom, GridMismatch.
    """
    bones = material.bones_with_edema
    if not bones:
        return _whole(material, document_uids(material).seg, kind="seg", what="edema")
    masks = [material.bone_of == bone.label for bone in bones]
    described = [_bone_segment(material, bone, n) for n, bone in enumerate(bones, start=1)]
    return _segmentation(
        material,
        np.stack([_frames(mask) for mask in masks], axis=-1).astype(np.uint8),
        described,
        document_uids(material).seg,
        kind="seg",
        type_="BINARY",
        description=marked_as(material, "edema"),
    )


def whole_seg(material: Material) -> Segmentation:
    """All edema as the one segment of a binary, uncompressed segmentation on the source grid.

    Raises NotFromDicom, GridMismatch.
    """
    return _whole(material, document_uids(material).whole, kind="seg_all", what="all edema")


def probability_seg(material: Material) -> Segmentation:
    """The probability of edema per voxel as a fractional segmentation, in steps of 1/255.

    Raises NotFromDicom, GridMismatch; ValueError without a probability.
    """
    if material.probability is None:
        raise ValueError("This reading has no probability.")
    # Rounded here and not cut by the writer: a step is 0.4 %.
    steps = np.round(np.clip(material.probability, 0, 1) * 255) / 255
    return _segmentation(
        material,
        _frames(steps.astype(np.float64)),
        [_all_segment(material)],
        document_uids(material).probability,
        kind="probability",
        type_="FRACTIONAL",
        description=marked_as(material, "edema probability"),
    )


def source_grid(material: Material) -> Grid:
    """The grid of the source images by their own headers, (columns, rows, slices).

    Raises GridMismatch if the masks do not stand on it.
    """
    origin = material.dicom
    positions = np.array([frame.position for frame in origin.frames], float)
    affine, _ = affine_of(
        positions, origin.orientation, origin.pixel_spacing, origin.slice_thickness or 1.0
    )
    here = material.bones.grid
    grid = Grid((here.shape[0], here.shape[1], len(positions)), affine)
    grid.require_match(here, this="the source images", that="the masks of the reading")
    return grid


def _whole(material: Material, instance: Instance, *, kind: str, what: str) -> Segmentation:
    return _segmentation(
        material,
        _frames(material.bone_of > 0).astype(np.uint8),
        [_all_segment(material)],
        instance,
        kind=kind,
        type_="BINARY",
        description=marked_as(material, what),
    )


def _segmentation(
    material: Material,
    pixels: NDArray[Any],
    described: Sequence[SegmentDescription],
    instance: Instance,
    *,
    kind: str,
    type_: str,
    description: str,
) -> Segmentation:
    from highdicom.seg import Segmentation

    grid = source_grid(material)
    with as_it_is():
        seg = Segmentation(
            source_images=source_images(material.dicom, grid.shape[1], grid.shape[0]),
            pixel_array=pixels,
            segmentation_type=type_,
            segment_descriptions=described,
            series_instance_uid=instance.series,
            series_number=SERIES_NUMBERS[kind],
            sop_instance_uid=instance.sop,
            instance_number=1,
            omit_empty_frames=False,
            content_label="EDEMA",
            content_description=description,
            content_creator_name="Marrowlight^",
            series_description=description,
            specific_character_set=CHARACTER_SET,
            **equipment(material),
            **made_at(material),
        )
        finish(seg, material)
        refer_to_frames(seg, material.dicom)
        organisation = uid_of("marrowlight", "dimensions", instance.sop)
        for item in (*seg.DimensionIndexSequence, *seg.DimensionOrganizationSequence):
            item.DimensionOrganizationUID = organisation
    return seg


def _frames(voxels: NDArray[Any]) -> NDArray[Any]:
    """(I, J, K) voxels as (slice, row, column), as DICOM stores them."""
    return np.ascontiguousarray(np.transpose(voxels, (2, 1, 0)))


def _all_segment(material: Material) -> SegmentDescription:
    joints = {region.joint for region in material.reading.regions}
    sides = {region.side for region in material.reading.regions}
    where = codes.ANY_BONE
    if len(joints) == 1:
        where = codes.JOINTS.get(next(iter(joints)), codes.ANY_BONE)
    side = next(iter(sides)) if len(sides) == 1 else Side.UNKNOWN
    return _segment(material, 1, ALL_LABEL, where, side, None)


def _bone_segment(material: Material, bone: BoneEdema, number: int) -> SegmentDescription:
    side = material.side_of(bone)
    label = f"{ALL_LABEL}: {bone.name.lower()}" + (f", {side.value}" if side in codes.SIDES else "")
    return _segment(material, number, label, codes.bone_code(bone.bone), side, bone)


def _segment(
    material: Material, number: int, label: str, where: Any, side: Side, bone: BoneEdema | None
) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

    found = automatic(material)
    versions = material.reading.versions
    algorithm = AlgorithmIdentificationSequence(
        name=ALGORITHM,
        family=codes.ARTIFICIAL_INTELLIGENCE,
        version=versions.software,
        parameters={
            "parameters_sha256": versions.parameters or "none",
            "weights_sha256": versions.weights or "none",
        },
    )
    tracked = bone_tracking(material, bone) if bone else None
    segment = SegmentDescription(
        segment_number=number,
        segment_label=label[:64],
        segmented_property_category=codes.ABNORMAL,
        segmented_property_type=codes.EDEMA,
        algorithm_type="AUTOMATIC" if found else "MANUAL",
        algorithm_identification=algorithm if found else None,
        tracking_uid=tracked.uid if tracked else None,
        tracking_id=tracked.identifier if tracked else None,
        anatomic_regions=[where],
        display_color=CIELabColor.from_rgb(*EDEMA_RGB),
    )
    if side in codes.SIDES:
        modifier = CodedConcept.from_code(codes.SIDES[side])
        segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    segment.SegmentDescription = (
        marked_as(material, "edema")
        if found
        else "Edema mask given by the user; how it was drawn is not known to the software."
    )
    return segment
