"""Instants and local times: what the client sees has microseconds, what the server compares has up to seven digits, or 1/300 s.

The seventh digit is dropped on the way to the client. So a value v is seen as c if c <= v < c + 1 µs, and every set of seen values is a
union of half-open ranges of stored ones. datetimeoffset compares instants, whatever the offsets.
A datetime is compared as it is carried, as datetime2(3): the same under every compatibility level. An index on the column does not serve
that; a range of the column itself, wider by ten milliseconds on both sides, stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlglot import exp

from adapters.sql.dialect import Comparison, joined
from adapters.sqlserver.native_types import ColumnFact
from adapters.sqlserver.spelling import carried, cast
from catalog.values import Interval

_MICROSECOND = timedelta(microseconds=1)
_MARGIN = timedelta(milliseconds=10)
_FIRST_DATETIME = datetime(1753, 1, 1)
_LAST_DATETIME = datetime(9999, 12, 31, 23, 59, 59, 990_000)


def write_instants(compared: Comparison, fact: ColumnFact) -> exp.Expression:
    """Points, all but points, and intervals: all are ranges. NULL for a NULL, or not TRUE."""
    ranges = [found for interval in compared.wanted.intervals for found in _half_open(interval)]
    written = [_between(compared, fact, low, high) for low, high in ranges]
    return joined(exp.Or, written) if written else exp.false()


def _half_open(interval: Interval) -> Sequence[tuple[datetime | None, datetime | None]]:
    """(low, high) with low <= v < high; None is open for ever. Nothing, if no stored value is seen in the interval."""
    low, high = interval.low, interval.high
    if low is not None and not interval.low_closed:
        low = _next(low)
        if low is None:
            return []
    if high is not None and interval.high_closed:
        high = _next(high)
    if low is not None and high is not None and low >= high:
        return []
    return [(low, high)]


def _next(seen: datetime) -> datetime | None:
    """A microsecond later; None after the last one that there is."""
    last = datetime.max if seen.tzinfo is None else datetime.max.replace(tzinfo=UTC)
    return None if seen == last else seen + _MICROSECOND


def _between(compared: Comparison, fact: ColumnFact, low: datetime | None, high: datetime | None) -> exp.Expression:
    sides: list[exp.Expression] = _wider(compared, fact, low, high)
    if low is not None:
        sides.append(exp.GTE(this=carried(compared.read(), fact), expression=compared.bind(low)))
    if high is not None:
        sides.append(exp.LT(this=carried(compared.read(), fact), expression=compared.bind(high)))
    if not sides:
        return exp.Not(this=exp.Is(this=compared.read(), expression=exp.Null()))
    return joined(exp.And, sides)


def _wider(compared: Comparison, fact: ColumnFact, low: datetime | None, high: datetime | None) -> list[exp.Expression]:
    """For the index on a datetime column. Bounds that a datetime cannot be are left open."""
    if fact.type != "datetime":
        return []
    sides: list[exp.Expression] = []
    if low is not None and _FIRST_DATETIME + _MARGIN < low < _LAST_DATETIME:
        sides.append(exp.GTE(this=compared.read(), expression=_as_datetime(compared, low - _MARGIN)))
    if high is not None and _FIRST_DATETIME < high < _LAST_DATETIME - _MARGIN:
        sides.append(exp.LTE(this=compared.read(), expression=_as_datetime(compared, high + _MARGIN)))
    return sides


def _as_datetime(compared: Comparison, bound: Any) -> exp.Expression:
    return cast(cast(compared.writer.bind_raw(bound.isoformat(" ", "microseconds")), "datetime2(7)"), "datetime")
