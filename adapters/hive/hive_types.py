"""Hive's types: read from their spelling, as raw types of the mapping language, and which of them a declared raw type may be read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.types import Type, decimal


@dataclass(frozen=True, slots=True)
class HiveType:
    """A type as DESCRIBE spells it: `name` without numbers; the numbers of a decimal; what a nested type is made of."""

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple[HiveType, ...] = ()
    fields: tuple[str, ...] = ()


DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""What Hive reads where a partition column of text was NULL. No other text column has it."""

_RAW: Mapping[str, str] = {
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "bigint",
    "float": "double",
    "double": "double",
    "boolean": "boolean",
    "string": "text",
    "varchar": "text",
    "char": "text",
    "date": "date",
    "timestamp": "local_timestamp",
    "timestamp with local time zone": "timestamp",
    "binary": "bytes",
}
"""The raw type that `describe` writes for each Hive type without parts."""

READ_FROM: Mapping[str, frozenset[str]] = {
    "text": frozenset({"string", "varchar", "char"}),
    "uuid": frozenset({"string", "varchar", "char"}),
    "integer": frozenset({"tinyint", "smallint", "int", "bigint"}),
    "bigint": frozenset({"tinyint", "smallint", "int", "bigint"}),
    "double": frozenset({"float", "double"}),
    "decimal": frozenset({"decimal"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "local_timestamp": frozenset({"timestamp"}),
    "timestamp": frozenset({"timestamp with local time zone"}),
    "bytes": frozenset({"binary"}),
    "list": frozenset({"array"}),
    "map": frozenset({"map"}),
    "struct": frozenset({"struct"}),
}
"""Declared raw type to the Hive types that hold nothing else. Any other pair is drift."""


def parse_hive_type(text: str) -> HiveType:
    """Raises ValueError for what is not a type."""
    found, rest = _read(text.strip())
    if rest:
        raise ValueError("something is left over after the type")
    return found


def _read(text: str) -> tuple[HiveType, str]:
    match = re.match(r"timestamp with local time zone(?:\('[^']*'\))?|[a-z_]+", text)
    if match is None:
        raise ValueError("not a type")
    name, rest = match.group(), text[match.end() :]
    if name.startswith("timestamp with"):
        return HiveType("timestamp with local time zone"), rest
    if numbers := re.match(r"\((\d+)(?:,(\d+))?\)", rest):
        return HiveType(name, tuple(int(number) for number in numbers.groups() if number)), rest[numbers.end() :]
    if not rest.startswith("<"):
        return HiveType(name), rest
    rest, parts, fields = rest[1:], list[HiveType](), list[str]()
    while True:
        if name == "struct":
            field, colon, rest = rest.partition(":")
            if not colon:
                raise ValueError("a field without a type")
            fields.append(field)
        part, rest = _read(rest)
        parts.append(part)
        if not rest.startswith(","):
            break
        rest = rest[1:]
    if not rest.startswith(">"):
        raise ValueError("a nested type without an end")
    return HiveType(name, (), tuple(parts), tuple(fields)), rest[1:]


def raw_type(found: HiveType) -> Type | None:
    """The raw type of a column found; None if the mapping language has none, or the column cannot be read (see `nested`)."""
    match found.name, found.parts:
        case "decimal", _:
            precision, scale = (*found.numbers, 10, 0)[:2] if not found.numbers else (*found.numbers, 0)[:2]
            return decimal(precision, scale)
        case "array", (element,):
            inner = _inside(element)
            return None if inner is None else Type("list", element=inner)
        case "map", (key, value):
            inner = _inside(value)
            return None if inner is None or raw_type(key) != Type("text") else Type("map", key=Type("text"), value=inner)
        case "struct", parts:
            fields = [(name, _inside(part)) for name, part in zip(found.fields, parts, strict=True)]
            known = tuple((name, type) for name, type in fields if type is not None)
            return Type("struct", fields=known) if len(known) == len(fields) else None
        case name, ():
            return Type(_RAW[name]) if name in _RAW else None
        case _:
            return None


def _inside(found: HiveType) -> Type | None:
    """Bytes inside a nested value come damaged from HiveServer2."""
    inner = raw_type(found)
    return None if inner is not None and inner.name == "bytes" else inner


def fits(found: HiveType, declared: Type) -> bool:
    """Whether every value of the Hive type is one of the declared type."""
    if found.name not in READ_FROM[declared.name]:
        return False
    match declared.name:
        case "decimal":
            precision, scale = (*found.numbers, 0)[:2] if found.numbers else (10, 0)
            return scale <= declared.scale and precision - scale <= declared.precision - declared.scale
        case "list":
            assert declared.element is not None
            return fits(found.parts[0], declared.element)
        case "map":
            assert declared.key is not None and declared.value is not None
            return fits(found.parts[0], declared.key) and fits(found.parts[1], declared.value)
        case "struct":
            fields = dict(zip(found.fields, found.parts, strict=True))
            return all(name.lower() in fields and fits(fields[name.lower()], type) for name, type in declared.fields)
        case _:
            return True
