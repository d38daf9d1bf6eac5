"""What Hive 4.0.1 gets wrong or means otherwise, and the dialect must not: each test fails if its line in dialect.py is taken away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from adapters.hive import HiveAdapter
from adapters.interface import Exactness, Scan
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import AllOf, Term
from catalog.conditions import Test as ColumnTest
from catalog.relations import Join, JoinRelation, TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER, Type, parse_type
from catalog.values import NULL_ONLY, ValueSet
from tests.integration.hive.sources import opened
from tests.servers.hive import FileFormat, HiveServer, hive_type

TEXTS = [
    *("", " ", "A", "a", "a ", "é", "ﬀ", "\ue000", "\uffff", "😀", "\U0010ffff", "李雷"),
    *("\\", "\\\\", "'", '"', "\\'", "a\nb", "\n-- comment\n", "\r\t\x08\x1a", "\x00", "a\x00b", "\x7f"),
    *("${hiveconf:hive.execution.engine}", "${x}", "$", ";", "a;b", "%", "\\%", "_", "\\u0041", "\\101", "/* x */", "x" * 5_000),
]
DOUBLES = [math.nan, 1.0, -0.0, 0.0, -5.0, math.inf, -math.inf, 1e300, 5e-324]


def table_of(type: Type) -> SqlTable:
    return SqlTable(name="sample", columns=(RawColumn(name="id", type=INTEGER), RawColumn(name="x", type=type)), key=("id",))


def filled(
    server: HiveServer, database: str, type: Type, values: Sequence[Any], form: FileFormat, stored: pa.DataType | None = None
) -> HiveAdapter:
    from adapters.arrow_types import arrow_type

    table = table_of(type)
    rows = pa.table({"id": pa.array(range(len(values)), pa.int64()), "x": pa.array(values, stored or arrow_type(type))})
    server.load(table, rows, database, form)
    return opened(server, database, {"sample": table})


def ids(adapter: HiveAdapter, type: Type, wanted: ValueSet, kind: Any = "value") -> tuple[Exactness, set[int]]:
    """The verdict, and the ids of the rows that come under it."""
    relation = TableRelation(table=table_of(type))
    condition = ColumnTest(Term("x", kind), wanted, exact=kind == "value")
    (verdict,) = adapter.classify(Scan(relation=relation, columns=("id",), conditions=(condition,)))
    found = read_all(adapter, Scan(relation=relation, columns=("id",), conditions=(verdict.pushed,)))
    return verdict.exactness, {row["id"] for row in rows_of(found)}


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_each_text_is_found_by_itself_and_by_nothing_else(form: FileFormat, hive_server: HiveServer, database: str) -> None:
    type = parse_type("text")
    adapter = filled(hive_server, database, type, TEXTS, form)
    for number, text in enumerate(TEXTS):
        assert ids(adapter, type, ValueSet.of(text)) == (Exactness.EXACT, {number}), ascii(text)[:50]
    adapter.close()


@pytest.mark.parametrize("form", ["parquet", "orc"])
@pytest.mark.parametrize("bound", ["", "a", "é", "ﬀ", "\ue000", "😀", "\U0010ffff"])
def test_texts_are_in_the_order_of_code_points_whatever_the_file_says(
    bound: str, form: FileFormat, hive_server: HiveServer, database: str
) -> None:
    type = parse_type("text")
    adapter = filled(hive_server, database, type, TEXTS, form)
    above = {number for number, text in enumerate(TEXTS) if text >= bound}
    assert ids(adapter, type, ValueSet.range(low=bound, low_closed=True)) == (Exactness.EXACT, above)
    assert ids(adapter, type, ValueSet.range(high=bound)) == (Exactness.EXACT, set(range(len(TEXTS))) - above)
    assert ids(adapter, type, ValueSet.of(bound).complement()) == (
        Exactness.EXACT,
        {number for number, text in enumerate(TEXTS) if text != bound},
    )
    adapter.close()


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_nan_is_above_all_and_zero_has_no_sign(form: FileFormat, hive_server: HiveServer, database: str) -> None:
    type = parse_type("double")
    adapter = filled(hive_server, database, type, DOUBLES, form)
    assert ids(adapter, type, ValueSet.range(low=0.0)) == (Exactness.EXACT, {0, 1, 5, 7, 8})
    assert ids(adapter, type, ValueSet.range(low=0.0, low_closed=True)) == (Exactness.EXACT, {0, 1, 2, 3, 5, 7, 8})
    assert ids(adapter, type, ValueSet.range(high=0.0)) == (Exactness.EXACT, {4, 6})
    assert ids(adapter, type, ValueSet.range(high=math.inf)) == (Exactness.EXACT, {1, 2, 3, 4, 6, 7, 8})
    assert ids(adapter, type, ValueSet.of(0.0, 1.0)) == (Exactness.EXACT, {1, 2, 3})
    assert ids(adapter, type, ValueSet.of(0.0).complement()) == (Exactness.EXACT, {0, 1, 4, 5, 6, 7, 8})
    adapter.close()


def test_nan_is_above_all_in_a_vectorized_job_too(hive_server: HiveServer, database: str) -> None:
    """A join is a job; its scans compare whole batches, with the processor's idea of NaN."""
    type = parse_type("double")
    adapter = filled(hive_server, database, type, DOUBLES, "orc")
    table = table_of(type)
    relation = JoinRelation(alias="a", table=table, joins=(Join(kind="inner", alias="b", table=table, on=(("a.id", "b.id"),)),))
    for wanted, expected in (
        (ValueSet.range(low=0.0), {0, 1, 5, 7, 8}),
        (ValueSet.range(high=0.0), {4, 6}),
        (ValueSet.of(0.0).complement(), {0, 1, 4, 5, 6, 7, 8}),
    ):
        condition = AllOf((ColumnTest(Term("a.x"), wanted), ColumnTest(Term("b.x"), wanted)))
        scan = Scan(relation=relation, columns=("a.id",), conditions=(condition,))
        assert [verdict.exactness for verdict in adapter.classify(scan)] == [Exactness.EXACT]
        assert {row["a.id"] for row in rows_of(read_all(adapter, scan))} == expected
    adapter.close()


