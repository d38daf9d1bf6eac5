"""The Hive adapter beside impyla's RPC by hand and PyHive: `python -m benchmarks.adapters hive`. One session each, kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.hive import HiveAdapter, open_source
from adapters.interface import ReadContext, Scan
from benchmarks.side_by_side import Measured, side_by_side
from catalog.conditions import Condition, Term, Test
from catalog.model import Source
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.servers.hive import HiveServer

ROWS = 200_000
COLUMNS = {
    "id": "bigint",
    "ward": "integer",
    "patient": "text",
    "note": "text",
    "amount": "decimal(12,2)",
    "taken_at": "local_timestamp",
    "other_at": "local_timestamp",
    "day": "date",
    "value": "double",
    "final": "boolean",
}
TABLE = SqlTable(name="result", columns=tuple(RawColumn(name=name, type=parse_type(type)) for name, type in COLUMNS.items()))
_NAMES = ", ".join(f"`{name}`" for name in COLUMNS)
_ARROW = {"amount": pa.decimal128(12, 2), "taken_at": pa.timestamp("us"), "other_at": pa.timestamp("us"), "day": pa.date32()}


def measure(server: HiveServer, *, points: int = 60) -> list[Measured]:
    """Point lookup, scan and key set of 1,000 over one external Parquet table of ten columns."""
    database = server.new_database()
    try:
        server.load(TABLE, _rows(), database)
        source = Source(
            node="bench", name="hive", adapter="hive", url=server.url(database), options={}, zone="UTC", tables={"result": TABLE}
        )
        from pyhive import hive

        with (
            closing(open_source(source)) as adapter,
            closing(server.connect(database)) as connection,
            closing(hive.connect(server.host, server.port, username="x", password="y", auth="CUSTOM", database=database)) as by_pyhive,
        ):
            return list(_measured(adapter, _ByHand(connection), by_pyhive, points))
    finally:
        server.drop_database(database)


def _measured(adapter: HiveAdapter, by_hand: _ByHand, by_pyhive: Any, points: int) -> Iterator[Measured]:
    numbers = itertools.cycle(range(1, ROWS, 37))
    one = f"SELECT {_NAMES} FROM result WHERE id = "
    everything = f"SELECT {_NAMES} FROM result"
    keys = list(range(5, ROWS, 200))
    listed = f"SELECT {_NAMES} FROM result WHERE id >= {keys[0]} AND id <= {keys[-1]} AND id + 0 IN ({', '.join(map(str, keys))})"

    def rows(statement: str) -> int:
        with closing(by_pyhive.cursor(arraysize=10_000)) as cursor:
            cursor.execute(statement)
            return len(cursor.fetchall())

    def point() -> int:
        return _read(adapter, Test(Term("id"), ValueSet.of(next(numbers))))

    few = f"{points:,} pairs: Hive compiles every statement"
    plain, hand = "impyla's RPC by hand, to Arrow", by_hand.read
    yield side_by_side("hive", "point lookup", plain, point, lambda: hand(f"{one}{next(numbers)}"), pairs=points, note=few)
    yield side_by_side("hive", "point lookup", "PyHive, rows", point, lambda: rows(f"{one}{next(numbers)}"), pairs=points // 6, note=few)
    yield side_by_side("hive", "scan 200 k × 10", plain, lambda: _read(adapter), lambda: hand(everything), pairs=5)
    yield side_by_side("hive", "scan 200 k × 10", "PyHive, rows", lambda: _read(adapter), lambda: rows(everything), pairs=1)
    asked = Test(Term("id"), ValueSet.of(*keys))
    yield side_by_side(
        "hive",
        "key set of 1,000",
        plain,
        lambda: _read(adapter, asked),
        lambda: hand(listed),
        pairs=6,
        note="by hand too with id + 0: a plain IN of 1,000 breaks Hive 4.0.1's compiler",
    )


def _read(adapter: HiveAdapter, *conditions: Condition) -> int:
    """As the runtime reads: classify, then every split."""
    scan = Scan(relation=TableRelation(table=TABLE), columns=tuple(COLUMNS), conditions=conditions)
    scan = replace(scan, conditions=tuple(verdict.pushed for verdict in adapter.classify(scan)))
    context = ReadContext(deadline=time.monotonic() + 120)
    return sum(batch.num_rows for split in adapter.splits(scan) for batch in adapter.read(split, context))


class _ByHand:
    """The calls that a result needs, on impyla's session, and its columns to Arrow of the same types."""

    def __init__(self, connection: Any) -> None:
        from impala._thrift_gen.TCLIService import ttypes

        self._types = ttypes
        self._session = connection.service.open_session("x", {"use:database": connection.default_db})
        self._client = self._session.client

    def read(self, statement: str) -> int:
        types, client = self._types, self._client
        begun = client.ExecuteStatement(types.TExecuteStatementReq(sessionHandle=self._session.handle, statement=statement, runAsync=False))
        assert begun.status.statusCode == 0, begun.status.errorMessage
        operation = begun.operationHandle
        described = client.GetResultSetMetadata(types.TGetResultSetMetadataReq(operationHandle=operation)).schema.columns
        names = [column.columnName.rpartition(".")[2] for column in described]
        request = types.TFetchResultsReq(operationHandle=operation, orientation=types.TFetchOrientation.FETCH_NEXT, maxRows=10_000)
        count = 0
        while True:
            columns = client.FetchResults(request).results.columns
            arrays = [_array(column, _ARROW.get(name)) for column, name in zip(columns, names, strict=True)]
            if not len(arrays[0]):
                break
            count += pa.RecordBatch.from_arrays(arrays, names).num_rows
        client.CloseOperation(types.TCloseOperationReq(operationHandle=operation))
        return count


_WIRE: Sequence[tuple[str, pa.DataType]] = (
    ("boolVal", pa.bool_()),
    ("i32Val", pa.int32()),
    ("i64Val", pa.int64()),
    ("doubleVal", pa.float64()),
    ("stringVal", pa.string()),
)


def _array(column: Any, wanted: pa.DataType | None) -> pa.Array:
    for name, type in _WIRE:
        filled = getattr(column, name)
        if filled is not None:
            bits = np.frombuffer(filled.nulls.ljust((len(filled.values) + 7) // 8, b"\0"), np.uint8)
            mask = np.unpackbits(bits, bitorder="little")[: len(filled.values)].astype(bool)
            found = pa.array(filled.values, type, mask=mask)
            return found if wanted is None else pc.cast(found, wanted)
    raise TypeError("a column of another type")


def _rows() -> pa.Table:
    first = datetime(2020, 1, 1)
    make: dict[str, Callable[[int], Any]] = {
        "id": lambda i: i,
        "ward": lambda i: i % 1000,
        "patient": lambda i: f"P{i:08}",
        "note": lambda i: f"some text value {i}",
        "amount": lambda i: Decimal(i) / 100,
        "taken_at": lambda i: first + timedelta(minutes=i),
        "other_at": lambda i: first + timedelta(seconds=i),
        "day": lambda i: date(2020, 1, 1) + timedelta(days=i % 1000),
        "value": lambda i: i / 7,
        "final": lambda i: i % 3 == 0,
    }
    integers = {"id": pa.int64(), "ward": pa.int64()}
    return pa.table({name: pa.array([of(i) for i in range(ROWS)], _ARROW.get(name) or integers.get(name)) for name, of in make.items()})
