"""Warns of a latest_by whose order can leave two rows equal: which of them is the latest would be chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from catalog.errors import Problem
from catalog.mapping.barrier import determined_columns
from catalog.model import TableBinding
from catalog.relations import relation_columns, relation_tables
from catalog.source_tables import SqlTable


def order_warnings(bindings: Iterable[TableBinding]) -> tuple[Problem, ...]:
    """One per binding whose key and order do not determine the row. Rows of HBase cells are told apart by their keys and are left out."""
    return tuple(problem for binding in bindings if (problem := _warning(binding)) is not None)


def _warning(binding: TableBinding) -> Problem | None:
    latest = binding.latest_by
    tables = relation_tables(binding.relation)
    if latest is None or not all(isinstance(table, SqlTable) for table in tables):
        return None
    named = replace(latest, key=(*latest.key, *(column for column, _ in latest.order)))
    open_columns = set(relation_columns(binding.relation)) - determined_columns(binding.relation, named)
    if not open_columns:
        return None
    first = next(table for table in tables if isinstance(table, SqlTable))
    hint = (
        f"end the order with the key of {first.name} ({', '.join(first.key)})"
        if first.key
        else f"declare the key of {first.name} in node.yaml"
    )
    return Problem("C216", binding.places.get("latest_by", binding.place), "the order of latest_by can leave two rows equal", hint)
