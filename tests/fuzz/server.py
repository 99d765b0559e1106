"""The server: all is imported once, then each case is read in a forked process with limits."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.case import make_case
from tests.fuzz.corpus import Sample
from tests.fuzz.target import preload, read

MIB = 1024 * 1024
HANG_CPU_S = 10
"""CPU time after which a case counts as a hang. s."""
HANG_WALL_S = 120
"""Wall time after which it does even if it only waits; long, since the machine may be busy. s."""
MOST_MEMORY = 700 * MIB
"""Resident memory that a case may take beyond what the server holds: five times its largest image.
Bytes."""
ADDRESS_SPACE = 2048 * MIB
"""Address space that a case may take beyond the server's. Bytes."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    told : results and refusals; finding : empty, or crash, hang, memory, exception; detail : its
    traceback; cpu_s, memory_mib : what it took
    """

    number: int
    sample: str
    told: tuple[str, ...]
    finding: str = ""
    detail: str = ""
    cpu_s: float = 0.0
    memory_mib: float = 0.0


def serve(
    samples: Sequence[Sample], seed: int, numbers: range, workers: int = 2
) -> Iterator[Outcome]:
    """Outcomes of cases as they come, from forked workers that fork each case."""
    preload()
    readers = []
    for worker in range(workers):
        source, sink = os.pipe()
        if os.fork() == 0:
            os.close(source)
            code = 1
            with contextlib.suppress(BrokenPipeError), os.fdopen(sink, "w") as out:
                _work(samples, seed, numbers[worker::workers], out)
                code = 0
            os._exit(code)
        os.close(sink)
        readers.append(os.fdopen(source))
    for reader in _turns(readers):
        told = json.loads(reader)
        yield Outcome(**{**told, "told": tuple(told["told"])})
    for _ in range(workers):
        if os.wait()[1]:
            raise RuntimeError("a worker of the server ended early")


def _turns(readers: list) -> Iterator[str]:
    """Lines of all, in whatever order they come."""
    import selectors

    with selectors.DefaultSelector() as chosen:
        buffers = {}
        for one in readers:
            chosen.register(one, selectors.EVENT_READ)
            buffers[one.fileno()] = b""
        while buffers:
            for key, _ in chosen.select():
                data = os.read(key.fd, 65536)
                *lines, buffers[key.fd] = (buffers[key.fd] + data).split(b"\n")
                yield from (line.decode() for line in lines)
                if not data:
                    chosen.unregister(key.fileobj)
                    del buffers[key.fd]
                    key.fileobj.close()


def _work(samples: Sequence[Sample], seed: int, numbers: range, out) -> None:
    # A sound file of each kind, read once here, loads what is imported late.
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        work = Path(temporary)
        for sample in samples:
            folder = written(work, sample.files)
            with contextlib.suppress(Exception):
                read(sample.kind, folder, list(sample.files), sample.like)
        gc.collect()
        gc.freeze()
        for number in numbers:
            out.write(json.dumps(asdict(one_case(samples, seed, number, work))) + "\n")
            out.flush()


def written(work: Path, files: dict[str, bytes]) -> Path:
    folder = work / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def one_case(samples: Sequence[Sample], seed: int, number: int, work: Path) -> Outcome:
    """Read one case in a forked process."""
    case = make_case(samples, seed, number)
    folder = written(work, case.files)
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(source)
        _child(sink, case.sample, folder, list(case.files))
    os.close(sink)
    with os.fdopen(source, "rb") as pipe:
        answer = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    told, finding, detail = [], "crash", f"ended by status {status}, and said nothing"
    before = 0
    if os.WIFSIGNALED(status):
        ended = signal.Signals(os.WTERMSIG(status))
        late = ended in (signal.SIGXCPU, signal.SIGALRM)
        finding, detail = "hang" if late else "crash", f"ended by {ended.name}"
    elif answer:
        before, told, finding, detail = json.loads(answer)
    memory = usage.ru_maxrss * 1024 - before
    if not finding and memory > MOST_MEMORY:
        finding, detail = "memory", f"{memory / MIB:.0f} MiB"
    return Outcome(
        number, case.sample.name, tuple(told), finding, detail,
        round(usage.ru_utime + usage.ru_stime, 3), round(memory / MIB, 1),
    )  # fmt: skip


def _child(sink: int, sample: Sample, folder: Path, names: list[str]) -> None:
    """Never returns."""
    faulthandler.disable()
    _limit()
    # A fork does not map all that its parent holds, so what it takes is counted from here.
    before = _resident()
    warnings.simplefilter("error")
    try:
        answer = (read(sample.kind, folder, names, sample.like), "", "")
    except MemoryError:
        answer = ([], "memory", _told())
    except BaseException:  # noqa: BLE001 (whatever it is, it is a finding)
        answer = ([], "exception", _told())
    with os.fdopen(sink, "wb") as pipe:
        pipe.write(json.dumps([before, *answer]).encode())
    sys.stdout.flush()
    os._exit(0)


def _told() -> str:
    return traceback.format_exc()[-6000:]


def _limit() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = taken + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (HANG_CPU_S, HANG_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, HANG_WALL_S)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
