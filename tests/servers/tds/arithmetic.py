"""+, -, *, / and % with T-SQL's result types: whole numbers stay whole, decimals get the documented precision and scale."""

from __future__ import annotations

from dataclasses import replace

from tests.servers.tds.comparison import unified
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.sql_types import APPROXIMATE, BINARY, EXACT, INTEGERS, MAX, MONEY, TEXT, UNICODE, SqlType, common_type, text_type
from tests.servers.tds.values import Value

_BY_ZERO = "error('SQL Server error 8134: Divide by zero error encountered.')"


def negated(value: Value) -> Value:
    if value.type.name not in EXACT and value.type.name not in APPROXIMATE:
        raise SqlServerError(8117, f"Operand data type {value.type.name} is invalid for minus operator.")
    kind = value.type if value.type.name not in ("bit", "tinyint") else SqlType(name="smallint")
    return replace(value, sql=f"(- {converted(value, kind).sql})", type=kind)


def arithmetic(left: Value, operator: str, right: Value) -> Value:
    """Raises SqlServerError 402 or 8117 for operands that the operator does not take."""
    if operator == "+" and (left.type.name in TEXT or left.type.name == "null") and (right.type.name in TEXT or right.type.name == "null"):
        return _concatenated(left, right)
    target = common_type(left.type, right.type)
    if target.name in APPROXIMATE and operator != "%":
        return _in_float(left, operator, right, target)
    if target.name in INTEGERS or target.name in ("bit", "null"):
        if target.name == "bit":
            raise SqlServerError(402, f"The data types bit and bit are incompatible in the {operator} operator.")
        return _whole(left, operator, right, target if target.name != "null" else SqlType(name="int"))
    if target.name in MONEY and operator != "%":
        return _money(left, operator, right, target)
    if target.name == "decimal":
        return _decimal(left, operator, right, target)
    if target.name in BINARY or target.name in TEXT:
        raise SqlServerError(402, f"The data types {left.type.name} and {right.type.name} are incompatible in the {operator} operator.")
    raise NotTranslated(f"{left.type.name} {operator} {right.type.name}")


def _concatenated(left: Value, right: Value) -> Value:
    first, second = unified([left, right]) if "null" not in (left.type.name, right.type.name) else (left, right)
    kind = first.type if first.type.name != "null" else second.type
    if kind.name == "null":
        return Value("NULL", kind)
    lengths = (first.type.length, second.type.length)
    family = "nvarchar" if kind.name in UNICODE else "varchar"
    limit = 4000 if family == "nvarchar" else 8000
    length = MAX if MAX in lengths else min(sum(lengths), limit)
    text = f"({first.sql} || {second.sql})"
    if MAX not in lengths and sum(lengths) > limit:
        text = f"ss_slice({text}, 1, {limit})"
    return Value(text, text_type(family, length, kind.collation), max(first.label, second.label))


def _in_float(left: Value, operator: str, right: Value, target: SqlType) -> Value:
    first, second = converted(left, target).sql, converted(right, target).sql
    text = f"({first} {operator} {second})"
    return Value(f"CASE WHEN {second} = 0 THEN {_BY_ZERO} ELSE {text} END" if operator == "/" else text, target)


def _whole(left: Value, operator: str, right: Value, target: SqlType) -> Value:
    first, second = converted(left, target).sql, converted(right, target).sql
    if operator in "/%":
        wide = f"CAST({first} AS HUGEINT)"
        quotient = f"{wide} // {second}" if operator == "/" else f"{wide} % {second}"
        return Value(f"CASE WHEN {second} = 0 THEN {_BY_ZERO} ELSE CAST({quotient} AS {target.stored}) END", target)
    return Value(f"CAST((CAST({first} AS HUGEINT) {operator} {second}) AS {target.stored})", target)


def _money(left: Value, operator: str, right: Value, target: SqlType) -> Value:
    first, second = converted(left, target).sql, converted(right, target).sql
    if operator in "+-":
        return Value(f"CAST(({first} {operator} {second}) AS {target.stored})", target)
    name = "ss_product" if operator == "*" else "ss_quotient"
    return Value(f"CAST({name}(CAST({first} AS VARCHAR), CAST({second} AS VARCHAR), 4) AS {target.stored})", target)


def _precision(value: Value) -> tuple[int, int]:
    """A whole-number constant has the precision of its digits."""
    if value.digits:
        return value.digits, 0
    return value.type.as_decimal() if value.type.name in EXACT else (value.type.precision, value.type.scale)


def _decimal(left: Value, operator: str, right: Value, target: SqlType) -> Value:
    """Precision and scale by the table of the Transact-SQL reference; above 38 the scale gives way, down to 6."""
    left, right = (value if value.type.name in EXACT else converted(value, target) for value in (left, right))
    (p1, s1), (p2, s2) = _precision(left), _precision(right)
    match operator:
        case "+" | "-":
            scale = max(s1, s2)
            precision = scale + max(p1 - s1, p2 - s2) + 1
        case "*":
            precision, scale = p1 + p2 + 1, s1 + s2
        case "/":
            scale = max(6, s1 + p2 + 1)
            precision = p1 - s1 + s2 + scale
        case _:
            scale = max(s1, s2)
            precision = min(p1 - s1, p2 - s2) + scale
    if precision > 38:
        whole = precision - scale
        scale = (min(scale, 38 - whole) if whole < 32 else min(6, scale)) if operator in "*/" else max(38 - whole, 0)
        precision = 38
    kind = SqlType(name="decimal", precision=precision, scale=scale)
    if operator in "*/":
        name = "ss_product" if operator == "*" else "ss_quotient"
        return Value(f"CAST({name}(CAST({left.sql} AS VARCHAR), CAST({right.sql} AS VARCHAR), {scale}) AS {kind.stored})", kind)
    first, second = (f"CAST({value.sql} AS DECIMAL(38,{max(s1, s2)}))" for value in (left, right))
    text = f"CAST(({first} {operator} {second}) AS {kind.stored})"
    return Value(f"CASE WHEN {second} = 0 THEN {_BY_ZERO} ELSE {text} END" if operator == "%" else text, kind)
