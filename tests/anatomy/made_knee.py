"""A knee of balls and rods, and a network that reads its bones off their brightness."""

from __future__ import annotations

import numpy as np

from marrowlight.anatomy.network import Recipe
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane, Role, Series
from marrowlight.study.study import Joint, Side, Study
from marrowlight.study.volume import Volume

AIR, TIBIA, SOFT, FEMUR, PATELLA, FIBULA = 0.0, 0.3, 0.6, 1.0, 1.3, 0.15
CLASSES = ("background", "femur", "tibia", "patella", "talus")
JOINTS = (Joint.HIP, Joint.KNEE, Joint.ANKLE, Joint.SACROILIAC, Joint.OTHER)
LEVELS = {"femur": FEMUR, "tibia": TIBIA, "patella": PATELLA, "talus": 9.0}


class BrightnessNetwork:
    """Calls a pixel the bone whose brightness it has; sees nothing else."""

    def __init__(self, joint: Joint = Joint.KNEE, share: float = 0.9) -> None:
        self.classes, self.joints, self.sha256 = CLASSES, JOINTS, "0" * 64
        self.recipe = Recipe(
            file="made.onnx", sha256="0" * 64, classes=CLASSES, joints=JOINTS,
            pixel_mm=1.0, gap_mm=3.0, percentile=99.3, clip=1.6,
        )  # fmt: skip
        shares = np.full(len(JOINTS), (1 - share) / (len(JOINTS) - 1))
        shares[JOINTS.index(joint)] = share
        self._joint = np.log(shares).astype(np.float32)
        self.pictures = 0

    def for_joint(self, joint: Joint) -> BrightnessNetwork:
        return self

    def run(self, slices):
        assert slices.dtype == np.float32
        assert slices.shape[1] == 3
        assert all(n % 16 == 0 for n in slices.shape[2:])
        self.pictures += len(slices)
        middle = slices[:, 1]
        levels = [LEVELS[c] for c in CLASSES[1:]]
        off = [np.minimum(np.abs(middle - AIR), np.abs(middle - SOFT))]
        off += [np.abs(middle - level) for level in levels]
        logits = (-20 * np.stack(off, axis=1)).astype(np.float32)
        return logits, np.tile(self._joint, (len(slices), 1))


def paint(
    grid: Grid, centre=(0.0, 0.0, 0.0), upside_down: bool = False, patella: bool = True
) -> np.ndarray:
    """The knee on a grid, (I, J, K) float32; centre is the middle of the joint in RAS mm."""
    index = np.indices(grid.shape).reshape(3, -1).T
    x, y, z = (grid.to_ras(index) - np.array(centre)).T
    if upside_down:
        z = -z
    image = np.where(np.hypot(x, y) < 58, SOFT, AIR).astype(np.float32)
    image[(np.hypot(x, y) < 13) & (z > 10)] = FEMUR
    image[(x / 36) ** 2 + (y / 26) ** 2 + ((z - 24) / 21) ** 2 < 1] = FEMUR
    image[(np.hypot(x, y) < 14) & (z < -10)] = TIBIA
    image[(x / 36) ** 2 + (y / 24) ** 2 + ((z + 20) / 15) ** 2 < 1] = TIBIA
    if patella:
        image[(x / 19) ** 2 + ((y - 42) / 10) ** 2 + ((z - 26) / 19) ** 2 < 1] = PATELLA
    return image.reshape(grid.shape)


def sagittal_grid(pixel=0.8, slice_mm=2.0, width=110.0, height=150.0, centre=(0.0, 0.0, 0.0)):
    """I anterior to posterior, J superior to inferior, K left to right, as scanners store it."""
    shape = (round(124 / pixel), round(height / pixel), round(width / slice_mm))
    affine = np.zeros((4, 4))
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, -pixel, 0), (0, 0, -pixel), (slice_mm, 0, 0)
    affine[3, 3] = 1
    middle = affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    affine[:3, 3] = np.array(centre) - middle
    return Grid(shape, affine)


def coronal_grid(pixel=0.8, slice_mm=3.0):
    """I right to left, J superior to inferior, K posterior to anterior; tilted by 10 degrees."""
    shape = (round(124 / pixel), round(150 / pixel), round(120 / slice_mm))
    turn = np.deg2rad(10)
    affine = np.zeros((4, 4))
    affine[:3, 0] = (-pixel, 0, 0)
    affine[:3, 1] = np.array([0, -np.sin(turn), -np.cos(turn)]) * pixel
    affine[:3, 2] = np.array([0, np.cos(turn), -np.sin(turn)]) * slice_mm
    affine[3, 3] = 1
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def a_series(voxels: np.ndarray, grid: Grid, *, name="s1", role=Role.PD, plane=Plane.SAGITTAL):
    volume = Volume((400 * voxels).astype(np.float32), grid)
    return Series(name, volume, role, ("made",), "made", plane)


def a_study(*series: Series, joint=Joint.KNEE, side=Side.RIGHT) -> Study:
    return Study(series, (), joint, ("made",), side, ("made",), None, "none")


def truth(grid: Grid, level: float, **how) -> np.ndarray:
    """(I, J, K) bool, where a bone of that brightness is."""
    return paint(grid, **how) == np.float32(level)
