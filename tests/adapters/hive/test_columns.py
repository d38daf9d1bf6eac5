"""Columns as HiveServer2 writes them on the wire, made by hand, to Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from adapters.hive.columns import ResultColumn, result_columns, row_count, texts
from adapters.hive.nested import nested_array
from adapters.interface import SourceError
from catalog.types import parse_type

ttypes = pytest.importorskip("impala._thrift_gen.TCLIService.ttypes")


def text_column(*values: bytes, nulls: bytes = b"") -> Any:
    return ttypes.TColumn(stringVal=ttypes.TStringColumn(values=list(values), nulls=nulls))


def reader(declared: str, found: str) -> ResultColumn:
    return ResultColumn(table="t", name="c", declared=parse_type(declared), found=found)


def test_a_null_bitmap_without_its_last_bytes_is_filled_up() -> None:
    """Row 1 of 20 is NULL: the server sends one byte, not three."""
    values = [b"%d" % number for number in range(20)]
    found = reader("text", "string").array(text_column(*values, nulls=b"\x02"))
    assert found.to_pylist() == [None if number == 1 else str(number) for number in range(20)]


def test_the_filler_of_a_null_is_not_read() -> None:
    found = reader("date", "date").array(text_column(b"2024-02-29", b"", nulls=b"\x02"))
    assert [str(day) for day in found.to_pylist()] == ["2024-02-29", "None"]
    assert found.type == pa.date32()


def test_times_and_decimals_come_out_of_texts() -> None:
    stamps = reader("local_timestamp", "timestamp").array(text_column(b"2024-01-01 00:00:00", b"0001-01-01 00:00:00.000001"))
    assert [str(stamp) for stamp in stamps.to_pylist()] == ["2024-01-01 00:00:00", "0001-01-01 00:00:00.000001"]
    numbers = reader("decimal(19,4)", "decimal").array(text_column(b"1.5", b"-0.0001"))
    assert [str(number) for number in numbers.to_pylist()] == ["1.5000", "-0.0001"]


def test_an_instant_in_another_zone_than_utc_is_refused() -> None:
    column = reader("timestamp", "timestamp with local time zone")
    assert str(column.array(text_column(b"2024-01-01 05:00:00.5 UTC")).to_pylist()[0]) == "2024-01-01 05:00:00.500000+00:00"
    with pytest.raises(SourceError) as caught:
        column.array(text_column(b"2023-11-05 01:30:00.0 America/New_York"))
    assert caught.value.code == "S110"


def test_a_float_is_its_own_value_and_not_its_spelling() -> None:
    column = ttypes.TColumn(doubleVal=ttypes.TDoubleColumn(values=[0.1], nulls=b""))
    assert reader("double", "float").array(column).to_pylist() == [0.10000000149011612]
    assert reader("double", "double").array(column).to_pylist() == [0.1]


@pytest.mark.parametrize(
    ("declared", "found", "value"),
    [
        ("date", "date", b"10000-01-01"),
        ("local_timestamp", "timestamp", b"2024-01-01 00:00:00.0000001"),
        ("decimal(4,2)", "decimal", b"123.45"),
        ("text", "string", b"\xff"),
        ("uuid", "string", b"nobody"),
        ("list(integer)", "array", b"[9223372036854775808]"),
        ("list(text)", "array", b"no json"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_column_and_not_shown(declared: str, found: str, value: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        reader(declared, found).array(text_column(value))
    assert caught.value.code == "S121"
    assert "table t, column c" in caught.value.fact
    assert value.decode("latin-1") not in caught.value.fact
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_missing_field_is_drift_and_more_fields_are_not() -> None:
    column = reader("list(struct(a integer))", "array")
    assert column.array(text_column(b'[{"a":1,"b":"x"},null]')).to_pylist() == [[{"a": 1}, None]]
    with pytest.raises(SourceError) as caught:
        column.array(text_column(b'[null,{"b":"x"}]'))
    assert caught.value.code == "S120"


def test_field_names_come_back_in_the_case_declared() -> None:
    assert nested_array([b'{"given":"x"}', None], parse_type("struct(Given text)")).to_pylist() == [{"Given": "x"}, None]


def test_identifiers_inside_nested_values_are_upper_case_and_identifiers() -> None:
    texts = [b'["0a7eab76-a0e4-7895-581c-a1568ba1c7b1",null]', b"[]", None]
    assert nested_array(texts, parse_type("list(uuid)")).to_pylist() == [["0A7EAB76-A0E4-7895-581C-A1568BA1C7B1", None], [], None]
    with pytest.raises(SourceError) as caught:
        reader("list(uuid)", "array").array(text_column(b'["no identifier"]'))
    assert caught.value.code == "S121"


def test_a_result_of_another_type_than_declared_is_drift() -> None:
    entry = ttypes.TTypeEntry(primitiveEntry=ttypes.TPrimitiveTypeEntry(type=ttypes.TTypeId.STRING_TYPE))
    described = [ttypes.TColumnDesc(columnName="c", typeDesc=ttypes.TTypeDesc(types=[entry]))]
    with pytest.raises(SourceError) as caught:
        result_columns(described, [("t", "c", parse_type("integer"))])
    assert (caught.value.code, caught.value.fact) == ("S120", "table t, column c is string in the source, declared integer")


def test_rows_are_counted_in_the_first_column() -> None:
    assert row_count([text_column(b"a", b"b"), text_column(b"c", b"d")]) == 2
    assert row_count(None) == 0
    assert texts(text_column(b"a", b"", nulls=b"\x02")) == ["a", None]
