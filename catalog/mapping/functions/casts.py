"""The cast `x::type`, and `digits`: the one text form of a number, and numbers of other types."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from sqlglot import exp

from catalog.conditions import Condition, Term, Test
from catalog.mapping import sql
from catalog.mapping.constants import coerce
from catalog.mapping.errors import wrong_arguments
from catalog.mapping.functions.base import INTEGERS, Forward, Inverse, MappingFunction, Parameter, Verdicts, literal, require, verdicts
from catalog.mapping.functions.injective import map_points
from catalog.mapping.functions.monotone import Inverted, invert_bounds, relative_slack
from catalog.mapping.functions.numbers import raw_text_behind
from catalog.mapping.tree import Call, Literal, Node, same_type
from catalog.types import DOUBLE, TEXT, Type
from catalog.values import Interval, ValueSet

_TO_TEXT = ("integer", "bigint", "decimal", "double", "date", "boolean", "local_timestamp")
_HINTS = {
    ("timestamp", "date"): "local_date(x) says whose day",
    ("text", "timestamp"): "local_time(x, 'format') or from_epoch_ms(x)",
    ("local_timestamp", "timestamp"): "local_time(x) says which zone",
    ("integer", "timestamp"): "from_epoch_s, from_epoch_ms or from_epoch_us",
}
NOTHING = verdicts("N N N N - N")


def cast_allowed(source: Type, target: Type) -> bool:
    names = source.name, target.name
    if same_type(source, target):
        return True
    if target.is_text:
        return source.name in _TO_TEXT
    if source.is_number and target.is_number:
        return True
    return names in {("local_timestamp", "date")} or (source.is_text and (target.is_number or target.name in ("date", "boolean")))


class Cast(MappingFunction):
    """`x::varchar`, `::double`, `::bigint`, `::decimal(p,s)`, `::date`. What does not fit is NULL."""

    name = "cast"
    parameters = (Parameter("value"),)
    fails = True

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        (node,) = arguments
        assert type is not None
        if isinstance(node, Literal) and (node.value is None or (node.type.is_number and type.is_number)):
            return coerce(node, type)
        if same_type(node.type, type):
            return node
        if not cast_allowed(node.type, type):
            names = ("text" if node.type.is_text else node.type.name, type.name)
            raise wrong_arguments(f"{node.type} cannot become {type}", _HINTS.get(names, ""))
        return arguments

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.try_cast(arguments[0], call.type)

    def verdicts_of(self, call: Call) -> Verdicts:
        source, target = call.arguments[0].type, call.type
        if target.is_text:
            return _text_verdicts(source)
        if source.is_text:
            return verdicts("S S S - - N") if target == DOUBLE else NOTHING
        if widens(source, target):
            return verdicts("E E E - E E")
        return verdicts("S S S - - N")

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        (argument,) = call.arguments
        source, target = argument.type, call.type
        if target.is_text:
            if source == DOUBLE and any(not _double(point) and _reads_as_double(point) for point in wanted.points() or ()):
                return None
            return map_points(argument, wanted, _readers(source), context)
        if source.is_text:
            column = raw_text_behind(argument)
            return None if column is None else Test(Term(column.name, "number"), wanted, exact=False)
        if widens(source, target):
            return context.preimage(argument, wanted)
        if target.name == "date":
            return context.preimage(argument, days_as_times(wanted))
        bounds = invert_bounds(wanted, _number_slack(target), source)
        return None if bounds is None else context.preimage(argument, bounds)


def widens(source: Type, target: Type) -> bool:
    """Whether a decimal only gets room: every value stays the same and none is lost."""
    if source.name != "decimal" or target.name != "decimal":
        return False
    return target.scale >= source.scale and target.precision - target.scale >= source.precision - source.scale


def _number_slack(target: Type) -> Inverted:
    if target.name in INTEGERS:
        return lambda v: (v, 1 + relative_slack(v))
    if target.name == "decimal":
        return lambda v: (v, Fraction(1, 10**target.scale) + relative_slack(v))
    return lambda v: (v, relative_slack(v))


def days_as_times(days: ValueSet) -> ValueSet:
    """The local times whose date is in the set."""
    found = [
        Interval(
            None if i.low is None else _midnight(i.low, 0 if i.low_closed else 1),
            None if i.high is None else _midnight(i.high, 1 if i.high_closed else 0),
            i.low is not None,
            False,
        )
        for i in days.intervals
    ]
    return ValueSet.build(found, null=days.null)


def _midnight(day: date, later: int) -> datetime | None:
    try:
        return datetime(day.year, day.month, day.day) + timedelta(days=later)
    except OverflowError:
        return None


# ------------------------------------------------------------------------------------------------ text forms


def _text_verdicts(source: Type) -> Verdicts:
    if source.name == "double":
        return verdicts("S N N N E E")
    return verdicts("E E N N E E") if source.name != "local_timestamp" else verdicts("N N N N E E")


def _readers(source: Type) -> Callable[[str], list[Any]]:
    """What reads a text back: the value whose one text form it is, or nothing."""
    match source.name:
        case "integer" | "bigint":
            return lambda text: _integer(text, "d")
        case "decimal":
            return lambda text: _decimal(text, source)
        case "double":
            return _double
        case "date":
            return _date
        case "boolean":
            return lambda text: [text == "true"] if text in ("true", "false") else []
        case _:
            return lambda _text: []


def _integer(text: str, form: str) -> list[int]:
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 64:
        return []
    value = int(text)
    return [value] if -(2**63) <= value < 2**63 and format(value, form) == text else []


def _decimal(text: str, type: Type) -> list[Decimal]:
    bare = text.removeprefix("-")
    whole, dot, fraction = bare.partition(".")
    if not (bare.isascii() and (whole + fraction).isdigit()) or len(fraction) != type.scale or bool(dot) != (type.scale > 0):
        return []
    canonical_whole = "" if type.precision == type.scale else str(int(whole or "0"))
    try:
        value = Decimal(text)
    except InvalidOperation:
        return []
    fits = len(canonical_whole if canonical_whole != "0" else "") <= type.precision - type.scale
    return [value] if whole == canonical_whole and fits and not (value == 0 and text.startswith("-")) else []


def _double(text: str) -> list[float]:
    try:
        value = float(text)
    except ValueError:
        return []
    return [value] if math.isfinite(value) else []


def _reads_as_double(text: str) -> bool:
    return text.lower().removeprefix("-") in ("nan", "inf", "infinity")


def _date(text: str) -> list[date]:
    try:
        value = date.fromisoformat(text)
    except ValueError:
        return []
    return [value] if value.isoformat() == text else []


class Digits(MappingFunction):
    """A whole number as decimal text, filled with zeros to a width: digits(421, 8) = '00000421'."""

    name = "digits"
    parameters = (Parameter("number", INTEGERS), Parameter("width", INTEGERS, literal=True))
    required = 1
    returns = TEXT
    verdicts = verdicts("E E N N E E")

    def type_of(self, arguments: Sequence[Node]) -> Type:
        require(all(1 <= literal(width) <= 38 for width in arguments[1:]), "the width of digits is 1 to 38")
        return TEXT

    def _form(self, call: Call) -> str:
        return f"0{literal(call.arguments[1])}d" if len(call.arguments) > 1 else "d"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        if len(call.arguments) == 1:
            return sql.cast(arguments[0], TEXT)
        return sql.function("format", sql.text(f"{{:{self._form(call)}}}"), arguments[0])

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        form = self._form(call)
        return map_points(call.arguments[0], wanted, lambda text: _integer(text, form), context)
