"""Digital joints that are scanned again: the patient laid down anew, or another scan of them.

``Person`` is one joint with lesions of known volume; ``Person.pose`` samples it as it lies on the
table once; ``scan`` images that pose under a ``Protocol``. Bone, lesions and the texture of the
marrow belong to the patient and move along; noise, coil and grid belong to the scan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.errors import UsageError
from marrowlight.phantom import Anatomy, EdemaSpec, PhantomSpec, make_anatomy
from marrowlight.phantom.anatomy import canvas_of
from marrowlight.phantom.burden import Burden, lay_in
from marrowlight.phantom.canvas import Frame, sample_offsets
from marrowlight.phantom.lesion import Lesion, make_lesion
from marrowlight.phantom.scan import image_series
from marrowlight.phantom.sequence import sequence_of
from marrowlight.phantom.texture import COARSE_MM, FINE_MM, FINE_SHARE
from marrowlight.phantom.tissue import load_tissues, tissue_names
from marrowlight.study.grid import Grid
from marrowlight.study.series import Role
from marrowlight.study.volume import Volume

TURN_DEG = 3.0
"""SD of the turn about each axis when a patient is laid down anew. Estimate."""
SHIFT_MM = 5.0
"""Largest shift along each axis. Only its fraction of a voxel matters."""
COIL = 0.15
"""Largest deviation of a coil's sensitivity from its mean."""
COIL_AGAIN = 0.05
"""The same for what laying down anew changes in it."""
SUPPRESSION_SD = 0.01
"""Of the share of fat that is suppressed, between two scans on one scanner."""
LATTICE_MM = 0.5
TEXTURE_DEPTHS = 4
LESION_SHARE = 0.3
"""A voxel with this share of a lesion belongs to it when found lesions are told apart."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """How a scan is made. slice_mm has a gap of a sixth of it; snr is that of 3 mm slices."""

    sequence: Role
    slice_mm: float = 3.0
    field_t: float = 3.0
    snr: float = 12.0
    coil: int = 0

    @property
    def gap_mm(self) -> float:
        """Gap between two slices, mm."""
        return self.slice_mm / 6


@dataclass(frozen=True, eq=False)
class Pose:
    """A joint as it lies in one scan, with its lesions: what is imaged."""

    anatomy: Anatomy
    burdens: tuple[Burden, ...]
    bones: BoneMap
    spec: PhantomSpec


@dataclass(frozen=True, eq=False)
class Scan:
    """Images of one exam, its true bones, and which voxels belong to which lesion (1, 2...)."""

    fluid: Volume
    t1: Volume
    bones: BoneMap
    lesions: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Person:
    """One joint, and the texture of its marrow on a lattice of LATTICE_MM in its own space.

    sets : of lesions; every set is one exam of its own. Both texture parts have mean 0.
    """

    start: Anatomy
    spec: PhantomSpec
    sets: tuple[tuple[Lesion, ...], ...]
    fine: NDArray[np.float32]
    slow: NDArray[np.float32]
    corner: Points

    def pose(self, protocol: Protocol, rng: np.random.Generator, *, moved: bool = True) -> Pose:
        """Lay the patient on the table and sample the joint for this protocol's slices."""
        spec = replace(self.spec, slice_mm=protocol.slice_mm, gap_mm=protocol.gap_mm)
        grid = _slices(self.start.grid, spec)
        by = _movement(grid, rng) if moved else np.eye(4)
        frame = Frame(self.start.frame.to_model @ np.linalg.inv(by))
        anatomy = _sampled(self.start, frame, grid, spec, self._texture(frame, grid, spec))
        burdens = tuple(lay_in(anatomy, lesions) for lesions in self.sets)
        return Pose(anatomy, burdens, _bones(anatomy, spec), spec)

    def _texture(self, frame: Frame, grid: Grid, spec: PhantomSpec) -> NDArray[np.float32]:
        """(K, I, J): mean over the thickness of a slice, SD about 1 at 3 mm."""
        share = spec.slice_mm / (spec.slice_mm + spec.gap_mm)
        i, j, k = grid.shape
        total = np.zeros((k, i, j), np.float32)
        for n in range(TEXTURE_DEPTHS):
            depth = ((n + 0.5) / TEXTURE_DEPTHS - 0.5) * share
            index = np.stack(np.meshgrid(np.arange(k) + depth, np.arange(i), np.arange(j),
                                         indexing="ij"), axis=-1)  # fmt: skip
            at = frame.model(grid.to_ras(index[..., [1, 2, 0]])) - self.corner
            for part, step in ((self.fine, LATTICE_MM), (self.slow, COARSE_MM)):
                place = np.moveaxis(at / step, -1, 0)
                total += ndimage.map_coordinates(part, place, order=1, mode="nearest")
        return total / TEXTURE_DEPTHS


