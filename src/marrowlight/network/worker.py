"""Start the process that works on one study, and understand how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marrowlight import errors
from marrowlight.network.server import PASSWORD, TOKEN, USER
from marrowlight.network.work import NO_ROOM, OUT_OF_MEMORY, OUTCOME, REQUEST, SCRATCH
from marrowlight.report.atomic import explained
from marrowlight.study.limits import GIB


@dataclass(frozen=True)
class WorkLimits:
    """Most that the work on one study may take.

    memory_bytes : address space, which is more than what is used; seconds : wall time.
    """

    memory_bytes: int = 16 * GIB
    seconds: float = 1800.0


@dataclass(frozen=True)
class Outcome:
    """How the work ended. done : what ``work_on`` returned, else None; failed : the error; why : in
    words, where the error does not say it.
    """

    done: Mapping[str, Any] | None = None
    failed: type[BaseException] = errors.MarrowlightError
    why: str = ""


class Worker:
    """The work on one study, from its start to its outcome.

    Parameters
    ----------
    folder : Path
        Of the job, with ``images/``.
    earlier : readings of the same patient, as for ``work.work_on``
    limits : WorkLimits
    """

    def __init__(
        self, folder: Path, earlier: Sequence[Mapping[str, str]], limits: WorkLimits
    ) -> None:
        self.folder = folder
        self._limits = limits
        self._end = time.monotonic() + limits.seconds
        scratch = folder / SCRATCH
        with explained(folder):
            (folder / OUTCOME).unlink(missing_ok=True)
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            request = {"earlier": list(earlier), "memory_bytes": limits.memory_bytes}
            (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")
        # Who reads strangers' files gets no credentials, and keeps its temporary files in here.
        kept = {k: v for k, v in os.environ.items() if k not in (TOKEN, USER, PASSWORD)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "marrowlight.network.work", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=None if "MARROWLIGHT_DEBUG" in kept else subprocess.DEVNULL,
            env={**kept, "TMPDIR": str(scratch)},
            start_new_session=True,
        )

    def outcome(self) -> Outcome | None:
        """How it ended, or None while it goes on. It is stopped when its time is over."""
        code = self._process.poll()
        if code is None and time.monotonic() < self._end:
            return None
        late = code is None
        self.stop()
        if late:
            why = f"reading took longer than {self._limits.seconds:g} s"
            return Outcome(failed=errors.LimitExceeded, why=why)
        if code == OUT_OF_MEMORY:
            why = f"reading took more than {self._limits.memory_bytes / GIB:g} GiB of memory"
            return Outcome(failed=errors.LimitExceeded, why=why)
        if code == NO_ROOM:
            return Outcome(failed=errors.OutputNotWritable)
        why = f"the process that reads it ended abnormally (code {code})"
        return outcome_in(self.folder) or Outcome(why=why)

    def stop(self) -> None:
        """End it now, if it has not ended. What it has done so far stays."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        shutil.rmtree(self.folder / SCRATCH, ignore_errors=True)


def outcome_in(folder: Path) -> Outcome | None:
    """The outcome that work left behind, also if nobody was there any more to hear of it."""
    try:
        told = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if "done" in told:
        return Outcome(done=told["done"])
    if "fault" in told:
        return Outcome(why=f"a fault of Marrowlight ({told['fault']})")
    kind = getattr(errors, str(told.get("failed")), errors.MarrowlightError)
    return Outcome(failed=kind)
