"""A server in memory and work that takes no time, to walk the service through every failure."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from marrowlight import errors
from marrowlight.network import service as service_module
from marrowlight.network.header import JsonHeader
from marrowlight.network.holdings import HeldInstance, HeldSeries, HeldStudy
from marrowlight.network.journal import Journal
from marrowlight.network.log import JobLog
from marrowlight.network.outgoing import Outgoing
from marrowlight.network.service import Service, Settings
from marrowlight.network.work import OUTCOME, READING_FOLDER
from marrowlight.network.worker import Outcome
from marrowlight.study.limits import Limits

DOCUMENTS = ("SEG", "SR", "DOC")


class Killed(BaseException):
    """As SIGKILL: nothing of ours gets to see it."""


@dataclass
class Kept:
    patient: str = "patient A"
    images: int = 3
    description: str = "MR knee left"
    series: str = "sag PD FS"
    date: str = "20260101"
    documents: Counter[str] = field(default_factory=Counter)


@dataclass
class PretendedServer:
    """Studies by UID. down : what every request raises; hook : called before every request with
    its name.
    """

    kept: dict[str, Kept] = field(default_factory=dict)
    down: Exception | None = None
    hook: Callable[[str], None] = lambda _: None
    url: str = "pretended"
    limits: Limits = field(default_factory=Limits)

    def _asked(self, what: str) -> None:
        self.hook(what)
        if self.down:
            raise self.down

    def answers(self) -> bool:
        return self.down is None

    def studies(self, filters):
        self._asked("studies")
        return [
            HeldStudy(uid, one.patient, one.date, one.description, ("MR",),
                      one.images + sum(one.documents.values()))
            for uid, one in self.kept.items()
        ]  # fmt: skip

    def series(self, study):
        self._asked("series")
        if study not in self.kept:
            return []
        one = self.kept[study]
        header = JsonHeader({"0008103E": {"vr": "LO", "Value": [one.series]}})
        found = [HeldSeries("1.1", "MR", one.series, one.images, header)]
        found += [HeldSeries(f"2.{n}", kind, "ours", 1, JsonHeader({}))
                  for n, kind in enumerate(one.documents)]  # fmt: skip
        return found if one.images else found[1:]

    def first_header(self, study, series):
        return self.series(study)[0].header

    def instances(self, study, series=None):
        self._asked("instances")
        if study not in self.kept:
            return []
        one = self.kept[study]
        images = [HeldInstance(study, "1.1", f"1.1.{n}") for n in range(one.images)]
        ours = [HeldInstance(study, "2", kind) for kind in one.documents]
        return images if series else images + ours

    def fetch(self, instance, place):
        self._asked("fetch")
        if instance.study not in self.kept:
            raise errors.NotOnServer("gone")
        place.write_bytes(b"image")
        return 5

    def store(self, document):
        self._asked("store")
        self.kept[document.study].documents[document.uid] += 1
        self.hook("stored")  # The server has it, and nobody has heard of it yet.


@dataclass
class PretendedWork:
    """In place of ``Worker``. ends : job folder to outcome; began : folders, in order, with how
    many earlier readings each was given.
    """

    ends: Callable[[Path], Outcome]
    hook: Callable[[str], None] = lambda _: None
    began: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, folder, earlier, limits):
        self.began.append((folder.name, len(earlier)))
        assert (folder / "images").is_dir()
        work = self

        class Running:
            def outcome(self) -> Outcome:
                work.hook("work")
                ended = work.ends(folder)
                if ended.done:
                    (folder / READING_FOLDER).mkdir(exist_ok=True)
                    (folder / OUTCOME).write_text(json.dumps({"done": dict(ended.done)}))
                work.hook("worked")
                return ended

            def stop(self) -> None:
                pass

        return Running()


DONE = Outcome(done={"joint": "knee", "side": "left", "compared": 0, "not_compared": ""})


class Clock:
    """Time that passes by itself, a second at every look."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Scene:
    """A service on a folder, that can be killed and started again."""

    def __init__(self, folder: Path, monkeypatch, **settings) -> None:
        self.folder, self.clock = folder, Clock()
        self.server = PretendedServer()
        self.work = PretendedWork(lambda _: DONE)
        self.settings = replace(Settings(once=True, settle_s=0.0), **settings)
        self.lines: list[str] = []
        logger = logging.getLogger(f"pretended.{id(self)}")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        logger.addHandler(handler)
        self.log = JobLog(logger)
        monkeypatch.setattr(service_module, "Worker", lambda *a: self.work(*a))
        monkeypatch.setattr(service_module, "outgoing", self._outgoing)
        monkeypatch.setattr(service_module.time, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    def _outgoing(self, places):
        job = places[0].parent.name
        with closing(Journal(self.folder)) as journal:
            study = next(one.uid for one in journal.all() if one.job == job)
        return [Outgoing(Path(kind), study, kind) for kind in DOCUMENTS]

    def run(self) -> Service:
        """Until nothing is left to do, or something is raised."""
        with closing(Journal(self.folder)) as journal:
            service = Service(
                self.server, journal, self.folder, self.settings, self.log, clock=self.clock
            )
            service.run()
            return service

    def states(self) -> dict[str, str]:
        """UID to state."""
        with closing(Journal(self.folder)) as journal:
            return {one.uid: one.state.value for one in journal.all()}

    def reasons(self) -> dict[str, str]:
        with closing(Journal(self.folder)) as journal:
            return {one.uid: one.reason for one in journal.all()}
