"""Statements of scans. Those that look rows up by keys are written, and checked, once for all keys: writing one takes longer than its answer.

What a key lookup's text depends on is its shape: relation, columns, limit, and for each condition the column, and whether an integer is
an int. The values are parameters only. Any other scan, and any value that needs another form, is written by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from adapters.arrow_types import scan_schema
from adapters.interface import Scan
from adapters.sql import Statement, write_statement
from adapters.sql.bounds import UnsayableBoundError
from adapters.sql.plain import possible
from adapters.sqlserver.dialect import GUID, INT32, parameter, sql_server
from adapters.sqlserver.facts import Facts, relation_facts
from adapters.sqlserver.text import fits_bounded
from catalog.conditions import Test
from catalog.relations import Relation, relation_columns
from catalog.source_tables import RawColumn
from catalog.types import Type

_MOST_RELATIONS, _MOST_SHAPES = 200, 50

Shape = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement with what the driver binds, and the schema of what comes."""

    sql: str
    parameters: tuple[Any, ...]
    schema: pa.Schema


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A key lookup written before: `places` says for each parameter of the text which of the looked up values it is."""

    sql: str
    places: tuple[int, ...]
    schema: pa.Schema


@dataclass(frozen=True, slots=True)
class _Lookups:
    """The key lookups over one relation, as long as the same is known of its columns."""

    relation: Relation
    facts: Facts
    columns: Mapping[str, RawColumn]
    written: dict[Shape, _Lookup] = field(default_factory=dict)


class Statements:
    """Safe for many threads: what two write at once is the same."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._known: dict[int, _Lookups] = {}

    def known(self, scan: Scan, facts: Facts) -> Reading | None:
        """The statement of a key lookup whose like has been written; None: it must be written."""
        lookups = self._lookups(scan.relation, facts)
        shape, values = _shape(scan, lookups.columns)
        found = lookups.written.get(shape) if values else None
        return None if found is None else Reading(found.sql, tuple(values[place] for place in found.places), found.schema)

    def written(self, scan: Scan, facts: Facts) -> Reading:
        statement = write_statement(scan, sql_server(self._schema, relation_facts(scan.relation, facts)))
        schema = scan_schema(scan)
        lookups = self._lookups(scan.relation, facts)
        shape, values = _shape(scan, lookups.columns)
        places = _places(values, statement)
        if values and places is not None and len(lookups.written) < _MOST_SHAPES:
            lookups.written[shape] = _Lookup(statement.sql, places, schema)
        return Reading(statement.sql, statement.parameters, schema)

    def _lookups(self, relation: Relation, facts: Facts) -> _Lookups:
        found = self._known.get(id(relation))
        if found is None or found.relation is not relation or found.facts is not facts:
            if len(self._known) >= _MOST_RELATIONS:
                self._known.clear()
            found = self._known[id(relation)] = _Lookups(relation, facts, relation_columns(relation))
        return found


def _places(values: Sequence[Any], statement: Statement) -> tuple[int, ...] | None:
    """Which value each parameter is; None where it cannot be told for certain."""
    if len(set(values)) != len(values):
        return None
    places = {value: place for place, value in enumerate(values)}
    found = [places.get(bound) for bound in statement.parameters]
    if None in found or set(found) != set(range(len(values))):
        return None
    return tuple(place for place in found if place is not None)


def _shape(scan: Scan, columns: Mapping[str, RawColumn]) -> tuple[Shape, Sequence[Any]]:
    """The shape of a key lookup and the values it looks for; no values for any other scan."""
    shape: list[object] = [scan.columns, scan.limit]
    values: list[Any] = []
    for condition in scan.conditions:
        points = condition.wanted.points() if isinstance(condition, Test) else None
        if not isinstance(condition, Test) or condition.term.kind != "value" or condition.wanted.null or points is None or len(points) != 1:
            return (), ()
        column = columns.get(condition.term.column)
        form = None if column is None else _form(points[0], column.type)
        if form is None:
            return (), ()
        shape.append((condition.term.column, form))
        values.append(parameter(points[0]))
    return tuple(shape), values


def _form(value: Any, type: Type) -> str | None:
    """All values of one form are written alike, each as a parameter that is the value itself; None for a value of another kind."""
    try:
        if possible([value], type) != [value]:
            return None
    except UnsayableBoundError:
        return None
    match type.name, value:
        case "integer" | "bigint", int():
            return "int" if value in INT32 else "bigint"
        case "uuid", str() if GUID.fullmatch(value):
            return "uuid"
        case "text", str() if "\0" not in value and fits_bounded(value):
            return "text"
        case _:
            return None
