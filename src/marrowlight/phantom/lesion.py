"""A lesion of known volume: an outline solved so that exactly so much marrow is within it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import UsageError
from marrowlight.phantom.anatomy import Anatomy
from marrowlight.phantom.canvas import Canvas
from marrowlight.phantom.spec import EdemaSpec, Shape
from marrowlight.phantom.tissue import tissue_number

_FINE_MM = 0.4
"""Lattice on which the outline of a small lesion is solved. Unit: mm."""

_LATTICE_POINTS = 400_000
"""Largest lattice for that; large lesions are solved on a coarser one."""

FAINT = 0.1
"""Share of full strength below which a soft edge is taken not to be seen."""

_WIDEST_EDGE = 0.8
"""Half the width of an edge is never more than this share of the radius."""

_FLATNESS = {
    Shape.BLOB: (1.0, 1.0, 1.0),
    Shape.ELLIPSOID: (1.25, 0.9, 0.9),
    Shape.SUBCHONDRAL: (1.0, 1.15, 0.85),
}
"""Radii relative to each other along two directions in the surface and one across it."""

_UNEVEN = {Shape.BLOB: 0.13, Shape.ELLIPSOID: 0.0, Shape.SUBCHONDRAL: 0.08}
"""How much the radius of an outline varies with direction."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """Edema in space, in the joint's own coordinates.

    Parameters
    ----------
    spec : EdemaSpec
    bone : int
        Registry label of the bone that it is in; it stays within its marrow.
    center : (3,) float64
    axes : (3, 3) float64
        Rows are unit directions of its radii.
    radii : (3,) float64
        At radius 1.
    waves : (W, 5) float64
        Direction, phase and amplitude of the unevenness of its outline.
    radius, cyst_radius : float
        Outline and cyst, in units of ``radii``.
    volume_mm3, cyst_mm3 : float
        What the outline and the cyst hold of marrow, by the lattice that they were solved on.
    faint_mm3 : float
        Volume of marrow that has at least ``FAINT`` of the full strength: what an outline around
        all that can be seen would hold.
    centroid_ras_mm : (3,) float64
        Of the edema, cyst left out.
    """

    spec: EdemaSpec
    bone: int
    center: NDArray[np.float64]
    axes: NDArray[np.float64]
    radii: NDArray[np.float64]
    waves: NDArray[np.float64]
    radius: float
    cyst_radius: float
    volume_mm3: float
    cyst_mm3: float
    faint_mm3: float
    centroid_ras_mm: NDArray[np.float64]

    @property
    def outermost_mm(self) -> float:
        """No edema is farther from the centre than this."""
        edge = min(0.5 * self.spec.edge_mm, _WIDEST_EDGE * self.radius)
        return float(1.6 * self.radii.max() * (self.radius + edge))

    @property
    def _half_edge(self) -> float:
        # An edge wider than the lesion would leave no full strength in its middle.
        return max(min(0.5 * self.spec.edge_mm, _WIDEST_EDGE * self.radius), 1e-3)

    def reach(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """The radius at which the outline reaches each point; points : (..., 3) in model mm."""
        return _reach(points, self.center, self.axes, self.radii, self.waves)

    def strength(self, reach: NDArray[np.float32]) -> NDArray[np.float32]:
        """Share of water that stands in place of marrow: full inside, half at the outline."""
        inside = (self.radius - reach) / np.float32(self._half_edge)
        t = np.clip(0.5 + 0.5 * inside, 0, 1)
        out: NDArray[np.float32] = np.float32(self.spec.strength) * t * t * (3 - 2 * t)
        return out


def make_lesion(anatomy: Anatomy, spec: EdemaSpec, seed: int, number: int) -> Lesion:
    """Place a lesion and solve its outline for the volume that was asked for.

    number : which lesion of the phantom it is; its outline differs from that of the others.
    Raises UsageError if the bone cannot hold it or the site does not exist.
    """
    site = anatomy.model.site(spec.site)
    label = anatomy.model.bones[site.bone]
    rng = np.random.default_rng([seed, 3, number])
    outward = np.array(site.outward, float)
    outward /= np.linalg.norm(outward)
    axes = _axes(outward)
    model_mm3 = float(abs(np.linalg.det(anatomy.frame.to_model[:3, :3])))
    moved = anatomy.frame.to_model[:3, :3] @ np.array(spec.offset_mm)
    center = np.array(site.inner, float)
    ball = (3 * (spec.volume_mm3 + spec.cyst_mm3) * model_mm3 / (4 * np.pi)) ** (1 / 3)
    if spec.shape is Shape.SUBCHONDRAL:
        center = _surface(anatomy, center + moved, outward, label)
    else:
        center = center + moved
    waves = np.column_stack(
        [rng.normal(0, 1.6, (6, 3)), rng.uniform(0, 2 * np.pi, 6), np.full(6, _UNEVEN[spec.shape])]
    )
    radii = np.array(_FLATNESS[spec.shape])
    lattice, cell = _lattice(center, 2.1 * ball)
    tissue, bone = paint_points(anatomy, lattice)
    marrow = (bone == label) & _is_marrow(tissue)
    reach = _reach(lattice, center, axes, radii, waves)
    order = np.sort(reach[marrow])
    need = (spec.volume_mm3 + spec.cyst_mm3) * model_mm3 / cell
    cyst = spec.cyst_mm3 * model_mm3 / cell
    if need > 0.999 * len(order):
        raise UsageError(
            f"There is not enough marrow around {spec.site} for a lesion of "
            f"{spec.volume_mm3:g} mm³.",
            expected=f"at most about {len(order) * cell / model_mm3:.0f} mm³ there",
            do="make it smaller, or choose another site",
        )
    radius, cyst_radius = _at(order, need), _at(order, cyst) if cyst > 0 else 0.0
    within = marrow & (reach <= radius)
    core = marrow & (reach <= cyst_radius)
    edema = within & ~core if cyst > 0 else within
    middle = lattice[edema].mean(0) if edema.any() else center
    lesion = Lesion(
        spec, label, center, axes, radii, waves, radius, cyst_radius,
        spec.volume_mm3, spec.cyst_mm3, 0.0, anatomy.frame.ras(middle),
    )  # fmt: skip
    faint = marrow & (lesion.strength(reach) >= FAINT * spec.strength)
    if cyst > 0:
        faint &= ~core
    return replace(lesion, faint_mm3=float(faint.sum() * cell / model_mm3))


def paint_points(
    anatomy: Anatomy, points: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Tissue and bone at a box lattice of points in model mm; points : (A, B, C, 3), regular."""
    shape = points.shape[:3]
    origin = points[0, 0, 0]
    matrix = np.eye(4)
    for axis in range(3):
        step = np.zeros(3)
        if shape[axis] > 1:
            index = [0, 0, 0]
            index[axis] = 1
            step = points[tuple(index)] - origin
        matrix[:3, axis] = step
    matrix[:3, 3] = origin
    canvas = Canvas((shape[0], shape[1], shape[2]), matrix, np.zeros((shape[0], 2)))
    anatomy.model.paint(canvas)
    return canvas.tissue, canvas.bone


