"""In-plane filters with their size in millimetres.

Everything here works slice by slice on (I, J, K) float32 with K the slice axis, because slices
are several times thicker than pixels and edema is drawn slice by slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
BOX_FROM_PIXELS = 4.0
"""From this sigma on, three box filters stand in for the Gaussian: their cost has no sigma."""


def box_gaussian(x: Array, sigma: float, axis: int) -> Array:
    """Three box filters along one axis: nearly a Gaussian; sigma : voxels, 4 or more."""
    from scipy import ndimage

    width = round(float(np.sqrt(4.0 * sigma**2 + 1.0))) | 1
    for _ in range(3):
        x = ndimage.uniform_filter1d(x, width, axis=axis)
    return x


def gaussian(x: Array, sigma_mm: float, spacing: tuple[float, float, float]) -> Array:
    """In-plane Gaussian; sigma_mm : mm."""
    from scipy import ndimage

    out: Array = x
    for axis in (0, 1):
        sigma = sigma_mm / spacing[axis]
        if sigma < 0.2:
            continue
        if sigma < BOX_FROM_PIXELS:
            out = ndimage.gaussian_filter1d(out, sigma, axis=axis, truncate=3.0)
        else:
            out = box_gaussian(out, sigma, axis)
    return out


def within(x: Array, weight: Array, sigma_mm: float, spacing: tuple[float, float, float]) -> Array:
    """Gaussian mean of x over the voxels of weight only: soft tissue does not leak into bone.

    weight : 0/1 float32, same shape. 0 where there is none within reach.
    """
    total = gaussian(weight, sigma_mm, spacing)
    mean = gaussian(x * weight, sigma_mm, spacing)
    return np.where(total > 1e-3, mean / np.maximum(total, 1e-3), 0.0).astype(np.float32)


def pixels(radius_mm: float, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Odd window in voxels that reaches radius_mm in-plane and one slice."""
    a, b = (2 * max(1, round(radius_mm / spacing[axis])) + 1 for axis in (0, 1))
    return a, b, 1


def curvatures(
    x: Array, sigma_mm: float, spacing: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Smaller and larger in-plane Hessian eigenvalue, scale-normalised (unit of x).

    Both negative: a blob; one negative, one near zero: a line such as a vessel.
    """
    from scipy import ndimage

    a, b = (max(sigma_mm / spacing[axis], 0.5) for axis in (0, 1))

    def along(order: tuple[int, int]) -> Array:
        first = ndimage.gaussian_filter1d(x, a, axis=0, order=order[0], truncate=3.0)
        both: Array = ndimage.gaussian_filter1d(first, b, axis=1, order=order[1], truncate=3.0)
        return both

    xx, yy, xy = along((2, 0)) * a * a, along((0, 2)) * b * b, along((1, 1)) * a * b
    half = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    mean = (xx + yy) / 2
    return (mean - half).astype(np.float32), (mean + half).astype(np.float32)


def distance_inside(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> Array:
    """In-plane distance in mm from each voxel of mask to the nearest voxel outside it.

    0 outside; a large number in a slice that is all mask.
    """
    from scipy import ndimage

    out = np.zeros(mask.shape, np.float32)
    for k in range(mask.shape[2]):
        plane = mask[:, :, k]
        if plane.all():
            out[:, :, k] = 1e3
        elif plane.any():
            out[:, :, k] = ndimage.distance_transform_edt(plane, sampling=spacing[:2])
    return out
