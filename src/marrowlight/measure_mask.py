"""Measure an edema mask that someone else made: the same measurement, the same outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from marrowlight.errors import BadMask
from marrowlight.provenance import reading_id, software_versions
from marrowlight.reading import Reading, SeriesReading, Warned
from marrowlight.result import ReadResult
from marrowlight.stages import Progress, Stages
from marrowlight.study.grid import Grid
from marrowlight.study.series import Series
from marrowlight.study.study import Joint, Side, Study
from marrowlight.study.volume import volume_hash

GIVEN = "given"
"""Id of the primary series where a mask was measured without an image."""


def measure(
    edema: str | Path,
    *,
    bones: str | Path,
    bone_labels: str | None = None,
    image: Study | None = None,
    joint: Joint = Joint.UNKNOWN,
    side: Side = Side.UNKNOWN,
    isolate: bool = False,
    stages: Stages | None = None,
    progress: Progress | None = None,
) -> ReadResult:
    """Measure a given edema mask within given bones.

    Parameters
    ----------
    edema, bones : path
        NIfTI, NRRD or DICOM SEG on one grid; every voxel of ``edema`` above zero is edema.
    bone_labels : as for ``read``.
    image : Study, optional
        The study the mask was drawn on. One of its series must stand on the mask's grid; contrast
        to normal marrow is measured on it, and is null without it.
    joint, side : where the image does not say.
    isolate : read the masks in a child process with limits, as ``open_study`` does.

    Raises
    ------
    GridMismatch, BadMask, UsageError
    """
    from marrowlight.anatomy.given import bones_from_file
    from marrowlight.anatomy.zones_of import zones_of
    from marrowlight.edema.intervals import Origin
    from marrowlight.edema.measure import measure_edema
    from marrowlight.regions import regions_of, series_reading
    from marrowlight.report.sentence import summary_sentence
    from marrowlight.side_file import labels_beside
    from marrowlight.study.maskfile import read_mask

    stages = stages or Stages(on_start=progress)
    with stages.stage("masks"):
        grids = [(f"{s.id} ({s.role.value})", s.volume.grid) for s in image.series] if image else []
        drawn = read_mask(edema, [grid for _, grid in grids], isolate=isolate)
        series = _series_on(image, drawn.grid, Path(edema).name) if image else None
        side = image.side if image and side is Side.UNKNOWN else side
        joint = image.joint if image and joint is Joint.UNKNOWN else joint
        here = [(f"edema mask {Path(edema).name}", drawn.grid)]
        named = bone_labels or labels_beside(bones)
        given = bones_from_file(bones, here, labels=named, side=side, isolate=isolate)
        mask = drawn.labels > 0
    notes = [Warned(code=n.code, text=n.text) for n in (image.notices if image else ())]
    if not mask.any():
        notes.append(Warned(code="edema-mask-empty", text="The edema mask is empty."))
    elif not (mask & given.mask).any():
        raise BadMask(
            "No voxel of the edema mask lies in bone.",
            where=f"{Path(edema).name} and {Path(bones).name}",
            expected="edema inside the bone mask",
            do="check that both masks belong to the same image and the labels are bone",
        )
    marrow = contrast = None
    if series:
        from marrowlight.edema.scene import prepare

        with stages.stage("normal marrow"):
            scene = prepare(series.volume, given)
            marrow = scene.marrow
            contrast = scene.window.paste(scene.z, np.zeros(drawn.grid.shape, np.float32))
    with stages.stage("zones"):
        zones = zones_of(given, joint=joint, side=side)
    with stages.stage("measure"):
        measured = measure_edema(
            mask=mask,
            grid=drawn.grid,
            bones=given,
            contrast=contrast,
            origin=Origin.DRAWN,
            slice_thickness_mm=series.slice_thickness_mm if series else None,
            zones=zones,
        )
    notes += [Warned(code=n.code, text=n.text) for n in (*measured.notices, *zones.notices)]
    versions = software_versions(None, zones=bool(zones.systems))
    regions = regions_of(measured, origin=Origin.DRAWN, joint=joint, side=side, zones=zones)
    read_on: tuple[SeriesReading, ...] = ()
    if series and marrow:
        read_on = (series_reading(series, marrow, regions, primary=True),)
    hashes = [volume_hash(mask, drawn.grid.affine), given.sha256]
    if series:
        hashes.append(series.volume.sha256)
    reading = Reading(
        reading_id=reading_id(hashes, ["measure", joint.value, side.value], versions),
        summary=summary_sentence(regions),
        regions=regions,
        primary_series=series.id if series else GIVEN,
        primary_reason="The edema mask was given by the user and was not checked.",
        series=read_on,
        warnings=tuple(notes),
        versions=versions,
    )
    empty = np.zeros(drawn.grid.shape, bool)
    return ReadResult(reading, image, series, given, mask, empty, zones=zones)


def _series_on(study: Study, grid: Grid, name: str) -> Series:
    """The series that stands on the mask's grid, a fluid-sensitive one first."""
    ordered = [*study.fluid_sensitive(), *study.series]
    for series in ordered:
        if series.volume.grid.matches(grid):
            return series
    nearest = min(ordered, key=lambda s: grid.distance_mm(s.volume.grid))
    grid.require_match(nearest.volume.grid, this=f"edema mask {name}", that=f"image {nearest.id}")
    return nearest
