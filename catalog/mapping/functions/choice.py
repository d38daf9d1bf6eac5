"""coalesce and case: one of several values."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.conditions import Condition, all_of, any_of, inexact
from catalog.mapping import sql
from catalog.mapping.constants import unify
from catalog.mapping.functions.base import INTEGERS, Forward, Inverse, MappingFunction, Parameter, require, verdicts
from catalog.mapping.functions.operators import EVERY
from catalog.mapping.tree import Call, Node
from catalog.types import INTEGER, Type
from catalog.values import NULL_ONLY, ValueSet


class Coalesce(MappingFunction):
    """The first value that is not NULL."""

    name = "coalesce"
    parameters = (Parameter("value"), Parameter("value"))
    repeats = 1
    strict = False
    verdicts = EVERY

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        return unify(arguments)

    def type_of(self, arguments: Sequence[Node]) -> Type:
        return arguments[0].type

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return in_64_bits(call, sql.function("coalesce", *arguments))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        *firsts, last = call.arguments
        found = context.preimage(last, wanted)
        for node in reversed(firsts):
            otherwise = all_of(context.preimage(node, NULL_ONLY), found)
            found = any_of(context.preimage(node, wanted.without_null()), otherwise)
        return found


class Case(MappingFunction):
    """The value of the first branch whose condition is TRUE. Inverted as if the branches were independent: a superset."""

    name = "case"
    parameters = (Parameter("condition"), Parameter("value"), Parameter("condition or value"))
    required = 2
    repeats = 1
    strict = False
    verdicts = verdicts("S S S S - S")

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        conditions, values = _split(arguments)
        for condition in conditions:
            require(condition.type.name == "boolean", f"a condition of case is true or false, not {condition.type}")
        unified = unify(values)
        pairs = [node for pair in zip(conditions, unified) for node in pair]
        return (*pairs, *unified[len(conditions) :])

    def type_of(self, arguments: Sequence[Node]) -> Type:
        return arguments[1].type

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        otherwise = arguments[-1] if len(arguments) % 2 else None
        return in_64_bits(call, sql.when(*zip(arguments[0::2], arguments[1::2]), otherwise=otherwise))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        conditions, values = _split(call.arguments)
        arms = [
            all_of(context.preimage(condition, ValueSet.of(True)), context.preimage(value, wanted))
            for condition, value in zip(conditions, values)
        ]
        arms += [context.preimage(value, wanted) for value in values[len(conditions) :]]
        return inexact(any_of(*arms))


def in_64_bits(call: Call, made: exp.Expr) -> exp.Expr:
    """DuckDB would compute with 32 bits where all values are small constants."""
    return sql.cast(made, INTEGER) if call.type.name in INTEGERS else made


def _split(arguments: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The conditions, and the values (one more if there is an else)."""
    paired = len(arguments) // 2 * 2
    return arguments[0:paired:2], (*arguments[1:paired:2], *arguments[paired:])
