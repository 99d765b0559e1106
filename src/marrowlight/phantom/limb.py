"""A limb: skin, fat under the skin, and muscle bellies with fascia and fat between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from marrowlight.phantom.canvas import Canvas
from marrowlight.phantom.shapes import Field, band, curve, tube
from marrowlight.phantom.tissue import tissue_number

SKIN_MM = 1.6
SEPTUM_MM = 0.9
"""Fat and fascia between two muscle bellies that touch. Unit: mm."""
FASCIA_MM = 0.6


@dataclass(frozen=True)
class Limb:
    """The soft tissue around the bones.

    contour : shape of the skin, e.g. a ``Column``; fat_mm : fat under the skin;
    muscles : paths of points (x, y, z, radius) in mm.
    """

    contour: Callable[[Field, Field, Field], Field]
    fat_mm: float
    muscles: Sequence[Sequence[tuple[float, float, float, float]]]


def paint_limb(canvas: Canvas, limb: Limb) -> None:
    """Paint skin, fat and muscle over a whole canvas; bones and joint come later, over it."""
    far = 1000.0
    area = canvas.area((-far, -far, -far), (far, far, far))
    if area is None:
        return
    depth = limb.contour(*area.xyz)
    body = depth < 0
    area.paint("fat", body)
    area.paint("skin", body & (depth > -SKIN_MM))
    _muscles(canvas, limb, depth)


def paint_tube(
    canvas: Canvas,
    tissue: str,
    path: Sequence[Sequence[float]],
    flat: tuple[float, float, float] = (1, 1, 1),
) -> None:
    """Paint a vessel, tendon or ligament along a smooth path of points (x, y, z, radius)."""
    smooth = curve(path)
    # Stretch by stretch, because the box around a whole path is mostly empty.
    for first in range(0, len(smooth) - 1, 2):
        part = np.array(smooth[first : first + 3])
        reach = part[:, 3:] * np.array(flat)
        low, high = (part[:, :3] - reach).min(0), (part[:, :3] + reach).max(0)
        area = canvas.area((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        if area is not None:
            area.paint(tissue, band(*area.xyz, smooth[first : first + 3], flat) < 0)


def _muscles(canvas: Canvas, limb: Limb, depth: Field) -> None:
    """Bellies, with a septum where two meet: a point is of the muscle that it is deepest in."""
    nearest = np.full(canvas.shape, 9.0, np.float32)
    second = np.full(canvas.shape, 9.0, np.float32)
    for path in limb.muscles:
        smooth = np.array(curve(path, 3))
        # The gap to the next muscle only counts within a belly, so a narrow box will do.
        low = (smooth[:, :3] - smooth[:, 3:]).min(0) - 0.5
        high = (smooth[:, :3] + smooth[:, 3:]).max(0) + 0.5
        area = canvas.area((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        if area is None:
            continue
        d = tube(*area.xyz, smooth.tolist())
        best, next_best = nearest[area.where], second[area.where]
        np.minimum(next_best, np.maximum(best, d), out=next_best)
        np.minimum(best, d, out=best)
    deep = depth < -(SKIN_MM + limb.fat_mm * 0.75)
    belly = deep & (nearest < 0) & (second - nearest > SEPTUM_MM)
    canvas.tissue[belly] = tissue_number("muscle")
    canvas.tissue[belly & (nearest > -FASCIA_MM)] = tissue_number("fascia")
