"""Find studies on the server that are new, have grown, or have come to rest."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.errors import JournalError, NetworkError, OutputNotWritable
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.fits import MR, Fit, fit_of
from marrowlight.network.holdings import HeldSeries, HeldStudy
from marrowlight.network.journal import Job, Journal, State
from marrowlight.network.log import JobLog
from marrowlight.network.rules import plain_reason

CLOSED = (State.STORED, State.NO_FIT, State.GIVEN_UP)


@dataclass(frozen=True)
class Since:
    """Which studies are looked at: those of the last ``days``, or from a ``date`` on, or all."""

    days: int | None = None
    date: datetime.date | None = None

    @property
    def words(self) -> str:
        """For people."""
        if self.days is not None:
            return f"studies of the last {self.days} days"
        return f"studies from {self.date} on" if self.date else "all studies"

    def filters(self, today: datetime.date) -> dict[str, str]:
        """For QIDO."""
        first = self.date
        if self.days is not None:
            first = today - datetime.timedelta(days=self.days)
        dated = {"StudyDate": f"{first:%Y%m%d}-"} if first else {}
        return {"ModalitiesInStudy": MR, **dated}


class Finder:
    """Asks the server and enters into the journal what is worth it."""

    def __init__(self, server: DicomWeb, journal: Journal, log: JobLog, since: Since) -> None:
        self._server, self._journal, self._log, self._since = server, journal, log, since
        self._odd: set[str] = set()

    def look(self, now: float) -> None:
        """One search. Raises as ``DicomWeb``, and OutputNotWritable."""
        today = datetime.datetime.fromtimestamp(now).astimezone().date()
        found = self._server.studies(self._since.filters(today))
        # In the order of time, so that of two visits that are both new the earlier is read first.
        for study in sorted(found, key=lambda one: one.date):
            if study.modalities and MR not in study.modalities:
                continue  # The server does not know the filter.
            try:
                self._look_at(study, now)
            except (OutputNotWritable, JournalError):
                raise
            except Exception as error:
                if isinstance(error, NetworkError) and not self._server.answers():
                    raise
                self._odd_one(study, error)

    def _odd_one(self, study: HeldStudy, error: Exception) -> None:
        """One study that cannot be looked at stops no other; it is tried at every search."""
        name = self._journal.hashed(study.uid)[:10]
        if name not in self._odd:
            self._log.warning("cannot be looked at: %s", plain_reason(type(error)), job=name)
        self._odd.add(name)

    def _look_at(self, study: HeldStudy, now: float) -> None:
        known = self._journal.find(study.uid)
        if known is None:
            self._meet(study, now)
        elif known.state in (State.WAITING, State.DELETED) or (
            known.state in CLOSED and study.instances != known.instances
        ):
            self._meet_again(study, known, now)

    def _meet(self, study: HeldStudy, now: float) -> None:
        series = self._server.series(study.uid)
        fit = self._fit(study, series)
        job = self._journal.add(
            study.uid,
            study.patient,
            State.WAITING if fit.fits else State.NO_FIT,
            now=now,
            content=self._content(study.uid, series),
            instances=study.instances,
            reason=fit.reason,
        )
        said = "new, fits" if fit.fits else "new, does not fit"
        self._log.info("%s: %s", said, fit.reason, job=job.job)

    def _meet_again(self, study: HeldStudy, known: Job, now: float) -> None:
        series = self._server.series(study.uid)
        content = self._content(study.uid, series)
        if content == known.content and known.state is not State.DELETED:
            # Nothing but documents has come, ours or those of others.
            if study.instances != known.instances:
                self._journal.update(known, now=now, instances=study.instances)
            return
        changes = {"content": content, "instances": study.instances, "changed": now}
        if known.state is State.WAITING:
            self._journal.update(known, now=now, **changes)
        elif known.state is State.STORED:
            self._journal.update(known, now=now, **changes)
            self._log.warning("has grown since it was read; it is not read again", job=known.job)
        else:
            fit = self._fit(study, series)
            state = State.WAITING if fit.fits else State.NO_FIT
            self._journal.update(
                known, now=now, **changes, state=state, reason=fit.reason, attempts=0, starts=0,
                next_try=0.0,
            )  # fmt: skip
            self._log.info("has changed on the server: %s", fit.reason, job=known.job)

    def _fit(self, study: HeldStudy, series: Sequence[HeldSeries]) -> Fit:
        return fit_of(
            study.description, series, lambda one: self._server.first_header(study.uid, one)
        )

    def _content(self, study: str, series: Sequence[HeldSeries]) -> str:
        """Hash of the MR series and their sizes: documents, ours too, do not change it."""
        sizes = {
            one.uid: one.instances
            if one.instances is not None
            else len(self._server.instances(study, one.uid))
            for one in series
            if one.modality == MR
        }
        return hashlib.sha256(repr(sorted(sizes.items())).encode()).hexdigest()[:32]
