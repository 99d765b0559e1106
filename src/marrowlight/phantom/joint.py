"""What hip and ankle share: bones with cartilage, in a limb, with cords through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from marrowlight.phantom.canvas import Canvas
from marrowlight.phantom.limb import Limb, paint_limb, paint_tube
from marrowlight.phantom.shapes import Field, Point
from marrowlight.phantom.skeleton import BoneLook, paint_bone

Shape = Callable[[Field, Field, Field], Field]
Path = Sequence[tuple[float, float, float, float]]


@dataclass(frozen=True)
class BonePart:
    """A bone of a joint.

    label : of the bone registry; box : (low, high) around it in mm; shape : its surface;
    shafts : see ``paint_bone``; cartilage_mm : on its joint surfaces;
    covered : where these are, as a shape.
    """

    label: int
    box: tuple[Point, Point]
    shape: Shape
    shafts: tuple[tuple[float, float], ...] = ()
    cartilage_mm: float = 0.0
    covered: Shape | None = None


@dataclass(frozen=True)
class Cord:
    """A vessel, tendon or ligament: tissue, path, and how much flatter than round."""

    tissue: str
    path: Path
    flat: Point = (1, 1, 1)


def paint_joint(
    canvas: Canvas,
    limb: Limb,
    bones: Sequence[BonePart],
    cords: Sequence[Cord],
    *,
    fluid_mm: float,
    cortex_mm: float = 1.0,
) -> None:
    """Paint a joint: limb, cords, joint fluid, cartilage, then the bones in order.

    fluid_mm : thickness of joint fluid over cartilage.
    """
    paint_limb(canvas, limb)
    for cord in cords:
        paint_tube(canvas, cord.tissue, cord.path, cord.flat)
    look = BoneLook(cortex_mm=cortex_mm)
    found = []
    for part in bones:
        area = canvas.area(*part.box)
        if area is not None:
            found.append((part, area, part.shape(*area.xyz)))
    for tissue, extra in (("fluid", fluid_mm), ("cartilage", 0.0)):
        for part, area, distance in found:
            if part.covered is not None:
                cover = np.clip(-part.covered(*area.xyz) * np.float32(0.4), 0, 1)
                depth = np.float32(part.cartilage_mm) * cover
                area.paint(tissue, (cover > 0.05) & (distance < depth + np.float32(extra)))
    for part, area, distance in found:
        paint_bone(area, distance, part.label, look, shafts=part.shafts)
