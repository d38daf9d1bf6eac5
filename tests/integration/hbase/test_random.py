"""Random layouts, rows and conditions on a real HBase, against brute force: ranges, server filters, wide qualifiers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import happybase
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.hbase import open_source
from adapters.interface import Adapter
from adapters.testing.conformance import counted
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test, holds
from catalog.source_tables import HBaseTable, RowKey
from catalog.values import NOT_NULL, NULL_ONLY, Interval, ValueSet
from tests.adapters.hbase.cells import StoredCell, equal, family, read, scan_of, within
from tests.adapters.hbase.layouts import cell, segment, source_of, wide
from tests.adapters.hbase.random_layouts import Case, cases
from tests.integration.hbase.stored import put, stored
from tests.servers.hbase import HBaseServer

BOUNDED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# ------------------------------------------------------------------------------------------------------- row keys


@pytest.fixture(scope="module")
def scratch(hbase_server: HBaseServer) -> Iterator[tuple[HBaseServer, happybase.Table]]:
    """A table of four regions that each example fills and empties, always at later times than the example before."""
    name = stored(hbase_server, "scratch", [], ["f"], [b"1", b"a\x00", b"\x80"])
    connection = happybase.Connection(hbase_server.host, hbase_server.port, transport="framed", timeout=60_000)
    yield hbase_server, connection.table(name)
    connection.close()


TIMES = count(1)


@BOUNDED
@given(case=cases(), limit=st.sampled_from([None, None, 0, 1, 3]))
def test_a_read_gives_just_the_rows_that_satisfy(scratch: tuple[HBaseServer, happybase.Table], case: Case, limit: int | None) -> None:
    server, hbase = scratch
    rows = {key: row for key, row in zip(case.keys, case.rows, strict=True) if key}  # HBase has no empty keys
    table = replace(case.table, name=hbase.name.decode())
    put(server, table.name, [(key, "f", b"c", next_time, b"") for key, next_time in zip(rows, [next(TIMES)] * len(rows))])
    adapter = open_source(source_of(table, url=server.url))
    try:
        found = read(adapter, scan_of(table, *case.conditions, limit=limit)).rows
    finally:
        adapter.close()
        with hbase.batch(timestamp=next(TIMES)) as batch:
            for key in rows:
                batch.delete(key)
    names = [part.name for part in table.row_key.segments if part.salt is None]
    right = [row for row in rows.values() if all(holds(condition, row) for condition in case.conditions)]
    expected = [{**{name: row[name] for name in names}, "c": ""} for row in right]
    if limit is None:
        assert counted(found) == counted(expected)
    else:
        assert len(found) == min(limit, len(expected))
        assert not counted(found) - counted(expected)


# ------------------------------------------------------------------------------------------------- filters on cells

CELLS = HBaseTable(
    name="cells",
    row_key=RowKey(segments=(segment("id", "u8"),)),
    cells=(
        cell("mark", "a:mark", required=True),
        cell("note", "a:no'te"),
        cell("number", "a:number", "i64be"),
        cell("small", "b:small", "i16be"),
        cell("turned", "b:turned", "phoenix_i32"),
        cell("real", "b:real", "f64be"),
        cell("yes", "c:yes", "bool"),
        cell("digits", "c:digits", "digits"),
        cell("gbk", "c:gbk", "text(gbk)"),
    ),
)
TEXTS = [None, "", "a", "ab", "b", "o'brien", "it''s", "binary:x", "é", "一", "\ufffd", "\U0001f600", "a\x00", ") OR ("]
WHOLE = [None, 0, 1, -1, 2, 255, 256, -256, 2**15 - 1, -(2**15)]
VALUES: dict[str, list[Any]] = {
    "note": TEXTS,
    "number": [*WHOLE, 2**63 - 1, -(2**63)],
    "small": WHOLE,
    "turned": [*WHOLE, 2**31 - 1, -(2**31)],
    "real": [None, 0.0, 1.5, -1.5, 1e300, float("nan"), float("inf"), 0.1],
    "yes": [None, True, False],
    "digits": [None, 0, 7, 10, 123],
    "gbk": [None, "", "a", "李", "雷", "b"],
}
ENCODE: dict[str, Any] = {
    "note": str.encode,
    "number": lambda value: struct.pack(">q", value),
    "small": lambda value: struct.pack(">h", value),
    "turned": lambda value: struct.pack(">I", value + 2**31),
    "real": lambda value: struct.pack(">d", value),
    "yes": lambda value: b"\xff" if value else b"\x00",
    "digits": lambda value: b"0" + str(value).encode(),
    "gbk": lambda value: value.encode("gbk"),
}
PLACES = {one.name: (one.family, one.qualifier.encode()) for one in CELLS.cells}
ROWS = [
    {
        "id": number,
        "mark": "x",
        **{name: values[(number * (index + 3) + number // 7) % len(values)] for index, (name, values) in enumerate(VALUES.items())},
    }
    for number in range(120)
]


def cells_of_rows() -> list[StoredCell]:
    """Each cell also has an older version that must not count."""
    found: list[StoredCell] = []
    for row in ROWS:
        key = bytes([row["id"]])
        found.append((key, "a", b"mark", 9, b"x"))
        for name, encode in ENCODE.items():
            place, qualifier = PLACES[name]
            if row[name] is not None:
                old = next(value for value in VALUES[name] if value is not None and value != row[name])
                found += [(key, place, qualifier, 9, encode(row[name])), (key, place, qualifier, 5, encode(old))]
    return found


def constants(name: str) -> st.SearchStrategy[Any]:
    values = [value for value in VALUES[name] if value is not None and value == value]
    more = {"number": [0.5, 2**70], "small": [40_000, -40_000, 0.5], "note": ["zz", "A"], "digits": [8]}.get(name, [])
    return st.sampled_from([*values, *more])


@st.composite
def sets(draw: st.DrawFn, name: str) -> ValueSet:
    constant = constants(name)
    match draw(st.sampled_from(["points", "range", "excluded", "null", "not null"])):
        case "points":
            return ValueSet.of(*draw(st.lists(constant, min_size=1, max_size=3)))
        case "range" if name != "yes":
            low, high = draw(constant | st.none()), draw(constant | st.none())
            closed = draw(st.booleans()), draw(st.booleans())
            return ValueSet.build([Interval(low, high, low is not None and closed[0], high is not None and closed[1])])
        case "excluded":
            found = ValueSet.of(*draw(st.lists(constant, min_size=1, max_size=2))).complement()
            return found if draw(st.booleans()) else found.without_null()
        case "null":
            return NULL_ONLY
        case _:
            return NOT_NULL


def conditions(names: list[str]) -> st.SearchStrategy[Condition]:
    tests: st.SearchStrategy[Condition] = st.sampled_from(names).flatmap(
        lambda name: st.builds(lambda wanted: Test(Term(name), wanted), sets(name))
    )
    return st.recursive(
        tests,
        lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
            lambda parts: st.sampled_from([AllOf(tuple(parts)), AnyOf(tuple(parts))])
        ),
        max_leaves=6,
    )


@pytest.fixture(scope="module", params=["with a required cell", "without"])
def filtered(request: pytest.FixtureRequest, hbase_server: HBaseServer) -> Iterator[tuple[Adapter, HBaseTable]]:
    name = stored(hbase_server, "cells", cells_of_rows(), splits=[bytes([40]), bytes([80])])
    table = replace(CELLS, name=name)
    if request.param == "without":
        table = replace(table, cells=tuple(replace(one, required=False) for one in table.cells))
    adapter = open_source(source_of(table, url=hbase_server.url))
    yield adapter, table
    adapter.close()


@MANY
@given(wanted=st.lists(conditions(sorted(VALUES)), min_size=1, max_size=2), columns=st.lists(st.sampled_from(["id", *VALUES]), unique=True))
def test_conditions_on_cells_give_the_rows_of_brute_force(
    filtered: tuple[Adapter, HBaseTable], wanted: list[Condition], columns: list[str]
) -> None:
    adapter, table = filtered
    found = read(adapter, scan_of(table, *wanted, columns=["id", *(name for name in columns if name != "id")])).rows
    right = [row for row in ROWS if all(holds(condition, row) for condition in wanted)]
    assert counted(found) == counted([{name: row[name] for name in found[0]} for row in right] if found else [])
    assert bool(found) == bool(right)


@pytest.mark.parametrize(
    "condition",
    [
        equal("note", "o'brien"),
        within("note", "a", "b"),
        within("number", -2, 2),
        Test(Term("turned"), ValueSet.of(0).complement().without_null()),
        AnyOf((equal("yes", True), within("small", high=0))),
    ],
)
def test_what_bytes_prove_is_left_out_by_the_server(filtered: tuple[Adapter, HBaseTable], condition: Condition) -> None:
    adapter, table = filtered
    answer = read(adapter, scan_of(table, condition, columns=["id"]))
    right = sum(holds(condition, row) for row in ROWS)
    assert 0 < right < len(ROWS)
    assert answer.touched["rows"] == len(answer.rows) == right


@pytest.mark.parametrize(
    "condition",
    [
        equal("digits", 7),
        within("real", 0.0),
        within("gbk", "a"),
        Test(Term("note"), NULL_ONLY),
        Test(Term("number"), ValueSet.of(1).complement()),
    ],
)
def test_what_bytes_do_not_prove_is_tested_after_the_read(filtered: tuple[Adapter, HBaseTable], condition: Condition) -> None:
    adapter, table = filtered
    answer = read(adapter, scan_of(table, condition, columns=["id"]))
    assert answer.touched["rows"] == len(ROWS)
    assert len(answer.rows) == sum(holds(condition, row) for row in ROWS)


# -------------------------------------------------------------------------------------------------- wide qualifiers

WIDE = HBaseTable(
    name="wide",
    row_key=RowKey(segments=(segment("id", "u8"),)),
    cells=(cell("note", "d:note"), cell("total", "v:total", "i64be")),
    wide=(wide("v", [("code", "text"), ":", ("second", "i32be")], ("val", "text"), second=(0, 86_399)),),
)
CODES = ["", "A", "A:B", "SG", "TZ", "TZ'", "é", "total"]
READINGS = [
    {
        "id": row,
        "note": None if row % 3 else f"n{row}",
        "total": None if row % 2 else row,
        "code": code,
        "second": second,
        "val": f"{code}{second}",
    }
    for row in range(30)
    for place, code in enumerate(CODES)
    for second in (0, 1, 255, 256, 86_399)
    if (row + place + second) % 3
]


def wide_cells() -> list[StoredCell]:
    found: list[StoredCell] = [
        (bytes([r["id"]]), "v", r["code"].encode() + b":" + struct.pack(">i", r["second"]), 1, r["val"].encode()) for r in READINGS
    ]
    for row in range(30):
        key = bytes([row])
        found += [
            (key, "v", b"no such form", 1, b"x"),
            (key, "v", b"late:" + struct.pack(">i", 90_000), 1, b"x"),
            (key, "w", b"A:\0\0\0\1", 1, b"x"),
        ]
        found += [] if row % 3 else [(key, "d", b"note", 1, b"n%d" % row)]
        found += [] if row % 2 else [(key, "v", b"total", 1, struct.pack(">q", row))]
    return found


WIDE_CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from([0, 1, 14, 15, 29, 40]),
    "code": st.sampled_from([*CODES, "B", "a"]),
    "second": st.sampled_from([-1, 0, 1, 255, 256, 86_399, 86_400, 0.5]),
}


@st.composite
def wide_tests(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(WIDE_CONSTANTS)))
    constant = WIDE_CONSTANTS[name]
    if draw(st.booleans()):
        return equal(name, *draw(st.lists(constant, min_size=1, max_size=3)))
    return within(name, draw(constant | st.none()), draw(constant | st.none()), low_closed=draw(st.booleans()))


@pytest.fixture(scope="module")
def spread(hbase_server: HBaseServer) -> Iterator[tuple[Adapter, HBaseTable]]:
    table = replace(WIDE, name=stored(hbase_server, "wide", wide_cells(), splits=[bytes([15])]))
    adapter = open_source(source_of(table, url=hbase_server.url))
    yield adapter, table
    adapter.close()


@MANY
@given(
    wanted=st.recursive(
        wide_tests(),
        lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
            lambda parts: st.sampled_from([AllOf(tuple(parts)), AnyOf(tuple(parts))])
        ),
        max_leaves=5,
    ),
    columns=st.lists(st.sampled_from(["note", "total", "val", "second"]), unique=True),
)
def test_conditions_on_qualifiers_give_the_cells_of_brute_force(
    spread: tuple[Adapter, HBaseTable], wanted: Condition, columns: list[str]
) -> None:
    adapter, table = spread
    names = ["id", "code", *columns]
    found = read(adapter, scan_of(family(table, "v"), wanted, columns=names)).rows
    assert counted(found) == counted([{name: row[name] for name in names} for row in READINGS if holds(wanted, row)])


def test_a_range_of_qualifiers_is_cut_by_the_server(spread: tuple[Adapter, HBaseTable]) -> None:
    adapter, table = spread
    answer = read(adapter, scan_of(family(table, "v"), equal("code", "SG", "TZ"), columns=["val"]))
    assert answer.touched["cells"] == len(answer.rows) == sum(row["code"] in ("SG", "TZ") for row in READINGS)
