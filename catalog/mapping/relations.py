"""The SQL tables behind a relation, with the prefix that their columns have in it."""

from __future__ import annotations

from catalog.relations import JoinRelation, Relation, TableRelation, UnnestRelation
from catalog.source_tables import SqlTable


def named_tables(relation: Relation) -> list[tuple[str, SqlTable]]:
    """(prefix, table) of each table described by columns; an HBase table is none."""
    match relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            return [(f"{alias}.", table), *((f"{join.alias}.", join.table) for join in joins)]
        case TableRelation(table=SqlTable() as table) | UnnestRelation(table=table):
            return [("", table)]
        case _:
            return []
