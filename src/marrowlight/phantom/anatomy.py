"""Anatomy: a joint sampled on the grid of a scan, ready to be given edema and imaged.

This is the slow part, and it does not depend on lesions, sequence or noise: make it once and pass
it to ``make_phantom`` as often as needed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.phantom.canvas import Canvas, Frame, sample_offsets
from marrowlight.phantom.model import JointModel, joint_model
from marrowlight.phantom.spec import PhantomSpec, Repeat
from marrowlight.phantom.texture import marrow_texture
from marrowlight.phantom.tissue import tissue_names, tissue_number
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane
from marrowlight.study.study import Side

THREADS = 2

_AXES = {
    Plane.SAGITTAL: ((0, -1, 0), (0, 0, -1), (1, 0, 0)),
    Plane.CORONAL: ((-1, 0, 0), (0, 0, -1), (0, -1, 0)),
    Plane.AXIAL: ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
}
"""RAS directions of columns, rows and slices, as scanners store each plane."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A joint sampled on the grid of a scan.

    Parameters
    ----------
    model : JointModel
    frame : Frame
        From the scanner's space to the joint's own.
    grid : Grid
        Of the scan, (I, J, K) with K through the slices.
    plane : Plane
    offsets : (S, 3) float64
        Places of the S samples of a voxel, in voxels from its centre along I, J, K.
    samples : (K, S, I, J) uint8
        Tissue number at every sample.
    bone_samples : (K, S, I, J) uint8
        Registry label of the bone at every sample, 0 for none.
    shares : dict of (K, I, J) float32
        By tissue: its share of each voxel, 0..1. Only tissues that occur.
    bones : dict of (K, I, J) float32
        By registry label: share of the bone (cortex and marrow) in each voxel.
    texture : (K, I, J) float32
        Of the trabeculae: mean 0, SD 1.
    """

    model: JointModel
    frame: Frame
    grid: Grid
    plane: Plane
    offsets: NDArray[np.float64]
    samples: NDArray[np.uint8]
    bone_samples: NDArray[np.uint8]
    shares: dict[str, NDArray[np.float32]]
    bones: dict[int, NDArray[np.float32]]
    texture: NDArray[np.float32]


def make_anatomy(spec: PhantomSpec) -> Anatomy:
    """Sample a joint; of the spec joint, side, seed, grid, samples, red_marrow, repeat matter."""
    model = joint_model(spec.joint, spec.seed)
    frame = _frame(spec, model)
    plane = spec.plane or model.plane
    grid = _grid(spec, model, frame, plane)
    offsets = sample_offsets(spec.samples, spec.slice_mm / (spec.slice_mm + spec.gap_mm))
    columns, rows, slices = grid.shape
    samples = np.empty((slices, spec.samples, columns, rows), np.uint8)
    bone = np.empty_like(samples)

    def paint(k: int) -> None:
        canvas = canvas_of(frame, grid, offsets, k)
        model.paint(canvas)
        tissue = canvas.tissue
        if islands is not None:
            tissue[(tissue == tissue_number("marrow")) & islands[k]] = tissue_number("red_marrow")
        samples[k], bone[k] = tissue, canvas.bone
        for number in np.flatnonzero(np.bincount(tissue.ravel())):
            if number:
                shares[names[number]][k] = _shares(tissue, int(number))
        for label, share in bones.items():
            share[k] = _shares(canvas.bone, label)

    shape = (slices, columns, rows)
    names = tissue_names()
    shares = {name: np.zeros(shape, np.float32) for name in names[1:]}
    bones = {label: np.zeros(shape, np.float32) for label in model.bones.values()}
    islands = _red_marrow(grid, spec) if spec.red_marrow > 0 else None
    with ThreadPoolExecutor(THREADS) as pool:
        texture = pool.submit(marrow_texture, grid, spec.scan_seed)
        list(pool.map(paint, range(slices)))
    return Anatomy(
        model, frame, grid, plane, offsets, samples, bone,
        {name: share for name, share in shares.items() if share.any()}, bones, texture.result(),
    )  # fmt: skip


def canvas_of(frame: Frame, grid: Grid, offsets: NDArray[np.float64], k: int) -> Canvas:
    """An empty canvas over slice k of a grid."""
    count = len(offsets)
    # One sample alone stands for the whole thickness; its depth then differs from pixel to pixel.
    step = (offsets[-1, 2] - offsets[0, 2]) / (count - 1) if count > 1 else 1.0
    to_voxel = np.array(
        [[0, 1, 0, 0], [0, 0, 1, 0], [step, 0, 0, k + offsets[0, 2]], [0, 0, 0, 1]], dtype=float
    )
    index_to_model = frame.to_model @ grid.affine @ to_voxel
    return Canvas((count, grid.shape[0], grid.shape[1]), index_to_model, offsets[:, :2])


def _frame(spec: PhantomSpec, model: JointModel) -> Frame:
    """Size and stance of this person, and the mirror for a left joint."""
    rng = np.random.default_rng([spec.seed, 2])
    size = 1 + 0.05 * float(np.clip(rng.standard_normal(), -1.5, 1.5))
    a, b, c = rng.uniform(-3, 3, 3)
    stance = _turn("x", a) @ _turn("y", b) @ _turn("z", c)
    mirror = np.diag([-1.0 if spec.side is Side.LEFT else 1.0, 1.0, 1.0])
    center = mirror @ np.array(model.center_ras_mm)
    to_model = np.eye(4)
    to_model[:3, :3] = stance @ mirror / size
    to_model[:3, 3] = -to_model[:3, :3] @ center
    if spec.repeat is None:
        return Frame(to_model)
    return Frame(to_model @ np.linalg.inv(movement(spec.repeat, center)))


def movement(repeat: Repeat, center: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) RAS mm of the first scan to that of a later one. center : (3,) the joint's middle."""
    a, b, c = repeat.turn_deg
    out = np.eye(4)
    out[:3, :3] = _turn("z", c) @ _turn("y", b) @ _turn("x", a)
    out[:3, 3] = center + np.array(repeat.shift_mm) - out[:3, :3] @ center
    return out


