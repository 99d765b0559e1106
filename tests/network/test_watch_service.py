"""The service by its rules: with a server in memory, and work that takes no time."""

from __future__ import annotations

import pytest
from pretended import DOCUMENTS, DONE, Kept, Killed, Scene

from marrowlight import errors
from marrowlight.network.rules import Pace
from marrowlight.network.worker import Outcome

ALL_ONCE = dict.fromkeys(DOCUMENTS, 1)


@pytest.fixture
def scene(tmp_path, monkeypatch):
    return Scene(tmp_path, monkeypatch)


def test_a_study_that_fits_is_read_and_its_documents_are_stored(scene):
    scene.server.kept["1"] = Kept()
    health = scene.run().health
    assert scene.states() == {"1": "stored"}
    assert scene.server.kept["1"].documents == ALL_ONCE
    assert health["ok"] is True
    assert health["studies"]["stored"] == 1
    assert not list(scene.folder.glob("jobs/*/images"))


def test_killed_at_every_moment_everything_is_stored_exactly_once(tmp_path, monkeypatch):
    """For every n: killed at the n-th thing that touches the world, and started again."""
    survived = False
    for n in range(200):
        folder = tmp_path / str(n)
        folder.mkdir()
        scene = Scene(folder, monkeypatch)
        scene.server.kept = {"1": Kept(images=1), "2": Kept(patient="B", images=1)}
        left = n

        def blow(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        scene.server.hook = scene.work.hook = blow
        try:
            scene.run()
            survived = left > 0
        except Killed:
            scene.run()
        assert scene.states() == {"1": "stored", "2": "stored"}, n
        assert all(one.documents == ALL_ONCE for one in scene.server.kept.values()), n
        if survived:
            break
    assert n > 20
    assert survived


def test_our_own_documents_make_no_study_new_or_changed(scene):
    scene.server.kept["1"] = Kept()
    scene.run()
    began = list(scene.work.began)
    scene.run()
    assert scene.work.began == began
    assert not [line for line in scene.lines if "grown" in line or "changed" in line]
    assert scene.server.kept["1"].documents == ALL_ONCE


def test_a_study_that_grows_is_waited_for(scene, monkeypatch):
    scene = Scene(scene.folder, monkeypatch, settle_s=500.0)
    scene.server.kept["1"] = Kept(images=3)
    scene.run()
    scene.clock.now += 400
    scene.server.kept["1"].images = 9
    scene.run()
    scene.clock.now += 400
    scene.run()
    assert scene.states() == {"1": "waiting"}
    scene.clock.now += 400
    scene.run()
    assert scene.states() == {"1": "stored"}
    assert "pulled 9 images" in scene.lines


def test_a_study_that_grows_after_it_was_read_is_told_and_not_read_again(scene):
    scene.server.kept["1"] = Kept()
    scene.run()
    scene.server.kept["1"].images = 30
    scene.run()
    scene.run()
    assert len(scene.work.began) == 1
    assert sum("has grown since" in line for line in scene.lines) == 1


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (Kept(description="MR brain"), "another part of the body"),
        (Kept(series="sag T1"), "without a fluid-sensitive series"),
        (Kept(description="MR", series="sag PD FS"), "no tag or name says which joint"),
    ],
)
def test_what_does_not_fit_is_not_pulled(scene, kept, why):
    scene.server.kept["1"] = kept
    scene.run()
    assert scene.states() == {"1": "does_not_fit"}
    assert why in scene.reasons()["1"]
    assert scene.work.began == []


