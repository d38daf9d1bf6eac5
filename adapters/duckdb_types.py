"""How a column found in a file becomes a column of its declared raw type, and the raw type that fits a column found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.types import SIMPLE_TYPES, TEXT, Type, decimal

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType


@dataclass(frozen=True, slots=True)
class FoundType:
    """A type as a file has it: DuckDB's lower-case id, its spelling, what a nested type is made of (or a decimal's two numbers)."""

    id: str
    text: str
    children: tuple[tuple[str, FoundType | int], ...] = ()

    def __str__(self) -> str:
        return self.text


_WITH_CHILDREN = frozenset({"list", "array", "map", "struct", "decimal"})


def found_type(type: DuckDBPyType) -> FoundType:
    """A copy: DuckDB's own type objects may not outlive the interpreter's end."""
    children: list[tuple[str, FoundType | int]] = []
    if type.id in _WITH_CHILDREN:
        for name, child in type.children:
            assert not isinstance(child, list)  # only an enum has its values there
            children.append((name, child if isinstance(child, int) else found_type(child)))
    return FoundType(type.id, str(type), tuple(children))


_INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"})
_WITHOUT_A_NAME = frozenset({"enum", "time", "time with time zone", "time_ns", "interval", "hugeint", "uhugeint", "bit"})

CAST_SOURCES: dict[str, frozenset[str]] = {
    # Types without a name in the mapping language travel as their text.
    "text": frozenset({"varchar"}) | _WITHOUT_A_NAME,
    "integer": _INTEGERS,
    "bigint": _INTEGERS,
    "double": frozenset({"float", "double"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "timestamp": frozenset({"timestamp with time zone"}),
    "local_timestamp": frozenset({"timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"}),
    "bytes": frozenset({"blob"}),
}
"""Declared type to the file types that a plain cast turns into it without loss. Any other pair is drift."""

_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
TEXT_PATTERNS: dict[str, str] = {
    "integer": r"^[+-]?\d+$",
    "bigint": r"^[+-]?\d+$",
    "double": r"^[^_]+$",
    "date": r"^\d{4,}-\d\d-\d\d$",
    "timestamp": rf"^\d{{4,}}-\d\d-\d\d[ T]{_CLOCK} ?(?:Z|[+-]\d\d(?::?\d\d)?)$",
    "local_timestamp": rf"^\d{{4,}}-\d\d-\d\d[ T]{_CLOCK}$",
    "boolean": r"^(?:0|1|[Tt]rue|[Ff]alse|TRUE|FALSE)$",
}
"""How a value written as text must look. Without this a cast would round '1.5' to 2, or read an instant without its zone."""


def declared_expression(column: exp.Expression, found: FoundType, declared: Type, *, trying: bool = False) -> exp.Expression | None:
    """The column as its declared type, or None if the file holds another type. `trying`: NULL in place of a failed cast."""
    if found.id in CAST_SOURCES.get(declared.name, ()):
        return column if found.id == "varchar" else _cast(column, declared, trying)
    match declared.name, found.id:
        case "uuid", "uuid" | "varchar":
            return _uuid(column, trying)
        case "boolean", "tinyint" | "utinyint" | "smallint" | "integer":
            return _cast(_cast(column, TEXT, trying), declared, trying)  # by way of text, so that 2 fails
        case "date" | "timestamp" | "local_timestamp", "varchar":
            return text_expression(column, declared, trying=trying)
        case "decimal" | "list" | "map" | "struct", _:
            return _cast(column, declared, trying) if _fits(found, declared) else None
        case _:
            return None


def text_expression(column: exp.Expression, declared: Type, *, trying: bool = False) -> exp.Expression | None:
    """A column written as text, as its declared type; an empty text is NULL unless text is wanted. None: not written as text."""
    filled = exp.Nullif(this=column, expression=exp.Literal.string(""))
    match declared.name:
        case "text":
            return column
        case "uuid":
            return _uuid(filled, trying)
        case "decimal":
            return _cast(_matching(filled, _decimal_pattern(declared.scale)), declared, trying)
        case "timestamp":
            # DuckDB does not read '… -05:00': the space before the offset goes.
            tight = exp.Anonymous(
                this="REGEXP_REPLACE",
                expressions=[
                    _matching(filled, TEXT_PATTERNS["timestamp"]),
                    exp.Literal.string(r" ([+-]\d\d:?\d*)$"),
                    exp.Literal.string(r"\1"),
                ],
            )
            return _cast(tight, declared, trying)
        case name if name in TEXT_PATTERNS:
            return _cast(_matching(filled, TEXT_PATTERNS[name]), declared, trying)
        case _:
            return None


def _decimal_pattern(scale: int) -> str:
    return rf"^[+-]?(?:\d+(?:\.\d{{0,{scale}}}0*)?|\.\d{{1,{max(scale, 1)}}}0*)$"


def _matching(text: exp.Expression, pattern: str) -> exp.Expression:
    """The text if it matches, else an empty text, which no cast reads."""
    return exp.Anonymous(this="REGEXP_EXTRACT", expressions=[text, exp.Literal.string(pattern)])


def _uuid(column: exp.Expression, trying: bool) -> exp.Expression:
    read = (exp.TryCast if trying else exp.Cast)(this=column, to=exp.DataType.build("UUID"))
    return exp.Upper(this=_cast(read, TEXT, trying))


def _cast(expression: exp.Expression, type: Type, trying: bool) -> exp.Expression:
    return (exp.TryCast if trying else exp.Cast)(this=expression, to=duckdb_type(type))


def duckdb_type(type: Type) -> exp.DataType:
    return _built(type.duckdb).copy()


@cache
def _built(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="duckdb")


def _fits(found: FoundType, declared: Type) -> bool:
    """Whether a plain cast of a decimal or nested type loses nothing and finds every declared field."""
    match declared.name:
        case "decimal":
            return _decimal_fits(found, declared)
        case "list":
            assert declared.element is not None
            return found.id in ("list", "array") and _fits(_child(found, "child"), declared.element)
        case "map":
            assert declared.key is not None and declared.value is not None
            return found.id == "map" and _fits(_child(found, "key"), declared.key) and _fits(_child(found, "value"), declared.value)
        case "struct":
            return found.id == "struct" and _fields_fit(found, declared)
        case name:
            return found.id in CAST_SOURCES.get(name, ())


def _decimal_fits(found: FoundType, declared: Type) -> bool:
    if found.id == "ubigint":
        return declared.precision - declared.scale >= 20
    if found.id != "decimal":
        return False
    precision, scale = (int(str(number)) for _, number in found.children)
    return scale <= declared.scale and precision - scale <= declared.precision - declared.scale


def _fields_fit(found: FoundType, declared: Type) -> bool:
    fields = {name.lower(): child for name, child in found.children}
    return all(name.lower() in fields and _fits(_nested(fields[name.lower()]), field) for name, field in declared.fields)


def _child(found: FoundType, name: str) -> FoundType:
    return _nested(dict(found.children)[name])


def _nested(child: FoundType | int) -> FoundType:
    assert not isinstance(child, int)
    return child


RAW_TYPES: dict[str, str] = {
    "varchar": "text",
    "uuid": "uuid",
    "float": "double",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "timestamp",
    "timestamp": "local_timestamp",
    "timestamp_s": "local_timestamp",
    "timestamp_ms": "local_timestamp",
    "timestamp_ns": "local_timestamp",
    "blob": "bytes",
    "bigint": "bigint",
    "uinteger": "bigint",
    **dict.fromkeys(("tinyint", "smallint", "integer", "utinyint", "usmallint"), "integer"),
    **dict.fromkeys(_WITHOUT_A_NAME, "text"),
}
"""The raw type that `describe` writes for each DuckDB type that is not nested."""

assert set(RAW_TYPES.values()) <= set(SIMPLE_TYPES)


def raw_type(found: FoundType) -> Type | None:
    """The raw type of a column found; None if the mapping language has none (it is left out of `describe`)."""
    match found.id:
        case "decimal":
            precision, scale = (int(str(number)) for _, number in found.children)
            return decimal(precision, scale)
        case "ubigint":
            return decimal(20, 0)
        case "list" | "array":
            element = raw_type(_child(found, "child"))
            return None if element is None else Type("list", element=element)
        case "map":
            key, value = raw_type(_child(found, "key")), raw_type(_child(found, "value"))
            return None if key is None or value is None else Type("map", key=key, value=value)
        case "struct":
            fields = [(name, raw_type(_nested(child))) for name, child in found.children]
            known = tuple((name, type) for name, type in fields if type is not None)
            return Type("struct", fields=known) if len(known) == len(fields) else None
        case name:
            return Type(RAW_TYPES[name]) if name in RAW_TYPES else None
