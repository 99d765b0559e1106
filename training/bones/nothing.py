"""Images of no joint: heads, trunks, limbs without a joint, and noise, all invented."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.bones.corrupt import corrupt, draw_corruption, scaled
from training.bones.paint import smooth_noise
from training.bones.sample import PARTS, Example
from training.bones.tissue import JOINTS


def draw_nothing(rng: np.random.Generator, size: int = 128) -> Example:
    """A slice that shows no joint of ours, with an empty label."""
    draw = (_head, _head, _head, _trunk, _trunk, _noise)[rng.integers(6)]
    image = draw(rng, size)
    how = draw_corruption(rng)
    image, _ = corrupt(image.astype(np.float32), how, 1.0, rng)
    return Example(scaled(image, rng.uniform(98.0, 99.8)).astype(np.float16),
                   np.zeros((PARTS, size, size), np.uint8), JOINTS.index("other"))  # fmt: skip


def _grid(rng: np.random.Generator, size: int) -> tuple[NDArray[np.float32], ...]:
    """Places in mm about a random centre, turned and stretched, for three slices."""
    pixel = rng.uniform(0.9, 1.9)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    x, y = (
        (x - size * rng.uniform(0.35, 0.65)) * pixel,
        (y - size * rng.uniform(0.35, 0.65)) * pixel,
    )
    turn = rng.uniform(0, 2 * np.pi)
    a, b = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    gap = rng.uniform(2, 5)
    z = np.array([-gap, 0, gap], np.float32)[:, None, None] + rng.uniform(-60, 60)
    return np.broadcast_arrays(a[None], b[None], z)


def _head(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Skin, fat, skull, fluid and folded brain with ventricles and eyes."""
    u = rng.uniform
    x, y, z = _grid(rng, size)
    half = np.array([u(62, 78), u(78, 98), u(70, 90)])
    wave = smooth_noise((3, size, size), rng, u(8, 40))
    r = np.sqrt((x / half[0]) ** 2 + (y / half[1]) ** 2 + (z / half[2]) ** 2) * (
        1 + u(0, 0.03) * wave
    )
    image = np.full(r.shape, u(0, 0.03), np.float32)
    edge = 1 + np.cumsum(np.array([0, u(2, 9), u(1, 4), u(3, 9)])[::-1])[::-1] / 80
    for limit, value in zip(
        edge, (u(0.1, 0.6), u(0.05, 1.2), u(0, 0.1), u(0.02, 1.3)), strict=True
    ):
        image[r < limit] = value
    fold = smooth_noise((3, size, size), rng, u(5, 12))
    grey, white, fluid = u(0.15, 1), u(0.15, 1), u(0.02, 1.4)
    brain = r < 1
    image[brain] = np.where(fold > u(-0.4, 0.5), grey, white)[brain]
    image[brain & (np.abs(fold) < u(0.0, 0.25)) & (r > 0.7)] = fluid
    image[(r < u(0.5, 0.8)) & (fold < u(0.5, 1.2))] = white
    for side in (-1, 1):
        place = ((np.abs(x - side * u(4, 14)) / u(4, 12)) ** 2 + ((y - u(-10, 10)) / u(8, 35)) ** 2
                 + (z / 30) ** 2)  # fmt: skip
        image[place < 1] = fluid
        eye = (x - side * 32) ** 2 + (y - 82) ** 2 + (z + 20) ** 2
        image[eye < 12**2] = fluid
    low = z * 0 + y * u(-1, 1) > half[1] * u(0.7, 1.5)
    image[low & (r < 1.1)] = (u(0.05, 1) * (1 + 0.3 * wave))[low & (r < 1.1)]
    return image * (1 + u(0, 0.1) * smooth_noise((3, size, size), rng, 3))


def _trunk(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """A body with rounded organs of any brightness, or a muscular limb without a joint."""
    u = rng.uniform
    x, y, z = _grid(rng, size)
    scale = u(0.4, 2.0)
    wave = smooth_noise((3, size, size), rng, u(10, 50))
    r = np.sqrt((x / 70 / scale) ** 2 + (y / 50 / scale) ** 2) * (1 + 0.06 * wave)
    image = np.full(r.shape, u(0, 0.03), np.float32)
    fat, muscle = u(0.05, 1.2), u(0.1, 1)
    image[r < 1] = fat
    image[r < u(0.7, 0.97)] = muscle
    for _ in range(rng.integers(3, 16)):
        cx, cy = rng.normal(0, 35 * scale, 2)
        a, b, turn = u(4, 34), u(4, 34), u(0, np.pi)
        dx, dy = x - cx, y - cy
        e = ((np.cos(turn) * dx + np.sin(turn) * dy) / a) ** 2
        e = e + ((-np.sin(turn) * dx + np.cos(turn) * dy) / b) ** 2 + (z / u(40, 200)) ** 2
        inside = (np.sqrt(e) * (1 + 0.1 * wave) < 1) & (r < 0.95)
        rim = inside & (e > u(0.75, 0.97))
        image[inside], image[rim] = u(0, 1.3), u(0, 0.5)
    return image * (1 + u(0, 0.2) * smooth_noise((3, size, size), rng, u(2, 10)))


def _noise(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Noise of some grain, with or without an empty border."""
    grain = rng.uniform(1.5, 20)
    noise = smooth_noise((3, size, size), rng, grain) * rng.uniform(0.05, 0.5) + rng.uniform(0, 1)
    white = np.abs(rng.standard_normal((3, size, size), np.float32))
    return np.clip(noise + white * rng.uniform(0, 0.6), 0, None)
