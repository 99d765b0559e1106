"""The result of reading: the reading and the images behind it, on the primary grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.reading import Reading, Region, Warned
from marrowlight.study.series import Series
from marrowlight.study.study import Study

if TYPE_CHECKING:
    from marrowlight.explained import Explained


@dataclass(frozen=True, eq=False)
class ReadResult:
    """A reading with its images, ready to be written.

    Parameters
    ----------
    reading : Reading
    study : Study
        The study that was read; identifying (only source.json holds what identifies).
    primary : Series or None
        The series that edema was read on; None if a mask was measured without an image.
    bones : BoneMap
        On the primary grid, labels as in ``reading.regions[].bones[].label``.
    edema, cyst : (I, J, K) bool
    probability : (I, J, K) float32 or None
        None if the edema mask was given by the user.
    zones : ZoneMap or None
        On the primary grid; None if none were looked for.
    explained : Explained or None
        Why the edema may be there; None where nothing is known of the patient.
    """

    reading: Reading
    study: Study | None
    primary: Series | None
    bones: BoneMap
    edema: NDArray[np.bool_]
    cyst: NDArray[np.bool_]
    probability: NDArray[np.float32] | None = None
    zones: ZoneMap | None = None
    explained: Explained | None = None

    @property
    def regions(self) -> tuple[Region, ...]:
        """What was measured on the primary series: ``reading.regions``."""
        return self.reading.regions

    @property
    def summary(self) -> str:
        """What was found, in plain sentences: ``reading.summary``."""
        return self.reading.summary

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """What the reader of the numbers must know: ``reading.warnings``."""
        return self.reading.warnings
