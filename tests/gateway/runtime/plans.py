"""Plans written by hand: simple projections over the fake sources of adapters.testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from adapters.interface import Adapter, Scan, SourceError
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER, TEXT
from gateway.context import Principal, QueryContext
from gateway.planner.plan import Fragment, Plan, PrunedBinding, Reference
from gateway.result import OnUnavailable, Result

RAW = SqlTable(name="visits", columns=(RawColumn(name="pid", type=INTEGER), RawColumn(name="word", type=TEXT)))
COLUMNS = (("node", "VARCHAR"), ("pid", "BIGINT"), ("word", "VARCHAR"))


def raw_rows(count: int, start: int = 0) -> dict[str, pa.Table]:
    """`count` visits, numbered from `start`."""
    numbers = range(start, start + count)
    return {"visits": pa.table({"pid": pa.array(numbers, pa.int64()), "word": pa.array([f"w{n}" for n in numbers], pa.string())})}


def fragment(
    node: str, *, id: str = "", source: str = "main", row_wise: bool = True, projection: str = "", table: SqlTable = RAW
) -> Fragment:
    return Fragment(
        id=id or f"{node}-{source}",
        node=node,
        source=source,
        binding="visit",
        scan=Scan(relation=TableRelation(table=table), columns=tuple(column.name for column in table.columns)),
        projection=projection or f"SELECT '{node}' AS node, pid, word FROM raw",
        tables=(),
        row_wise=row_wise,
    )


def reference(
    name: str,
    *fragments: Fragment,
    columns: tuple[tuple[str, str], ...] = COLUMNS,
    unsound: str | None = None,
    aggregated: bool = False,
    spool: bool = False,
    pruned: tuple[PrunedBinding, ...] = (),
) -> Reference:
    return Reference(
        name=name,
        table="visit",
        alias=name,
        columns=columns,
        fragments=fragments,
        pruned=pruned,
        spool=spool,
        unsound=unsound,
        aggregated=aggregated,
    )


def plan(merge: str, columns: Sequence[str], *references: Reference, top_n: bool = False, max_rows: int | None = None) -> Plan:
    return Plan(
        sql=merge,
        inner=merge,
        merge=merge,
        references=references,
        revision="r1",
        role="doctor",
        pushdown="on",
        columns=tuple(columns),
        top_n=top_n,
        max_rows=max_rows,
    )


def context(on_unavailable: OnUnavailable = "fail", deadline: float = 10.0) -> QueryContext:
    return QueryContext(principal=Principal(name="ann", role="doctor"), on_unavailable=on_unavailable, deadline=deadline)


def adapters_of(sources: Mapping[str, Adapter]) -> Callable[[str, str], Adapter]:
    """The factory a Runtime takes, for sources by node or `node.source`."""

    def find(node: str, source: str) -> Adapter:
        found = sources.get(f"{node}.{source}", sources.get(node))
        if found is None:
            raise SourceError("S110", "no such source is configured")
        return found

    return find


def rows_of(result: Result) -> list[tuple[object, ...]]:
    """Every row, sorted by its text."""
    found: list[tuple[object, ...]] = []
    for batch in result.batches:
        found.extend(zip(*(column.to_pylist() for column in batch.columns)))
    return sorted(found, key=repr)