def test_a_float_is_delivered_and_compared_as_the_double_that_it_is(hive_server: HiveServer, database: str) -> None:
    type = parse_type("double")
    location = hive_server.folder / "external" / database / "sample"
    location.mkdir(parents=True)
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": pa.array([0, 1], pa.int64()), "x": pa.array([0.1, 0.5], pa.float32())}), location / "p.parquet")
    hive_server.create_external({"id": "bigint", "x": "float"}, "sample", database, location, "parquet")
    adapter = opened(hive_server, database)
    scan = Scan(relation=TableRelation(table=table_of(type)), columns=("x",))
    assert [row["x"] for row in rows_of(read_all(adapter, scan))] == [0.10000000149011612, 0.5]
    assert ids(adapter, type, ValueSet.of(0.10000000149011612)) == (Exactness.EXACT, {0})
    assert ids(adapter, type, ValueSet.of(0.1)) == (Exactness.EXACT, set())
    adapter.close()


def test_the_padding_of_char_is_neither_delivered_nor_compared(hive_server: HiveServer, database: str) -> None:
    type = parse_type("text")
    hive_server.run(
        f"CREATE TABLE {database}.sample (id BIGINT, x CHAR(5)) STORED AS TEXTFILE",
        f"INSERT INTO {database}.sample VALUES (0, 'ab'), (1, 'ab   '), (2, 'abcde'), (3, NULL)",
    )
    adapter = opened(hive_server, database)
    scan = Scan(relation=TableRelation(table=table_of(type)), columns=("id", "x"))
    assert {row["id"]: row["x"] for row in rows_of(read_all(adapter, scan))} == {0: "ab", 1: "ab", 2: "abcde", 3: None}
    assert ids(adapter, type, ValueSet.of("ab")) == (Exactness.EXACT, {0, 1})
    assert ids(adapter, type, ValueSet.of("ab   ")) == (Exactness.EXACT, set())
    assert ids(adapter, type, ValueSet.of("ab   ").complement()) == (Exactness.EXACT, {0, 1, 2, 3})
    adapter.close()


