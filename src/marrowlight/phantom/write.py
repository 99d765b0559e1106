"""Write a phantom: a DICOM study, NIfTI files and the truth."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import OutputExists, OutputNotWritable
from marrowlight.phantom.phantom import Phantom
from marrowlight.report.nifti import nifti_bytes
from marrowlight.study.grid import Grid

PARTS = ("dicom", "nifti", "truth")


def write_phantom(phantom: Phantom, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write ``dicom/``, ``nifti/`` and ``truth/`` into a folder, all or nothing.

    ``dicom/`` holds one valid study, a folder per series and a file per slice; ``nifti/`` the same
    images (``pdfs.nii.gz``, ``t1w.nii.gz``...); ``truth/`` holds ``bones.nii.gz`` (labels of the
    bone registry), ``edema.nii.gz`` (0/1), ``lesions.nii.gz`` (1, 2... by lesion), ``cysts.nii.gz``
    where there are any, and ``truth.json``.

    Returns the folder. Raises OutputExists if it already holds one of these and overwrite is false;
    OutputNotWritable if it cannot be written.
    """
    out = Path(folder)
    held = [part for part in PARTS if (out / part).exists()]
    if held and not overwrite:
        raise OutputExists(
            f"The folder already holds {', '.join(held)}.",
            where=out,
            do="choose another folder, or overwrite it (--overwrite)",
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".phantom-", dir=out) as scratch:
            _fill(phantom, Path(scratch))
            for part in PARTS:
                if (out / part).exists():
                    shutil.rmtree(out / part)
                (Path(scratch) / part).replace(out / part)
    except OSError as error:
        raise OutputNotWritable(
            f"The phantom could not be written ({error.strerror or error}).",
            where=out,
            do="choose a folder that can be written and has about 100 MB free",
        ) from error
    return out


def _fill(phantom: Phantom, folder: Path) -> None:
    from marrowlight.phantom.dicom_study import write_dicom

    write_dicom(phantom, folder / "dicom")
    nifti, truth = folder / "nifti", folder / "truth"
    nifti.mkdir()
    truth.mkdir()
    for one in phantom.series:
        _nifti(one.volume.voxels.astype(np.int16), phantom.grid, nifti / f"{one.name}.nii.gz")
    _nifti(phantom.bones.labels, phantom.grid, truth / "bones.nii.gz")
    _nifti(phantom.edema.astype(np.uint8), phantom.grid, truth / "edema.nii.gz")
    _nifti(phantom.lesions, phantom.grid, truth / "lesions.nii.gz")
    if phantom.cysts.any():
        _nifti(phantom.cysts.astype(np.uint8), phantom.grid, truth / "cysts.nii.gz")
    text = json.dumps(phantom.truth, indent=2) + "\n"
    (truth / "truth.json").write_text(text, encoding="utf-8")


def _nifti(voxels: NDArray[Any], grid: Grid, path: Path) -> None:
    path.write_bytes(nifti_bytes(voxels, grid, "marrowlight phantom"))
