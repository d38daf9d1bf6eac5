"""What `sources describe` writes loads back to equal tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from catalog.errors import NOWHERE
from catalog.loader import load_catalog
from catalog.loader.document import parse_document
from catalog.loader.nodes import read_node
from catalog.loader.problems import Problems
from catalog.model import Node
from catalog.node_writer import node_yaml
from catalog.source_tables import Partition, RawColumn, SqlTable
from catalog.types import BOOLEAN, DATE, DOUBLE, INTEGER, TEXT, TIMESTAMP, Type, decimal

REGION = Path(__file__).parents[3] / "mappings"


def read_back(text: str) -> Node:
    problems = Problems()
    document = parse_document(text, "node.yaml", problems)
    assert document is not None
    node = read_node(document, "east", problems)
    problems.raise_if_any()
    return node


def round_trip(tables: dict[str, SqlTable]) -> dict[str, SqlTable]:
    """The tables as they load from what was written, without their places."""
    source = read_back(node_yaml("east", "Europe/Paris", "main", "duckdb", "env:EAST", tables)).sources["main"]
    assert (source.adapter, source.url, source.zone) == ("duckdb", "env:EAST", "Europe/Paris")
    found: dict[str, SqlTable] = {}
    for name, table in source.tables.items():
        assert isinstance(table, SqlTable)
        found[name] = replace(table, place=NOWHERE)
    return found


def test_the_sql_sources_of_the_region_come_back_as_they_were() -> None:
    region = load_catalog(REGION)
    for node, source in (("hosp_b", "hive"), ("hosp_c", "mssql")):
        tables = {n: replace(t, place=NOWHERE) for n, t in region.nodes[node].sources[source].tables.items() if isinstance(t, SqlTable)}
        assert len(tables) in (4, 9)
        assert round_trip(tables) == tables


def test_no_tables_are_written_as_none() -> None:
    assert round_trip({}) == {}


def test_the_written_file_is_valid_for_editors() -> None:
    table = SqlTable(name="t", columns=(RawColumn(name="a b", type=decimal(9, 2)),), rows=3)
    schema = json.loads((REGION / "schemas" / "node.json").read_text())
    document = YAML(typ="safe", pure=True).load(node_yaml("east", "UTC", "main", "hive", "env:E", {"t": table}))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []


TYPES = st.sampled_from(
    [TEXT, INTEGER, DOUBLE, BOOLEAN, DATE, TIMESTAMP, decimal(19, 4), Type("uuid"), Type("list", element=Type("struct", fields=(("a", TEXT), ("b", decimal(5, 2))))), Type("map", key=TEXT, value=TEXT)]
)  # fmt: skip
# Databases allow almost any name; only white space around a name is not kept.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=["\ufeff"]), min_size=1, max_size=12).filter(
    lambda name: name == name.strip()
) | st.sampled_from(
    ["null", "true", "08", "1.5", "~", "no", "a: b", "a #b", "- a", "[a]", "it's", 'say "so"', "a\nb", "%a", "名字", "?", ":"]
)


@st.composite
def tables(draw: st.DrawFn) -> SqlTable:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower))
    columns = [RawColumn(name=name, type=draw(TYPES), nullable=draw(st.booleans())) for name in names]
    never_null = [column.name for column in columns if not column.nullable]
    key = tuple(draw(st.lists(st.sampled_from(never_null), unique=True)) if never_null else [])
    partitions = (Partition(column=names[0], function="local_month", expression="from_epoch_ms(ts)"),) if draw(st.booleans()) else ()
    if partitions:
        columns.append(RawColumn(name="ts", type=INTEGER)) if "ts" not in {n.lower() for n in names} else None
    rows = draw(st.none() | st.integers(0, 2**40))
    zone = draw(st.sampled_from([None, "Asia/Tokyo"]))
    name = draw(NAMES)
    return SqlTable(name=name, columns=tuple(columns), key=key, rows=rows, partitions=partitions, zone=zone)


@settings(max_examples=80, deadline=None)
@given(tables())
def test_any_table_with_any_names_comes_back_as_it_was(table: SqlTable) -> None:
    assert round_trip({table.name: table}) == {table.name: table}
