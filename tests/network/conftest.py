"""A real Orthanc, in a network of nothing but loopback."""

from __future__ import annotations

import pytest

from benchmarks.orthanc import own_network, running, why_not


@pytest.fixture(scope="session")
def _server_can_run() -> None:
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def orthanc(_server_can_run, tmp_path_factory):
    """One server for the tests of a file."""
    with own_network(), running(tmp_path_factory.mktemp("orthanc") / "server") as server:
        yield server


@pytest.fixture
def guarded(_server_can_run, tmp_path):
    """A server that asks who is there: user "reader", password "geheim"."""
    with own_network(), running(tmp_path / "server", password="geheim") as server:
        yield server
