"""Writes cells as a folder that the cell store reads, and reads scans to their end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.interface import Adapter, ReadContext, Scan
from catalog.conditions import Condition, Term, Test
from catalog.relations import Relation, TableRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable
from catalog.values import ValueSet

StoredCell = tuple[bytes, str, bytes, int, bytes]


def write_cells(folder: Path, table: str, cells: Sequence[StoredCell]) -> str:
    """One table of cells (row, family, qualifier, timestamp, value); returns the url of the folder."""
    names = ("row", "family", "qualifier", "timestamp", "value")
    types = (pa.binary(), pa.string(), pa.binary(), pa.int64(), pa.binary())
    arrays = [pa.array([one[index] for one in cells], type) for index, type in enumerate(types)]
    pq.write_table(pa.table(arrays, names=list(names)), folder / f"{table}.cells.parquet")
    return f"cells:{folder}"


@dataclass
class Answer:
    """What a scan gave: rows, the counts of what it touched, how many splits it had, and the batches."""

    rows: list[dict[str, Any]]
    touched: Counter[str]
    splits: int
    batches: list[pa.RecordBatch] = field(default_factory=list)


def read(adapter: Adapter, scan: Scan, **limits: Any) -> Answer:
    answer = Answer([], Counter(), 0)
    for split in adapter.splits(scan):
        context = ReadContext(deadline=time.monotonic() + 60, **limits)
        for batch in adapter.read(split, context):
            answer.batches.append(batch)
            answer.rows += batch.to_pylist()
        answer.touched.update(context.touched)
        answer.splits += 1
    return answer


def scan_of(
    relation: Relation | HBaseTable, *conditions: Condition, columns: Sequence[str] | None = None, limit: int | None = None
) -> Scan:
    if isinstance(relation, HBaseTable):
        relation = TableRelation(table=relation)
    names = tuple(relation_columns(relation)) if columns is None else tuple(columns)
    return Scan(relation=relation, columns=names, conditions=conditions, limit=limit)


def family(table: HBaseTable, name: str) -> WideRelation:
    return WideRelation(table=table, family=name)


def equal(column: str, *values: Any) -> Test:
    return Test(Term(column), ValueSet.of(*values))


def within(column: str, low: Any = None, high: Any = None, **closed: bool) -> Test:
    return Test(Term(column), ValueSet.range(low, high, **closed))