def test_what_did_not_fit_is_looked_at_again_when_it_changes(scene):
    scene.server.kept["1"] = Kept(series="localizer")
    scene.run()
    scene.server.kept["1"].series, scene.server.kept["1"].images = "sag STIR", 20
    scene.run()
    assert scene.states() == {"1": "stored"}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (errors.SliceError, "given_up"),
        (errors.UnreadableFile, "given_up"),
        (errors.BonesNotFound, "given_up"),
        (errors.NotThisJoint, "does_not_fit"),
        (errors.NoFluidSensitiveSeries, "does_not_fit"),
    ],
)
def test_one_bad_study_is_ended_at_once_and_the_rest_goes_on(scene, kind, state):
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B"), "3": Kept(patient="C")}
    scene.work.ends = lambda folder: Outcome(failed=kind) if len(scene.work.began) == 2 else DONE
    scene.run()
    assert list(scene.states().values()) == ["stored", state, "stored"]
    assert scene.reasons()["2"].startswith(kind.__name__)
    assert len(scene.work.began) == 3


def test_a_crash_is_tried_again_with_growing_waits_and_then_given_up(scene, monkeypatch):
    scene = Scene(scene.folder, monkeypatch, pace=Pace(attempts=3, first_s=100.0))
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B")}
    scene.work.ends = lambda folder: (
        Outcome(why="the process that reads it ended abnormally (code -11)")
        if folder.name == scene.work.began[0][0]
        else DONE
    )
    scene.run()
    assert scene.states() == {"1": "pulled", "2": "stored"}
    for wait, state in ((100, "pulled"), (400, "given_up")):
        scene.clock.now += wait - 60
        before = len(scene.work.began)
        scene.run()
        assert len(scene.work.began) == before, "it waits"
        scene.clock.now += 60
        scene.run()
        assert scene.states()["1"] == state
    assert "code -11" in scene.reasons()["1"]


def test_many_bad_studies_that_wait_for_another_try_hold_up_no_good_one(scene, monkeypatch):
    scene = Scene(scene.folder, monkeypatch, pace=Pace(first_s=1e6, most_s=1e6))
    scene.server.kept = {str(n): Kept(patient=str(n), date=f"202601{n:02d}") for n in range(1, 11)}
    scene.work.ends = lambda folder: Outcome(why="crash") if len(scene.work.began) < 8 else DONE
    scene.run()
    assert list(scene.states().values()) == ["pulled"] * 7 + ["stored"] * 3


def test_a_crash_that_passes_leaves_nothing_behind(scene):
    scene.server.kept["1"] = Kept()
    ends = iter([Outcome(why="crash"), DONE])
    scene.work.ends = lambda folder: next(ends)
    scene.run()
    scene.clock.now += 3600
    scene.run()
    assert scene.states() == {"1": "stored"}
    assert scene.server.kept["1"].documents == ALL_ONCE


def test_a_study_that_ends_the_service_every_time_is_given_up(scene, monkeypatch):
    scene = Scene(scene.folder, monkeypatch, pace=Pace(starts=5))
    scene.server.kept["1"] = Kept()

    def die(what: str) -> None:
        if what == "work":
            raise Killed

    scene.work.hook = die
    for _ in range(5):
        with pytest.raises(Killed):
            scene.run()
    scene.run()
    assert scene.states() == {"1": "given_up"}


