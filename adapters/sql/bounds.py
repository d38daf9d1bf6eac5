"""Value sets as the types of columns can say them: bounds that no value of the column has move to the nearest that one has."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from catalog.types import Type
from catalog.values import Interval

NEVER = Interval(0, -1)
"""An interval without values."""

_INT64 = (-(2**63), 2**63 - 1)


class UnsayableBoundError(Exception):
    """A bound cannot be compared with the column's type; the fact is in words."""


def fitted(interval: Interval, type: Type) -> Interval:
    """The same values of the column's type, with bounds of that type; NEVER if there are none. Raises UnsayableBoundError."""
    return _FITTERS[type.name](interval, type)


def _fit_integer(interval: Interval, type: Type) -> Interval:  # noqa: ARG001  (one signature for the table)
    if interval.low.__class__ is int and interval.is_point and _INT64[0] <= interval.low <= _INT64[1]:
        return interval  # one of a long list of keys, most often
    return _on_grid(interval, Fraction(1), *_INT64, int)


def _fit_decimal(interval: Interval, type: Type) -> Interval:
    limit = 10**type.precision - 1
    exactly = Context(prec=80)
    return _on_grid(interval, Fraction(1, 10**type.scale), -limit, limit, lambda units: Decimal(units).scaleb(-type.scale, exactly))


def _on_grid(interval: Interval, unit: Fraction, lowest: int, highest: int, value: Callable[[int], Any]) -> Interval:
    """The column holds whole multiples of `unit` from lowest to highest: any interval is a closed one between two of them."""
    low = lowest if interval.low is None else _first_unit(interval.low, interval.low_closed, unit, lowest)
    high = highest if interval.high is None else -_first_unit(_negative(interval.high), interval.high_closed, unit, -highest)
    if low > high or low > highest or high < lowest:
        return NEVER
    open_low, open_high = interval.low is None or low < lowest, interval.high is None or high > highest
    return Interval(None if open_low else value(low), None if open_high else value(high), not open_low, not open_high)


def _first_unit(bound: Any, closed: bool, unit: Fraction, lowest: int) -> int:
    """The least multiple of the unit at or above the bound (above, if it is not closed)."""
    if bound in (math.inf, -math.inf):
        return lowest if bound < 0 else 1 << 200
    units = _fraction(bound) / unit
    whole = math.ceil(units)
    return whole if closed or whole != units else whole + 1


def _negative(bound: Any) -> Any:
    if isinstance(bound, Decimal):
        return bound.copy_negate()  # a minus would round to the 28 digits of Python's decimal context
    return bound if isinstance(bound, bool) else -bound


def _fraction(bound: Any) -> Fraction:
    if isinstance(bound, bool) or not isinstance(bound, int | float | Decimal) or bound != bound:
        raise UnsayableBoundError("the constant is not a number")
    return Fraction(bound)


def _fit_double(interval: Interval, type: Type) -> Interval:  # noqa: ARG001
    low, low_closed = _double_bound(interval.low, interval.low_closed, above=True)
    high, high_closed = _double_bound(interval.high, interval.high_closed, above=False)
    found = Interval(low, high, low_closed, high_closed)
    return NEVER if found.is_empty else found


def _double_bound(bound: Any, closed: bool, *, above: bool) -> tuple[float | None, bool]:
    """No double lies between a bound and its nearest double, so that one is closed if it is on the wanted side."""
    if bound is None:
        return None, False
    if isinstance(bound, float) and bound in (math.inf, -math.inf):
        return bound, closed
    exact = _fraction(bound)
    try:
        nearest = float(exact)
    except OverflowError:
        nearest = math.inf if exact > 0 else -math.inf
    if math.isinf(nearest):
        return nearest, (nearest > 0) is above
    if nearest == exact:
        return nearest, closed
    return nearest, (nearest > exact) is above


def _fit_text(interval: Interval, type: Type) -> Interval:  # noqa: ARG001
    for bound in (interval.low, interval.high):
        if bound is None:
            continue
        if not isinstance(bound, str):
            raise UnsayableBoundError("the constant is not a text")
        if any("\ud800" <= mark <= "\udfff" for mark in bound):
            raise UnsayableBoundError("the constant has a lone surrogate, which no text of the source can hold")
    return interval


def _only(wanted: Callable[[Any], bool], word: str) -> Callable[[Interval, Type], Interval]:
    def fit(interval: Interval, type: Type) -> Interval:  # noqa: ARG001
        if any(bound is not None and not wanted(bound) for bound in (interval.low, interval.high)):
            raise UnsayableBoundError(f"the constant is not {word}")
        return interval

    return fit


_FITTERS: dict[str, Callable[[Interval, Type], Interval]] = {
    "integer": _fit_integer,
    "bigint": _fit_integer,
    "decimal": _fit_decimal,
    "double": _fit_double,
    "text": _fit_text,
    "uuid": _fit_text,
    "boolean": _only(lambda bound: isinstance(bound, bool), "a boolean"),
    "date": _only(lambda bound: isinstance(bound, date) and not isinstance(bound, datetime), "a date"),
    "timestamp": _only(lambda bound: isinstance(bound, datetime) and bound.tzinfo is not None, "an instant"),
    "local_timestamp": _only(lambda bound: isinstance(bound, datetime) and bound.tzinfo is None, "a local timestamp"),
    "bytes": _only(lambda bound: isinstance(bound, bytes), "bytes"),
}
