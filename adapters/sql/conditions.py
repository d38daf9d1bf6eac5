"""Conditions under a dialect's rules: the verdict, and the expression that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlglot import exp

from adapters.interface import Exactness, Verdict
from adapters.sql.bounds import UnsayableBoundError, fitted
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, ColumnWriter, Comparison, SqlDialect, compared_type, form_of, is_null, joined
from adapters.sql.plain import plain
from adapters.weaken import classify_by_test
from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Test, Unknown
from catalog.source_tables import RawColumn
from catalog.types import Type
from catalog.values import ValueSet


def classify_condition(dialect: SqlDialect, condition: Condition, columns: Mapping[str, RawColumn]) -> Verdict:
    """The verdict of a condition over a relation's columns: what the rules do not name is refused."""
    return classify_by_test(condition, lambda test: _verdict(dialect, test, columns))


def _verdict(dialect: SqlDialect, test: Test, columns: Mapping[str, RawColumn]) -> Verdict:
    column = columns.get(test.term.column)
    if column is None:
        return Verdict(Exactness.REFUSE, reason=f"the relation has no column {test.term.column}")
    form = form_of(test.wanted)
    rule = dialect.rules.get((test.term.kind, form, column.type.name))
    if rule is None:
        return Verdict(
            Exactness.REFUSE, reason=f"no rule says how to ask for the {test.term.kind} of a column of type {column.type} ({form})"
        )
    if rule.exactness is Exactness.REFUSE:
        return Verdict(rule.exactness, reason=rule.reason)
    if form in NULL_FORMS:
        return Verdict(rule.exactness, test, rule.reason)
    refused = _too_much(dialect, test.wanted) or (rule.unless(test.wanted) if rule.unless is not None else "")
    if refused:
        return Verdict(Exactness.REFUSE, reason=refused)
    try:
        for interval in test.wanted.intervals:
            fitted(interval, compared_type(test.term, column))
    except UnsayableBoundError as error:
        return Verdict(Exactness.REFUSE, reason=str(error))
    return Verdict(rule.exactness, test, rule.reason)


def _too_much(dialect: SqlDialect, wanted: ValueSet) -> str:
    """Why a set has too many parts to be sent; '' if it has not."""
    listed = wanted.points() or wanted.excluded()
    if listed is None:
        return (
            f"more than {dialect.most_intervals} separate ranges are sorted out at the gateway"
            if len(wanted.intervals) > dialect.most_intervals
            else ""
        )
    if dialect.most_points is not None and len(listed) > dialect.most_points:
        return f"more than {dialect.most_points:,} listed values are sorted out at the gateway"
    return ""


@dataclass(slots=True)
class Constants:
    """The constants of a statement; number 1 is the first that was bound."""

    values: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> exp.Parameter:
        self.values.append(value)
        return exp.Parameter(this=exp.Literal.number(len(self.values)))


@dataclass(frozen=True, slots=True)
class ConditionWriter:
    """Writes conditions that `classify_condition` has let through, over columns named by `column`."""

    dialect: SqlDialect
    columns: Mapping[str, RawColumn]
    column: ColumnWriter
    constants: Constants

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

    def bind(self, value: Any, type: Type) -> exp.Expression:
        """A constant in the dialect's way: a parameter or a literal, cast to `type`."""
        if self.dialect.parameters == "literal":
            assert self.dialect.literal is not None
            return self.dialect.literal(value, type)
        return self.dialect.cast(self.constants.add(self.dialect.parameter(value)), type)

    def bind_raw(self, value: Any) -> exp.Expression:
        """A parameter as it is: a list for the driver, a JSON text."""
        return self.constants.add(value)

    def _test(self, test: Test) -> exp.Expression:
        name, column = test.term.column, self.columns[test.term.column]
        form = form_of(test.wanted)
        rule = self.dialect.rules[test.term.kind, form, column.type.name]

        def read() -> exp.Expression:
            found = self.column(name)
            return found if rule.read is None else rule.read(found, column)

        arms: list[exp.Expression] = []
        if form == "not null":
            arms.append(is_null(read()).not_(copy=False))
        elif form in SET_FORMS:
            compared = Comparison(self, name, column, compared_type(test.term, column), test.wanted.without_null(), read)
            arms.append((rule.write or plain)(compared))
        if test.wanted.null:
            arms.append(is_null(read()))
        return joined(exp.Or, arms) if arms else exp.false()
