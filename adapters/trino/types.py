"""Trino's types: read from their names, and which of them a declared raw type takes without loss."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from catalog.types import Type, decimal

_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?: (?:with|without|precision|to|time|zone|day|month|second|year|DAY|MONTH|SECOND|YEAR|TO)\b)*")
_NUMBER = re.compile(r"\d+(?=[,)])")
_BLANKS = re.compile(r" *")
_ZONE = re.compile(r" with(?:out)? time zone")
_FIELD = re.compile(r'"(?:[^"]|"")*" |[^ (),"]+ (?!with\b|to\b|TO\b)')
_WITH_FRACTION = frozenset({"timestamp", "time"})


@dataclass(frozen=True, slots=True)
class FoundType:
    """A type as Trino names it. `name` is without parameters: `varchar`, `timestamp with time zone`.

    `numbers` are a decimal's precision and scale, a length, the digits of a second's fraction; `children` the element of an array, the
    key and value of a map, the fields of a row (with their names, else '').
    """

    name: str
    numbers: tuple[int, ...] = ()
    children: tuple[tuple[str, FoundType], ...] = ()

    def __str__(self) -> str:
        inner = [*map(str, self.numbers), *(f"{name} {type}".strip() for name, type in self.children)]
        word, _, rest = self.name.partition(" ")
        return f"{word}({', '.join(inner)}) {rest}".strip() if inner else self.name


@lru_cache(maxsize=4096)
def found_type(text: str) -> FoundType:
    """Read what Trino writes: `decimal(38, 10)`, `timestamp(6) with time zone`, `array(row("Seq" bigint, code varchar(5)))`."""
    reader = _Reader(text.strip())
    found = reader.type()
    return found if reader.at_end() and _is_whole(found) else FoundType("unknown")


_PARTS = {"decimal": (2, 0), "array": (0, 1), "map": (0, 2)}
"""How many numbers and children a type has that is looked into."""


def _is_whole(found: FoundType) -> bool:
    numbers, children = _PARTS.get(found.name, (len(found.numbers), len(found.children)))
    if (len(found.numbers), len(found.children)) != (numbers, children) or (found.name == "row" and not children):
        return False
    return all(_is_whole(child) for _, child in found.children)


class _Reader:
    """A type's text from left to right. What it cannot read becomes a type that no declared type takes."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0

    def at_end(self) -> bool:
        return self._place >= len(self._text)

    def type(self) -> FoundType:
        name = self._match(_WORDS)
        if name is None:
            self._place = len(self._text)
            return FoundType("")
        numbers: list[int] = []
        children: list[tuple[str, FoundType]] = []
        if self._take("("):
            while not self.at_end() and not self._take(")"):
                number = self._match(_NUMBER)
                if number is not None:
                    numbers.append(int(number))
                else:
                    children.append(self._child(name))
                self._take(",")
                self._match(_BLANKS)
            if name in _WITH_FRACTION:
                name += self._match(_ZONE) or ""
        return FoundType(name, tuple(numbers), tuple(children))

    def _child(self, parent: str) -> tuple[str, FoundType]:
        if parent != "row":
            return "", self.type()
        begin = self._place
        name = self._match(_FIELD)
        if name is not None:
            return name.removesuffix(" ").strip('"').replace('""', '"'), self.type()
        self._place = begin
        return "", self.type()

    def _take(self, mark: str) -> bool:
        if self._text.startswith(mark, self._place):
            self._place += len(mark)
            return True
        return False

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._place)
        if found is None:
            return None
        self._place = found.end()
        return found.group()


_INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint"})
_TAKEN: Mapping[str, frozenset[str]] = {
    "text": frozenset({"varchar", "char"}),
    "uuid": frozenset({"uuid", "varchar"}),
    "integer": _INTEGERS,
    "bigint": _INTEGERS,
    "double": frozenset({"double", "real"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "timestamp": frozenset({"timestamp with time zone"}),
    "local_timestamp": frozenset({"timestamp"}),
    "bytes": frozenset({"varbinary"}),
}
"""Declared type to Trino's types that hold the same values. Any other pair is drift."""


def fits(found: FoundType, declared: Type) -> bool:
    """Whether every value of the type found is one of the declared type."""
    match declared.name:
        case "decimal":
            if found.name != "decimal":
                return False
            precision, scale = found.numbers
            return scale <= declared.scale and precision - scale <= declared.precision - declared.scale
        case "list":
            assert declared.element is not None
            return found.name == "array" and fits(found.children[0][1], declared.element)
        case "map":
            assert declared.key is not None and declared.value is not None
            return found.name == "map" and fits(found.children[0][1], declared.key) and fits(found.children[1][1], declared.value)
        case "struct":
            # Fields are told apart by their place, on the wire and by UNNEST.
            names = [name.lower() for name, _ in found.children]
            return (
                found.name == "row"
                and names == [name.lower() for name, _ in declared.fields]
                and all(fits(child, field) for (_, child), (_, field) in zip(found.children, declared.fields))
            )
        case name:
            return found.name in _TAKEN.get(name, ())


_RAW: Mapping[str, str] = {
    "varchar": "text",
    "char": "text",
    "uuid": "uuid",
    "tinyint": "integer",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "bigint",
    "real": "double",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "local_timestamp",
    "timestamp with time zone": "timestamp",
    "varbinary": "bytes",
}
_FIELD_NAME = re.compile(r"\w+")


def raw_type(found: FoundType) -> Type | None:
    """The raw type that `describe` writes; None if the mapping language has none."""
    match found.name:
        case "decimal":
            return decimal(*found.numbers)
        case "array" | "map":
            children = [raw_type(child) for _, child in found.children]
            if None in children:
                return None
            return Type("list", element=children[0]) if found.name == "array" else Type("map", key=children[0], value=children[1])
        case "row":
            fields = [(name, raw_type(child)) for name, child in found.children]
            known = tuple((name, type) for name, type in fields if type is not None and _FIELD_NAME.fullmatch(name))
            return Type("struct", fields=known) if len(known) == len(fields) else None
        case name:
            return Type(_RAW[name]) if name in _RAW else None
