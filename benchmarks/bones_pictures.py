"""Every fifth slice of every real series with the outlines of its bones, to look at.

    python -m benchmarks.bones_pictures -o FOLDER [--only knees]

Each series on its own, and all series of a visit together (drawn on the best one). The pictures
show real patients of data sets that may not be passed on: they are never committed. Sacroiliac
joints were trained on; look at them with the weights of a fold (--weights).
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.bone_cases import (
    alone,
    each_series,
    outcome,
    parsed,
    parser_of,
    real_knees,
    together,
)
from benchmarks.stamp import ROOT
from marrowlight.report.contact_sheet import contact_sheet
from marrowlight.study.open import open_study
from marrowlight.study.study import Study


def knee_studies(data: Path) -> dict[str, Study]:
    """Every series of the knees alone, and together."""
    knees = real_knees(data)
    out = each_series(knees)
    out["multiecho together"] = knees["multiecho"]
    out["cubequant and qdess2 together"] = together(knees["cubequant"], knees["qdess2"])
    return out


def sacroiliac_studies(data: Path) -> dict[str, Study]:
    """Every series of the sacroiliac joints alone, and T1 and STIR together."""
    out = {}
    for folder in sorted(p.parent for p in (data / "sij").glob("*/t1w.nii.gz")):
        files = [f for f in (folder / "t1w.nii.gz", folder / "stir.nii.gz") if f.exists()]
        study = open_study(*files, joint="sacroiliac")
        for series in study.series:
            out[f"sacroiliac {folder.name} {series.role.value}"] = alone(study, series)
        if len(files) > 1:
            out[f"sacroiliac {folder.name} together"] = study
    return out


def main() -> None:
    parser = parser_of("bones_pictures", __doc__)
    parser.set_defaults(output=None)
    parser.add_argument("--only", choices=("knees", "sacroiliac"))
    parser.add_argument("--every", type=int, default=1, help="only every Nth series")
    options = parsed(parser)
    if options.output is None:
        parser.error("say with -o which folder the pictures shall go to")
    folder: Path = options.output.resolve()
    if folder.is_relative_to(ROOT):
        parser.error("the pictures show patients: take a folder outside the project")
    folder.mkdir(parents=True, exist_ok=True)
    studies: dict[str, Study] = {}
    if options.only != "sacroiliac":
        studies |= knee_studies(options.data)
    if options.only != "knees":
        studies |= sacroiliac_studies(options.data)
    for name in list(studies)[:: options.every]:
        start = time.perf_counter()
        result = outcome(studies[name], options.network)
        seconds = time.perf_counter() - start
        print(f"{name}: {result.said} ({seconds:.1f} s)", flush=True)
        if result.found is None:
            continue
        best = next(s for s in studies[name].series if s.id == result.found.series_used[0])
        picture = contact_sheet(best.volume.voxels, result.found.bones)
        (folder / f"{name.replace(' ', '_')}.png").write_bytes(picture)
    print(f"pictures: {folder}")


if __name__ == "__main__":
    main()
