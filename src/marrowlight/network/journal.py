"""The journal of the service: which study is how far. Survives kill -9 and loss of power."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from marrowlight.errors import JournalError, OutputNotWritable
from marrowlight.report.atomic import PRIVATE, explained

NAME = "journal.sqlite"
VERSION = 1
"""Of the tables; kept in ``PRAGMA user_version``."""

TABLES = """
CREATE TABLE secret (salt BLOB NOT NULL);
CREATE TABLE study (
    number INTEGER PRIMARY KEY,
    job TEXT NOT NULL UNIQUE, uid TEXT NOT NULL UNIQUE, patient TEXT NOT NULL,
    joint TEXT NOT NULL DEFAULT '', side TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, starts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0,
    content TEXT NOT NULL, instances INTEGER, changed REAL NOT NULL
);
CREATE INDEX study_by_state ON study (state);
CREATE INDEX study_by_patient ON study (patient);
CREATE TABLE event (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, reason TEXT NOT NULL
);
"""


class State(StrEnum):
    """How far a study is."""

    WAITING = "waiting"
    """It fits, and may still grow."""
    PULLED = "pulled"
    """Its images are here."""
    READ = "read"
    """Its documents are made."""
    STORED = "stored"
    """The server holds its documents."""
    NO_FIT = "does_not_fit"
    GIVEN_UP = "given_up"
    DELETED = "deleted"
    """The server does not hold it any more."""


OPEN = (State.WAITING, State.PULLED, State.READ)
"""States with work left."""


@dataclass(frozen=True)
class Job:
    """A study in the journal.

    Parameters
    ----------
    number : int
        In the order in which studies were met.
    job : str
        Short name for logs and folders; says nothing about the patient.
    uid : str
        Study Instance UID. Identifying.
    patient : str
        Salted hash of the patient id; empty if there is none.
    joint, side : str
        As it was read; empty before.
    state : State
    reason : str
        Why it was given up, does not fit, or failed last.
    attempts, starts : int
        Failures so far; how often reading was begun without an outcome.
    next_try : float
        Not before this time. s since the epoch.
    content : str
        Hash of its MR series and their sizes.
    instances : int or None
        Of all kinds, when it was last looked at.
    changed : float
        When ``content`` was last seen to change. s since the epoch.
    """

    number: int
    job: str
    uid: str
    patient: str
    joint: str
    side: str
    state: State
    reason: str
    attempts: int
    starts: int
    next_try: float
    content: str
    instances: int | None
    changed: float


_COLUMNS = ", ".join(one.name for one in fields(Job))


class Journal:
    """One SQLite file, written by one process. Every change is on the disk when a call returns.

    Raises JournalError on opening if the file is damaged or of a later version; every call raises
    OutputNotWritable when the disk is full, and then nothing has changed.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        with explained(folder):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
        self._folder = folder
        self._rows = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            with self._explained():
                self._rows.execute("PRAGMA journal_mode = DELETE")
                self._rows.execute("PRAGMA synchronous = FULL")
                self._make()
                self._salt = bytes(self._rows.execute("SELECT salt FROM secret").fetchone()[0])
        except BaseException:
            self._rows.close()
            raise

    def _make(self) -> None:
        version = self._rows.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            return
        if version:
            raise JournalError(
                f"The journal is of version {version}.",
                where=self._folder / NAME,
                expected=f"version {VERSION}",
                do="use the Marrowlight that wrote it, or another folder with --state",
            )
        with self._changing():
            for one in TABLES.split(";"):
                self._rows.execute(one)
            self._rows.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
            self._rows.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Nothing is lost without it."""
        self._rows.close()

    def hashed(self, text: str) -> str:
        """A hash that cannot be traced without this journal; empty for no text."""
        plain = " ".join(text.lower().split())
        return hmac.new(self._salt, plain.encode(), hashlib.sha256).hexdigest() if plain else ""

    def add(
        self, uid: str, patient: str, state: State, *, now: float, content: str,
        instances: int | None, reason: str = "",
    ) -> Job:  # fmt: skip
        """Enter a study that was not known. patient : its id, of which only the hash is kept."""
        job = self.hashed(uid)[:10]
        with self._explained(), self._changing():
            self._rows.execute(
                "INSERT INTO study (job, uid, patient, state, reason, content, instances, changed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (job, uid, self.hashed(patient), state, reason, content, instances, now),
            )
            self._note(job, now)
        return self._one("job", job)

    def update(self, job: Job, *, now: float, **values: Any) -> Job:
        """Change fields of a study; a change of state, or a failure, is noted with its time."""
        names = ", ".join(f"{name} = ?" for name in values)
        with self._explained(), self._changing():
            self._rows.execute(
                f"UPDATE study SET {names} WHERE job = ?",  # noqa: S608 (names are ours)
                (*values.values(), job.job),
            )
            if "state" in values or "reason" in values:
                self._note(job.job, now)
        return self._one("job", job.job)

    def find(self, uid: str) -> Job | None:
        """The study of a UID, if it is known."""
        return next(self._jobs("WHERE uid = ?", uid), None)

    def due(self, now: float) -> list[Job]:
        """Studies with work left that may be tried now, in the order in which they were met."""
        marks = ", ".join("?" * len(OPEN))
        where = f"WHERE state IN ({marks}) AND next_try <= ? ORDER BY number"
        return list(self._jobs(where, *OPEN, now))

    def read_before(self, job: Job) -> list[Job]:
        """Studies of the same patient whose readings are there, the latest first."""
        if not job.patient:
            return []
        where = "WHERE patient = ? AND job != ? AND state IN (?, ?) ORDER BY number DESC"
        return list(self._jobs(where, job.patient, job.job, State.READ, State.STORED))

    def counts(self) -> dict[str, int]:
        """How many studies are in each state."""
        with self._explained():
            rows = dict(self._rows.execute("SELECT state, count(*) FROM study GROUP BY state"))
        return {state.value: int(rows.get(state.value, 0)) for state in State}

    def all(self) -> list[Job]:
        """Every study, in the order in which they were met."""
        return list(self._jobs("ORDER BY number"))

    def events(self) -> list[Mapping[str, Any]]:
        """Every change of state with its time: at, job, state, attempts, reason."""
        names = ("at", "job", "state", "attempts", "reason")
        with self._explained():
            rows = self._rows.execute(
                f"SELECT {', '.join(names)} FROM event ORDER BY number"  # noqa: S608
            ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _note(self, job: str, now: float) -> None:
        self._rows.execute(
            "INSERT INTO event (at, job, state, attempts, reason)"
            " SELECT ?, job, state, attempts, reason FROM study WHERE job = ?",
            (now, job),
        )

    def _one(self, column: str, value: str) -> Job:
        return next(self._jobs(f"WHERE {column} = ?", value))

    def _jobs(self, where: str, *values: Any) -> Iterator[Job]:
        with self._explained():
            rows = self._rows.execute(
                f"SELECT {_COLUMNS} FROM study {where}",  # noqa: S608 (texts are ours)
                values,
            ).fetchall()
        for row in rows:
            named = dict(zip((one.name for one in fields(Job)), row, strict=True))
            yield Job(**{**named, "state": State(named["state"])})

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """All of the block, or nothing of it."""
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._rows.in_transaction:  # SQLite itself takes it back when the disk is full.
                self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
            if full:
                raise OutputNotWritable(
                    "The disk is full: the journal cannot be written.",
                    where=self._folder,
                    do="free some space; the service goes on by itself",
                ) from None
            raise JournalError(
                f"The journal cannot be used ({error}).",
                where=self._folder / NAME,
                expected="the journal of `marrowlight watch`, undamaged",
                do="look at the disk and the permissions; if it is damaged, restore it from a "
                "backup or move it away: what the server holds already is not stored twice",
            ) from None
