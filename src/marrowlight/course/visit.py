"""A visit: what was read of one joint at one time, ready to be compared with other times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.detection import detection_limits
from marrowlight.edema.intervals import Origin
from marrowlight.edema.measurement import BoneEdema
from marrowlight.errors import GridMismatch
from marrowlight.reading import Reading, SeriesReading
from marrowlight.study.study import Joint, Side


class BoneKey(NamedTuple):
    """One bone of one side: what is the same thing at every visit."""

    bone: str
    side: Side


@dataclass(frozen=True, eq=False)
class Visit:
    """One visit, read.

    Parameters
    ----------
    name : str
        Of its folder or file; nothing of the patient.
    weeks : float
        Since the first visit.
    weeks_source : "dates" or "given"
    joint, side : Joint, Side
    bones : BoneMap
    edema : (I, J, K) bool, on ``bones.grid``; without cysts
    reading : Reading
    image : (I, J, K) float32 on the same grid, or None; for pictures only
    patient, study, image_sha256 : str or None
        Salted hash of the patient's id and of the study's number, and the hash of the image that
        edema was read on. Only to see whether two visits share them; never written.
    from_reading : bool
        An earlier reading was used, not the images.
    scanner : mapping
        Numbers of the sequence that are known: te_ms, field_t, manufacturer and the like.

    Raises
    ------
    GridMismatch
        If edema or image do not fit the grid of the bones.
    """

    name: str
    weeks: float
    weeks_source: Literal["dates", "given"]
    joint: Joint
    side: Side
    bones: BoneMap
    edema: NDArray[np.bool_]
    reading: Reading
    image: NDArray[np.float32] | None = None
    patient: str | None = None
    from_reading: bool = False
    study: str | None = None
    image_sha256: str | None = None
    scanner: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, array in (("edema mask", self.edema), ("image", self.image)):
            if array is not None and array.shape != self.bones.grid.shape:
                raise GridMismatch(
                    f"The {name} of shape {array.shape} does not fit the bones of "
                    f"{self.bones.grid.shape}.",
                    where=self.name,
                )

    @property
    def series(self) -> SeriesReading | None:
        """What is known of the series that edema was read on; None for a mask without an image."""
        return next((s for s in self.reading.series if s.primary), None)

    @property
    def origin(self) -> Origin:
        """Who made the edema mask."""
        if self.reading.versions.parameters is None:
            return Origin.DRAWN
        edema = self.reading.regions[0].edema
        known = edema.detection_limit_mm3 is not None
        return Origin.FOUND if known else Origin.FOUND_WITHOUT_T1

    @property
    def floor_mm3(self) -> float:
        """Smallest volume that is told from nothing here. mm³.

        The detection limit of the finder where it was measured; without T1 it is an estimate, the
        same figure. Of a drawn mask, what its voxels resolve.
        """
        counted = max(b.edema.smallest_counted_mm3 for b in self.measured)
        if self.origin is Origin.DRAWN:
            return counted
        limits = [b.edema.detection_limit_mm3 or detection_limits()[0].mm3 for b in self.measured]
        return max(counted, *limits)

    @property
    def slice_mm(self) -> float:
        """Distance between slices in mm: the widest spacing of the grid."""
        return max(self.bones.grid.spacing)

    @property
    def measured(self) -> tuple[BoneEdema, ...]:
        """Every bone of the reading with its edema."""
        return tuple(bone for region in self.reading.regions for bone in region.bones)

    def keys(self, side: Side) -> dict[BoneKey, LabelledBone]:
        """The bones of the map; one without a side gets ``side``, that of all visits."""
        shown = set(np.flatnonzero(np.bincount(self.bones.labels.ravel(), minlength=256)).tolist())
        found: dict[BoneKey, LabelledBone] = {}
        for bone in self.bones.bones:
            own = bone.side if bone.side is not Side.UNKNOWN else side
            if bone.label in shown:
                found.setdefault(BoneKey(bone.bone, own), bone)
        return found
