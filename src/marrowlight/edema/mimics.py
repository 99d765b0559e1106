"""Bright, but not edema: cysts, vessels, joint fluid, failed fat suppression.

Rules of thumb of the reading room, written as data so that a reader can disagree with a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.scene import Scene
from marrowlight.edema.smooth import Array, curvatures, distance_inside, gaussian, pixels
from marrowlight.edema.tissue import Tissue

CONSPICUOUS = 2.5
"""Contrast (robust SD) from which a voxel is given a label at all."""
FLUID_PERCENTILE = 99.5
"""Brightness of free fluid: this percentile of the window. Joint fluid, vessels, CSF."""
CYST_FLUID_SHARE = 0.75
"""A cyst is at least this bright on the way from normal marrow to free fluid."""
CYST_MIN_CONTRAST = 6.0
CYST_SHARPNESS = 0.4
"""Mean edge of a cyst: this share of its contrast is lost within one millimetre."""
CYST_MM3 = (8.0, 8000.0)
CYST_DEPTH_MM = 1.0
CYST_ROUNDNESS = 0.45
"""Volume of a cyst over that of its box (a ball: 0.52, a ball in few slices: up to 0.79)."""
VESSEL_LINE = 0.35
"""A line: its weaker curvature is below this share of the stronger one."""
VESSEL_HALF_WIDTH_MM = 1.5
VESSEL_ELONGATION = 4.0
"""A vessel: nowhere wider than twice the first, and that many times longer than wide..."""
VESSEL_GAP_MM = 8.0
VESSEL_DEPTH_MM = 4.0
"""...and away from joint spaces and from the surface, where edema itself forms lines."""
VESSEL_PROBABILITY = 0.15
"""Readers mark about one voxel in six of such lines."""
FIELD_EDGE_MM = 25.0
"""Fat suppression fails first within this distance of the edge of the field of view."""
FAILED_OUTSIDE_CONTRAST = 3.0
"""Soft tissue around such a region is itself this bright (fat that was not suppressed)."""
FAILED_MIN_ML = 1.0


def cysts(scene: Scene) -> NDArray[np.bool_]:
    """(I, J, K) bool: fluid-bright, compact, sharp, inside bone."""
    from scipy import ndimage

    z, bone = scene.z, scene.shape.bone
    fluid = float(np.percentile(z[::2, ::2], FLUID_PERCENTILE))
    bright = bone & (z > max(CYST_FLUID_SHARE * fluid, CYST_MIN_CONTRAST))
    out = np.zeros(z.shape, bool)
    label, n = ndimage.label(bright, np.ones((3, 3, 3)))
    if n == 0:
        return out
    voxel = float(np.prod(scene.spacing))
    volume = np.bincount(label.ravel(), minlength=n + 1) * voxel
    for i, box in enumerate(ndimage.find_objects(label), start=1):
        if not CYST_MM3[0] <= volume[i] <= CYST_MM3[1]:
            continue
        here = label[box] == i
        if here.mean() < CYST_ROUNDNESS or scene.shape.depth[box][here].min() < CYST_DEPTH_MM:
            continue
        wide = tuple(
            slice(max(s.start - 3, 0), s.stop + 3) if axis < 2 else s for axis, s in enumerate(box)
        )
        if _edge_per_mm(z[wide], label[wide] == i, scene.spacing) >= CYST_SHARPNESS:
            out[box] |= here
    return out


def _edge_per_mm(z: Array, here: NDArray[np.bool_], spacing: tuple[float, float, float]) -> float:
    """Share of the contrast that is lost per mm across the in-plane edge of a region."""
    from scipy import ndimage

    cross = np.zeros((3, 3, 1), bool)
    cross[1, :, 0] = cross[:, 1, 0] = True
    rim = ndimage.binary_dilation(here, cross) & ~here
    inner = here & ~ndimage.binary_erosion(here, cross)
    if not rim.any() or not inner.any():
        return 0.0
    steep = np.hypot(*(np.gradient(z, axis=a) / spacing[a] for a in (0, 1)))
    inside = float(z[here].mean())
    return float(steep[rim | inner].mean()) / inside if inside > 0 else 0.0


def vessels(scene: Scene, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(I, J, K) bool: parts of mask that are thin, long, deep in bone and far from a joint."""
    from scipy import ndimage

    out = np.zeros(mask.shape, bool)
    label, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    for i, box in enumerate(ndimage.find_objects(label), start=1):
        here = label[box] == i
        if np.median(scene.shape.gap[box][here]) <= VESSEL_GAP_MM:
            continue
        if np.median(scene.shape.depth[box][here]) <= VESSEL_DEPTH_MM:
            continue
        padded = np.pad(here, ((1, 1), (1, 1), (0, 0)))
        half_width = float(distance_inside(padded, scene.spacing).max())
        used = np.argwhere(here) * np.asarray(scene.spacing)
        length = float(np.linalg.norm(used.max(0) - used.min(0)))
        if half_width <= VESSEL_HALF_WIDTH_MM and length >= 2 * VESSEL_ELONGATION * half_width:
            out[box] |= here
    return out


def failed_suppression(scene: Scene, *, at_edge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(I, J, K) bool: bright bone near the edge of the field whose surroundings are bright too.

    at_edge : (I, J, K) bool, voxels within FIELD_EDGE_MM of the in-plane edge of the image.
    """
    from scipy import ndimage

    hot = scene.shape.bone & (gaussian(scene.z, 2.0, scene.spacing) > CONSPICUOUS) & at_edge
    out = np.zeros(hot.shape, bool)
    if not hot.any():
        return out
    label, n = ndimage.label(hot)
    ml = np.bincount(label.ravel(), minlength=n + 1) * float(np.prod(scene.spacing)) / 1000.0
    soft = ~scene.shape.bone & (scene.shape.depth > -8.0) & (scene.shape.depth < -2.0)
    for i in np.flatnonzero(ml >= FAILED_MIN_ML):
        if i == 0:
            continue
        around = ndimage.maximum_filter(label == i, size=pixels(8.0, scene.spacing)) & soft
        if around.sum() > 20 and np.median(scene.z[around]) > FAILED_OUTSIDE_CONTRAST:
            out |= label == i
    return out


def label_tissue(
    scene: Scene,
    mask: NDArray[np.bool_],
    cyst: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    vessel: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """(I, J, K) uint8 of ``Tissue``: what every conspicuous voxel near bone is taken for."""
    from scipy import ndimage

    smooth = gaussian(scene.z, 0.8, scene.spacing)
    bright = scene.shape.reach & (smooth > CONSPICUOUS) & ~mask
    tissue = np.zeros(mask.shape, np.uint8)
    tissue[bright] = Tissue.UNDECIDED
    if bright.any():
        strong, weak = curvatures(scene.z, 1.2, scene.spacing)
        line = (strong < -0.5) & (np.abs(weak) < VESSEL_LINE * np.abs(strong))
        tissue[bright & line & (scene.shape.depth > 0)] = Tissue.VESSEL
        free = ~scene.shape.bone & (smooth > 2 * CONSPICUOUS)
        beside = ndimage.maximum_filter(free, size=pixels(1.5, scene.spacing))
        tissue[bright & beside & (scene.shape.depth < 3.0)] = Tissue.JOINT_FLUID
    tissue[vessel] = Tissue.VESSEL
    tissue[mask] = Tissue.EDEMA
    tissue[failed] = Tissue.FAILED_SUPPRESSION
    tissue[cyst] = Tissue.CYST
    return tissue
