"""Probability of edema per voxel: the larger of what size and contrast say and what was learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.extensive import extensive_probability
from marrowlight.edema.features import feature_slabs
from marrowlight.edema.learned import Trees
from marrowlight.edema.parameters import Parameters
from marrowlight.edema.scene import Scene
from marrowlight.edema.smooth import Array, within

EXTENSIVE_GATE = 0.5
"""From here on a voxel belongs to an extensive region."""
MIN_IN_BONE = 0.3
"""Share of a lesion that must lie inside the given bone: the rim alone is no lesion."""

MIN_CONSPICUOUS = 2.0
"""The brightest tenth of a lesion is at least this far above normal marrow. Robust SD."""
MIN_REACH_MM = 1.8
"""A lesion reaches at least this deep into bone: less is partial volume of what lies beside."""
MAX_EXPOSED = 0.9
"""A lesion of which more than this share lies in slices that cut the side of the bone is partial
volume with cartilage, fluid or muscle beside it. Phantom knees without edema showed little else,
and readers of the sacroiliac set hardly mark such lesions."""


@dataclass(frozen=True, eq=False)
class Probabilities:
    """All (I, J, K) on the scene's window.

    extensive, focal : float32, what each part says; gate : float32, extensive region.
    """

    extensive: Array
    gate: Array
    focal: Array

    @property
    def combined(self) -> Array:
        """The larger of the two."""
        return np.maximum(self.extensive, self.focal)


def probabilities(scene: Scene, trees: Trees | None) -> Probabilities:
    """Probability of edema; trees : None for the part that needs no training alone."""
    extensive, gate = extensive_probability(scene.z, scene.shape, scene.spacing)
    focal = np.zeros(scene.z.shape, np.float32)
    if trees is not None:
        for slices, which, rows in feature_slabs(
            scene.z, scene.t1, scene.shape, scene.spacing, scene.marrow.relative
        ):
            part = np.zeros(which.shape, np.float32)
            part[which] = trees.probability(rows)
            focal[:, :, slices] = part
    return Probabilities(extensive, gate, focal)


def edema_mask(p: Probabilities, scene: Scene, parameters: Parameters) -> NDArray[np.bool_]:
    """(I, J, K) bool from probabilities: two thresholds, then no specks and no lesion of rim only.

    A threshold of half the Dice that can be reached maximises the expected Dice; that is why
    the one for extensive edema (Dice 0.9) is about twice the one for small lesions (0.4 to 0.5).
    """
    from scipy import ndimage

    in_extensive = p.gate >= EXTENSIVE_GATE
    mask = (p.extensive >= parameters.extensive_threshold) | (
        ~in_extensive & (p.combined >= parameters.focal_threshold)
    )
    label, n = ndimage.label(mask, np.ones((3, 3, 3)))
    volume = np.bincount(label.ravel(), minlength=n + 1)
    inside = np.bincount(label[scene.shape.bone], minlength=n + 1)
    keep = volume * float(np.prod(scene.spacing)) >= parameters.min_lesion_mm3
    keep &= inside >= MIN_IN_BONE * volume
    exposed = np.bincount(label[scene.shape.exposed], minlength=n + 1)
    keep &= exposed <= MAX_EXPOSED * volume
    keep &= ndimage.maximum(scene.shape.depth, label, np.arange(n + 1)) >= MIN_REACH_MM
    bone = scene.shape.bone.astype(np.float32)
    fine = within(np.clip(scene.z, -4.0, 15.0), bone, 0.8, scene.spacing)
    for i, box in enumerate(ndimage.find_objects(label), start=1):
        if keep[i]:
            keep[i] = np.percentile(fine[box][label[box] == i], 90) >= MIN_CONSPICUOUS
    keep[0] = False
    kept: NDArray[np.bool_] = keep[label]
    return kept
