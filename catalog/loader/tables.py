"""Reads tables/<table>.yaml into virtual tables."""

from __future__ import annotations

from typing import Any

from catalog.errors import Place, near_names
from catalog.loader.document import Entries
from catalog.loader.forms import Reading, read_form
from catalog.loader.problems import UNREADABLE, Problems
from catalog.loader.shapes import VIRTUAL_TABLE
from catalog.model import Column, Relationship, VirtualTable
from catalog.types import TEXT, VIRTUAL_TYPES, Type, parse_type

NODE_COLUMN = Column(name="node", type=TEXT, nullable=False, description="the hospital the row comes from")


def read_table(document: Entries, stem: str, problems: Problems) -> VirtualTable | None:
    """The table of one file, or None if it has no columns to speak of."""
    reading = read_form(document, VIRTUAL_TABLE, problems)
    data = reading.data
    name = data.get("table", stem)
    if name != stem:
        problems.add("C104", reading.at("table"), f"the table is called {name}, the file {stem}.yaml", "give both the same name")
    columns = _columns(reading, problems)
    if not columns:
        return None
    _check_unit_columns(columns, reading, problems)
    key = tuple(data.get("key", ()))
    for index, column in enumerate(key):
        if column not in columns:
            problems.add("C204", reading.at("key", str(index)), f"the key names the unknown column {column}", near_names(column, columns))
    if "view" in data and not data["view"].strip():
        problems.add("C104", reading.at("view"), "the view is empty", "write a SELECT over other virtual tables")
    return VirtualTable(
        name=stem,
        columns=columns,
        key=key,
        relationships=_relationships(data.get("relationships", {})),
        view=data.get("view"),
        description=data.get("description", ""),
        place=reading.at_key("table"),
    )


def _columns(reading: Reading, problems: Problems) -> dict[str, Column]:
    listed: dict[str, Any] = reading.data.get("columns", {})
    columns = {"node": NODE_COLUMN}
    for name, data in listed.items():
        type = _virtual_type(data["type"], reading.at("columns", name, "type"), problems) if "type" in data else TEXT
        if name == "node" and type not in (TEXT, UNREADABLE):
            problems.add("C104", reading.at("columns", name, "type"), "the column node is text", "leave it out: it is in every table")
        columns[name] = Column(
            name=name,
            type=type,
            nullable=data.get("nullable", True) and name != "node",
            tags=frozenset(data.get("tags", ())),
            unit=data.get("unit"),
            unit_column=data.get("unit_column"),
            code_system=data.get("code_system"),
            values=tuple(data.get("values", ())),
            gb_level=data.get("gb_level"),
            description=data.get("description", NODE_COLUMN.description if name == "node" else ""),
        )
        if "values" in data and type not in (TEXT, UNREADABLE):
            problems.add("C104", reading.at_key("columns", name, "values"), f"{name} is {type}, but only a text column can have values")
    return columns if listed else {}


def _virtual_type(text: str, place: Place, problems: Problems) -> Type:
    try:
        type = parse_type(text)
    except ValueError as error:
        problems.add("C104", place, str(error), _type_hint(text, VIRTUAL_TYPES))
        return UNREADABLE
    inner = type.element if type.name == "list" else type
    if inner is None or inner.name not in VIRTUAL_TYPES or inner.name == "list":
        problems.add("C104", place, f"a virtual column cannot be {text}", f"the types are {', '.join(VIRTUAL_TYPES)}")
        return UNREADABLE
    return type


def _type_hint(text: str, known: tuple[str, ...]) -> str:
    if text.count("(") != text.count(")"):
        return "quote a type that holds a comma, as in 'decimal(19,4)'"
    return near_names(text, known)


def _check_unit_columns(columns: dict[str, Column], reading: Reading, problems: Problems) -> None:
    for column in columns.values():
        if column.unit_column is not None and column.unit_column not in columns:
            place = reading.at("columns", column.name, "unit_column")
            problems.add(
                "C204", place, f"unit_column names the unknown column {column.unit_column}", near_names(column.unit_column, columns)
            )


def _relationships(data: dict[str, Any]) -> dict[str, Relationship]:
    return {
        name: Relationship(name=name, table=value["table"], join=value["join"], many=value.get("many", False))
        for name, value in data.items()
        if "table" in value and "join" in value
    }


def check_relationships(
    table: VirtualTable, document: Entries, tables: dict[str, VirtualTable], broken: frozenset[str], problems: Problems
) -> None:
    """Whether each relationship ends at a table and columns that exist and have the same types."""
    reading = read_form(document, VIRTUAL_TABLE, Problems())
    for name, relationship in table.relationships.items():
        if name in table.columns:
            place = reading.at_key("relationships", name)
            problems.add("C105", place, f"{name} is a column of {table.name} too", "a row has both under one name")
        other = tables.get(relationship.table)
        if relationship.table in broken:
            continue
        if other is None:
            place = reading.at("relationships", name, "table")
            problems.add("C202", place, f"unknown virtual table {relationship.table}", near_names(relationship.table, tables))
            continue
        for own, its in relationship.join.items():
            place = reading.at("relationships", name, "join", own)
            if own not in table.columns:
                key_place = reading.at_key("relationships", name, "join", own)
                problems.add("C204", key_place, f"unknown virtual column {own} of {table.name}", near_names(own, table.columns))
            elif its not in other.columns:
                problems.add("C204", place, f"unknown virtual column {its} of {other.name}", near_names(its, other.columns))
            elif UNREADABLE not in (types := {table.columns[own].type, other.columns[its].type}) and len(types) > 1:
                fact = f"{own} is {table.columns[own].type}, {other.name}.{its} is {other.columns[its].type}"
                problems.add("C104", place, fact, "join columns of one type")
