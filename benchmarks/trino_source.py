"""The Trino adapter beside the trino package and beside a page loop by hand: `python -m benchmarks.adapters trino`."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import orjson
import pyarrow as pa
import trino.dbapi

from adapters.interface import ReadContext, Scan
from adapters.trino import TrinoAdapter, open_source
from benchmarks.side_by_side import Measured, side_by_side
from catalog.conditions import Condition, Term, Test
from catalog.model import Source
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.servers.trino import TrinoServer

LINES = {
    "orderkey": "integer",
    "partkey": "integer",
    "suppkey": "integer",
    "linenumber": "integer",
    "quantity": "double",
    "extendedprice": "double",
    "discount": "double",
    "returnflag": "text",
    "shipdate": "date",
    "comment": "text",
}
CUSTOMERS = {"custkey": "integer", "name": "text", "phone": "text", "acctbal": "double"}
ROWS = 200_000
SCHEMA = "benchmark"
_ARROW = {"integer": pa.int64(), "double": pa.float64(), "text": pa.string(), "date": pa.string()}


def measure(server: TrinoServer, *, points: int = 300) -> list[Measured]:
    """Point lookup, scan and key set over tables in memory, so that tpch's generator is not measured. A lookup takes Trino some
    40 ms, so `points` is below the 1,000 pairs of other sources."""
    _make_tables(server)
    source = Source(
        node="bench", name="main", adapter="trino", url=server.url("memory", SCHEMA), options={"user": "bench"}, zone="UTC", tables={}
    )
    with closing(open_source(source)) as adapter, closing(_connect(server)) as connection, closing(_Loop(server)) as loop:
        return list(_measured(adapter, connection, loop, points))


def _measured(adapter: TrinoAdapter, connection: Any, loop: _Loop, points: int) -> Iterator[Measured]:
    customers, lines = _relation("customer", CUSTOMERS), _relation("lineitem", LINES)
    scan = f"SELECT {', '.join(LINES)} FROM {SCHEMA}.lineitem"
    client = {"a page loop by hand (http.client, orjson)": loop.rows, "trino 0.340": lambda sql, _: _with_client(connection, sql)}
    for against, raw in client.items():
        keys = itertools.cycle(range(1, 1_500))
        current = itertools.count()

        def ours(keys: Iterator[int] = keys) -> int:
            return _read(adapter, customers, CUSTOMERS, Test(Term("custkey"), ValueSet.of(next(keys))))

        def theirs(raw: Callable[[str, Any], int] = raw, current: Iterator[int] = current) -> int:
            return raw(f"SELECT {', '.join(CUSTOMERS)} FROM {SCHEMA}.customer WHERE custkey = {next(current) % 1_499 + 1}", CUSTOMERS)

        yield side_by_side("trino", "point lookup", against, ours, theirs, pairs=points)
    for against, raw in client.items():
        yield side_by_side(
            "trino", "scan 200 k × 10", against, lambda: _read(adapter, lines, LINES), lambda raw=raw: raw(scan, LINES), pairs=3
        )
    wanted = list(range(1, 1_500, 3)) + list(range(100_001, 100_501))
    keys_sql = f"SELECT {', '.join(CUSTOMERS)} FROM {SCHEMA}.customer WHERE custkey IN ({', '.join(map(str, wanted))})"
    for against, raw in client.items():
        yield side_by_side(
            "trino",
            "key set of 1,000",
            against,
            lambda: _read(adapter, customers, CUSTOMERS, Test(Term("custkey"), ValueSet.of(*wanted))),
            lambda raw=raw: raw(keys_sql, CUSTOMERS),
            pairs=20,
        )


def _make_tables(server: TrinoServer) -> None:
    server.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{SCHEMA}")
    columns = ", ".join(LINES)
    for name, query in {
        "customer": "SELECT custkey, name, phone, acctbal FROM tpch.tiny.customer",
        "lineitem": f"SELECT {columns} FROM tpch.sf1.lineitem LIMIT {ROWS}",
    }.items():
        server.execute(f"DROP TABLE IF EXISTS memory.{SCHEMA}.{name}")
        server.execute(f"CREATE TABLE memory.{SCHEMA}.{name} AS {query}")


def _relation(name: str, types: dict[str, str]) -> TableRelation:
    columns = tuple(RawColumn(name=column, type=parse_type(type)) for column, type in types.items())
    return TableRelation(table=SqlTable(name=name, columns=columns))


def _read(adapter: TrinoAdapter, relation: TableRelation, types: dict[str, str], *conditions: Condition) -> int:
    """As the runtime reads: verdicts first, then what they allow."""
    asked = Scan(relation=relation, columns=tuple(types), conditions=conditions)
    pushed = tuple(verdict.pushed for verdict in adapter.classify(asked))
    context = ReadContext(deadline=time.monotonic() + 120)
    wanted = Scan(relation=relation, columns=tuple(types), conditions=pushed)
    return sum(batch.num_rows for split in adapter.splits(wanted) for batch in adapter.read(split, context))


def _connect(server: TrinoServer) -> Any:
    return trino.dbapi.connect(host=server.host, port=server.port, user="bench", catalog="memory", schema=SCHEMA)


def _with_client(connection: Any, sql: str) -> int:
    cursor = connection.cursor()
    cursor.execute(sql)
    return len(cursor.fetchall())


class _Loop:
    """The best that a few lines get: one kept connection, orjson, plain casts to Arrow."""

    def __init__(self, server: TrinoServer) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port)
        self._prefix = f":{server.port}"
        self._headers = {"X-Trino-User": "bench", "X-Trino-Catalog": "memory", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}

    def rows(self, sql: str, types: dict[str, str]) -> int:
        count = 0
        self._connection.request("POST", "/v1/statement", sql.encode(), self._headers)
        while True:
            page = orjson.loads(self._connection.getresponse().read())
            if page.get("data"):
                count += _arrow(page["data"], types).num_rows
            if "nextUri" not in page:
                return count
            self._connection.request("GET", page["nextUri"].split(self._prefix, 1)[1], headers=self._headers)

    def close(self) -> None:
        self._connection.close()


def _arrow(rows: Sequence[Sequence[Any]], types: dict[str, str]) -> pa.RecordBatch:
    arrays = [pa.array(values, _ARROW[type]) for values, type in zip(zip(*rows), types.values())]
    arrays = [array.cast(pa.date32()) if type == "date" else array for array, type in zip(arrays, types.values())]
    return pa.RecordBatch.from_arrays(arrays, names=list(types))
