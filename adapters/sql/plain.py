"""The plain way to write points, excluded points and ranges, and its parts for rules that need another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from adapters.sql.bounds import fitted
from adapters.sql.dialect import Comparison, is_null, joined
from catalog.types import Type
from catalog.values import Interval, ValueSet


def plain(compared: Comparison) -> exp.Expression:
    """The set by =, <>, IN, NOT IN, <, <=, > and >=, for sources whose comparisons of the type are those of its values."""
    if compared.wanted.points() is None:  # asked first: of a long list it is quicker to tell
        left_out = compared.wanted.excluded()
        if left_out is not None:
            return _excluded(compared, left_out)
    members = _members(compared)
    return joined(exp.Or, members) if members else exp.false()


def members(wanted: ValueSet, type: Type) -> tuple[list[Any], list[Interval]]:
    """The points and the ranges of a set with bounds that the type has; what no value can meet is left out."""
    intervals = [interval for interval in (fitted(interval, type) for interval in wanted.intervals) if not interval.is_empty]
    return [interval.low for interval in intervals if interval.is_point], [interval for interval in intervals if not interval.is_point]


def possible(points: Sequence[Any], type: Type) -> list[Any]:
    """Those of the points that a value of the type can be."""
    return [found.low for found in (fitted(Interval(point, point, True, True), type) for point in points) if not found.is_empty]


def _members(compared: Comparison) -> list[exp.Expression]:
    points, intervals = members(compared.wanted, compared.type)
    ranges = [between(compared, interval) for interval in intervals]
    return ([among(compared, points)] if points else []) + ranges


def _excluded(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    left_out = possible(points, compared.type)
    if not left_out:
        return is_null(compared.read()).not_(copy=False)
    if len(left_out) == 1:
        return exp.NEQ(this=compared.read(), expression=compared.bind(left_out[0]))
    return exp.Not(this=among(compared, left_out))


def among(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    """= or IN. Under NOT it must stay one expression that is NULL for NULL."""
    dialect = compared.writer.dialect
    if len(points) == 1:
        return exp.EQ(this=compared.read(), expression=compared.bind(points[0]))
    if len(points) <= dialect.listed:
        return exp.In(this=compared.read(), expressions=[compared.bind(point) for point in points])
    return (dialect.many or in_chunks)(compared, points)


def in_chunks(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    """Several INs of at most `listed` constants each, under OR."""
    size = compared.writer.dialect.listed
    chunks = [points[start : start + size] for start in range(0, len(points), size)]
    return joined(exp.Or, [exp.In(this=compared.read(), expressions=[compared.bind(point) for point in chunk]) for chunk in chunks])


def between(compared: Comparison, interval: Interval) -> exp.Expression:
    """A range; above an open end lies NaN, as in DuckDB's order, and below a closed or open high bound it does not."""
    sides: list[exp.Expression] = []
    if interval.low is not None:
        above = exp.GTE if interval.low_closed else exp.GT
        sides.append(above(this=compared.read(), expression=compared.bind(interval.low)))
    if interval.high is not None:
        below = exp.LTE if interval.high_closed else exp.LT
        sides.append(below(this=compared.read(), expression=compared.bind(interval.high)))
    return joined(exp.And, sides) if sides else is_null(compared.read()).not_(copy=False)
