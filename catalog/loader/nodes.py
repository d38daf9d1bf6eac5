"""Reads nodes/<node>/node.yaml: a hospital, its sources and their tables."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from catalog.errors import Place, near_names
from catalog.loader.document import Entries
from catalog.loader.forms import Reading, read_form
from catalog.loader.layouts import read_layout
from catalog.loader.problems import UNREADABLE, Problems
from catalog.loader.shapes import NODE
from catalog.model import Node, Source
from catalog.source_tables import Partition, RawColumn, SourceTable, SqlTable
from catalog.types import SIMPLE_TYPES, Type, parse_type

_PARTITION = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
_PARTITION_FUNCTIONS = ("local_year", "local_month", "local_date")
_NOT_NULL = re.compile(r"(.*\S)\s+not\s+null", re.IGNORECASE | re.DOTALL)
_PASSWORD_IN_URL = re.compile(r"//[^/@]*:[^/@]+@|(?:password|pwd)\s*=", re.IGNORECASE)
_SECRET_NAME = re.compile(r"passw|pwd|secret|token|api_?key", re.IGNORECASE)
_NAMES_IN_EXPRESSION = re.compile(r"'(?:[^']|'')*'|([A-Za-z_]\w*)(?!\w|\s*\()")


def read_node(document: Entries, folder: str, problems: Problems) -> Node:
    reading = read_form(document, NODE, problems)
    data = reading.data
    if data.get("node", folder) != folder:
        problems.add("C104", reading.at("node"), f"the node is called {data['node']}, its folder {folder}", "give both the same name")
    zone = check_zone(data.get("zone"), reading.at("zone"), problems) or "UTC"
    sources = {name: _source(folder, name, value, zone, reading, problems) for name, value in data.get("sources", {}).items()}
    return Node(name=folder, title=data.get("title", folder), zone=zone, sources=sources, place=reading.at_key("node"))


def check_zone(zone: str | None, place: Place, problems: Problems) -> str | None:
    """The zone itself, or None (with a problem) if no such zone is known."""
    if zone is None:
        return None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.add("C104", place, f"unknown time zone {zone}", near_names(zone, available_timezones()))
        return None
    return zone


def _source(node: str, name: str, data: dict[str, Any], zone: str, reading: Reading, problems: Problems) -> Source:
    path = ("sources", name)
    _check_secrets(data, reading, path, problems)
    tables: dict[str, SourceTable] = {}
    for table, value in data.get("tables", {}).items():
        table_path = (*path, "tables", table)
        _check_duplicate(table, tables, table_path, reading, problems)
        check_zone(value.get("zone"), reading.at(*table_path, "zone"), problems)
        if "row_key" in value:
            tables[table] = read_layout(table, value, reading, table_path, problems)
        else:
            tables[table] = _sql_table(table, value, reading, table_path, problems)
    return Source(
        node=node,
        name=name,
        adapter=data.get("adapter", ""),
        url=data.get("url"),
        options=data.get("options", {}),
        zone=check_zone(data.get("zone"), reading.at(*path, "zone"), problems) or zone,
        tables=tables,
        place=reading.at_key(*path),
    )


def _check_secrets(data: dict[str, Any], reading: Reading, path: tuple[str, ...], problems: Problems) -> None:
    """Mapping files are shared and reviewed: a secret stands elsewhere. The message never repeats it."""
    hint = "write env:NAME or file:/path, which the gateway reads when it connects"
    if _PASSWORD_IN_URL.search(data.get("url", "")):
        problems.add("C104", reading.at(*path, "url"), "the url holds a password", hint)
    for name, value in data.get("options", {}).items():
        is_reference = isinstance(value, str) and value.startswith(("env:", "file:"))
        if _SECRET_NAME.search(name) and value not in (None, "") and not is_reference:
            problems.add("C104", reading.at(*path, "options", name), f"the option {name} holds a secret", hint)


def _check_duplicate(name: str, known: dict[str, SourceTable], path: tuple[str, ...], reading: Reading, problems: Problems) -> None:
    twin = next((other for other in known if other.lower() == name.lower()), None)
    if twin is not None:
        problems.add("C105", reading.at_key(*path), f"{name} differs from {twin} in case only", "SQL sources do not tell them apart")


def _sql_table(name: str, data: dict[str, Any], reading: Reading, path: tuple[str, ...], problems: Problems) -> SqlTable:
    columns: dict[str, RawColumn] = {}
    for column, text in data.get("columns", {}).items():
        place = reading.at(*path, "columns", column)
        if (twin := _same_name(column, columns)) is not None:
            problems.add("C105", reading.at_key(*path, "columns", column), f"{column} differs from {twin} in case only")
        nullable = (match := _NOT_NULL.fullmatch(text)) is None
        type = _raw_type(text if match is None else match[1], place, problems)
        columns[column] = RawColumn(name=column, type=type, nullable=nullable)
    key = _key(data.get("key", []), columns, reading, path, problems)
    for column in key:  # the parts of a real key are never NULL
        columns[column] = RawColumn(name=column, type=columns[column].type, nullable=False)
    return SqlTable(
        name=name,
        columns=tuple(columns.values()),
        key=key,
        rows=data.get("rows"),
        partitions=_partitions(data.get("partitions", {}), columns, reading, path, problems),
        zone=data.get("zone"),
        place=reading.at_key(*path),
    )


def _same_name(name: str, known: dict[str, RawColumn]) -> str | None:
    """The known column that a case-insensitive source takes for this one."""
    return name if name in known else next((other for other in known if other.lower() == name.lower()), None)


def _raw_type(text: str, place: Place, problems: Problems) -> Type:
    try:
        return parse_type(text)
    except ValueError as error:
        unbalanced = text.count("(") != text.count(")")
        hint = "quote a type that holds a comma, as in 'decimal(19,4)'" if unbalanced else near_names(text, SIMPLE_TYPES)
        problems.add("C104", place, str(error), hint)
        return UNREADABLE


def _key(names: list[str], columns: dict[str, RawColumn], reading: Reading, path: tuple[str, ...], problems: Problems) -> tuple[str, ...]:
    found: list[str] = []
    for index, name in enumerate(names):
        column = _same_name(name, columns)
        if column is None:
            problems.add(
                "C203", reading.at(*path, "key", str(index)), f"the key names the unknown column {name}", near_names(name, columns)
            )
        else:
            found.append(column)
    return tuple(found)


def _partitions(
    data: dict[str, str], columns: dict[str, RawColumn], reading: Reading, path: tuple[str, ...], problems: Problems
) -> tuple[Partition, ...]:
    found: list[Partition] = []
    for name, text in data.items():
        place = reading.at(*path, "partitions", name)
        column = _same_name(name, columns)
        if column is None:
            key_place = reading.at_key(*path, "partitions", name)
            problems.add("C203", key_place, f"partitions names the unknown column {name}", near_names(name, columns))
            continue
        match = _PARTITION.fullmatch(text)
        if match is None or match[1] not in _PARTITION_FUNCTIONS:
            hint = near_names(match[1] if match else text, _PARTITION_FUNCTIONS)
            problems.add("C206", place, f"{text} is not a partition function of an expression", hint)
            continue
        unknown = [word for word in _NAMES_IN_EXPRESSION.findall(match[2]) if word and _same_name(word, columns) is None]
        for word in dict.fromkeys(unknown):
            problems.add("C203", place, f"unknown column {word}", near_names(word, columns))
        if unknown:
            continue
        found.append(Partition(column=column, function=match[1], expression=match[2].strip()))  # type: ignore[arg-type]
    return tuple(found)
