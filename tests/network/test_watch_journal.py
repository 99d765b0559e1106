"""The journal, its lock, and the rules: what survives, what is refused, what is kept of whom."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from marrowlight import errors
from marrowlight.network.journal import NAME, Journal, State
from marrowlight.network.lock import OnlyOne
from marrowlight.network.rules import Pace, Then, plain_reason, then


@pytest.fixture
def journal(tmp_path):
    with closing(Journal(tmp_path)) as one:
        yield one


def add(journal, uid="1.2.3", patient="PAT-1", state=State.WAITING, now=10.0):
    return journal.add(uid, patient, state, now=now, content="c", instances=3)


def test_a_study_goes_through_its_states_and_each_is_noted_with_its_time(journal):
    job = add(journal)
    job = journal.update(job, now=20.0, state=State.PULLED)
    job = journal.update(job, now=30.0, attempts=1, reason="SliceError")
    assert job.state is State.PULLED
    assert [(e["at"], e["state"], e["attempts"]) for e in journal.events()] == [
        (10.0, "waiting", 0), (20.0, "pulled", 0), (30.0, "pulled", 1),
    ]  # fmt: skip
    assert journal.counts()["pulled"] == 1


def test_what_is_written_is_there_when_it_is_opened_again(tmp_path):
    with closing(Journal(tmp_path)) as one:
        job = add(one)
    with closing(Journal(tmp_path)) as one:
        assert one.find("1.2.3") == job


def test_it_is_private_and_holds_of_the_patient_a_salted_hash_only(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    hashes = []
    for folder in folders:
        folder.mkdir()
        with closing(Journal(folder)) as one:
            hashes.append(add(one, patient="PAT-4711").patient)
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
        assert b"4711" not in (folder / NAME).read_bytes()
    assert hashes[0] != hashes[1]


def test_a_patient_is_known_again_however_the_id_is_written(journal):
    first, second = add(journal, "1", " pat 1"), add(journal, "2", "PAT  1 ")
    assert first.patient == second.patient
    assert add(journal, "3", "").patient == ""


def test_readings_of_one_patient_are_found_and_those_of_nobody_are_not(journal):
    old, new = add(journal, "1", "A", State.STORED), add(journal, "2", "A")
    add(journal, "3", "B", State.STORED)
    add(journal, "4", "", State.STORED)
    assert journal.read_before(new) == [old]
    assert journal.read_before(add(journal, "5", "")) == []


def test_due_is_what_has_work_left_and_need_not_wait(journal):
    first = add(journal, "1")
    add(journal, "2", state=State.STORED)
    later = journal.update(add(journal, "3"), now=0.0, next_try=100.0)
    assert journal.due(50.0) == [first]
    assert journal.due(100.0) == [first, later]


def test_a_full_disk_is_told_and_changes_nothing(journal):
    job = add(journal)
    pages = journal._rows.execute("PRAGMA page_count").fetchone()[0]
    journal._rows.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(errors.OutputNotWritable, match="full"):
        journal.update(job, now=1.0, state=State.READ, reason="x" * 100_000)
    journal._rows.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert journal.find("1.2.3") == job
    assert journal.update(job, now=1.0, state=State.READ).state is State.READ


@pytest.mark.parametrize(
    "content", [b"no data base at all " * 100, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_damaged_journal_is_refused_and_left_as_it_is(content, tmp_path):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(errors.JournalError, match="cannot be used"):
        Journal(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_journal_of_a_later_version_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / NAME)) as one:
        one.execute("PRAGMA user_version = 99")
    with pytest.raises(errors.JournalError, match="version 99"):
        Journal(tmp_path)


def test_two_services_on_one_journal_are_refused_until_the_first_is_dead(tmp_path):
    code = (
        "import sys, pathlib; from marrowlight.network.lock import OnlyOne\n"
        "with OnlyOne(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with first:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(errors.JournalInUse, match="Another service"), OnlyOne(tmp_path):
            pass
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    with OnlyOne(tmp_path):
        pass


@pytest.mark.parametrize(
    ("kind", "answers", "there", "expected"),
    [
        (errors.ServerUnreachable, False, True, Then.WAIT_FOR_SERVER),
        (errors.AccessDenied, False, True, Then.WAIT_FOR_SERVER),
        (errors.ServerRefused, True, True, Then.AGAIN),
        (errors.ServerUnreachable, True, True, Then.AGAIN),
        (errors.AccessDenied, True, True, Then.GIVE_UP),
        (errors.NotOnServer, True, False, Then.DELETED),
        (errors.NotOnServer, True, True, Then.AGAIN),
        (errors.OutputNotWritable, True, True, Then.WAIT_FOR_DISK),
        (errors.NotThisJoint, True, True, Then.NO_FIT),
        (errors.SliceError, True, True, Then.GIVE_UP),
        (errors.LimitExceeded, True, True, Then.AGAIN),
        (errors.DocumentError, True, True, Then.AGAIN),
        (errors.MarrowlightError, True, True, Then.AGAIN),
        (KeyError, True, True, Then.AGAIN),
    ],
)
def test_what_follows_from_a_failure(kind, answers, there, expected):
    assert then(kind, server_answers=answers, still_there=there) is expected


def test_a_reason_is_in_our_own_words():
    assert plain_reason(errors.BonesNotFound).startswith("BonesNotFound: No bone of the joint")
    assert plain_reason(KeyError) == "a fault of Marrowlight (KeyError)"


def test_waits_grow_up_to_a_limit():
    pace = Pace(first_s=60, most_s=3600)
    assert [pace.wait_s(n) for n in (1, 2, 3, 4, 5)] == [60, 240, 960, 3600, 3600]
