"""Values at the edges of Hive's types, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.interface import Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Term
from catalog.conditions import Test as ColumnTest
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.integration.hive.sources import opened
from tests.servers.hive import HiveServer


def stored(server: HiveServer, database: str, hive: str, values: pa.Array) -> None:
    """A table `sample` with one column `x` of this Hive type, over a Parquet file of these values."""
    location = server.folder / "external" / database / "sample"
    location.mkdir(parents=True)
    pq.write_table(pa.table({"x": values}), location / "p.parquet")
    server.create_external({"x": hive}, "sample", database, location, "parquet")


def values(server: HiveServer, database: str, declared: str, **options: Any) -> list[Any]:
    table = SqlTable(name="sample", columns=(RawColumn(name="x", type=parse_type(declared)),))
    adapter = opened(server, database, {"sample": table}, **options)
    try:
        return [row["x"] for row in rows_of(read_all(adapter, Scan(relation=TableRelation(table=table), columns=("x",))))]
    finally:
        adapter.close()


EDGES: dict[str, tuple[str, pa.DataType, list[Any]]] = {
    "integer": ("bigint", pa.int64(), [2**63 - 1, -(2**63), 0, None]),
    "decimal(38,10)": ("decimal(38,10)", pa.decimal128(38, 10), [Decimal("9" * 28 + "." + "9" * 10), Decimal("-1E-10"), Decimal(0), None]),
    "local_timestamp": (
        "timestamp",
        pa.timestamp("us"),
        [datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1, 1, 1), datetime(1582, 10, 4), datetime(2023, 3, 12, 2, 30), None],
    ),
    "date": ("date", pa.date32(), [date(9999, 12, 31), date(1582, 10, 15), date(1970, 1, 1), None]),
    "bytes": ("binary", pa.binary(), [b"", b"\x00\xff", None]),
    "boolean": ("boolean", pa.bool_(), [True, False, None]),
}


@pytest.mark.parametrize("declared", EDGES)
def test_the_edges_of_a_type_come_as_they_were_written(declared: str, hive_server: HiveServer, database: str) -> None:
    hive, arrow, expected = EDGES[declared]
    stored(hive_server, database, hive, pa.array(expected, arrow))
    assert values(hive_server, database, declared) == expected


@pytest.mark.parametrize(("hive", "arrow"), [("tinyint", pa.int8()), ("smallint", pa.int16()), ("int", pa.int32())])
def test_small_integers_are_integers(hive: str, arrow: pa.DataType, hive_server: HiveServer, database: str) -> None:
    stored(hive_server, database, hive, pa.array([-1, 100, None], arrow))
    assert values(hive_server, database, "integer") == [-1, 100, None]


def test_dates_before_the_calendar_changed_come_right_if_the_session_says_how_they_were_written(
    hive_server: HiveServer, database: str
) -> None:
    """Without a mark in the file Hive takes them for dates of the old calendar; pyarrow and Spark 3 write the new one."""
    stored(hive_server, database, "date", pa.array([date(1, 1, 1), date(1582, 10, 4)], pa.date32()))
    assert values(hive_server, database, "date") == [date(1, 1, 3), date(1582, 9, 24)]
    told = {"hive.parquet.date.proleptic.gregorian.default": True}
    assert values(hive_server, database, "date", session=told) == [date(1, 1, 1), date(1582, 10, 4)]


def test_instants_come_in_utc_from_a_server_in_another_zone(hive_server: HiveServer, database: str) -> None:
    """Both readings of the hour that New York has twice, and the hour that it does not have."""
    hive_server.run(
        f"CREATE VIEW {database}.sample AS SELECT CAST(w AS TIMESTAMP WITH LOCAL TIME ZONE) AS x FROM (SELECT STACK(3, "
        "'2023-11-05 05:30:00 UTC', '2023-11-05 06:30:00.000001 UTC', '2023-03-12 02:30:00 UTC') AS w) s"
    )
    assert values(hive_server, database, "timestamp") == [
        datetime(2023, 11, 5, 5, 30, tzinfo=UTC),
        datetime(2023, 11, 5, 6, 30, 0, 1, tzinfo=UTC),
        datetime(2023, 3, 12, 2, 30, tzinfo=UTC),
    ]


def test_a_parquet_instant_in_a_timestamp_column_is_the_servers_local_time(hive_server: HiveServer, database: str) -> None:
    """Which is why such a column is declared local_timestamp, in the zone of the hospital, and never timestamp."""
    stored(hive_server, database, "timestamp", pa.array([datetime(2024, 1, 1, 5, tzinfo=UTC)], pa.timestamp("us", tz="UTC")))
    assert values(hive_server, database, "local_timestamp") == [datetime(2024, 1, 1, 0)]
    with pytest.raises(SourceError) as caught:
        values(hive_server, database, "timestamp")
    assert caught.value.code == "S120"


NESTED: list[tuple[str, str, pa.DataType, list[Any]]] = [
    ("list(date)", "array<date>", pa.list_(pa.date32()), [[date(2024, 2, 29), None], [], None]),
    ("list(local_timestamp)", "array<timestamp>", pa.list_(pa.timestamp("us")), [[datetime(2024, 1, 1, 1, 2, 3, 4)], None]),
    (
        "list(decimal(20,2))",
        "array<decimal(20,2)>",
        pa.list_(pa.decimal128(20, 2)),
        [[Decimal("1.50"), Decimal("123456789012345678.91")], [None]],
    ),
    ("list(double)", "array<double>", pa.list_(pa.float64()), [[1.5, float("inf"), 1e300], [None]]),
    ("list(boolean)", "array<boolean>", pa.list_(pa.bool_()), [[True, None, False]]),
    ("list(list(text))", "array<array<string>>", pa.list_(pa.list_(pa.string())), [[["a", None], None, []]]),
    ("list(text)", "array<string>", pa.list_(pa.string()), [['"\\/\b\f\n\r\t\x01\u2028', "😀", "</script>", "null", ""]]),
    ("map(text,integer)", "map<string,bigint>", pa.map_(pa.string(), pa.int64()), [[("a", 1), ("", None)], [], None]),
    (
        "struct(a integer, b struct(c text))",
        "struct<a:bigint,b:struct<c:string>>",
        pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.string())]))]),
        [{"a": 1, "b": {"c": "x"}}, {"a": None, "b": None}, None],
    ),
]


@pytest.mark.parametrize(("declared", "hive", "arrow", "expected"), NESTED, ids=[case[0] for case in NESTED])
def test_nested_values_come_whole(
    declared: str, hive: str, arrow: pa.DataType, expected: list[Any], hive_server: HiveServer, database: str
) -> None:
    stored(hive_server, database, hive, pa.array(expected, arrow))
    assert values(hive_server, database, declared) == expected


@pytest.mark.parametrize(
    ("declared", "hive", "array", "code"),
    [
        ("integer", "string", pa.array(["7"]), "S120"),
        ("text", "bigint", pa.array([7], pa.int64()), "S120"),
        ("double", "decimal(10,2)", pa.array([Decimal("1.5")], pa.decimal128(10, 2)), "S120"),
        ("decimal(10,2)", "decimal(12,2)", pa.array([Decimal("1.5")], pa.decimal128(12, 2)), "S120"),
        ("uuid", "string", pa.array(["no uuid"]), "S121"),
        ("local_timestamp", "timestamp", pa.array([1], pa.timestamp("ns")), "S121"),
        ("list(integer)", "array<double>", pa.array([[1.5]]), "S120"),
        ("list(struct(a integer))", "array<struct<b:bigint>>", pa.array([[{"b": 1}]]), "S120"),
        ("map(integer,integer)", "map<bigint,bigint>", pa.array([[(1, 2)]], pa.map_(pa.int64(), pa.int64())), "S110"),
        ("list(bytes)", "array<binary>", pa.array([[b"a"]], pa.list_(pa.binary())), "S110"),
    ],
)
def test_what_is_not_as_declared_is_refused_by_name(
    declared: str, hive: str, array: pa.Array, code: str, hive_server: HiveServer, database: str
) -> None:
    stored(hive_server, database, hive, array)
    with pytest.raises(SourceError) as caught:
        values(hive_server, database, declared)
    assert caught.value.code == code
    assert "sample" in caught.value.fact and "x" in caught.value.fact
    assert "no uuid" not in caught.value.fact


def test_a_column_that_is_only_compared_is_held_against_its_declaration_too(hive_server: HiveServer, database: str) -> None:
    """Hive would compare the text with the number, as doubles."""
    stored(hive_server, database, "string", pa.array(["9007199254740993"]))
    table = SqlTable(name="sample", columns=(RawColumn(name="x", type=parse_type("integer")),))
    condition = ColumnTest(Term("x"), ValueSet.of(2**53 + 1))
    adapter = opened(hive_server, database, {"sample": table})
    with pytest.raises(SourceError) as caught:
        read_all(adapter, Scan(relation=TableRelation(table=table), columns=(), conditions=(condition,)))
    adapter.close()
    assert caught.value.code == "S120"


def test_a_table_that_is_gone_is_named_when_only_its_rows_are_counted(hive_server: HiveServer, database: str) -> None:
    adapter = opened(hive_server, database)
    gone = SqlTable(name="gone", columns=(RawColumn(name="x", type=parse_type("integer")),))
    with pytest.raises(SourceError) as caught:
        read_all(adapter, Scan(relation=TableRelation(table=gone), columns=()))
    adapter.close()
    assert (caught.value.code, "gone" in caught.value.fact) == ("S120", True)
