"""A course with the visits and transforms behind it, ready to be written and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.course import Course
from marrowlight.course.view import Matrix, Voxels
from marrowlight.course.visit import BoneKey, Visit

if TYPE_CHECKING:
    from marrowlight.course.register import BoneTransform
    from marrowlight.explanation import Explanation


@dataclass(frozen=True, eq=False)
class CourseResult:
    """What ``follow`` returns.

    Parameters
    ----------
    course : Course
    visits : tuple of Visit, in the order of ``course.visits``
    transforms : mapping of (visit, bone) to BoneTransform
        Accepted ones, without those of the visit that a bone is laid on.
    matrices : mapping of bone to mapping of visit to (4, 4)
        RAS mm of the visit to RAS mm of the first visit that shows the bone, which has the unit
        matrix; a visit at which the bone is not compared is not there.
    explanation : Explanation or None
        Of the case with this course, where a case was given.
    """

    course: Course
    visits: tuple[Visit, ...]
    transforms: Mapping[tuple[int, BoneKey], BoneTransform]
    matrices: Mapping[BoneKey, Mapping[int, Matrix]]
    explanation: Explanation | None = None

    @property
    def summary(self) -> str:
        """What changed, in plain sentences: ``course.summary``."""
        return self.course.summary

    def matrix(self, visit: int, key: BoneKey) -> Matrix | None:
        """(4, 4) from a visit to the first that shows the bone; None where it is not compared."""
        return self.matrices.get(key, {}).get(visit)

    def carried_edema(self, visit: int) -> NDArray[np.bool_]:
        """The edema of a visit on the grid of the first: (I, J, K) bool.

        Bone by bone; a bone that the first visit does not show, or that is not compared, is left
        out.
        """
        from marrowlight.course.moved import moved_mask

        first, here = self.visits[0], self.visits[visit]
        onto = first.bones.grid
        edema = np.zeros(onto.shape, bool)
        if visit == 0:
            return first.edema.copy()
        bone_of = Voxels.of(here).edema
        for key, bone in here.keys(self.course.side).items():
            matrix = self.matrix(visit, key)
            if matrix is None or self.matrix(0, key) is None:
                continue
            mine = bone_of == bone.label
            if mine.any():
                edema |= moved_mask(mine, here.bones.grid, matrix, onto)
        return edema
