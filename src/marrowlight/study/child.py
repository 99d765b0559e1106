"""Read untrusted files in a child process with limits on memory and time.

A crash of a decoder, or a file that eats all memory, ends the child and not the caller. What the
child may do is in ``confine``; what it runs in ``inside``. Voxels come back through a pipe, file by
file, so that they are nowhere twice and on no disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

from marrowlight import errors
from marrowlight.errors import LimitExceeded, MarrowlightError, UnreadableFile
from marrowlight.study.grid import Grid
from marrowlight.study.inside import OUT_OF_MEMORY
from marrowlight.study.limits import GIB, Limits
from marrowlight.study.maskfile import MaskFile
from marrowlight.study.packing import Message, unpack, unpack_mask
from marrowlight.study.parse import ProgressCall
from marrowlight.study.parsed import Parsed, collect
from marrowlight.study.wire import WireError, receive

KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ", "SYSTEMROOT", "APPDATA",
    "USERPROFILE",
)  # fmt: skip
"""Environment that the child gets, beside Python's own: no token and no password."""

_Made = TypeVar("_Made")


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
    request = {"do": "parse", "paths": [str(p) for p in paths]}
    with contextlib.closing(_ask(request, limits, progress)) as messages:
        return collect(_understood(unpack, message) for message in messages)


def mask_in_child(path: Path, like: Sequence[Grid], limits: Limits) -> MaskFile:
    """``maskfile.decode_mask`` in a child process. Errors as for ``parse_in_child``."""
    grids = [(grid.shape, grid.affine.tolist()) for grid in like]
    request = {"do": "mask", "path": str(path), "like": grids}
    with contextlib.closing(_ask(request, limits, None)) as messages:
        answers = list(messages)
    return _understood(unpack_mask, answers[-1] if answers else ({}, []))


def _ask(
    request: Mapping[str, Any], limits: Limits, progress: ProgressCall | None
) -> Generator[Message, None, None]:
    """What the child answers, message by message. Raises as ``parse_in_child``."""
    # -P: the working folder may be the exam, and must not be where Python looks for modules.
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "marrowlight.study.inside"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=_environment(),
    )  # fmt: skip
    late = threading.Event()

    def stop() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.seconds, stop)
    timer.start()
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            order = {**request, "limits": asdict(limits), "parent": os.getpid()}
            child.stdin.write(json.dumps(order).encode() + b"\n")
            child.stdin.close()
        last, end = yield from _follow(child, child.stdout, limits, progress)
        if end is None:
            _say_why(child.wait(), last, limits, late=late.is_set())
        elif "failure" in end:
            raise _understood(_failure, (end, []))
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdout.close()


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in KEPT_VARIABLES or k.startswith("PYTHON")}
    # One thread: thread pools reserve address space, which is what is limited.
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**kept, **one, "PYTHONDONTWRITEBYTECODE": "1"}


def _follow(
    child: subprocess.Popen[bytes],
    source: IO[bytes],
    limits: Limits,
    progress: ProgressCall | None,
) -> Generator[Message, None, tuple[str | None, dict[str, Any] | None]]:
    """Give results on; returns the file named last, and how it ended (None: it broke off)."""
    last, left = None, limits.total_bytes + limits.image_bytes
    try:
        while (message := receive(source, left)) is not None:
            told, arrays = message
            left -= sum(array.nbytes for array in arrays)
            if "at" in told:
                done, total, last = _understood(_place, message)
                if progress:
                    progress(done, total, "files")
            elif "done" in told or "failure" in told:
                return last, told
            else:
                yield message
    except WireError:
        child.kill()  # It may wait for room in the pipe.
    return last, None


def _say_why(code: int, last: str | None, limits: Limits, *, late: bool) -> None:
    """Raise the error for a child that ended before its work did."""
    if late or code == -getattr(signal, "SIGXCPU", 0):
        raise LimitExceeded(
            f"Reading the files took longer than {limits.seconds:g} s and was stopped.",
            where=last,
            expected="files that can be read within the limit on time",
            do="look at the named file; raise the limit if it is sound",
        )
    if code == OUT_OF_MEMORY:
        raise LimitExceeded(
            f"Reading the files took more than {limits.memory_bytes / GIB:.1f} GiB of memory.",
            where=last,
            expected="files that can be read within the limit on memory",
            do="name fewer files; raise the limit if they are sound",
        )
    raise UnreadableFile(
        f"The process that reads the files ended abnormally (code {code}).",
        where=last,
        expected="files that can be decoded",
        do="remove the named file, or export it again",
    )


def _place(message: Message) -> tuple[int, int, str]:
    done, total, name = message[0]["at"]
    return int(done), int(total), str(name)


def _failure(message: Message) -> MarrowlightError:
    told = message[0]["failure"]
    kind = getattr(errors, str(told["kind"]), UnreadableFile)
    if not issubclass(kind, MarrowlightError):
        raise TypeError(kind)
    rest = {
        key: None if told[key] is None else str(told[key]) for key in ("where", "expected", "do")
    }
    error: MarrowlightError = kind(str(told["found"]), **rest)
    return error


def _understood(make: Callable[[Message], _Made], message: Message) -> _Made:
    """What a message says; one that says nothing sound ends in our error."""
    try:
        return make(message)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        StopIteration,
        OverflowError,
    ) as bad:
        raise UnreadableFile(
            "The process that reads the files gave an answer that makes no sense.",
            expected="files that can be decoded",
            do="do not trust these files",
        ) from bad
