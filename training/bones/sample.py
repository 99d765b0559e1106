"""One training example, or one whole stack, of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.bones.contrast import Contrast, draw_contrast
from training.bones.corrupt import corrupt, draw_corruption, scaled
from training.bones.maps import VOXEL_MM
from training.bones.render import noise_bank, render
from training.bones.scene import Scene
from training.bones.tissue import JOINTS

PLANES = ("sagittal", "coronal", "axial")
AXES = {  # columns, rows and slices of each plane as RAS directions
    "sagittal": ((0, -1, 0), (0, 0, -1), (1, 0, 0)),
    "coronal": ((-1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "axial": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
}
PARTS = 3
"""Parts of a slice that are averaged and labelled one by one."""

BANK = noise_bank()


@dataclass(frozen=True, eq=False)
class Example:
    """Three neighbouring slices, and what is in the middle one.

    slices : (3, H, W) float16; labels : (PARTS, H, W) uint8, classes of the limb network
    joint : index into ``JOINTS``, -1 where the slice does not say
    """

    slices: NDArray[np.float16]
    labels: NDArray[np.uint8]
    joint: int


@dataclass(frozen=True, eq=False)
class Pose:
    """Where slices lie in a scene.

    centre : (3,) voxel index; axes : (3, 3) mm along columns, rows, slices to voxels
    fold : (on, x, sign), mirror plane beyond which the other side is seen
    waves : (n, 7) wave vector per voxel, phase, displacement in voxels
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    fold: NDArray[np.float32]
    waves: NDArray[np.float32]


