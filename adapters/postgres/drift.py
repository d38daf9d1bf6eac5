"""What a relation's columns are in the database, and the words for it when they are not what node.yaml declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapters.interface import Scan, SourceError
from adapters.postgres.natives import Native, carriage
from adapters.postgres.tables import NativeTable
from catalog.conditions import terms
from catalog.errors import near_names
from catalog.relations import JoinRelation, Relation, TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SqlTable


def relation_natives(node: str, scan: Scan, tables: Mapping[str, NativeTable]) -> dict[str, Native]:
    """The native types of the columns that a scan looks at, by the names under which the relation delivers them.

    Raises S120, naming table and column, for what is not there or is of a type that cannot be read as declared.
    """
    looked_at = {*scan.columns, *(term.column for condition in scan.conditions for term in terms(condition)), *_joined(scan.relation)}
    found: dict[str, Native] = {}
    for name, table, column in _columns(scan.relation):
        if name in looked_at:
            found[name] = _native(node, table, column, tables)
    match scan.relation:
        case UnnestRelation(column=listed, alias=alias):
            element = found[listed].element
            assert element is not None  # it was carried as a list
            found[alias] = element
            found |= {f"{alias}.{name}": native for name, native in element.fields}
    return found


def _columns(relation: Relation) -> Iterator[tuple[str, SqlTable, RawColumn]]:
    """Each column of a table by the relation's name for it."""
    match relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            for prefix, joined in ((alias, table), *((join.alias, join.table) for join in joins)):
                yield from ((f"{prefix}.{column.name}", joined, column) for column in joined.columns)
        case TableRelation(table=SqlTable() as table) | UnnestRelation(table=table):
            yield from ((column.name, table, column) for column in table.columns)
        case _:
            raise SourceError("S110", "a PostgreSQL source has tables with columns, not with a row key")


def _joined(relation: Relation) -> set[str]:
    """The columns that the relation itself needs."""
    match relation:
        case JoinRelation(joins=joins):
            return {name for join in joins for pair in join.on for name in pair}
        case UnnestRelation(column=column):
            return {column}
        case _:
            return set()


def _native(node: str, table: SqlTable, column: RawColumn, tables: Mapping[str, NativeTable]) -> Native:
    known = tables.get(table.name)
    if known is None:
        raise SourceError("S120", f"node {node} has no table {table.name} any more", near_names(table.name, list(tables)))
    native = known.columns.get(column.name)
    if native is None:
        hint = near_names(column.name, list(known.columns))
        raise SourceError("S120", f"node {node}, table {table.name} has no column {column.name} any more", hint)
    if carriage(native.native, column.type) is None:
        raise _changed(node, table, column, f"it is {native.native.name} now")
    return native.native


def _changed(node: str, table: SqlTable, column: RawColumn, now: str = "it is of another type now") -> SourceError:
    fact = f"node {node}, table {table.name}, column {column.name} is not {column.type} any more"
    return SourceError("S120", fact, f"{now}; `hospital-gateway sources describe` shows the table as it is")


def unreadable(node: str, relation: Relation, name: str, *, changed: bool) -> SourceError:
    """A value of a delivered column is not one of its declared type; `changed`: the whole column is not."""
    listed = relation.column if isinstance(relation, UnnestRelation) and name.partition(".")[0] == relation.alias else name
    for known, table, column in _columns(relation):
        if known == listed:
            if changed:
                return _changed(node, table, column)
            fact = f"a value of table {table.name}, column {column.name} cannot be read as {column.type}"
            return SourceError("S121", fact, "declare the column as text, or with more digits, or correct the value")
    return SourceError("S105", "the database answered in a form that it does not have")


def uncastable(scan: Scan, natives: Mapping[str, Native]) -> SourceError | None:
    """Which column's values a cast of ours may have stumbled on; None if nothing was cast."""
    cast = [
        (table, column)
        for name, table, column in _columns(scan.relation)
        if name in natives and natives[name].name != column.type.name and carriage(natives[name], column.type) == "cast"
    ]
    if not cast:
        return None
    table, names = cast[0][0], " or ".join(column.name for _, column in cast)
    return SourceError("S121", f"a value of table {table.name}, column {names} cannot be read as its declared type")
