"""One raw row through one expression, and one predicate back through it."""

from __future__ import annotations

import duckdb

from catalog.conditions import AllOf, Condition, Test
from catalog.predicates import Atom
from catalog.values import EMPTY, ValueSet
from tests.catalog.mapping.expressions import compile_expression
from tests.catalog.mapping.running import project


def value_of(expression: str, type, **raw):
    """What an expression becomes for one raw row (columns of expressions.RAW; the others are NULL)."""
    database = duckdb.connect(config={"threads": 1})
    database.execute("set timezone = 'Asia/Tokyo'")
    compiled = compile_expression(expression, type)
    columns = compiled.project(("v",)).raw_columns
    types = {column.name: column.type.duckdb for column in compiled.binding.relation.table.columns}
    shown = ", ".join(
        f"cast(${name} as {types[name]}) as {name}" if name in raw else f"cast(null as {types[name]}) as {name}" for name in columns
    )
    database.execute(f"create table raw_rows as select {shown}", {name: value for name, value in raw.items() if name in columns})
    return project(database, compiled, ["v"]).to_pylist()[0]["v"]


def inverted(expression: str, type, wanted: ValueSet) -> Condition:
    return compile_expression(expression, type).invert(Atom("v", wanted))


def asked(condition: Condition, column: str) -> ValueSet:
    """The values of a column that the condition asks for, in the one test it has of it."""
    match condition:
        case Test(term=term, wanted=wanted) if term.column == column:
            return wanted
        case AllOf(parts=parts):
            return next((found for part in parts if (found := asked(part, column)) != EMPTY), EMPTY)
        case _:
            return EMPTY
