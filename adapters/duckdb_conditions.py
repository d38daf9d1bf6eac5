"""Conditions as DuckDB SQL: the table of what may be said of which type, and how each form of a value set is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from sqlglot import exp

from adapters.duckdb_bounds import UnsayableBoundError, fitted, parameter
from adapters.duckdb_types import duckdb_type
from adapters.interface import Exactness, Verdict
from adapters.weaken import classify_by_test
from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Term, Test, Unknown
from catalog.source_tables import RawColumn
from catalog.types import DOUBLE, Type
from catalog.values import Interval, ValueSet

Form = Literal["nothing", "null", "not null", "points", "excluded", "intervals"]
"""What kind of set a test asks for. A set that is NULL and more has the form of the rest."""

MOST_INTERVALS = 500
"""More separate ranges than this are read at the gateway: each is a comparison per row."""

LISTED = 100
"""Up to so many points are parameters of their own (and reach file statistics); more are one list parameter."""

_SETS: tuple[Form, ...] = ("points", "excluded", "intervals")
_NULLS: tuple[Form, ...] = ("nothing", "null", "not null")
_ORDERED = ("text", "uuid", "integer", "bigint", "double", "decimal", "boolean", "date", "timestamp", "local_timestamp", "bytes")
_NESTED = ("list", "map", "struct")
_AS_NUMBER = "the text is read as a number by the source, and again at the gateway"
_NO_ORDER = "a {} has no values that a condition can name; only whether it is null can be asked"

VERDICTS: dict[tuple[str, Form, str], tuple[Exactness, str]] = {
    # DuckDB is the reference: these types have its own order, bit for bit (text by code point, NaN above all).
    **{("value", form, type): (Exactness.EXACT, "") for form in (*_NULLS, *_SETS) for type in _ORDERED},
    **{("value", form, type): (Exactness.EXACT, "") for form in _NULLS for type in _NESTED},
    **{("value", form, type): (Exactness.REFUSE, _NO_ORDER.format(type)) for form in _SETS for type in _NESTED},
    **{("number", form, "text"): (Exactness.SUPERSET, _AS_NUMBER) for form in (*_NULLS, *_SETS)},
}
"""(kind of term, form of the set, type of the column) to the verdict. What is not here is refused."""


def classify_condition(condition: Condition, columns: Mapping[str, RawColumn]) -> Verdict:
    return classify_by_test(condition, lambda test: _verdict(test, columns))


def _verdict(test: Test, columns: Mapping[str, RawColumn]) -> Verdict:
    column = columns.get(test.term.column)
    if column is None:
        return Verdict(Exactness.REFUSE, reason=f"the relation has no column {test.term.column}")
    form = form_of(test.wanted)
    exactness, reason = VERDICTS.get(
        (test.term.kind, form, column.type.name),
        (Exactness.REFUSE, f"no rule says how to ask for the {test.term.kind} of a column of type {column.type}"),
    )
    if exactness is Exactness.REFUSE:
        return Verdict(exactness, reason=reason)
    if form in _NULLS:
        return Verdict(exactness, test, reason)
    if form == "intervals" and len(test.wanted.intervals) > MOST_INTERVALS:
        return Verdict(Exactness.REFUSE, reason=f"more than {MOST_INTERVALS} separate ranges are sorted out at the gateway")
    try:
        for interval in test.wanted.intervals:
            fitted(interval, _compared_type(test.term, column))
    except UnsayableBoundError as error:
        return Verdict(Exactness.REFUSE, reason=str(error))
    return Verdict(exactness, test, reason)


def form_of(wanted: ValueSet) -> Form:
    if not wanted.intervals:
        return "null" if wanted.null else "nothing"
    rest = wanted.without_null()
    if rest.is_not_null:
        return "not null"
    if rest.points() is not None:
        return "points"
    return "excluded" if rest.excluded() is not None else "intervals"


def _compared_type(term: Term, column: RawColumn) -> Type:
    return DOUBLE if term.kind == "number" else column.type


@dataclass(slots=True)
class Parameters:
    """The values of a statement, in order; `$1` is the first."""

    values: list[Any] = field(default_factory=list)

    def bind(self, value: Any, type: Type) -> exp.Expression:
        """A parameter cast to the type of the column, so that both sides of a comparison are of one type."""
        return exp.Cast(this=self._add(parameter(value)), to=duckdb_type(type))

    def bind_list(self, values: Sequence[Any], type: Type) -> exp.Expression:
        return exp.Cast(this=self._add([parameter(value) for value in values]), to=duckdb_type(Type("list", element=type)))

    def _add(self, value: Any) -> exp.Expression:
        self.values.append(value)
        return exp.Parameter(this=exp.Literal.number(len(self.values)))


ColumnWriter = Callable[[str], exp.Expression]
"""From the name under which the relation delivers a column to how the statement names it."""


@dataclass(frozen=True, slots=True)
class ConditionWriter:
    """Writes conditions that `classify_condition` has let through, over columns named by `column`."""

    columns: Mapping[str, RawColumn]
    column: ColumnWriter
    parameters: Parameters

    def write(self, condition: Condition) -> exp.Expression:
        match condition:
            case Always() | Unknown():
                return exp.true()
            case Never():
                return exp.false()
            case Test():
                return self._test(condition)
            case AllOf(parts=parts):
                return joined(exp.And, [self.write(part) for part in parts])
            case AnyOf(arms=arms):
                return joined(exp.Or, [self.write(arm) for arm in arms])
            case _:
                assert_never(condition)

    def _test(self, test: Test) -> exp.Expression:
        type = _compared_type(test.term, self.columns[test.term.column])
        arms: list[exp.Expression] = []
        match form_of(test.wanted):
            case "nothing" | "null":
                pass
            case "not null":
                arms.append(_is_null(self._term(test.term)).not_(copy=False))
            case "excluded":
                arms.append(self._excluded(test.term, test.wanted.excluded() or (), type))
            case "points" | "intervals":
                arms += self._members(test.term, test.wanted, type)
        if test.wanted.null:
            arms.append(_is_null(self._term(test.term)))
        return joined(exp.Or, arms) if arms else exp.false()

    def _members(self, term: Term, wanted: ValueSet, type: Type) -> list[exp.Expression]:
        intervals = [interval for interval in (fitted(interval, type) for interval in wanted.intervals) if not interval.is_empty]
        points = [interval.low for interval in intervals if interval.is_point]
        ranges = [self._range(term, interval, type) for interval in intervals if not interval.is_point]
        return ([self._among(term, points, type)] if points else []) + ranges

    def _excluded(self, term: Term, points: Sequence[Any], type: Type) -> exp.Expression:
        possible = [point.low for point in (fitted(Interval(p, p, True, True), type) for p in points) if not point.is_empty]
        if not possible:
            return _is_null(self._term(term)).not_(copy=False)
        if len(possible) == 1:
            return exp.NEQ(this=self._term(term), expression=self.parameters.bind(possible[0], type))
        return exp.Not(this=self._among(term, possible, type))

    def _among(self, term: Term, points: Sequence[Any], type: Type) -> exp.Expression:
        if len(points) == 1:
            return exp.EQ(this=self._term(term), expression=self.parameters.bind(points[0], type))
        if len(points) <= LISTED:
            return exp.In(this=self._term(term), expressions=[self.parameters.bind(point, type) for point in points])
        listed = exp.select(exp.Anonymous(this="UNNEST", expressions=[self.parameters.bind_list(points, type)]))
        return exp.In(this=self._term(term), query=exp.Subquery(this=listed))

    def _range(self, term: Term, interval: Interval, type: Type) -> exp.Expression:
        """A range; above an open end lies NaN, as in DuckDB's order, and below a closed or open high bound it does not."""
        sides: list[exp.Expression] = []
        if interval.low is not None:
            above = exp.GTE if interval.low_closed else exp.GT
            sides.append(above(this=self._term(term), expression=self.parameters.bind(interval.low, type)))
        if interval.high is not None:
            below = exp.LTE if interval.high_closed else exp.LT
            sides.append(below(this=self._term(term), expression=self.parameters.bind(interval.high, type)))
        return joined(exp.And, sides) if sides else _is_null(self._term(term)).not_(copy=False)

    def _term(self, term: Term) -> exp.Expression:
        column = self.column(term.column)
        match term.kind:
            case "value":
                return column
            case "number":
                return exp.TryCast(this=column, to=duckdb_type(DOUBLE))
            case _:
                assert_never(term.kind)


def joined(connector: type[exp.And] | type[exp.Or], parts: Sequence[exp.Expression]) -> exp.Expression:
    """The parts under AND or OR, as a balanced tree: a long chain would pass the engine's limit on depth."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return exp.Paren(this=connector(this=joined(connector, parts[:middle]), expression=joined(connector, parts[middle:])))


def _is_null(expression: exp.Expression) -> exp.Expression:
    return exp.Is(this=expression, expression=exp.Null())
