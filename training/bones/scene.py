"""A scene: the bones of one person and everything invented around them.

No public label map has muscle, fat, skin, vessels or joint fluid, so these are invented anew for
every scene, richly and at random: the network must learn bone, not the neighbourhood of bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from training.bones.limb import body_outline
from training.bones.maps import VOXEL_MM, LabelMap
from training.bones.paint import Painter, smooth_noise
from training.bones.structures import knee_bands, named_structures
from training.bones.tissue import BONES, Tissue

PAD_MM = {  # (low, high) along x, y, z: room for soft tissue beyond the box of the map
    "knee": ((18, 18), (36, 14), (27, 27)),
    "hip": ((0, 45), (35, 35), (30, 24)),
    "ankle": ((20, 20), (24, 10), (14, 40)),
}
EXTRUDED = {  # tissues that go on beyond a face of the map, by (axis, end)
    "knee": {(2, 1): (1,), (2, 0): (2, 3)},
    "hip": {(2, 0): (1,), (2, 1): (5, 6), (1, 0): (5, 6), (1, 1): (5,)},
    "ankle": {(2, 1): (2, 3), (1, 1): (12,)},
}
JOINT_OF = {"knee": (1, 2), "hip": (1, 5), "ankle": (2, 7)}


@dataclass(frozen=True, eq=False)
class Scene:
    """One person's joint, ready to be imaged.

    tissue : (I, J, K) uint8, ``Tissue``
    depth : (I, J, K) uint8, depth below the bone's own surface in 0.1 mm, 0 outside bone
    joint : (3,) float32, voxel index of the joint's centre
    foci : (n, 3) float32, voxel indices of the centres of the bones
    edges : (m, 3) float32, voxel indices of bone surface that faces another bone
    midline : voxel index along x about which the other side is mirrored
    """

    tissue: NDArray[np.uint8]
    depth: NDArray[np.uint8]
    joint: NDArray[np.float32]
    foci: NDArray[np.float32]
    edges: NDArray[np.float32]
    midline: float
    site: str
    name: str

    def save(self, folder: Path) -> None:
        """Write the scene as arrays that can be mapped into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "tissue.npy", self.tissue)
        np.save(folder / "depth.npy", self.depth)
        np.savez(folder / "about.npz", joint=self.joint, foci=self.foci, edges=self.edges,
                 midline=self.midline, site=self.site, name=self.name)  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> Scene:
        """A saved scene; its arrays stay on disk until they are touched."""
        about = np.load(folder / "about.npz")
        return cls(np.load(folder / "tissue.npy", mmap_mode="r"),
                   np.load(folder / "depth.npy", mmap_mode="r"),
                   about["joint"], about["foci"], about["edges"], float(about["midline"]),
                   str(about["site"]), str(about["name"]))  # fmt: skip


def make_scene(bones: LabelMap, seed: int) -> Scene:
    """Invent a limb around real bones; the same seed gives the same scene."""
    rng = np.random.default_rng(seed)
    labels = _extended(bones)
    coarse = labels[::2, ::2, ::2].copy()
    if bones.site == "knee" and not (coarse == Tissue.FIBULA).any():
        _invent_fibula(coarse, rng)
        fibula = _doubled(coarse == Tissue.FIBULA) & (labels == 0)
        labels[fibula] = Tissue.FIBULA
    soft = _soft_tissue(coarse, bones.site, rng)
    tissue = _doubled(soft)
    tissue[labels > 0] = labels[labels > 0]
    depth = _depth(labels)
    joint, edges = _faces(labels, bones.site, rng)
    foci = [np.mean(np.argwhere(labels[::4, ::4, ::4] == n), 0) * 4
            for n in range(1, BONES + 1) if (labels[::4, ::4, ::4] == n).any()]  # fmt: skip
    midline = -0.5
    if bones.site != "hip":
        skin = np.flatnonzero((tissue > 0).any(axis=(1, 2)))[0]
        midline = float(skin) - rng.uniform(1, 25) / VOXEL_MM
    return Scene(tissue, depth, joint, np.array(foci, np.float32), edges, midline, bones.site,
                 bones.name)  # fmt: skip


