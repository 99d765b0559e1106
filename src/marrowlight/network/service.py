"""The service: find studies, read each in a process of its own, store its documents back.

    find ──► waiting ──► pull ──► pulled ──► read, compare, export ──► read ──► store ──► stored

Each arrow ends in one change of the journal, and can be walked again without harm: images that are
there are not pulled again, steps that left their files are not repeated, and the server is asked
what it holds before anything is stored.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marrowlight.errors import MarrowlightError, NetworkError, NotOnServer, ServerUnreachable
from marrowlight.errors import OutputNotWritable as NotWritable
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.finding import Finder, Since
from marrowlight.network.fits import MR
from marrowlight.network.journal import OPEN, Job, Journal, State
from marrowlight.network.log import JobLog
from marrowlight.network.outgoing import outgoing
from marrowlight.network.pause import Pause
from marrowlight.network.pull import pull_study, require_room
from marrowlight.network.push import push_files
from marrowlight.network.rules import Pace, Then, plain_reason, then
from marrowlight.network.work import COURSE_FOLDER, IMAGES, OUTCOME, READING_FOLDER
from marrowlight.network.worker import Outcome, Worker, WorkLimits, outcome_in
from marrowlight.report.atomic import explained
from marrowlight.version import __version__

JOBS = "jobs"
TICK_S = 0.3
MOST_EARLIER = 10
"""Visits that a new one is compared with, the latest ones."""

AHEAD = 2
"""Studies that are pulled while others are read, so that neither waits for the other."""


@dataclass(frozen=True)
class Settings:
    """How the service works.

    Parameters
    ----------
    every_s : between two searches. s.
    settle_s : how long a study must have stayed as it is before it is read. s.
    since : which studies are looked at
    workers : studies read at a time
    limits : of the work on one study
    pace : how failures are tried again
    keep_images : leave the images in the folder of the job
    once : return when nothing is left to do now
    """

    every_s: float = 60.0
    settle_s: float = 120.0
    since: Since = field(default_factory=lambda: Since(days=7))
    workers: int = 1
    limits: WorkLimits = field(default_factory=WorkLimits)
    pace: Pace = field(default_factory=Pace)
    keep_images: bool = False
    once: bool = False


class Service:
    """Runs until it is interrupted, and may be killed at any moment.

    Parameters
    ----------
    server : DicomWeb
    journal : Journal
    folder : Path
        Of the journal; folders of jobs are made in it.
    settings : Settings
    log : JobLog
    clock : callable
        Seconds since the epoch.
    """

    def __init__(
        self,
        server: DicomWeb,
        journal: Journal,
        folder: Path,
        settings: Settings,
        log: JobLog,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._server, self._journal, self._settings = server, journal, settings
        self._jobs, self._log, self._clock = folder / JOBS, log, clock
        self._finder = Finder(server, journal, log, settings.since)
        self._away = Pause("server", log, most_s=max(settings.every_s, 2.0))
        self._full = Pause("disk", log)
        self._working: dict[str, Worker] = {}
        self._next_look = 0.0
        self._looked = False
        self._last_look: float | None = None
        self.health: Mapping[str, Any] = {}
        """What the health endpoint answers; replaced as a whole, so other threads may read it."""

    def run(self) -> None:
        """Work until interrupted, or, with ``once``, until nothing is left to do now.

        Raises AccessDenied and ServerRefused if the first search fails so: an address or a token
        that is wrong does not heal. With ``once`` also ServerUnreachable.
        """
        with explained(self._jobs):
            self._jobs.mkdir(mode=0o700, exist_ok=True)
        self._sweep()
        self._tell()
        try:
            while True:
                busy = self._round()
                if self._settings.once and not busy and self._nothing_left():
                    return
                time.sleep(0.0 if busy else TICK_S)
        finally:
            for worker in self._working.values():
                worker.stop()

    # What comes next

    def _round(self) -> bool:
        """Look for what is new and do what is next; whether anything was done."""
        busy, pause = False, 0.0
        try:
            if self._full.on:
                require_room(self._jobs)
            if self._may_ask() and self._clock() >= self._next_look:
                self._look()
            busy = self._step()
            self._full.end()
        except NotWritable as error:
            # A full disk ends nothing: what was not written is done again.
            pause = self._full.longer(self._clock(), error.found)
        self._tell()
        time.sleep(pause)
        return busy

    def _look(self) -> None:
        now = self._clock()
        try:
            self._finder.look(now)
        except NetworkError as error:
            heals = isinstance(error, ServerUnreachable) and not self._settings.once
            if not self._looked and not heals:
                raise
            self._away.longer(now, error.found)
        else:
            self._away.end()
            self._looked, self._last_look = True, now
            self._next_look = now + self._settings.every_s

    def _step(self) -> bool:
        """Do what is to be done next; whether anything was."""
        for name in list(self._working):
            self._collect(name)
        due = self._journal.due(self._clock())
        done = False
        for job in due:
            if job.state is State.PULLED and job.job not in self._working:
                done |= self._begin(job)
        # Those that failed and wait for another try are not due, and hold nobody up.
        pulled = sum(job.state is State.PULLED for job in due)
        room = pulled < self._settings.workers + AHEAD
        for job in due:
            # One at a time: a request may take long, and those who read are to be heard.
            if self._may_ask() and self._ask_server(job, room=room):
                return True
        return done

    def _ask_server(self, job: Job, *, room: bool) -> bool:
        """Pull or store, if that is what the job waits for; room : for another one to be pulled."""
        if job.state is State.READ:
            with self._judged(job):
                self._store(job)
            return True
        if job.state is State.WAITING and room and not self._unsettled(job):
            with self._judged(job):
                self._pull(job)
            return True
        return False

    # The steps of one study

    def _pull(self, job: Job) -> None:
        folder = self._folder(job)
        for stale in (READING_FOLDER, COURSE_FOLDER):  # Of the study as it was before it changed.
            shutil.rmtree(folder / stale, ignore_errors=True)
        (folder / OUTCOME).unlink(missing_ok=True)
        pulled = pull_study(self._server, job.uid, folder / IMAGES, modalities=(MR,))
        self._move(job, State.PULLED)
        self._log.info("pulled %d images", pulled.files, job=job.job)

    def _begin(self, job: Job) -> bool:
        """Start to read a pulled study; or take up what a process left that nobody waited for."""
        left = outcome_in(self._folder(job))
        if left is not None:
            self._conclude(job, left)
            return True
        if len(self._working) >= self._settings.workers or self._patient_busy(job):
            return False
        if job.starts >= self._settings.pace.starts:
            self._end(job, State.GIVEN_UP, f"reading was begun {job.starts} times and never ended")
            return True
        require_room(self._folder(job))
        job = self._journal.update(job, now=self._clock(), starts=job.starts + 1)
        earlier = [
            {"folder": str(self._folder(one) / READING_FOLDER), "joint": one.joint,
             "side": one.side}
            for one in self._journal.read_before(job)[:MOST_EARLIER]
        ]  # fmt: skip
        self._working[job.job] = Worker(self._folder(job), earlier, self._settings.limits)
        self._log.info("reading", job=job.job)
        return True

    def _patient_busy(self, job: Job) -> bool:
        """Whether another visit of the same patient is being read, which this one would miss."""
        return any(
            one.job in self._working and one.patient and one.patient == job.patient
            for one in self._journal.due(self._clock())
        )

    def _collect(self, name: str) -> None:
        outcome = self._working[name].outcome()
        if outcome is None:
            return
        del self._working[name]
        job = next((one for one in self._journal.due(self._clock()) if one.job == name), None)
        if job is not None:
            self._conclude(job, outcome)

    def _conclude(self, job: Job, outcome: Outcome) -> None:
        done = outcome.done
        job = self._journal.update(job, now=self._clock(), starts=0)
        with self._judged(job):
            if done is None:
                raise _Failed(outcome)
            self._move(job, State.READ, joint=done["joint"], side=done["side"])
            compared = done["compared"]
            with_ = f", compared with {compared} earlier" if compared else ""
            if done["not_compared"]:
                with_ = f", not compared with earlier visits ({done['not_compared']})"
            self._log.info("read%s", with_, job=job.job)

    def _store(self, job: Job) -> None:
        if not any(one.modality == MR for one in self._server.series(job.uid)):
            raise NotOnServer("The study was deleted while it was read.")
        pushed = push_files(self._server, outgoing([self._folder(job) / READING_FOLDER]))
        self._end(job, State.STORED)
        self._log.info(
            "stored %d documents, %d were there", pushed.stored, pushed.held, job=job.job
        )

    # What may go wrong

    @contextlib.contextmanager
    def _judged(self, job: Job) -> Iterator[None]:
        """Whatever a study does, the others go on."""
        try:
            yield
        except NotWritable:
            raise
        except _Failed as error:
            self._failed(job, error.outcome.failed, why=error.outcome.why)
        except Exception as error:  # noqa: BLE001 (one bad study never stops the rest)
            if "MARROWLIGHT_DEBUG" in os.environ:
                traceback.print_exc()
            self._failed(job, type(error), getattr(error, "found", ""))

    def _failed(self, job: Job, kind: type[BaseException], found: str = "", why: str = "") -> None:
        now = self._clock()
        answers = self._server.answers()
        there = not answers or self._still_there(job)
        verdict = then(kind, server_answers=answers, still_there=there)
        reason = why or plain_reason(kind)
        if verdict is Then.WAIT_FOR_DISK:
            raise NotWritable(found or "The disk is full.")
        if verdict is Then.WAIT_FOR_SERVER:
            self._away.longer(now, found)
            self._next_look = 0.0  # A search comes first, and says whether it is back.
        elif verdict is Then.DELETED:
            self._end(job, State.DELETED, "deleted on the server; nothing was stored")
        elif verdict is Then.NO_FIT:
            self._end(job, State.NO_FIT, reason)
        elif verdict is Then.GIVE_UP or job.attempts + 1 >= self._settings.pace.attempts:
            self._end(job, State.GIVEN_UP, reason)
        else:
            attempts = job.attempts + 1
            wait = self._settings.pace.wait_s(attempts)
            (self._folder(job) / OUTCOME).unlink(missing_ok=True)
            self._journal.update(
                job, now=now, attempts=attempts, next_try=now + wait, reason=reason
            )
            self._log.warning("failed (%s), again in %.0f s", reason, wait, job=job.job)

    def _still_there(self, job: Job) -> bool:
        try:
            return any(one.modality == MR for one in self._server.series(job.uid))
        except MarrowlightError:
            return True

    def _may_ask(self) -> bool:
        return self._away.over(self._clock())

    def _nothing_left(self) -> bool:
        now = self._clock()
        waits = [j for j in self._journal.due(now) if not self._unsettled(j)]
        return self._looked and not self._working and not waits

    def _unsettled(self, job: Job) -> bool:
        return job.state is State.WAITING and self._clock() - job.changed < self._settings.settle_s

    # The journal, and what is left on the disk

    def _folder(self, job: Job) -> Path:
        return self._jobs / job.job

    def _sweep(self) -> None:
        """Remove images that a service which was killed did not come to remove."""
        for job in self._journal.all():
            if job.state not in OPEN:
                self._clear(job)

    def _clear(self, job: Job) -> None:
        if not self._settings.keep_images:
            shutil.rmtree(self._folder(job) / IMAGES, ignore_errors=True)
        if job.state is State.DELETED:
            shutil.rmtree(self._folder(job), ignore_errors=True)

    def _move(self, job: Job, state: State, **values: Any) -> None:
        self._journal.update(
            job, now=self._clock(), state=state, reason="", attempts=0, next_try=0.0, **values
        )

    def _end(self, job: Job, state: State, reason: str = "") -> None:
        job = self._journal.update(job, now=self._clock(), state=state, reason=reason)
        if reason:
            level = self._log.warning if state is State.GIVEN_UP else self._log.info
            level("%s: %s", state.value.replace("_", " "), reason, job=job.job)
        self._clear(job)

    def _tell(self) -> None:
        """Renew what the health endpoint answers."""
        self.health = {
            "ok": not self._away.on and not self._full.on,
            "service": f"marrowlight watch {__version__}",
            "server_reachable": not self._away.on,
            "disk_writable": not self._full.on,
            "last_look": _iso(self._last_look),
            "reading": sorted(self._working),
            "studies": self._journal.counts(),
        }


class _Failed(Exception):
    """The work on a study ended in an error."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome


def _iso(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")