def draw_shape(
    scene: Scene, plane: str, rng: np.random.Generator, tilt_deg: float = 9
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Axes of a plane in a randomly turned, scaled, sheared, mirrored, bent body."""
    turn = np.deg2rad(rng.normal(0, tilt_deg, 3))
    rotation = np.eye(3)
    for axis, angle in enumerate(turn):
        one = np.eye(3)
        i, k = [(1, 2), (0, 2), (0, 1)][axis]
        one[i, i] = one[k, k] = np.cos(angle)
        one[k, i], one[i, k] = np.sin(angle), -np.sin(angle)
        rotation = rotation @ one
    size = rng.uniform(0.85, 1.18) * rng.uniform(0.93, 1.07, 3) * [rng.choice([-1, 1]), 1, 1]
    shear = np.eye(3) + np.triu(rng.normal(0, 0.04, (3, 3)), 1)
    axes = np.diag(size / VOXEL_MM) @ shear @ rotation @ np.array(AXES[plane], float).T
    count = rng.integers(3, 6)
    length = np.exp(rng.uniform(np.log(28), np.log(160), count)) / VOXEL_MM
    way = rng.normal(size=(count, 3))
    way *= (2 * np.pi / length / np.linalg.norm(way, axis=1))[:, None]
    far = rng.normal(size=(count, 3)) * (length * rng.uniform(0.0, 0.028))[:, None]
    waves = np.column_stack([way, rng.uniform(0, 2 * np.pi, count), far])
    return axes.astype(np.float32), waves.astype(np.float32)


def draw_pose(scene: Scene, plane: str, rng: np.random.Generator) -> Pose:
    """A slice anywhere that a scan of this joint may reach, more often near bones."""
    axes, waves = draw_shape(scene, plane, rng)
    normal, u = PLANES.index(plane), rng.uniform
    spread = {"knee": (10, 12, 16), "hip": (16, 16, 18), "ankle": (10, 18, 16)}[scene.site]
    if rng.random() < 0.45 and len(scene.foci):
        base = scene.foci[rng.integers(len(scene.foci))]
        off = rng.normal(0, 1, 3) * np.array([13, 13, 15])
        off[normal] *= 0.8
    else:
        base = scene.joint
        off = rng.normal(0, 1, 3) * np.array(spread)
        reach = {"knee": (46, 42, 58), "hip": (62, 52, 62), "ankle": (32, 70, 48)}[scene.site]
        off[normal] = u(-reach[normal], reach[normal])
        if scene.site == "ankle":
            off += [0, 15, -15]
    fold = np.array([scene.site == "hip" or rng.random() < 0.06, scene.midline, 1], np.float32)
    return Pose((base + off / VOXEL_MM).astype(np.float32), axes, fold, waves)


def draw_example(
    scene: Scene, rng: np.random.Generator, *, size: int = 128, family: str | None = None,
    plane: str | None = None,
) -> Example:  # fmt: skip
    """A random example of a scene."""
    u = rng.uniform
    shares = {"knee": (0.45, 0.29, 0.26), "hip": (0.28, 0.42, 0.30), "ankle": (0.5, 0.25, 0.25)}
    plane = plane or str(rng.choice(PLANES, p=shares[scene.site]))
    pose = draw_pose(scene, plane, rng)
    # Mostly 1 mm, as in the product; some more, so that size is no clue to what a bone is.
    pixel = 1.0 if rng.random() < 0.5 else u(0.9, 1.3)
    if pose.fold[0] and scene.site != "hip":
        pixel = u(1.2, 1.9)
    gap = u(2.2, 4.6)
    thick = gap * u(0.4, 1.0) * rng.choice([1, 1, 0.4])
    image, labels = picture(scene, pose, pixel, np.array([-gap, 0, gap]), thick, size,
                            draw_contrast(rng, family), rng)  # fmt: skip
    how = draw_corruption(rng)
    image, seen = corrupt(image, how, pixel, rng)
    labels = labels[1] * seen
    joint = JOINTS.index(scene.site) if (labels[1] > 0).mean() > 0.03 else -1
    return Example(scaled(image, rng.uniform(98.0, 99.8)).astype(np.float16), labels, joint)


def picture(
    scene: Scene,
    pose: Pose,
    pixel: float,
    positions: NDArray[np.floating],
    thick: float,
    size: int | tuple[int, int],
    contrast: Contrast,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(S, H, W) intensities and (S, PARTS, H, W) bones of slices at ``positions`` mm."""
    u = rng.uniform
    shape = (size, size) if isinstance(size, int) else size
    image = np.zeros((len(positions), *shape), np.float32)
    label = np.zeros((len(positions), PARTS, *shape), np.uint8)
    parts = np.array([-1, 0, 1], np.float32) * np.float32(thick / 3)
    slope = rng.normal(size=3)
    slope *= u(0.008, 0.06) / np.linalg.norm(slope)
    failed = np.array([*slope, u(0, 1) - slope @ pose.centre, contrast.family == "half_suppressed"],
                      np.float32)  # fmt: skip
    cortex = np.array([u(0.2, 1.5), u(0.3, 3.2), u(18, 45), u(0, 0.35), scene.joint[2],
                       contrast.cortex], np.float32)  # fmt: skip
    streaks = np.array([u(-0.03, 0.12), u(-0.03, 0.10)], np.float32)
    render(scene.tissue, scene.depth, BANK, pose.centre, pose.axes, np.float32(pixel),
           positions.astype(np.float32), parts, pose.waves, pose.fold,
           u(0, 64, 3).astype(np.float32), contrast.mean, contrast.other, failed, contrast.fine,
           contrast.middle, contrast.coarse, cortex, _lesions(scene, pose, contrast, rng),
           _scars(scene, contrast, rng), streaks, _voids(scene, pose, rng), image,
           label)  # fmt: skip
    return image, label


def _lesions(
    scene: Scene, pose: Pose, contrast: Contrast, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Edema, mostly at the surface of a joint: (n, 8) place, size, intensity, ragged, sharp, and
    how far it effaces the cortex."""
    u = rng.uniform
    rows = []
    for _ in range(rng.choice([0, 1, 2, 3], p=[0.35, 0.33, 0.2, 0.12])):
        place = pose.centre + pose.axes @ np.array([*rng.normal(0, 28, 2), rng.normal(0, 4)])
        if rng.random() < 0.7 and len(scene.edges):
            # The edge point nearest to a random place of this slice, so that it is seen.
            gap = ((scene.edges - place) ** 2).sum(1)
            place = scene.edges[np.argmin(gap)] + rng.normal(0, 2, 3)
        radius = u(4, 22) / VOXEL_MM
        rows.append([*place, 1 / radius**2, contrast.lesion * u(0.7, 1.3), u(0.2, 0.8),
                     u(0.7, 3.5), u(0, 1) if rng.random() < 0.5 else 0])  # fmt: skip
    return np.array(rows, np.float32).reshape(-1, 8)


def _scars(scene: Scene, contrast: Contrast, rng: np.random.Generator) -> NDArray[np.float32]:
    """Closed or open growth plates, as dark or bright sheets: (m, 9)."""
    u = rng.uniform
    rows = []
    for _ in range(rng.choice([0, 1, 2], p=[0.45, 0.2, 0.35])):
        off = rng.choice([-1, 1]) * u(12, 36) / VOXEL_MM
        normal = np.array([0, 0, 1.0]) + rng.normal(0, 0.2, 3)
        value = contrast.cortex if rng.random() < 0.7 else contrast.mean[1] * u(0.2, 1.6)
        rows.append([*(scene.joint + [0, 0, off]), *(normal / np.linalg.norm(normal)), u(0.5, 1.4),
                     value, u(0.2, 0.9)])  # fmt: skip
    return np.array(rows, np.float32).reshape(-1, 9)


def _voids(scene: Scene, pose: Pose, rng: np.random.Generator) -> NDArray[np.float32]:
    """Signal lost around metal, in few images: (k, 4)."""
    if rng.random() > 0.06:
        return np.zeros((0, 4), np.float32)
    place = pose.centre + pose.axes @ np.array([*rng.normal(0, 28, 2), rng.normal(0, 4)])
    radius = rng.uniform(3, 14) / VOXEL_MM
    return np.array([[*place, 1 / radius**2]], np.float32)
