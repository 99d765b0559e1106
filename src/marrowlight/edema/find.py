"""Find edema: from a fluid-sensitive volume and bones to a probability and a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.edema.cautions import cautions
from marrowlight.edema.edema_map import EdemaMap
from marrowlight.edema.mimics import (
    FIELD_EDGE_MM,
    VESSEL_PROBABILITY,
    cysts,
    failed_suppression,
    label_tissue,
    vessels,
)
from marrowlight.edema.parameters import Parameters, shipped_parameters
from marrowlight.edema.probability import edema_mask, probabilities
from marrowlight.edema.scene import prepare
from marrowlight.edema.window import Window
from marrowlight.study.volume import Volume


def find_edema(
    fluid: Volume,
    bones: BoneMap,
    *,
    t1: Volume | None = None,
    normal_marrow: NDArray[np.bool_] | None = None,
    parameters: Parameters | None = None,
    learned: bool = True,
) -> EdemaMap:
    """Find bone marrow edema.

    Parameters
    ----------
    fluid : Volume
        Fluid-sensitive, fat-suppressed (STIR, T2 or PD fat-suppressed, Dixon water...).
    bones : BoneMap
        On the same grid. Voxels up to 2 mm outside bone may be edema if the lesion that they
        belong to lies mostly in bone.
    t1 : Volume, optional
        On the same grid. Without it another model is used, which agrees less with readers.
    normal_marrow : (I, J, K) bool, optional
        Normal marrow drawn by the user; it sets the center of the reference.
    parameters : Parameters, optional
        Default: the shipped set.
    learned : bool
        False: only the part that needs no training, which sees extensive or very bright edema.

    Returns
    -------
    EdemaMap

    Raises
    ------
    GridMismatch
        If the inputs are not on one grid.
    BadVoxels
        If the image near the bones is NaN, infinite, constant or zero.
    BadMask
        If ``normal_marrow`` is empty.
    WeightsError
        If the shipped parameters were changed.
    """
    chosen = parameters or shipped_parameters()
    scene = prepare(fluid, bones, t1, normal_marrow)
    trees = chosen.trees(with_t1=scene.t1 is not None) if learned else None
    p = probabilities(scene, trees)
    cyst = cysts(scene)
    failed = failed_suppression(scene, at_edge=_at_edge(scene.window, fluid.grid.spacing))
    mask = edema_mask(p, scene, chosen) & ~cyst & ~failed
    vessel = vessels(scene, mask)
    mask &= ~vessel
    combined = p.combined
    combined[vessel] = np.minimum(combined[vessel], VESSEL_PROBABILITY)
    combined[cyst | failed] = 0.0
    tissue = label_tissue(scene, mask, cyst, failed, vessel)
    window, shape = scene.window, fluid.grid.shape
    return EdemaMap(
        probability=window.paste(combined, np.zeros(shape, np.float32)),
        mask=window.paste(mask, np.zeros(shape, bool)),
        tissue=window.paste(tissue, np.zeros(shape, np.uint8)),
        contrast=window.paste(scene.z, np.zeros(shape, np.float32)),
        corrected=window.paste(scene.corrected, fluid.voxels.copy()),
        marrow=scene.marrow,
        grid=fluid.grid,
        with_t1=scene.t1 is not None,
        warnings=cautions(scene, failed, t1_given=t1 is not None),
    )


def _at_edge(window: Window, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """(I, J, K) bool on the window: within FIELD_EDGE_MM of the in-plane edge of the image."""
    near = np.zeros(window.shape, bool)
    for axis in window.order[:2]:
        n = min(int(np.ceil(FIELD_EDGE_MM / spacing[axis])), window.shape[axis])
        index: list[slice] = [slice(None)] * 3
        for side in (slice(0, n), slice(window.shape[axis] - n, None)):
            index[axis] = side
            near[tuple(index)] = True
    return window.cut(near)
