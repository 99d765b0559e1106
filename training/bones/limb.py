"""The outline of the body around the bones of a joint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.bones.maps import VOXEL_MM
from training.bones.tissue import BONES


def body_outline(
    coarse: NDArray[np.uint8],
    site: str,
    apart: NDArray[np.float32],
    wave: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """(I, J, K) bool, everything under the skin.

    coarse : bone labels at twice ``VOXEL_MM``; apart : distance to bone in mm; wave : noise, SD 1
    """
    v = 2 * VOXEL_MM
    if site == "hip":
        body = _pelvis(coarse, wave, rng, v)
    elif site == "ankle":
        body = _foot(coarse, apart, wave, rng, v)
    else:
        body = _leg(coarse, wave, rng, v)
    body |= apart < rng.uniform(4, 8)
    body = ndimage.gaussian_filter(body.astype(np.float32), 2.0) > 0.5
    out: NDArray[np.bool_] = body | (apart < 2.5)
    return out


def _axes(shape: tuple[int, ...]) -> list[NDArray[np.float32]]:
    return np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij")


def _along_z(
    coarse: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Front, back and middle (x) of the bones for every z, in voxels."""
    bone = (coarse > 0) & (coarse <= BONES)
    z = np.arange(bone.shape[2])
    rows = np.full((3, len(z)), np.nan)
    for k in z:
        found = np.argwhere(bone[:, :, k])
        if len(found):
            rows[:, k] = found[:, 1].max(), found[:, 1].min(), found[:, 0].mean()
    known = ~np.isnan(rows[0])
    front, back, middle = (np.interp(z, z[known], r[known]) for r in rows)
    return front, back, middle


def _leg(
    coarse: NDArray[np.uint8], wave: NDArray[np.float32], rng: np.random.Generator, v: float
) -> NDArray[np.bool_]:
    """A knee: an oval leg that follows the front of the bones."""
    x, y, _ = _axes(coarse.shape)
    depth = coarse.shape[2]
    z = np.arange(depth)
    front, _, middle = _along_z(coarse)
    width = int(rng.uniform(8, 20) / v) + 1
    front = ndimage.gaussian_filter1d(
        ndimage.maximum_filter1d(front, width), rng.uniform(4, 10) / v
    )
    front = front + rng.uniform(4, 22) / v
    middle = ndimage.gaussian_filter1d(middle, 20 / v) + rng.uniform(-5, 5) / v

    def profile(low: float, high: float) -> NDArray[np.float64]:
        nodes = np.interp(z, np.linspace(0, depth, 4), rng.uniform(low, high, 4))
        return ndimage.gaussian_filter1d(nodes, 12 / v) / v

    size = rng.uniform(0.85, 1.2)
    thick, half = profile(100 * size, 140 * size), profile(48 * size, 68 * size)
    power = rng.uniform(2, 3.2)
    r = np.abs((x - middle) / half) ** power
    r += np.abs((y - (front - thick / 2)) / (thick / 2)) ** power
    return r + 0.12 * wave < 1


def _pelvis(
    coarse: NDArray[np.uint8], wave: NDArray[np.float32], rng: np.random.Generator, v: float
) -> NDArray[np.bool_]:
    """A hip and thigh; towards x = 0, the midline, the body goes on."""
    x, y, _ = _axes(coarse.shape)
    bone = np.argwhere((coarse > 0) & (coarse <= BONES))
    lateral = bone[:, 0].max() + rng.uniform(12, 45) / v
    front = bone[:, 1].max() + rng.uniform(2, 40) / v
    back = bone[:, 1].min() - rng.uniform(8, 45) / v
    power = rng.uniform(2.2, 3.5)
    r = np.abs(x / lateral) ** power
    r += np.abs((y - (front + back) / 2) / ((front - back) / 2)) ** power
    return r + 0.1 * wave < 1


def _foot(
    coarse: NDArray[np.uint8],
    apart: NDArray[np.float32],
    wave: NDArray[np.float32],
    rng: np.random.Generator,
    v: float,
) -> NDArray[np.bool_]:
    """An ankle: thin cover over the foot, a heel pad, the calf and the Achilles tendon behind."""
    x, y, z = _axes(coarse.shape)
    foot = apart + 2.5 * wave < rng.uniform(7, 16)
    heel = np.argwhere(coarse == 8)
    pad = heel[:, 2].min() if len(heel) else 0
    foot |= (apart < rng.uniform(10, 22)) & (z < pad + 12 / v)
    _, back, middle = _along_z(np.where(np.isin(coarse, (2, 3)), coarse, 0).astype(np.uint8))
    shin = np.argwhere(np.isin(coarse, (2, 3)))
    low = shin[:, 2].min()
    front = np.percentile(shin[:, 1], 98) + rng.uniform(4, 14) / v
    behind = back - rng.uniform(18, 45) / v
    half = (np.ptp(shin[:, 0]) / 2) + rng.uniform(5, 16) / v
    r = np.abs((x - middle) / half) ** 2.4
    r += np.abs((y - (front + behind) / 2) / ((front - behind) / 2)) ** 2.4
    leg = (r + 0.1 * wave < 1) & (z > low - 10 / v)
    body = foot | leg
    reach = round(rng.uniform(5, 12) / v)
    closed = ndimage.binary_closing(np.pad(body, reach, mode="edge"), iterations=reach)
    out: NDArray[np.bool_] = closed[reach:-reach, reach:-reach, reach:-reach]
    return out