def test_a_server_that_goes_away_is_waited_for_and_counts_against_no_study(scene):
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B")}
    asked = 0

    def go_away(what: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 6:
            scene.server.down = errors.ServerUnreachable("The server cannot be reached.")
            back[0] = scene.clock.now + 300
        if scene.server.down and scene.clock.now > back[0]:
            scene.server.down = None

    back = [0.0]
    scene.server.hook = go_away
    scene.run()
    assert set(scene.states().values()) == {"stored"}
    away = [line for line in scene.lines if line.startswith("server: ")]
    assert len(away) == 2
    assert "cannot be reached" in away[0]
    assert "back again" in away[1]


@pytest.mark.parametrize("kind", [errors.AccessDenied, errors.NotOnServer, errors.ServerRefused])
def test_an_address_or_a_token_that_is_wrong_ends_the_service_at_its_start(scene, kind):
    scene.server.down = kind("wrong")
    with pytest.raises(kind):
        scene.run()


def test_a_study_deleted_while_it_is_read_is_noted_and_nothing_is_stored(scene):
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B")}

    def delete(what: str) -> None:
        if what == "worked":
            scene.server.kept.pop("1", None)

    scene.work.hook = delete
    scene.run()
    assert scene.states() == {"1": "deleted", "2": "stored"}
    assert any("deleted on the server; nothing was stored" in line for line in scene.lines)
    assert len(list(scene.folder.glob("jobs/*"))) == 1


def test_a_study_deleted_while_it_is_pulled(scene):
    scene.server.kept["1"] = Kept()

    def delete(what: str) -> None:
        if what == "fetch":
            scene.server.kept.clear()

    scene.server.hook = delete
    scene.run()
    assert scene.states() == {"1": "deleted"}


def test_a_study_that_comes_back_is_read(scene):
    scene.server.kept["1"] = Kept()
    scene.work.hook = lambda what: scene.server.kept.pop("1", None)
    scene.run()
    scene.work.hook = lambda what: None
    scene.server.kept["1"] = Kept()
    scene.run()
    assert scene.states() == {"1": "stored"}


def test_a_full_disk_is_waited_for(scene, monkeypatch):
    scene.server.kept["1"] = Kept()
    free = iter([10, 10, 10])

    class Usage:
        def __init__(self) -> None:
            self.free = next(free, 10**12)

    monkeypatch.setattr("marrowlight.network.pull.shutil.disk_usage", lambda folder: Usage())
    scene.run()
    assert scene.states() == {"1": "stored"}
    told = [line for line in scene.lines if line.startswith("disk: ")]
    assert len(told) == 2
    assert "The disk is full" in told[0]
    assert "back again" in told[1]


def test_no_room_for_the_work_is_no_fault_of_the_study(scene):
    scene.server.kept["1"] = Kept()
    ends = iter([Outcome(failed=errors.OutputNotWritable)] * 5)
    scene.work.ends = lambda folder: next(ends, DONE)
    scene.run()
    assert scene.states() == {"1": "stored"}


def test_a_later_visit_of_a_patient_is_read_after_the_earlier_and_given_it(scene, monkeypatch):
    scene = Scene(scene.folder, monkeypatch, workers=4)
    scene.server.kept = {
        "2": Kept(date="20260601"),
        "1": Kept(date="20260101"),
        "3": Kept(patient="B", date="20260701"),
    }
    scene.run()
    with_earlier = [n for _, n in scene.work.began]
    assert sorted(with_earlier) == [0, 0, 1]
    assert set(scene.states().values()) == {"stored"}


def test_a_fault_of_ours_stops_no_other_study(scene):
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B")}
    first = True

    def fail(what: str) -> None:
        nonlocal first
        if what == "fetch" and first:
            first = False
            raise ZeroDivisionError

    scene.server.hook = fail
    scene.run()
    assert scene.states() == {"1": "waiting", "2": "stored"}
    assert scene.reasons()["1"] == "a fault of Marrowlight (ZeroDivisionError)"


def test_a_study_that_cannot_even_be_looked_at_stops_no_other(scene):
    scene.server.kept = {"1": Kept(), "2": Kept(patient="B", date="20270101")}
    looked = 0

    def fail(what: str) -> None:
        nonlocal looked
        looked += what == "series"
        if what == "series" and looked == 1:
            raise errors.ServerRefused("The server answered with an error (500).")

    scene.server.hook = fail
    scene.run()
    assert scene.states() == {"2": "stored"}


def test_no_line_names_a_study_or_a_patient(scene):
    scene.server.kept["1.2.840.99"] = Kept(patient="SECRET-1", date="19991231")
    scene.run()
    assert not any(word in " ".join(scene.lines) for word in ("1.2.840", "SECRET", "1999"))
    content = b"".join(p.read_bytes() for p in scene.folder.rglob("*") if p.is_file())
    assert b"SECRET" not in content
