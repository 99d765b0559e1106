"""Read one study: bones, edema, measurements, one value out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.errors import BadMask, UsageError
from marrowlight.notice import Notice
from marrowlight.provenance import reading_id, software_versions
from marrowlight.reading import (
    OtherSeries,
    Reading,
    SeriesReading,
    Warned,
)
from marrowlight.result import ReadResult
from marrowlight.stages import Progress, Stages
from marrowlight.study.series import Role, Series
from marrowlight.study.study import Joint, Study
from marrowlight.study.volume import Volume, resample
from marrowlight.study_bones import StudyBones, bones_of, carried

if TYPE_CHECKING:
    from marrowlight.anatomy.found import BonesFound
    from marrowlight.anatomy.seed import Seed
    from marrowlight.edema.edema_map import EdemaMap
    from marrowlight.edema.parameters import Parameters


UNREAD_RIM_MM = {Joint.HIP: 2.0, Joint.KNEE: 2.0, Joint.ANKLE: 2.0, Joint.SACROILIAC: 0.0}
"""Bones that the network drew are read for edema from this depth on: their outline is off by up to
about as much, and cartilage, as bright as edema, lies just outside it. Not at the sacroiliac joint,
whose cartilage is thin and whose edema lies at the joint line. Chosen on one knee presumed free of
edema and four sacroiliac joints. mm."""


@dataclass(frozen=True, eq=False)
class _SeriesFound:
    """What was found on one fluid-sensitive series."""

    series: Series
    bones: BoneMap
    zones: ZoneMap
    edema: EdemaMap
    notices: tuple[Notice, ...]
    reading: SeriesReading


def read(
    study: Study,
    *,
    bones: BoneMap | BonesFound | str | Path | None = None,
    bone_labels: str | None = None,
    seeds: Sequence[Seed] = (),
    normal_marrow: NDArray[np.bool_] | str | Path | None = None,
    parameters: Parameters | None = None,
    only_primary: bool = False,
    isolate: bool = False,
    stages: Stages | None = None,
    progress: Progress | None = None,
) -> ReadResult:
    """Find and measure the edema in a study.

    Writes nothing, and reads a file only where a path is given for ``bones`` or
    ``normal_marrow``.

    Parameters
    ----------
    study : Study
        From ``open_study``.
    bones : BoneMap, BonesFound or path, optional
        Where bone is, on the grid of any series of the study; a path to NIfTI, NRRD or DICOM SEG.
        Without it the built-in network finds the bones (``find_bones``).
    bone_labels : str, optional
        What the labels in a mask file mean: ``"1=femur,3=tibia"`` or ``"registry"``.
    seeds : sequence of Seed
        A point in a bone that the network missed or mistook; only where no bones are given.
    normal_marrow : (I, J, K) bool on the primary grid, or path, optional
        Hand-drawn normal marrow; without it the reference is found in the image.
    parameters : Parameters, optional
        Of the finder; default is the set that is shipped.
    only_primary : bool
        Leave the other fluid-sensitive series unread.
    isolate : bool
        Read mask files in a child process with limits, as ``open_study`` does.
    stages : Stages, optional
        Collects the time of each stage.
    progress : callable, optional
        Called with the name of each stage.

    Returns
    -------
    ReadResult
        ``.reading`` is what goes into ``reading.json``; beside it the masks on the primary grid.

    Raises
    ------
    NotThisJoint, BonesNotFound, NoFluidSensitiveSeries, GridMismatch, BadMask, BadVoxels,
    UsageError, WeightsError
    """
    from marrowlight.edema.parameters import shipped_parameters
    from marrowlight.study.joint import require_joint

    stages = stages or Stages(on_start=progress)
    require_joint(study)
    primary = study.primary
    chosen = parameters or shipped_parameters()
    given = bones_of(study, bones, labels=bone_labels, seeds=seeds, stages=stages, isolate=isolate)
    study = given.study
    marrow = _marrow_mask(study, normal_marrow, isolate=isolate)
    warnings = [Warned(code=n.code, text=n.text) for n in study.notices]
    warnings += given.warnings
    for series in study.series:
        warnings += _warned(series.notices, series)
    found: list[_SeriesFound] = []
    for series in study.fluid_sensitive():
        first = series.id == primary.id
        if not first and only_primary:
            continue
        try:
            one = _read_series(
                study, series, given, marrow if first else None, chosen, stages, primary=first
            )
        except BadMask:
            if first:
                raise
            text = f"Series {series.id} was not read: the bones do not reach it."
            warnings.append(Warned(code="series-not-read", text=text, series=series.id))
            continue
        found.append(one)
        warnings += _warned((*one.edema.warnings, *one.notices), series)
    warnings += carried(given, primary)
    return _result(given, found, warnings, chosen)


def _marrow_mask(
    study: Study, given: NDArray[np.bool_] | str | Path | None, *, isolate: bool
) -> NDArray[np.bool_] | None:
    """The hand-drawn normal marrow on the primary grid; raises GridMismatch, BadMask."""
    if given is None:
        return None
    grid = study.primary.volume.grid
    if isinstance(given, np.ndarray):
        voxels = np.asarray(given, bool)
        if voxels.shape != grid.shape:
            raise UsageError(
                f"normal_marrow has the shape {voxels.shape}; the primary series has {grid.shape}."
            )
    else:
        from marrowlight.study.maskfile import read_mask

        mask = read_mask(given, [grid], isolate=isolate)
        mask.grid.require_match(
            grid, this=f"normal marrow mask {Path(given).name}", that=f"series {study.primary.id}"
        )
        voxels = mask.labels > 0
    if not voxels.any():
        raise BadMask("The mask of normal marrow is empty.", where="--normal-marrow")
    return voxels


def _read_series(
    study: Study,
    series: Series,
    given: StudyBones,
    marrow: NDArray[np.bool_] | None,
    parameters: Parameters,
    stages: Stages,
    *,
    primary: bool,
) -> _SeriesFound:
    from marrowlight.anatomy.zones_of import zones_of
    from marrowlight.edema.find import find_edema
    from marrowlight.edema.intervals import Origin
    from marrowlight.edema.measure import measure_edema
    from marrowlight.regions import regions_of, series_reading

    grid = series.volume.grid
    with stages.stage("carry bones and T1 onto the grid"):
        bones = given.bones.onto(grid)
        t1 = study.first(Role.T1)
        t1_here = None
        if t1 is not None:
            moved = resample(t1.volume.voxels, t1.volume.grid, grid)
            t1_here = Volume(moved.astype(np.float32), grid)
    with stages.stage("find edema"):
        edema = find_edema(
            series.volume,
            bones.inside(UNREAD_RIM_MM.get(study.joint, 0.0)) if given.found else bones,
            t1=t1_here,
            normal_marrow=marrow,
            parameters=parameters,
        )
    with stages.stage("zones"):
        zones = zones_of(bones, joint=study.joint, side=study.side)
    # Without T1 the finder agrees less with readers, and the interval says so.
    origin = Origin.FOUND if edema.with_t1 else Origin.FOUND_WITHOUT_T1
    with stages.stage("measure"):
        measured = measure_edema(
            mask=edema.mask,
            grid=grid,
            bones=bones,
            contrast=edema.contrast,
            probability=edema.probability,
            cyst=edema.cyst,
            origin=origin,
            slice_thickness_mm=series.slice_thickness_mm,
            zones=zones,
        )
    regions = regions_of(
        measured,
        origin=origin,
        joint=study.joint,
        side=study.side,
        joint_evidence=study.joint_evidence,
        side_evidence=study.side_evidence,
        zones=zones,
        trust=given.trust,
    )
    return _SeriesFound(
        series,
        bones,
        zones,
        edema,
        (*measured.notices, *zones.notices),
        series_reading(series, edema.marrow, regions, primary=primary),
    )


def _result(
    given: StudyBones, found: list[_SeriesFound], warnings: list[Warned], parameters: Parameters
) -> ReadResult:
    from marrowlight.report.sentence import summary_sentence

    study = given.study
    first = found[0]
    read_ids = {one.series.id for one in found}
    versions = software_versions(
        parameters,
        bone_weights=given.found.weights_sha256 if given.found else None,
        zones=bool(first.zones.systems),
    )
    others = tuple(
        OtherSeries(
            id=s.id,
            role=s.role,
            role_evidence=s.role_evidence,
            description=s.description,
            plane=s.plane,
            shape=s.volume.grid.shape,
            used_for=_use(s, given),
        )
        for s in study.series
        if s.id not in read_ids
    )
    reading = Reading(
        reading_id=reading_id(
            [*(s.volume.sha256 for s in study.series), first.bones.sha256],
            [study.joint.value, study.side.value, *(s.role.value for s in study.series)],
            versions,
        ),
        summary=summary_sentence(first.reading.regions),
        regions=first.reading.regions,
        primary_series=first.series.id,
        primary_reason=study.primary_reason,
        series=tuple(one.reading for one in found),
        other_series=others,
        set_aside=tuple(
            {"name": a.name, "reason": a.reason, "files": a.files} for a in study.set_aside
        ),
        warnings=tuple(_once(warnings)),
        versions=versions,
    )
    return ReadResult(
        reading=reading,
        study=study,
        primary=first.series,
        bones=first.bones,
        edema=first.edema.mask,
        cyst=first.edema.cyst,
        probability=first.edema.probability,
        zones=first.zones,
    )


def _use(series: Series, given: StudyBones) -> str:
    """What a series was used for that edema is not read on."""
    uses = []
    if given.found and series.id in given.found.series_used:
        uses.append("bones were found on it")
    if series is given.study.first(Role.T1):
        uses.append("told marrow from cyst and fat")
    return "; ".join(uses) or "not used"


def _warned(notices: tuple[Notice, ...], series: Series) -> list[Warned]:
    return [Warned(code=n.code, text=n.text, series=series.id) for n in notices]


def _once(warnings: list[Warned]) -> list[Warned]:
    """Without repetitions, in order."""
    return list(dict.fromkeys(warnings))
