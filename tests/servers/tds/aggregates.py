"""COUNT, SUM, AVG, MIN and MAX with T-SQL's result types; texts are counted and compared by their collation."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from tests.servers.tds.comparison import equality_key_of, order_key_of
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.sql_types import APPROXIMATE, BIGINT, INT, INTEGERS, MONEY, TEXT, SqlType
from tests.servers.tds.values import Value

AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)


def aggregate(node: exp.Expression, value: Callable[[exp.Expression], Value]) -> Value:
    """Raises SqlServerError 8117 for a type that the aggregate does not take."""
    argument, distinct = node.this, ""
    if isinstance(argument, exp.Distinct):
        if len(argument.expressions) != 1:
            raise NotTranslated("an aggregate over several distinct values")
        argument, distinct = argument.expressions[0], "DISTINCT "
    if isinstance(node, exp.Count):
        kind = BIGINT if node.args.get("big_int") else INT
        counted = "*" if isinstance(argument, exp.Star) else distinct + equality_key_of(value(argument))
        return Value(f"CAST(count({counted}) AS {kind.stored})", kind)
    inner = value(argument)
    if isinstance(node, exp.Min | exp.Max):
        name = "min" if isinstance(node, exp.Min) else "max"
        if inner.type.name in (*TEXT, "datetimeoffset", "uniqueidentifier"):
            return Value(f"arg_{name}({inner.sql}, {order_key_of(inner)})", inner.type, inner.label)
        return Value(f"{name}({inner.sql})", inner.type)
    if not inner.type.is_number or inner.type.name == "bit":
        word = "sum" if isinstance(node, exp.Sum) else "avg"
        raise SqlServerError(8117, f"Operand data type {inner.type.name} is invalid for {word} operator.")
    return _sum(inner, distinct) if isinstance(node, exp.Sum) else _average(inner, distinct)


def _sum(inner: Value, distinct: str) -> Value:
    name = inner.type.name
    if name in APPROXIMATE:
        return Value(f"sum({distinct}CAST({inner.sql} AS DOUBLE))", SqlType(name="float"))
    if name in INTEGERS:
        kind = BIGINT if name == "bigint" else INT
    else:
        kind = SqlType(name="money") if name in MONEY else SqlType(name="decimal", precision=38, scale=inner.type.scale)
    return Value(f"CAST(sum({distinct}{converted(inner, kind).sql}) AS {kind.stored})", kind)


def _average(inner: Value, distinct: str) -> Value:
    total = _sum(inner, distinct)
    count = f"count({distinct}{inner.sql})"
    if total.type.name in ("int", "bigint"):
        return Value(f"CASE WHEN {count} > 0 THEN CAST(trunc({total.sql} // {count}) AS {total.type.stored}) END", total.type)
    if total.type.name == "float":
        return Value(f"({total.sql} / {count})", total.type)
    scale = 4 if total.type.name == "money" else max(6, total.type.scale)
    kind = total.type if total.type.name == "money" else SqlType(name="decimal", precision=38, scale=scale)
    text = f"CAST(ss_quotient(CAST({total.sql} AS VARCHAR), CAST({count} AS VARCHAR), {scale}) AS {kind.stored})"
    return Value(f"CASE WHEN {count} > 0 THEN {text} END", kind)
