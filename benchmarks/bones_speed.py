"""Time and memory of ``marrowlight bones`` and of ``read`` without a mask, on real studies.

    python -m benchmarks.bones_speed [--data ../shared/data] [--runs 2]

Each command runs whole in a fresh process. Say nothing of a figure taken on a busy machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bone_cases import (
    bone_stamp,
    heading,
    parsed,
    parser_of,
    table,
    verdict,
    write_result,
)

TARGET_S = {"bones": 12.0, "read": 20.0}
TARGET_MB = 1200.0


def studies(data: Path) -> dict[str, list[Path]]:
    """Inputs by name."""
    dicom, joint = data / "dicom", data / "sij" / "1016"
    pair = [dicom / "knee_ge_cubequant_fs", dicom / "knee_ge_qdess_echo2"]
    return {
        "knee, CubeQuant (512 x 512 x 80)": pair[:1],
        "knee, CubeQuant + qDESS (two of 512 x 512 x 80)": pair,
        "knee, multi-echo (three of its eight echoes)": [dicom / "knee_ge_multiecho_bigendian"],
        "sacroiliac, STIR + T1": [joint / "stir.nii.gz", joint / "t1w.nii.gz"],
    }


def one_run(command: str, inputs: list[Path], joint: str) -> tuple[float, float, int]:
    """Seconds, peak memory in MB and exit code of one process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / ("bones.nii.gz" if command == "bones" else "out")
        words = [sys.executable, "-m", "marrowlight", command, *map(str, inputs), "--joint", joint,
                 "--quiet", "-o", str(out)]  # fmt: skip
        start = time.perf_counter()
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        return wall, used.ru_maxrss * 1024 / 1e6, os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = parser_of("bones_speed", __doc__)
    parser.add_argument("--runs", type=int, default=2)
    arguments = parsed(parser)
    rows, figures = [], []
    for name, inputs in studies(arguments.data).items():
        joint = "sacroiliac" if "sacroiliac" in name else "knee"
        for command in ("bones", "read"):
            runs = [one_run(command, inputs, joint) for _ in range(arguments.runs)]
            wall, memory, code = min(runs)
            figures.append({"study": name, "command": command, "seconds": round(wall, 2),
                            "peak_mb": round(memory), "exit_code": code})  # fmt: skip
            rows.append([command, name, f"{wall:.1f}", f"{TARGET_S[command]:g}",
                         verdict(wall, TARGET_S[command], most=True), f"{memory:.0f}",
                         verdict(memory, TARGET_MB, most=True), code])  # fmt: skip
            print(*rows[-1], flush=True)
    made = bone_stamp(arguments.network)
    lines = heading("Time and memory of finding bones", made, f"{made['cores']} cores.")
    head = ["command", "study", "s", "at most", "", "peak MB", "at most 1200", "exit code"]
    lines += table(head, rows)
    text = "\n".join(lines) + "\n"
    write_result(arguments.output, {"stamp": made, "runs": figures}, text)


if __name__ == "__main__":
    main()
