"""The scan: from shares of tissue to the image of one series, with its faults."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from marrowlight.phantom.anatomy import Anatomy
from marrowlight.phantom.sequence import (
    FatSuppression,
    Sequence,
    fat_density,
    sequence_of,
    signal,
    water_signal,
)
from marrowlight.phantom.spec import USUAL_FAT_SUPPRESSION, PhantomSpec
from marrowlight.phantom.tissue import Tissues
from marrowlight.study.series import Role

Image = NDArray[np.float32]

SCALE = 2000.0
"""Scanner units of fully dense, fully relaxed protons."""

FAT_SHIFT_PPM = 3.4
"""Chemical shift between water and the main peak of fat. Source: Ren 2008, J Lipid Res 49:2055."""

PROTON_MHZ_PER_T = 42.577

USUAL_BANDWIDTH_HZ = {1.5: 160.0, 3.0: 260.0}
"""Per pixel, as commonly chosen for joints."""

SATURATION_LEFT = 0.8
"""Share of the fat that is left where saturation fails altogether."""

INVERSION_LEFT = 0.25
"""The same for STIR, which does not depend on the field but can miss the null of fat."""

GRAIN = {
    "marrow": (0.16, 0.035),
    "red_marrow": (0.16, 0.05),
    "edema": (0.12, 0.0),
    "muscle": (0.07, 0.3),
    "fat": (0.3, 0.03),
}
"""SD of a tissue's water and fat signal through its texture, relative. Estimates."""

RESOLUTION = 0.85
"""Half-height of the k-space filter, as a share of the largest frequency."""


def image_series(
    anatomy: Anatomy,
    shares: dict[str, Image],
    sequence: Sequence,
    tissues: Tissues,
    spec: PhantomSpec,
    *,
    fat_image: bool = False,
) -> Image:
    """Image of one series.

    shares : of each tissue by voxel, each (K, I, J); fat_image : the fat image of a Dixon series
    instead of its water image. Returns (I, J, K) float32 in scanner units, whole numbers from 0.
    """
    water, fat = _compartments(anatomy, shares, sequence, tissues)
    if fat_image:
        seen = _shift(fat * np.float32(signal(tissues.fat, sequence)), _shift_pixels(spec))
    else:
        left = fat * _fat_left(anatomy, sequence, tissues, spec)
        seen = water + _shift(left, _shift_pixels(spec))
    rng = np.random.default_rng([*spec.scan_seed, 6, zlib.crc32(sequence.name.encode()), fat_image])
    complex_image = _through_k_space(seen, spec, rng)
    complex_image *= _sensitivity(anatomy, spec)
    sigma = np.float32(noise_sd(sequence, tissues, spec, fat_image=fat_image))
    # Rician: noise falls on the real and the imaginary part, then the magnitude is taken.
    real = complex_image.real
    imaginary = complex_image.imag
    real += sigma * rng.standard_normal(real.shape, dtype=np.float32)
    imaginary += sigma * rng.standard_normal(real.shape, dtype=np.float32)
    magnitude = np.abs(complex_image)
    magnitude *= np.float32(SCALE)
    np.rint(magnitude, out=magnitude)
    return np.ascontiguousarray(np.moveaxis(magnitude, 0, 2))


def noise_sd(
    sequence: Sequence, tissues: Tissues, spec: PhantomSpec, *, fat_image: bool = False
) -> float:
    """Noise SD of one part of the complex image, in units of fully relaxed protons.

    Noise comes from the patient and the coil and not from the sequence: all fluid-sensitive series
    get the same, which is what gives normal marrow ``spec.snr`` in a PD FS image. Series that show
    fat bright are scanned faster, and have a ratio of their own.
    """
    marrow = tissues["marrow"]
    if fat_image or sequence.suppression is FatSuppression.NONE:
        bright = fat_density(marrow) * signal(tissues.fat, sequence)
        return (bright + (0 if fat_image else water_signal(marrow, sequence))) / spec.t1_snr
    usual = sequence_of(Role.PD_FS, tissues)
    left = (1 - USUAL_FAT_SUPPRESSION) * signal(tissues.fat, usual)
    return (water_signal(marrow, usual) + left * fat_density(marrow)) / spec.snr


def _compartments(
    anatomy: Anatomy, shares: dict[str, Image], sequence: Sequence, tissues: Tissues
) -> tuple[Image, Image]:
    """Signal of water and density of fat, each (K, I, J), with the texture of marrow."""
    water = np.zeros(anatomy.texture.shape, np.float32)
    fat = np.zeros_like(water)
    for name, share in shares.items():
        tissue = tissues[name]
        w = np.float32(water_signal(tissue, sequence))
        f = np.float32(fat_density(tissue))
        if w:
            water += w * share
        if f:
            fat += f * share
        if name in GRAIN:
            of_water, of_fat = GRAIN[name]
            grain = share * anatomy.texture
            water += w * np.float32(of_water) * grain
            fat -= f * np.float32(of_fat) * grain
    return water, fat


