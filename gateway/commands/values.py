"""Arrow columns as texts (tables, CSV) and as JSON values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def type_name(type: pa.DataType) -> str:
    """The PostgreSQL name of a column's type."""
    if pa.types.is_decimal(type):
        return f"numeric({type.precision},{type.scale})"
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return f"{type_name(type.value_type)}[]"
    for test, name in _TYPE_NAMES:
        if test(type):
            return name
    return str(type)


def _is_instant(type: pa.DataType) -> bool:
    return pa.types.is_timestamp(type) and type.tz is not None


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _is_double(type: pa.DataType) -> bool:
    return bool(pa.types.is_float64(type))


_TYPE_NAMES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (_is_text, "text"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "bigint"),
    (_is_double, "double precision"),
    (pa.types.is_floating, "real"),
    (pa.types.is_date, "date"),
    (_is_instant, "timestamptz"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_time, "time"),
    (pa.types.is_interval, "interval"),
    (pa.types.is_duration, "interval"),
    (pa.types.is_binary, "bytea"),
    (pa.types.is_large_binary, "bytea"),
    (pa.types.is_null, "text"),
)


def texts(column: pa.Array) -> list[str | None]:
    """One text per row, None for NULL: numbers as PostgreSQL writes them, dates and instants as ISO 8601, lists as JSON."""
    type = column.type
    if _is_text(type):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_boolean(type):
        return [None if value is None else "true" if value else "false" for value in column.to_pylist()]
    if pa.types.is_floating(type):
        return [None if value is None else _double_text(value) for value in column.to_pylist()]
    if pa.types.is_decimal(type):
        return [None if value is None else f"{value:f}" for value in column.to_pylist()]
    if pa.types.is_timestamp(type):
        return _timestamp_texts(column)
    if pa.types.is_nested(type):
        return [None if value is None else json.dumps(value, ensure_ascii=False) for value in json_values(column)]
    if pa.types.is_interval(type):
        return [None if value is None else _interval_text(value) for value in column.to_pylist()]
    if pa.types.is_binary(type) or pa.types.is_large_binary(type):
        return [None if value is None else "\\x" + value.hex() for value in column.to_pylist()]
    # Through Arrow, not Python: dates reach beyond the year 9999.
    return pc.cast(column, pa.string()).to_pylist()  # type: ignore[no-any-return]


def json_values(column: pa.Array) -> list[Any]:
    """One JSON value per row. Decimals are texts (JSON's numbers lose digits in most readers), as are NaN and the infinities."""
    type = column.type
    if pa.types.is_boolean(type) or pa.types.is_integer(type) or _is_text(type) or pa.types.is_null(type):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_floating(type):
        return [value if value is None or math.isfinite(value) else _double_text(value) for value in column.to_pylist()]
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return [json_values(item.values) if item.is_valid else None for item in column]
    if pa.types.is_struct(type):
        fields = [json_values(column.field(index)) for index in range(type.num_fields)]
        names = [field.name for field in type]
        return [
            dict(zip(names, values, strict=True)) if valid else None
            for valid, *values in zip(column.is_valid().to_pylist(), *fields, strict=True)
        ]
    return texts(column)


def _double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value).removesuffix(".0")


def _timestamp_texts(column: pa.Array) -> list[str | None]:
    zone = "Z" if column.type.tz is not None else ""
    plain = pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz)).view(pa.int64()).view(pa.timestamp("us")), pa.string())
    iso = pc.replace_substring(plain, " ", "T")
    short = pc.replace_substring_regex(iso, r"(\.\d*?)0+$", r"\1")
    return [None if text is None else text.removesuffix(".") + zone for text in short.to_pylist()]


def _interval_text(value: Any) -> str:
    months, days, nanoseconds = value
    seconds = f"{nanoseconds / 1e9:.6f}".rstrip("0").rstrip(".")
    return f"P{months}M{days}DT{seconds}S"
