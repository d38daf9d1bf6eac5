"""Values at the edges of SQL Server's own types: written by T-SQL, read through the adapter, and asked for by what the client sees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from adapters.interface import Exactness, ReadContext, Scan, SourceError
from adapters.sqlserver import SqlServerAdapter, open_source
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Term, Test
from catalog.relations import Join, JoinRelation, TableRelation
from catalog.source_tables import SqlTable
from catalog.values import ValueSet
from tests.adapters.duckdb.test_text_files import table
from tests.integration.sqlserver.sources import source_of

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

MANY = 300
"""Copies of each value: the first rows of a result come as rows, the rest in blocks, and both must say the same."""

TIME = datetime
CASES: list[tuple[str, str, list[tuple[str, Any]]]] = [
    ("tinyint", "integer", [("0", 0), ("255", 255)]),
    ("smallint", "integer", [("-32768", -32768), ("32767", 32767)]),
    ("int", "integer", [("-2147483648", -(2**31)), ("2147483647", 2**31 - 1)]),
    ("bigint", "bigint", [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1)]),
    ("bit", "boolean", [("0", False), ("1", True)]),
    ("real", "double", [("0.5", 0.5), ("-3.4028234663852886E+38", -3.4028234663852886e38)]),
    (
        "float",
        "double",
        [("1.7976931348623157E+308", 1.7976931348623157e308), ("2.2250738585072014E-308", 2.2250738585072014e-308), ("0.1", 0.1)],
    ),
    (
        "decimal(38,10)",
        "decimal(38,10)",
        [
            ("9999999999999999999999999999.9999999999", Decimal("9999999999999999999999999999.9999999999")),
            ("-0.0000000001", Decimal("-0.0000000001")),
            ("0", Decimal("0E-10")),
        ],
    ),
    ("numeric(18,4)", "decimal(19,4)", [("1.5", Decimal("1.5000"))]),
    (
        "money",
        "decimal(19,4)",
        [("922337203685477.5807", Decimal("922337203685477.5807")), ("-922337203685477.5808", Decimal("-922337203685477.5808"))],
    ),
    ("smallmoney", "decimal(10,4)", [("214748.3647", Decimal("214748.3647")), ("-214748.3648", Decimal("-214748.3648"))]),
    ("date", "date", [("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31)), ("'1582-10-10'", date(1582, 10, 10))]),
    (
        "datetime2(7)",
        "local_timestamp",
        [
            ("'0001-01-01 00:00:00'", TIME(1, 1, 1)),
            ("'9999-12-31 23:59:59.9999999'", TIME(9999, 12, 31, 23, 59, 59, 999_999)),
            ("'2024-02-29 12:34:56.1234569'", TIME(2024, 2, 29, 12, 34, 56, 123_456)),
            ("'1899-12-31 00:00:00.0000001'", TIME(1899, 12, 31)),
        ],
    ),
    ("datetime2(0)", "local_timestamp", [("'2024-02-29 12:34:56'", TIME(2024, 2, 29, 12, 34, 56))]),
    (
        "datetime",
        "local_timestamp",
        [
            ("'2024-02-29 12:34:56.003'", TIME(2024, 2, 29, 12, 34, 56, 3_000)),
            ("'2024-02-29 12:34:56.007'", TIME(2024, 2, 29, 12, 34, 56, 7_000)),
            ("'2024-02-29 12:34:56.999'", TIME(2024, 2, 29, 12, 34, 57)),
            ("'1753-01-01 00:00:00'", TIME(1753, 1, 1)),
            ("'9999-12-31 23:59:59.997'", TIME(9999, 12, 31, 23, 59, 59, 997_000)),
        ],
    ),
    ("smalldatetime", "local_timestamp", [("'2079-06-06 23:59:00'", TIME(2079, 6, 6, 23, 59))]),
    (
        "datetimeoffset(7)",
        "timestamp",
        [
            ("'0001-01-01 00:00:00 +00:00'", TIME(1, 1, 1, tzinfo=UTC)),
            ("'0001-01-01 14:00:00 +14:00'", TIME(1, 1, 1, tzinfo=UTC)),
            ("'9999-12-31 23:59:59.9999999 +00:00'", TIME(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
            ("'2024-02-29 00:00:00.1234567 -05:00'", TIME(2024, 2, 29, 5, 0, 0, 123_456, tzinfo=UTC)),
            ("'2024-02-29 00:00:00 +05:45'", TIME(2024, 2, 28, 18, 15, tzinfo=UTC)),
        ],
    ),
    ("uniqueidentifier", "uuid", [("'0a7eab76-a0e4-7895-581c-a1568ba1c7b1'", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1")]),
    ("char(5)", "text", [("'ab'", "ab   "), ("''", "     ")]),
    ("nchar(3)", "text", [("N'李'", "李  ")]),
    ("varchar(20)", "text", [("'é'", "é"), ("'€'", "€"), ("N'李'", "?")]),
    ("nvarchar(20)", "text", [("N''", ""), ("N'😀'", "😀"), ("N' a '", " a ")]),
    ("nvarchar(max)", "text", [("REPLICATE(CAST(N'李' AS nvarchar(max)), 5000)", "李" * 5_000), ("N''", "")]),
    ("varchar(max)", "text", [("REPLICATE(CAST('x' AS varchar(max)), 9000)", "x" * 9_000)]),
    ("time(7)", "text", [("'23:59:59.9999999'", "23:59:59.9999999"), ("'00:00:00'", "00:00:00.0000000")]),
    ("binary(4)", "bytes", [("CAST('ab' AS binary(4))", b"ab\0\0")]),
    ("varbinary(10)", "bytes", [("CAST('ab' AS varbinary(10))", b"ab")]),
]


@contextmanager
def over(server: TdsServer, *tables: tuple[SqlTable, str, Sequence[str]]) -> Iterator[SqlServerAdapter]:
    """The adapter over a new database with tables made by T-SQL: their columns, and rows as VALUES."""
    database = f"test_{uuid4().hex[:12]}"
    server.execute_ddl(f"CREATE DATABASE [{database}]")
    for declared, columns, rows in tables:
        server.execute_ddl(f"CREATE TABLE dbo.[{declared.name}] ({columns})", database)
        for start in range(0, len(rows), 500):
            server.execute_ddl(f"INSERT INTO dbo.[{declared.name}] VALUES {', '.join(rows[start : start + 500])}", database)
    adapter = open_source(source_of(server, database, {declared.name: declared for declared, _, _ in tables}))
    try:
        yield adapter
    finally:
        adapter.close()


def values(adapter: SqlServerAdapter, declared: SqlTable, *conditions: Test) -> list[tuple[Any, ...]]:
    scan = Scan(relation=TableRelation(table=declared), columns=("id", "v"), conditions=conditions)
    assert all(verdict.exactness is Exactness.EXACT for verdict in adapter.classify(scan))
    batches = read_all(adapter, scan, ReadContext(deadline=time.monotonic() + 30))
    return sorted((row["id"], row["v"]) for row in rows_of(batches))


@pytest.mark.parametrize(("native", "raw", "cases"), CASES, ids=[native for native, _, _ in CASES])
def test_a_value_comes_as_it_is_and_is_found_by_what_it_is(
    native: str, raw: str, cases: list[tuple[str, Any]], tds_server: TdsServer
) -> None:
    declared = table("edge", id="integer", v=raw)
    literals = [*(literal for literal, _ in cases), "NULL"]
    wanted = [*(value for _, value in cases), None]
    rows = [f"({number}, {literals[number % len(literals)]})" for number in range(min(MANY, 60) if "max" in native else MANY)]
    with over(tds_server, (declared, f"id int, v {native}", rows)) as adapter:
        found = values(adapter, declared)
        assert found == [(number, wanted[number % len(wanted)]) for number in range(len(rows))]
        for value in dict.fromkeys(value for _, value in cases):
            same = [(number, one) for number, one in found if one == value]
            other = [(number, one) for number, one in found if one is not None and one != value]
            assert values(adapter, declared, Test(Term("v"), ValueSet.of(value))) == same, value
            assert values(adapter, declared, Test(Term("v"), ValueSet.of(value).complement().without_null())) == other, value
            if raw in ("text", "uuid", "bytes", "boolean"):
                continue
            assert values(adapter, declared, Test(Term("v"), ValueSet.range(low=value))) == [row for row in other if row[1] > value]
            closed = ValueSet.range(high=value, high_closed=True)
            assert values(adapter, declared, Test(Term("v"), closed)) == sorted([*same, *(row for row in other if row[1] < value)])


def test_what_is_not_as_declared_is_named(tds_server: TdsServer) -> None:
    for native, raw in (("nvarchar(20)", "integer"), ("datetime2(7)", "timestamp"), ("decimal(38,0)", "decimal(38,10)"), ("int", "text")):
        declared = table("drift", id="integer", v=raw)
        with over(tds_server, (declared, f"id int, v {native}", ["(1, NULL)"])) as adapter:
            with pytest.raises(SourceError) as caught:
                values(adapter, declared)
            assert caught.value.code == "S120"
            assert "column v of table drift" in caught.value.fact


def test_a_value_that_does_not_fit_its_declaration_is_an_error(tds_server: TdsServer) -> None:
    declared = table("narrow", id="integer", v="decimal(18,2)")
    with over(tds_server, (declared, "id int, v decimal(18,4)", ["(1, 1.25)", "(2, 1.2345)"])) as adapter:
        with pytest.raises(SourceError) as caught:
            values(adapter, declared)
        assert (caught.value.code, "table narrow, column v" in caught.value.fact, "1.2345" in caught.value.fact) == ("S121", True, False)


def test_a_column_that_changes_its_type_is_written_anew(tds_server: TdsServer) -> None:
    """What is known of columns is asked again when the server says that something is gone."""
    declared = table("moving", id="integer", v="text")
    with over(tds_server, (declared, "id int, v nvarchar(10)", ["(1, N'a')"])) as adapter:
        assert values(adapter, declared) == [(1, "a")]
        tds_server.execute_ddl("DROP TABLE dbo.moving", adapter.database)
        with pytest.raises(SourceError) as caught:
            values(adapter, declared)
        assert (caught.value.code, caught.value.fact) == ("S120", "table moving is not there")
        tds_server.execute_ddl("CREATE TABLE dbo.moving (id int, v varchar(10))", adapter.database)
        tds_server.execute_ddl("INSERT INTO dbo.moving VALUES (2, 'b')", adapter.database)
        assert values(adapter, declared) == [(2, "b")]


def test_codes_of_two_pages_are_joined_by_their_signs(tds_server: TdsServer) -> None:
    """A varchar and an nvarchar of another collation: the server's own equality would be an error."""
    left, right = table("left_side", id="integer", v="text"), table("right_side", id="integer", w="text")
    relation = JoinRelation(alias="l", table=left, joins=(Join(kind="inner", alias="r", table=right, on=(("l.v", "r.w"),)),))
    one = (left, "id int, v varchar(10)", ["(1, 'é')", "(2, 'E')", "(3, 'x ')", "(4, NULL)"])
    other = (right, "id int, w nvarchar(10) COLLATE Latin1_General_100_CI_AI", ["(5, N'é')", "(6, N'e')", "(7, N'x')", "(8, NULL)"])
    with over(tds_server, one, other) as adapter:
        scan = Scan(relation=relation, columns=("l.id", "r.id"))
        assert [tuple(row.values()) for row in rows_of(read_all(adapter, scan))] == [(1, 5)]


