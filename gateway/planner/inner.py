"""bind, part two: types are checked and PostgreSQL's meaning is made explicit, so that DuckDB's meaning of the tree is the user's.

Integer division truncates, a divisor of zero is an error, a backslash escapes in LIKE, a text constant takes the type of what
it is compared with. What is left means the same in DuckDB as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from gateway.errors import BindError
from gateway.planner import constants, postgres_text
from gateway.planner.parse import position_of

ZERO_DIVISION = "hospital-gateway: division by zero"

_T = exp.DataType.Type
_KINDS: dict[Any, str] = {
    **dict.fromkeys((_T.TEXT, _T.VARCHAR, _T.CHAR, _T.NVARCHAR), "text"),
    **dict.fromkeys((_T.INT, _T.BIGINT, _T.SMALLINT, _T.TINYINT, _T.INT128, _T.UINT, _T.UBIGINT), "integer"),
    _T.DECIMAL: "decimal",
    **dict.fromkeys((_T.DOUBLE, _T.FLOAT), "double"),
    _T.BOOLEAN: "boolean",
    _T.DATE: "date",
    **dict.fromkeys((_T.TIMESTAMPTZ, _T.TIMESTAMPLTZ), "timestamp"),
    _T.TIMESTAMP: "local timestamp",
    _T.TIME: "time",
    _T.INTERVAL: "interval",
    _T.ARRAY: "list",
    _T.NULL: "null",
}
_NUMBERS = {"integer", "decimal", "double"}
_TIMES = {"date", "timestamp", "local timestamp"}


def kind_of(node: exp.Expr) -> str:
    """The kind of a typed node: text, integer, decimal, double, boolean, date, timestamp, ... or '' where it is not known."""
    if isinstance(node, exp.Paren):
        return kind_of(node.this)
    if isinstance(node, exp.Literal):
        value = constants.constant_value(node)
        return (
            "text"
            if isinstance(value, str)
            else "integer"
            if isinstance(value, int)
            else "double"
            if isinstance(value, float)
            else "decimal"
        )
    if isinstance(node, exp.Any | exp.All):
        return ""
    return _KINDS.get(node.type.this, "") if node.type is not None and isinstance(node.type.this, _T) else ""


def to_inner(tree: exp.Expr, sql: str) -> exp.Expr:
    """Rewrites the typed tree in place, leaves first. Raises BindError B104 and B105 with positions."""
    for node in reversed(list(tree.walk())):
        rewrite = _REWRITES.get(type(node))
        if rewrite is not None:
            replacement = rewrite(node, sql)
            if replacement is not node:
                if replacement.type is None:
                    replacement.type = node.type
                replacement.meta.update(node.meta)
                if node is tree:
                    tree = replacement
                else:
                    node.replace(replacement)
    return tree


# ------------------------------------------------------------------------------------------------ comparisons


def _comparison(node: exp.Expr, sql: str) -> exp.Expr:
    left, right = node.this, node.expression
    node.set("this", _fitted(left, right, sql))
    node.set("expression", _fitted(right, left, sql))
    _check_comparable(node.this, node.expression, node, sql)
    return node


def _between(node: exp.Expr, sql: str) -> exp.Expr:
    for key in ("low", "high"):
        node.set(key, _fitted(node.args[key], node.this, sql))
        _check_comparable(node.this, node.args[key], node, sql)
    return _either_way(node) if node.args.get("symmetric") else node


def _either_way(node: exp.Expr) -> exp.Expr:
    """BETWEEN SYMMETRIC written out here: printing it would name a subquery's stream twice, and a stream is read once."""
    low, high = node.args["low"], node.args["high"]
    ways = [exp.Between(this=node.this.copy(), low=a.copy(), high=b.copy()) for a, b in ((low, high), (high, low))]
    return exp.Paren(this=exp.Or(this=ways[0], expression=ways[1]))


def _in(node: exp.Expr, sql: str) -> exp.Expr:
    if node.expressions and not isinstance(node.this, exp.Tuple):
        fitted = [_fitted(item, node.this, sql) for item in node.expressions]
        node.set("expressions", fitted)
        for item in fitted:
            _check_comparable(node.this, item, node, sql)
    return node


def _fitted(constant: exp.Expr, other: exp.Expr, sql: str) -> exp.Expr:
    """A text constant in the type of what it is compared with; a decimal constant as double beside a double."""
    kind = kind_of(other)
    if isinstance(constant, exp.Literal) and constant.is_string and kind not in ("text", "", "null", "list", "interval", "time"):
        return _typed(constant, kind, sql)
    if (
        kind == "double"
        and kind_of(constant) in ("decimal", "integer")
        and constants.constant_value(constant) is not constants.NOT_CONSTANT
    ):
        return _as(exp.cast(constant.copy(), "DOUBLE"), "DOUBLE", constant)
    return constant


def _typed(literal: exp.Literal, kind: str, sql: str) -> exp.Expr:
    text = literal.this
    try:
        match kind:
            case "date":
                return _as(constants.date_node(constants.parse_date(text)), "DATE", literal)
            case "timestamp" | "local timestamp":
                return _as(constants.instant_node(constants.parse_instant(text)), "TIMESTAMPTZ", literal)
            case "boolean":
                return _as(exp.Boolean(this=constants.parse_boolean(text)), "BOOLEAN", literal)
            case _:
                value = float(text)
                if value != value or value in (math.inf, -math.inf) or "_" in text or not text.isascii():
                    raise ValueError("a number is expected")
                number = exp.Literal.number(text.strip().lstrip("+-"))
                signed = exp.Neg(this=number) if text.strip().startswith("-") else number
                return _as(exp.cast(signed, "DOUBLE") if kind == "double" else signed, kind, literal)
    except ValueError as error:
        hint = str(error) if "written" in str(error) else f"write the constant as a {kind}"
        raise BindError("B105", f"the text cannot be read as a {kind}", position=position_of(literal, sql), hint=hint) from None


