"""The tables as files: CSV for every program, Parquet for many readings at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from marrowlight.export.material import Material
from marrowlight.export.tables.columns import SCHEMA, TABLES, Column
from marrowlight.export.tables.rows import Row, tables_of
from marrowlight.study.shown import clean

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula, with full-width twins. Source: OWASP, CSV
Injection; tab and line ends, which it names too, are taken out of every text."""


def table_files(material: Material, *, kind: Literal["csv", "parquet"]) -> dict[str, bytes]:
    """File name to content: ``bones``, ``lesions`` and ``zones``, each with all its columns.

    The same material gives the same bytes.
    """
    write = {"csv": _csv, "parquet": _parquet}[kind]
    rows = tables_of(material)
    return {f"{name}.{kind}": write(name, columns, rows[name]) for name, columns in TABLES.items()}


def _csv(name: str, columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """UTF-8, RFC 4180; empty is not measured."""
    out = io.StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n")
    write.writerow([one.name for one in columns])
    write.writerows([_cell(row.get(one.name)) for one in columns] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    """A number that reads back as the same number, or text that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = clean(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _parquet(name: str, columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """Typed columns, null where not measured; the file says its schema and what its columns are."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "yes_no": pa.bool_()}
    schema = pa.schema(
        [
            pa.field(one.name, kinds[one.kind], not one.required, {"what": one.what})
            for one in columns
        ],
        metadata={"schema": SCHEMA, "table": name},
    )
    held = {one.name: [_value(row.get(one.name)) for row in rows] for one in columns}
    file = pa.BufferOutputStream()
    parquet.write_table(pa.table(held, schema=schema), file, compression="zstd")
    content: bytes = file.getvalue().to_pybytes()
    return content


def _value(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
