"""The HBase adapter beside framed happybase by hand, over the same real HBase."""

from __future__ import annotations

import random
import struct
import time
from contextlib import closing
from itertools import cycle

import happybase
import pyarrow as pa

from adapters.hbase import open_source
from adapters.interface import Adapter, ReadContext, Scan
from benchmarks.side_by_side import Measured, Work, side_by_side
from catalog.conditions import Term, Test
from catalog.model import Source
from catalog.relations import TableRelation
from catalog.source_tables import Cell, HBaseTable, RowKey, Segment
from catalog.types import INTEGER, TEXT
from catalog.values import ValueSet
from tests.servers.hbase import HBaseServer

ROWS, COLUMNS = 200_000, 10
TABLE = HBaseTable(
    name="gateway_benchmark",
    row_key=RowKey(segments=(Segment(name="id", codec="i64be", width=8, type=INTEGER),)),
    cells=tuple(
        Cell(
            name=f"c{n}", family="f", qualifier=f"c{n}", codec="text" if n % 2 else "i64be", type=TEXT if n % 2 else INTEGER, required=True
        )
        for n in range(COLUMNS)
    ),
)
_NAMES = ("id", *(cell.name for cell in TABLE.cells))
_STORED = [(b"f:" + cell.name.encode(), cell.codec) for cell in TABLE.cells]


def measure(server: HBaseServer, rows: int = ROWS) -> list[Measured]:
    """One region, five columns of text and five of numbers. Both sides make the same Arrow columns of what they read."""
    _load(server, rows)
    source = Source(node="benchmark", name="hbase", adapter="hbase", url=server.url, options={}, zone="UTC", tables={TABLE.name: TABLE})
    adapter = open_source(source)
    with closing(happybase.Connection(server.host, server.port, transport="framed", timeout=60_000)) as connection:
        raw = connection.table(TABLE.name)
        keys = random.Random(7).sample(range(rows), 1_000)
        every_row, all_keys = _scan(), _scan(keys)
        stored = [struct.pack(">q", key) for key in keys]
        return [
            side_by_side(
                "HBase",
                "point lookup, 10 columns",
                "table.row(key) of framed happybase, no Arrow",
                _lookups(adapter, keys),
                _rows(raw, stored),
                pairs=1_000,
            ),
            side_by_side(
                "HBase",
                "1,000 keys, 10 columns",
                "table.rows(keys) of framed happybase, to Arrow",
                lambda: _count(adapter, all_keys),
                lambda: len(_arrow(raw.rows(stored))),
                pairs=20,
            ),
            side_by_side(
                "HBase",
                f"scan, {rows:,} × 10",
                "table.scan(batch_size=1000) of framed happybase, to Arrow 10,000 rows at a time",
                lambda: _count(adapter, every_row),
                lambda: _scanned(raw),
                pairs=5,
            ),
        ]


def _load(server: HBaseServer, rows: int) -> None:
    server.drop(TABLE.name)
    server.create(TABLE.name, {"f": 1})
    with (
        closing(happybase.Connection(server.host, server.port, transport="framed", timeout=60_000)) as connection,
        connection.table(TABLE.name).batch(batch_size=2_000) as batch,
    ):
        for row in range(rows):
            values = (struct.pack(">q", row * n) if codec == "i64be" else b"value %06d" % (row + n) for n, (_, codec) in enumerate(_STORED))
            batch.put(struct.pack(">q", row), {name: value for (name, _), value in zip(_STORED, values, strict=True)})
    server.command("flush", TABLE.name)


# ---------------------------------------------------------------------------------------------------------- the gateway


def _scan(keys: list[int] | None = None) -> Scan:
    conditions = () if keys is None else (Test(Term("id"), ValueSet.of(*keys)),)
    return Scan(relation=TableRelation(table=TABLE), columns=_NAMES, conditions=conditions)


def _count(adapter: Adapter, scan: Scan) -> int:
    """What the runtime does with a scan that the planner made: splits, and every batch of each."""
    context = ReadContext(deadline=time.monotonic() + 120)
    return sum(batch.num_rows for split in adapter.splits(scan) for batch in adapter.read(split, context))


def _lookups(adapter: Adapter, keys: list[int]) -> Work:
    turn = cycle([_scan([key]) for key in keys])
    return lambda: _count(adapter, next(turn))


# -------------------------------------------------------------------------------------------------------- happybase


def _rows(raw: happybase.Table, stored: list[bytes]) -> Work:
    turn = cycle(stored)
    return lambda: 1 if raw.row(next(turn)) else 0


def _scanned(raw: happybase.Table) -> int:
    count, chunk = 0, []
    for row in raw.scan(batch_size=1_000):
        chunk.append(row)
        if len(chunk) == 10_000:
            count += len(_arrow(chunk))
            chunk = []
    return count + len(_arrow(chunk))


def _arrow(rows: list[tuple[bytes, dict[bytes, bytes]]]) -> pa.RecordBatch:
    """The same columns as the gateway's."""
    arrays = [_integers([key for key, _ in rows])]
    for name, codec in _STORED:
        values = [cells[name] for _, cells in rows]
        arrays.append(_integers(values) if codec == "i64be" else pa.array(values, pa.binary()).cast(pa.string()))
    return pa.RecordBatch.from_arrays(arrays, names=list(_NAMES))


def _integers(values: list[bytes]) -> pa.Array:
    return pa.array(struct.unpack(f">{len(values)}q", b"".join(values)), pa.int64())
