"""Random layouts, rows and conditions: the planner and the adapter against brute force."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.hbase import open_source
from adapters.hbase.layout import key_layout
from adapters.hbase.row_key_planner import by_bucket, plan_row_keys
from catalog.conditions import AllOf, AnyOf, Condition, Test, holds
from catalog.source_tables import HBaseTable, RowKey
from catalog.values import Interval, ValueSet
from tests.adapters.hbase.cells import equal, read, scan_of, within, write_cells
from tests.adapters.hbase.layouts import cell, segment, source_of
from tests.adapters.hbase.random_layouts import Case, cases, key_of


def _case(table: HBaseTable, rows: list[dict[str, object]], *conditions: Condition) -> Case:
    return Case(table, rows, [key_of(table, row) for row in rows], conditions)


DELIMITED = HBaseTable(name="t", row_key=RowKey(delimiter="|", segments=(segment("first"), segment("second"))), cells=(cell("c", "f:c"),))
SHORTER_TEXT = _case(DELIMITED, [{"first": "a", "second": "x"}, {"first": "", "second": ""}], within("first", high="ab"))


@settings(max_examples=100, deadline=None)
@given(cases())
@example(SHORTER_TEXT)
def test_keys_are_read_back_and_every_row_that_satisfies_lies_within_the_ranges(case: Case) -> None:
    layout = key_layout(case.table)
    decoded = layout.decode(case.keys)
    assert [{name: decoded[name][index].as_py() for name in row} for index, row in enumerate(case.rows)] == case.rows
    plan = plan_row_keys(layout, case.conditions)
    for key, row in zip(case.keys, case.rows, strict=True):
        if all(holds(condition, row) for condition in case.conditions):
            assert any(found.contains(key) for found in plan.ranges)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_ranges_are_sorted_disjoint_and_not_adjacent_and_buckets_part_them(case: Case) -> None:
    layout = key_layout(case.table)
    ranges = plan_row_keys(layout, case.conditions).ranges
    assert all(not found.is_empty for found in ranges)
    assert all(one.stop is not None and one.stop < other.start for one, other in pairwise(ranges))
    groups = by_bucket(layout, ranges)
    for key in case.keys:
        inside = sum(found.contains(key) for found in ranges)
        assert inside == sum(found.contains(key) for group in groups for found in group)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_row_is_touched_whose_leading_number_no_arm_accepts(case: Case) -> None:
    """Tightness: where the key begins with a number, the ranges hold just the rows that the conditions on it allow."""
    layout = key_layout(case.table)
    first = next(part for part in layout.parts if part.salt is None)
    if first.number_bounds is None or (layout.parts[-1].salt is not None and case.table.row_key.segments[0].salt is None):
        return
    projected = [_only_on(condition, first.name) for condition in case.conditions]
    ranges = plan_row_keys(layout, case.conditions).ranges
    for key, row in zip(case.keys, case.rows, strict=True):
        if any(found.contains(key) for found in ranges):
            assert all(holds(condition, row) for condition in projected)


def _only_on(condition: Condition, column: str) -> Condition:
    match condition:
        case Test(term=term):
            return condition if term.column == column else Test(term, ValueSet((Interval(),), True))
        case AllOf(parts=parts):
            return AllOf(tuple(_only_on(part, column) for part in parts))
        case AnyOf(arms=arms):
            return AnyOf(tuple(_only_on(arm, column) for arm in arms))
        case _:
            return condition


@settings(max_examples=40, deadline=None)
@given(cases(), st.sampled_from([None, 0, 1, 3]))
def test_a_read_gives_just_the_rows_that_satisfy(case: Case, limit: int | None) -> None:
    rows = dict(zip(case.keys, case.rows, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        url = write_cells(Path(folder), "t", [(key, "f", b"c", 1, b"") for key in rows])
        found = read(open_source(source_of(case.table, url=url)), scan_of(case.table, *case.conditions, limit=limit)).rows
    expected = [{**row, "c": ""} for row in rows.values() if all(holds(condition, row) for condition in case.conditions)]
    assert len(found) == len(expected if limit is None else expected[:limit])
    assert len({tuple(row.items()) for row in found}) == len(found)
    assert all(row in expected for row in found)


def test_a_shorter_text_is_found_though_its_delimiter_sorts_after_the_bound() -> None:
    plan = plan_row_keys(key_layout(DELIMITED), [within("first", high="ab")])
    assert [any(r.contains(key) for r in plan.ranges) for key in (b"a|x", b"|", b"aa|", b"ab|", b"b|")] == [True, True, True, False, False]


def test_equality_on_a_text_that_holds_the_delimiter_has_no_ranges() -> None:
    assert plan_row_keys(key_layout(DELIMITED), [equal("first", "a|b")]).ranges == ()
