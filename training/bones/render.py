"""From a scene to slices: the inner loop of the generator."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from training.bones.tissue import BONES, Tissue

_MUSCLES = (int(Tissue.MUSCLE), int(Tissue.OTHER_MUSCLE))
_FATS = (int(Tissue.SUBCUTANEOUS_FAT), int(Tissue.DEEP_FAT))
_FAT, _FASCIA, _METAL = int(Tissue.DEEP_FAT), int(Tissue.FASCIA), int(Tissue.METAL)


def noise_bank(seed: int = 1) -> NDArray[np.float32]:
    """(4, 64, 64, 64) periodic smooth noise of SD one, from fine to coarse."""
    rng = np.random.default_rng(seed)
    bank = []
    for width in (0.6, 1.6, 4.0, 9.0):
        white = rng.standard_normal((64, 64, 64)).astype(np.float32)
        smooth = ndimage.gaussian_filter(white, width, mode="wrap")
        bank.append(smooth / smooth.std())
    return np.stack(bank).astype(np.float32)


@njit(fastmath=True, nogil=True, cache=True)  # type: ignore[misc]
def render(
    tissue, depth, bank,  # scene and noise
    centre, axes, pixel, positions, parts,  # pose: voxel index, (3, 3) mm to voxels, mm
    waves, fold, shift,  # bending (n, 7), mirror (on, x, sign), noise origin (3,)
    mean, other, failed, fine, middle, coarse,  # contrast; failed (5,): where suppression fails
    cortex, lesions, scars, streaks, voids,  # cortex (6,), lesions (n, 8), scars (m, 9)
    image, label,  # results: (S, H, W) float32 and (S, P, H, W) uint8
):  # fmt: skip
    """Fill ``image`` with intensities and ``label`` with the bone at every part of every pixel.

    positions : mm of the slices along their normal; parts : mm offsets within a slice, over which
    the intensity is averaged (partial volume).
    """
    nx, ny, nz = tissue.shape
    height, width = image.shape[1], image.shape[2]
    for s in range(positions.shape[0]):
        for i in range(height):
            for j in range(width):
                u = (j - width / 2 + 0.5) * pixel
                v = (i - height / 2 + 0.5) * pixel
                w = positions[s]
                x0 = centre[0] + axes[0, 0] * u + axes[0, 1] * v + axes[0, 2] * w
                y0 = centre[1] + axes[1, 0] * u + axes[1, 1] * v + axes[1, 2] * w
                z0 = centre[2] + axes[2, 0] * u + axes[2, 1] * v + axes[2, 2] * w
                dx, dy, dz = 0.0, 0.0, 0.0
                for q in range(waves.shape[0]):
                    a = np.sin(waves[q, 0] * x0 + waves[q, 1] * y0 + waves[q, 2] * z0 + waves[q, 3])
                    dx += a * waves[q, 4]
                    dy += a * waves[q, 5]
                    dz += a * waves[q, 6]
                x0 += dx
                y0 += dy
                z0 += dz
                bad = failed[3] + failed[0] * x0 + failed[1] * y0 + failed[2] * z0
                bad = min(max(bad, 0.0), 1.0) * failed[4]
                n2 = bank[2, int(x0 * 0.7 + 1024 + shift[0]) & 63,
                          int(y0 * 0.7 + 1024 + shift[1]) & 63,
                          int(z0 * 0.5 + 1024 + shift[2]) & 63]  # fmt: skip
                n3 = bank[3, int(x0 * 0.5 + 1024 + shift[0]) & 63,
                          int(y0 * 0.5 + 1024 + shift[1]) & 63,
                          int(z0 * 0.5 + 1024 + shift[2]) & 63]  # fmt: skip
                total = 0.0
                for k in range(parts.shape[0]):
                    x = x0 + axes[0, 2] * parts[k]
                    y = y0 + axes[1, 2] * parts[k]
                    z = z0 + axes[2, 2] * parts[k]
                    if fold[0] > 0 and (x - fold[1]) * fold[2] < 0:
                        x = 2 * fold[1] - x
                    a = int(x + 0.5)
                    b = int(y + 0.5)
                    c = int(z + 0.5)
                    t = 0
                    if 0 <= a < nx and 0 <= b < ny:
                        c = min(max(c, 0), nz - 1)
                        t = tissue[a, b, c]
                    label[s, k, i, j] = t if t <= BONES else 0
                    if t == 0:
                        total += mean[0]
                        continue
                    X = int(x + 1024 + shift[0])
                    Y = int(y + 1024 + shift[1])
                    Z = int(z + 1024 + shift[2])
                    n0 = bank[0, X & 63, Y & 63, Z & 63]
                    n1 = bank[1, X & 63, Y & 63, Z & 63]
                    base = mean[t] + bad * (other[t] - mean[t])
                    value = base * (1 + fine[t] * n0 + middle[t] * n1 + coarse[t] * n3)
                    if t <= BONES:
                        deep = depth[a, b, c] * 0.1
                        effaced = 0.0
                        for q in range(lesions.shape[0]):
                            r2 = ((x - lesions[q, 0]) ** 2 + (y - lesions[q, 1]) ** 2
                                  + (z - lesions[q, 2]) ** 2) * lesions[q, 3]  # fmt: skip
                            share = (1.2 - r2 + lesions[q, 5] * n2) * lesions[q, 6]
                            if share > 0:
                                share = min(share, 1.0)
                                value += share * (lesions[q, 4] * (1 + 0.5 * fine[t] * n0) - value)
                                effaced = max(effaced, share * lesions[q, 7])
                        for q in range(scars.shape[0]):
                            off = (x - scars[q, 0]) * scars[q, 3]
                            off += (y - scars[q, 1]) * scars[q, 4] + (z - scars[q, 2]) * scars[q, 5]
                            if abs(off + 2 * n3 + 1.2 * n2) < scars[q, 6]:
                                value += scars[q, 8] * (scars[q, 7] - value)
                        far = abs(z - cortex[4]) * 0.75 - cortex[2]
                        far = min(max(far / 30.0, 0.0), 1.0)
                        if t > 2 and t != 5:
                            far = 0.2
                        thick = (cortex[0] + far * cortex[1] + cortex[3] * n2) * (1 - effaced)
                        if deep < thick:
                            rim = cortex[5] * (1 + 0.2 * n0)
                            value = rim if deep < thick - 0.4 else rim + 0.35 * (value - rim)
                    elif t == _MUSCLES[0] or t == _MUSCLES[1]:
                        if abs(n2) < streaks[0]:
                            value += 0.7 * (mean[_FAT] - value)
                    elif (t == _FATS[0] or t == _FATS[1]) and abs(n2) < streaks[1]:
                        value += 0.7 * (mean[_FASCIA] - value)
                    for q in range(voids.shape[0]):
                        r2 = (x - voids[q, 0]) ** 2 + (y - voids[q, 1]) ** 2
                        r2 += ((z - voids[q, 2]) * 0.6) ** 2
                        r2 *= voids[q, 3]
                        if r2 < 1:
                            value = mean[_METAL]
                        elif r2 < 1.35:
                            value *= 1.8
                    total += value
                image[s, i, j] = max(total / parts.shape[0], 0.0)
