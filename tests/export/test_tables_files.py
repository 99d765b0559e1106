"""Tables for researchers: the numbers of the reading, one schema for all, and no patient data."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import many_readings as many
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_material import knee_material
from pyarrow import parquet

from marrowlight.edema.measurement import IntervalKind
from marrowlight.export.material import Material
from marrowlight.export.tables import SCHEMA, TABLES, Column, table_files, tables_of
from marrowlight.export.tables.files import _cell
from marrowlight.report.amount import interval_of
from marrowlight.study.study import Side
from tests.hostile_strings import HOSTILE, HOSTILE_VALUES, is_formula, unsafe_characters

MADE = {
    "positive": lambda: knee_material(many.GRID),
    "negative": many.negative,
    "both knees": many.both_knees,
    "side unknown": many.unknown_side,
    "read in part": many.part_read,
    "no DICOM": many.no_dicom,
}
TYPES = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "yes_no": pa.bool_()}
HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "tables.md"


def from_csv(material: Material) -> dict[str, list[dict[str, Any]]]:
    """The tables as a program reads them: every cell by the kind of its column."""
    read = {"text": str, "number": float, "whole": int, "yes_no": lambda x: x == "true"}
    out = {}
    for name, columns in TABLES.items():
        file = table_files(material, kind="csv")[f"{name}.csv"]
        rows = list(csv.DictReader(io.StringIO(file.decode("utf-8"), newline=""), strict=True))
        out[name] = [
            {c.name: read[c.kind](row[c.name]) if row[c.name] != "" else None for c in columns}
            for row in rows
        ]
    return out


def from_parquet(material: Material) -> dict[str, list[dict[str, Any]]]:
    files = table_files(material, kind="parquet")
    return {n: parquet.read_table(io.BytesIO(files[f"{n}.parquet"])).to_pylist() for n in TABLES}


@pytest.mark.parametrize("read", [from_csv, from_parquet])
@pytest.mark.parametrize("name", MADE)
def test_volumes_intervals_and_sides_are_those_of_the_reading(name: str, read: Any) -> None:
    material = MADE[name]()
    tables = read(material)
    bones = [bone for region in material.reading.regions for bone in region.bones]
    rows = [row for row in tables["bones"] if row["read"]]
    for row, bone in zip(rows, bones, strict=True):
        assert (row["bone"], row["side"]) == (bone.bone, material.side_of(bone).value)
        assert row["bone_volume_mm3"] == bone.volume_mm3
        assert row["volume_mm3"] == bone.edema.volume_mm3
        assert row["lesion_count"] == len(bone.edema.lesions)
        assert row["bone_share"] == bone.edema.bone_share
    lesions = many.lesions_of(material)
    for row, lesion in zip(tables["lesions"], lesions, strict=True):
        assert (row["lesion"], row["bone"]) == (lesion.id, lesion.bone)
        assert row["side"] in (
            lesion.side.value,
            *[x.value for x in Side if lesion.side == "unknown"],
        )
        assert row["volume_mm3"] == lesion.volume_mm3
        for kind, word in (
            (IntervalKind.READER_AGREEMENT, "reader"),
            (IntervalKind.REPEATABILITY, "repeat"),
        ):
            one = interval_of(lesion, kind)
            limits = (row[f"volume_{word}_low_mm3"], row[f"volume_{word}_high_mm3"])
            assert limits == ((one.low_mm3, one.high_mm3) if one else (None, None))
        centre = [row[f"centroid_{axis}_mm"] for axis in ("right", "anterior", "superior")]
        assert centre == list(lesion.centroid_ras_mm)


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_a_phantom_gives_the_same_in_csv_and_parquet(small_exam: Any, kind: str) -> None:
    material = many.phantom(small_exam, kind)
    tables = from_parquet(material)
    assert tables == from_csv(material)
    assert len(tables["zones"]) == sum(len(region.zones) for region in material.reading.regions)
    assert tables["lesions"]
    if kind == "dicom":
        zones = {(row["system"], row["zone"]): row for row in tables["zones"]}
        for zone in material.reading.regions[0].zones:
            row = zones[zone.system, zone.zone]
            assert (row["zone_volume_mm3"], row["edema_mm3"]) == (zone.volume_mm3, zone.edema_mm3)
            assert row["side"] == "right"


def test_only_the_primary_series_is_in_them_so_that_nothing_is_counted_twice(
    small_exam: Any,
) -> None:
    material = many.phantom(small_exam, "dicom")
    rows = tables_of(material)["bones"]
    assert {row["series"] for row in rows} == {material.reading.primary_series}
    total = sum(row["volume_mm3"] for row in rows)
    assert total == pytest.approx(sum(r.edema.volume_mm3 for r in material.reading.regions))


def test_a_bone_that_was_not_read_has_a_row_without_numbers() -> None:
    rows = from_csv(many.part_read("it is cut off"))["bones"]
    (row,) = [row for row in rows if not row["read"]]
    assert (row["bone"], row["side"], row["not_read_reason"]) == (
        "patella", "right", "it is cut off",
    )  # fmt: skip
    numbers = [c.name for c in TABLES["bones"] if c.kind in ("number", "whole")]
    assert {row[name] for name in numbers} == {None}


def test_zero_is_measured_and_empty_is_not(small_exam: Any) -> None:
    clean = from_csv(many.negative())
    assert [row["volume_mm3"] for row in clean["bones"]] == [0.0, 0.0]
    assert clean["lesions"] == []
    drawn = from_parquet(many.drawn(small_exam))
    assert {row["contrast_sd"] for row in drawn["lesions"]} == {None}
    assert {row["edema_from"] for row in drawn["lesions"]} == {"given"}
    assert {row["series_role"] for row in drawn["bones"]} == {None}


def test_every_reading_has_the_same_schema_and_many_are_one_data_set(
    small_exam: Any, tmp_path: Path
) -> None:
    readings = [*(make() for make in MADE.values()), many.drawn(small_exam)]
    for n, material in enumerate(readings):
        (tmp_path / str(n)).mkdir()
        for name, content in table_files(material, kind="parquet").items():
            (tmp_path / str(n) / name).write_bytes(content)
    for name, columns in TABLES.items():
        files = sorted(tmp_path.glob(f"*/{name}.parquet"))
        schemas = [parquet.read_schema(file) for file in files]
        assert all(one.equals(schemas[0], check_metadata=True) for one in schemas)
        assert schemas[0].names == [column.name for column in columns]
        assert schemas[0].metadata == {b"schema": SCHEMA.encode(), b"table": name.encode()}
        assert [schemas[0].field(c.name).type for c in columns] == [TYPES[c.kind] for c in columns]
        rows = ds.dataset([str(file) for file in files]).to_table()
        assert rows.num_rows == sum(len(tables_of(one)[name]) for one in readings)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_same_reading_gives_the_same_bytes(kind: Any) -> None:
    assert table_files(many.no_dicom(), kind=kind) == table_files(many.no_dicom(), kind=kind)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_no_patient_data_is_in_them(kind: Any) -> None:
    header = many.with_header().dicom.header
    planted = {key: f"PLANTED{n}" for n, key in enumerate(header)}
    files = table_files(many.with_header(**planted), kind=kind)
    assert not [name for name, content in files.items() if b"PLANTED" in content]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_in_its_cell_and_runs_nowhere(name: str) -> None:
    material = many.part_read(HOSTILE[name])
    files = table_files(material, kind="csv")
    text = files["bones.csv"].decode("utf-8")
    assert not unsafe_characters(text.replace("\r\n", "\n"))
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(TABLES["bones"])}
    assert len(rows) == 4
    assert not [cell for row in rows for cell in row if is_formula(cell)]
    assert len(from_parquet(material)["bones"]) == 3


@given(st.text(max_size=20) | st.sampled_from(HOSTILE_VALUES))
def test_no_text_makes_a_formula(text: str) -> None:
    cell = _cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert not unsafe_characters(cell)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_stay_numbers(value: float) -> None:
    assert float(_cell(value)) == value or math.isclose(float(_cell(value)), value)


def test_names_of_columns_say_their_units() -> None:
    units = ("_mm3", "_mm", "_share", "_sd", "_probability", "_confidence")
    for column in (column for columns in TABLES.values() for column in columns):
        assert column.kind != "number" or column.name.endswith(units), column.name


def described(name: str, column: Column) -> str:
    kinds = {"text": "text", "number": "number", "whole": "whole number", "yes_no": "true, false"}
    return f"| `{column.name}` | {kinds[column.kind]} | {column.what} |"


def test_the_how_to_lists_every_column() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    lines = [described(name, column) for name, columns in TABLES.items() for column in columns]
    assert [line for line in lines if line not in text] == [], "\n".join(dict.fromkeys(lines))
