"""The example region's files, read by the adapter as node.yaml declares them and by Python's own readers: the same values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from adapters.duckdb import DuckDbAdapter
from adapters.interface import Scan
from adapters.testing.conformance import counted, read_all, rows_of
from catalog.loader import load_catalog
from catalog.relations import TableRelation, UnnestRelation
from catalog.source_tables import SqlTable
from catalog.types import Type
from tests.adapters.duckdb.files import opened, read_csv_rows

REGION = Path(__file__).parents[3] / "mappings"
LOCAL = REGION / "data" / "three_hospitals" / "local"
CSV, PARQUET = LOCAL / "hospital_c_sqlserver", LOCAL / "hospital_b_hive"


def declared(node: str, source: str) -> dict[str, SqlTable]:
    tables = load_catalog(REGION).nodes[node].sources[source].tables
    return {name: table for name, table in tables.items() if isinstance(table, SqlTable)}


def rows_read(adapter: DuckDbAdapter, table: SqlTable) -> list[dict[str, Any]]:
    return rows_of(read_all(adapter, Scan(relation=TableRelation(table=table), columns=tuple(column.name for column in table.columns))))


def by_python(text: str, type: Type) -> Any:
    """A field of hospital C's export, by Python's own parsers. Empty is NULL."""
    if text == "":
        return None
    match type.name:
        case "integer" | "bigint":
            return int(text)
        case "boolean":
            return {"0": False, "1": True}[text]
        case "decimal":
            return Decimal(text)
        case "date":
            return date.fromisoformat(text)
        case "timestamp":
            local, _, offset = text.rpartition(" ")
            return datetime.fromisoformat(local[:26] + offset).astimezone(UTC)
        case _:
            return text


@pytest.mark.parametrize("name", sorted(path.stem for path in CSV.glob("*.csv")))
def test_each_table_of_hospital_c_comes_whole_and_typed(name: str) -> None:
    table = declared("hosp_c", "mssql")[name]
    exported = read_csv_rows(CSV / f"{name}.csv")
    wanted = [{column.name: by_python(row[column.name], column.type) for column in table.columns} for row in exported]
    adapter = opened(f"csv:{CSV}")
    try:
        found = rows_read(adapter, table)
    finally:
        adapter.close()
    assert counted([_in_utc(row) for row in found]) == counted(wanted)


def _in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """Arrow's instants carry another name of the same zone."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}


@pytest.mark.parametrize("name", sorted(path.name for path in PARQUET.iterdir()))
def test_each_table_of_hospital_b_comes_whole_with_its_partition(name: str) -> None:
    table = declared("hosp_b", "hive")[name]
    wanted: list[dict[str, Any]] = []
    for path in (PARQUET / name).rglob("*.parquet"):
        year = {"yr": int(path.parent.name.removeprefix("yr="))} if path.parent.name.startswith("yr=") else {}
        rows = pq.ParquetFile(path).read().to_pylist()
        wanted += [{column.name: (row | year)[column.name] for column in table.columns} for row in rows]
    adapter = opened(f"parquet:{PARQUET}")
    try:
        found = rows_read(adapter, table)
    finally:
        adapter.close()
    assert counted(found) == counted(wanted)


def test_every_diagnosis_of_hospital_b_becomes_a_row() -> None:
    table = declared("hosp_b", "hive")["dwd_visit"]
    visits = [
        row for path in (PARQUET / "dwd_visit").rglob("*.parquet") for row in pq.ParquetFile(path).read(["visit_id", "diags"]).to_pylist()
    ]
    wanted = [
        {"visit_id": visit["visit_id"], "d.code": each["code"], "n": place}
        for visit in visits
        for place, each in enumerate(visit["diags"] or (), 1)
    ]
    adapter = opened(f"parquet:{PARQUET}")
    try:
        relation = UnnestRelation(table=table, column="diags", alias="d", ordinality="n")
        found = rows_of(read_all(adapter, Scan(relation=relation, columns=("visit_id", "d.code", "n"))))
    finally:
        adapter.close()
    assert counted(found) == counted(wanted)


def test_describe_guesses_the_types_of_text_files_only_where_nothing_is_lost() -> None:
    """Postal codes with leading zeros stay text; instants, money and keys are seen as such; partitions too."""
    adapter = opened(f"csv:{CSV}")
    try:
        person, encounter = adapter.describe("Person")["Person"], adapter.describe("Encounter")["Encounter"]
    finally:
        adapter.close()
    types = {column.name: str(column.type) for column in (*person.columns, *encounter.columns)}
    assert types["Zip"] == "text"
    assert (types["PersonID"], types["BirthDate"], types["StartDT"], types["TotalCost"]) == ("uuid", "date", "timestamp", "decimal(19,4)")
    assert (types["SexId"], types["FullName"], person.rows) == ("integer", "text", 341)


def test_describe_sees_the_partition_column_of_hospital_b() -> None:
    adapter = opened(f"parquet:{PARQUET}")
    try:
        described = adapter.describe("ods_vitals")["ods_vitals"]
    finally:
        adapter.close()
    assert {column.name: str(column.type) for column in described.columns}["yr"] == "integer"
    assert described.rows == 7194
