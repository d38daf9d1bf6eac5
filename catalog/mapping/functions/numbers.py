"""Arithmetic, and numbers from and to text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from sqlglot import exp

from catalog.conditions import Condition, Term, Test
from catalog.mapping import sql
from catalog.mapping.constants import decimal_shape
from catalog.mapping.functions.base import (
    INTEGERS,
    NUMBERS,
    TEXTS,
    Forward,
    Inverse,
    MappingFunction,
    Parameter,
    Verdicts,
    literal,
    require,
    verdicts,
)
from catalog.mapping.functions.monotone import Inverted, invert_bounds, relative_slack
from catalog.mapping.tree import Call, Literal, Node, Raw
from catalog.types import DOUBLE, INTEGER, Type, decimal
from catalog.values import Interval, ValueSet

_CLASSES: dict[str, type[exp.Binary]] = {
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "//": exp.IntDiv, "%": exp.Mod,
}  # fmt: skip
AFFINE = verdicts("S S S - - N")
RANGED_SUM = verdicts("S N S - - -")


class Arithmetic(MappingFunction):
    """+ - * with DuckDB's types: whole numbers stay whole, decimals stay exact, a double makes a double. / gives a double.

    What overflows is NULL. With a constant on one side the bounds go through; a sum also where one side has bounds.
    """

    parameters = (Parameter("left", NUMBERS), Parameter("right", NUMBERS))
    returns = DOUBLE
    fails = True
    verdicts = AFFINE

    def __init__(self, operator: str) -> None:
        self.name = self.operator = operator

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        for argument in arguments:
            require(argument.type.is_number, f"{self.operator} takes numbers, not {argument.type}", "cast it with ::double")
        return arguments

    def type_of(self, arguments: Sequence[Node]) -> Type:
        left, right = (argument.type for argument in arguments)
        whole = left.name in INTEGERS and right.name in INTEGERS
        if self.operator in ("//", "%"):
            require(whole, f"{self.operator} takes whole numbers", "cast them with ::bigint")
            return INTEGER
        if self.operator == "/" or DOUBLE in (left, right):
            return DOUBLE
        return INTEGER if whole else self._decimal(left, right)

    def _decimal(self, left: Type, right: Type) -> Type:
        (p, s), (q, t) = decimal_shape(left), decimal_shape(right)
        precision, scale = (p + q, s + t) if self.operator == "*" else (max(p - s, q - t) + max(s, t) + 1, max(s, t))
        require(precision <= 38, "the result has more than 38 digits", "cast one side to double or to a smaller decimal")
        return decimal(precision, scale)

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        left, right = arguments
        if call.type == DOUBLE:
            left, right = (
                written if node.type == DOUBLE else sql.cast(written, DOUBLE) for written, node in zip(arguments, call.arguments)
            )
        elif isinstance(call.arguments[0], Literal) and call.type == INTEGER:
            left = sql.cast(left, INTEGER)  # two small constants would be computed in 32 bits
        made = _CLASSES[self.operator](this=sql.wrapped(left), expression=sql.wrapped(right))
        if call.type == DOUBLE:
            return made
        tried = sql.function("try", made)
        return tried if call.type == INTEGER else sql.cast(tried, call.type)

    def verdicts_of(self, call: Call) -> Verdicts:
        constant = any(isinstance(argument, Literal) for argument in call.arguments)
        return AFFINE if constant or self.operator != "+" or not _has_bounds(call) else RANGED_SUM

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        left, right = call.arguments
        if isinstance(right, Literal) or isinstance(left, Literal):
            return self._through_constant(call, wanted, context)
        if self.operator == "+":
            return self._through_sum(left, right, wanted, context)
        return None

    def _through_constant(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        left, right = call.arguments
        constant, subject = (right, left) if isinstance(right, Literal) else (left, right)
        if literal(constant) is None:
            return None
        inverted, falling = self._inverted(Fraction(literal(constant)), subject is right)
        if inverted is None:
            return None
        bounds = invert_bounds(wanted, inverted, subject.type, falling=falling)
        return None if bounds is None else context.preimage(subject, bounds)

    def _inverted(self, k: Fraction, constant_first: bool) -> tuple[Inverted | None, bool]:
        match self.operator:
            case "+":
                return (lambda v: (v - k, relative_slack(v, k))), False
            case "-" if constant_first:
                return (lambda v: (k - v, relative_slack(v, k))), True
            case "-":
                return (lambda v: (v + k, relative_slack(v, k))), False
            case "*" if k != 0:
                return (lambda v: (v / k, relative_slack(v / k, 1 / k))), k < 0
            case "/" if k != 0 and not constant_first:
                return (lambda v: (v * k, relative_slack(v * k, k))), k < 0
            case _:
                return None, False

    def _through_sum(self, left: Node, right: Node, wanted: ValueSet, context: Inverse) -> Condition | None:
        for subject, other in ((left, right), (right, left)):
            bounds = bounds_of(other)
            if bounds is None or subject.type.name not in INTEGERS:
                continue
            low, high = bounds
            found = [
                Interval(
                    None if i.low is None else i.low - high, None if i.high is None else i.high - low, i.low is not None, i.high is not None
                )
                for i in wanted.intervals
            ]
            return context.preimage(subject, ValueSet.build(found))
        return None


def _has_bounds(call: Call) -> bool:
    return any(bounds_of(argument) is not None for argument in call.arguments)


def bounds_of(node: Node) -> tuple[int, int] | None:
    """The declared least and greatest value of a whole number, through + and * with constants."""
    match node:
        case Raw(bounds=bounds) if node.type.name in INTEGERS:
            return bounds
        case Literal(value=int(value)) if not isinstance(value, bool):
            return value, value
        case Call(function="+" | "*" as operator, arguments=(left, right)):
            a, b = bounds_of(left), bounds_of(right)
            if a is None or b is None:
                return None
            ends = [x + y if operator == "+" else x * y for x in a for y in b]
            return (a[0] + b[0], a[1] + b[1]) if operator == "+" else (min(ends), max(ends))
        case _:
            return None


class Number(MappingFunction):
    """The number written in a text, NULL if it is not one. With separators the text must be grouped rightly.

    Without separators it is DuckDB's TRY_CAST, which a source may test (the term `number`).
    """

    name = "number"
    copies = 2
    parameters = (Parameter("text", TEXTS), Parameter("thousands", ("text",), True), Parameter("decimal", ("text",), True))
    required = 1
    returns = DOUBLE
    fails = True
    verdicts = AFFINE

    def type_of(self, arguments: Sequence[Node]) -> Type:
        marks = [literal(mark) for mark in arguments[1:]]
        require(
            all(len(mark) == 1 and not mark.isalnum() and mark not in "+-" for mark in marks), "a separator is one sign that is not +, -"
        )
        require(len({*marks, "."} if len(marks) == 1 else set(marks)) == 2 or not marks, "the two separators must differ")
        return DOUBLE

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        text = arguments[0]
        marks = [literal(mark) for mark in call.arguments[1:]]
        if not marks:
            return sql.try_cast(text, DOUBLE)
        thousands, point = marks[0], marks[1] if len(marks) > 1 else "."
        group, dot = re.escape(thousands), re.escape(point)
        pattern = rf"\s*[-+]?([0-9]{{1,3}}({group}[0-9]{{3}})+|[0-9]+)({dot}[0-9]*)?\s*"
        bare = sql.function("replace", text.copy(), sql.text(thousands), sql.text(""))
        if point != ".":
            bare = sql.function("replace", bare, sql.text(point), sql.text("."))
        matched = sql.function("regexp_full_match", text, sql.text(pattern))
        return sql.when((matched, sql.try_cast(bare, DOUBLE)))

    def verdicts_of(self, call: Call) -> Verdicts:
        return AFFINE if len(call.arguments) == 1 else verdicts("N N N N - N")

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        column = raw_text_behind(call.arguments[0])
        if len(call.arguments) > 1 or column is None:
            return None
        return Test(Term(column.name, "number"), wanted, exact=False)


def raw_text_behind(node: Node) -> Raw | None:
    """The raw column whose text the node is, where it is not NULL."""
    match node:
        case Raw():
            return node
        case Call(function="nullif_any", arguments=(first, *_)):
            return raw_text_behind(first)
        case _:
            return None


def arithmetic_functions() -> dict[str, MappingFunction]:
    return {operator: Arithmetic(operator) for operator in _CLASSES}
