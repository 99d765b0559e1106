"""What reading in a child process costs: seconds and memory, against reading in process.

    python -m benchmarks.isolation [--runs 3] [--gib 3.9]

On the images of ``benchmarks.speed``, a real DICOM series, and a made study just below the limit
on all of its pixels (written to a temporary folder, 2 MB a slice). Each run is a fresh process
that only reads; CPU seconds count the child too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.stamp import RESULTS, data_root, stamp

SLICE_MIB = 2

READ = """
import json, resource, sys, time
from marrowlight.study.limits import Limits
child, *paths = sys.argv[1:]
if child == "child":
    from marrowlight.study.child import parse_in_child as read
else:
    from marrowlight.study.parse import parse as read
start = time.perf_counter()
parsed = read(paths, Limits())
wall = time.perf_counter() - start
own, below = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "wall_s": wall,
    "cpu_s": own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime,
    "pixels_mb": sum(s.pixels.nbytes for s in parsed.slices) / 1e6
    + sum(i.voxels.nbytes for i in parsed.images) / 1e6,
    "parent_mb": own.ru_maxrss * 1024 / 1e6,
    "child_mb": below.ru_maxrss * 1024 / 1e6,
}))
"""


def one_run(how: str, paths: list[Path]) -> dict[str, float]:
    """Read once in a fresh process."""
    words = [sys.executable, "-c", READ, how, *map(str, paths)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def median_run(how: str, paths: list[Path], runs: int) -> dict[str, float]:
    """The run of the median CPU time."""
    return sorted((one_run(how, paths) for _ in range(runs)), key=lambda r: r["cpu_s"])[runs // 2]


def make_study(folder: Path, gib: float) -> None:
    """A series of uncompressed slices, 1024x1024, of the given size in all."""
    from tests.study.study_files import STIR_TAGS, oblique_grid, slice_sets

    grid = oblique_grid((1024, 1024, 1), (0.2, 0.2, 1.0))
    voxels = np.random.default_rng(1).integers(1, 4000, grid.shape).astype(np.int16)
    one = slice_sets(voxels, grid, **STIR_TAGS)[0]
    for n in range(int(gib * 1024 / SLICE_MIB)):
        one.InstanceNumber, one.ImagePositionPatient[2] = n + 1, float(n)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{n + 1}"
        one.save_as(folder / f"IM{n:05}", enforce_file_format=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gib", type=float, default=3.9)
    asked = parser.parse_args()
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    subject = root / "sij" / "1016"
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        make_study(Path(temporary), asked.gib)
        for name, paths, runs in (
            ("two NIfTI images (1016)", [subject / "stir.nii.gz", subject / "t1w.nii.gz"],
             asked.runs),
            ("a knee in DICOM (qDESS)", [root / "dicom" / "knee_ge_qdess_echo2"], asked.runs),
            (f"a study of {asked.gib} GiB", [Path(temporary)], 1),
        ):  # fmt: skip
            one_run("here", paths)  # From here on the files are in the cache of the system.
            figures[name] = {how: median_run(how, paths, runs) for how in ("here", "child")}
    made = stamp()
    lines = [f"# Cost of reading in a child process (median of {asked.runs}; the largest once)", "",
             f"{made['date']}, commit {made['commit']}, {made['cores']} cores", "",
             "| study | pixels, MB | read | wall, s | CPU, s | this process, MB | child, MB |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, ways in figures.items():
        for how, r in ways.items():
            where = "in the child" if how == "child" else "in process"
            lines.append(
                f"| {name} | {r['pixels_mb']:.0f} | {where} | {r['wall_s']:.2f} | "
                f"{r['cpu_s']:.2f} | {r['parent_mb']:.0f} | {r['child_mb']:.0f} |"
            )
    text = "\n".join([*lines, ""])
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "isolation.md").write_text(text)
    (RESULTS / "isolation.json").write_text(json.dumps({**made, **figures}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
