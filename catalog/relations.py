"""Relations: which raw rows a binding reads, and the raw columns they deliver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.source_tables import HBaseTable, RawColumn, SourceTable, SqlTable
from catalog.types import INTEGER


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRelation:
    """`from: ods_vitals`, or the rows of an HBase table."""

    table: SourceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """One joined table: `on` pairs (qualified column of an earlier table, qualified column of this one)."""

    kind: Literal["inner", "left"]
    alias: str
    table: SqlTable
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRelation:
    """`from: a x join b y on y.k = x.k`. Columns are named `x.column`."""

    alias: str
    table: SqlTable
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnestRelation:
    """`from: t unnest diags as d [with ordinality n]`. The table's columns keep their names, the element's are `d.field`
    (a list of plain values: `d`); ordinality starts at 1."""

    table: SqlTable
    column: str
    alias: str
    ordinality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WideRelation:
    """`from: obs.v`: the cells of one wide family as rows; columns are key segments, fixed cells, qualifier fields, value."""

    table: HBaseTable
    family: str


Relation = TableRelation | JoinRelation | UnnestRelation | WideRelation


def relation_columns(relation: Relation) -> dict[str, RawColumn]:
    """Every raw column a relation delivers, by the name under which it is delivered, in order."""
    match relation:
        case TableRelation(table=either):
            if isinstance(either, SqlTable):
                return _named(list(either.columns))
            return _named([*_key_columns(either), *_cell_columns(either), *_timestamp_column(either)])
        case WideRelation(table=hbase, family=family):
            wide = hbase.family(family)
            fields = [RawColumn(name=p.name, type=p.type, nullable=False) for p in wide.qualifier if p.constant is None]
            value = RawColumn(name=wide.value_name, type=wide.value_type, nullable=False)
            return _named([*_key_columns(hbase), *_cell_columns(hbase), *fields, value, *_timestamp_column(hbase)])
        case JoinRelation(alias=alias, table=table, joins=joins):
            found = [RawColumn(name=f"{alias}.{c.name}", type=c.type, nullable=c.nullable) for c in table.columns]
            for join in joins:
                optional = join.kind == "left"
                found += [
                    RawColumn(name=f"{join.alias}.{c.name}", type=c.type, nullable=c.nullable or optional) for c in join.table.columns
                ]
            return _named(found)
        case UnnestRelation(table=table, column=column, alias=alias, ordinality=ordinality):
            found = list(table.columns)
            element = next(c for c in table.columns if c.name == column).type.element
            assert element is not None
            if element.name == "struct":
                found += [RawColumn(name=f"{alias}.{name}", type=type) for name, type in element.fields]
            else:
                found.append(RawColumn(name=alias, type=element))
            if ordinality is not None:
                found.append(RawColumn(name=ordinality, type=INTEGER, nullable=False))
            return _named(found)


def relation_tables(relation: Relation) -> tuple[SourceTable, ...]:
    """The source tables a relation reads."""
    match relation:
        case JoinRelation(table=table, joins=joins):
            return (table, *(join.table for join in joins))
        case TableRelation(table=any_table) | WideRelation(table=any_table) | UnnestRelation(table=any_table):
            return (any_table,)


def _key_columns(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name=s.name, type=s.type, nullable=False) for s in table.row_key.segments if s.salt is None]


def _cell_columns(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name=c.name, type=c.type, nullable=not c.required) for c in table.cells]


def _timestamp_column(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name="_timestamp", type=INTEGER, nullable=False)] if table.versions == "all" else []


def _named(columns: list[RawColumn]) -> dict[str, RawColumn]:
    return {column.name: column for column in columns}
