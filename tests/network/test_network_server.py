"""Which server is meant, and whether credentials may travel to it."""

from __future__ import annotations

import pytest

from marrowlight.errors import UsageError
from marrowlight.network.server import PASSWORD, TOKEN, USER, server_at


def test_an_address_is_taken_without_its_last_slash():
    assert server_at(" https://pacs.example.org/dicom-web/ ", {}).url.endswith("org/dicom-web")


@pytest.mark.parametrize(
    "url",
    ["", "pacs", "ftp://pacs/x", "https://", "https://pacs:99999/", "https://pacs/x?token=abc",
     "https://pacs/a b", "https://pacs/x#y", "https://[::1/x", "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(url):
    with pytest.raises(UsageError) as told:
        server_at(url, {})
    assert "token=abc" not in str(told.value)


def test_a_password_in_the_address_is_refused_and_never_shown():
    with pytest.raises(UsageError, match=USER) as told:
        server_at("https://me:geheim@pacs.example.org/dicom-web", {})
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize("given", [{TOKEN: "abc"}, {USER: "me", PASSWORD: "geheim"}])
def test_credentials_do_not_travel_in_the_clear(given):
    with pytest.raises(UsageError, match="plain http"):
        server_at("http://pacs.example.org/dicom-web", given)
    assert server_at("https://pacs.example.org/dicom-web", given).login.given
    for here in ("127.0.0.1", "localhost", "[::1]"):
        assert server_at(f"http://{here}:8042/dicom-web", given).login.given


def test_plain_http_without_credentials_is_known_to_be_readable_by_all():
    assert server_at("http://pacs.example.org/dicom-web", {}).in_the_clear
    assert not server_at("http://127.0.0.1/dicom-web", {}).in_the_clear


@pytest.mark.parametrize(
    "given",
    [{TOKEN: "abc", USER: "me", PASSWORD: "x"}, {USER: "me"}, {PASSWORD: "x"},
     {TOKEN: "abc\r\nX-Evil: 1"}, {TOKEN: "Bearer abc"}, {USER: "me\n", PASSWORD: "x"}],
)  # fmt: skip
def test_credentials_that_cannot_be_meant(given):
    with pytest.raises(UsageError) as told:
        server_at("https://pacs.example.org/dicom-web", given)
    assert "abc" not in str(told.value)


def test_credentials_are_in_no_representation():
    server = server_at("https://pacs.example.org/x", {USER: "me", PASSWORD: "geheim"})
    assert "geheim" not in repr(server)


def test_certificates_that_are_not_there(tmp_path):
    (tmp_path / "key.pem").touch()
    with pytest.raises(UsageError, match="no file"):
        server_at("https://pacs.example.org", {}, ca_file=tmp_path / "ca.pem")
    with pytest.raises(UsageError, match="without its certificate"):
        server_at("https://pacs.example.org", {}, client_key=tmp_path / "key.pem")
