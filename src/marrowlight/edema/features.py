"""What the learned part sees of a voxel: brightness, neighbourhood, T1 and place.

All features are in units that carry over between patients and scanners: robust SD of normal
marrow and multiples of normal marrow for the fluid image, multiples of it for T1, millimetres for
place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.bone_shape import BoneShape
from marrowlight.edema.smooth import Array, box_gaussian, curvatures, gaussian, pixels, within

FLUID = (
    "z", "z_0.8", "z_1.6", "z_3.2", "z_6.4", "z_12.8", "z_any_1.2", "next_max", "next_min",
    "min_0.6", "max_1.8", "top_hat", "curve1_1.2", "curve2_1.2", "curve1_2.4", "curve2_2.4",
    "gradient", "texture", "darkest_3", "outside_max", "depth", "gap", "hot_10", "hot_25",
    "size_2", "size_3.5", "ratio", "ratio_1.6",
)  # fmt: skip
"""Features of the fluid image and of place, in order."""
T1 = ("t", "t_1.6", "t_6.4", "t_min", "t_curve")
"""Features of T1, after those of FLUID."""
BRIGHT = frozenset((
    "z", "z_0.8", "z_1.6", "z_3.2", "z_6.4", "z_any_1.2", "next_max", "next_min", "min_0.6",
    "ratio", "ratio_1.6",
))  # fmt: skip
"""Features of which more can only mean more edema: the model is held monotone in them."""

HOT = 1.5
SIZE_LEVELS = (2.0, 3.5)
SLAB_VOXELS = 500_000
"""Slices are worked off in slabs of about this many voxels, which bounds memory."""
THREADS = 2


@dataclass(frozen=True, eq=False)
class Wide:
    """What needs the whole volume or the next slice, (I, J, K) float32 each."""

    fine: Array
    near: Array
    next_max: Array
    next_min: Array
    hot_25: Array
    sizes: tuple[Array, ...]


def feature_names(with_t1: bool) -> tuple[str, ...]:
    """Names of the columns, in order."""
    return FLUID + T1 if with_t1 else FLUID


def feature_slabs(
    z: Array,
    t1: Array | None,
    shape: BoneShape,
    spacing: tuple[float, float, float],
    spread: float,
) -> Iterator[tuple[slice, NDArray[np.bool_], Array]]:
    """Features of all voxels within reach of bone, slab by slab.

    z : (I, J, K) robust contrast; t1 : (I, J, K) T1 over that of normal marrow, or None;
    slice axis last; spacing : mm; spread : that of normal marrow over its center.
    Yields (slices, which, rows): rows : (N, F) float32 in the order of ``feature_names``, one for
    each True of which : (I, J, len(slices)) bool.
    """
    from concurrent.futures import ThreadPoolExecutor

    z = np.clip(z, -4.0, 15.0).astype(np.float32)
    wide = _wide(z, shape, spacing)
    reach = shape.reach
    names = feature_names(t1 is not None)
    n = z.shape[2]
    step = max(1, SLAB_VOXELS // (z.shape[0] * z.shape[1]))
    slabs = [slice(k, min(k + step, n)) for k in range(0, n, step)]

    def rows_of(k: slice) -> Array:
        which = reach[:, :, k]
        rows = np.empty((int(which.sum()), len(names)), np.float32)
        if not len(rows):
            return rows
        here = _fluid_maps(
            z[:, :, k], _cut(shape, k), wide.fine[:, :, k], wide.near[:, :, k], spacing
        )
        if t1 is not None:
            here |= _t1_maps(t1[:, :, k], shape.bone[:, :, k], spacing)
        here["ratio"] = 1.0 + spread * here["z"]
        here["ratio_1.6"] = 1.0 + spread * here["z_1.6"]
        here["next_max"], here["next_min"] = wide.next_max[:, :, k], wide.next_min[:, :, k]
        here["hot_25"] = wide.hot_25[:, :, k]
        for level, size in zip(SIZE_LEVELS, wide.sizes, strict=True):
            here[f"size_{level:g}"] = size[:, :, k]
        for column, name in enumerate(names):
            rows[:, column] = here[name][which]
        return rows

    with ThreadPoolExecutor(THREADS) as pool:
        for k, rows in zip(slabs, pool.map(rows_of, slabs), strict=True):
            if len(rows):
                yield k, reach[:, :, k], rows


def _cut(shape: BoneShape, k: slice) -> BoneShape:
    return BoneShape(
        shape.bone[:, :, k], shape.depth[:, :, k], shape.gap[:, :, k], shape.core[:, :, k]
    )


def _wide(z: Array, shape: BoneShape, spacing: tuple[float, float, float]) -> Wide:
    from scipy import ndimage

    bone = shape.bone.astype(np.float32)
    near = within(z, bone, 1.6, spacing)
    hot = (shape.bone & (near > HOT)).astype(np.float32)
    above = np.concatenate([near[:, :, 1:], near[:, :, -1:]], axis=2)
    below = np.concatenate([near[:, :, :1], near[:, :, :-1]], axis=2)

    def around(x: Array) -> Array:
        for axis in range(3):
            x = box_gaussian(x, 25.0 / spacing[axis], axis)
        return x

    hot_25 = around(hot) / np.maximum(around(bone), 0.02)
    fine = within(z, bone, 0.8, spacing)
    voxel = float(np.prod(spacing))
    sizes = []
    for level in SIZE_LEVELS:
        label, n = ndimage.label(shape.bone & (fine > level), np.ones((3, 3, 3)))
        mm3 = np.bincount(label.ravel(), minlength=n + 1) * voxel
        mm3[0] = 0.0
        log = np.log10(1.0 + mm3).astype(np.float32)[label]
        sizes.append(ndimage.maximum_filter(log, size=pixels(1.2, spacing)))
    brighter, darker = np.maximum(above, below), np.minimum(above, below)
    return Wide(fine, near, brighter, darker, hot_25.astype(np.float32), tuple(sizes))


def _fluid_maps(
    z: Array, shape: BoneShape, fine: Array, near: Array, spacing: tuple[float, float, float]
) -> dict[str, Array]:
    from scipy import ndimage

    bone = shape.bone.astype(np.float32)
    m: dict[str, Array] = {"z": z, "z_0.8": fine, "z_1.6": near}
    for sigma in (3.2, 6.4, 12.8):
        m[f"z_{sigma}"] = within(z, bone, sigma, spacing)
    m["z_any_1.2"] = gaussian(z, 1.2, spacing)
    m["min_0.6"] = ndimage.minimum_filter(z, size=pixels(0.6, spacing))
    m["max_1.8"] = ndimage.maximum_filter(z, size=pixels(1.8, spacing))
    opened = ndimage.grey_opening(m["z_any_1.2"], size=pixels(1.8, spacing))
    m["top_hat"] = m["z_any_1.2"] - opened
    for sigma in (1.2, 2.4):
        m[f"curve1_{sigma}"], m[f"curve2_{sigma}"] = curvatures(z, sigma, spacing)
    m["gradient"] = np.hypot(*(np.gradient(m["z_any_1.2"], axis=a) / spacing[a] for a in (0, 1)))
    square = within(z * z, bone, 3.2, spacing)
    m["texture"] = np.sqrt(np.maximum(square - m["z_3.2"] ** 2, 0.0))
    m["darkest_3"] = ndimage.minimum_filter(m["z_any_1.2"], size=pixels(3.0, spacing))
    outside = np.where(shape.bone, np.float32(-4.0), m["z_any_1.2"])
    m["outside_max"] = ndimage.maximum_filter(outside, size=pixels(2.4, spacing))
    m["depth"] = np.clip(shape.depth, -5.0, 25.0)
    m["gap"] = shape.gap
    hot = (shape.bone & (near > HOT)).astype(np.float32)
    m["hot_10"] = within(hot, bone, 10.0, spacing)
    return m


def _t1_maps(
    t1: Array, bone: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> dict[str, Array]:
    from scipy import ndimage

    t = np.clip(t1, 0.0, 3.0).astype(np.float32)
    inside = bone.astype(np.float32)
    m = {"t": t}
    for sigma in (1.6, 6.4):
        m[f"t_{sigma}"] = within(t, inside, sigma, spacing)
    m["t_min"] = ndimage.minimum_filter(m["t_1.6"], size=pixels(2.4, spacing))
    m["t_curve"] = curvatures(t, 1.6, spacing)[0]
    return m
