"""Bounds through monotone functions of numbers: computed exactly as fractions, widened outwards, closed."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from catalog.types import Type
from catalog.values import Interval, ValueSet

RELATIVE = Fraction(1, 10**12)
TINY = Fraction(1, 10**300)
_LARGEST = Fraction(1.7976931348623157e308)

Inverted = Callable[[Fraction], tuple[Fraction, Fraction]]
"""A bound of the result to (the argument that gives it, how far rounding can have moved that)."""


def invert_bounds(wanted: ValueSet, inverted: Inverted, argument: Type, *, falling: bool = False) -> ValueSet | None:
    """The arguments that can give a number in `wanted`, as a superset; None if a bound is not finite."""
    found: list[Interval] = []
    for interval in wanted.intervals:
        low, high = _finite(interval.low), _finite(interval.high)
        if low is _BAD or high is _BAD:
            return None
        least = None if low is None else _outwards(inverted(low), argument, up=falling)
        greatest = None if high is None else _outwards(inverted(high), argument, up=not falling)
        if falling:
            least, greatest = greatest, least
            if high is None and argument.name == "double":  # not-a-number is above everything on both sides
                found.append(Interval(float(_LARGEST), None, True, False))
        found.append(Interval(least, greatest, least is not None, greatest is not None))
    return ValueSet.build(found)


_BAD: Any = object()


def _finite(bound: Any) -> Any:
    if bound is None:
        return None
    if isinstance(bound, bool | str | date) or not math.isfinite(bound):
        return _BAD
    return Fraction(bound)


def _outwards(bound: tuple[Fraction, Fraction], type: Type, *, up: bool) -> Any:
    value, slack = bound
    value = value + slack if up else value - slack
    if type.name in ("integer", "bigint"):
        return math.floor(value) if up else math.ceil(value)
    if type.name == "decimal":
        scaled = value * 10**type.scale
        return exact_decimal(math.floor(scaled) if up else math.ceil(scaled), type.scale)
    if abs(value) > _LARGEST:
        far = math.inf if up else -math.inf
        return None if (value > 0) == up else math.nextafter(-far, far)
    return math.nextafter(float(value), math.inf if up else -math.inf)


def exact_decimal(unscaled: int, scale: int) -> Decimal:
    return Decimal((int(unscaled < 0), tuple(int(digit) for digit in str(abs(unscaled))), -scale))


def relative_slack(*magnitudes: Fraction) -> Fraction:
    return RELATIVE * sum((abs(magnitude) for magnitude in magnitudes), Fraction(0)) + TINY
