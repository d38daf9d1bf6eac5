"""The rows that every adapter is tried with: one column of each raw type, values at its edges, NULLs, empty and odd texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from adapters.arrow_types import arrow_type
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type

VALUES: Mapping[str, Sequence[Any]] = {
    "text": [
        "",
        " ",
        "A",
        "a",
        "ab",
        "a%",
        "a_",
        "äb",
        "é",
        "ﬀ",
        "\ue000",
        "😀",
        "李雷",
        "z",
        'say "hi"',
        "comma, newline\n'quote'",
        "007",
        "7",
        "N/A",
    ],
    "number_text": ["38", "38.5", "-1", "0", "1e3", "12.250", "N/A", "", "100.4", "99.99999999999999", "F", "7"],
    "integer": [0, 1, -1, 7, 38, 2023, 2**53 + 1, 2**63 - 1, -(2**63)],
    "bigint": [0, 160903007, -5, 1609563321000, 2**62],
    "double": [0.0, 0.1, -0.5, 1.5, 38.0, 100.4, 1e300, -1e300, 5e-324],
    "wild_double": [float("nan"), float("inf"), float("-inf"), 1.0, 2.0],
    "boolean": [True, False],
    "decimal": [
        Decimal("0.0000"),
        Decimal("269.6800"),
        Decimal("-1.0001"),
        Decimal("20522.4300"),
        Decimal("0.0001"),
        Decimal("9" * 15 + ".9999"),
    ],
    "date": [date(2021, 1, 5), date(2021, 1, 6), date(1900, 1, 1), date(2024, 2, 29), date(9999, 12, 31), date(1582, 10, 15)],
    "timestamp": [
        datetime(2021, 1, 24, 5, 23, 59, tzinfo=UTC),
        datetime(2023, 11, 5, 5, 30, tzinfo=UTC),
        datetime(2023, 11, 5, 6, 30, tzinfo=UTC),
        datetime(2024, 1, 1, 4, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 1, 1, 5, 0, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    ],
    "local_timestamp": [
        datetime(2021, 1, 24, 0, 23, 59),
        datetime(2023, 11, 5, 1, 30),
        datetime(2024, 1, 1),
        datetime(1969, 12, 31, 23, 59),
    ],
    "uuid": ["0A7EAB76-A0E4-7895-581C-A1568BA1C7B1", "00770559-B626-414A-1339-7467DD1114DA", "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF"],
    "bytes": [b"", b"\x00", b"abc", b"\xff\xfe", b"ab"],
    "list": [[], ["a"], ["a", None, ""], ["😀"]],
    "struct_list": [
        [],
        [{"seq": 1, "code": "E11.9"}],
        [{"seq": 1, "code": None}, {"seq": 2, "code": ""}, {"seq": None, "code": "I10"}],
        [None],
    ],
    "map": [[], [("tel", "508"), ("zip", None)], [("tel", "")]],
    "struct": [{"seq": 1, "code": "a"}, {"seq": None, "code": ""}],
}
"""Kind of column to its values; NULL is added to each."""

TYPES: Mapping[str, str] = {
    "number_text": "text",
    "wild_double": "double",
    "decimal": "decimal(19,4)",
    "list": "list(text)",
    "struct_list": "list(struct(seq integer, code text))",
    "map": "map(text,text)",
    "struct": "struct(seq integer, code text)",
}
"""Kinds whose type has another spelling."""

ROWS = 60


def sample_table(kinds: Iterable[str], *, rows: int = ROWS, name: str = "sample") -> tuple[SqlTable, pa.Table]:
    """A table with an `id` from 0 and one column per kind; the values of each kind in turn, the last of them NULL."""
    chosen = list(kinds)
    table = SqlTable(
        name=name,
        columns=(
            RawColumn(name="id", type=parse_type("integer"), nullable=False),
            *(RawColumn(name=f"{kind}_column", type=parse_type(TYPES.get(kind, kind))) for kind in chosen),
        ),
        key=("id",),
    )
    data = [list(range(rows))] + [
        [values[row % len(values)] for row in range(rows)] for values in ([*VALUES[kind], None] for kind in chosen)
    ]
    return table, arrow_table(table, data)


def parent_and_child() -> tuple[tuple[SqlTable, pa.Table], tuple[SqlTable, pa.Table]]:
    """Two tables to join: a child without parent, one with a NULL key, a parent with two children and one with none."""
    parent = SqlTable(name="parent", columns=_columns({"key": "text", "city": "text"}), key=("key",))
    child = SqlTable(name="child", columns=_columns({"id": "integer", "parent_key": "text", "at": "timestamp"}), key=("id",))
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in range(5)]
    parents = arrow_table(parent, [["p1", "p2", "P1", ""], ["Worcester", None, "Boston", ""]])
    children = arrow_table(child, [[1, 2, 3, 4, 5], ["p1", "p1", None, "gone", ""], times])
    return (parent, parents), (child, children)


def arrow_table(table: SqlTable, columns: Sequence[Sequence[Any]]) -> pa.Table:
    arrays = [pa.array(values, arrow_type(column.type)) for column, values in zip(table.columns, columns, strict=True)]
    return pa.table(arrays, names=[column.name for column in table.columns])


def _columns(types: Mapping[str, str]) -> tuple[RawColumn, ...]:
    return tuple(RawColumn(name=name, type=parse_type(type)) for name, type in types.items())
