"""Documents as other programs read them: highdicom (Python) and dcmqi (C++, on DCMTK and ITK)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowlight.study.grid import Grid
from marrowlight.study.slices import RAS_OF_LPS


def dcmqi(name: str) -> Path | None:
    """A program of dcmqi beside this Python; None where it is not installed."""
    path = Path(sys.executable).with_name(name)
    return path if path.exists() else None


def points(grid: Grid, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n, 3) centres of the voxels of a mask in RAS mm."""
    return grid.to_ras(np.argwhere(mask).astype(float))


def farthest_mm(here: NDArray[np.float64], there: NDArray[np.float64]) -> float:
    """The largest distance of a point to its partner; inf unless each has one of its own."""
    if len(here) != len(there):
        return float("inf")
    if not len(here):
        return 0.0
    gaps, partner = cKDTree(there).query(here)
    return float(gaps.max()) if len(set(partner)) == len(here) else float("inf")


def seg_by_highdicom(file: bytes, segment: int) -> tuple[Grid, NDArray[np.bool_]]:
    """Grid and mask of one segment of a SEG."""
    from highdicom.seg import segread

    volume = segread(BytesIO(file)).get_volume(segment_numbers=[segment], combine_segments=True)
    mask = np.asarray(volume.array) > 0
    return Grid(mask.shape, RAS_OF_LPS @ volume.affine), mask


def seg_by_dcmqi(file: bytes) -> dict[int, tuple[Grid, NDArray[np.bool_]]]:
    """Grid and mask of every segment of a SEG."""
    import nrrd

    reader = dcmqi("segimage2itkimage")
    assert reader is not None
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "seg.dcm").write_bytes(file)
        words = ["--inputDICOM", "seg.dcm", "--outputDirectory", ".", "-t", "nrrd"]
        subprocess.run([reader, *words], cwd=work, check=True, capture_output=True)
        for path in work.glob("*.nrrd"):
            voxels, header = nrrd.read(str(path))
            affine = np.eye(4)
            affine[:3, :3], affine[:3, 3] = header["space directions"].T, header["space origin"]
            found[int(path.stem)] = (Grid(voxels.shape, RAS_OF_LPS @ affine), voxels > 0)
    return found


def sr_by_dcmqi(file: bytes) -> dict[str, dict[str, Any]]:
    """The measurement groups of a TID 1500 report by tracking UID."""
    reader = dcmqi("tid1500reader")
    assert reader is not None
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "sr.dcm").write_bytes(file)
        words = ["--inputDICOM", "sr.dcm", "--outputMetadata", "sr.json"]
        subprocess.run([reader, *words], cwd=work, check=True, capture_output=True)
        told = json.loads((work / "sr.json").read_text())
    return {group["TrackingUniqueIdentifier"]: group for group in told["Measurements"]}
