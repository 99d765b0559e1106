"""A server that refuses, stumbles, breaks off or falls silent: tried by rule, told plainly."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from misbehaving import Answer, attribute, instance, listing, misbehaving

from marrowlight.errors import (
    AccessDenied,
    LimitExceeded,
    NotOnServer,
    ServerRefused,
    ServerUnreachable,
)
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.holdings import HeldInstance
from marrowlight.network.outgoing import Outgoing
from marrowlight.network.retry import Patience
from marrowlight.network.server import Login, Server
from marrowlight.study.limits import Limits

FILE = b"\0" * 128 + b"DICM" + b"pixels" * 50_000
ONE = HeldInstance("1.2", "1.2.3", "1.2.3.4")
STUDY = attribute("0020000D", "UI", "1.2")


def client(url: str, *, waits: list[float] | None = None, login: Login | None = None, **options):
    waits = [] if waits is None else waits
    server = Server(url, login or Login())
    return DicomWeb(server, patience=Patience(attempts=3), sleep=waits.append, **options)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessDenied), (403, AccessDenied), (400, ServerRefused)]
)
def test_what_will_not_pass_is_not_tried_again(status, kind):
    with misbehaving(lambda path, before: Answer(status)) as server:
        with pytest.raises(kind, match=str(status)):
            client(server.url).studies()
        assert server.times() == 1


def test_a_missing_instance_is_not_tried_again(tmp_path):
    with misbehaving(lambda path, before: Answer(404)) as server:
        with pytest.raises(NotOnServer):
            client(server.url).fetch(ONE, tmp_path / "one.dcm")
        assert server.times() == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_may_pass_is_tried_again_after_growing_waits(status):
    waits: list[float] = []

    def answer(path, before):
        fine = listing(STUDY) if "offset=0" in path else listing()
        return Answer(status) if before < 2 and "offset=0" in path else fine

    with misbehaving(answer) as server:
        found = client(server.url, waits=waits).studies()
    assert [one.uid for one in found] == ["1.2"]
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0


def test_a_server_that_asks_for_a_pause_gets_it():
    waits: list[float] = []

    def answer(path, before):
        return listing() if before else Answer(429, headers={"Retry-After": "17"})

    with misbehaving(answer) as server:
        client(server.url, waits=waits).studies()
    assert waits == [17.0]


def test_an_error_that_stays_says_how_often_it_was_tried():
    with misbehaving(lambda path, before: Answer(500)) as server:
        with pytest.raises(ServerRefused, match=r"500.*tried 3 times"):
            client(server.url).studies()
        assert server.times() == 3


@pytest.mark.parametrize("half", ["half", "no closing boundary"])
def test_half_a_file_is_fetched_again_and_never_kept(half, tmp_path):
    whole = instance(FILE)
    broken = instance(FILE, closed=False)
    if half == "half":
        broken = Answer(200, whole.body, whole.headers, half=True)
    place = tmp_path / "one.dcm"
    with misbehaving(lambda path, before: whole if before else broken) as server:
        assert client(server.url).fetch(ONE, place) == len(FILE)
    assert place.read_bytes() == FILE
    assert list(tmp_path.iterdir()) == [place]
    with misbehaving(lambda path, before: broken) as server:
        with pytest.raises(ServerUnreachable, match="broke off"):
            client(server.url).fetch(ONE, tmp_path / "two.dcm")
        assert server.times() == 3
    assert list(tmp_path.iterdir()) == [place]


def test_silence_ends_in_an_error(monkeypatch):
    monkeypatch.setattr("marrowlight.network.dicomweb.SILENCE_S", 0.2)
    start = time.monotonic()
    with (
        misbehaving(lambda path, before: Answer(silent=True)) as server,
        pytest.raises(ServerUnreachable, match="said nothing"),
    ):
        client(server.url).studies()
    assert time.monotonic() - start < 3


def test_nobody_there():
    with misbehaving(lambda path, before: Answer()) as server:
        url = server.url
    waits: list[float] = []
    with pytest.raises(ServerUnreachable, match="cannot be reached") as told:
        client(url, waits=waits).studies()
    assert len(waits) == 2
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
        Answer(200, b"[" * 100_000, {"Content-Type": "application/json"}),
        Answer(200, b'{"error"', {"Content-Type": "application/json"}),
    ],
)
def test_an_answer_that_is_no_dicomweb(answer):
    with (
        misbehaving(lambda path, before: answer) as server,
        pytest.raises(ServerRefused, match="no DICOM"),
    ):
        client(server.url).studies()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
        instance(b"<html>" * 100),
        instance(b""),
        instance(FILE + b"\r\n--mark\r\n\r\n" + FILE),
        Answer(200, b"x" * 200_000, instance(b"").headers),
    ],
)
def test_what_comes_in_place_of_a_file_is_not_kept(answer, tmp_path):
    with misbehaving(lambda path, before: answer) as server, pytest.raises(ServerRefused):
        client(server.url).fetch(ONE, tmp_path / "one.dcm")
    assert not list(tmp_path.iterdir())


def test_a_file_larger_than_allowed_is_cut_short(tmp_path):
    with misbehaving(lambda path, before: instance(FILE)) as server, pytest.raises(LimitExceeded):
        client(server.url, limits=Limits(file_bytes=10_000)).fetch(ONE, tmp_path / "one.dcm")
    assert not list(tmp_path.iterdir())


def test_odd_entries_of_a_list_are_left_out():
    odd = [{}, {"0020000D": 5}, attribute("0020000D", "UI", "../../etc"), STUDY]
    answers = {True: listing(*odd), False: listing()}
    with misbehaving(lambda path, before: answers["offset=0" in path]) as server:
        assert [one.uid for one in client(server.url).studies()] == ["1.2"]


def test_a_server_that_repeats_its_list_for_ever_is_asked_twice():
    with misbehaving(lambda path, before: listing(STUDY)) as server:
        assert len(client(server.url).studies()) == 1
        assert server.times() == 2


def test_credentials_never_go_to_another_address():
    login = Login(token="secret")
    with (
        misbehaving(lambda path, before: listing()) as other,
        misbehaving(lambda path, before: Answer(302, headers={"Location": other.url})) as server,
    ):
        with pytest.raises(ServerRefused, match="another address"):
            client(server.url, login=login).studies()
        assert server.asked[0][2]["Authorization"] == "Bearer secret"
        assert other.asked == []


def test_a_user_and_a_password_are_sent_as_basic(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with misbehaving(lambda path, before: listing()) as server:
        client(server.url, login=Login(user="jürgen", password="geheim")).studies()
    assert server.asked[0][2]["Authorization"] == "Basic asO8cmdlbjpnZWhlaW0="


def self_signed(folder):
    """A certificate for 127.0.0.1 that nobody vouches for, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    pem = folder / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=pacs", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", pem],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_bytes(pem.read_bytes() + (folder / "key.pem").read_bytes())
    return pem


