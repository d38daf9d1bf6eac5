"""Types as PostgreSQL has them, which of them can be read as which raw type, and the raw type that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sqlglot import exp

from catalog.types import Type, decimal

Collation = Literal["bytes", "exact", "loose"]
"""How a column's own collation compares texts: bytes (order and equality of the bytes), exact (equal texts have equal bytes; the order
is a language's), loose (a nondeterministic collation: texts of different bytes may be equal)."""

Carriage = Literal["plain", "cast"]
"""How a column is selected: as it is, or cast to the declared type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A type of PostgreSQL. `name` is pg_type's (int4, bpchar, ...), or `enum`, `range`, `array` (of `element`) or `composite` (of
    `fields`, in their order). A domain has the name of what it is made from. `precision` None: a numeric of any size. `collation_id`:
    the OID of its collation."""

    name: str
    is_domain: bool = False
    precision: int | None = None
    scale: int = 0
    collation: Collation = "exact"
    collation_id: int = 0
    element: Native | None = None
    fields: tuple[tuple[str, Native], ...] = ()


_TEXTS = frozenset({"text", "varchar"})
_DIGITS = {"int2": 5, "int4": 10, "int8": 19}

_PLAIN: Mapping[str, frozenset[str]] = {
    "text": _TEXTS,
    "uuid": frozenset({"uuid"}),
    "integer": frozenset(_DIGITS),
    "bigint": frozenset(_DIGITS),
    "double": frozenset({"float4", "float8"}),
    "boolean": frozenset({"bool"}),
    "date": frozenset({"date"}),
    "timestamp": frozenset({"timestamptz"}),
    "local_timestamp": frozenset({"timestamp"}),
    "bytes": frozenset({"bytea"}),
}
"""Declared type to the types that travel in binary as they are."""

_CAST: Mapping[str, frozenset[str]] = {
    "uuid": frozenset({"text", "varchar", "bpchar"}),
    "integer": frozenset({"oid"}),
    "bigint": frozenset({"oid"}),
}
"""Declared type to the types that a cast turns into it without loss."""

_NOT_TEXT = frozenset().union(*(names for declared, names in _PLAIN.items() if declared != "text"))
"""Types with a name in the mapping language: declared text, they are another column than was declared."""

_SQL_TYPES: Mapping[str, str] = {
    "text": "TEXT",
    "uuid": "UUID",
    "integer": "BIGINT",
    "bigint": "BIGINT",
    "double": "DOUBLE PRECISION",
    "decimal": "NUMERIC",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "local_timestamp": "TIMESTAMP",
    "bytes": "BYTEA",
    "bpchar": "BPCHAR",
}


def carriage(native: Native, declared: Type) -> Carriage | None:
    """How a column of the native type is read as the declared one; None: it is not that any more."""
    match declared.name:
        case "decimal":
            found = _decimal_carriage(native, declared)
        case "list":
            assert declared.element is not None
            return None if native.element is None else carriage(native.element, declared.element)
        case "struct":
            return "plain" if _fields_fit(native, declared) else None
        case "text":
            found = "plain" if native.name in _TEXTS else None if native.name in _NOT_TEXT else "cast"
        case name:
            found = "plain" if native.name in _PLAIN.get(name, ()) else "cast" if native.name in _CAST.get(name, ()) else None
    return "cast" if found is not None and native.is_domain else found


def _decimal_carriage(native: Native, declared: Type) -> Carriage | None:
    """A numeric without a size is let through: a value that is too long for the declared type is S121 when it comes."""
    whole = declared.precision - declared.scale
    if native.name in _DIGITS:
        return "cast" if _DIGITS[native.name] <= whole else None
    if native.name == "money":
        return "cast"
    if native.name != "numeric":
        return None
    return "plain" if native.precision is None or (native.scale <= declared.scale and native.precision - native.scale <= whole) else None


def _fields_fit(native: Native, declared: Type) -> bool:
    """Fields cannot be cast one by one, so that each must travel as it is."""
    fields = dict(native.fields)
    return bool(fields) and all(name in fields and carriage(fields[name], type) == "plain" for name, type in declared.fields)


def raw_type(native: Native) -> Type:
    """The raw type that `describe` writes. What the mapping language has no name for is its text."""
    found = _raw_type(native)
    return found if found is not None and carriage(native, found) is not None else Type("text")


def _raw_type(native: Native) -> Type | None:
    match native.name:
        case "numeric":
            precision, scale = native.precision, native.scale
            return decimal(precision, scale) if precision is not None and 0 <= scale <= precision <= 38 else None
        case "array":
            assert native.element is not None
            return Type("list", element=raw_type(native.element))
        case "composite":
            named = all(re.fullmatch(r"\w+", name) for name, _ in native.fields)
            return Type("struct", fields=tuple((name, raw_type(field)) for name, field in native.fields)) if named else None
        case "int2" | "int4":
            return Type("integer")
        case "int8" | "oid":
            return Type("bigint")
        case name:
            return next((Type(declared) for declared, names in _PLAIN.items() if name in names), None)


def usual(declared: Type) -> Native:
    """The native type that is meant where the database has not been asked yet: it only decides how EXPLAIN writes a statement."""
    match declared.name:
        case "decimal":
            return Native(name="numeric", precision=declared.precision, scale=declared.scale)
        case "list":
            assert declared.element is not None
            return Native(name="array", element=usual(declared.element))
        case "struct":
            return Native(name="composite", fields=tuple((name, usual(type)) for name, type in declared.fields))
        case "integer" | "bigint":
            return Native(name="int8")
        case "double":
            return Native(name="float8")
        case name:
            return Native(name=min(_PLAIN.get(name, ("text",))))


def sql_type(declared: Type) -> exp.DataType:
    """The type that a constant or a column is cast to."""
    return _built(_spelled(declared)).copy()


def _spelled(declared: Type) -> str:
    if declared.name == "list":
        assert declared.element is not None
        return f"{_spelled(declared.element)}[]"
    return _SQL_TYPES[declared.name]


@cache
def _built(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="postgres")