def test_texts_that_hive_and_duckdb_read_as_other_numbers_are_never_lost(hive_server: HiveServer, database: str) -> None:
    import duckdb

    type = parse_type("text")
    texts = [
        "7",
        " 7 ",
        "7d",
        "7f",
        "7e0",
        "0x7",
        "+7",
        "7.",
        ".7e1",
        "007",
        "1_0",
        "7,0",
        "NaN",
        "nan",
        "inf",
        "Infinity",
        "-Infinity",
        "1e400",
    ]
    texts += ["", " ", "N/A", "９", "-0", "7.000000000000000000001", "12345678901234567890", "٧", "7\n", "7 x", "true", None]
    adapter = filled(hive_server, database, type, texts, "parquet")
    numbers = [duckdb.execute("SELECT TRY_CAST($1 AS DOUBLE)", [text]).fetchall()[0] for text in texts]
    found = [number[0] for number in numbers if number is not None]
    for wanted in (
        ValueSet.of(7.0),
        ValueSet.range(low=6.5),
        ValueSet.range(high=7.0, high_closed=True),
        ValueSet.of(7.0).complement().without_null(),
        ValueSet.range(low=-1e9, high=1e9) | NULL_ONLY,
        NULL_ONLY,
    ):
        exactness, came = ids(adapter, type, wanted, "number")
        assert exactness is Exactness.SUPERSET
        assert {number for number, value in enumerate(found) if wanted.contains(value)} <= came, wanted
    assert ids(adapter, type, ValueSet.of(8.0), "number")[1].isdisjoint({0, 9}), "plain numbers are compared at the source"
    adapter.close()


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("text", 50),
        ("text", 51),
        ("text", 5_000),
        ("integer", 5_000),
        ("decimal(19,4)", 1_000),
        ("decimal(38,10)", 1_000),
        ("date", 1_000),
        ("local_timestamp", 1_000),
        ("timestamp", 1_000),
        ("bytes", 1_000),
    ],
)
def test_long_lists_do_not_break_the_compiler(kind: str, points: int, hive_server: HiveServer, database: str) -> None:
    from datetime import UTC, date, datetime, timedelta
    from decimal import Decimal

    type = parse_type(kind)
    makers: dict[str, Any] = {
        "text": lambda number: f"key {number:05}",
        "integer": lambda number: number,
        "decimal": lambda number: Decimal(f"{10**27 + number}.0000000001") if type.precision == 38 else Decimal(number) / 4,
        "date": lambda number: date(2000, 1, 1) + timedelta(days=number),
        "local_timestamp": lambda number: datetime(2000, 1, 1) + timedelta(hours=number),
        "timestamp": lambda number: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=number),
        "bytes": lambda number: number.to_bytes(4, "big"),
    }
    make = makers[type.name]
    adapter = filled(hive_server, database, type, [make(number) for number in range(0, 40, 2)], "parquet")
    listed = [make(number) for number in range(0, 4 * points, 4)]
    assert ids(adapter, type, ValueSet.of(*listed)) == (Exactness.EXACT, set(range(0, 20, 2)))
    assert ids(adapter, type, ValueSet.of(*listed).complement().without_null()) == (Exactness.EXACT, set(range(1, 20, 2)))
    adapter.close()


def test_hive_type_of_the_helper_is_what_describe_says(hive_server: HiveServer, database: str) -> None:
    spelled = "list(struct(a integer, b map(text,text), c decimal(20,3)))"
    hive_server.run(f"CREATE TABLE {database}.nested (x {hive_type(parse_type(spelled))}, y INT) PARTITIONED BY (yr INT, day DATE)")
    adapter = opened(hive_server, database)
    found = adapter.describe()["nested"]
    assert {column.name: str(column.type) for column in found.columns} == {
        "x": "list(struct(a bigint, b map(text,text), c decimal(20,3)))",
        "y": "integer",
        "yr": "integer",
        "day": "date",
    }
    adapter.close()
