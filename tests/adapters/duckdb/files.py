"""Writes Arrow tables as the files that a DuckDB source reads: what a hospital would have exported."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.duckdb import DuckDbAdapter, open_source
from catalog.model import Source


def source(url: str, **options: object) -> Source:
    return Source(node="clinic", name="files", adapter="duckdb", url=url, options=options, zone="Europe/Berlin", tables={})


def opened(url: str, **options: object) -> DuckDbAdapter:
    return open_source(source(url, **options))


def write_parquet(folder: Path, name: str, rows: pa.Table) -> None:
    pq.write_table(rows, folder / f"{name}.parquet")


def write_csv(folder: Path, name: str, rows: pa.Table) -> None:
    """NULL as an empty field, '' as a quoted one, times as SQL Server writes them: with a space before the offset."""
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(_quoted(name) for name in rows.column_names) + "\n")
        for row in rows.to_pylist():
            file.write(",".join(_field(value) for value in row.values()) + "\n")


def _field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case datetime(tzinfo=None):
            return value.isoformat(" ")
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.%f0 +00:00")
        case date() | Decimal() | int():
            return str(value)
        case float():
            return repr(value)
        case _:
            return _quoted(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def write_database(path: Path, tables: dict[str, pa.Table]) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in tables.items():
            connection.register("incoming", rows)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
            connection.unregister("incoming")


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """A CSV file by Python's own reader: an oracle that shares nothing with the adapter."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
