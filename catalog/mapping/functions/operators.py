"""Comparisons and the boolean operators: for `where`, `keep`, `checks` and the conditions of `case`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from sqlglot import exp

from catalog.conditions import Always, Condition, Never, Unknown, all_of, any_of, inexact
from catalog.mapping import sql
from catalog.mapping.constants import coerce
from catalog.mapping.functions.base import ANY, TEXTS, Forward, Inverse, MappingFunction, Parameter, literal, require, verdicts
from catalog.mapping.tree import Call, Literal, Node, same_type
from catalog.types import BOOLEAN, DOUBLE, Type, decimal
from catalog.values import EMPTY, NOT_NULL, NULL_ONLY, ValueSet

_SWAPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CLASSES: dict[str, type[exp.Binary]] = {"=": exp.EQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
EVERY = verdicts("E E E E E E")


def truth_set(operator: str, value: object) -> ValueSet:
    """The values x for which `x operator value` is TRUE."""
    match operator:
        case "=":
            return ValueSet.of(value)
        case "<>":
            return ValueSet.of(value).complement().without_null()
        case "<" | "<=":
            return ValueSet.range(None, value, high_closed=operator == "<=")
        case _:
            return ValueSet.range(value, None, low_closed=operator == ">=")


def spread(wanted: ValueSet, true: ValueSet) -> ValueSet:
    """The arguments that make a strict test a member of `wanted`, from those that make it TRUE."""
    found = true if wanted.contains(True) else EMPTY
    if wanted.contains(False):
        found = found | true.complement().without_null()
    return found | NULL_ONLY if wanted.null else found


class Comparison(MappingFunction):
    """`x = 5` and its like; NULL compares to NULL."""

    parameters = (Parameter("left"), Parameter("right"))
    returns = BOOLEAN
    verdicts = EVERY

    def __init__(self, operator: str) -> None:
        self.name = self.operator = operator

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        left, right = arguments
        if isinstance(left, Literal) and not isinstance(right, Literal):
            return Call(_SWAPPED[self.operator], comparable(right, left), BOOLEAN)
        return comparable(left, right)

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return _CLASSES[self.operator](this=sql.wrapped(arguments[0]), expression=sql.wrapped(arguments[1]))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        subject, other = call.arguments
        if not isinstance(other, Literal):
            return Unknown() if wanted.null else inexact(all_of(context.not_null(subject), context.not_null(other)))
        if other.value is None:
            return Always() if wanted.null else Never()
        return context.preimage(subject, spread(wanted, truth_set(self.operator, other.value)))


def comparable(left: Node, right: Node) -> tuple[Node, Node]:
    """Both sides with a constant read as the type of the other. Raises ExpressionError if they cannot be compared."""
    if isinstance(right, Literal):
        if right.value is None:
            return left, Literal(None, left.type)
        if left.type.is_number and right.type.is_number:
            return left, _number_constant(right, left.type)
        return left, coerce(right, left.type)
    fits = same_type(left.type, right.type) or (left.type.is_number and right.type.is_number)
    require(fits, f"{left.type} cannot be compared with {right.type}", "cast one of them")
    return left, right


def _number_constant(constant: Literal, type: Type) -> Literal:
    """DuckDB compares a double with a decimal as doubles, and whole numbers and decimals exactly."""
    if type == DOUBLE:
        return Literal(float(constant.value), DOUBLE)
    if isinstance(constant.value, float):
        read = Decimal(str(constant.value))
        exponent = read.as_tuple().exponent
        scale = max(0, -exponent) if isinstance(exponent, int) else 0
        require(read.is_finite() and scale <= 18, "the constant is too fine to be compared exactly", "cast the column to double")
        return Literal(read, decimal(38, scale))
    return constant


class In(MappingFunction):
    """`x in ('a', 'b')`."""

    name = "in"
    parameters = (Parameter("value"), Parameter("element", ANY, literal=True))
    repeats = 1
    returns = BOOLEAN
    verdicts = EVERY

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        subject = arguments[0]
        return (subject, *(comparable(subject, element)[1] for element in arguments[1:]))

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return exp.In(this=sql.wrapped(arguments[0]), expressions=list(arguments[1:]))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        members = ValueSet.of(*(literal(element) for element in call.arguments[1:]))
        return context.preimage(call.arguments[0], spread(wanted, members))


class Like(MappingFunction):
    """`x like 'p%'`: no default escape."""

    name = "like"
    parameters = (Parameter("text", TEXTS), Parameter("pattern", ("text",), literal=True))
    returns = BOOLEAN
    verdicts = EVERY

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return exp.Like(this=sql.wrapped(arguments[0]), expression=arguments[1])

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        pattern: str = literal(call.arguments[1])
        head = pattern.replace("_", "%").partition("%")[0]
        if head == pattern:
            return context.preimage(call.arguments[0], spread(wanted, ValueSet.of(pattern)))
        if head + "%" == pattern:
            return context.preimage(call.arguments[0], spread(wanted, ValueSet.prefix(head)))
        found = EMPTY
        if wanted.contains(True):
            found = ValueSet.prefix(head)
        if wanted.contains(False):
            found = NOT_NULL
        return inexact(context.preimage(call.arguments[0], found | NULL_ONLY if wanted.null else found))


class IsNull(MappingFunction):
    """`x is null` and `x is not null`."""

    parameters = (Parameter("value"),)
    returns = BOOLEAN
    strict = False
    verdicts = EVERY

    def __init__(self, negated: bool) -> None:
        self.negated = negated
        self.name = "is not null" if negated else "is null"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.is_not_null(arguments[0]) if self.negated else sql.is_null(arguments[0])

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        accepted = ValueSet((), wanted.contains(not self.negated))
        if wanted.contains(self.negated):
            accepted = accepted | NOT_NULL
        return context.preimage(call.arguments[0], accepted)


class Not(MappingFunction):
    name = "not"
    parameters = (Parameter("condition", ("boolean",)),)
    returns = BOOLEAN
    verdicts = EVERY

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return exp.Not(this=sql.wrapped(arguments[0]))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        flipped = ValueSet.of(*(value for value in (True, False) if wanted.contains(not value)))
        return context.preimage(call.arguments[0], ValueSet(flipped.intervals, wanted.null))


class Connective(MappingFunction):
    """`and`, `or`, with SQL's three values. `absorbing`: the value that decides whatever the other side is."""

    parameters = (Parameter("left", ("boolean",)), Parameter("right", ("boolean",)))
    returns = BOOLEAN
    strict = False
    verdicts = EVERY
    absorbing: ClassVar[bool]

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.either(*arguments) if self.absorbing else sql.both(*arguments)

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        if wanted.null:
            return Unknown()
        found: list[Condition] = []
        for value in (True, False):
            if wanted.contains(value):
                sides = [context.preimage(argument, ValueSet.of(value)) for argument in call.arguments]
                found.append(any_of(*sides) if value == self.absorbing else all_of(*sides))
        return any_of(*found)


class And(Connective):
    name = "and"
    absorbing = False


class Or(Connective):
    name = "or"
    absorbing = True


def comparison_functions() -> dict[str, MappingFunction]:
    found: dict[str, MappingFunction] = {operator: Comparison(operator) for operator in _CLASSES}
    found["is null"] = IsNull(negated=False)
    found["is not null"] = IsNull(negated=True)
    return found
