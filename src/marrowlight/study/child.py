"""Parse untrusted files in a child process with limits on memory and time.

A crash of a decoder, or a file that eats all memory, ends the child and not the caller. On Linux
the limit on memory is enforced by the kernel; elsewhere only the time is limited.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from marrowlight import errors
from marrowlight.errors import LimitExceeded, MarrowlightError, UnreadableFile
from marrowlight.study.limits import GIB, Limits
from marrowlight.study.parse import ProgressCall, parse
from marrowlight.study.parsed import Parsed

REQUEST, RESULT, FAILURE = "request.json", "result.npz", "failure.json"
STOPPED_CODE = 75
"""Exit code of a child that ran out of memory (EX_TEMPFAIL)."""


def parse_in_child(
    paths: Sequence[str | Path], limits: Limits, progress: ProgressCall | None = None
) -> Parsed:
    """``parse`` in a child process. Parameters, result and errors are the same.

    Raises
    ------
    LimitExceeded
        The child took more memory or time than allowed.
    UnreadableFile
        The child crashed; names the file that it was reading.
    """
    with tempfile.TemporaryDirectory(prefix="marrowlight-") as folder:
        work = Path(folder)
        request = {"paths": [str(p) for p in paths], "limits": asdict(limits)}
        (work / REQUEST).write_text(json.dumps(request))
        last, code, late = _run(work, limits, progress)
        if late:
            raise LimitExceeded(
                f"Reading the files took longer than {limits.seconds:g} s and was stopped.",
                where=last,
                expected="files that can be read within the limit on time",
                do="look at the named file; raise the limit if it is sound",
            )
        if (work / FAILURE).exists():
            raise _failure(work / FAILURE)
        if code == STOPPED_CODE:
            raise LimitExceeded(
                f"Reading the files took more than {limits.memory_bytes / GIB:.1f} GiB of memory.",
                where=last,
                expected="files that can be read within the limit on memory",
                do="name fewer files; raise the limit if they are sound",
            )
        if code != 0 or not (work / RESULT).exists():
            raise UnreadableFile(
                f"The process that reads the files ended abnormally (code {code}).",
                where=last,
                expected="files that can be decoded",
                do="remove the named file, or export it again",
            )
        from marrowlight.study.packing import unpack

        return unpack(work / RESULT)


def _run(work: Path, limits: Limits, progress: ProgressCall | None) -> tuple[str | None, int, bool]:
    """The file read last, the exit code, and whether time ran out."""
    # One thread: thread pools reserve address space, which is what is limited.
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "marrowlight.study.child", str(work)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env,
    )  # fmt: skip
    late = threading.Event()

    def stop() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.seconds, stop)
    timer.start()
    last = None
    try:
        assert child.stdout is not None
        last = _follow(child.stdout, progress)
        code = child.wait()
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()
    return last, code, late.is_set()


def _follow(lines: IO[bytes], progress: ProgressCall | None) -> str | None:
    """Pass progress on until the child is done; returns the file that it named last."""
    last = None
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):
            done, total, what = json.loads(line)
            last = str(what)
            if progress:
                progress(int(done), int(total), "files")
    return last


def _failure(path: Path) -> MarrowlightError:
    told = json.loads(path.read_text())
    kind = getattr(errors, str(told["kind"]), UnreadableFile)
    error: MarrowlightError = kind(
        told["found"], where=told["where"], expected=told["expected"], do=told["do"]
    )
    return error


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _main(work: Path) -> int:
    request = json.loads((work / REQUEST).read_text())
    limits = Limits(**request["limits"])
    _limit_memory(limits.memory_bytes)
    out = sys.stdout

    def tell(done: int, total: int, what: str) -> None:
        out.write(json.dumps([done, total, what]) + "\n")
        out.flush()

    try:
        from marrowlight.study.packing import pack

        parsed = parse(request["paths"], limits, tell, name_files=True)
        pack(parsed, work / RESULT)
    except MarrowlightError as error:
        told = {"kind": type(error).__name__, "found": error.found, "where": error.where,
                "expected": error.expected, "do": error.do}  # fmt: skip
        (work / FAILURE).write_text(json.dumps(told))
        return error.exit_code
    except MemoryError:
        return STOPPED_CODE
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
