"""Readings of every sort as material, for the tests of documents that need no DICOM images."""

from __future__ import annotations

import dataclasses
import datetime
from functools import cache
from typing import Any

import numpy as np
from made_material import MADE, blocks, image_files, knee_material, oblique_grid

from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.export.folder import material_of
from marrowlight.export.material import Material
from marrowlight.reading import BoneNotRead
from marrowlight.study.study import Side

GRID = oblique_grid()
LATER = MADE + datetime.timedelta(days=90)


@cache
def phantom(exam: Any, kind: str) -> Material:
    """A phantom knee that is read; kind : its folder, dicom or nifti."""
    import marrowlight as ml

    study = ml.open_study(exam.folder / kind)
    result = ml.read(study, bones=exam.bones, bone_labels="registry")
    return material_of(result, made=MADE)


def drawn(exam: Any) -> Material:
    """A mask that was measured without an image: much is not measured."""
    import marrowlight as ml

    result = ml.measure(bones=exam.bones, bone_labels="registry", edema=exam.edema)
    return material_of(result, made=MADE)


def negative(**more: Any) -> Material:
    """Two bones that were read, without edema."""
    return knee_material(GRID, edema=np.zeros(GRID.shape, bool), **more)


def both_knees() -> Material:
    """A left and a right femur in one image, and more edema in the left one."""
    bones = (LabelledBone(1, "femur", Side.LEFT), LabelledBone(2, "femur", Side.RIGHT))
    return knee_material(GRID, bones=bones, side=Side.UNKNOWN)


def unknown_side() -> Material:
    bones = (LabelledBone(1, "femur"), LabelledBone(2, "cuboid"))
    return knee_material(GRID, bones=bones, side=Side.UNKNOWN)


def part_read(reason: str = "it is cut off at the edge of the image") -> Material:
    """A right knee in which the patella was looked for and not read."""
    made = knee_material(GRID)
    (region,) = made.reading.regions
    missed = BoneNotRead(bone="patella", side=Side.UNKNOWN, reason=reason)
    regions = (region.model_copy(update={"not_read": (missed,)}),)
    reading = made.reading.model_copy(update={"regions": regions})
    return dataclasses.replace(made, reading=reading)


def no_dicom() -> Material:
    return knee_material(GRID, files=None)


@cache
def _knee() -> Material:
    return knee_material(GRID)


def with_header(**tags: Any) -> Material:
    """A right knee of which the images say this of patient, study and series.

    Set after parsing, as a header that no parser of ours lets through.
    """
    made = _knee()
    origin = dataclasses.replace(made.dicom, header={**made.dicom.header, **tags})
    return dataclasses.replace(made, origin=origin)


def second_visit(first: Material) -> Material:
    """The same patient later: another study, and the lesions are those of the first visit."""
    _, edema = blocks(GRID.shape)
    edema[2] = False
    files = image_files(GRID, StudyInstanceUID="1.2.3.99", SeriesInstanceUID="1.2.3.99.1")
    now = knee_material(GRID, edema=edema, files=files)
    tracks = {one.id: f"{first.reading.reading_id}/{one.id}" for one in lesions_of(now)}
    return dataclasses.replace(now, made=LATER, tracks=tracks)


def lesions_of(material: Material) -> list[Any]:
    return [x for r in material.reading.regions for b in r.bones for x in b.edema.lesions]
