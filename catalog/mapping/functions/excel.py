"""excel_serial: the days that spreadsheets count from 1899-12-30."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from sqlglot import exp

from catalog.conditions import Condition
from catalog.mapping import sql
from catalog.mapping.functions.base import Forward, Inverse, MappingFunction, Parameter, verdicts
from catalog.mapping.functions.times import closed_microseconds
from catalog.mapping.tree import Call
from catalog.types import DOUBLE, TIMESTAMP
from catalog.values import EVERYTHING, Interval, ValueSet

_DAY = 86_400_000.0
_OFFSET = 2_209_161_600_000
"""Milliseconds from 1899-12-30 to 1970."""


class ExcelSerial(MappingFunction):
    """The instant of a serial day number (read as UTC), rounded to the millisecond.

    The function rises with the number, so each bound goes back to the exact number where the result changes.
    """

    name = "excel_serial"
    copies = 3
    parameters = (Parameter("number", ("double", "integer", "bigint")),)
    returns = TIMESTAMP
    fails = True
    verdicts = verdicts("E E E - - N")

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        number = arguments[0] if call.arguments[0].type == DOUBLE else sql.cast(arguments[0], DOUBLE)
        product = exp.Mul(this=sql.wrapped(number), expression=sql.typed(_DAY, DOUBLE))
        milliseconds = exp.Cast(this=sql.function("round", product), to=exp.DataType.build("BIGINT"))
        micro = exp.Mul(this=exp.Paren(this=exp.Sub(this=milliseconds, expression=sql.integer(_OFFSET))), expression=sql.integer(1000))
        bounds = self._bounds(ValueSet((EVERYTHING,)), double=True).intervals[0]
        reached = exp.GTE(this=sql.wrapped(number.copy()), expression=sql.typed(bounds.low, DOUBLE))
        not_passed = exp.LT(this=sql.wrapped(number.copy()), expression=sql.typed(bounds.high, DOUBLE))
        return sql.when((sql.both(reached, not_passed), sql.function("make_timestamptz", micro)))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        (number,) = call.arguments
        return context.preimage(number, self._bounds(wanted, double=number.type == DOUBLE))

    def _bounds(self, wanted: ValueSet, *, double: bool) -> ValueSet:
        found = []
        for interval in wanted.intervals:
            low, high = closed_microseconds(interval)
            found.append(self._numbers(-(-low // 1000) + _OFFSET, high // 1000 + _OFFSET, double))
        return ValueSet.build(found)

    def _numbers(self, first: int, last: int, double: bool) -> Interval:
        """The numbers whose milliseconds since 1899-12-30 lie from first to last."""
        if first > last:
            return Interval(1, 0, True, True)
        least, beyond = _first_reaching(first), _first_reaching(last + 1)
        if double:
            return Interval(least, beyond, True, False)
        return Interval(math.ceil(least), math.ceil(beyond), True, False)


def _milliseconds(number: float) -> int:
    """round(number * 86400000) as DuckDB computes it: halves away from zero."""
    product = number * _DAY
    whole = math.floor(abs(product))
    rounded = whole + (abs(product) - whole >= 0.5)
    return rounded if product >= 0 else -rounded


def _first_reaching(target: int) -> float:
    """The least double whose milliseconds are at least the target."""
    low, high = _ordinal(target / _DAY - 1), _ordinal(target / _DAY + 1)
    while low < high:
        middle = (low + high) // 2
        if _milliseconds(_double(middle)) >= target:
            high = middle
        else:
            low = middle + 1
    return _double(low)


def _ordinal(value: float) -> int:
    """The doubles numbered in their order."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _double(ordinal: int) -> float:
    bits = ordinal if ordinal >= 0 else -ordinal | -0x8000_0000_0000_0000
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value
