"""The typed tree of a mapping expression: what the parser makes, and what forward and inverse walk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from catalog.types import Type


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw column, by the name under which the relation delivers it. `bounds`: its declared least and greatest value."""

    name: str
    type: Type
    nullable: bool = True
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class LookupValue:
    """A value column of one of the binding's lookups (`item.code`)."""

    alias: str
    column: str
    type: Type


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual column, in `keep` and `checks`."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `value` None is NULL."""

    value: Any
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """A mapping function or operator on its arguments. `position` is where it stands in the text, for messages."""

    function: str
    arguments: tuple[Node, ...]
    type: Type
    position: int = field(default=0, compare=False)


Node = Raw | LookupValue | Virtual | Literal | Call


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from walk(argument)


def raw_names(*nodes: Node) -> frozenset[str]:
    """The raw columns that the nodes themselves look at (not those of lookups' keys)."""
    return frozenset(part.name for node in nodes for part in walk(node) if isinstance(part, Raw))


def lookup_aliases(*nodes: Node) -> frozenset[str]:
    return frozenset(part.alias for node in nodes for part in walk(node) if isinstance(part, LookupValue))


def virtual_names(*nodes: Node) -> frozenset[str]:
    return frozenset(part.name for node in nodes for part in walk(node) if isinstance(part, Virtual))


def substitute(node: Node, columns: dict[str, Node]) -> Node:
    """The node with each virtual column replaced by its own expression."""
    if isinstance(node, Virtual):
        return columns.get(node.name, node)
    if isinstance(node, Call):
        return Call(node.function, tuple(substitute(argument, columns) for argument in node.arguments), node.type, node.position)
    return node


def same_type(one: Type, other: Type) -> bool:
    """Whether values of the two types are the same values, so that no cast is needed."""
    return one == other or {one.name, other.name} in ({"integer", "bigint"}, {"text", "uuid"})
