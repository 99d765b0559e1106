"""The health endpoint and the log: for machines and people, and of nobody."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest

from marrowlight.errors import UsageError
from marrowlight.network.health import health_at
from marrowlight.network.log import open_log


def ask(port: int, path: str = "/health"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_health_is_told_while_the_service_runs():
    now = {"ok": True, "studies": {"stored": 3}}
    with health_at(0, lambda: now) as port:
        assert ask(port) == (200, now)
        now = {"ok": False, "server_reachable": False}
        assert ask(port) == (503, now)
        assert ask(port, "/etc/passwd")[0] == 404
    with pytest.raises(urllib.error.URLError):
        ask(port)


def test_health_is_told_to_this_machine_only():
    with health_at(0, dict) as port, socket.socket() as other:
        other.bind(("127.0.0.2", port))


def test_a_port_that_is_taken_is_told():
    with (
        health_at(0, dict) as port,
        pytest.raises(UsageError, match="No health can be told"),
        health_at(port, dict),
    ):
        pass


def test_a_log_line_is_for_people_or_for_machines(capsys):
    open_log(as_json=False, quiet=False).warning("failed (%s)", "SliceError", job="ab12")
    assert "WARNING job ab12: failed (SliceError)" in capsys.readouterr().err
    log = open_log(as_json=True, quiet=True)
    log.info("not told")
    log.error("two\nlines")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["text"] == "two\nlines"
