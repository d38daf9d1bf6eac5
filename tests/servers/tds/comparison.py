"""What two values become when they meet, and the keys by which SQL Server holds them for equal or orders them."""

from __future__ import annotations

from dataclasses import replace

from tests.servers.tds.collations import collation
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.sql_types import BINARY, MAX, TEXT, UNICODE, SqlType, common_type
from tests.servers.tds.values import Value, quoted

_PLAIN_ASCII = "regexp_full_match({0}, '[ -~]*')"


def collated(values: list[Value]) -> tuple[str, int]:
    """The collation that values of text agree upon, by collation precedence. Raises SqlServerError 468."""
    name, label = "", -1
    for value in values:
        if not value.type.is_text or value.label < label:
            continue
        if value.label == label and label > 0 and value.type.collation.lower() != name.lower():
            raise SqlServerError(
                468, f'Cannot resolve the collation conflict between "{name}" and "{value.type.collation}" in the operation.'
            )
        if value.label > label:
            name, label = value.type.collation, value.label
    return name, max(label, 0)


def unified(values: list[Value]) -> list[Value]:
    """The values as their one common type and collation."""
    if any(value.type.name == "xml" for value in values):
        raise SqlServerError(305, "The XML data type cannot be compared or sorted, except when using the IS NULL operator.")
    target = values[0].type
    for value in values[1:]:
        target = common_type(target, value.type)
    if target.is_text:
        name, label = collated(values)
        # A comparison or a union makes no value longer or shorter: only code page and family matter here.
        return [replace(_as_text(value, replace(target, length=MAX, collation=name)), label=label) for value in values]
    return [converted(value, target) for value in values]


def _as_text(value: Value, target: SqlType) -> Value:
    family = "nvarchar" if target.name in UNICODE else "varchar"
    changed = converted(value, replace(target, name=family))
    lengths = value.type.length if value.type.is_text else target.length
    return replace(changed, type=replace(changed.type, length=lengths))


def equality_key_of(value: Value) -> str:
    """DuckDB text whose values are equal where SQL Server holds the values for equal; also what it groups by."""
    kind = value.type
    if kind.name in TEXT:
        if collation(kind.collation).binary:
            return f"rtrim({value.sql}, ' ')"
        return _by_collation("ss_equal", value)
    if kind.name == "datetimeoffset":
        return f"({value.sql}).t"
    if kind.name in BINARY:
        return f"ss_without_zeros({value.sql})"
    return value.sql


def order_key_of(value: Value) -> str:
    """DuckDB text whose values are ordered as SQL Server orders the values."""
    kind = value.type
    if kind.name in TEXT:
        return f"ss_order({value.sql}, {quoted(kind.collation)}, {_unicode(kind)})"
    if kind.name == "uniqueidentifier":
        return f"ss_guid_order(CAST({value.sql} AS VARCHAR))"
    return equality_key_of(value)


def _by_collation(function: str, value: Value) -> str:
    rules = collation(value.type.collation)
    plain = f"upper(rtrim({value.sql}, ' '))" if rules.ignores_case else f"rtrim({value.sql}, ' ')"
    general = f"{function}({value.sql}, {quoted(rules.name)}, {_unicode(value.type)})"
    if rules.base.startswith("turkish"):
        return general
    return f"CASE WHEN {_PLAIN_ASCII.format(value.sql)} THEN {plain} ELSE {general} END"


def _unicode(kind: SqlType) -> str:
    return "true" if kind.name in UNICODE else "false"


def compared(left: Value, operator: str, right: Value) -> str:
    """A DuckDB condition. `operator` is =, <>, <, <=, > or >=."""
    left, right = unified([left, right])
    key = equality_key_of if operator in ("=", "<>") else order_key_of
    return f"({key(left)} {operator} {key(right)})"


def among(value: Value, listed: list[Value]) -> str:
    unit = unified([value, *listed])
    first, rest = unit[0], unit[1:]
    return f"({equality_key_of(first)} IN ({', '.join(equality_key_of(one) for one in rest)}))"