def test_a_table_that_the_mapping_does_not_name_can_be_read(tds_server: TdsServer) -> None:
    """As `sources describe` finds it: the catalog views are asked for the tables of the mapping only, until another is read."""
    one, other = table("one", id="integer", v="text"), table("other", id="integer", v="text")
    rows = ["(1, N'a')"]
    with over(tds_server, (one, "id int, v nvarchar(5)", rows), (other, "id int, v nvarchar(5)", rows)) as adapter:
        only_one = open_source(source_of(tds_server, adapter.database, {"one": one}))
        try:
            assert values(only_one, one) == values(only_one, only_one.describe()["other"]) == [(1, "a")]
            assert values(only_one, other, Test(Term("v"), ValueSet.of("a"))) == [(1, "a")]
        finally:
            only_one.close()


def test_a_view_is_read_like_a_table(tds_server: TdsServer) -> None:
    base, view = table("base", id="integer", v="text"), table("shown", id="integer", v="text")
    with over(tds_server, (base, "id int, v nvarchar(5)", ["(1, N'a')", "(2, N'A')", "(3, NULL)"])) as adapter:
        tds_server.execute_ddl("CREATE VIEW dbo.shown AS SELECT id, v FROM dbo.base WHERE id < 3", adapter.database)
        found = adapter.describe()
        assert sorted(found) == ["base", "shown"]
        assert values(adapter, view, Test(Term("v"), ValueSet.of("a"))) == [(1, "a")]


def test_describe_tells_types_keys_and_nulls(tds_server: TdsServer) -> None:
    columns = "id int NOT NULL, part tinyint NOT NULL, v nvarchar(10), cost money, at datetimeoffset(7) NOT NULL, PRIMARY KEY (part, id)"
    with over(tds_server, (table("keyed", id="integer"), columns, [])) as adapter:
        found = adapter.describe("keyed")["keyed"]
    assert found.key == ("part", "id")
    assert [(column.name, str(column.type), column.nullable) for column in found.columns] == [
        ("id", "integer", False),
        ("part", "integer", False),
        ("v", "text", True),
        ("cost", "decimal(19,4)", True),
        ("at", "timestamp", False),
    ]
