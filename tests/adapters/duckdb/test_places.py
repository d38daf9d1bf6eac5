"""Where a DuckDB source may look, what it finds there, and what it says when that changed."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.duckdb import open_source
from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Term, Test
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.adapters.duckdb.files import opened, source
from tests.adapters.duckdb.test_text_files import table


def scan_of(declared: SqlTable, *columns: str) -> Scan:
    return Scan(relation=TableRelation(table=declared), columns=columns)


def fault(url: str, scan: Scan) -> SourceError:
    adapter = opened(url)
    try:
        with pytest.raises(SourceError) as caught:
            read_all(adapter, scan)
    finally:
        adapter.close()
    return caught.value


@pytest.mark.parametrize("url", [None, "", "parquet:", "postgres:host", "csv:/data/[2024]", "duckdb:*.duckdb"])
def test_a_url_that_cannot_be_opened_is_a_configuration_error(url: str | None) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(source(url))  # type: ignore[arg-type]
    assert caught.value.code == "S110"


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no option 'memroy'") as caught:
        opened(f"csv:{tmp_path}", memroy="1GB")
    assert "memory_limit" in caught.value.hint


@pytest.mark.parametrize("url", ["csv:{}/gone", "parquet:{}/gone", "duckdb:{}/gone.duckdb"])
def test_a_place_that_is_not_there_is_unreachable(url: str, tmp_path: Path) -> None:
    assert fault(url.format(tmp_path), scan_of(table("t", x="text"), "x")).code == "S101"


@pytest.mark.parametrize("name", ["../secret", "*", ".hidden", "a/b", "t[1]"])
def test_a_table_name_cannot_leave_the_folder_or_be_a_pattern(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("x\n1\n")
    (tmp_path / "inside").mkdir()
    assert fault(f"csv:{tmp_path / 'inside'}", scan_of(table(name, x="text"), "x")).code == "S110"


def test_the_instance_reads_nothing_but_the_sources_own_files(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("x\n1\n")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "t.csv").write_text("x\n1\n")
    adapter = opened(f"csv:{tmp_path / 'inside'}")
    try:
        cursor = adapter._cursor()
        for statement in (
            f"SELECT * FROM read_csv('{tmp_path / 'other.csv'}')",
            "SELECT * FROM read_text('/etc/hostname')",
            f"ATTACH '{tmp_path / 'new.duckdb'}'",
            "SET enable_external_access = true",
            "SET memory_limit = '50GB'",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(statement)
        cursor.close()
    finally:
        adapter.close()


def test_hive_partitions_become_a_column_and_only_the_wanted_ones_are_opened(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / "t" / f"yr={year}").mkdir(parents=True)
        pq.write_table(pa.table({"x": [year * 10]}), tmp_path / "t" / f"yr={year}" / "part-0.parquet")
    declared = table("t", x="integer", yr="integer")
    adapter = opened(f"parquet:{tmp_path}")
    try:
        assert sorted(row["yr"] for row in rows_of(read_all(adapter, scan_of(declared, "yr")))) == [2023, 2024]
        cursor = adapter._cursor()
        plan = cursor.execute("EXPLAIN ANALYZE SELECT x FROM t WHERE yr = 2024").fetchall()[0][1]
        cursor.close()
    finally:
        adapter.close()
    assert "Scanning Files: 1/2" in plan


@pytest.mark.parametrize(
    ("held", "declared"),
    [
        (pa.array(["7"]), "integer"),
        (pa.array([7]), "text"),
        (pa.array([1.5]), "integer"),
        (pa.array([1.5]), "decimal(19,4)"),
        (pa.array([1]), "date"),
    ],
)
def test_a_column_of_another_type_is_drift_with_node_table_and_column(held: pa.Array, declared: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": held}), tmp_path / "t.parquet")
    error = fault(f"parquet:{tmp_path}", scan_of(table("t", x=declared), "x"))
    assert error.code == "S120"
    assert error.fact == f"node clinic, table t, column x is not {declared} any more"


def test_a_file_that_was_replaced_by_one_with_another_type_is_drift_not_another_number(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [7]}), tmp_path / "t.parquet")
    scan = scan_of(table("t", x="integer"), "x")
    adapter = opened(f"parquet:{tmp_path}")
    try:
        assert rows_of(read_all(adapter, scan)) == [{"x": 7}]
        pq.write_table(pa.table({"x": ["8"]}), tmp_path / "t.parquet")
        with pytest.raises(SourceError) as caught:
            read_all(adapter, scan)
    finally:
        adapter.close()
    assert caught.value.code == "S120"


def test_files_of_one_table_that_disagree_are_drift(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "t" / "1.parquet")
    pq.write_table(pa.table({"x": ["two"]}), tmp_path / "t" / "2.parquet")
    error = fault(f"parquet:{tmp_path}", scan_of(table("t", x="integer"), "x"))
    assert (error.code, error.fact) == ("S120", "node clinic, table t: the files differ in column x")


def test_a_broken_file_is_an_error_without_the_drivers_words(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 Schmidt PAR1")
    error = fault(f"parquet:{tmp_path}", scan_of(table("t", x="integer"), "x"))
    assert error.code in ("S102", "S105")
    assert "Schmidt" not in error.fact + error.hint
    assert str(tmp_path) not in error.fact + error.hint


def clinic(folder: Path) -> str:
    with duckdb.connect(str(folder / "clinic.duckdb")) as connection:
        connection.execute("CREATE SCHEMA lab")
        connection.execute(
            'CREATE TABLE lab.result(id INTEGER PRIMARY KEY, code VARCHAR COLLATE NOCASE NOT NULL, "at" TIMESTAMPTZ, clock TIME, odd UNION(a INTEGER, b VARCHAR),'
            ' price DECIMAL(10,2), big UBIGINT, kind ENUM($$x$$, $$y$$), parts STRUCT(a INTEGER, b VARCHAR)[], UNIQUE(code, "at"))'
        )
        connection.execute("CREATE TABLE stay(number VARCHAR NOT NULL UNIQUE, ward VARCHAR UNIQUE)")
        connection.execute("CREATE VIEW wards AS SELECT DISTINCT ward FROM stay")
        connection.execute(
            "INSERT INTO lab.result(id, code, clock, big) VALUES (1, 'HbA1c', '10:30:00', 18446744073709551615), (2, 'hba1c', NULL, 0)"
        )
    return f"duckdb:{folder / 'clinic.duckdb'}"


def test_describe_knows_types_keys_and_counts_of_a_database_file(tmp_path: Path) -> None:
    adapter = opened(clinic(tmp_path))
    try:
        found = adapter.describe()
    finally:
        adapter.close()
    assert sorted(found) == ["lab.result", "stay", "wards"]
    result = found["lab.result"]
    assert (result.key, result.rows) == (("id",), 2)
    assert {column.name: str(column.type) for column in result.columns} == {
        "id": "integer",
        "code": "text",
        "at": "timestamp",
        "clock": "text",
        "price": "decimal(10,2)",
        "big": "decimal(20,0)",
        "kind": "text",
        "parts": "list(struct(a integer, b text))",
    }
    assert [column.name for column in result.columns if not column.nullable] == ["id", "code"]
    assert found["stay"].key == ("number",), "a unique column that may be NULL is no key"


def test_describe_of_an_unknown_table_names_the_near_ones(tmp_path: Path) -> None:
    adapter = opened(clinic(tmp_path))
    try:
        with pytest.raises(SourceError) as caught:
            adapter.describe("stays")
    finally:
        adapter.close()
    assert (caught.value.code, caught.value.hint) == ("S120", "did you mean stay?")


def test_a_columns_collation_does_not_decide_what_is_equal(tmp_path: Path) -> None:
    declared = SqlTable(
        name="lab.result", columns=(RawColumn(name="id", type=parse_type("integer")), RawColumn(name="code", type=parse_type("text")))
    )
    scan = Scan(relation=TableRelation(table=declared), columns=("id",), conditions=(Test(Term("code"), ValueSet.of("hba1c")),))
    adapter = opened(clinic(tmp_path))
    try:
        assert rows_of(read_all(adapter, scan)) == [{"id": 2}]
    finally:
        adapter.close()


def test_a_database_file_is_opened_for_reading_only(tmp_path: Path) -> None:
    adapter = opened(clinic(tmp_path))
    try:
        adapter.ping(ReadContext(deadline=time.monotonic() + 5))
        cursor = adapter._cursor()
        with pytest.raises(duckdb.Error):
            cursor.execute("INSERT INTO source.main.stay VALUES ('1', 'a')")
        cursor.close()
    finally:
        adapter.close()
