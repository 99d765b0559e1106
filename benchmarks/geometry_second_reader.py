"""Compare where Marrowlight and dcm2niix place every voxel, and what they read there.

    python benchmarks/geometry_second_reader.py [FOLDER ...] [-o benchmarks/results]

Without folders, every folder of DICOM test data is read ($MARROWLIGHT_DATA or ../shared/data).
The same points in space are compared whatever the order of the axes: dcm2niix flips rows. Prints a
table and writes geometry_second_reader.json and .md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid
from marrowlight.study.lattice import reorder
from marrowlight.study.parse import parse
from marrowlight.study.stack import stack_slices

POSITION_TOLERANCE_MM = 0.01
INTENSITY_TOLERANCE = 1e-4
"""Largest intensity difference as a share of the largest intensity: float32 rounding of scaling."""


@dataclass(frozen=True)
class Row:
    """One volume in both readers; None where it could not be compared."""

    folder: str
    series: str
    shape: str
    position_mm: float | None
    intensity: float | None
    result: str


def dcm2niix_volumes(folder: Path) -> list[tuple[NDArray[np.float32], Grid]]:
    """Every 3-D volume that dcm2niix makes of a folder."""
    volumes = []
    with tempfile.TemporaryDirectory() as out:
        # -p n: rescale by the DICOM tags and not by Philips' private ones; -m n: never merge 2-D.
        command = [sys.executable, "-m", "dcm2niix", "-b", "n", "-z", "n", "-p", "n", "-m", "n",
                   "-f", "%s_%e_%p", "-o", out, str(folder)]  # fmt: skip
        subprocess.run(command, check=False, capture_output=True, timeout=300)
        for path in sorted(Path(out).glob("*.nii")):
            image = nib.load(path)
            voxels = np.asarray(image.dataobj, dtype=np.float32)
            voxels = voxels.reshape((*voxels.shape[:3], -1))
            affine = np.asarray(image.header.get_sform(), float)
            for n in range(voxels.shape[3]):
                volumes.append((voxels[..., n].copy(), Grid(voxels.shape[:3], affine)))
    return volumes


def position_gap_mm(ours: Grid, theirs: Grid) -> float:
    """Largest distance of any voxel from the nearest voxel of the other grid, both whole, in mm.

    inf if the two are not the same set of points.
    """
    steps = np.linalg.inv(ours.affine) @ theirs.affine
    turn = np.rint(steps[:3, :3])
    if not np.array_equal(np.abs(turn) @ np.abs(turn).T, np.eye(3)):
        return float("inf")
    if tuple(int(n) for n in np.abs(turn) @ np.array(theirs.shape)) != ours.shape:
        return float("inf")
    corners = theirs.corners()
    nearest = np.rint(ours.to_index(corners))
    if (nearest < 0).any() or (nearest >= np.array(ours.shape)).any():
        return float("inf")
    return float(np.linalg.norm(ours.to_ras(nearest) - corners, axis=1).max())


def compare(folder: Path) -> list[Row]:
    """One row per volume that Marrowlight finds in a folder."""
    theirs = dcm2niix_volumes(folder)
    rows = []
    for one in stack_slices(parse([folder]).slices):
        if one.volume is None:
            why = one.defect.found.split(":")[0].rstrip(".") if one.defect else "no volume"
            rows.append(Row(folder.name, one.label, "", None, None, f"exception: {why}"))
            continue
        ours = one.volume
        shape = "x".join(map(str, ours.grid.shape))
        best: tuple[float, float] | None = None
        for voxels, grid in theirs:
            gap = position_gap_mm(ours.grid, grid)
            if not np.isfinite(gap):
                continue
            moved = reorder(voxels, grid, ours.grid)
            if moved is None:
                continue
            scale = float(np.abs(ours.voxels).max()) or 1.0
            differs = float(np.abs(moved - ours.voxels).max()) / scale
            if best is None or differs < best[1]:
                best = (gap, differs)
        if best is None:
            rows.append(Row(folder.name, one.label, shape, None, None,
                            "exception: dcm2niix makes no volume on these points"))  # fmt: skip
            continue
        good = best[0] <= POSITION_TOLERANCE_MM and best[1] <= INTENSITY_TOLERANCE
        rows.append(Row(folder.name, one.label, shape, *best, "agree" if good else "DIFFER"))
    return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| folder | series | voxels | positions differ by (mm) | intensities differ by | result |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        position = "" if r.position_mm is None else f"{r.position_mm:.5f}"
        intensity = "" if r.intensity is None else f"{r.intensity:.1e}"
        lines.append(
            f"| {r.folder} | {r.series} | {r.shape} | {position} | {intensity} | {r.result} |"
        )
    return "\n".join(lines)


def default_folders() -> list[Path]:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("MARROWLIGHT_DATA", beside)) / "dicom"
    return sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    folders = options.folders or default_folders()
    if not folders:
        sys.exit("No DICOM test data found: name folders, or set MARROWLIGHT_DATA.")
    rows = [row for folder in folders for row in compare(folder)]
    text = (
        "# Geometry against a second reader\n\nMarrowlight against dcm2niix: the largest distance "
        "between equal voxels, and the largest difference of intensity there (share of the "
        f"maximum). Tolerance {POSITION_TOLERANCE_MM} mm and {INTENSITY_TOLERANCE:g}.\n\n"
        + table(rows) + "\n"
    )  # fmt: skip
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "geometry_second_reader.md").write_text(text)
    (options.out / "geometry_second_reader.json").write_text(
        json.dumps([asdict(r) for r in rows], indent=1) + "\n"
    )
    return 1 if any(r.result == "DIFFER" for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
