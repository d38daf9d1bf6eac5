"""What a CSV file holds as text arrives as the declared type, or is refused by name; never rounded, shifted or guessed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Term, Test
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.adapters.duckdb.files import opened


def table(name: str, **columns: str) -> SqlTable:
    return SqlTable(name=name, columns=tuple(RawColumn(name=column, type=parse_type(type)) for column, type in columns.items()))


def column_of(folder: Path, text: str, type: str) -> object:
    """The one value of a file with one row and the columns id, x."""
    (folder / "t.csv").write_text(f"id,x\n1,{text}\n", encoding="utf-8")
    adapter = opened(f"csv:{folder}")
    try:
        (row,) = rows_of(read_all(adapter, Scan(relation=TableRelation(table=table("t", id="integer", x=type)), columns=("x",))))
    finally:
        adapter.close()
    return row["x"]


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("2021-01-24 00:23:59.0000000 -05:00", "timestamp", datetime(2021, 1, 24, 5, 23, 59, tzinfo=UTC)),
        ("2021-01-24 00:23:59.1234567 +05:30", "timestamp", datetime(2021, 1, 23, 18, 53, 59, 123456, tzinfo=UTC)),
        ("2021-01-24T00:23:59Z", "timestamp", datetime(2021, 1, 24, 0, 23, 59, tzinfo=UTC)),
        ("2021-01-24 00:23:59+01", "timestamp", datetime(2021, 1, 23, 23, 23, 59, tzinfo=UTC)),
        ("2021-01-24 00:23:59", "local_timestamp", datetime(2021, 1, 24, 0, 23, 59)),
        ("1", "boolean", True),
        ("0", "boolean", False),
        ("20522.4300", "decimal(19,4)", Decimal("20522.4300")),
        ("20522.430000", "decimal(19,4)", Decimal("20522.4300")),
        ("0a7eab76-a0e4-7895-581c-a1568ba1c7b1", "uuid", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"),
        ("01606", "text", "01606"),
        ("", "text", None),
        ("", "integer", None),
        ('""', "text", ""),
        ('""', "integer", None),
        ('"NULL"', "text", "NULL"),
        ("007", "integer", 7),
    ],
)
def test_a_field_becomes_its_declared_type(text: str, type: str, value: object, tmp_path: Path) -> None:
    assert column_of(tmp_path, text, type) == value


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("1.5", "integer"),
        ("1e3", "integer"),
        ("Schmidt", "integer"),
        ("9223372036854775808", "bigint"),
        ("2", "boolean"),
        ("1.00005", "decimal(19,4)"),
        ("2021-01-24 00:23:59", "timestamp"),
        ("2021-01-24 00:23:59 -05:00", "local_timestamp"),
        ("2021-02-30", "date"),
        ("2021-01-24 10:00:00", "date"),
        ("1_000", "double"),
        ("not a uuid", "uuid"),
    ],
)
def test_a_field_that_would_have_to_be_guessed_is_refused_by_name_and_without_its_value(text: str, type: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        column_of(tmp_path, text, type)
    assert caught.value.code == "S121"
    assert caught.value.fact == "a value of table t, column x cannot be read as its declared type"
    assert text not in caught.value.fact + caught.value.hint
    assert caught.value.__context__ is None


def test_an_unreadable_column_only_fails_the_reads_that_want_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,x\n1,5\n2,Schmidt\n", encoding="utf-8")
    declared = TableRelation(table=table("t", id="integer", x="integer"))
    adapter = opened(f"csv:{tmp_path}")
    try:
        assert rows_of(read_all(adapter, Scan(relation=declared, columns=("id",)))) == [{"id": 1}, {"id": 2}]
        with pytest.raises(SourceError, match="column x"):
            read_all(adapter, Scan(relation=declared, columns=("id",), conditions=(Test(Term("x"), ValueSet.of(5)),)))
    finally:
        adapter.close()


def test_columns_that_changed_places_are_found_by_their_names(tmp_path: Path) -> None:
    """DuckDB takes the columns of a CSV file by position; a second export in another order must not shift them."""
    scan = Scan(relation=TableRelation(table=table("t", family="text", given="text")), columns=("family",))
    (tmp_path / "t.csv").write_text("family,given\nAdams,Eve\n", encoding="utf-8")
    adapter = opened(f"csv:{tmp_path}")
    try:
        assert rows_of(read_all(adapter, scan)) == [{"family": "Adams"}]
        (tmp_path / "t.csv").write_text("given,family\nOscar,Adamson\n", encoding="utf-8")
        assert rows_of(read_all(adapter, scan)) == [{"family": "Adamson"}]
        (tmp_path / "t.csv").write_text("given,surname\nOscar,Adamson\n", encoding="utf-8")
        with pytest.raises(SourceError, match="no column family"):
            read_all(adapter, scan)
    finally:
        adapter.close()


def test_a_large_file_is_read_from_disk_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.duckdb_places.SMALL_CSV", 0)
    assert column_of(tmp_path, "2021-01-24 00:23:59.0000000 -05:00", "timestamp") == datetime(2021, 1, 24, 5, 23, 59, tzinfo=UTC)
    with pytest.raises(SourceError) as caught:
        column_of(tmp_path, "Schmidt", "integer")
    assert caught.value.code == "S121"


def test_a_header_names_columns_in_any_case_after_a_byte_order_mark_and_with_quotes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('\ufeff"Patient, ID",Name\np1,"O\'Neil ""Bob"""\n', encoding="utf-8")
    declared = SqlTable(
        name="t", columns=(RawColumn(name="patient, id", type=parse_type("text")), RawColumn(name="NAME", type=parse_type("text")))
    )
    adapter = opened(f"csv:{tmp_path}")
    try:
        rows = rows_of(read_all(adapter, Scan(relation=TableRelation(table=declared), columns=("patient, id", "NAME"))))
    finally:
        adapter.close()
    assert rows == [{"patient, id": "p1", "NAME": 'O\'Neil "Bob"'}]


def test_a_row_with_too_few_fields_is_an_error_and_never_shifts(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n", encoding="utf-8")
    adapter = opened(f"csv:{tmp_path}")
    try:
        with pytest.raises(SourceError) as caught:
            read_all(
                adapter,
                Scan(relation=TableRelation(table=table("t", a="text", b="text")), columns=("a",)),
                ReadContext(deadline=time.monotonic() + 5),
            )
    finally:
        adapter.close()
    assert caught.value.code == "S105"


def test_a_file_in_another_encoding_is_refused_and_not_misread(tmp_path: Path) -> None:
    declared = TableRelation(table=table("t", größe="text"))
    for content in ("größe\n1\n".encode("latin-1"), "größe\n".encode() + "weiß\n".encode("latin-1")):
        (tmp_path / "t.csv").write_bytes(content)
        adapter = opened(f"csv:{tmp_path}")
        try:
            with pytest.raises(SourceError) as caught:
                read_all(adapter, Scan(relation=declared, columns=("größe",)))
        finally:
            adapter.close()
        assert caught.value.code in ("S120", "S105")
