"""From the positions of slices to one exact affine, with everything that is wrong named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import GeometryError, SliceError
from marrowlight.notice import Notice

SAME_POSITION_MM = 0.01
"""Slices closer than this along the normal are at one position. Unit: mm. Scanners write
positions with 3 to 12 decimals, and no MR slice is thinner than 0.1 mm."""

UNEVEN_SHARE = 0.05
"""Largest distance of a slice from its even place, as a share of the spacing, that still passes
(with a notice above ``UNEVEN_SILENT_MM``): beyond it a volume by slice count is off by more than
the measurement's own rounding."""

UNEVEN_SILENT_MM = 0.02
"""Unevenness below this is rounding of the positions in the file. Unit: mm."""

UNIT_TOLERANCE = 0.01
"""Direction cosines may be off unit length, or off a right angle, by this much."""

RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM patient axes (left, posterior, superior) to RAS+; its own inverse."""


def directions(orientation: Sequence[float]) -> NDArray[np.float64]:
    """(3, 3) array: unit vectors along a row, along a column, and the normal, LPS, as rows.

    Raises GeometryError if the six numbers are no two perpendicular directions.
    """
    along_row, along_column = np.asarray(orientation, float).reshape(2, 3)
    lengths = np.linalg.norm([along_row, along_column], axis=1)
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE or abs(along_row @ along_column) > UNIT_TOLERANCE:
        raise GeometryError(
            f"The orientation {[round(float(v), 4) for v in orientation]} is not two perpendicular "
            "unit vectors.",
            expected="direction cosines of the rows and columns",
        )
    along_row, along_column = along_row / lengths[0], along_column / lengths[1]
    normal = np.cross(along_row, along_column)
    return np.array([along_row, along_column, normal / np.linalg.norm(normal)])


def affine_of(
    positions: NDArray[np.float64],
    orientation: Sequence[float],
    spacing: Sequence[float],
    single_mm: float,
) -> tuple[NDArray[np.float64], list[Notice]]:
    """The affine of a stack of slices that are already sorted along their normal.

    Parameters
    ----------
    positions : (K, 3), LPS mm
    orientation : 6 direction cosines, LPS
    spacing : between rows, between columns, mm
    single_mm : slice distance to assume where there is one slice

    Returns
    -------
    affine : (4, 4), voxel (column, row, slice) to RAS+ mm, exact in the first and last slice
    notices : small unevenness

    Raises
    ------
    SliceError
        Missing or unevenly spaced slices, with their places.
    GeometryError
        Orientation that makes no sense.
    """
    axes = directions(orientation)
    count = len(positions)
    step = (positions[-1] - positions[0]) / (count - 1) if count > 1 else axes[2] * single_mm
    notices = _check_even(positions, axes[2], step) if count > 2 else []
    affine = np.eye(4)
    affine[:3, 0] = axes[0] * spacing[1]
    affine[:3, 1] = axes[1] * spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = positions[0]
    return RAS_OF_LPS @ affine, notices


def _check_even(
    positions: NDArray[np.float64], normal: NDArray[np.float64], step: NDArray[np.float64]
) -> list[Notice]:
    along = positions @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    wide = np.flatnonzero(gaps > 1.5 * usual)
    if wide.size:
        raise SliceError(
            "Slices are missing: " + "; ".join(_gap(int(k), along, usual) for k in wide[:5])
            + (f"; and {wide.size - 5} more gaps" if wide.size > 5 else "") + ".",
            expected=f"{len(along)} slices {usual:.2f} mm apart without a gap",
            do="export the series again; slices are never filled in. If these are two joints in "
            "one series, give the files of one joint",
        )  # fmt: skip
    even = positions[0] + np.arange(len(positions))[:, None] * step
    off = np.linalg.norm(positions - even, axis=1)
    worst = int(off.argmax())
    if off[worst] > UNEVEN_SHARE * usual and off[worst] > SAME_POSITION_MM:
        raise SliceError(
            f"Slices are unevenly spaced: from {gaps.min():.2f} to {gaps.max():.2f} mm apart; "
            f"slice {worst + 1} of {len(positions)} is {off[worst]:.2f} mm from its even place.",
            expected=f"each within {100 * UNEVEN_SHARE:.0f} % of the spacing ({usual:.2f} mm)",
            do="export the series again, or resample it to even slices first",
        )
    if off[worst] > UNEVEN_SILENT_MM:
        return [
            Notice(
                "slices-slightly-uneven",
                f"Slices are up to {off[worst]:.2f} mm from even spacing "
                f"({usual:.2f} mm); this is within tolerance.",
            )
        ]
    return []


def _gap(k: int, along: NDArray[np.float64], usual: float) -> str:
    lost = max(1, round(float(along[k + 1] - along[k]) / usual) - 1)
    return (
        f"{lost} between slice {k + 1} and {k + 2} "
        f"(at {along[k]:.2f} and {along[k + 1]:.2f} mm along the normal)"
    )
