"""Arrow values as texts and as JSON: nothing is lost, nothing is invented."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from gateway.commands.values import json_values, texts, type_name


def array(values: list[object], type: pa.DataType) -> pa.Array:
    return pa.array([*values, None], type)


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        (["a", ""], pa.string(), ["a", ""]),
        ([True, False], pa.bool_(), ["true", "false"]),
        ([9007199254740993, -1], pa.int64(), ["9007199254740993", "-1"]),
        ([0.1, 120.0, 1e300, float("nan"), float("inf"), -0.0], pa.float64(), ["0.1", "120", "1e+300", "NaN", "Infinity", "-0"]),
        ([Decimal("12.5000"), Decimal("0.0000")], pa.decimal128(19, 4), ["12.5000", "0.0000"]),
        ([Decimal("0E-9"), Decimal("1E-9")], pa.decimal128(19, 9), ["0.000000000", "0.000000001"]),
        ([date(2024, 2, 29)], pa.date32(), ["2024-02-29"]),
        ([datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)], pa.timestamp("us", "UTC"), ["2024-02-29T01:02:03Z"]),
        ([datetime(2024, 2, 29, 1, 2, 3, 120_000, tzinfo=UTC)], pa.timestamp("us", "UTC"), ["2024-02-29T01:02:03.12Z"]),
        ([datetime(2024, 2, 29, 1, 2, 30)], pa.timestamp("us"), ["2024-02-29T01:02:30"]),
        ([datetime(1900, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"), ["1900-01-01T00:00:00Z"]),
        ([["a", None], []], pa.list_(pa.string()), ['["a", null]', "[]"]),
        ([b"\x00\xff"], pa.binary(), ["\\x00ff"]),
    ],
)
def test_a_value_is_written_in_full_and_null_is_no_text(values: list[object], type: pa.DataType, expected: list[str]) -> None:
    assert texts(array(values, type)) == [*expected, None]


def test_an_instant_is_shown_in_utc_whatever_zone_the_column_has() -> None:
    column = pa.array([datetime(2024, 1, 1, 12, tzinfo=UTC)], pa.timestamp("us", "America/New_York"))
    assert texts(column) == ["2024-01-01T12:00:00Z"]


def test_dates_beyond_the_year_9999_are_shown() -> None:
    assert texts(pa.array([2_932_897], pa.int32()).view(pa.date32())) == ["10000-01-01"]


def test_json_numbers_are_numbers_and_decimals_are_texts() -> None:
    assert json_values(array([0.5], pa.float64())) == [0.5, None]
    assert json_values(array([Decimal("1.10")], pa.decimal128(5, 2))) == ["1.10", None]
    assert json_values(array([float("nan"), float("-inf")], pa.float64())) == ["NaN", "-Infinity", None]
    assert json_values(array([True], pa.bool_())) == [True, None]


def test_lists_and_structs_keep_their_nulls() -> None:
    assert json_values(array([[Decimal("1.5"), None]], pa.list_(pa.decimal128(3, 1)))) == [["1.5", None], None]
    struct = pa.struct([("day", pa.date32()), ("n", pa.int64())])
    assert json_values(array([{"day": date(2024, 1, 1), "n": None}], struct)) == [{"day": "2024-01-01", "n": None}, None]


def test_what_duckdb_answers_with_can_be_shown() -> None:
    kinds = (
        "1::hugeint, 1.5::float, interval '1 month 2 days 3.5 seconds', time '01:02:03', sum(1), null, 1::utinyint, 'x'::blob, [{'a': 1}]"
    )
    with duckdb.connect() as connection:
        relation = connection.sql(f"select {kinds}")
        assert relation is not None
        batch = relation.to_arrow_table().to_batches()[0]
    shown = [texts(column)[0] for column in batch.columns]
    assert shown[1:6] == ["1.5", "P1M2DT3.5S", "01:02:03.000000", "1", None]
    json.dumps([json_values(column) for column in batch.columns], allow_nan=False)


@pytest.mark.parametrize(
    ("type", "name"),
    [
        (pa.string(), "text"),
        (pa.int64(), "bigint"),
        (pa.float64(), "double precision"),
        (pa.decimal128(19, 4), "numeric(19,4)"),
        (pa.timestamp("us", "UTC"), "timestamptz"),
        (pa.timestamp("us"), "timestamp"),
        (pa.date32(), "date"),
        (pa.bool_(), "boolean"),
        (pa.list_(pa.string()), "text[]"),
    ],
)
def test_types_have_their_postgresql_names(type: pa.DataType, name: str) -> None:
    assert type_name(type) == name
