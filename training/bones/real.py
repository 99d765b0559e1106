"""Examples from real sacroiliac joints with bone drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.bones.corrupt import corrupt, draw_corruption, scaled
from training.bones.sample import AXES, PARTS, PLANES, Example
from training.bones.tissue import JOINTS

Image = NDArray[np.float32]


class RealJoints:
    """Sacroiliac joints of several people, cut along any plane.

    people : ids; a folder each with ``t1w``, ``bone`` and, for some, ``stir``
    """

    def __init__(self, data: Path, people: list[str]) -> None:
        self._people: list[tuple[list[Image], Image, NDArray[Any], NDArray[Any]]] = []
        for person in people:
            bone, affine = _read(data / person / "bone.nii.gz")
            images = []
            for name in ("t1w", "stir"):
                path = data / person / f"{name}.nii.gz"
                if path.exists():
                    image = _read(path)[0].astype(np.float32)
                    images.append(image / np.percentile(image, 99.5))
            mask = (bone > 0).astype(np.float32)
            self._people.append((images, mask, np.argwhere(bone > 0), affine))
        if not self._people:
            raise FileNotFoundError(f"No sacroiliac joints of {people} in {data}.")

    def draw(self, rng: np.random.Generator, size: int = 128, plane: str | None = None) -> Example:
        """A random example: turned, scaled, shaded, noisy; labels are 1 for bone.

        plane : of the pelvis; default the stack's own, as the product runs it.
        """
        u = rng.uniform
        images, bone, inside, affine = self._people[rng.integers(len(self._people))]
        first, second, shares = _mixture(images, rng)
        plane = plane or "coronal"
        axes = np.array(AXES[plane], float).T
        if plane == "coronal":
            # The stack is tilted: its own slices, as the product will run them.
            axes = _own_plane(affine)
        turn = np.deg2rad(rng.normal(0, 7 if plane == "coronal" else 5))
        spin = np.array(
            [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
        )
        axes = axes @ spin @ np.diag([*(u(0.85, 1.18) * u(0.93, 1.07, 2)), 1])
        if rng.random() < 0.5:
            axes[:, 0] *= -1
        middle = affine[:3, :3] @ inside[rng.integers(len(inside))] + affine[:3, 3]
        centre = middle + axes @ np.array([*rng.normal(0, 25, 2), 0.0])
        gap = 3.3 if plane == "coronal" else u(2.5, 3.5)
        to_index = np.linalg.inv(affine[:3, :3])
        start = to_index @ (centre - affine[:3, 3])
        cut = np.zeros((3, size, size), np.float32)
        labels = np.zeros((size, size), np.float32)
        length = np.exp(rng.uniform(np.log(30), np.log(120), 4))
        way = rng.normal(size=(4, 2))
        way *= (2 * np.pi / length / np.linalg.norm(way, axis=1))[:, None]
        far = rng.normal(size=(4, 2)) * (length * u(0, 0.022))[:, None]
        waves = np.column_stack([way, u(0, 2 * np.pi, 4), far])
        cut_slices(first, second, shares, bone, start, to_index @ axes, gap, waves, cut, labels)
        # Real images are as they are; only a little is added.
        how = draw_corruption(rng)
        how = replace(how, coarse_mm=0.0, noise=how.noise * 0.4, gamma=how.gamma**0.5,
                      slope=(how.slope[0] * 0.4, how.slope[1] * 0.4),
                      ends=(how.ends[0] * 0.3, *how.ends[1:]),
                      shading=how.shading * 0.7)  # fmt: skip
        stack, seen = corrupt(cut, how, 1.0, rng)
        label = ((labels > 0.5) & seen).astype(np.uint8)
        joint = JOINTS.index("sacroiliac") if label.mean() > 0.05 else -1
        return Example(scaled(stack, u(98.0, 99.8)).astype(np.float16),
                       np.repeat(label[None], PARTS, 0), joint)  # fmt: skip


def _mixture(
    images: list[Image], rng: np.random.Generator
) -> tuple[Image, Image, NDArray[np.float64]]:
    """Two images and (shift, share of the first, share of the second) of a contrast between them.

    A weighted difference of T1 and STIR is a contrast that no scanner gave, on real anatomy.
    """
    one = images[rng.integers(len(images))]
    kind = rng.random()
    if kind < 0.45 and len(images) == 2 and images[0].shape == images[1].shape:
        share = rng.uniform(-0.4, 1.4)
        shift = max(0.0, -0.5 * min(share, 1 - share))
        return images[0], images[1], np.array([shift, share, 1 - share])
    if kind > 0.88:
        return one, one, np.array([1.0, -rng.uniform(0.6, 1.0), 0.0])
    return one, one, np.array([0.0, 1.0, 0.0])


def _read(path: Path) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    image = nib.load(str(path))
    return np.asarray(image.dataobj), image.affine


def _own_plane(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit columns, rows and normal of a stack, turned as a coronal image is shown."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    slices = int(np.argmax(np.linalg.norm(affine[:3, :3], axis=0)))
    others = [a for a in range(3) if a != slices]
    across = max(others, key=lambda a: abs(unit[0, a]))
    down = next(a for a in others if a != across)
    wanted = np.array(AXES[PLANES[1]], float).T
    picked = [unit[:, a] for a in (across, down, slices)]
    return np.stack([p if p @ w > 0 else -p for p, w in zip(picked, wanted.T, strict=True)], 1)


@njit(fastmath=True, nogil=True, cache=True)  # type: ignore[misc]
def _at(volume, x, y, z):
    """Trilinear value; zero outside."""
    a, b, c = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    nx, ny, nz = volume.shape
    if a < 0 or b < 0 or c < 0 or a >= nx - 1 or b >= ny - 1 or c >= nz - 1:
        return 0.0
    fx, fy, fz = x - a, y - b, z - c
    value = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                w = (fx if i else 1 - fx) * (fy if j else 1 - fy) * (fz if k else 1 - fz)
                value += w * volume[a + i, b + j, c + k]
    return value


@njit(fastmath=True, nogil=True, cache=True)  # type: ignore[misc]
def cut_slices(first, second, shares, bone, start, axes, gap, waves, cut, labels):
    """Fill ``cut`` (3, H, W) with slices ``gap`` mm apart, ``labels`` with bone of the middle one.

    start : (3,) voxel index of the centre; axes : (3, 3) mm along columns, rows, slices to voxels
    waves : (n, 5) wave vector and phase, displacement along columns and rows in mm
    """
    height, width = labels.shape
    for i in range(height):
        for j in range(width):
            u, v = j - width / 2 + 0.5, i - height / 2 + 0.5
            du, dv = 0.0, 0.0
            for q in range(waves.shape[0]):
                a = np.sin(waves[q, 0] * u + waves[q, 1] * v + waves[q, 2])
                du += a * waves[q, 3]
                dv += a * waves[q, 4]
            u += du
            v += dv
            for s in range(3):
                w = (s - 1) * gap
                x = start[0] + axes[0, 0] * u + axes[0, 1] * v + axes[0, 2] * w
                y = start[1] + axes[1, 0] * u + axes[1, 1] * v + axes[1, 2] * w
                z = start[2] + axes[2, 0] * u + axes[2, 1] * v + axes[2, 2] * w
                one = _at(first, x, y, z)
                if one > 0:
                    value = shares[0] + shares[1] * one
                    if shares[2] != 0:
                        value += shares[2] * _at(second, x, y, z)
                    cut[s, i, j] = max(value, 0.0)
                if s == 1:
                    labels[i, j] = _at(bone, x, y, z)
