"""Each study exactly once, whatever is killed when: `marrowlight watch` against a real Orthanc.

    python -m benchmarks.exactly_once [--studies 20] [--kills 10] [--stops 3] [--seed 1]

Twenty small studies are pushed (ankles and knees, two patients with two visits, one study with
slices missing, a head, a study without a fluid-sensitive series, one that names no joint). While
the service reads them, it is killed with SIGKILL at random moments and started again, and the
server is stopped and started in between. In the end the server is asked what it holds. Needs Linux,
root and Orthanc.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.orthanc import Orthanc, own_network, running, why_not
from benchmarks.pacs_studies import FITS, Sent, make_studies
from benchmarks.stamp import RESULTS, stamp
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.journal import NAME
from marrowlight.network.outgoing import outgoing
from marrowlight.network.push import push_files
from marrowlight.network.server import Server

OURS = ("SEG", "SR", "DOC")
"""Modality of the segmentation, the structured report and the encapsulated PDF."""

OPEN = ("waiting", "pulled", "read")
LATER_S = (0.0, 4.0)
STOPPED_FOR_S = (0.5, 4.0)
HEALTH_PORT = 18043


@dataclass
class Event:
    """Something that was done to service or server. at : s since the start; states : of the journal
    at that moment; reading : studies that were being read.
    """

    at: float
    what: str
    states: dict[str, int]
    reading: int


@dataclass
class Outcome:
    """What a run came to.

    held : study number to modality to number of instances; states : study number to state and
    reason in the journal; compared : visits that were compared with an earlier one; lines : of all
    logs.
    """

    studies: list[Sent]
    seconds: float
    events: list[Event] = field(default_factory=list)
    held: dict[int, dict[str, int]] = field(default_factory=dict)
    states: dict[int, tuple[str, str]] = field(default_factory=dict)
    compared: int = 0
    lines: list[str] = field(default_factory=list)

    def made_good(self) -> int:
        """Studies of which the server held a part of the documents before the last was stored."""
        return sum(bool(re.search(r", [12] were there$", line)) for line in self.lines)

    def wrong(self) -> list[str]:
        """Every study that is not as it should be."""
        found = []
        for one in self.studies:
            state, reason = self.states.get(one.number, ("not seen", ""))
            held = tuple(self.held[one.number].get(kind, 0) for kind in OURS)
            fine = one.becomes == FITS
            if state != ("stored" if fine else one.becomes):
                found.append(f"study {one.number} ({one.what}) is {state} {reason}")
            if held != ((1, 1, 1) if fine else (0, 0, 0)):
                found.append(f"study {one.number} ({one.what}) has SEG, SR, PDF {held}")
        return found


class Watch:
    """`marrowlight watch` as a process of its own. folder : for state and log."""

    def __init__(self, folder: Path, url: str, *, workers: int) -> None:
        self.state, self.log = folder / "state", folder / "log.txt"
        self._command = [
            sys.executable, "-m", "marrowlight", "watch", "--dicomweb", url, "--state",
            str(self.state), "--every", "1", "--settle", "0.5", "--since", "all", "--workers",
            str(workers), "--health", str(HEALTH_PORT),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            env = {**os.environ, "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=env)

    def end(self, how: signal.Signals) -> int:
        """Send a signal, and wait for the end; the exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(60)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def rows(self, what: str) -> list[tuple[Any, ...]]:
        """A query to the journal, beside the service."""
        place = self.state / NAME
        if not place.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as journal:
            try:
                return journal.execute(what).fetchall()
            except sqlite3.OperationalError:  # Not made yet.
                return []

    def states(self) -> Counter[str]:
        return Counter(dict(self.rows("SELECT state, count(*) FROM study GROUP BY 1")))

    def changes(self) -> int:
        """How many changes the journal holds."""
        return sum(n for (n,) in self.rows("SELECT count(*) FROM event"))

    def done(self, studies: int) -> bool:
        """Whether so many studies are known, and none has work left."""
        states = self.states()
        return states.total() == studies and not any(states[one] for one in OPEN)

    def health(self) -> dict[str, Any]:
        """What the health endpoint answers; empty if there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{HEALTH_PORT}/health", timeout=5) as one:
                return dict(json.load(one))
        except OSError:
            return {}


def exactly_once(
    folder: Path, *, studies: int = 20, kills: int = 10, stops: int = 3, seed: int = 1,
    workers: int = 2, limit_s: float = 1500.0,
) -> Outcome:  # fmt: skip
    """One run, in a network of its own. Raises TimeoutError if the work does not come to an end."""
    sent = make_studies(folder / "studies", count=studies)
    with own_network(), running(folder / "orthanc") as server:
        client = DicomWeb(Server(server.url))
        push_files(client, outgoing([one.folder for one in sent]))
        watch = Watch(folder, server.url, workers=workers)
        outcome = Outcome(sent, 0.0)
        start = time.monotonic()
        watch.start()
        try:
            _torment(watch, server, outcome, kills, stops, random.Random(seed), start)
            _wait_until_done(watch, len(sent), start + limit_s)
            # Another search, which must not take our own documents for news.
            time.sleep(2.5)
            outcome.seconds = time.monotonic() - start
            code = watch.end(signal.SIGTERM)
            outcome.events.append(_event(watch, start, f"SIGTERM, exit code {code}", reading=0))
        finally:
            if watch.runs:
                watch.end(signal.SIGKILL)
            outcome.lines = watch.log.read_text().splitlines()
        for one in sent:
            series = client.series(one.uid)
            outcome.held[one.number] = dict(
                sum((Counter({s.modality: s.instances or 0}) for s in series), Counter())
            )
        known = {u: (s, r) for u, s, r in watch.rows("SELECT uid, state, reason FROM study")}
        outcome.states = {one.number: known.get(one.uid, ("not seen", "")) for one in sent}
        outcome.compared = len(list((watch.state / "jobs").glob("*/course/course.json")))
    return outcome


def _torment(
    watch: Watch, server: Orthanc, outcome: Outcome, kills: int, stops: int,
    chance: random.Random, start: float,
) -> None:  # fmt: skip
    """Kill the service, and stop the server, at random moments; start each again.

    The moments are spread over the work, and not over the clock, which runs otherwise on every
    machine: each comes a random while after a random number of changes in the journal.
    """
    blows = ["kill"] * kills + ["stop"] * stops
    chance.shuffle(blows)
    steps = 3 * sum(one.becomes == FITS for one in outcome.studies)
    moments = sorted(chance.uniform(0, len(outcome.studies) + steps) for _ in blows)
    for blow, moment in zip(blows, moments, strict=True):
        while watch.changes() < moment and not watch.done(len(outcome.studies)):
            time.sleep(0.2)
        time.sleep(chance.uniform(*LATER_S))
        if blow == "kill":
            outcome.events.append(_event(watch, start, "service killed (SIGKILL), started again"))
            watch.end(signal.SIGKILL)
            watch.start()
        else:
            pause = chance.uniform(*STOPPED_FOR_S)
            outcome.events.append(_event(watch, start, f"server stopped for {pause:.1f} s"))
            server.stop()
            time.sleep(pause)
            server.start()


def _event(watch: Watch, start: float, what: str, *, reading: int | None = None) -> Event:
    if reading is None:
        reading = len(watch.health().get("reading", ()))
    return Event(round(time.monotonic() - start, 1), what, dict(watch.states()), reading)


def _wait_until_done(watch: Watch, studies: int, end: float) -> None:
    while not watch.done(studies):
        if not watch.runs:
            raise RuntimeError(watch.log.read_text()[-3000:])
        if time.monotonic() > end:
            raise TimeoutError(f"{dict(watch.states())}\n{watch.log.read_text()[-3000:]}")
        time.sleep(0.5)


def table(outcome: Outcome) -> Iterator[str]:
    """The run as Markdown."""
    yield "| s | what was done | waiting | pulled | read | stored | other | being read |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for one in outcome.events:
        names = ("waiting", "pulled", "read", "stored")
        other = sum(n for name, n in one.states.items() if name not in names)
        counts = [str(one.states.get(name, 0)) for name in names]
        yield f"| {one.at:.1f} | {one.what} | {' | '.join(counts)} | {other} | {one.reading} |"
    yield ""
    yield "| study | patient | what | in the journal | SEG | SR | PDF |"
    yield "|---:|---|---|---|---:|---:|---:|"
    for sent in outcome.studies:
        state, reason = outcome.states[sent.number]
        told = f"{state.replace('_', ' ')}: {reason}" if reason else state
        held = " | ".join(str(outcome.held[sent.number].get(kind, 0)) for kind in OURS)
        yield f"| {sent.number} | {sent.patient} | {sent.what} | {told} | {held} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("studies", 20), ("kills", 10), ("stops", 3), ("seed", 1), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    chosen = vars(parser.parse_args())
    if reason := why_not():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        outcome = exactly_once(Path(folder), **chosen)
    wrong = outcome.wrong()
    fits = sum(one.becomes == FITS for one in outcome.studies)
    made = stamp()
    words = " ".join(f"--{name} {value}" for name, value in chosen.items())
    lines = [
        "# Each study exactly once",
        "",
        f"{made['date']}, commit {made['commit']}, {made['cores']} cores; "
        f"`python -m benchmarks.exactly_once {words}`; Orthanc with DICOMweb on loopback.",
        "",
        f"{len(outcome.studies)} studies, {fits} of them to be read; the service was killed with "
        f"SIGKILL {chosen['kills']} times, the server stopped {chosen['stops']} times; done after "
        f"{outcome.seconds:.0f} s. {outcome.compared} visits were compared with an earlier one. Of "
        f"{outcome.made_good()} studies storing was cut off half way, and made good.",
        "",
        f"**{len(wrong)} studies are not as they should be.**",
        *(f"- {one}" for one in wrong),
        "",
        *table(outcome),
        "",
        "States are those of the journal at the moment of the blow; being read: studies in the "
        "hands of a process then.",
    ]
    data = {
        **made, **chosen, "seconds": round(outcome.seconds, 1), "wrong": wrong,
        "compared": outcome.compared,
        "made_good": outcome.made_good(), "events": [asdict(one) for one in outcome.events],
        "held": outcome.held, "states": outcome.states,
    }  # fmt: skip
    (RESULTS / "exactly_once.md").write_text("\n".join(lines) + "\n")
    (RESULTS / "exactly_once.json").write_text(json.dumps(data, indent=2) + "\n")
    print("\n".join(lines))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
