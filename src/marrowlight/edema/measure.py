"""Measuring an edema mask: volumes, lesions and intervals, bone by bone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.registry import bone_registry
from marrowlight.anatomy.surface import SUBCHONDRAL_MM, Surface, joint_surfaces
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.edema.detection import detection_limits
from marrowlight.edema.edge import EdgeMeasurement, measure_edge
from marrowlight.edema.intervals import Origin, both_intervals
from marrowlight.edema.lesions import (
    NEAR_BONE_MM,
    LesionVoxels,
    assign_to_bones,
    minimum_lesion_mm3,
    split_lesions,
)
from marrowlight.edema.load import fluid_contrast, load_mm3
from marrowlight.edema.measurement import BoneEdema, Edema, Edge, Extent, Lesion
from marrowlight.edema.resolution import Resolution, resolution
from marrowlight.edema.zones import ZonedEdema, edema_by_zone
from marrowlight.errors import GridMismatch
from marrowlight.notice import Notice
from marrowlight.study.grid import Grid

FAR_MASK_CODE = "edema-outside-bone"
"""Code of the notice about mask voxels that no bone is near enough to."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that was measured of one edema mask.

    bones : every bone of the map, with its edema, in the order of the map
    total : all bones together
    notices : what the reader of the numbers must know
    left_out_mm3 : volume of the mask that lies too far from any bone
    zoned : edema by zone; None if no zones were given
    """

    bones: tuple[BoneEdema, ...]
    total: Edema
    notices: tuple[Notice, ...]
    left_out_mm3: float
    zoned: ZonedEdema | None = None


@dataclass(frozen=True, eq=False)
class _Maps:
    """The maps of one measurement, all on one grid."""

    grid: Grid
    seen: Resolution
    contrast: NDArray[np.float32] | None
    probability: NDArray[np.float32] | None
    surround: NDArray[np.bool_]
    reference: float | None
    surfaces: dict[int, Surface]
    origin: Origin
    limit_mm3: float
    zoned: ZonedEdema | None


def measure_edema(
    *,
    mask: NDArray[np.bool_],
    grid: Grid,
    bones: BoneMap,
    contrast: NDArray[np.float32] | None = None,
    probability: NDArray[np.float32] | None = None,
    cyst: NDArray[np.bool_] | None = None,
    origin: Origin = Origin.FOUND,
    slice_thickness_mm: float | None = None,
    minimum_mm3: float | None = None,
    reference_contrast: float | None = None,
    zones: ZoneMap | None = None,
) -> Measurement:
    """Measure an edema mask. The mask is taken as given; nothing is added to it.

    Parameters
    ----------
    mask : (I, J, K) bool, edema
    grid : Grid of the mask and of every map; ``bones`` must be on it
    bones : BoneMap
    contrast : (I, J, K) float32, not smoothed: intensity above this patient's normal marrow, in
        its robust SD, of the whole image or 0 away from bone; None leaves contrast, load and edge
        unmeasured
    probability : (I, J, K) float32, of edema per voxel
    cyst : (I, J, K) bool; cyst voxels are taken out of the edema and measured beside it
    origin : who made the mask; decides which scatter the intervals come from
    slice_thickness_mm : nominal thickness, where it is known and larger than the slice distance
    minimum_mm3 : smallest lesion that is counted; ``minimum_lesion_mm3`` of the
        image's own resolution unless given
    reference_contrast : contrast of free fluid; ``fluid_contrast`` of the contrast unless given
    zones : ZoneMap of ``bones``; None leaves every lesion without zones

    Mask voxels outside every bone belong to the nearest bone within ``NEAR_BONE_MM``; those
    farther away are left out and a notice says how much that was.

    Raises GridMismatch if a map does not fit the grid.
    """
    for name, array in (("mask", mask), ("contrast", contrast), ("probability", probability),
                        ("cyst", cyst)):  # fmt: skip
        if array is not None and array.shape != grid.shape:
            raise GridMismatch(f"The {name} of shape {array.shape} does not fit {grid.shape}.")
    bones.grid.require_match(grid, this="bone mask", that="edema mask")

    mask = np.asarray(mask, bool)
    both = mask if cyst is None else mask | cyst
    bone_of = assign_to_bones(both, bones.labels, grid)
    edema = mask & (bone_of > 0) if cyst is None else mask & (bone_of > 0) & ~cyst
    reference = reference_contrast
    if reference is None and contrast is not None:
        reference = fluid_contrast(contrast, grid)
    surround = bones.mask & ~both
    seen = resolution(
        grid, slice_thickness_mm=slice_thickness_mm, contrast=contrast, marrow=surround
    )
    maps = _Maps(
        grid,
        seen,
        contrast,
        probability,
        surround=surround,
        reference=reference,
        surfaces=joint_surfaces(bones) if edema.any() else {},
        origin=origin,
        limit_mm3=minimum_lesion_mm3(seen) if minimum_mm3 is None else minimum_mm3,
        zoned=edema_by_zone(zones, bones, edema=edema, bone_of=bone_of) if zones else None,
    )
    voxel = grid.voxel_volume_mm3
    counted = [
        lesion
        for lesion in split_lesions(bone_of, cyst, grid)
        if len(lesion.edema) * voxel >= maps.limit_mm3 * (1 - 1e-9)
    ]
    sizes = np.bincount(bones.labels.ravel(), minlength=256)
    by_label = {b.label: b for b in bones.bones}
    lesions = {
        f"e{n}": _lesion(f"e{n}", one, by_label[one.label], bones.labels, sizes, maps)
        for n, one in enumerate(counted, start=1)
    }
    measured = tuple(
        _bone(
            bone,
            sizes,
            [lesions[f"e{n}"] for n, one in enumerate(counted, 1) if one.label == bone.label],
            edema,
            bone_of,
            bones.labels,
            cyst,
            maps,
        )
        for bone in bones.bones
    )
    left_out = float((both & (bone_of == 0) & mask).sum() * voxel)
    notices: tuple[Notice, ...] = ()
    if left_out > 0:
        notices = (
            Notice(
                FAR_MASK_CODE,
                f"{left_out:.0f} mm³ of the edema mask lie more than {NEAR_BONE_MM:g} mm from any "
                "bone of the bone mask and are not measured.",
            ),
        )
    total = total_edema(measured, origin=origin)
    return Measurement(measured, total, notices, left_out, maps.zoned)


def total_edema(bones: Sequence[BoneEdema], *, origin: Origin) -> Edema:
    """The edema of several bones as one: of a region, or of everything in the image.

    bones : at least one, all measured on the same image.
    """
    parts = [b.edema for b in bones]
    volume = sum(e.volume_mm3 for e in parts)
    limit = max(e.smallest_counted_mm3 for e in parts)
    bone_volume = sum(b.volume_mm3 for b in bones)
    inside = sum((b.edema.bone_share or 0.0) * b.volume_mm3 for b in bones)
    return Edema(
        volume_mm3=volume,
        intervals=both_intervals(volume, origin=origin, smallest_counted_mm3=limit),
        load_mm3=_sum([e.load_mm3 for e in parts]),
        expected_volume_mm3=_sum([e.expected_volume_mm3 for e in parts]),
        cyst_volume_mm3=sum(e.cyst_volume_mm3 for e in parts),
        bone_share=_share(inside, bone_volume) if bone_volume else None,
        lesions=tuple(sorted((x for e in parts for x in e.lesions), key=lambda x: int(x.id[1:]))),
        smallest_counted_mm3=limit,
        detection_limit_mm3=_detection_limit(origin),
        unlisted_volume_mm3=sum(e.unlisted_volume_mm3 for e in parts),
        load_reference=next((e.load_reference for e in parts if e.load_reference), None),
    )


def _bone(
    bone: LabelledBone,
    sizes: NDArray[np.intp],
    lesions: list[Lesion],
    edema: NDArray[np.bool_],
    bone_of: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    cyst: NDArray[np.bool_] | None,
    maps: _Maps,
) -> BoneEdema:
    voxel = maps.grid.voxel_volume_mm3
    mine = bone_of == bone.label
    at = np.nonzero(mine & edema)
    volume = float(len(at[0]) * voxel)
    size = int(sizes[bone.label])
    expected = None
    if maps.probability is not None:
        over = labels == bone.label if cyst is None else (labels == bone.label) & ~cyst
        expected = float(maps.probability[over].sum(dtype=np.float64) * voxel)
    return BoneEdema(
        bone=bone.bone,
        side=bone.side,
        label=bone.label,
        name=bone_registry()[bone.bone].name,
        volume_mm3=size * voxel,
        edema=Edema(
            volume_mm3=volume,
            intervals=both_intervals(
                volume, origin=maps.origin, smallest_counted_mm3=maps.limit_mm3
            ),
            load_mm3=(
                None
                if maps.contrast is None
                else load_mm3(maps.contrast[at], maps.reference, maps.grid)
            ),
            expected_volume_mm3=expected,
            cyst_volume_mm3=0.0 if cyst is None else float((mine & cyst).sum() * voxel),
            bone_share=_share(int((labels[at] == bone.label).sum()), size) if size else None,
            lesions=tuple(lesions),
            smallest_counted_mm3=maps.limit_mm3,
            detection_limit_mm3=_detection_limit(maps.origin),
            unlisted_volume_mm3=max(volume - sum(x.volume_mm3 for x in lesions), 0.0),
            load_reference=maps.reference,
        ),
    )


def _lesion(
    name: str,
    lesion: LesionVoxels,
    bone: LabelledBone,
    labels: NDArray[np.uint8],
    sizes: NDArray[np.intp],
    maps: _Maps,
) -> Lesion:
    voxel = maps.grid.voxel_volume_mm3
    at = tuple(lesion.edema.T)
    points = maps.grid.to_ras(lesion.edema.astype(np.float64))
    volume = float(len(points) * voxel)
    cysts = float(len(lesion.cyst) * voxel)
    contrast = peak = peak_at = load = None
    edge = EdgeMeasurement(Edge.UNKNOWN, None)
    if maps.contrast is not None:
        values = maps.contrast[at]
        contrast, peak = float(values.mean(dtype=np.float64)), float(values.max())
        peak_at = _point(points[int(values.argmax())])
        load = load_mm3(values, maps.reference, maps.grid)
        edge = measure_edge(lesion.edema, maps.contrast, maps.surround, maps.grid, maps.seen)
    surface = maps.surfaces.get(bone.label)
    distance = subchondral = None
    if surface is not None:
        away = surface.distances_mm(points)
        distance, subchondral = float(away.min()), float((away <= SUBCHONDRAL_MM).mean())
    return Lesion(
        id=name,
        bone=bone.bone,
        side=bone.side,
        volume_mm3=volume,
        intervals=both_intervals(volume, origin=maps.origin, smallest_counted_mm3=maps.limit_mm3),
        load_mm3=load,
        cyst_volume_mm3=cysts,
        centroid_ras_mm=_point(points.mean(axis=0)),
        peak_ras_mm=peak_at,
        extent_mm=_extent(points, maps.grid),
        bone_share=_share(int((labels[at] == bone.label).sum()), int(sizes[bone.label])),
        contrast=contrast,
        peak_contrast=peak,
        mean_probability=(
            None if maps.probability is None else float(maps.probability[at].mean(dtype=np.float64))
        ),
        cyst_share=cysts / (cysts + volume),
        edge=edge.kind,
        edge_width_mm=edge.width_mm,
        distance_to_surface_mm=distance,
        subchondral_share=subchondral,
        contacts_surface=None if surface is None else surface.contact(points),
        zones=maps.zoned.of_lesion(lesion.edema) if maps.zoned else (),
    )


def _extent(points: NDArray[np.float64], grid: Grid) -> Extent:
    """Box around whole voxels, not around their centres, along the axes of the body."""
    voxel = np.abs(grid.affine[:3, :3]).sum(axis=1)
    x, y, z = (points.max(axis=0) - points.min(axis=0) + voxel).tolist()
    return Extent(right_left=x, anterior_posterior=y, superior_inferior=z)


def _detection_limit(origin: Origin) -> float | None:
    """What the finder still finds, by its phantom benchmark; that was measured with T1."""
    return detection_limits()[0].mm3 if origin is Origin.FOUND else None


def _point(ras: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = ras.tolist()
    return (x, y, z)


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 0.0


def _sum(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None
