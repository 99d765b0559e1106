"""Pull and push against a real Orthanc, as a user would."""

from __future__ import annotations

import json

import pytest
from pydicom import dcmread

from marrowlight.errors import LimitExceeded, NotOnServer, OutputNotWritable
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.outgoing import outgoing
from marrowlight.network.pull import pull_study
from marrowlight.network.push import push_files
from marrowlight.network.server import PASSWORD, TOKEN, USER, Server
from marrowlight.study.limits import Limits
from tests.cli.running import run_cli


@pytest.fixture
def client(orthanc):
    return DicomWeb(Server(orthanc.url))


@pytest.fixture
def sent(client, orthanc, small_exam):
    """The UID of a study that the server holds; gone after the test."""
    files = outgoing([small_exam.dicom])
    push_files(client, files)
    yield files[0].study
    orthanc.delete_study(files[0].study)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_pulled_is_what_was_pushed_byte_by_byte(client, sent, small_exam, tmp_path):
    pulled = pull_study(client, sent, tmp_path)
    assert set(contents(tmp_path).values()) == set(contents(small_exam.dicom).values())
    assert pulled.files == len(contents(small_exam.dicom))
    assert len(list(pulled.folder.iterdir())) == 2, "a folder for each series"


def test_names_of_what_is_pulled_say_nothing(client, sent, small_exam, tmp_path):
    pull_study(client, sent, tmp_path)
    first = dcmread(next(iter(small_exam.dicom.rglob("*.dcm"))))
    names = " ".join(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*"))
    for word in (sent, first.SOPInstanceUID, first.PatientID, "Phantom", first.StudyDate):
        assert str(word) not in names


def test_a_pull_that_is_cut_off_goes_on_where_it_was(client, sent, small_exam, tmp_path):
    def cut(done: int, of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull_study(client, sent, tmp_path, told=cut)
    assert len(contents(tmp_path)) == 5
    assert pull_study(client, sent, tmp_path).skipped == 5
    assert set(contents(tmp_path).values()) == set(contents(small_exam.dicom).values())


def test_what_an_earlier_try_left_half_written_is_removed(client, sent, tmp_path):
    pulled = pull_study(client, sent, tmp_path)
    series = next(pulled.folder.iterdir())
    whole = sorted(p.name for p in series.iterdir())
    (series / ".marrowlight-left").write_bytes(b"half")
    (series / whole[0]).unlink()
    pull_study(client, sent, tmp_path)
    assert sorted(p.name for p in series.iterdir()) == whole


def test_a_study_that_is_not_there(client, tmp_path):
    with pytest.raises(NotOnServer, match="no images"):
        pull_study(client, "1.2.3", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_study_larger_than_allowed_is_not_pulled(orthanc, sent, tmp_path):
    for limits in (Limits(files=3), Limits(total_bytes=100_000), Limits(file_bytes=1000)):
        with pytest.raises(LimitExceeded):
            pull_study(DicomWeb(Server(orthanc.url), limits=limits), sent, tmp_path)


def test_a_full_disk_leaves_nothing_half_written(client, sent, tmp_path, monkeypatch):
    monkeypatch.setattr("marrowlight.network.pull.ROOM_BYTES", 10**18)
    with pytest.raises(OutputNotWritable, match="disk is full"):
        pull_study(client, sent, tmp_path)
    assert not contents(tmp_path)


def test_only_the_modalities_that_are_asked_for(client, sent, tmp_path):
    assert pull_study(client, sent, tmp_path, modalities=("MR",)).files
    with pytest.raises(NotOnServer, match="SEG"):
        pull_study(client, sent, tmp_path, modalities=("SEG",))


def test_what_the_server_holds_is_not_stored_again(client, sent, small_exam):
    files = outgoing([small_exam.dicom, *small_exam.dicom.rglob("*.dcm")])
    again = push_files(client, files)
    assert (again.stored, again.held) == (0, len(files))


def test_the_command_line_from_list_to_pull_to_read(orthanc, sent, tmp_path, capsys):
    at = ("--dicomweb", orthanc.url)
    listed = run_cli(capsys, "pull", *at, "--list", "--since", "all", "--json")
    found = json.loads(listed.out)["studies"]
    assert [(one["study"], one["fits"]) for one in found] == [(sent, True)]
    assert "yes" in run_cli(capsys, "pull", *at, "--list", "--since", "2000-01-01").out
    assert "--since all" in run_cli(capsys, "pull", *at, "--list").out
    done = run_cli(capsys, "pull", *at, "--study", sent, "-o", tmp_path / "exam", "--json")
    assert done.code == 0
    folder = json.loads(done.out)["studies"][0]["folder"]
    assert run_cli(capsys, "inspect", folder).code == 0
    pushed = run_cli(capsys, "push", folder, *at)
    assert pushed.code == 0
    assert "were there already" in pushed.out


def test_mistakes_at_the_command_line(orthanc, tmp_path, capsys, exam):
    at = ("--dicomweb", orthanc.url)
    for code, text, arguments in (
        (2, "Nothing says what to pull", ("pull", *at)),
        (2, "Nothing says what to pull", ("pull", *at, "--study", "1.2")),
        (2, "two things", ("pull", *at, "--study", "1.2", "--list", "-o", tmp_path)),
        (2, "no Study Instance UID", ("pull", *at, "--study", "knee", "-o", tmp_path)),
        (2, "no time to look back", ("pull", *at, "--list", "--since", "yesterday")),
        (1, "check the UID", ("pull", *at, "--study", "1.2", "-o", tmp_path)),
        (1, "dicom-web", ("pull", "--dicomweb", orthanc.url[:-10], "--list")),
        (2, "no file or folder", ("push", tmp_path / "none", *at)),
        (3, "no DICOM file", ("push", exam.nifti, *at)),
        (1, "dicom-web", ("watch", "--dicomweb", orthanc.url[:-10], "--state", tmp_path / "s")),
        (2, "--since", ("watch", *at, "--state", tmp_path / "s", "--since", "x")),
        (2, "holds other things", ("watch", *at, "--state", exam.folder)),
    ):
        seen = run_cli(capsys, *arguments)
        assert (seen.code, text in seen.err) == (code, True), (arguments, seen)
        assert "Traceback" not in seen.err


def test_a_damaged_file_is_named_and_nothing_is_pushed(orthanc, exam, capsys, client):
    files = sorted(exam.dicom.rglob("*.dcm"))
    study = str(dcmread(files[0]).StudyInstanceUID)
    files[3].write_bytes(files[3].read_bytes()[:140])
    seen = run_cli(capsys, "push", exam.dicom, "--dicomweb", orthanc.url)
    assert seen.code == 3
    assert files[3].name in seen.err
    assert client.instances(study) == []


def test_credentials_come_from_the_environment_and_are_never_shown(guarded, capsys, monkeypatch):
    ask = ("pull", "--dicomweb", guarded.url, "--list")
    refused = run_cli(capsys, *ask)
    assert refused.code == 1
    assert "401" in refused.err
    assert USER in refused.err
    monkeypatch.setenv(USER, "reader")
    monkeypatch.setenv(PASSWORD, "geheim")
    assert run_cli(capsys, *ask).code == 0
    monkeypatch.setenv(PASSWORD, "falsch")
    refused = run_cli(capsys, *ask)
    assert "401" in refused.err
    assert "falsch" not in refused.err + refused.out
    monkeypatch.setenv(TOKEN, "abc")
    assert run_cli(capsys, *ask).code == 2
