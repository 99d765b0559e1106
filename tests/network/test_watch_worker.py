"""The process that works on one study: its limits, its end, and what it is not given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from marrowlight import errors
from marrowlight.network.server import TOKEN
from marrowlight.network.work import IMAGES, OUTCOME, attempt
from marrowlight.network.worker import Worker, WorkLimits, outcome_in
from marrowlight.study.limits import GIB


@pytest.fixture
def job(tmp_path):
    (tmp_path / IMAGES).mkdir()
    return tmp_path


def ended(worker: Worker):
    while (outcome := worker.outcome()) is None:
        time.sleep(0.05)
    return outcome


def test_an_error_is_heard_of_by_its_kind_and_kept_with_its_text(job):
    assert ended(Worker(job, [], WorkLimits())).failed is errors.NoImages
    assert outcome_in(job).failed is errors.NoImages
    assert "No MR image" in (job / OUTCOME).read_text()


def test_a_fault_of_ours_is_heard_of_without_its_message(job, monkeypatch):
    monkeypatch.setattr("marrowlight.network.work.work_on", lambda *_: {}["Doe^Jane"])
    assert attempt(job, []) == 0
    assert outcome_in(job).why == "a fault of Marrowlight (KeyError)"
    assert "test_watch_worker.py" in (job / OUTCOME).read_text()
    assert "Error" not in json.loads((job / OUTCOME).read_text())["text"].splitlines()[-1]


def test_too_long_and_too_much_memory_are_told_apart_from_a_crash(job):
    late = ended(Worker(job, [], WorkLimits(seconds=0.01)))
    assert late.failed is errors.LimitExceeded
    assert "longer than 0.01 s" in late.why
    starved = ended(Worker(job, [], WorkLimits(memory_bytes=GIB // 16)))
    assert starved.done is None
    assert starved.why


def test_what_a_crash_left_of_an_earlier_outcome_does_not_count(job):
    (job / OUTCOME).write_text('{"done": {}}')
    assert ended(Worker(job, [], WorkLimits(seconds=0.01))).done is None


def test_it_gets_no_credentials(job, monkeypatch):
    monkeypatch.setenv(TOKEN, "secret-token")
    seen = {}

    class Watched(subprocess.Popen):
        def __init__(self, *words, env, **options):
            seen.update(env)
            super().__init__(*words, env=env, **options)

    monkeypatch.setattr("marrowlight.network.worker.subprocess.Popen", Watched)
    Worker(job, [], WorkLimits()).stop()
    assert "secret-token" not in seen.values()
    assert seen["TMPDIR"].startswith(str(job))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_the_service_however_that_ends(job):
    code = (
        "import sys, time, pathlib\n"
        "from marrowlight.network.worker import Worker, WorkLimits\n"
        "one = Worker(pathlib.Path(sys.argv[1]), [], WorkLimits())\n"
        "print(one._process.pid, flush=True); time.sleep(60)"
    )
    # Held by us, the folder keeps the process waiting.
    from marrowlight.network.lock import OnlyOne

    with (
        OnlyOne(job),
        subprocess.Popen([sys.executable, "-c", code, job], stdout=subprocess.PIPE) as service,
    ):
        pid = int(service.stdout.readline())
        time.sleep(0.5)
        os.kill(pid, 0)
        service.send_signal(signal.SIGKILL)
        service.wait()
        end = time.monotonic() + 20
        while time.monotonic() < end and runs(pid):
            time.sleep(0.1)
        assert not runs(pid)


def runs(pid: int) -> bool:
    """Whether a process is there; one that nobody has waited for is not."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
