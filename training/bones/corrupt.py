"""What scanners and patients do to an image: blur, coil shading, motion, noise, cut fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Corruption:
    """Strength of everything that happens to one image; drawn once for a whole stack."""

    blur: tuple[float, float]
    coarse_axis: int
    coarse_mm: float
    shading: NDArray[np.float64]
    phases: NDArray[np.float64]
    slope: tuple[float, float]
    ends: tuple[float, float, float]
    noise: float
    smooth_noise: bool
    ghost: tuple[float, int, int]
    cut: tuple[float, float, float, float]
    gamma: float


def draw_corruption(rng: np.random.Generator) -> Corruption:
    """A random corruption; about a tenth of the images are nearly clean."""
    u = rng.uniform
    blurred = rng.random() < 0.8
    shading = rng.normal(0, 1, (4, 4)) * u(0, 0.25)
    shading[0, 0] = 0
    turn, slope = u(0, 2 * np.pi), u(0.2, 2.2) * (rng.random() < 0.45)
    ends = rng.random() < 0.35
    cut = rng.random() < 0.35
    return Corruption(
        blur=(u(0, 0.9) * blurred, u(0, 0.9) * blurred),
        coarse_axis=int(rng.integers(2)),
        coarse_mm=u(1.5, 4.8) if rng.random() < 0.3 else 0.0,
        shading=shading,
        phases=u(0, 1, (2, 4)),
        slope=(slope * np.cos(turn), slope * np.sin(turn)),
        ends=(u(1, 10) * ends, u(0.4, 0.6), u(0.25, 0.45)),
        noise=u(0, 0.07) * (rng.random() < 0.85),
        smooth_noise=bool(rng.random() < 0.5),
        ghost=(
            u(0.02, 0.15) * (rng.random() < 0.15),
            int(rng.integers(6, 50)),
            int(rng.integers(2)),
        ),
        cut=tuple(u(0, 0.22, 4) * (rng.random(4) < 0.5) * cut),
        gamma=float(np.exp(u(-0.6, 0.45))),
    )  # fmt: skip


def corrupt(
    image: Image, how: Corruption, pixel_mm: float, rng: np.random.Generator
) -> tuple[Image, NDArray[np.bool_]]:
    """(S, H, W) slices as a scanner gives them, scaled, and (H, W) bool, the field of view."""
    height, width = image.shape[1:]
    for axis, sigma in zip((1, 2), how.blur, strict=True):
        if sigma > 0.25:
            image = ndimage.gaussian_filter1d(image, sigma, axis=axis)
    if how.coarse_mm:
        image = _coarse(image, 1 + how.coarse_axis, how.coarse_mm / pixel_mm)
    image = image * np.exp(_shading(how, height, width)).astype(np.float32)
    image = image / (np.percentile(image[len(image) // 2], 99) + 1e-3)
    if how.ghost[0]:
        image = image + how.ghost[0] * np.roll(image, how.ghost[1], axis=1 + how.ghost[2])
    if how.noise:
        noise = rng.standard_normal((2, *image.shape), np.float32) * np.float32(how.noise)
        if how.smooth_noise:
            noise = ndimage.gaussian_filter(noise, (0, 0, 0.6, 0.6)) * 1.6
        image = np.sqrt((image + noise[0]) ** 2 + noise[1] ** 2)
    top, bottom, left, right = how.cut
    seen = np.zeros((height, width), bool)
    seen[int(top * height) : height - int(bottom * height),
         int(left * width) : width - int(right * width)] = True  # fmt: skip
    image = np.clip(image * seen, 0, None) ** np.float32(how.gamma)
    return image.astype(np.float32), seen


def scaled(image: Image, percentile: float = 99.3, clip: float = 1.6) -> Image:
    """Divided by a percentile of the lightly smoothed slices, as the product does it."""
    smooth = ndimage.gaussian_filter(image, (0, 1, 1))
    return np.clip(image / (np.percentile(smooth, percentile) + 1e-3), 0, clip).astype(np.float32)


def _coarse(image: Image, axis: int, step: float) -> Image:
    """As if cut across thick slices: averaged over a step along one axis and interpolated."""
    size = image.shape[axis]
    image = ndimage.uniform_filter1d(image, max(2, round(step)), axis=axis)
    kept = np.arange(0, size - 1 + step, step)
    kept = np.minimum(np.round(kept).astype(int), size - 1)
    few = np.take(image, kept, axis)
    where = np.interp(np.arange(size), kept, np.arange(len(kept)))
    low = np.minimum(where.astype(int), len(kept) - 2)
    share = (where - low).astype(np.float32)
    share = share.reshape([-1 if a == axis else 1 for a in range(3)])
    out: Image = np.take(few, low, axis) * (1 - share) + np.take(few, low + 1, axis) * share
    return out


def _shading(how: Corruption, height: int, width: int) -> NDArray[np.float64]:
    """Logarithm of the receive field: smooth waves, a slope, and loss at the ends of the coil."""
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[:, None]
    order = np.arange(4)
    rows, columns = (
        np.cos(np.pi * (p * order + q)) for p, q in zip((y, x), how.phases, strict=True)
    )
    field = rows @ how.shading @ columns.T
    field = field + how.slope[0] * (x.T - 0.5) + how.slope[1] * (y - 0.5)
    out: NDArray[np.float64] = field - how.ends[0] * np.maximum(
        np.abs(y - how.ends[1]) - how.ends[2], 0
    )
    return out
