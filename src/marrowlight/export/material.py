"""What every document is made of: a reading, its masks, and the DICOM images that were read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.edema.lesions import assign_to_bones
from marrowlight.edema.measurement import BoneEdema, Lesion
from marrowlight.errors import NotFromDicom
from marrowlight.reading import Reading
from marrowlight.study.origin import DicomOrigin
from marrowlight.study.study import Side


@dataclass(frozen=True, eq=False)
class Material:
    """What documents are made of. Identifying, as soon as ``origin`` is there.

    Parameters
    ----------
    reading : Reading
    bones : BoneMap
        On the grid of the primary series, labels as in ``reading.regions[].bones[].label``.
    edema : (I, J, K) bool
    probability : (I, J, K) float32 or None
        None where the edema mask was given by the user.
    made : datetime
        When the reading was made, with its time zone. Documents carry this time and not that of
        their writing, so that writing again gives the same bytes.
    origin : DicomOrigin or None
        Of the primary series; None where the images were no DICOM.
    others : tuple of DicomOrigin
        Of the other series of the study.
    tracks : dict
        Lesion id to the ``key`` of the lesion where it was first seen, from a course; a lesion that
        is not in it was first seen here.
    """

    reading: Reading
    bones: BoneMap
    edema: NDArray[np.bool_]
    probability: NDArray[np.float32] | None
    made: datetime.datetime
    origin: DicomOrigin | None = None
    others: tuple[DicomOrigin, ...] = ()
    tracks: Mapping[str, str] | None = None

    @cached_property
    def bone_of(self) -> NDArray[np.uint8]:
        """(I, J, K) uint8: label of the bone that each edema voxel was counted for, else 0."""
        return assign_to_bones(self.edema, self.bones.labels, self.bones.grid)

    @property
    def bones_read(self) -> tuple[BoneEdema, ...]:
        """Every bone that was read, in the order of the reading."""
        return tuple(bone for region in self.reading.regions for bone in region.bones)

    @cached_property
    def bones_with_edema(self) -> tuple[BoneEdema, ...]:
        """The bones that any edema voxel was counted for, in the order of the reading."""
        voxels = np.bincount(self.bone_of.ravel(), minlength=256)
        return tuple(bone for bone in self.bones_read if voxels[bone.label])

    def side_of(self, bone: BoneEdema) -> Side:
        """The side of a bone; of its region, where the bone itself names none."""
        if bone.side is not Side.UNKNOWN:
            return bone.side
        return next(region.side for region in self.reading.regions if bone in region.bones)

    @property
    def dicom(self) -> DicomOrigin:
        """The DICOM images; raises NotFromDicom where there are none."""
        if self.origin is None:
            raise NotFromDicom(
                "The images of this reading were no DICOM, or it was made by a version that did "
                "not keep what a DICOM document refers to.",
                where=self.reading.reading_id,
                expected="a reading of a DICOM study",
                do="read the DICOM study again; tables and FHIR need no DICOM",
            )
        return self.origin

    def lesion_key(self, lesion: Lesion) -> str:
        """What stays the same of a lesion over visits: where it was first seen."""
        return (self.tracks or {}).get(lesion.id) or first_seen(self.reading.reading_id, lesion.id)


def first_seen(reading_id: str, lesion_id: str) -> str:
    """The key of a lesion in the reading that saw it first."""
    return f"{reading_id}/{lesion_id}"
