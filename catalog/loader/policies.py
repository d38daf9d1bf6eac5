"""Reads policies/*.yaml into roles. The SQL of the filters is bound by the planner."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import near_names
from catalog.loader.document import Entries
from catalog.loader.forms import Reading, read_form
from catalog.loader.problems import UNREADABLE, Problems
from catalog.loader.shapes import POLICY
from catalog.model import Column, Mask, Policy, TablePolicy, VirtualTable
from catalog.types import DATE, TEXT, TIMESTAMP

KNOWN_TAGS = ("direct_identifier", "quasi_identifier", "sensitive", "special_category", "date_of_person", "free_text")


def read_policy(document: Entries, stem: str, tables: Mapping[str, VirtualTable], broken: frozenset[str], problems: Problems) -> Policy:
    """`broken`: tables that exist but could not be read, so that nothing is said of their columns."""
    reading = read_form(document, POLICY, problems)
    data = reading.data
    _check_tables(reading, tables, broken, problems)
    _check_tag_masks(reading, tables, broken, problems)
    return Policy(
        role=data.get("role", stem),
        tables={
            name: TablePolicy(filter=value.get("filter"), hide=frozenset(value.get("hide", ())))
            for name, value in data.get("tables", {}).items()
        },
        tag_masks=data.get("masks", {}),
        column_masks=_column_masks(reading, tables, broken, problems),
        allow_aggregations=data.get("allow_aggregations", True),
        max_rows=data.get("max_rows"),
        place=reading.at("role"),
    )


def _check_tables(reading: Reading, tables: Mapping[str, VirtualTable], broken: frozenset[str], problems: Problems) -> None:
    for name, value in reading.data.get("tables", {}).items():
        table = tables.get(name)
        if table is None:
            if name not in broken:
                problems.add("C213", reading.at_key("tables", name), f"unknown virtual table {name}", near_names(name, tables))
            continue
        for index, column in enumerate(value.get("hide", ())):
            if column not in table.columns:
                place = reading.at("tables", name, "hide", str(index))
                problems.add("C213", place, f"unknown virtual column {column} of {name}", near_names(column, table.columns))
        if "filter" in value and not value["filter"].strip():
            problems.add("C213", reading.at("tables", name, "filter"), "the filter is empty", "leave the key out to show every row")


def _check_tag_masks(reading: Reading, tables: Mapping[str, VirtualTable], broken: frozenset[str], problems: Problems) -> None:
    used = {tag for table in tables.values() for column in table.columns.values() for tag in column.tags}
    granted = [table for name, table in tables.items() if name in reading.data.get("tables", {})]
    ruled = reading.data.get("columns", {})
    columns = [(t.name, c) for t in granted for c in t.columns.values() if f"{t.name}.{c.name}" not in ruled]
    for tag, mask in reading.data.get("masks", {}).items():
        if tag not in used and tag not in KNOWN_TAGS and not broken:
            problems.add("C213", reading.at_key("masks", tag), f"no column has the tag {tag}", near_names(tag, used | set(KNOWN_TAGS)))
        for table, column in columns:
            if tag in column.tags and (fault := _misfit(mask, column)):
                problems.add(
                    "C213", reading.at("masks", tag), f"{table}.{column.name} has the tag {tag}, but {fault}", "mask it with 'null'"
                )


def _column_masks(
    reading: Reading, tables: Mapping[str, VirtualTable], broken: frozenset[str], problems: Problems
) -> dict[tuple[str, str], Mask | None]:
    found: dict[tuple[str, str], Mask | None] = {}
    for name, word in reading.data.get("columns", {}).items():
        place = reading.at_key("columns", name)
        table_name, _, column_name = name.partition(".")
        table = tables.get(table_name)
        if table_name in broken:
            continue
        if table is None or not column_name:
            hint = near_names(table_name, tables) if column_name else "write table.column"
            problems.add("C213", place, f"unknown virtual table {table_name}" if column_name else f"{name} is not a column", hint)
            continue
        column = table.columns.get(column_name)
        if column is None:
            fact = f"unknown virtual column {column_name} of {table_name}"
            problems.add("C213", place, fact, near_names(column_name, table.columns))
            continue
        mask: Mask | None = None if word == "show" else word
        if mask is not None and (fault := _misfit(mask, column)):
            problems.add("C213", reading.at("columns", name), f"{name} cannot be masked: {fault}", "mask it with 'null'")
        found[table_name, column_name] = mask
    return found


def _misfit(mask: Mask, column: Column) -> str:
    """Why a mask does not fit a column's type; '' if it does."""
    if column.type == UNREADABLE:
        return ""
    if mask == "token" and column.type != TEXT:
        return f"a token is a text and the column is {column.type}"
    if mask == "year" and column.type not in (DATE, TIMESTAMP):
        return f"year needs a date or timestamp and the column is {column.type}"
    return ""
