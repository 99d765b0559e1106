"""Read damaged files by the thousand: ``python -m tests.fuzz --cases 20000``.

A case is its seed and number: ``python -m tests.fuzz --case 1234`` reads that one again in this
process and shows what happened. Files of cases that went wrong are kept in ``fuzz-findings/``.
Exit code 1 means that something was found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.stamp import data_root
from tests.fuzz import report
from tests.fuzz.case import make_case
from tests.fuzz.corpus import corpus
from tests.fuzz.server import serve
from tests.fuzz.target import preload, read

KEPT_OF_EACH = 3
"""Cases that are kept of one fault."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="read this case alone, in this process")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--made-only", action="store_true", help="leave real images out")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/fuzz.*")
    asked = parser.parse_args()
    samples = corpus(None if asked.made_only else data_root())
    if asked.case is not None:
        return _alone(samples, asked.seed, asked.case)
    real = sum(one.name.startswith("real-") for one in samples)
    tally = report.Tally(asked.seed, len(samples), real)
    for one in serve(
        samples, asked.seed, range(asked.first, asked.first + asked.cases), asked.workers
    ):
        tally.add(one)
        if tally.cases % 1000 == 0:
            print(f"{tally.cases:,} cases, {len(tally.findings)} findings", flush=True)
    for place, ones in tally.distinct().items():
        print(f"\n{place}: {len(ones)} cases\n{ones[0].detail}")
        for one in ones[:KEPT_OF_EACH]:
            print("kept in", report.keep(asked.keep, samples, asked.seed, one))
    figures = tally.figures()
    print(report.page(figures))
    if asked.record:
        report.write(figures)
    return 1 if tally.findings else 0


def _alone(samples: list, seed: int, number: int) -> int:
    case = make_case(samples, seed, number)
    preload()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        for name, data in case.files.items():
            (Path(temporary) / name).write_bytes(data)
        told = read(case.sample.kind, Path(temporary), list(case.files), case.sample.like)
    print(case.sample.name, *told, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
