"""The types of virtual and raw columns, and how each is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIMPLE_TYPES = (
    "text",
    "integer",
    "bigint",
    "double",
    "boolean",
    "date",
    "timestamp",
    "local_timestamp",
    "uuid",
    "bytes",
)
VIRTUAL_TYPES = ("text", "integer", "double", "decimal", "boolean", "date", "timestamp", "list")


@dataclass(frozen=True, slots=True)
class Type:
    """A column type.

    `name` is one of SIMPLE_TYPES, or `decimal` (with precision and scale), `list` (element), `map` (key, value)
    or `struct` (fields). `timestamp` is an instant in UTC with microseconds, `local_timestamp` has no zone,
    `integer` and `bigint` both have 64 bits, `uuid` is upper-case text with dashes.
    """

    name: str
    precision: int = 0
    scale: int = 0
    element: Type | None = None
    key: Type | None = None
    value: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        match self.name:
            case "decimal":
                return f"decimal({self.precision},{self.scale})"
            case "list":
                return f"list({self.element})"
            case "map":
                return f"map({self.key},{self.value})"
            case "struct":
                return f"struct({', '.join(f'{name} {type}' for name, type in self.fields)})"
            case _:
                return self.name

    @property
    def duckdb(self) -> str:
        """The DuckDB spelling of this type."""
        match self.name:
            case "decimal":
                return f"DECIMAL({self.precision},{self.scale})"
            case "list":
                assert self.element is not None
                return f"{self.element.duckdb}[]"
            case "map":
                assert self.key is not None and self.value is not None
                return f"MAP({self.key.duckdb}, {self.value.duckdb})"
            case "struct":
                inner = ", ".join(f'"{name}" {type.duckdb}' for name, type in self.fields)
                return f"STRUCT({inner})"
            case _:
                return _DUCKDB[self.name]

    @property
    def is_text(self) -> bool:
        return self.name in ("text", "uuid")

    @property
    def is_number(self) -> bool:
        return self.name in ("integer", "bigint", "double", "decimal")


_DUCKDB = {
    "text": "VARCHAR",
    "uuid": "VARCHAR",
    "integer": "BIGINT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "local_timestamp": "TIMESTAMP",
    "bytes": "BLOB",
}

TEXT = Type("text")
INTEGER = Type("integer")
DOUBLE = Type("double")
BOOLEAN = Type("boolean")
DATE = Type("date")
TIMESTAMP = Type("timestamp")
LOCAL_TIMESTAMP = Type("local_timestamp")


def decimal(precision: int, scale: int) -> Type:
    return Type("decimal", precision=precision, scale=scale)


def parse_type(text: str) -> Type:
    """Read a type as mapping files spell it. Raises ValueError with the fact in words."""
    type, rest = _read_type(text.strip())
    if rest:
        raise ValueError(f"'{rest}' is left over after type '{type}'")
    return type


def _read_type(text: str) -> tuple[Type, str]:
    match = re.match(r"[a-z_0-9]+", text)
    if match is None:
        raise ValueError(f"'{text}' is not a type")
    name, rest = match.group(), text[match.end() :].lstrip()
    if name in SIMPLE_TYPES:
        return Type(name), rest
    if not rest.startswith("("):
        raise ValueError(
            f"'{name}' is not a type; the types are {', '.join(SIMPLE_TYPES)}, decimal(p,s), list(T), map(K,V), struct(n T, ...)"
        )
    rest = rest[1:].lstrip()
    match name:
        case "decimal":
            numbers = re.match(r"(\d+)\s*,\s*(\d+)\s*", rest)
            if numbers is None or not 1 <= int(numbers[1]) <= 38 or int(numbers[2]) > int(numbers[1]):
                raise ValueError(f"'{text}': decimal takes precision (1 to 38) and scale (at most the precision)")
            type, rest = decimal(int(numbers[1]), int(numbers[2])), rest[numbers.end() :]
        case "list":
            element, rest = _read_type(rest)
            type = Type("list", element=element)
        case "map":
            key, rest = _read_type(rest)
            value, rest = _read_type(_expect(rest, ","))
            type = Type("map", key=key, value=value)
        case "struct":
            fields: list[tuple[str, Type]] = []
            while True:
                field = re.match(r"(\w+)\s+", rest)
                if field is None:
                    raise ValueError(f"'{text}': struct takes fields as 'name type, ...'")
                field_type, rest = _read_type(rest[field.end() :])
                fields.append((field[1], field_type))
                if not rest.startswith(","):
                    break
                rest = rest[1:].lstrip()
            type = Type("struct", fields=tuple(fields))
        case _:
            raise ValueError(
                f"'{name}' is not a type; the types are {', '.join(SIMPLE_TYPES)}, decimal(p,s), list(T), map(K,V), struct(n T, ...)"
            )
    return type, _expect(rest, ")")


def _expect(text: str, mark: str) -> str:
    if not text.startswith(mark):
        raise ValueError(f"expected '{mark}' before '{text}'")
    return text[1:].lstrip()