def _is_marrow(tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    out: NDArray[np.bool_] = (tissue == tissue_number("marrow")) | (
        tissue == tissue_number("red_marrow")
    )
    return out


def _at(order: NDArray[np.float32], count: float) -> float:
    """The radius that holds ``count`` cells, between two cells by proportion."""
    return float(np.interp(count, np.arange(len(order)) + 0.5, order))


def _axes(outward: NDArray[np.float64]) -> NDArray[np.float64]:
    helper = np.array([1.0, 0, 0]) if abs(outward[0]) < 0.9 else np.array([0, 1.0, 0])
    first = np.cross(outward, np.cross(helper, outward))
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(outward, first), outward])


def _lattice(center: NDArray[np.float64], half_mm: float) -> tuple[NDArray[np.float64], float]:
    half = half_mm + 3
    step = max(min(_FINE_MM, half_mm / 8), 2 * half / round(_LATTICE_POINTS ** (1 / 3)))
    count = int(np.ceil(2 * half / step))
    line = (np.arange(count) - (count - 1) / 2) * step
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1) + center
    return grid, step**3


def _surface(
    anatomy: Anatomy, start: NDArray[np.float64], outward: NDArray[np.float64], label: int
) -> NDArray[np.float64]:
    """The last marrow on the way from a point to the joint surface."""
    way = np.arange(0, 60, 0.25)
    points = (start + way[:, None] * outward).reshape(-1, 1, 1, 3)
    helper = _axes(outward)
    # Two more points across make the line a lattice that a canvas can hold.
    lattice = points + (np.arange(2)[:, None, None] * 0.01 * helper[0] +
                        np.arange(2)[None, :, None] * 0.01 * helper[1])  # fmt: skip
    tissue, bone = paint_points(anatomy, lattice)
    marrow = _is_marrow(tissue[:, 0, 0]) & (bone[:, 0, 0] == label)
    if not marrow.any():
        raise UsageError(
            "A lesion was placed where its bone has no marrow.", do="use a smaller offset_mm"
        )
    outside = np.flatnonzero(bone[:, 0, 0] != label)
    end = outside[0] if len(outside) else len(way)
    last = np.flatnonzero(marrow[:end])
    out: NDArray[np.float64] = start + way[last[-1]] * outward
    return out


def _reach(
    points: NDArray[np.floating],
    center: NDArray[np.float64],
    axes: NDArray[np.float64],
    radii: NDArray[np.float64],
    waves: NDArray[np.float64],
) -> NDArray[np.float32]:
    local = ((points - center) @ axes.T / radii).astype(np.float32)
    distance: NDArray[np.float32] = np.sqrt((local * local).sum(-1))
    amplitude = float(waves[0, 4])
    if amplitude == 0:
        return distance
    unit = local / np.maximum(distance, 1e-3)[..., None]
    uneven: NDArray[np.float32] = np.zeros_like(distance)
    for wave in waves:
        np.add(uneven, np.sin(unit @ wave[:3].astype(np.float32) + np.float32(wave[3])), out=uneven)
    scale = np.float32(amplitude / float(np.sqrt(len(waves) / 2)))
    out: NDArray[np.float32] = distance / np.clip(1 + scale * uneven, 0.55, 1.6)
    return out
