"""What the names in an expression mean: raw columns, lookup values, virtual columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from catalog.errors import near_names
from catalog.mapping.errors import ExpressionError
from catalog.mapping.tree import LookupValue, Node, Raw, Virtual
from catalog.model import Lookup
from catalog.relations import JoinRelation, Relation, WideRelation, relation_columns, relation_tables
from catalog.source_tables import HBaseTable, RawColumn
from catalog.types import TEXT, Type


class Scope(Protocol):
    def resolve(self, parts: tuple[str, ...], quoted: bool) -> Node:
        """The node that a name stands for. Raises ExpressionError."""


class RawScope:
    """The raw columns of a relation and, where given, lookups by alias. SQL sources ignore the case of names."""

    def __init__(self, relation: Relation, *, ignore_case: bool, lookups: Mapping[str, Lookup] | None = None) -> None:
        self._columns = {name: _raw(name, column, relation) for name, column in relation_columns(relation).items()}
        self._folded = {name.lower(): name for name in self._columns} if ignore_case else {}
        self._joined = isinstance(relation, JoinRelation)
        self._lookups = lookups or {}

    def resolve(self, parts: tuple[str, ...], quoted: bool) -> Node:
        if len(parts) == 2 and parts[0] in self._lookups:
            return self._lookup_value(parts[0], parts[1])
        name = ".".join(parts)
        found = self._columns.get(name)
        if found is None and not quoted:
            found = self._columns.get(self._folded.get(name.lower(), ""))
        if found is None:
            raise ExpressionError("C203", f"unknown raw column {name}", self._hint(name))
        return found

    def _hint(self, name: str) -> str:
        if self._joined and "." not in name:
            same = [known for known in self._columns if known.rpartition(".")[2].lower() == name.lower()]
            return f"with a join, qualify every column: {' or '.join(same)}" if same else near_names(name, self._columns)
        return near_names(name, [*self._columns, *(f"{a}.{v}" for a, lookup in self._lookups.items() for v in lookup.values)])

    def _lookup_value(self, alias: str, column: str) -> Node:
        lookup = self._lookups[alias]
        found = next((value for value in lookup.values if value.lower() == column.lower()), None)
        if found is None:
            raise ExpressionError("C205", f"the lookup {alias} has no value {column}", near_names(column, lookup.values))
        return LookupValue(alias, found, TEXT)

    def column(self, name: str) -> Raw:
        return self._columns[name]


class VirtualScope:
    """The virtual columns of a table, for `keep` and `checks`."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = types

    def resolve(self, parts: tuple[str, ...], quoted: bool) -> Node:
        name = ".".join(parts)
        found = name if quoted or name in self._types else name.lower()
        if found not in self._types:
            raise ExpressionError("C204", f"unknown virtual column {name}", near_names(name, self._types))
        return Virtual(found, self._types[found])


def _raw(name: str, column: RawColumn, relation: Relation) -> Raw:
    bounds = None
    table = relation_tables(relation)[0]
    if isinstance(relation, WideRelation) and isinstance(table, HBaseTable):
        bounds = table.family(relation.family).ranges.get(name)
    return Raw(name, column.type, column.nullable, bounds)
