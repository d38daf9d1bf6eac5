"""Which rows a projection yields: where, dedupe, latest_by, lookups, keep, checks, on_error and their flags."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest

from catalog.mapping import MappedBinding, compile_binding
from catalog.model import Check, Column, Conversion, LatestBy, Lookup, LookupUse, TableBinding, Units, VirtualTable
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from tests.catalog.mapping.running import project

RAW = SqlTable(
    name="readings",
    columns=tuple(
        RawColumn(name=name, type=parse_type(type))
        for name, type in {"k": "integer", "ver": "integer", "code": "text", "val": "text", "unit": "text"}.items()
    ),
)
VIRTUAL = VirtualTable(
    name="reading",
    columns={
        name: Column(name=name, type=parse_type(type))
        for name, type in {"node": "text", "id": "text", "code": "text", "value": "double", "quality_flags": "list(text)"}.items()
    },
    key=("node", "id"),
)
CODES = Lookup(name="codes", key=("source",), values=("code",), rows=(("T", "temperature"), ("P", "pulse")))
UNITS = Units(conversions=(Conversion(source_unit="F", unit="Cel", loinc=None, add=-32, multiply=5, divide=9),), spellings={"C": "Cel"})
BASE = TableBinding(
    name="reading",
    node="here",
    table="reading",
    source="s",
    relation=TableRelation(table=RAW),
    columns={"id": "k::varchar", "code": "item.code", "value": "convert_unit(number(val), unit, 'Cel')"},
    absent=frozenset({"quality_flags"}),
    lookups=(LookupUse(alias="item", lookup="codes", where={}, key={"source": "code"}),),
)
ROWS = [
    (1, 1, "T", "38", "C"), (2, 1, "T", "100.4", "F"), (2, 2, "T", "101", "F"), (3, 1, "X", "37", "C"), (4, 1, "P", "abc", "C"),
    (5, 1, "T", "5", "K"), (6, 1, None, "36", "C"), (7, 1, "T", None, "C"), (8, None, "T", "90", "C"), (8, 1, "T", "36", "C"),
]  # fmt: skip


def read(columns: list[str], **changes: Any) -> list[tuple[Any, ...]]:
    database = duckdb.connect(config={"threads": 1})
    database.execute("create table raw_rows (k bigint, ver bigint, code varchar, val varchar, unit varchar)")
    database.executemany("insert into raw_rows values (?, ?, ?, ?, ?)", ROWS)
    found = project(database, compiled(**changes), columns).to_pylist()
    return sorted((tuple(tuple(v) if isinstance(v, list) else v for v in row.values()) for row in found), key=repr)


def compiled(**changes: Any) -> MappedBinding:
    return compile_binding(replace(BASE, **changes), VIRTUAL, {"codes": CODES}, UNITS)


def use(missing: Any) -> tuple[LookupUse, ...]:
    return (replace(BASE.lookups[0], missing=missing),)


def ids(**changes: Any) -> list[str]:
    return [row[0] for row in read(["id"], **changes)]


ALL = ["1", "2", "2", "3", "4", "5", "6", "7", "8", "8"]


def test_without_filters_every_raw_row_is_a_row():
    assert ids() == ALL


def test_where_keeps_only_rows_for_which_it_is_true():
    assert ids(where="ver = 1") == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_of_copies_one_stays():
    assert ids(dedupe=("k",)) == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_of_each_key_the_latest_version_stays_and_a_missing_version_is_the_oldest():
    found = dict(read(["id", "value"], latest_by=LatestBy(key=("k",), order=(("ver", True),))))
    assert found["2"] == pytest.approx(38.333, abs=0.001)
    assert found["8"] == 36.0


def test_where_comes_before_latest_by():
    found = dict(read(["id", "value"], where="ver < 2", latest_by=LatestBy(key=("k",), order=(("ver", True),))))
    assert found["2"] == pytest.approx(38.0)


def test_keep_comes_after_latest_by():
    """The newest version is judged; an older one does not come back in its place."""
    assert "2" not in ids(latest_by=LatestBy(key=("k",), order=(("ver", True),)), keep="value < 38.2")


def test_a_missing_code_is_null_drops_its_row_or_flags_it():
    assert ("3", None) in read(["id", "code"], lookups=use("null"))
    assert ids(lookups=use("drop")) == ["1", "2", "2", "4", "5", "7", "8", "8"]
    flags = dict(read(["id", "quality_flags"], lookups=use("flag")))
    assert flags["3"] == ("item_missing",)
    assert flags["1"] == ()


def test_a_missing_code_may_stop_the_query_naming_only_the_lookup():
    with pytest.raises(duckdb.Error, match="the lookup item of here/reading lacks a code"):
        ids(lookups=use("fail"))
    assert ids(lookups=use("fail"), where="code in ('T', 'P')") == ["1", "2", "2", "4", "5", "7", "8", "8"]


def test_an_unreadable_value_is_null_drops_its_row_or_stops_the_query():
    assert ("4", None) in read(["id", "value"])
    assert ids(on_error={"value": "drop"}) == ["1", "2", "2", "3", "6", "7", "8", "8"]
    with pytest.raises(duckdb.Error, match="the column value of here/reading cannot read a value"):
        ids(on_error={"value": "fail"})


def test_null_is_no_error():
    assert "7" in ids(on_error={"value": "drop"})


def test_checks_flag_or_drop_rows_that_fail_them_and_null_does_not_fail():
    flagged = dict(read(["id", "quality_flags"], checks=(Check(name="plausible", test="value between 30 and 45"),), where="k <> 8"))
    assert flagged == {"1": (), "2": (), "3": (), "4": (), "5": ("value_unit_unknown",), "6": (), "7": ()}
    dropped = ids(checks=(Check(name="plausible", test="value between 37.5 and 45", severity="drop"),))
    assert dropped == ["1", "2", "2", "4", "5", "7"]


def test_an_unknown_unit_is_flagged():
    assert dict(read(["id", "quality_flags"]))["5"] == ("value_unit_unknown",)


def test_the_rows_are_the_same_whatever_columns_are_asked():
    changes: dict[str, Any] = {"keep": "value is not null", "lookups": use("drop"), "dedupe": ("k",), "on_error": {"value": "drop"}}
    assert ids(**changes) == [row[0] for row in read(["id", "code", "value", "quality_flags", "node"], **changes)]


def test_a_binding_says_whether_it_drops_rows_at_the_gateway():
    assert not compiled().drops_rows_at_gateway
    assert not compiled(keep="value is not null").drops_rows_at_gateway
    for changes in ({"dedupe": ("k",)}, {"on_error": {"value": "drop"}}, {"checks": (Check(name="c", test="value > 0", severity="drop"),)}):
        assert compiled(**changes).drops_rows_at_gateway


def test_columns_come_in_the_order_asked_with_their_declared_types():
    database = duckdb.connect()
    database.execute("create table raw_rows (k bigint, ver bigint, code varchar, val varchar, unit varchar)")
    table = project(database, compiled(), ["value", "node", "quality_flags", "id"])
    assert table.schema.names == ["value", "node", "quality_flags", "id"]
    assert [str(field.type) for field in table.schema] == ["double", "string", "list<l: string>", "string"]
