"""What a scan means, row by row in plain Python: the oracle of the conformance suite, and the engine of the fake source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from catalog.conditions import Condition, holds
from catalog.relations import JoinRelation, Relation, TableRelation, UnnestRelation, WideRelation

Row = dict[str, Any]


def relation_rows(relation: Relation, tables: Mapping[str, pa.Table]) -> list[Row]:
    """Every row of a relation, by delivered column name, in no order that a source would promise."""
    match relation:
        case TableRelation(table=table):
            return _rows(tables[table.name])
        case JoinRelation():
            return list(_joined(relation, tables))
        case UnnestRelation():
            return list(_elements(relation, tables))
        case WideRelation():
            raise ValueError("the oracle has no wide families")


def matching(rows: list[Row], conditions: tuple[Condition, ...]) -> list[Row]:
    return [row for row in rows if all(holds(condition, row) for condition in conditions)]


def _rows(table: pa.Table) -> list[Row]:
    return [dict(row) for row in table.to_pylist()]


def _joined(relation: JoinRelation, tables: Mapping[str, pa.Table]) -> Iterator[Row]:
    found = [_prefixed(row, relation.alias) for row in _rows(tables[relation.table.name])]
    for join in relation.joins:
        others = [_prefixed(row, join.alias) for row in _rows(tables[join.table.name])]
        missing = {f"{join.alias}.{column.name}": None for column in join.table.columns} if join.kind == "left" else None
        found = [both for row in found for both in _partners(row, others, join.on, missing)]
    yield from found


def _partners(row: Row, others: list[Row], on: tuple[tuple[str, str], ...], missing: Row | None) -> list[Row]:
    """A NULL key meets nothing. `missing`: what stands beside a row without partners; None drops it."""
    met = [row | other for other in others if all(row[a] is not None and row[a] == other[b] for a, b in on)]
    return met or ([row | missing] if missing is not None else [])


def _prefixed(row: Row, alias: str) -> Row:
    return {f"{alias}.{name}": value for name, value in row.items()}


def _elements(relation: UnnestRelation, tables: Mapping[str, pa.Table]) -> Iterator[Row]:
    type = next(column.type for column in relation.table.columns if column.name == relation.column)
    assert type.element is not None
    fields = [name for name, _ in type.element.fields]
    spread: Callable[[Any], Row] = (
        (lambda element: {f"{relation.alias}.{name}": None if element is None else element[name] for name in fields})
        if fields
        else (lambda element: {relation.alias: element})
    )
    for row in _rows(tables[relation.table.name]):
        for place, element in enumerate(row[relation.column] or (), start=1):
            yield row | spread(element) | ({relation.ordinality: place} if relation.ordinality else {})