def _fat_left(
    anatomy: Anatomy, sequence: Sequence, tissues: Tissues, spec: PhantomSpec
) -> Image | np.float32:
    """Signal of dense fat after fat suppression, everywhere or by voxel (K, I, J)."""
    full = signal(tissues.fat, sequence)
    if sequence.suppression is FatSuppression.NONE:
        return np.float32(full)
    if sequence.suppression is FatSuppression.INVERSION:
        # Before its null fat is negative; away from it, it stays so and grows.
        best, worst = full, -INVERSION_LEFT * float(np.exp(-sequence.te_ms / tissues.fat.t2_ms))
    elif sequence.suppression is FatSuppression.SEPARATION:
        best, worst = 0.0, SATURATION_LEFT * full
    else:
        best = (1 - spec.fat_suppression) * full
        worst = max(SATURATION_LEFT * full, best)
    if spec.failed_suppression == 0:
        return np.float32(best)
    return np.float32(best) + np.float32(spec.failed_suppression * (worst - best)) * _failing(
        anatomy
    )


def _failing(anatomy: Anatomy) -> Image:
    """0..1, (K, I, J): where the field is uneven, towards the lower front corner of the image."""
    columns, rows, slices = anatomy.grid.shape
    i = np.linspace(-1, 1, columns, dtype=np.float32)[None, :, None]
    j = np.linspace(-1, 1, rows, dtype=np.float32)[None, None, :]
    k = np.linspace(-1, 1, slices, dtype=np.float32)[:, None, None]
    along = j - 0.25 * i + 0.2 * k + 0.15 * i * i
    out: Image = 1 / (1 + np.exp(-(along - 0.55) * np.float32(9)))
    return out


def _shift_pixels(spec: PhantomSpec) -> float:
    bandwidth = spec.bandwidth_hz or USUAL_BANDWIDTH_HZ[spec.field_t]
    return FAT_SHIFT_PPM * PROTON_MHZ_PER_T * spec.field_t / bandwidth


def _shift(image: Image, pixels: float) -> Image:
    """Move along I, the frequency direction, by a fraction of pixels (linear)."""
    whole = int(np.floor(pixels))
    part = np.float32(pixels - whole)
    out = np.zeros_like(image)
    n = image.shape[1]
    if whole < n:
        out[:, whole:] += (1 - part) * image[:, : n - whole]
    if whole + 1 < n:
        out[:, whole + 1 :] += part * image[:, : n - whole - 1]
    return out


def _through_k_space(
    image: Image, spec: PhantomSpec, rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Limited resolution along both axes, and motion along J, the phase direction."""
    from scipy import fft

    lines = fft.fft2(image.astype(np.complex64), axes=(1, 2), workers=2)
    u = np.abs(np.fft.fftfreq(image.shape[1]))[:, None] / (0.5 * RESOLUTION)
    v = np.fft.fftfreq(image.shape[2])[None, :]
    radius = np.sqrt(u * u + (v / (0.5 * RESOLUTION)) ** 2)
    window = 1 / (1 + np.exp((radius - 1) / 0.06))
    lines *= window.astype(np.float32)
    if spec.motion_mm > 0:
        # A periodic displacement during the scan turns into a phase of each line: ghosts.
        period = rng.uniform(0.06, 0.12)
        order = np.arange(image.shape[2])
        moved = spec.motion_mm / spec.pixel_mm * np.sin(2 * np.pi * (order * period + rng.random()))
        moved += 0.3 * spec.motion_mm / spec.pixel_mm * rng.standard_normal(len(order))
        lines *= np.exp(-2j * np.pi * v[0] * np.fft.ifftshift(moved)).astype(np.complex64)
    out: NDArray[np.complex64] = fft.ifft2(lines, axes=(1, 2), workers=2)
    return out


def _sensitivity(anatomy: Anatomy, spec: PhantomSpec) -> Image:
    """Of the coil, (K, I, J): smooth, around 1, the same for every series of one exam."""
    rng = np.random.default_rng([*spec.scan_seed, 7])
    axes = [
        np.linspace(-1, 1, n, dtype=np.float32).reshape([-1 if a == b else 1 for b in range(3)])
        for a, n in enumerate(anatomy.texture.shape)
    ]
    weights = rng.uniform(-1, 1, 6)
    k, i, j = axes
    field = sum(
        np.float32(w) * term
        for w, term in zip(weights, (i, j, k, i * i - 1 / 3, j * j - 1 / 3, i * j), strict=True)
    )
    field = field / np.abs(field).max()
    out: Image = np.broadcast_to(1 + np.float32(spec.bias) * field, anatomy.texture.shape)
    return out
