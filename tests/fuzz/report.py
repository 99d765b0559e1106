"""Count what became of the cases; keep the files of those that went wrong."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.stamp import RESULTS, stamp
from tests.fuzz.case import make_case
from tests.fuzz.corpus import Sample
from tests.fuzz.server import HANG_CPU_S, MIB, MOST_MEMORY, Outcome


@dataclass
class Tally:
    """Figures of a run, and its findings."""

    seed: int
    samples: int
    real: int
    started: float = field(default_factory=time.monotonic)
    cases: int = 0
    told: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Outcome] = field(default_factory=list)
    slowest: Outcome | None = None
    largest: Outcome | None = None

    def add(self, one: Outcome) -> None:
        self.cases += 1
        self.told.update(one.told)
        self.kinds[one.sample] += 1
        if one.finding:
            self.findings.append(one)
        if self.slowest is None or one.cpu_s > self.slowest.cpu_s:
            self.slowest = one
        if self.largest is None or one.memory_mib > self.largest.memory_mib:
            self.largest = one

    def distinct(self) -> dict[str, list[Outcome]]:
        """Findings by where they happened: one entry for each fault, not for each case."""
        found: dict[str, list[Outcome]] = {}
        for one in self.findings:
            found.setdefault(place_of(one), []).append(one)
        return found

    def figures(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        assert self.slowest is not None
        assert self.largest is not None
        return {
            **stamp(), "seed": self.seed, "cases": self.cases, "samples": self.samples,
            "real_samples": self.real, "seconds": round(time.monotonic() - self.started, 1),
            "findings": {place: len(ones) for place, ones in self.distinct().items()},
            "outcomes": dict(sorted(self.told.items())),
            "slowest": _extreme(self.slowest), "largest": _extreme(self.largest),
            "limits": {"cpu_s": HANG_CPU_S, "memory_mib": MOST_MEMORY // MIB},
        }  # fmt: skip


def _extreme(one: Outcome) -> dict[str, Any]:
    kept = ("number", "sample", "cpu_s", "memory_mib")
    return {key: value for key, value in asdict(one).items() if key in kept}


def place_of(one: Outcome) -> str:
    """The kind of a finding and the deepest line of ours in its traceback."""
    lines = re.findall(r'File "[^"]*?marrowlight/([^"]+)", line (\d+)', one.detail)
    last = one.detail.strip().split("\n")[-1][:100]
    where = f"{lines[-1][0]}:{lines[-1][1]}" if lines else ""
    return f"{one.finding} {where} {last.split(':')[0]}".strip()


def keep(folder: Path, samples: Sequence[Sample], seed: int, one: Outcome) -> Path:
    """Write the files of a case that went wrong, and what went wrong."""
    case = make_case(samples, seed, one.number)
    out = folder / f"seed{seed}-case{one.number}-{one.finding}"
    out.mkdir(parents=True, exist_ok=True)
    for name, data in case.files.items():
        (out / name).write_bytes(data)
    (out / "finding.txt").write_text(f"{one.sample}: {one.finding}\n{one.detail}\n")
    return out


def write(figures: dict[str, Any], results: Path = RESULTS) -> None:
    """Into ``fuzz.json`` and ``fuzz.md``."""
    results.mkdir(parents=True, exist_ok=True)
    (results / "fuzz.json").write_text(json.dumps(figures, indent=1) + "\n")
    (results / "fuzz.md").write_text(page(figures))


def page(figures: dict[str, Any]) -> str:
    """For people."""
    slow, large, limits = figures["slowest"], figures["largest"], figures["limits"]
    found = figures["findings"]
    rows = [
        ("cases", f"{figures['cases']:,} (seed {figures['seed']})"),
        ("sound files that they were made of",
         f"{figures['samples']}, {figures['real_samples']} of them real images cut down"),
        ("findings (crash, hang, too much memory, an error that is none of ours)",
         f"**{sum(found.values())}**"),
        ("slowest", f"{slow['cpu_s']:.2f} s of CPU ({slow['sample']}, case {slow['number']}); "
         f"the limit is {limits['cpu_s']} s"),
        ("largest", f"{large['memory_mib']:.0f} MiB ({large['sample']}, case {large['number']}); "
         f"the limit is {limits['memory_mib']} MiB"),
        ("seconds in all", f"{figures['seconds']:.0f}"),
    ]  # fmt: skip
    lines = ["# Hostile files: `make fuzz`", "",
             f"{figures['date']}, commit {figures['commit']}, {figures['cores']} cores", "",
             "Each case is a sound file with one to five kinds of damage, read in a process of its",
             "own through the whole path of a user. How: `docs/how-to/fuzz.md`.", "",
             "| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows), ""]  # fmt: skip
    lines += ["| what became of them | cases |", "|---|---|"]
    lines += [f"| {what} | {count:,} |" for what, count in figures["outcomes"].items()]
    if found:
        lines += ["", "| finding | cases |", "|---|---|"]
        lines += [f"| {what} | {count} |" for what, count in found.items()]
    return "\n".join([*lines, ""])