def _as(node: exp.Expr, type: str, original: exp.Expr) -> exp.Expr:
    names = {"integer": "BIGINT", "decimal": "DECIMAL", "double": "DOUBLE"}
    node.type = exp.DataType.build(names.get(type, type))
    node.meta.update({key: value for key, value in original.meta.items() if key in ("line", "col", "start", "end")})
    return node


def _check_comparable(left: exp.Expr, right: exp.Expr, node: exp.Expr, sql: str) -> None:
    a, b = kind_of(left), kind_of(right)
    if not a or not b or "null" in (a, b) or a == b or {a, b} <= _NUMBERS or {a, b} <= _TIMES:
        return
    position = position_of(left, sql) or position_of(node, sql)
    raise BindError("B104", f"a {a} cannot be compared with a {b}", position=position, hint=f"cast one side, for example CAST(... AS {a})")


# -------------------------------------------------------------------------------------------------- arithmetic


def _division(node: exp.Expr, sql: str) -> exp.Expr:
    a, b = _number_kind(node.this, node, sql), _number_kind(node.expression, node, sql)
    whole = a == "integer" and b == "integer"
    left, right = _wrapped(node.this), _wrapped(node.expression)
    result: exp.Expr = exp.IntDiv(this=left, expression=right) if whole else exp.Div(this=left, expression=right, typed=False, safe=False)
    return _guarded(result, right, node)


def _modulo(node: exp.Expr, sql: str) -> exp.Expr:
    _number_kind(node.this, node, sql)
    _number_kind(node.expression, node, sql)
    right = _wrapped(node.expression)
    return _guarded(exp.Mod(this=_wrapped(node.this), expression=right), right, node)


def _guarded(result: exp.Expr, divisor: exp.Expr, node: exp.Expr) -> exp.Expr:
    value = constants.constant_value(divisor)
    result.type = node.type
    if isinstance(value, int | float) and value != 0:
        return exp.Paren(this=result)
    fail = exp.Anonymous(this="error", expressions=[exp.Literal.string(ZERO_DIVISION)])
    return exp.Case(ifs=[exp.If(this=exp.EQ(this=divisor.copy(), expression=exp.Literal.number(0)), true=fail)], default=result)


def _number_kind(operand: exp.Expr, node: exp.Expr, sql: str) -> str:
    kind = kind_of(operand)
    if kind in _NUMBERS or kind == "null":
        return kind
    if kind == "interval":
        return kind
    seen = f"a {kind} is not a number" if kind else "the type of an operand is not known here"
    raise BindError(
        "B104",
        f"{seen}",
        position=position_of(operand, sql) or position_of(node, sql),
        hint="cast it, for example CAST(... AS double precision)",
    )


def _wrapped(node: exp.Expr) -> exp.Expr:
    copy = node.copy()
    copy.type = node.type
    if isinstance(node, exp.Binary | exp.Neg | exp.Case):
        paren = exp.Paren(this=copy)
        paren.type = node.type
        return paren
    return copy


def _arithmetic(node: exp.Expr, sql: str) -> exp.Expr:
    a, b = kind_of(node.this), kind_of(node.expression)
    for kind, operand in ((a, node.this), (b, node.expression)):
        if kind in ("text", "boolean", "list"):
            raise BindError(
                "B104",
                f"a {kind} is not a number",
                position=position_of(operand, sql),
                hint="cast it, for example CAST(... AS double precision)",
            )
    return node


# -------------------------------------------------------------------------------------------------------- text


def _like(node: exp.Expr, sql: str) -> exp.Expr:
    kind = kind_of(node.this)
    if kind not in ("text", "", "null"):
        raise BindError(
            "B104",
            f"LIKE needs text, and this is a {kind}",
            position=position_of(node.this, sql),
            hint="cast it: CAST(... AS text) LIKE ...",
        )
    pattern = constants.constant_value(node.expression)
    plain = isinstance(pattern, str) and "\\" not in pattern
    if plain or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _typed_column_cast(node: exp.Expr, sql: str) -> exp.Expr:
    """CAST('2024-01-01' AS timestamptz): the constant is read here, in PostgreSQL's forms, and written canonically."""
    if not (isinstance(node.this, exp.Literal) and node.this.is_string) or type(node) is not exp.Cast:
        return node
    target = _KINDS.get(node.args["to"].this, "")
    if target in ("date", "timestamp"):
        return _typed(node.this, target, sql)
    return node


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr, str], exp.Expr]] = {
    exp.EQ: _comparison,
    exp.NEQ: _comparison,
    exp.LT: _comparison,
    exp.LTE: _comparison,
    exp.GT: _comparison,
    exp.GTE: _comparison,
    exp.NullSafeEQ: _comparison,
    exp.NullSafeNEQ: _comparison,
    exp.Between: _between,
    exp.In: _in,
    exp.Div: _division,
    exp.Mod: _modulo,
    exp.Add: _arithmetic,
    exp.Sub: _arithmetic,
    exp.Mul: _arithmetic,
    exp.Like: _like,
    exp.ILike: _like,
    exp.SimilarTo: postgres_text.similar,
    exp.Substring: postgres_text.substring,
    exp.TimeToStr: postgres_text.to_char,
    exp.Cast: _typed_column_cast,
}
