"""Time and memory of ``marrowlight read`` on one sacroiliac subject, by stage.

    python -m benchmarks.speed [--subject 1016] [--runs 3]

Runs the whole command in a fresh process and prints the split by stage beside the time that is
needed just to read and decompress the bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.stamp import RESULTS, data_root, stamp


def bytes_only(paths: list[Path]) -> float:
    """Seconds to read and decompress the files, nothing else."""
    start = time.perf_counter()
    for path in paths:
        gzip.decompress(path.read_bytes())
    return time.perf_counter() - start


def one_run(folder: Path) -> tuple[float, dict[str, object]]:
    """(wall seconds of the whole process, its run.json)."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out"
        words = [sys.executable, "-m", "marrowlight", "read", "--quiet", "-o", str(out)]
        words += [str(folder / "stir.nii.gz"), str(folder / "t1w.nii.gz")]
        words += ["--bones", str(folder / "bone.nii.gz"), "--joint", "sacroiliac"]
        start = time.perf_counter()
        done = subprocess.run(words, check=False)
        wall = time.perf_counter() - start
        if done.returncode:
            sys.exit(f"marrowlight read ended with exit code {done.returncode}")
        return wall, json.loads((out / "run.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--subject", default="1016")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    folder = root / "sij" / asked.subject
    files = [folder / f"{name}.nii.gz" for name in ("stir", "t1w", "bone")]
    floor = bytes_only(files)
    runs = sorted((one_run(folder) for _ in range(asked.runs)), key=lambda r: r[0])
    wall, record = runs[len(runs) // 2]
    seconds = record["seconds"]
    assert isinstance(seconds, dict)
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    start_up = wall - sum(seconds.values())
    rows = [("interpreter, imports, exit", start_up), *seconds.items()]
    lines = ["| stage | s |", "|---|---|"]
    lines += [f"| {name} | {s:.2f} |" for name, s in rows]
    lines += [f"| **whole process** | **{wall:.2f}** |"]
    lines += [f"| only reading and decompressing the bytes | {floor:.2f} |"]
    lines += [f"| peak memory, MB | {peak_mb:.0f} |"]
    made = stamp()
    text = "\n".join(
        [f"# Speed of `marrowlight read` (subject {asked.subject}, median of {asked.runs})", "",
         f"{made['date']}, commit {made['commit']}, {made['cores']} cores", "", *lines, ""]
    )  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "speed.md").write_text(text)
    figures = {**made, "wall_s": wall, "floor_s": floor, "peak_mb": peak_mb, "stages_s": dict(rows)}
    (RESULTS / "speed.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