def person(spec: PhantomSpec, sets: Sequence[Sequence[EdemaSpec]]) -> Person:
    """Make a joint with several sets of lesions; those that no marrow has room for are left out."""
    start = make_anatomy(replace(spec, samples=1))
    rng = np.random.default_rng([spec.seed, 41])
    ends = [0, start.grid.shape[0] - 1], [0, start.grid.shape[1] - 1], [0, start.grid.shape[2] - 1]
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
    box = start.frame.model(start.grid.to_ras(corners))
    low, high = box.min(0) - 15, box.max(0) + 15
    shape = np.ceil((high - low) / LATTICE_MM).astype(int)
    fine = ndimage.gaussian_filter(
        rng.standard_normal(shape, dtype=np.float32), 0.5 * FINE_MM / LATTICE_MM, truncate=2.5
    )
    slow = rng.standard_normal(np.ceil((high - low) / COARSE_MM).astype(int) + 2).astype(np.float32)
    fine *= np.float32(np.sqrt(FINE_SHARE) / _seen_sd(fine, LATTICE_MM))
    slow *= np.float32(np.sqrt(1 - FINE_SHARE) / _seen_sd(slow, COARSE_MM))
    lesions = tuple(_with_room(start, few, 1000 * spec.seed + n) for n, few in enumerate(sets))
    return Person(start, spec, lesions, fine, slow, low)


def _with_room(start: Anatomy, few: Sequence[EdemaSpec], seed: int) -> tuple[Lesion, ...]:
    """The lesions that their bones can hold."""
    out = []
    for number, one in enumerate(few):
        with contextlib.suppress(UsageError):
            out.append(make_lesion(start, one, seed, number))
    return tuple(out)


def _seen_sd(part: NDArray[np.float32], step: float) -> float:
    """SD of a lattice as a slice of 3 mm shows it: between its points, and mean over depth."""
    rng = np.random.default_rng(44)
    at = rng.uniform(1, np.array(part.shape) - 2 - 3 / step, (20_000, 3)).T
    total = np.zeros(at.shape[1])
    for n in range(TEXTURE_DEPTHS):
        depth = np.array([[3 * n / TEXTURE_DEPTHS / step], [0], [0]])
        total += ndimage.map_coordinates(part, at + depth, order=1)
    return float((total / TEXTURE_DEPTHS).std())


def scan(pose: Pose, number: int, protocol: Protocol, seed: int) -> Scan:
    """Image one set of lesions of a pose. seed : of the noise and of what is new in the coil."""
    rng = np.random.default_rng([seed, 42])
    base = pose.spec
    spec = replace(
        base, sequence=protocol.sequence, field_t=protocol.field_t, bias=0, seed=seed,
        snr=protocol.snr * protocol.slice_mm / 3, t1_snr=40 * protocol.slice_mm / 3,
        fat_suppression=float(np.clip(base.fat_suppression + rng.normal(0, SUPPRESSION_SD), 0, 1)),
    )  # fmt: skip
    tissues = load_tissues(protocol.field_t)
    burden = pose.burdens[number]
    grid = pose.anatomy.grid
    coil = _coil(grid, COIL, np.random.default_rng([base.seed, 43, protocol.coil]))
    coil *= _coil(grid, COIL_AGAIN, rng)
    images = [
        image_series(pose.anatomy, burden.shares, sequence_of(role, tissues), tissues, spec) * coil
        for role in (protocol.sequence, Role.T1)
    ]
    owner = np.zeros(burden.cyst.shape, np.uint8)
    best = np.full(burden.cyst.shape, LESION_SHARE, np.float32)
    for n, share in enumerate(burden.of_lesion, start=1):
        owner[share > best] = n
        best = np.maximum(best, share)
    owner = np.ascontiguousarray(np.moveaxis(owner, 0, 2))
    return Scan(Volume(images[0], grid), Volume(images[1], grid), pose.bones, owner)


