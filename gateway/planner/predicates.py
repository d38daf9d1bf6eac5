"""A conjunct of the statement as a catalog Predicate over the columns of one reference: NOT is moved into value sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from sqlglot import exp

from catalog.predicates import Atom, Conjunction, Disjunction, Opaque, Predicate
from catalog.types import Type
from catalog.values import ALL, EMPTY, NOT_NULL, NULL_ONLY, ValueSet
from gateway.planner.constants import NOT_CONSTANT, constant_value

TRUE = Conjunction(())
FALSE = Disjunction(())

_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_NEGATED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.GTE: exp.LT,
    exp.GT: exp.LTE,
    exp.LTE: exp.GT,
    exp.NullSafeEQ: exp.NullSafeNEQ,
    exp.NullSafeNEQ: exp.NullSafeEQ,
}


def to_predicate(node: exp.Expr, types: Mapping[str, Type]) -> Predicate:
    """`node` names only columns of one reference (by column name; `types` has theirs) and constants. What no value set says is Opaque."""
    return _Translation(types).read(node, negated=False)


def columns_of(predicate: Predicate) -> frozenset[str]:
    match predicate:
        case Atom(column=column):
            return frozenset([column])
        case Conjunction(parts=inner) | Disjunction(arms=inner):
            return frozenset(column for part in inner for column in columns_of(part))
        case Opaque():
            return frozenset()


class _Translation:
    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = types

    def read(self, node: exp.Expr, *, negated: bool) -> Predicate:
        match node:
            case exp.Paren():
                return self.read(node.this, negated=negated)
            case exp.Not():
                return self.read(node.this, negated=not negated)
            case exp.And() | exp.Or():
                parts = (self.read(node.this, negated=negated), self.read(node.expression, negated=negated))
                return Conjunction(parts) if isinstance(node, exp.And) != negated else Disjunction(parts)
            case exp.Boolean():
                return TRUE if bool(node.this) != negated else FALSE
            case exp.Null():
                return FALSE
            case exp.Column():
                return self._atom(node, ValueSet.of(not negated)) if self._type(node).name == "boolean" else self._opaque(node, negated)
            case exp.Between() if not node.args.get("symmetric"):
                return self._between(node, negated)
            case exp.In():
                return self._in(node, negated)
            case exp.Is():
                return self._is(node, negated != bool(node.args.get("negate")))
            case exp.Like() | exp.Escape():
                return self._like(node, negated)
            case _ if type(node) in _NEGATED:
                return self._comparison(node, negated)
            case _:
                return self._opaque(node, negated)

    def _comparison(self, node: exp.Expr, negated: bool) -> Predicate:
        left, right = _bare(node.this), _bare(node.expression)
        operator = type(node)
        if not isinstance(left, exp.Column) and isinstance(right, exp.Column):
            left, right, operator = right, left, _FLIPPED.get(operator, operator)
        value = constant_value(right)
        operator = _NEGATED[operator] if negated else operator
        if not isinstance(left, exp.Column) or value is NOT_CONSTANT:
            folded = _fold(operator, constant_value(left), value)
            return self._opaque(node, negated) if folded is None else folded
        type_ = self._type(left)
        if value is None:
            return self._null_comparison(left, operator)
        wanted = _wanted(operator, value, type_)
        return self._opaque(node, negated) if wanted is None else self._atom(left, wanted)

    def _null_comparison(self, column: exp.Column, operator: type[exp.Expr]) -> Predicate:
        if operator is exp.NullSafeEQ:
            return Atom(column.name, NULL_ONLY)
        return Atom(column.name, NOT_NULL) if operator is exp.NullSafeNEQ else FALSE

    def _between(self, node: exp.Between, negated: bool) -> Predicate:
        low = self._comparison(exp.GTE(this=node.this.copy(), expression=node.args["low"].copy()), negated)
        high = self._comparison(exp.LTE(this=node.this.copy(), expression=node.args["high"].copy()), negated)
        return Disjunction((low, high)) if negated else Conjunction((low, high))

    def _in(self, node: exp.In, negated: bool) -> Predicate:
        column = _bare(node.this)
        if not isinstance(column, exp.Column) or not node.expressions:
            return self._opaque(node, negated)
        values = [constant_value(item) for item in node.expressions]
        if any(value is NOT_CONSTANT for value in values):
            return self._opaque(node, negated)
        if negated and any(value is None for value in values):
            return FALSE
        wanted = EMPTY
        points: list[Any] = []
        for value in values:
            if value is None:
                continue
            one = _wanted(exp.EQ, value, self._type(column))
            if one is None:
                return self._opaque(node, negated)
            points.extend(one.points() or ())
        wanted = ValueSet.of(*points)
        return self._atom(column, wanted.complement().without_null() if negated else wanted)

    def _is(self, node: exp.Is, negated: bool) -> Predicate:
        operand, target = _bare(node.this), node.expression
        if isinstance(operand, exp.Column):
            if isinstance(target, exp.Null):
                return Atom(operand.name, NOT_NULL if negated else NULL_ONLY)
            if isinstance(target, exp.Boolean) and self._type(operand).name == "boolean":
                wanted = ValueSet.of(bool(target.this))
                return Atom(operand.name, wanted.complement() if negated else wanted)
        return self._opaque(node, negated)

    def _like(self, node: exp.Expr, negated: bool) -> Predicate:
        escape = ""
        like = node
        if isinstance(node, exp.Escape):
            like, escape_value = node.this, constant_value(node.expression)
            if not isinstance(like, exp.Like) or not isinstance(escape_value, str) or len(escape_value) != 1:
                return self._opaque(node, negated)
            escape = escape_value
        negated = negated != bool(like.args.get("negate"))
        column, pattern = _bare(like.this), constant_value(like.expression)
        if not isinstance(column, exp.Column) or not isinstance(pattern, str) or self._type(column).name != "text":
            return self._opaque(node, negated)
        prefix, rest = _split_pattern(pattern, escape)
        if rest is None:
            return self._opaque(node, negated)
        if rest in ("", "%"):
            wanted = ValueSet.of(prefix) if rest == "" else ValueSet.prefix(prefix)
            return Atom(column.name, wanted.complement().without_null() if negated else wanted)
        if negated:
            return Conjunction((Atom(column.name, NOT_NULL), self._opaque(node, negated)))
        return Conjunction((Atom(column.name, ValueSet.prefix(prefix)), self._opaque(node, negated)))

    @staticmethod
    def _atom(column: exp.Expr, wanted: ValueSet) -> Predicate:
        return Atom(column.name, wanted)

    def _type(self, column: exp.Expr) -> Type:
        return self.types[column.name]

    def _opaque(self, node: exp.Expr, negated: bool) -> Predicate:
        text = node.sql("postgres")
        return Opaque(f"NOT ({text})" if negated else text, _why_opaque(node))


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _why_opaque(node: exp.Expr) -> str:
    if node.find(exp.Subquery, exp.Exists, exp.Select):
        return "it depends on a subquery"
    columns = {column.name for column in node.find_all(exp.Column)}
    if len(columns) > 1:
        return "it compares columns with each other"
    return "it computes with the column, and only comparisons of a column with constants are sent"


def _wanted(operator: type[exp.Expr], value: Any, type_: Type) -> ValueSet | None:
    """The values of a column of this type for which `column operator value` is TRUE; None if the types do not fit."""
    if type_.name in ("integer", "bigint", "decimal") and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _wanted_number(operator, Decimal(value), type_)
    fitted = _fit(value, type_)
    return None if fitted is None else _RANGES[operator](fitted)


_RANGES: dict[type[exp.Expr], Callable[[Any], ValueSet]] = {
    exp.EQ: ValueSet.of,
    exp.NEQ: lambda v: ValueSet.of(v).complement().without_null(),
    exp.LT: lambda v: ValueSet.range(high=v),
    exp.LTE: lambda v: ValueSet.range(high=v, high_closed=True),
    exp.GT: lambda v: ValueSet.range(low=v),
    exp.GTE: lambda v: ValueSet.range(low=v, low_closed=True),
    exp.NullSafeEQ: ValueSet.of,
    exp.NullSafeNEQ: lambda v: ValueSet.of(v).complement(),
}


def _wanted_number(operator: type[exp.Expr], value: Decimal, type_: Type) -> ValueSet:
    """A constant finer than the column's scale is snapped to it: `< 1.5` over integers is `<= 1`, `= 1.5` is nothing."""
    scale = type_.scale if type_.name == "decimal" else 0
    exponent = value.as_tuple().exponent
    finer = isinstance(exponent, int) and exponent < -scale
    floor = value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_FLOOR) if finer else value
    typed: Any = floor if type_.name == "decimal" else int(floor)
    if floor == value:
        return _RANGES[operator](typed)
    if operator in (exp.EQ, exp.NullSafeEQ):
        return EMPTY
    if operator in (exp.NEQ, exp.NullSafeNEQ):
        return NOT_NULL if operator is exp.NEQ else ALL
    return _RANGES[exp.LTE if operator in (exp.LT, exp.LTE) else exp.GT](typed)


def _fit(value: Any, type_: Type) -> Any:
    match type_.name:
        case "text" | "uuid":
            return value if isinstance(value, str) else None
        case "double":
            return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return value if isinstance(value, date) and not isinstance(value, datetime) else None
        case "timestamp":
            if isinstance(value, datetime):
                return value
            return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
        case _:
            return None


def _split_pattern(pattern: str, escape: str) -> tuple[str, str | None]:
    """The literal start of a LIKE pattern, and the rest from its first wildcard; None if an escape stands at the end."""
    literal: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == escape:
            if index + 1 == len(pattern):
                return "".join(literal), None
            literal.append(pattern[index + 1])
            index += 2
            continue
        if character in "%_":
            return "".join(literal), pattern[index:]
        literal.append(character)
        index += 1
    return "".join(literal), ""


def _fold(operator: type[exp.Expr], left: Any, right: Any) -> Predicate | None:
    """Two constants of one kind compared, as BI tools write it (1 = 0)."""
    if NOT_CONSTANT in (left, right) or type(left) is not type(right) or not isinstance(left, int | str | Decimal):
        return None
    found = _RANGES[operator](right).contains(left)
    return TRUE if found else FALSE
