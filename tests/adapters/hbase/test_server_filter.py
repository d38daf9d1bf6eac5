"""Conditions in HBase's filter language: just what the order of bytes proves, written as HBase reads it."""

from __future__ import annotations

import pytest

from adapters.hbase import open_source
from adapters.hbase.byte_ranges import ByteRange, key_range
from adapters.hbase.cell_source import CellRequest
from adapters.hbase.server_filter import cell_filter, qualifier_filter
from adapters.hbase.thrift_request import checked_columns, wanted_columns, wanted_filter
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.source_tables import HBaseTable, RowKey
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet
from tests.adapters.hbase.cells import equal, scan_of, within
from tests.adapters.hbase.layouts import cell, segment, source_of

TABLE = HBaseTable(
    name="t",
    row_key=RowKey(segments=(segment("id", "u8"),)),
    cells=(
        cell("name", "d:it's"),
        cell("small", "d:small", "i16be"),
        cell("turned", "d:turned", "phoenix_i32"),
        cell("real", "d:real", "f64be"),
        cell("yes", "d:yes", "bool"),
        cell("digits", "d:digits", "digits"),
        cell("amount", "d:amount", "decimal_be"),
        cell("gbk", "d:gbk", "text(gbk)"),
    ),
)


def compared(column: bytes, operator: bytes, value: bytes) -> bytes:
    return b"SingleColumnValueFilter('d','" + column + b"'," + operator + b",'binary:" + value + b"',true,true)"


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (equal("name", "o'brien"), compared(b"it''s", b"=", b"o''brien")),
        (within("name", "a", "b"), b"(" + compared(b"it''s", b">=", b"a\x00") + b" AND " + compared(b"it''s", b"<", b"b") + b")"),
        (equal("small", 1, 258), b"(" + compared(b"small", b"=", b"\x00\x01") + b" OR " + compared(b"small", b"=", b"\x01\x02") + b")"),
        (
            within("small", -3, 3),
            b"(("
            + compared(b"small", b">=", b"\x00\x00")
            + b" AND "
            + compared(b"small", b"<", b"\x00\x03")
            + b") OR "
            + compared(b"small", b">=", b"\xff\xfe")  # up to the greatest stored form: no upper side
            + b")",
        ),
        (equal("yes", True), b"(" + compared(b"yes", b"=", b"\xff") + b" OR " + compared(b"yes", b"=", b"\x01") + b")"),
        (equal("gbk", "李"), compared(b"gbk", b"=", "李".encode("gbk"))),
        (Test(Term("name"), NOT_NULL), compared(b"it''s", b">=", b"")),
    ],
)
def test_what_is_proven_is_written(condition: Condition, written: bytes) -> None:
    found = cell_filter(TABLE, [condition])
    assert found is not None
    assert found.text == written


@pytest.mark.parametrize(
    "condition",
    [
        Test(Term("name"), NULL_ONLY),
        Test(Term("name"), ValueSet.of("x").complement()),
        equal("digits", 7),
        equal("amount", 7),
        within("real", 0.0),
        within("gbk", "a"),
        Test(Term("name", "number"), ValueSet.of(7)),
        equal("id", 7),
        within("small", 0.5),
        equal("small", 100_000),
        equal("name", *map(str, range(40))),
        AnyOf((equal("name", "x"), equal("digits", 7))),
        AnyOf((equal("name", "x"), Test(Term("small"), NULL_ONLY))),
    ],
)
def test_what_is_not_proven_is_not_written(condition: Condition) -> None:
    assert cell_filter(TABLE, [condition]) is None


def test_under_and_what_cannot_be_said_is_left_out() -> None:
    alone = cell_filter(TABLE, [equal("name", "x")])
    assert cell_filter(TABLE, [AllOf((equal("name", "x"), equal("digits", 7))), equal("id", 3)]) == alone


def test_ranges_of_qualifiers_are_written_with_and_without_an_end() -> None:
    one = qualifier_filter([ByteRange(b"a'", b"b")])
    assert one == b"ColumnRangeFilter('a''',true,'b',false)"
    assert qualifier_filter([ByteRange(b"a", b"b"), ByteRange(b"c", None)]) == (
        b"(ColumnRangeFilter('a',true,'b',false) OR ColumnRangeFilter('c',true,'',false))"
    )
    assert qualifier_filter([ByteRange(b"%d" % number, b"%d\xff" % number) for number in range(100)]) is None


def test_ranges_are_filtered_only_where_one_family_is_read() -> None:
    ranges = (ByteRange(b"a", b"b"),)
    alone = CellRequest(table="t", families={"v": ranges}, loose=True)
    assert (wanted_columns(alone), wanted_filter(alone)) == ([b"v"], b"ColumnRangeFilter('a',true,'b',false)")
    with_another = CellRequest(table="t", families={"d": (key_range(b"name"),), "v": ranges}, columns=(b"d:name",), loose=True)
    assert (wanted_columns(with_another), wanted_filter(with_another)) == ([b"d:name", b"v"], None)


def test_single_qualifiers_are_columns() -> None:
    request = CellRequest(table="t", families={"v": (key_range(b"a:\x00"), key_range(b"b"))}, loose=True)
    assert (wanted_columns(request), wanted_filter(request)) == ([b"v:a:\x00", b"v:b"], None)


def test_a_right_is_looked_for_on_each_named_column_and_on_the_families_of_others() -> None:
    named = CellRequest(table="t", families={"d": None, "m": None}, columns=(b"d:name",))
    assert checked_columns(named) == (b"d:name", b"d", b"m")
    only = CellRequest(table="t", families={"d": (key_range(b"name"),)}, columns=(b"d:name",))
    assert checked_columns(only) == (b"d:name",)
    loose = CellRequest(table="t", families={"d": (key_range(b"name"),), "v": None}, columns=(b"d:name",), loose=True)
    assert checked_columns(loose) == (b"d:name", b"d", b"v")


def test_explain_says_what_hbase_leaves_out_where_there_is_an_hbase() -> None:
    scan = scan_of(TABLE, equal("name", "x"), equal("digits", 7))
    over_thrift = open_source(source_of(TABLE, url="thrift://host"))
    assert over_thrift.explain(scan) == "read t: every row; HBase leaves out rows by name; after the read: tests on digits, name"
    assert [verdict.reason for verdict in over_thrift.classify(scan)] == [
        "name is tested by HBase, and once more after the read",
        "digits is tested by the adapter after the read",
    ]
    local = open_source(source_of(TABLE, url="cells:nowhere"))
    assert local.explain(scan) == "read t: every row; after the read: tests on digits, name"
