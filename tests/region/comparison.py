"""Compares two answers: multisets of rows by column name, doubles within a relative tolerance, all else equal."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

Row = tuple[Any, ...]


def difference(ours: pa.Table, theirs: pa.Table, *, ordered: bool = False, tolerance: float = 1e-12) -> str | None:
    """What differs, in words; None if the answers agree. `ordered`: the rows must also come in the same order."""
    if sorted(ours.column_names) != sorted(theirs.column_names):
        return f"columns {ours.column_names} against {theirs.column_names}"
    if ours.num_rows != theirs.num_rows and ordered:
        return f"{ours.num_rows} rows against {theirs.num_rows}"
    left, right = rows_of(ours, theirs.column_names), rows_of(theirs, theirs.column_names)
    if ordered:
        return next((f"row {i}: {a} against {b}" for i, (a, b) in enumerate(zip(left, right)) if not same(a, b, tolerance)), None)
    return _multisets(left, right, tolerance)


def rows_of(table: pa.Table, columns: Sequence[str]) -> list[Row]:
    """The rows as hashable values; instants as microseconds, NaN and booleans marked, so that they equal nothing else."""
    return list(zip(*(_values(table.column(name)) for name in columns))) if columns else []


def same(a: Row, b: Row, tolerance: float) -> bool:
    return len(a) == len(b) and all(_close(x, y, tolerance) for x, y in zip(a, b))


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64())
    return [_hashable(value) for value in column.to_pylist()]


def _hashable(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return ("NaN",)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _hashable(item)) for key, item in value.items())
    return value


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-300)
    return bool(a == b)


def _multisets(left: list[Row], right: list[Row], tolerance: float) -> str | None:
    extra, missing = Counter(left), Counter(right)
    common = extra & missing
    unmatched_left, unmatched_right = _by_exact_part(extra - common), _by_exact_part(missing - common)
    for key in sorted({*unmatched_left, *unmatched_right}, key=repr):
        rest = list(unmatched_right.get(key, ()))
        for row in unmatched_left.get(key, ()):
            match = next((candidate for candidate in rest if same(row, candidate, tolerance)), None)
            if match is None:
                return f"{len(left)} rows against {len(right)}; not expected: {row}"
            rest.remove(match)
        if rest:
            return f"{len(left)} rows against {len(right)}; missing: {rest[0]}"
    return None


def _by_exact_part(rows: Counter[Row]) -> dict[Row, list[Row]]:
    """Rows grouped by what is not a double: only rows of one group can be equal within the tolerance."""
    groups: dict[Row, list[Row]] = defaultdict(list)
    for row in rows.elements():
        groups[tuple(_exact_part(row))].append(row)
    return groups


def _exact_part(row: Row) -> Iterator[Any]:
    for value in row:
        yield "a double" if isinstance(value, float) else value
