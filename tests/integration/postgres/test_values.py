"""Values at the edges of PostgreSQL's types come as they are, or are an error that names the column. Expected values by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.interface import Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import Condition, Term, Test
from catalog.relations import TableRelation
from catalog.values import NULL_ONLY, ValueSet
from tests.integration.postgres.conftest import Ward, context, declared


@pytest.fixture(params=["few records", "many records"])
def _records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes under conditions comes as records. Short answers are decoded another way than long ones: every value goes both."""
    if request.param == "many records":
        monkeypatch.setattr("adapters.postgres.records._FEW", 0)


@pytest.fixture(params=["few copied", "many copied", "few records", "many records"])
def every_row(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Condition, ...]:
    """Whole tables come by COPY; under a condition, which all rows fulfil, as records: every value goes all four ways."""
    if request.param.startswith("many"):
        monkeypatch.setattr("adapters.postgres.records._FEW", 0)
    return () if request.param.endswith("copied") else (Test(Term("id"), ValueSet.range(-1)),)


GOOD: list[tuple[str, str, Sequence[tuple[str, Any]]]] = [
    ("smallint", "integer", [("-32768", -32768), ("32767", 32767), ("NULL", None)]),
    ("int", "integer", [("-2147483648", -(2**31)), ("2147483647", 2**31 - 1)]),
    ("bigint", "bigint", [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1), ("NULL", None)]),
    ("oid", "bigint", [("4294967295", 2**32 - 1)]),
    ("real", "double", [("'0.1'", 0.10000000149011612), ("'Infinity'", math.inf), ("'-Infinity'", -math.inf), ("'1e-45'", 2.0**-149)]),
    ("float8", "double", [("'1.7976931348623157e308'", 1.7976931348623157e308), ("'5e-324'", 5e-324), ("'-0'", -0.0)]),
    ("numeric(38,10)", "decimal(38,10)", [("9999999999999999999999999999.9999999999", Decimal("9" * 28 + "." + "9" * 10)), ("-0.0000000001", Decimal("-0.0000000001"))]),
    ("numeric", "decimal(38,10)", [("1e27", Decimal(10**27)), ("0.5", Decimal("0.5")), ("NULL", None)]),
    ("numeric(5,2)", "decimal(19,4)", [("999.99", Decimal("999.99")), ("-0.01", Decimal("-0.01"))]),
    ("int", "decimal(12,2)", [("2147483647", Decimal(2147483647))]),
    ("money", "decimal(19,2)", [("'-1234567.89'", Decimal("-1234567.89"))]),
    ("numeric", "text", [("1.50", "1.50"), ("'NaN'", "NaN"), ("12345678901234567890123456789012345678901234567890.1", "12345678901234567890123456789012345678901234567890.1")]),
    ("boolean", "boolean", [("true", True), ("false", False), ("NULL", None)]),
    ("date", "date", [("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31)), ("'1582-10-10'", date(1582, 10, 10)), ("NULL", None)]),
    (
        "timestamptz",
        "timestamp",
        [
            ("'0001-01-01 00:00:00+00'", datetime(1, 1, 1, tzinfo=UTC)),
            ("'9999-12-31 23:59:59.999999+00'", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
            ("'2024-07-01 12:00:00+05:45'", datetime(2024, 7, 1, 6, 15, tzinfo=UTC)),
            ("'2024-07-01 12:00:00-12:00'", datetime(2024, 7, 2, tzinfo=UTC)),
            ("'1969-12-31 23:59:59.999999+00'", datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
            ("NULL", None),
        ],
    ),
    ("timestamp", "local_timestamp", [("'0001-01-01 00:00:00'", datetime(1, 1, 1)), ("'9999-12-31 23:59:59.999999'", datetime(9999, 12, 31, 23, 59, 59, 999999))]),
    ("text", "text", [("''", ""), ("NULL", None), ("repeat('长🦠', 2500)", "长🦠" * 2500), ("E'a\\nb\\\\'", "a\nb\\"), ("E'\\x7f\\x01'", "\x7f\x01")]),
    ("varchar(10)", "text", [("'ab  '", "ab  "), ("''", "")]),
    ("char(5)", "text", [("'ab'", "ab"), ("''", ""), ("' ab '", " ab")]),
    ("bytea", "bytes", [("'\\x'", b""), ("'\\x00ff'", b"\x00\xff"), ("NULL", None)]),
    ("uuid", "uuid", [("'0a7eab76-a0e4-7895-581c-a1568ba1c7b1'", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"), ("NULL", None)]),
    ("text", "uuid", [("'{0a7eab76a0e47895581ca1568ba1c7b1}'", "0A7EAB76-A0E4-7895-581C-A1568BA1C7B1"), ("NULL", None)]),
    ("json", "text", [("'{\"a\":  1}'", '{"a":  1}'), ("NULL", None)]),
    ("jsonb", "text", [("'{\"b\":1,\"a\":\"é\"}'", '{"a": "é", "b": 1}')]),
    ("interval", "text", [("'1 year 2 days 03:04:05.5'", "1 year 2 days 03:04:05.5")]),
    ("time", "text", [("'23:59:59.999999'", "23:59:59.999999")]),
    ("timetz", "text", [("'23:59:59+05:45'", "23:59:59+05:45")]),
    ("inet", "text", [("'10.0.0.0/8'", "10.0.0.0/8")]),
    ("tstzrange", "text", [("'[2024-01-01 00:00+05:45,)'", '["2023-12-31 18:15:00+00",)')]),
    ("bit(3)", "text", [("B'101'", "101")]),
    ("int[]", "list(integer)", [("'{}'", []), ("'{1,NULL,-3}'", [1, None, -3]), ("NULL", None), ("'[5:6]={8,9}'", [8, 9])]),
    ("numeric(6,2)[]", "list(decimal(6,2))", [("'{1.5,NULL}'", [Decimal("1.50"), None])]),
    ("char(3)[]", "list(text)", [("'{a,NULL}'", ["a", None])]),
    ("int[]", "text", [("'{1,2}'", "{1,2}")]),
]  # fmt: skip


@pytest.mark.parametrize(("native", "raw", "values"), GOOD, ids=[f"{native} as {raw}" for native, raw, _ in GOOD])
def test_values_come_as_they_are(
    native: str, raw: str, values: Sequence[tuple[str, Any]], ward: Ward, every_row: tuple[Condition, ...]
) -> None:
    ward.run(f"CREATE TABLE v (id int, x {native})", *(f"INSERT INTO v VALUES ({n}, {value})" for n, (value, _) in enumerate(values)))
    found = {row["id"]: row["x"] for row in ward.read(declared("v", id="integer", x=raw), *every_row)}
    assert found == {n: value for n, (_, value) in enumerate(values)}


@pytest.mark.usefixtures("_records")
@pytest.mark.parametrize(("native", "raw", "values"), GOOD, ids=[f"{native} as {raw}" for native, raw, _ in GOOD])
def test_each_value_is_found_by_itself(native: str, raw: str, values: Sequence[tuple[str, Any]], ward: Ward) -> None:
    if raw.startswith("list"):
        pytest.skip("a list has no values that a condition can name")
    ward.run(f"CREATE TABLE v (id int, x {native})", *(f"INSERT INTO v VALUES ({n}, {value})" for n, (value, _) in enumerate(values)))
    table = declared("v", id="integer", x=raw)
    for n, (_, value) in enumerate(values):
        wanted = NULL_ONLY if value is None else ValueSet.of(value)
        assert [row["id"] for row in ward.read(table, Test(Term("x"), wanted))] == [n]


def test_nan_comes_and_stands_above_all(ward: Ward, every_row: tuple[Condition, ...]) -> None:
    ward.run("CREATE TABLE v (id int, x float8, y real)", "INSERT INTO v VALUES (1, 'NaN', 'NaN'), (2, 'Infinity', 'Infinity'), (3, 1, 1)")
    table = declared("v", id="integer", x="double", y="double")
    assert sum(math.isnan(row["x"]) and math.isnan(row["y"]) for row in ward.read(table, *every_row)) == 1
    for name in ("x", "y"):
        assert sorted(row["id"] for row in ward.read(table, Test(Term(name), ValueSet.range(1.0)))) == [1, 2]
        assert sorted(row["id"] for row in ward.read(table, Test(Term(name), ValueSet.range(high=1.0, high_closed=True)))) == [3]


UNREADABLE = [
    ("date", "date", "'infinity'"),
    ("date", "date", "'-infinity'"),
    ("timestamptz", "timestamp", "'infinity'"),
    ("timestamptz", "timestamp", "'-infinity'"),
    ("timestamp", "local_timestamp", "'infinity'"),
    ("numeric", "decimal(5,2)", "1000"),
    ("numeric", "decimal(5,2)", "0.001"),
    ("numeric", "decimal(38,2)", "'NaN'"),
    ("numeric(10,2)", "decimal(10,2)", "'NaN'"),
    ("numeric", "decimal(38,2)", "'Infinity'"),
    ("int[]", "list(integer)", "'{{1,2},{3,4}}'"),
    ("text", "uuid", "'no uuid: Müller'"),
]


@pytest.mark.parametrize(("native", "raw", "value"), UNREADABLE)
def test_a_value_that_is_none_of_the_declared_type_names_its_column(
    native: str, raw: str, value: str, ward: Ward, every_row: tuple[Condition, ...]
) -> None:
    ward.run(f"CREATE TABLE v (id int, x {native})", f"INSERT INTO v VALUES (1, NULL), (2, {value})")
    table = declared("v", id="integer", x=raw)
    with pytest.raises(SourceError) as caught:
        ward.read(table, *every_row)
    assert caught.value.code == "S121"
    assert "table v, column x" in caught.value.fact
    assert "Müller" not in caught.value.fact + caught.value.hint
    assert len(ward.read(table, columns=("id",))) == 2


def test_a_composite_of_nulls_is_there(ward: Ward, every_row: tuple[Condition, ...]) -> None:
    """PostgreSQL says of ROW(NULL, NULL) both that it IS NULL and that it is not a NULL."""
    ward.run(
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TABLE v (id int, x pair)",
        "INSERT INTO v VALUES (1, NULL), (2, ROW(NULL, NULL)), (3, ROW(1, ''))",
    )
    table = declared("v", id="integer", x="struct(b text, a integer)")
    found = {row["id"]: row["x"] for row in ward.read(table, *every_row)}
    assert found == {1: None, 2: {"b": None, "a": None}, 3: {"b": "", "a": 1}}
    assert [row["id"] for row in ward.read(table, Test(Term("x"), NULL_ONLY))] == [1]


def test_domains_and_enums_are_read_as_what_they_are_made_from(ward: Ward) -> None:
    ward.run(
        "CREATE DOMAIN mrn AS varchar(8) CHECK (VALUE <> '')",
        "CREATE DOMAIN grams AS numeric(6,1)",
        "CREATE TYPE triage AS ENUM ('rot', 'gelb', 'grün')",
        "CREATE TABLE v (m mrn, g grams, t triage, l triage[])",
        "INSERT INTO v VALUES ('007', 70.5, 'grün', '{rot,NULL}'), (NULL, NULL, NULL, NULL)",
    )
    described = ward.adapter.describe("v")["v"]
    assert {column.name: str(column.type) for column in described.columns} == {
        "m": "text",
        "g": "decimal(6,1)",
        "t": "text",
        "l": "list(text)",
    }
    assert ward.read(described, Test(Term("t"), ValueSet.of("grün"))) == [
        {"m": "007", "g": Decimal("70.5"), "t": "grün", "l": ["rot", None]}
    ]
    assert ward.read(described)[1] == {"m": None, "g": None, "t": None, "l": None}
    # enums are ordered by their declaration, texts by code point
    assert [row["t"] for row in ward.read(described, Test(Term("t"), ValueSet.range("h")))] == []


def test_describe_names_types_keys_and_what_may_be_null(ward: Ward) -> None:
    ward.run(
        "CREATE TABLE visit (no int NOT NULL, ward text NOT NULL, at timestamptz, price numeric, PRIMARY KEY (ward, no) INCLUDE (at))",
        "CREATE VIEW open_visit AS SELECT no, at FROM visit",
        "CREATE MATERIALIZED VIEW old_visit AS SELECT no FROM visit",
    )
    found = ward.adapter.describe()
    assert sorted(found) == ["old_visit", "open_visit", "visit"]
    assert found["visit"].key == ("ward", "no")
    columns = {column.name: (str(column.type), column.nullable) for column in found["visit"].columns}
    assert columns == {"no": ("integer", False), "ward": ("text", False), "at": ("timestamp", True), "price": ("text", True)}
    with pytest.raises(SourceError) as caught:
        ward.adapter.describe("visits")
    assert (caught.value.code, "visits" in caught.value.fact, "visit" in caught.value.hint) == ("S120", True, True)


def test_long_rows_come_in_bounded_batches(ward: Ward, every_row: tuple[Condition, ...]) -> None:
    ward.run("CREATE TABLE v (id int, x text)", "INSERT INTO v SELECT i, repeat(chr(64 + i), 3000000) FROM generate_series(1, 12) AS i")
    found = ward.read(declared("v", id="integer", x="text"), *every_row)
    assert sorted((row["id"], row["x"][0], len(row["x"])) for row in found) == [(i, chr(64 + i), 3_000_000) for i in range(1, 13)]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 8])
def test_any_number_of_rows_comes_in_batches_of_any_size(batch_rows: int, ward: Ward) -> None:
    """COPY has a head before the first row and an end after the last, which may fall on either side of a batch's end."""
    ward.run("CREATE TABLE v (id int)")
    scan = Scan(relation=TableRelation(table=declared("v", id="integer")), columns=("id",))
    for count in range(9):
        batches = read_all(ward.adapter, scan, context(batch_rows=batch_rows))
        assert [row["id"] for row in rows_of(batches)] == list(range(count))
        assert all(batch.num_rows == batch_rows for batch in batches[:-1])
        ward.run(f"INSERT INTO v VALUES ({count})")
