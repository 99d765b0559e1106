"""What is written: the label everywhere, the hypothesis marked, pictures that stand alone."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import pytest

from marrowlight.cli.app import run as run_line
from marrowlight.errors import OutputExists
from marrowlight.simulate import LABEL, sensitivity, simulate
from marrowlight.simulate.drive import drives
from marrowlight.simulate.parameters import parameters
from marrowlight.simulate.plot import bars_svg, course_svg
from marrowlight.simulate.table import COLUMNS, csv_text, record, rows
from marrowlight.simulate.write import FILES, write_simulation

LABEL_WORDS = "not a prediction for a patient"


@pytest.fixture(scope="module")
def bruise():
    return simulate("bone_contusion", 30, ("protected_loading",))


@pytest.fixture(scope="module")
def bars():
    return sensitivity("bone_contusion", 40)


def test_every_file_says_what_it_is(bruise, bars, tmp_path):
    paths = write_simulation(bruise, tmp_path, bars)
    assert [p.name for p in paths] == list(FILES)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert LABEL_WORDS in text, path.name
        if path.name != "sensitivity.svg":
            assert "hypothesis" in text.lower(), path.name
    with pytest.raises(OutputExists):
        write_simulation(bruise, tmp_path)
    write_simulation(bruise, tmp_path, overwrite=True)
    assert not (tmp_path / "sensitivity.svg").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("cause", drives())
def test_pictures_are_whole_and_need_nothing_else(cause):
    text = course_svg(simulate(cause, 40, ("protected_loading:3",)))
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert not re.search(r"href|<script|url\(", text)
    assert "nan" not in text.lower().replace("name", "")
    lines = (line.get("points", "") for line in root.iter() if line.tag.endswith("polyline"))
    numbers = [float(x) for x in re.findall(r"[\d.]+(?=[,\s])", " ".join(lines))]
    assert numbers
    assert max(numbers) < 1200


def test_the_picture_of_bars_names_the_one_that_matters_most(bars):
    text = bars_svg(bars)
    ET.fromstring(text)
    assert bars[0].name in text


def test_healing_decides_how_long_and_the_bone_how_much(bars):
    assert bars[0].id == "bone_contusion.heal_weeks"
    by_peak = max(bars, key=lambda bar: bar.peak_span)
    assert by_peak.id in ("room", "stiffness_mmhg", "water_share")
    assert {bar.id for bar in bars} >= set(parameters())
    for bar in bars:
        assert bar.half_weeks[1] == bars[0].half_weeks[1]


def test_where_half_is_never_reached_the_bars_are_of_the_peak():
    found = sensitivity("tumour_marrow_infiltration", 20)
    assert all(bar.half_weeks[1] is None for bar in found)
    assert found[0].peak_span > 0
    assert "Weeks until half" not in bars_svg(found)


def test_rows_and_csv_hold_the_same(bruise):
    table = rows(bruise)
    assert [row["weeks"] for row in table] == list(range(31))
    lines = csv_text(bruise).splitlines()
    assert lines[0].startswith("#")
    assert LABEL in lines[0]
    read = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert list(read[0]) == list(COLUMNS)
    assert [float(row["lesion_ml"]) for row in read] == [row["lesion_ml"] for row in table]


def test_the_record_is_json_and_says_where_each_number_comes_from(bruise, bars):
    read = json.loads(json.dumps(record(bruise, bars), allow_nan=False))
    assert read["label"] == LABEL
    assert read["schema"] == "marrowlight.simulation/1"
    assert read["expected_course"]["weeks"]["median"] == 20
    assert all(one["source"] and one["unit"] for one in read["parameters"])
    assert all(one["basis"] != "measured" for one in read["care"])
    blood = next(one for one in read["parameters"] if one["id"] == "pressure_stops_blood")
    assert blood["basis"] == "hypothesis"
    assert len(read["sensitivity"]) == len(bars)


def line(capsys, *arguments):
    capsys.readouterr()
    code = run_line([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_the_command_prints_a_table_with_its_label(capsys):
    code, out, _ = line(
        capsys, "simulate", "--cause", "bone_contusion", "--weeks", 26,
        "--care", "protected_loading", "nsaid:6",
    )  # fmt: skip
    assert code == 0
    assert out.count(LABEL) == 2
    assert "Hypothesis" in out
    assert "mmHg" in out
    assert "nsaid, weeks 6 to 12" in out


def test_the_command_gives_json_alone(capsys):
    code, out, _ = line(
        capsys, "simulate", "--cause", "osteonecrosis", "--json", "--set", "room=0.1"
    )
    assert code == 0
    read = json.loads(out)
    assert read["cause"] == "osteonecrosis"
    assert next(p for p in read["parameters"] if p["id"] == "room")["used"] == 0.1
    assert read["sensitivity"] is None


def test_the_command_writes_files(capsys, tmp_path):
    out = tmp_path / "sim"
    arguments = (
        "simulate", "--cause", "bone_contusion", "--weeks", 20, "-o", out, "--no-sensitivity",
    )  # fmt: skip
    assert line(capsys, *arguments)[0] == 0
    assert (out / "simulation.html").exists()
    assert line(capsys, *arguments)[0] == 1
    assert line(capsys, *arguments, "--overwrite", "--quiet")[:2] == (0, "")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--cause", "bone_contusoin"), "bone_contusion"),
        (("--cause", "bone_contusion", "--care", "rest"), "protected_loading"),
        (("--cause", "bone_contusion", "--weeks", "0"), "1 to 520"),
        (("--cause", "bone_contusion", "--set", "room"), "room=0.2"),
        (("--cause", "bone_contusion", "--set", "room=-1"), "plausible"),
        (("--cause", "bone_contusion", "--set", "room=nan"), "plausible"),
        (("--cause", "bone_contusion", "--set", "rooms=1"), "room"),
        (("--cause", "bone_contusion", "iloprost"), "--care before care"),
        (("--cause", "bone_contusion", "--load", "9"), "0 to 5"),
    ],
)
def test_mistakes_are_told_with_what_would_be_right(capsys, words, wanted):
    code, _, err = line(capsys, "simulate", *words)
    assert code == 2
    assert wanted in err


def test_phantom_visits_from_the_command_line(capsys, tmp_path):
    coarse = ("--pixel-mm", 3, "--slice-mm", 10)
    code, out, _ = line(
        capsys, "phantom", "knee", "--course", "migrates", "--weeks", 0, 16, "-o", tmp_path, *coarse
    )
    assert code == 0
    assert LABEL in out
    assert {p.name for p in tmp_path.iterdir()} == {"week_000", "week_016", "course_truth.json"}
    code, out, _ = line(
        capsys, "phantom", "knee", "--course", "resolves", "--weeks", "0,4", "-o", tmp_path,
        "--overwrite", "--json", *coarse,
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["truth"]["course"] == "bone_contusion"
    assert {p.name for p in tmp_path.iterdir()} == {"week_000", "week_004", "course_truth.json"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--course", "nonsense"), "bone_contusion"),
        (("--course", "resolves", "--weeks", "4", "8"), "rise from 0"),
        (("--course", "resolves", "--weeks", "now"), "0 4 8 16"),
        (("--course", "resolves", "--edema", "patella:1"), "leave out"),
        (("--weeks", "0", "4"), "--course"),
        (("--care", "nsaid"), "--course"),
        (("4",), "--weeks"),
    ],
)
def test_mistakes_with_visits_are_told(capsys, tmp_path, words, wanted):
    code, _, err = line(capsys, "phantom", "knee", "-o", tmp_path / "out", *words)
    assert code == 2
    assert wanted in err
    assert not (tmp_path / "out").exists()
