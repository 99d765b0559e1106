"""How a bone looks inside: cortex, marrow, and the scar of its growth plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marrowlight.phantom.canvas import Area
from marrowlight.phantom.shapes import Field


@dataclass(frozen=True, slots=True)
class BoneLook:
    """cortex_mm : thickness of the subchondral plate; scar_mm : of the growth plate's scar."""

    cortex_mm: float = 1.0
    scar_mm: float = 0.5


def paint_bone(
    area: Area,
    distance: Field,
    label: int,
    look: BoneLook,
    *,
    shafts: Sequence[tuple[float, float]] = (),
    scar: tuple[float, float] | None = None,
) -> None:
    """Paint one bone from the distance to its surface.

    shafts : (z, mm) by rising z: how much thicker than the plate the cortex is at that height;
    scar : height z of the growth plate in the middle and how it curves (mm per mm²).
    """
    inside = distance < 0
    if not inside.any():
        return
    cortex: Field | float = look.cortex_mm
    if shafts:
        levels, extra = zip(*shafts, strict=True)
        z = area.z
        grid = np.linspace(levels[0], levels[-1], 128)
        table = np.interp(grid, levels, extra).astype(np.float32)
        step = np.float32(127 / (levels[-1] - levels[0]))
        cortex = look.cortex_mm + table[np.clip((z - levels[0]) * step, 0, 127).astype(np.int32)]
    area.paint("cortex", inside, label)
    marrow = distance < -cortex
    area.paint("marrow", marrow)
    if scar is not None:
        height, curve = scar
        x, y, z = area.xyz
        wave = np.sin(x * np.float32(0.21)) * np.sin(y * np.float32(0.17) + 1) * np.float32(1.6)
        wave += np.sin(y * np.float32(0.47) + x * np.float32(0.3)) * np.float32(0.5)
        off = z - height - curve * (x * x + y * y) - wave
        area.paint("cortex", marrow & (np.abs(off) < look.scar_mm))
