"""Constants: reading them as a type, and bringing the arguments of an operator to one type."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.mapping.errors import wrong_arguments
from catalog.mapping.tree import Call, Literal, Node, same_type
from catalog.types import DOUBLE, Type, decimal

_WORDS = {
    "date": "a date as yyyy-MM-dd",
    "timestamp": "an instant as yyyy-MM-ddTHH:mm:ss+00:00, with its offset",
    "local_timestamp": "a time as yyyy-MM-dd HH:mm:ss, without an offset",
    "boolean": "true or false",
    "integer": "a whole number",
    "bigint": "a whole number",
    "text": "a text (quote it)",
    "uuid": "a text (quote it)",
}


def read_constant(value: Any, type: Type) -> Any:
    """A YAML value or a constant of an expression as a value of `type`; None stays None. Raises ValueError in words."""
    if value is None:
        return None
    read = _as_type(value, type)
    if read is None:
        raise ValueError(f"is not {_WORDS.get(type.name, f'a value of type {type}')}")
    return read


def _as_type(value: Any, type: Type) -> Any:
    match type.name:
        case "text" | "uuid":
            return value if isinstance(value, str) else None
        case "integer" | "bigint":
            return value if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63 else None
        case "double":
            return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None
        case "decimal":
            return _as_decimal(value, type)
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return _as_date(value)
        case "timestamp" | "local_timestamp":
            return _as_time(value, with_zone=type.name == "timestamp")
        case _:
            return None


def _as_decimal(value: Any, type: Type) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        read = Decimal(str(value))
        fits = (
            read.is_finite() and read == read.quantize(Decimal(1).scaleb(-type.scale)) and abs(read) < 10 ** (type.precision - type.scale)
        )
    except InvalidOperation:
        return None
    return read if fits else None


def _as_date(value: Any) -> date | None:
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _as_time(value: Any, *, with_zone: bool) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or (value.tzinfo is not None) != with_zone:
        return None
    return value.astimezone(UTC) if with_zone else value


def coerce(node: Node, type: Type) -> Node:
    """The node as `type`: a constant is read as it, anything else is cast if need be. Raises ExpressionError."""
    if isinstance(node, Literal):
        if node.value is None:
            return Literal(None, type)
        if same_type(node.type, type):
            return node
        try:
            return Literal(read_constant(node.value, type), type)
        except ValueError as error:
            raise wrong_arguments(f"the constant {shown(node)} {error}") from None
    return node if same_type(node.type, type) else Call("cast", (node,), type)


def shown(node: Literal) -> str:
    return f"'{node.value}'" if isinstance(node.value, str) else str(node.value)


def unify(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes as one common type, as DuckDB would find it for CASE and coalesce. Raises ExpressionError."""
    known = [node.type for node in nodes if not (isinstance(node, Literal) and node.value is None)]
    if not known:
        return tuple(nodes)
    common = known[0]
    for type in known[1:]:
        common = _common(common, type)
    return tuple(coerce(node, common) for node in nodes)


def _common(one: Type, other: Type) -> Type:
    if same_type(one, other):
        return one
    if one.is_number and other.is_number:
        if DOUBLE in (one, other):
            return DOUBLE
        (p, s), (q, t) = decimal_shape(one), decimal_shape(other)
        scale = max(s, t)
        return decimal(min(38, max(p - s, q - t) + scale), scale)
    raise wrong_arguments(f"{one} and {other} do not go together", "cast one of them")


def decimal_shape(type: Type) -> tuple[int, int]:
    """Precision and scale with which DuckDB computes with a decimal or an integer."""
    return (type.precision, type.scale) if type.name == "decimal" else (19, 0)
