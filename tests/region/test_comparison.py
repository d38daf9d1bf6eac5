"""The comparison itself must see differences, or everything else here means nothing."""

from __future__ import annotations

import pyarrow as pa

from tests.region.comparison import difference


def table(**columns: list[object]) -> pa.Table:
    return pa.table(columns)


def test_rows_in_another_order_agree_unless_order_counts() -> None:
    a, b = table(x=[1, 2, 2], y=["a", "b", None]), table(x=[2, 1, 2], y=[None, "a", "b"])
    assert difference(a, b) is None
    assert difference(a, b, ordered=True) is not None


def test_columns_are_matched_by_name() -> None:
    assert difference(table(x=[1], y=[2]), table(y=[2], x=[1])) is None
    assert difference(table(x=[1]), table(y=[1])) is not None


def test_a_row_more_or_twice_is_seen() -> None:
    assert difference(table(x=[1, 1, 2]), table(x=[1, 2, 2])) is not None
    assert difference(table(x=[1, 1]), table(x=[1])) is not None
    assert difference(table(x=[1]), table(x=[1, 1])) is not None


def test_doubles_agree_within_the_tolerance_and_nan_is_nan() -> None:
    assert difference(table(x=[1.0, float("nan")], y=["a", "b"]), table(x=[1.0 + 1e-13, float("nan")], y=["a", "b"])) is None
    assert difference(table(x=[1.0]), table(x=[1.0 + 1e-9])) is not None
    assert difference(table(x=[1.0]), table(x=[float("nan")])) is not None


def test_null_is_not_zero_nor_empty_nor_false() -> None:
    for value in (0, "", False, 0.0):
        assert difference(pa.table({"x": pa.array([None], pa.array([value]).type)}), table(x=[value])) is not None


def test_one_and_true_differ() -> None:
    assert difference(table(x=[1]), table(x=[True])) is not None


def test_instants_are_compared_as_instants() -> None:
    utc, local = pa.array([0], pa.timestamp("us", tz="UTC")), pa.array([0], pa.timestamp("us", tz="America/New_York"))
    assert difference(pa.table({"x": utc}), pa.table({"x": local})) is None
    assert difference(pa.table({"x": utc}), pa.table({"x": pa.array([1], pa.timestamp("us", tz="UTC"))})) is not None
