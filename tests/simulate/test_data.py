"""The data files of the model: every number has a source or says that it is assumed."""

from pathlib import Path

import pytest

import marrowlight.simulate as room
from marrowlight.causes.knowledge import knowledge
from marrowlight.errors import KnowledgeError
from marrowlight.simulate.care import effects, load_effects
from marrowlight.simulate.drive import drives, load_drives
from marrowlight.simulate.parameters import ASSUMPTION, load_parameters, parameters

DATA = Path(room.__file__).parent / "data"


def broken(tmp_path, name, old, new):
    text = (DATA / name).read_text()
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new, 1))
    return path


def test_every_source_is_known_or_an_assumption():
    known = {ASSUMPTION, *knowledge().references}
    for one in (*parameters().values(), *drives().values(), *effects().values()):
        assert set(one.source) <= known


def test_what_is_measured_is_little_and_what_is_a_hypothesis_is_said():
    basis = {key: one.basis for key, one in parameters().items()}
    assert [key for key, b in basis.items() if b == "measured"] == ["intraosseous_pressure_mmhg"]
    assert basis["pressure_stops_blood"] == "hypothesis"
    assert basis["pressure_inflames"] == "hypothesis"
    assert not any(one.basis == "measured" for one in effects().values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("source: [ioprabbit, hungerford", "source: [nobody, hungerford"),
        ("value: 90", "value: 190"),
        ("value: 90", "value: ninety"),
        ("id: venous_pressure_mmhg", "id: arterial_pressure_mmhg"),
        ("id: venous_pressure_mmhg", "id: venous_pressure"),
        ("basis: direction", "basis: certain"),
    ],
)
def test_a_wrong_parameter_is_named_by_its_line(tmp_path, old, new):
    with pytest.raises(KnowledgeError, match=r"parameters\.yaml, line \d+"):
        load_parameters(broken(tmp_path, "parameters.yaml", old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cause: bone_contusion", "cause: bone_bruise"),
        ("source: [boks2007", "source: [boks2008"),
        ("{lateral_condyle: 0.6, lateral_plateau: 0.4}", "{lateral_condyle: 0.6}"),
        ("load: [[0, 0.6], [6, 1.0]]", "load: [[6, 1.0], [0, 0.6]]"),
        ("rise_weeks: 2.5", "rise_weeks: 25"),
        ("kind: growth", "kind: spread"),
        ("next_site_weeks: 11", "sites: 3 #"),
    ],
)
def test_a_wrong_drive_is_named_by_its_line(tmp_path, old, new):
    with pytest.raises(KnowledgeError, match=r"drives\.yaml, line \d+"):
        load_drives(broken(tmp_path, "drives.yaml", old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: protected_loading", "id: crutches"),
        ("factor: 0.3", "factor: 1.3"),
        ("basis: direction", "basis: measured"),
        ("acts_on: load", "acts_on: pain"),
    ],
)
def test_a_wrong_effect_is_named_by_its_line(tmp_path, old, new):
    with pytest.raises(KnowledgeError, match=r"care\.yaml, line \d+"):
        load_effects(broken(tmp_path, "care.yaml", old, new))