def _grid(spec: PhantomSpec, model: JointModel, frame: Frame, plane: Plane) -> Grid:
    about = "x" if plane is Plane.AXIAL else "z"
    sign = -1 if spec.side is Side.LEFT else 1
    turn = _turn(about, sign * spec.tilt_deg)
    directions = turn @ np.array(_AXES[plane], dtype=float).T
    through = {Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}[plane]
    low, high = model.reach_mm[through]
    spacing = spec.slice_mm + spec.gap_mm
    slices = spec.slices or max(int(np.ceil((high - low) / spacing)), 3)
    pixels = max(round((spec.fov_mm or model.fov_mm) / spec.pixel_mm), 8)
    middle = np.array(model.middle, dtype=float)
    middle[through] = (low + high) / 2
    # A radiographer does not tilt the slices along with a joint that lies differently.
    center = frame.ras(middle) + (spec.repeat.aim_mm if spec.repeat else (0.0, 0.0, 0.0))
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array([spec.pixel_mm, spec.pixel_mm, spacing])
    shape = (pixels, pixels, slices)
    affine[:3, 3] = center - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def _turn(axis: str, degrees: float) -> NDArray[np.float64]:
    """(3, 3) rotation about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    k = "xyz".index(axis)
    i, j = (k + 1) % 3, (k + 2) % 3
    out = np.eye(3)
    out[i, i] = out[j, j] = c
    out[i, j], out[j, i] = -s, s
    return out


def _shares(values: NDArray[np.uint8], number: int) -> NDArray[np.float32]:
    """Share of the samples of each voxel that have a number; values : (..., S, I, J)."""
    hits = (values == number).view(np.uint8).sum(axis=-3, dtype=np.uint8)
    out: NDArray[np.float32] = hits * np.float32(1 / values.shape[-3])
    return out


def _red_marrow(grid: Grid, spec: PhantomSpec) -> NDArray[np.bool_]:
    """(K, I, J): where marrow is red, in islands of about a centimetre."""
    from scipy import ndimage

    rng = np.random.default_rng([spec.seed, 5])
    size = [max(int(n * s / 6) + 2, 4) for n, s in zip(grid.shape, grid.spacing, strict=True)]
    coarse = ndimage.gaussian_filter(rng.standard_normal(size), 0.8)
    zoom = [n / m for n, m in zip(grid.shape, size, strict=True)]
    field = ndimage.zoom(coarse, zoom, order=1, grid_mode=True, mode="nearest")
    red: NDArray[np.bool_] = field > np.quantile(coarse, 1 - 0.5 * spec.red_marrow)
    return np.moveaxis(red, 2, 0)