def _slices(grid: Grid, spec: PhantomSpec) -> Grid:
    """The same field of view in slices of another thickness."""
    step = spec.slice_mm + spec.gap_mm
    count = int(np.ceil(grid.shape[2] * grid.spacing[2] / step))
    affine = grid.affine.copy()
    affine[:3, 2] *= step / grid.spacing[2]
    middle = grid.to_ras((np.array(grid.shape, float) - 1) / 2)
    shape = (grid.shape[0], grid.shape[1], count)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def _movement(grid: Grid, rng: np.random.Generator) -> Points:
    """(4, 4) RAS mm of the patient as first laid down to RAS mm as laid down now."""
    a, b, c = np.radians(rng.normal(0, TURN_DEG, 3))
    turn = np.linalg.qr(np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]]))
    rotation = turn[0] * np.sign(np.diag(turn[1]))
    middle = grid.to_ras((np.array(grid.shape, float) - 1) / 2)
    out = np.eye(4)
    out[:3, :3] = rotation
    out[:3, 3] = middle - rotation @ middle + rng.uniform(-SHIFT_MM, SHIFT_MM, 3)
    return out


def _sampled(
    start: Anatomy, frame: Frame, grid: Grid, spec: PhantomSpec, texture: NDArray[np.float32]
) -> Anatomy:
    """The joint of an anatomy sampled anew in another frame and grid, as make_anatomy does."""
    offsets = sample_offsets(spec.samples, spec.slice_mm / (spec.slice_mm + spec.gap_mm))
    columns, rows, slices = grid.shape
    tissue = np.empty((slices, spec.samples, columns, rows), np.uint8)
    bone = np.empty_like(tissue)
    for k in range(slices):
        canvas = canvas_of(frame, grid, offsets, k)
        start.model.paint(canvas)
        tissue[k], bone[k] = canvas.tissue, canvas.bone
    names = tissue_names()
    shares = {names[n]: _share(tissue, n) for n in np.unique(tissue).tolist() if n}
    bones = {label: _share(bone, label) for label in start.model.bones.values()}
    return Anatomy(
        start.model, frame, grid, start.plane, offsets, tissue, bone, shares, bones, texture
    )


def _share(values: NDArray[np.uint8], number: int) -> NDArray[np.float32]:
    hits = (values == number).view(np.uint8).sum(axis=1, dtype=np.uint8)
    return hits * np.float32(1 / values.shape[1])


def _bones(anatomy: Anatomy, spec: PhantomSpec) -> BoneMap:
    labels = np.zeros(anatomy.texture.shape, np.uint8)
    for label, share in anatomy.bones.items():
        labels[share > 0.5] = label
    there = set(np.unique(labels).tolist())
    found = tuple(
        LabelledBone(label, bone, spec.side)
        for bone, label in anatomy.model.bones.items()
        if label in there
    )
    volume = np.ascontiguousarray(np.moveaxis(labels, 0, 2))
    return BoneMap(volume, anatomy.grid, found, "truth of a phantom")


def _coil(grid: Grid, largest: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(I, J, K): a smooth field around 1."""
    x = np.meshgrid(
        *[np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape], indexing="ij", sparse=True
    )
    terms = [*x, x[0] ** 2 - 1 / 3, x[1] ** 2 - 1 / 3, x[0] * x[1]]
    field = sum(np.float32(w) * t for w, t in zip(rng.uniform(-1, 1, 6), terms, strict=True))
    return np.broadcast_to(1 + np.float32(largest) * field / np.abs(field).max(), grid.shape).copy()
