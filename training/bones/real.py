"""Examples from real sacroiliac joints with bone drawn by hand."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.bones.corrupt import corrupt, draw_corruption, scaled
from training.bones.sample import AXES, PARTS, PLANES, Example
from training.bones.tissue import JOINTS

FOLDS = (("1003", "2014", "3009"), ("1012", "1016", "1001"), ("1013", "2015", "2016"))
"""Three folds by person; in each, two or more people with readings are held out in turn."""


class RealJoints:
    """Sacroiliac joints of several people, cut along any plane.

    people : ids; a folder each with ``t1w``, ``bone`` and, for some, ``stir``
    """

    def __init__(self, data: Path, people: list[str]) -> None:
        self._images: list[tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float64]]] = []
        for person in people:
            bone, affine = _read(data / person / "bone.nii.gz")
            for name in ("t1w", "stir"):
                path = data / person / f"{name}.nii.gz"
                if path.exists():
                    voxels, _ = _read(path)
                    image = voxels.astype(np.float32)
                    image /= np.percentile(image, 99.5)
                    self._images.append((image, (bone > 0).astype(np.uint8), affine))
        if not self._images:
            raise FileNotFoundError(f"No sacroiliac joints of {people} in {data}.")

    def draw(self, rng: np.random.Generator, size: int = 128, plane: str | None = None) -> Example:
        """A random example: turned, scaled, shaded, noisy; labels are 1 for bone."""
        u = rng.uniform
        image, bone, affine = self._images[rng.integers(len(self._images))]
        plane = plane or str(rng.choice(("coronal", "coronal", "axial", "sagittal")))
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
        inside = np.argwhere(bone)
        middle = affine[:3, :3] @ inside[rng.integers(len(inside))] + affine[:3, 3]
        centre = middle + axes @ np.array([*rng.normal(0, 25, 2), 0])
        gap = 3.3 if plane == "coronal" else u(2.5, 3.5)
        slices, labels = [], None
        to_index = np.linalg.inv(affine[:3, :3])
        rows, columns = (np.arange(size) - size / 2 + 0.5,) * 2
        for n, off in enumerate((-gap, 0, gap)):
            matrix = to_index @ axes
            start = to_index @ (centre + axes[:, 2] * off - affine[:3, 3])
            index = (start[:, None, None] + matrix[:, 1][:, None, None] * rows[:, None]
                     + matrix[:, 0][:, None, None] * columns)  # fmt: skip
            slices.append(ndimage.map_coordinates(image, index, order=1, mode="constant"))
            if n == 1:
                labels = ndimage.map_coordinates(bone, index, order=0, mode="constant")
        how = draw_corruption(rng)
        stack, seen = corrupt(np.clip(np.stack(slices), 0, None), how, 1.0, rng)
        label = (labels * seen).astype(np.uint8)
        joint = JOINTS.index("sacroiliac") if label.mean() > 0.05 else -1
        return Example(scaled(stack, u(98.0, 99.8)).astype(np.float16),
                       np.repeat(label[None], PARTS, 0), joint)  # fmt: skip


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