def test_a_certificate_is_always_checked(tmp_path):
    pem = self_signed(tmp_path)
    login = Login(token="secret")
    with misbehaving(lambda path, before: listing(), pem=pem) as server:
        with pytest.raises(ServerRefused, match="certificate") as told:
            client(server.url, login=login).studies()
        assert "--ca-file" in str(told.value)
        assert server.asked == []
        trusting = Server(server.url, login, ca_file=pem)
        assert DicomWeb(trusting).studies() == []
        other = trusting.url.replace("127.0.0.1", "localhost")
        with pytest.raises(ServerRefused, match="certificate"):
            DicomWeb(Server(other, login, ca_file=pem)).studies()


def stored(tmp_path, answer: Answer):
    file = tmp_path / "seg.dcm"
    file.write_bytes(FILE)
    with misbehaving(lambda path, before: answer) as server:
        client(server.url).store(Outgoing(file, "1.2", "1.2.9"))
    return server


def test_what_is_stored_is_told(tmp_path):
    item = attribute("00081155", "UI", "1.2.9")
    fine = Answer(200, listing(attribute("00081199", "SQ", item)).body[1:-1])
    assert stored(tmp_path, fine).times() == 1


@pytest.mark.parametrize("status", [202, 409])
def test_what_the_server_does_not_store_is_told_with_its_reason(status, tmp_path):
    item = attribute("00081155", "UI", "1.2.9") | attribute("00081197", "US", 0xA700)
    full = Answer(status, listing(attribute("00081198", "SQ", item)).body[1:-1])
    with pytest.raises(ServerRefused, match="A700"):
        stored(tmp_path, full)
