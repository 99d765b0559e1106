"""Time and memory of ``marrowlight bones``, and of ``read`` without a mask, on two cores.

    python -m benchmarks.bones_speed [--runs 3] [--cores 2]

Every command runs in a process of its own, held to so many cores; its peak memory is that of this
process alone. Studies: the multi-echo knee as one, two and three series (echoes 8, 1 and 4; echo 8
is named t2fs so that ``read`` accepts it, which changes no time), and CubeQuant with qDESS of one
knee, two large series with 80 slices of 512 x 512. Means nothing while other work keeps the
processor busy: the load before the first run is written down.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bone_cases import (
    KNEES,
    bone_stamp,
    heading,
    parsed,
    parser_of,
    table,
    verdict,
    write_result,
)
from marrowlight.study.open import open_study

ECHOES = (8, 1, 4)
"""Echoes of the multi-echo knee that stand for the series of a visit, in this order."""
MOST_S = {"bones": 12.0, "read": 20.0}
MOST_GB = 1.2


@dataclass(frozen=True)
class Run:
    """One run of a command: the whole process, and the stages that it told of itself."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    stages: dict[str, float]
    code: int


def echo_folders(data: Path, out: Path) -> list[Path]:
    """A folder per echo, in a temporary place: the files of one series each."""
    study = open_study(data / "dicom" / KNEES["multiecho"])
    folders = []
    for echo in ECHOES:
        folder = out / f"echo{echo}"
        folder.mkdir()
        for file in study.series[echo - 1].sources:
            shutil.copy(file, folder)
        folders.append(folder)
    return folders


def run_once(words: list[str], out: Path, cores: int) -> Run:
    """Run one command to its end; out : a folder for what it writes."""
    env = {**os.environ, "OMP_NUM_THREADS": str(cores)}
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "marrowlight", *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env,
    )  # fmt: skip
    os.sched_setaffinity(process.pid, allowed)
    assert process.stdout is not None
    text = process.stdout.read()
    # wait4 gives the memory of this child alone; getrusage only the largest of all so far.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss * 1024 / 1e9
    return Run(seconds, cpu, peak, stages_of(text, out), process.returncode)


def stages_of(said: bytes, out: Path) -> dict[str, float]:
    """Seconds by stage from ``run.json``; for ``bones`` the sum that it says."""
    record = out / "run.json"
    if record.exists():
        seconds: dict[str, float] = json.loads(record.read_text())["seconds"]
        return seconds
    try:
        return {"all stages": float(json.loads(said)["seconds"])}
    except (ValueError, KeyError):
        return {}


def library_stages(inputs: list[str], series: list[str], read: bool) -> dict[str, float]:
    """The stages of the same work through the library, in a process of its own."""
    code = (
        "import json, sys, marrowlight as ml\n"
        "from marrowlight.anatomy.find_bones import find_bones\n"
        "from marrowlight.cli.opening import parse_roles\n"
        "inputs, roles, read = json.loads(sys.argv[1])\n"
        "stages = ml.Stages()\n"
        "with stages.stage('open the study'):\n"
        "    study = ml.open_study(*inputs, series=parse_roles(roles), joint='knee')\n"
        "ml.read(study, stages=stages) if read else find_bones(study, stages=stages)\n"
        "print(json.dumps(stages.seconds))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([inputs, series, read])],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return {}
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = parser_of("bones_speed", __doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="studies by their names in the table")
    options = parsed(parser)
    if options.weights:
        parser.error("the command line runs the shipped weights only")
    load = os.getloadavg()[0]
    made = bone_stamp(options.network)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bones_speed_") as temporary:
        root = Path(temporary)
        echoes = echo_folders(options.data, root)
        studies: dict[str, tuple[list[str], list[str]]] = {
            f"multi-echo, {n} series": ([str(f) for f in echoes[1:n]], [f"t2fs={echoes[0]}"])
            for n in range(1, len(echoes) + 1)
        }
        pair = [str(options.data / "dicom" / KNEES[n]) for n in ("cubequant", "qdess2")]
        studies["CubeQuant and qDESS"] = (pair, [])
        for name, (inputs, series) in studies.items():
            if options.only and name not in options.only:
                continue
            # A file that --series names is read even if it is not among the inputs.
            named = [w for s in series for w in ("--series", s)]
            paths = inputs or [series[0].partition("=")[2]]
            for command in MOST_S:
                runs = []
                for n in range(options.runs):
                    out = root / f"{len(results)}-{n}"
                    target = out if command == "read" else out.with_suffix(".nii.gz")
                    words = [command, *paths, *named, "--joint", "knee", "--json", "--quiet"]
                    runs.append(run_once([*words, "-o", str(target)], out, options.cores))
                runs.sort(key=lambda r: r.seconds)
                middle = runs[len(runs) // 2]
                results[f"{name}: {command}"] = {
                    "seconds": middle.seconds,
                    "cpu_seconds": middle.cpu_seconds,
                    "peak_gb": max(r.peak_gb for r in runs),
                    "stages": middle.stages,
                    "library_stages": library_stages(paths, series, command == "read"),
                    "exit_codes": [r.code for r in runs],
                    "of_seconds": verdict(middle.seconds, MOST_S[command], most=True),
                    "of_peak": verdict(max(r.peak_gb for r in runs), MOST_GB, most=True),
                }
                print(f"{name}: {command}: {middle.seconds:.1f} s", flush=True)
    lines = heading(
        f"Speed of bones and read on {options.cores} cores", made,
        f"Median of {options.runs}; load of the machine before: {load:.1f}. Wanted: bones"
        f" {MOST_S['bones']:.0f} s, read {MOST_S['read']:.0f} s, {MOST_GB} GB. Exit code 3 of a"
        " finished run means that a main bone could not be read.",
    )  # fmt: skip
    lines += table(
        ["study and command", "s", "against it", "CPU s", "peak GB", "against it", "exit codes"],
        [[name, f"{r['seconds']:.1f}", r["of_seconds"], f"{r['cpu_seconds']:.1f}",
          f"{r['peak_gb']:.2f}", r["of_peak"], ", ".join(map(str, sorted(set(r["exit_codes"]))))]
         for name, r in results.items()],
    )  # fmt: skip
    lines += ["By stage, s; through the library, start-up not counted.", ""]
    names = list(dict.fromkeys(n for r in results.values() for n in r["library_stages"]))
    lines += table(
        ["study and command", *names],
        [[k, *(f"{r['library_stages'].get(n, 0):.2f}" for n in names)] for k, r in results.items()],
    )
    report = {"stamp": made, "load_before": load, "runs": options.runs, "results": results}
    write_result(options.output, report, "\n".join(lines))


if __name__ == "__main__":
    main()
