"""The demonstration: make a knee, read it, hold the reading against the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowlight.cli.console import Screen
from marrowlight.cli.summary import show_result
from marrowlight.output import write_result
from marrowlight.phantom.phantom import Phantom, make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.phantom.write import write_phantom
from marrowlight.read_study import read
from marrowlight.report.atomic import check_folder
from marrowlight.result import ReadResult
from marrowlight.stages import Stages
from marrowlight.study.open import open_study


def demonstrate(out: Path, *, seed: int, overwrite: bool, quiet: bool, as_json: bool) -> int:
    """Write ``out/phantom`` and ``out/reading``, print the comparison; returns the exit code."""
    machine = Screen(quiet=quiet, as_json=as_json)
    screen = Screen(quiet=quiet or as_json, as_json=False)
    check_folder(out / "reading", overwrite=overwrite)
    with screen.progress() as progress:
        progress("make a digital knee")
        phantom = make_phantom(PhantomSpec(seed=seed))
        folder = write_phantom(phantom, out / "phantom", overwrite=overwrite)
        stages = Stages(on_start=progress)
        with stages.stage("open the study"):
            study = open_study(folder / "dicom")
        bones = folder / "truth" / "bones.nii.gz"
        result = read(study, bones=bones, bone_labels="registry", stages=stages)
        paths = {"inputs": [str(folder / "dicom")], "bones": str(bones)}
        options = {"command": "demo", "seed": seed}
        report = write_result(
            out / "reading", result, overwrite=overwrite, stages=stages, options=options,
            paths=paths,
        )  # fmt: skip
    show_result(screen, result, out / "reading", stages)
    found = compare(phantom, result)
    screen.say("Readers draw around all that looks brighter, and so does Marrowlight.")
    screen.table(
        "Against the truth of the phantom",
        ("", ">truth, ml", ">read, ml"),
        [
            ("edema, to half its strength", f"{found['truth_ml']:.2f}", f"{found['read_ml']:.2f}"),
            ("edema, to a tenth of it", f"{found['truth_faint_ml']:.2f}", ""),
            ("lesions found", str(found["lesions"]), str(found["lesions_found"])),
            ("overlap (Dice)", "1.00", f"{found['dice']:.2f}"),
        ],
    )
    machine.result({"report": str(report), "comparison": found})
    return 0


def compare(phantom: Phantom, result: ReadResult) -> dict[str, float]:
    """Truth against reading: ml, Dice, lesions found (a tenth of their voxels marked)."""
    voxel_ml = phantom.grid.voxel_volume_mm3 / 1000
    primary = result.bones.grid
    phantom.grid.require_match(primary, this="truth", that="primary series")
    marked: NDArray[np.bool_] = result.edema
    both = int((marked & phantom.edema).sum())
    size = int(marked.sum()) + int(phantom.edema.sum())
    numbers = [n for n in np.unique(phantom.lesions) if n]
    hit = sum(bool(marked[phantom.lesions == n].mean() >= 0.1) for n in numbers)
    return {
        "truth_ml": float(phantom.edema.sum() * voxel_ml),
        "truth_faint_ml": sum(one["faint_volume_mm3"] for one in phantom.truth["lesions"]) / 1000,
        "read_ml": float(marked.sum() * voxel_ml),
        "dice": 2 * both / size if size else 1.0,
        "lesions": len(numbers),
        "lesions_found": hit,
    }
