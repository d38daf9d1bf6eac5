"""Trino's types at their edges, from columns that Trino made itself: what arrives, and the same rows with conditions and without."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.interface import Exactness, Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from adapters.trino import TrinoAdapter
from catalog.conditions import Condition, Term, Test, holds
from catalog.relations import Join, JoinRelation, TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, Interval, ValueSet
from tests.integration.trino.tables import adapter, new_schema
from tests.servers.trino import TrinoServer

LONG = "x" * 4_999 + "😀"
"""5,000 signs, the last of four bytes."""

CASES: dict[str, tuple[str, list[tuple[str, Any]]]] = {
    # declared type: Trino expressions of one type, and the values that they are
    "text": (
        "text",
        [("CAST('' AS varchar)", ""), ("'a'''", "a'"), (f"'{LONG}'", LONG), ("U&'\\+01F600'", "😀"), ("' a '", " a "), ("NULL", None)],
    ),
    "char": (
        "text",
        [("CAST('ab' AS char(5))", "ab   "), ("CAST('' AS char(5))", "     "), ("CAST('ab   c' AS char(5))", "ab   "), ("NULL", None)],
    ),
    "tiny": ("integer", [("TINYINT '-128'", -128), ("TINYINT '127'", 127), ("NULL", None)]),
    "small": ("integer", [("SMALLINT '-32768'", -32768), ("SMALLINT '32767'", 32767)]),
    "int": ("bigint", [("INTEGER '-2147483648'", -(2**31)), ("INTEGER '2147483647'", 2**31 - 1)]),
    "big": (
        "integer",
        [
            ("BIGINT '-9223372036854775808'", -(2**63)),
            ("BIGINT '9223372036854775807'", 2**63 - 1),
            ("BIGINT '9007199254740993'", 2**53 + 1),
        ],
    ),
    "real": (
        "double",
        [
            ("REAL '0.1'", 0.10000000149011612),
            ("REAL '3.4028235E38'", 3.4028234663852886e38),
            ("CAST(nan() AS real)", math.nan),
            ("NULL", None),
        ],
    ),
    "double": (
        "double",
        [
            ("DOUBLE '0.1'", 0.1),
            ("nan()", math.nan),
            ("infinity()", math.inf),
            ("-infinity()", -math.inf),
            ("DOUBLE '1.7976931348623157E308'", 1.7976931348623157e308),
            ("DOUBLE '5E-324'", 5e-324),
            ("NULL", None),
        ],
    ),
    "decimal": (
        "decimal(38,10)",
        [
            ("DECIMAL '9999999999999999999999999999.9999999999'", Decimal("9999999999999999999999999999.9999999999")),
            ("DECIMAL '-9999999999999999999999999999.9999999999'", Decimal("-9999999999999999999999999999.9999999999")),
            ("DECIMAL '0000000000000000000000000000.0000000001'", Decimal("0.0000000001")),
        ],
    ),
    "decimal_narrow": ("decimal(19,4)", [("DECIMAL '1.50'", Decimal("1.5000")), ("DECIMAL '-9.99'", Decimal("-9.9900"))]),
    "boolean": ("boolean", [("true", True), ("false", False), ("NULL", None)]),
    "date": (
        "date",
        [("DATE '0001-01-01'", date(1, 1, 1)), ("DATE '9999-12-31'", date(9999, 12, 31)), ("DATE '1582-10-10'", date(1582, 10, 10))],
    ),
    "timestamp0": (
        "local_timestamp",
        [("TIMESTAMP '0001-01-01 00:00:00'", datetime(1, 1, 1)), ("TIMESTAMP '9999-12-31 23:59:59'", datetime(9999, 12, 31, 23, 59, 59))],
    ),
    "timestamp6": (
        "local_timestamp",
        [("TIMESTAMP '9999-12-31 23:59:59.999999'", datetime(9999, 12, 31, 23, 59, 59, 999999)), ("NULL", None)],
    ),
    "timestamp12": (
        "local_timestamp",
        [("TIMESTAMP '2020-02-29 12:00:00.123456000000'", datetime(2020, 2, 29, 12, 0, 0, 123456)), ("NULL", None)],
    ),
    "instant": (
        "timestamp",
        [
            ("TIMESTAMP '2020-01-01 05:30:00.123 +05:30'", datetime(2020, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)),
            ("TIMESTAMP '2019-12-31 19:00:00.123 America/New_York'", datetime(2020, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)),
            ("TIMESTAMP '2020-01-01 00:00:00.124 UTC'", datetime(2020, 1, 1, 0, 0, 0, 124000, tzinfo=UTC)),
            ("TIMESTAMP '0001-01-01 14:00:00.000 +14:00'", datetime(1, 1, 1, tzinfo=UTC)),
            ("TIMESTAMP '9999-12-31 09:59:59.999 -14:00'", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
            ("NULL", None),
        ],
    ),
    "instant9": ("timestamp", [("TIMESTAMP '1969-12-31 23:59:59.000001000 UTC'", datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC))]),
    "uuid": ("uuid", [("UUID '0a7eab76-a0e4-7895-581c-a1568ba1c7b1'", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"), ("NULL", None)]),
    "uuid_text": ("uuid", [("'0a7eab76-A0e4-7895-581c-a1568ba1c7b1'", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"), ("NULL", None)]),
    "bytes": ("bytes", [("X''", b""), ("X'00FF'", b"\x00\xff"), ("CAST(NULL AS varbinary)", None)]),
    "numbers": ("list(double)", [("ARRAY[DOUBLE '0.5', nan(), NULL]", [0.5, math.nan, None]), ("NULL", None), ("ARRAY[]", [])]),
    "instants": (
        "list(timestamp)",
        [("ARRAY[TIMESTAMP '2020-07-01 00:00:00.5 Europe/Berlin', NULL]", [datetime(2020, 6, 30, 22, 0, 0, 500000, tzinfo=UTC), None])],
    ),
    "by_number": ("map(integer,decimal(5,2))", [("MAP(ARRAY[7, -1], ARRAY[DECIMAL '2.50', NULL])", [(7, Decimal("2.50")), (-1, None)])]),
    "by_date": ("map(date,boolean)", [("MAP(ARRAY[DATE '2020-02-29'], ARRAY[true])", [(date(2020, 2, 29), True)])]),
    "record": (
        "struct(id uuid, raw bytes, parts list(struct(n integer, r double)))",
        [
            (
                "CAST(ROW(UUID '0a7eab76-a0e4-7895-581c-a1568ba1c7b1', X'00', ARRAY[ROW(1, REAL '0.1'), NULL]) AS row(id uuid, raw varbinary, parts array(row(n bigint, r real))))",
                {"id": "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1", "raw": b"\x00", "parts": [{"n": 1, "r": 0.10000000149011612}, None]},
            ),
            ("NULL", None),
        ],
    ),
}

UNREADABLE = {
    "finer": ("local_timestamp", "TIMESTAMP '2020-01-01 00:00:00.1234561'"),
    "instant": ("timestamp", "TIMESTAMP '2020-01-01 00:00:00.123456001 UTC'"),
    "late": ("date", "DATE '10000-01-01'"),
    "early": ("date", "DATE '-0001-01-01'"),
    "later": ("local_timestamp", "TIMESTAMP '10000-01-01 00:00:00'"),
    "uuid": ("uuid", "'no uuid'"),
    "inner": ("list(local_timestamp)", "ARRAY[TIMESTAMP '2020-01-01 00:00:00.1234561']"),
}

OTHER_TYPES = {
    "json": ("text", "JSON '{}'"),
    "clock": ("text", "TIME '01:02:03'"),
    "number": ("text", "1"),
    "zoneless": ("timestamp", "TIMESTAMP '2020-01-01 00:00:00'"),
    "zoned": ("local_timestamp", "TIMESTAMP '2020-01-01 00:00:00 UTC'"),
    "wide": ("decimal(5,2)", "DECIMAL '1234.56'"),
    "fine": ("decimal(5,2)", "DECIMAL '1.234'"),
    "fraction": ("integer", "DOUBLE '1.5'"),
    "fields": ("struct(a integer)", "CAST(ROW(1, 2) AS row(a bigint, b bigint))"),
    "order": ("struct(a integer, b integer)", "CAST(ROW(1, 2) AS row(b bigint, a bigint))"),
}


@pytest.fixture(scope="module")
def schema(trino_server: TrinoServer) -> Iterator[str]:
    with new_schema(trino_server) as name:
        yield name


@pytest.fixture(scope="module")
def source(trino_server: TrinoServer, schema: str) -> Iterator[TrinoAdapter]:
    with closing(adapter(trino_server.url("memory", schema))) as opened:
        yield opened


def made(server: TrinoServer, schema: str, name: str, declared: str, expressions: list[str]) -> SqlTable:
    """A table `name` of an id from 0 and a column `value`."""
    rows = ", ".join(f"({number}, {expression})" for number, expression in enumerate(expressions))
    server.execute(f"CREATE TABLE memory.{schema}.{name} AS SELECT * FROM (VALUES {rows}) AS t(id, value)")
    columns = (RawColumn(name="id", type=parse_type("integer")), RawColumn(name="value", type=parse_type(declared)))
    return SqlTable(name=name, columns=columns)


def everything(source: TrinoAdapter, table: SqlTable, *conditions: Condition) -> dict[int, Any]:
    scan = Scan(relation=TableRelation(table=table), columns=("id", "value"), conditions=conditions)
    return {row["id"]: row["value"] for row in rows_of(read_all(source, scan))}


def same(left: Any, right: Any) -> bool:
    """NaN is NaN, and 1 is not True; UTC has two names."""

    def shown(value: Any) -> str:
        return repr(value).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc")

    return shown(left) == shown(right)


@pytest.mark.parametrize("name", CASES)
def test_values_arrive_as_they_are_and_conditions_keep_the_rows(
    name: str, trino_server: TrinoServer, schema: str, source: TrinoAdapter
) -> None:
    declared, cases = CASES[name]
    table = made(trino_server, schema, f"arrive_{name}", declared, [expression for expression, _ in cases])
    found = everything(source, table)
    assert same(found, dict(enumerate(value for _, value in cases)))
    for condition in conditions(declared, [value for _, value in cases if value is not None]):
        (verdict,) = source.classify(Scan(relation=TableRelation(table=table), columns=("id",), conditions=(condition,)))
        assert verdict.exactness is Exactness.EXACT, condition
        wanted = {id: value for id, value in found.items() if holds(condition, {"value": value})}
        assert same(everything(source, table, condition), wanted), condition


def conditions(declared: str, values: list[Any]) -> Iterator[Condition]:
    """Tests around each of the values; of nested types, whether they are NULL."""
    sets = [NULL_ONLY, NOT_NULL]
    if not declared.startswith(("list", "map", "struct")):
        points = sorted({value for value in values if value == value})
        sets += [ValueSet.of(*points), ValueSet.of(*points).complement(), ValueSet.of(*points).complement().without_null()]
        for point in points:
            sets += [ValueSet.of(point), ValueSet.of(point).complement().without_null()]
            sets += [ValueSet.range(low=point), ValueSet.range(high=point), ValueSet.range(low=point, low_closed=True)]
            sets.append(ValueSet.build([Interval(None, point, False, True)], null=True))
        if declared == "text":
            sets += [
                ValueSet.of("ab"),
                ValueSet.of("ab").complement().without_null(),
                ValueSet.range(high="ab ", high_closed=True),
                ValueSet.prefix("ab"),
            ]
    for one in sets:
        yield Test(Term("value"), one)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_value_that_the_declared_type_cannot_hold_is_refused(
    name: str, trino_server: TrinoServer, schema: str, source: TrinoAdapter
) -> None:
    declared, expression = UNREADABLE[name]
    table = made(trino_server, schema, f"unreadable_{name}", declared, [expression])
    with pytest.raises(SourceError) as caught:
        everything(source, table)
    assert caught.value.code == "S121"
    assert f"unreadable_{name}" in caught.value.fact
    assert "column value" in caught.value.fact
    assert not any(part in f"{caught.value.fact} {caught.value.hint}" for part in ("2020", "10000", "no uuid"))


@pytest.mark.parametrize("name", OTHER_TYPES)
def test_another_type_is_drift(name: str, trino_server: TrinoServer, schema: str, source: TrinoAdapter) -> None:
    declared, expression = OTHER_TYPES[name]
    table = made(trino_server, schema, f"other_{name}", declared, [expression])
    with pytest.raises(SourceError) as caught:
        everything(source, table)
    assert caught.value.code == "S120"
    assert f"other_{name}, column value" in caught.value.fact


def test_describe_writes_types_that_it_can_read_again(trino_server: TrinoServer) -> None:
    with new_schema(trino_server) as schema, closing(adapter(trino_server.url("memory", schema))) as source:
        trino_server.execute(
            f"CREATE TABLE memory.{schema}.odd AS SELECT CAST('a' AS char(3)) AS \"Name With Blank\", TIME '01:02:03' AS clock, "
            "CAST(ROW(1, 'a') AS row(\"Seq\" bigint, code varchar(3))) AS record, ARRAY[TIMESTAMP '2020-01-01 00:00:00.1 UTC'] AS times, "
            "DECIMAL '1.25' AS amount"
        )
        described = source.describe("ODD")
        assert {name: [f"{column.name} {column.type}" for column in table.columns] for name, table in described.items()} == {
            "odd": ["name with blank text", "record struct(Seq bigint, code text)", "times list(timestamp)", "amount decimal(3,2)"]
        }
        scan = Scan(relation=TableRelation(table=described["odd"]), columns=("amount", "record", "name with blank"))
        assert rows_of(read_all(source, scan)) == [{"amount": Decimal("1.25"), "record": {"Seq": 1, "code": "a"}, "name with blank": "a  "}]


ODD_NUMBERS = [
    "38", " 38 ", "38.0", "+38", "3.8e1", "38.", ".5", "1_000", "0x26", "38f", "38d", "inf", "-Infinity", "NaN", "nan", "1e400", "-1e400", "1e-400",
    "", " ", "N/A", "38,0", "３８", "0b1", "1e", "--1", "9007199254740993", "0.1", "100.4", "\t7\n", "1e3", "INF", "infinity", "+nan", "1__0", "1e1_0",
    "1F", "1.d ", "1\x1f", "\x1c7",
]  # fmt: skip


def test_numbers_in_texts_never_lose_a_row_that_the_gateway_would_read(
    trino_server: TrinoServer, schema: str, source: TrinoAdapter
) -> None:
    import duckdb

    literals = ["'" + text.replace("'", "''") + "'" for text in ODD_NUMBERS]
    table = made(trino_server, schema, "numbers", "text", literals)
    column = ", ".join(f"({number}, {literal})" for number, literal in enumerate(literals))
    reading = duckdb.sql(f"SELECT id, TRY_CAST(text AS DOUBLE) FROM (VALUES {column}) AS t(id, text)").fetchall()
    read = dict(reading)
    assert read[0] == 38.0
    assert read[7] == 1000.0  # the gateway reads '1_000', Trino does not
    for wanted in (
        ValueSet.of(38.0),
        ValueSet.of(1000.0, 7.0),
        ValueSet.range(low=37.5),
        ValueSet.range(high=100.4),
        ValueSet.of(38.0).complement().without_null(),
        ValueSet.build([Interval(1000.0, 1000.0, True, True)], null=True),
    ):
        condition = Test(Term("value", "number"), wanted, exact=False)
        (verdict,) = source.classify(Scan(relation=TableRelation(table=table), columns=("id",), conditions=(condition,)))
        assert verdict.exactness is Exactness.SUPERSET
        found = set(everything(source, table, verdict.pushed))
        lost = {ODD_NUMBERS[id] for id, value in read.items() if wanted.contains(value) and id not in found}
        assert lost == set()
    kept = everything(source, table, Test(Term("value", "number"), ValueSet.of(38.0), exact=False)).values()
    assert {"38", " 38 ", "3.8e1"} <= set(kept)
    assert not {"N/A", "100.4", "0.1", ""} & set(kept)


def test_joins_compare_values_as_the_gateway_does(trino_server: TrinoServer, schema: str, source: TrinoAdapter) -> None:
    """Blanks count, NaN meets NaN, and upper-case meets lower-case in a uuid."""
    left = (
        "SELECT * FROM (VALUES (1, CAST('ab' AS char(4)), nan(), UUID '0a7eab76-a0e4-7895-581c-a1568ba1c7b1')) AS t(id, code, number, guid)"
    )
    right = (
        "SELECT * FROM (VALUES (1, 'ab', nan(), '0A7EAB76-A0E4-7895-581C-A1568BA1C7B1'), "
        "(2, 'ab  ', DOUBLE '1', '0a7eab76-a0e4-7895-581c-a1568ba1c7b2')) AS t(id, code, number, guid)"
    )
    trino_server.execute(f"CREATE TABLE memory.{schema}.join_left AS {left}")
    trino_server.execute(f"CREATE TABLE memory.{schema}.join_right AS {right}")
    types = {"id": "integer", "code": "text", "number": "double", "guid": "uuid"}
    columns = tuple(RawColumn(name=name, type=parse_type(type)) for name, type in types.items())
    met = {}
    for key in ("code", "number", "guid"):
        join = Join(kind="inner", alias="r", table=SqlTable(name="join_right", columns=columns), on=((f"l.{key}", f"r.{key}"),))
        relation = JoinRelation(alias="l", table=SqlTable(name="join_left", columns=columns), joins=(join,))
        met[key] = [row["r.id"] for row in rows_of(read_all(source, Scan(relation=relation, columns=("r.id",))))]
    assert met == {"code": [2], "number": [1], "guid": [1]}


def test_conditions_reach_the_connector(trino_server: TrinoServer) -> None:
    """tpch prunes by orderstatus: the cast that compares char and varchar alike does not stand in the way."""
    columns = (RawColumn(name="orderkey", type=parse_type("integer")), RawColumn(name="orderstatus", type=parse_type("text")))
    relation = TableRelation(table=SqlTable(name="orders", columns=columns))
    with closing(adapter(trino_server.url("tpch", "tiny"))) as source:
        scan = Scan(relation=relation, columns=("orderkey",), conditions=(Test(Term("orderstatus"), ValueSet.of("F", "P")),))
        plan = str(trino_server.execute(f"EXPLAIN {source.explain(scan)}")[0][0])
    assert ":: [[F], [P]]" in plan
    assert "filterPredicate" not in plan


def test_parquet_statistics_do_not_lose_rows(trino_server: TrinoServer) -> None:
    """A table of Parquet files: NaN, times beyond microseconds and long texts under conditions that the reader checks against statistics."""
    types = {"id": "integer", "number": "double", "code": "text", "at": "local_timestamp"}
    relation = TableRelation(table=SqlTable(name="stored", columns=tuple(RawColumn(name=n, type=parse_type(t)) for n, t in types.items())))
    with new_schema(trino_server, "hive") as schema, closing(adapter(trino_server.url("hive", schema))) as source:
        trino_server.execute(
            f"CREATE TABLE hive.{schema}.stored WITH (format = 'PARQUET') AS SELECT * FROM (VALUES (1, nan(), CAST('é' AS varchar), TIMESTAMP '2020-01-01 00:00:00.000001000'), "
            f"(2, DOUBLE '1.5', '{LONG}', TIMESTAMP '9999-12-31 23:59:59.999999000'), (3, infinity(), '', NULL), (4, NULL, NULL, TIMESTAMP '0001-01-01 00:00:00.000000000')) AS t(id, number, code, at)"
        )
        found = rows_of(read_all(source, Scan(relation=relation, columns=tuple(types))))
        assert {row["id"]: row["at"] for row in found} == {
            1: datetime(2020, 1, 1, 0, 0, 0, 1),
            2: datetime(9999, 12, 31, 23, 59, 59, 999999),
            3: None,
            4: datetime(1, 1, 1),
        }
        tests = [
            Test(Term("number"), ValueSet.range(low=2.0)),
            Test(Term("number"), ValueSet.of(1.5).complement()),
            Test(Term("number"), ValueSet.range(high=math.inf)),
            Test(Term("code"), ValueSet.range(low="x")),
            Test(Term("code"), ValueSet.of("", LONG)),
            Test(Term("at"), ValueSet.range(low=datetime(2020, 1, 1), high=datetime(2021, 1, 1))),
            Test(Term("at"), ValueSet.of(datetime(9999, 12, 31, 23, 59, 59, 999999))),
        ]
        for test in tests:
            kept = rows_of(read_all(source, Scan(relation=relation, columns=("id",), conditions=(test,))))
            assert sorted(row["id"] for row in kept) == sorted(row["id"] for row in found if holds(test, row)), test


def test_elements_with_their_place_under_a_condition_on_the_place_alone(
    trino_server: TrinoServer, schema: str, source: TrinoAdapter
) -> None:
    table = made(trino_server, schema, "listed", "list(text)", ["ARRAY['a', NULL, 'c']", "ARRAY['d']", "NULL"])
    relation = UnnestRelation(table=table, column="value", alias="item", ordinality="place")
    scan = Scan(relation=relation, columns=("id", "item"), conditions=(Test(Term("place"), ValueSet.range(low=1)),))
    assert sorted((row["id"], row["item"] or "") for row in rows_of(read_all(source, scan))) == [(0, ""), (0, "c")]


def test_the_trino_package_reads_the_same(trino_server: TrinoServer) -> None:
    """The given package as a second opinion on our page loop and types."""
    import trino.dbapi

    types = {
        "orderkey": "integer",
        "custkey": "integer",
        "orderstatus": "text",
        "totalprice": "double",
        "orderdate": "date",
        "comment": "text",
    }
    relation = TableRelation(table=SqlTable(name="orders", columns=tuple(RawColumn(name=n, type=parse_type(t)) for n, t in types.items())))
    with closing(adapter(trino_server.url("tpch", "tiny"))) as source:
        ours = [tuple(row.values()) for row in rows_of(read_all(source, Scan(relation=relation, columns=tuple(types))))]
    with closing(trino.dbapi.connect(host=trino_server.host, port=trino_server.port, user="test")) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT {', '.join(types)} FROM tpch.tiny.orders")
        theirs = [tuple(row) for row in cursor.fetchall()]
    assert len(ours) == 15_000
    assert sorted(ours) == sorted(theirs)


ODD_TEXTS = ["a\x00b", "line\nbreak", "\r\n", "\t", "\\", "\\n", "\u2028", "\x7f", "'", "''", '"', "%", "?", ":x", "$1", "--c", "/*x*/", "{{x}}", "\ufeff",
             "e\u0301", "é", "x'41'", "U&'\\0041'"]  # fmt: skip


def test_odd_texts_and_names_stay_what_they_are(trino_server: TrinoServer, schema: str, source: TrinoAdapter) -> None:
    """Nothing in a constant or a name is taken for SQL, on any of the ways there and back."""
    literal = json.dumps(ODD_TEXTS).replace("'", "''")
    trino_server.execute(
        f'CREATE TABLE memory.{schema}."odd Name; --" AS SELECT n AS "sel""ect", v AS "a value\'s" '
        f"FROM UNNEST(CAST(json_parse('{literal}') AS array(varchar))) WITH ORDINALITY AS t(v, n)"
    )
    columns = (RawColumn(name='sel"ect', type=parse_type("integer")), RawColumn(name="a value's", type=parse_type("text")))
    relation = TableRelation(table=SqlTable(name="odd Name; --", columns=columns))
    found = rows_of(read_all(source, Scan(relation=relation, columns=('sel"ect', "a value's"))))
    assert [row["a value's"] for row in sorted(found, key=lambda row: row['sel"ect'])] == ODD_TEXTS
    for place, text in enumerate(ODD_TEXTS, 1):
        scan = Scan(relation=relation, columns=('sel"ect',), conditions=(Test(Term("a value's"), ValueSet.of(text)),))
        assert rows_of(read_all(source, scan)) == [{'sel"ect': place}], repr(text)
