"""What sys.columns says of a source's tables, read once in a while: it decides how conditions are written, never their verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from adapters.interface import SourceError
from adapters.sqlserver.native_types import ColumnFact, check_declared, raw_type
from catalog.relations import JoinRelation, Relation, relation_tables
from catalog.source_tables import RawColumn, SqlTable

_COLUMNS = """
SELECT o.name, c.name, t.name, c.max_length, c.precision, c.scale, c.collation_name,
  COLLATIONPROPERTY(c.collation_name, 'CodePage'), c.is_nullable
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
JOIN sys.columns AS c ON c.object_id = o.object_id
LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
WHERE s.name = ? AND o.type IN ('U', 'V'){named}
ORDER BY o.name, c.column_id
"""
"""Tables and views of a schema; of a column with a type of the user's own, the type that stands behind it."""

_MOST_NAMES = 1_000

KEYS = """
SELECT o.name, c.name
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
JOIN sys.indexes AS i ON i.object_id = o.object_id
JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = o.object_id AND c.column_id = ic.column_id
WHERE s.name = ? AND i.is_primary_key = 1
ORDER BY o.name, ic.key_ordinal
"""

_SECONDS = 300
"""After which facts are read again: a column that changed its collation is written rightly from then on."""

Value = TypeVar("Value")

Facts = Mapping[str, Mapping[str, ColumnFact]]
"""Table to column to fact."""


def columns_statement(schema: str, tables: Sequence[str] = ()) -> tuple[str, list[str]]:
    """The statement and its parameters: for these tables, or for all of the schema where none (or very many) are named."""
    named = tables if len(tables) <= _MOST_NAMES else ()
    marks = f" AND o.name IN ({', '.join('?' * len(named))})" if named else ""
    return _COLUMNS.format(named=marks), [schema, *named]


class SourceFacts:
    """The facts of one source. What `current` is given reads them; it may raise SourceError."""

    def __init__(self) -> None:
        self._facts: Facts | None = None
        self._read_at = 0.0

    @property
    def known(self) -> Facts:
        """What is known now, without asking."""
        return self._facts or {}

    def current(self, read: Callable[[], Sequence[tuple[Any, ...]]]) -> Facts:
        """No lock: two that ask at once cost a second question; one that waits for another's would not end with its own deadline."""
        found = self._facts
        if found is None or time.monotonic() - self._read_at > _SECONDS:
            found = facts_of(read())
            self._facts, self._read_at = found, time.monotonic()
        return found

    def forget(self) -> None:
        """The next read asks again."""
        self._facts = None


def facts_of(rows: Sequence[tuple[Any, ...]]) -> Facts:
    found: dict[str, dict[str, ColumnFact]] = {}
    for table, column, type, length, precision, scale, collation, code_page, nullable in rows:
        found.setdefault(table, {})[column] = ColumnFact(
            type=type or "a type of its own",
            length=length,
            precision=precision,
            scale=scale,
            collation=collation,
            code_page=None if code_page is None else int(code_page),
            nullable=bool(nullable),
        )
    return found


def relation_facts(relation: Relation, facts: Facts) -> Mapping[str, ColumnFact]:
    """The facts of a relation's columns by the names under which it delivers them. What is not known is left out."""
    match relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            aliased = [(f"{alias}.", table), *((f"{join.alias}.", join.table) for join in joins)]
        case _:
            aliased = [("", table) for table in relation_tables(relation) if isinstance(table, SqlTable)]
    found = {
        prefix + column.name: _named(_named(facts, table.name) or {}, column.name) for prefix, table in aliased for column in table.columns
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def check_tables(relation: Relation, columns: Sequence[str], facts: Facts) -> None:
    """Raises SourceError S120 that names the table or column which is not as declared. A table of which nothing is known passes."""
    tables = [table for table in relation_tables(relation) if isinstance(table, SqlTable)]
    for table in tables:
        known = _named(facts, table.name)
        if known is None:
            continue
        for column in table.columns:
            fact = _named(known, column.name)
            if fact is not None:
                check_declared(table.name, column, fact)
            elif _is_used(column.name, columns):
                raise SourceError("S120", f"table {table.name} has no column {column.name}")


def unknown_tables(relation: Relation, facts: Facts) -> list[SqlTable]:
    """Tables of which the catalog views told nothing: they are not there, or the account may not see them, or they are synonyms."""
    return [table for table in relation_tables(relation) if isinstance(table, SqlTable) and _named(facts, table.name) is None]


def _named(found: Mapping[str, Value], name: str) -> Value | None:
    """By the name as the mapping writes it; else, as most databases compare names, in any case."""
    if name in found:
        return found[name]
    return next((value for known, value in found.items() if known.casefold() == name.casefold()), None)


def _is_used(name: str, columns: Sequence[str]) -> bool:
    return any(used.rpartition(".")[2] == name for used in columns)


def described(facts: Facts, keys: Sequence[tuple[Any, ...]]) -> Mapping[str, SqlTable]:
    """The tables as node.yaml would have them. Columns of types that cannot be read are left out."""
    found = {}
    for name, columns in facts.items():
        readable = [(column, raw_type(fact), fact.nullable) for column, fact in columns.items()]
        raw = tuple(RawColumn(name=column, type=type, nullable=nullable) for column, type, nullable in readable if type is not None)
        key = tuple(column for table, column in keys if table == name)
        found[name] = SqlTable(name=name, columns=raw, key=key if set(key) <= {column.name for column in raw} else ())
    return found