def _extended(bones: LabelMap) -> NDArray[np.uint8]:
    """The map with room around it; shafts and wings go on beyond the faces that cut them."""
    pads = [(round(a / VOXEL_MM), round(b / VOXEL_MM)) for a, b in PAD_MM[bones.site]]
    out = np.pad(bones.labels, pads)
    for (axis, end), kept in EXTRUDED[bones.site].items():
        low, high = pads[axis]
        size = out.shape[axis]
        face = np.take(out, size - high - 3 if end else low + 2, axis)
        face = np.where(np.isin(face, kept), face, 0)
        part: list[slice] = [slice(None)] * 3
        part[axis] = slice(size - high - 2, size) if end else slice(0, low + 2)
        out[tuple(part)] = np.expand_dims(face, axis)
    return out[tuple(slice(0, n // 2 * 2) for n in out.shape)]


def _doubled(coarse: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)


def _invent_fibula(coarse: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Most knee maps lack the fibula: a head behind and beside the tibia, and a shaft."""
    v = 2 * VOXEL_MM
    tibia = np.argwhere(coarse == Tissue.TIBIA)
    top = np.percentile(tibia[:, 2], 99)
    below = tibia[tibia[:, 2] < top - 15 / v]
    x, y = below[:, :2].mean(0)
    half = max(np.ptp(np.percentile(below[:, 0], (2, 98))) / 2 * v, 28)
    side = rng.choice([-1, 1])
    head = np.array([x + side * rng.uniform(0.75, 1.0) * half / v, y - rng.uniform(8, 20) / v,
                     top - rng.uniform(14, 24) / v])  # fmt: skip
    radius = rng.uniform(7.5, 11.5)
    painter = Painter(np.zeros(coarse.shape, np.uint8), v)
    painter.ball(head - [0, 0, radius / v], radius, 1, stretch=(1, 1, rng.uniform(1, 1.6)))
    foot = head + np.array([side * rng.uniform(-8, 4), rng.uniform(-6, 8), 0]) / v
    foot[2] = -4
    painter.tube(head - [0, 0, radius / v], foot, rng.uniform(4.5, 7), 1)
    apart = ndimage.distance_transform_edt(coarse != Tissue.TIBIA, sampling=v)
    inside = (painter.canvas > 0) & (apart > rng.uniform(0.5, 2.5)) & (coarse == 0)
    inside = ndimage.gaussian_filter(inside.astype(np.float32), 1) > 0.5
    coarse[inside & (coarse == 0)] = Tissue.FIBULA


def _soft_tissue(
    coarse: NDArray[np.uint8], site: str, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Everything but bone on the coarse grid; voxels of bone hold what lies around it."""
    v = 2 * VOXEL_MM
    bone = (coarse > 0) & (coarse <= BONES)
    apart = ndimage.distance_transform_edt(~bone, sampling=v).astype(np.float32)
    waves = [smooth_noise(coarse.shape, rng, mm / v) for mm in (14, 14, 25, 40)]
    body = body_outline(coarse, site, apart, waves[3], rng)
    skin = ndimage.distance_transform_edt(body, sampling=v).astype(np.float32)
    near = _gap(coarse, v)
    tissue = np.zeros(coarse.shape, np.uint8)
    _compartments(tissue, body, near, waves, rng)
    _bellies(tissue, body, apart, waves[2], rng)
    fat_reach = rng.uniform(6, 22)
    tissue[body & (apart < fat_reach) & (near < rng.uniform(15, 40))
           & (waves[2] > rng.uniform(-0.5, 0.8))] = Tissue.DEEP_FAT  # fmt: skip
    if rng.random() < 0.5:
        thin = rng.uniform(0.8, 3)
        tissue[body & (apart < thin) & (waves[1] > rng.uniform(-0.5, 1))] = Tissue.DEEP_FAT
    painter = Painter(tissue, v, within=body)
    named_structures(painter, coarse, site, apart, waves, rng)
    thick = np.clip(rng.uniform(2, 18) * (1 + 0.45 * waves[2]), 1.5, 40)
    if site == "ankle":
        thick = np.minimum(thick, np.maximum(apart * rng.uniform(0.3, 0.8), 1.5))
    tissue[body & (skin < thick)] = Tissue.SUBCUTANEOUS_FAT
    if rng.random() < 0.7:
        tissue[body & (skin >= thick) & (skin < thick + rng.uniform(1, 2.2))] = Tissue.FASCIA
    tissue[body & (skin < 1.6)] = Tissue.SKIN
    _joint_space(tissue, body, near, apart, waves, rng)
    if site == "knee":
        knee_bands(painter, coarse, rng)
    _scatter(painter, body & (skin > 2), rng)
    return tissue


def _gap(coarse: NDArray[np.uint8], v: float) -> NDArray[np.float32]:
    """Distance in mm to the second nearest bone: small in a joint space. 99 with one bone."""
    first = np.full(coarse.shape, 99, np.float32)
    second = first.copy()
    for n in range(1, BONES + 1):
        if (coarse == n).any():
            d = ndimage.distance_transform_edt(coarse != n, sampling=v).astype(np.float32)
            second = np.minimum(second, np.maximum(d, first))
            first = np.minimum(first, d)
    return second


def _compartments(
    tissue: NDArray[np.uint8],
    body: NDArray[np.bool_],
    near: NDArray[np.float32],
    waves: list[NDArray[np.float32]],
    rng: np.random.Generator,
) -> None:
    """Voronoi cells of muscle, fat, fluid and synovium with septa between them."""
    v = 2 * VOXEL_MM
    points = np.argwhere(body)
    seeds = points[rng.integers(0, len(points), rng.integers(12, 44))].astype(np.float32)
    kinds = [Tissue.MUSCLE, Tissue.OTHER_MUSCLE, Tissue.DEEP_FAT, Tissue.SYNOVIUM, Tissue.NERVE]
    close = near[tuple(seeds.astype(int).T)] < rng.uniform(12, 30)
    shares = np.where(close[:, None], [[0.35, 0.15, 0.33, 0.07, 0.1]],
                      [[0.53, 0.25, 0.15, 0.04, 0.03]])  # fmt: skip
    cells = np.array([rng.choice(kinds, p=p) for p in shares], np.uint8)
    flat = np.array([1, 1, rng.uniform(0.2, 0.7)], np.float32)
    half = tuple(slice(None, None, 2) for _ in range(3))
    grid = np.stack(np.meshgrid(*[np.arange(0, n, 2, dtype=np.float32) for n in body.shape],
                                indexing="ij"), -1)  # fmt: skip
    grid += 3 / v * np.stack([w[half] for w in waves[:3]], -1)
    distance, index = cKDTree(seeds * flat).query((grid * flat).reshape(-1, 3), k=2)
    cell = cells[index[:, 0]]
    septum = (distance[:, 1] - distance[:, 0]) * v < rng.uniform(0.6, 2.5)
    cell = np.where(septum, rng.choice([Tissue.DEEP_FAT, Tissue.FASCIA, Tissue.DEEP_FAT]), cell)
    full = _doubled(cell.reshape(grid.shape[:3]).astype(np.uint8))
    tissue[body] = full[: body.shape[0], : body.shape[1], : body.shape[2]][body]


def _bellies(
    tissue: NDArray[np.uint8],
    body: NDArray[np.bool_],
    apart: NDArray[np.float32],
    wave: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Rounded bodies with a rim: the things that look most like bone and are none."""
    v = 2 * VOXEL_MM
    points = np.argwhere(body & (apart > 8))
    painter = Painter(tissue, v, within=body)
    for _ in range(rng.integers(4, 14)):
        if not len(points):
            return
        centre = points[rng.integers(len(points))].astype(float)
        size = np.array([rng.uniform(8, 24), rng.uniform(8, 24), rng.uniform(18, 75)])
        kind = rng.choice([Tissue.MUSCLE, Tissue.MUSCLE, Tissue.OTHER_MUSCLE, Tissue.DEEP_FAT])
        rim = rng.choice([Tissue.FASCIA, Tissue.DEEP_FAT, Tissue.DEEP_FAT])
        painter.belly(centre, size, rng.uniform(0.8, 3), kind, rim, wave, rng)


def _joint_space(
    tissue: NDArray[np.uint8],
    body: NDArray[np.bool_],
    near: NDArray[np.float32],
    apart: NDArray[np.float32],
    waves: list[NDArray[np.float32]],
    rng: np.random.Generator,
) -> None:
    """Fluid, synovium and fat between and around the bones of a joint."""
    gap = body & (near < rng.uniform(3.5, 6.5))
    filling = rng.choice([Tissue.FLUID, Tissue.FLUID, Tissue.DEEP_FAT, Tissue.SYNOVIUM,
                          Tissue.CARTILAGE])  # fmt: skip
    tissue[gap] = np.where(waves[0][gap] > rng.uniform(-0.5, 0.8), Tissue.CARTILAGE, filling)
    if rng.random() < 0.6:
        reach = rng.uniform(2, 11)
        tissue[body & (apart < reach) & (near < rng.uniform(8, 26))
               & (waves[2] + 0.5 * waves[1] > rng.uniform(0.2, 1.2))] = Tissue.FLUID  # fmt: skip
    if rng.random() < 0.5:
        tissue[body & (apart < rng.uniform(2, 6)) & (near < 30)
               & (waves[0] + 0.5 * waves[2] > rng.uniform(0.2, 1.2))] = rng.choice(
                   [Tissue.FLUID, Tissue.SYNOVIUM])  # fmt: skip


def _scatter(painter: Painter, inside: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Vessels, nerves, small tendons, septa and cysts anywhere."""
    points = np.argwhere(inside)
    v = painter.voxel_mm
    kinds = [Tissue.VESSEL, Tissue.VESSEL, Tissue.TENDON, Tissue.FASCIA, Tissue.FLUID,
             Tissue.DEEP_FAT, Tissue.TENDON]  # fmt: skip
    for _ in range(rng.integers(12, 50)):
        start = points[rng.integers(len(points))].astype(float)
        way = rng.normal(size=3) * [0.5, 0.6, 1]
        way *= rng.uniform(8, 45) / v / np.linalg.norm(way)
        painter.tube(start, start + way, rng.uniform(0.7, 2.0), rng.choice(kinds))
    for _ in range(rng.integers(2, 7)):
        start = points[rng.integers(len(points))].astype(float)
        way = np.array([rng.uniform(-12, 12), rng.uniform(-12, 12),
                        rng.choice([-1, 1]) * rng.uniform(30, 80)]) / v  # fmt: skip
        painter.tube(start, start + way, rng.uniform(1.5, 4.5),
                     rng.choice([Tissue.TENDON, Tissue.TENDON, Tissue.VESSEL]))  # fmt: skip
    if rng.random() < 0.35:
        centre = points[rng.integers(len(points))].astype(float)
        painter.ball(centre, rng.uniform(5, 14), Tissue.FLUID, stretch=(1, 1, 1.6))


def _depth(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Depth below each bone's own surface in 0.1 mm; where the scene ends the bone goes on."""
    depth = np.zeros(labels.shape, np.uint8)
    for n, box in enumerate(ndimage.find_objects(labels, max_label=BONES), start=1):
        if box is None:
            continue
        bone = np.pad(labels[box] == n, 1)
        for axis, part in enumerate(box):
            for end, cut in ((0, part.start == 0), (-1, part.stop == labels.shape[axis])):
                if cut:
                    edge: list[slice | int] = [slice(None)] * 3
                    inner = list(edge)
                    edge[axis], inner[axis] = end, 1 if end == 0 else -2
                    bone[tuple(edge)] = bone[tuple(inner)]
        mm = ndimage.distance_transform_edt(bone, sampling=VOXEL_MM)[1:-1, 1:-1, 1:-1]
        inside = labels[box] == n
        tenths = np.clip((mm[inside] - VOXEL_MM / 2) * 10, 1, 255).astype(np.uint8)
        depth[box][inside] = tenths
    return depth


def _faces(
    labels: NDArray[np.uint8], site: str, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centre of the joint, and points of bone surface that face another bone."""
    coarse = labels[::2, ::2, ::2]
    near = _gap(coarse, 2 * VOXEL_MM)
    one, other = (ndimage.distance_transform_edt(coarse != n) for n in JOINT_OF[site])
    both = one + other
    joint = np.argwhere(both < both.min() + 6).mean(0) * 2
    bone = (coarse > 0) & (coarse <= BONES)
    surface = np.argwhere(bone & ~ndimage.binary_erosion(bone, border_value=1) & (near < 12))
    picked = surface[rng.integers(0, len(surface), 400)] * 2
    return joint.astype(np.float32), picked.astype(np.float32)
