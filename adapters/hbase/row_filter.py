"""Row filter: conditions applied exactly, and column by column, to rows that have been read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, assert_never

import pyarrow as pa
import pyarrow.compute as pc

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Test, Unknown
from catalog.types import Type
from catalog.values import Interval, ValueSet


def comparable(type: Type, wanted: ValueSet) -> bool:
    """Whether the constants of a test can be compared with a column of this type, in the order that the gateway means."""
    bounds = [bound for interval in wanted.intervals for bound in (interval.low, interval.high) if bound is not None]
    if type.is_text:
        return all(isinstance(bound, str) for bound in bounds)
    if type.is_number:
        return all(isinstance(b, int | float | Decimal) and not isinstance(b, bool) and b == b for b in bounds)
    kinds: dict[str, Any] = {"boolean": bool, "bytes": bytes, "date": date}
    if type.name in ("timestamp", "local_timestamp"):
        aware = type.name == "timestamp"
        return all(isinstance(b, datetime) and (b.tzinfo is not None) is aware for b in bounds)
    kind = kinds.get(type.name)
    return kind is not None and all(isinstance(b, kind) for b in bounds)


def mask(condition: Condition, columns: Mapping[str, pa.Array], length: int) -> pa.Array | None:
    """Which rows satisfy the condition: an array of booleans without nulls, or None for every row."""
    match condition:
        case Always() | Unknown():
            return None
        case Never():
            return pa.repeat(False, length)
        case Test(term=term, wanted=wanted):
            return _test(columns[term.column], wanted)
        case AllOf(parts=parts):
            found = [each for each in (mask(part, columns, length) for part in parts) if each is not None]
            return _fold(pc.and_, found) if found else None
        case AnyOf(arms=arms):
            masks = [mask(arm, columns, length) for arm in arms]
            known = [each for each in masks if each is not None]
            return None if len(known) < len(masks) else _fold(pc.or_, known)
        case _:
            assert_never(condition)


def _fold(combine: Any, masks: list[pa.Array]) -> pa.Array:
    result = masks[0]
    for each in masks[1:]:
        result = combine(result, each)
    return result


def _test(column: pa.Array, wanted: ValueSet) -> pa.Array:
    if wanted.is_not_null:
        return column.is_valid()
    intervals = [_whole(i) for i in wanted.intervals] if pa.types.is_integer(column.type) else list(wanted.intervals)
    points = [interval.low for interval in intervals if interval.is_point]
    found: list[pa.Array] = []
    try:
        if points:
            found.append(pc.is_in(column, value_set=pa.array([_exact(p, column.type) for p in points], column.type)))
        found += [_within(column, interval) for interval in intervals if not interval.is_point and not interval.is_empty]
    except (_Inexact, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([wanted.contains(value) for value in column.to_pylist()], pa.bool_())
    result = _fold(pc.or_, found) if found else pa.repeat(False, len(column))
    return pc.if_else(column.is_valid(), result, wanted.null)


class _Inexact(Exception):
    """A constant has no exact counterpart in the column's type: rows are then compared one by one."""


def _exact(value: Any, type: pa.DataType) -> Any:
    if pa.types.is_floating(type):
        number = float(value)
        if number != value or number == 0.0:
            raise _Inexact  # 0.0 and -0.0 are one value, but not to is_in
        return number
    if pa.types.is_integer(type) and not -(1 << 63) <= value < 1 << 63:
        raise _Inexact
    return value


def _whole(interval: Interval) -> Interval:
    """The same whole numbers, with whole bounds, closed."""
    low, high = interval.low, interval.high
    if isinstance(low, float) and math.isinf(low):
        low = None if low < 0 else 1 << 64
    if isinstance(high, float) and math.isinf(high):
        high = None if high > 0 else -(1 << 64)
    if low is not None:
        low = math.ceil(low) if interval.low_closed or low != math.floor(low) else int(low) + 1
    if high is not None:
        high = math.floor(high) if interval.high_closed or high != math.ceil(high) else int(high) - 1
    return Interval(low, high, low is not None, high is not None)


def _within(column: pa.Array, interval: Interval) -> pa.Array:
    found: list[pa.Array] = []
    if interval.low is not None:
        compare = pc.greater_equal if interval.low_closed else pc.greater
        above = compare(column, pa.scalar(_bound(interval.low, column.type), column.type))
        found.append(pc.or_(above, pc.is_nan(column)) if pa.types.is_floating(column.type) else above)
    if interval.high is not None:
        compare = pc.less_equal if interval.high_closed else pc.less
        found.append(compare(column, pa.scalar(_bound(interval.high, column.type), column.type)))
    return _fold(pc.and_, found) if found else column.is_valid()


def _bound(value: Any, type: pa.DataType) -> Any:
    if pa.types.is_floating(type) and float(value) != value:
        raise _Inexact
    if pa.types.is_integer(type) and not -(1 << 63) <= value < 1 << 63:
        raise _Inexact
    return value
