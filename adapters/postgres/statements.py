"""Statements of scans. Those that look rows up by keys are written, and checked, once for all keys: writing one takes longer than its answer.

What a key lookup's text depends on is its shape: relation, columns, limit, and for each condition the column and whether one value is
wanted or several. The values are parameters, in the order of the conditions. That this holds is looked at when the text is written: its
parameters must be just those. Any other scan, and any value that needs another form (`one_point`), is written by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.interface import Scan
from adapters.postgres.dialect import dialect_of, one_point
from adapters.postgres.natives import Native, usual
from adapters.sql import ROW, write_statement
from adapters.sql.bounds import UnsayableBoundError
from catalog.conditions import Test
from catalog.relations import Relation, relation_columns
from catalog.source_tables import RawColumn
from catalog.types import INTEGER, Type

_RECORDS = 'SELECT RECORD_SEND("one row") FROM ({}) AS "one row"'
"""Around a statement: a row becomes one value, in binary, which libpq hands over whole. The name holds a blank, as no column's does."""

_COPIED = 'SELECT * FROM ({0}) AS "one row" LIMIT 0; COPY ({0}) TO STDOUT (FORMAT BINARY)'
"""Around a statement that needs no parameters, of which COPY takes none: it costs the database less. The SELECT tells the types."""

_MOST_RELATIONS, _MOST_SHAPES = 200, 50

Shape = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement with its parameters as text or lists of texts, and what comes: each column's name, native and declared type, and
    a row in Arrow's terms. `is_copied`: it is a COPY. `name`: one under which the database may keep it, as it comes again with other
    single keys."""

    sql: str
    parameters: tuple[Any, ...]
    columns: Sequence[tuple[str, Native, Type]]
    row: pa.StructType
    is_copied: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The key lookups written so far over one relation. `revision` counts what was learnt of the database's tables."""

    relation: Relation
    revision: int
    columns: Mapping[str, RawColumn]
    written: dict[Shape, Reading] = field(default_factory=dict)


class Statements:
    """Safe for many threads: what two write at once is the same."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._known: dict[int, _Shapes] = {}
        self._numbers = count()

    def known(self, scan: Scan, revision: int) -> Reading | None:
        """The statement of a key lookup whose like has been written; None: it must be written."""
        shapes = self._shapes(scan.relation, revision)
        shape, parameters = _shape(scan, shapes.columns)
        written = shapes.written.get(shape) if shape else None
        return None if written is None else replace(written, parameters=parameters)

    def written(self, scan: Scan, revision: int, natives: Mapping[str, Native], *, utf8: bool) -> Reading:
        shapes = self._shapes(scan.relation, revision)
        statement = write_statement(scan, dialect_of(self._schema, natives, utf8=utf8))
        types = [(name, shapes.columns[name].type) for name in scan.columns]
        columns = [(name, natives.get(name) or usual(declared), declared) for name, declared in types] or [_ROW_COLUMN]
        row = pa.struct([pa.field(name, arrow_type(declared)) for name, _, declared in columns])
        is_copied = not statement.parameters
        sql = (_COPIED if is_copied else _RECORDS).format(statement.sql)
        reading = Reading(sql, statement.parameters, columns, row, is_copied)
        shape, parameters = _shape(scan, shapes.columns)
        if shape and parameters == statement.parameters and len(shapes.written) < _MOST_SHAPES:
            # A plan for lists of any length would be made for short ones.
            one_by_one = bool(parameters) and not any(isinstance(parameter, list) for parameter in parameters)
            shapes.written[shape] = replace(reading, name=f"key lookup {next(self._numbers)}" if one_by_one else "")
        return reading

    def _shapes(self, relation: Relation, revision: int) -> _Shapes:
        found = self._known.get(id(relation))
        if found is None or found.relation is not relation or found.revision != revision:
            if len(self._known) >= _MOST_RELATIONS:
                self._known.clear()
            found = self._known[id(relation)] = _Shapes(relation, revision, relation_columns(relation))
        return found


_ROW_COLUMN = (ROW, Native(name="int4"), INTEGER)


def _shape(scan: Scan, columns: Mapping[str, RawColumn]) -> tuple[Shape, tuple[Any, ...]]:
    """The shape of a key lookup and its parameters; an empty shape for any other scan."""
    looked_up: list[tuple[str, bool]] = []
    parameters: list[Any] = []
    for condition in scan.conditions:
        points = condition.wanted.points() if isinstance(condition, Test) else None
        if not isinstance(condition, Test) or condition.term.kind != "value" or condition.wanted.null or not points:
            return (), ()
        column = columns.get(condition.term.column)
        try:
            bound = [None if column is None else one_point(point, column.type) for point in points]
        except (UnsayableBoundError, KeyError):
            return (), ()
        if None in bound:
            return (), ()
        looked_up.append((condition.term.column, len(bound) == 1))
        parameters.append(bound[0] if len(bound) == 1 else bound)
    return ("key lookup", scan.columns, scan.limit, *looked_up), tuple(parameters)
