"""The PostgreSQL adapter beside psycopg and ADBC by hand: `python -m benchmarks.adapters postgres`. All sides use TLS."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa

from adapters.interface import ReadContext, Scan
from adapters.postgres import PostgresAdapter, open_source
from benchmarks.side_by_side import Measured, side_by_side
from catalog.conditions import Condition, Term, Test
from catalog.model import Source
from catalog.relations import TableRelation
from catalog.values import ValueSet
from tests.servers.postgres import PostgresServer

ROWS = 200_000
COLUMNS = {
    "id": "bigint",
    "ward": "integer",
    "patient": "text",
    "note": "text",
    "amount": "numeric(12,2)",
    "taken_at": "timestamptz",
    "local_at": "timestamp",
    "day": "date",
    "value": "double precision",
    "final": "boolean",
}
_NAMES = ", ".join(COLUMNS)
_FILL = f"""
INSERT INTO benchmark.result SELECT i, i % 1000, 'P' || lpad(i::text, 8, '0'), 'some text value ' || i, i / 100.0,
  '2020-01-01 00:00+00'::timestamptz + i * interval '1 min', '2020-01-01 00:00'::timestamp + i * interval '1 s', '2020-01-01'::date + i % 1000,
  i / 7.0, i % 3 = 0 FROM generate_series(1, {ROWS}) AS i
"""
_ARROW = [
    pa.int64(),
    pa.int64(),
    pa.string(),
    pa.string(),
    pa.decimal128(12, 2),
    pa.timestamp("us", "UTC"),
    pa.timestamp("us"),
    pa.date32(),
    pa.float64(),
    pa.bool_(),
]


def measure(server: PostgresServer, *, points: int = 1_000) -> list[Measured]:
    """Point lookup, scan and key set of 1,000 over one table of ten columns."""
    with server.connect() as owner:
        _make_table(owner)
    options = {
        "user": server.user,
        "password": server.password,
        "schema": "benchmark",
        "tls_ca": str(server.certificates.authority),
    }
    source = Source(node="bench", name="main", adapter="postgres", url=server.url, options=options, zone="UTC", tables={})
    address = f"postgresql://{server.user}:{quote(server.password)}@{server.host}:{server.port}/{server.database}"
    with (
        closing(open_source(source)) as adapter,
        server.connect() as psycopg_connection,
        closing(adbc_driver_postgresql.dbapi.connect(address)) as adbc_connection,
    ):
        return list(_measured(adapter, psycopg_connection, adbc_connection, points))


def _measured(adapter: PostgresAdapter, by_psycopg: psycopg.Connection, by_adbc: Any, points: int) -> Iterator[Measured]:
    relation = TableRelation(table=adapter.describe("result")["result"])
    numbers = itertools.cycle(range(1, ROWS, 37))
    one = f"SELECT {_NAMES} FROM benchmark.result WHERE id = "

    def point() -> int:
        return _read(adapter, relation, Test(Term("id"), ValueSet.of(next(numbers))))

    def psycopg_point() -> int:
        return len(by_psycopg.execute(f"{one} %s", [next(numbers)], binary=True).fetchall())

    def psycopg_arrow_point() -> int:
        return _arrow(by_psycopg.execute(f"{one} %s", [next(numbers)], binary=True).fetchall()).num_rows

    yield side_by_side("postgres", "point lookup", "psycopg, rows as tuples", point, psycopg_point, pairs=points)
    yield side_by_side("postgres", "point lookup", "psycopg, rows to Arrow", point, psycopg_arrow_point, pairs=points)
    yield side_by_side("postgres", "point lookup", "ADBC", point, lambda: _adbc(by_adbc, f"{one} $1", next(numbers)), pairs=points)

    everything = f"SELECT {_NAMES} FROM benchmark.result"
    exact = everything.replace("amount", "amount::text AS amount")
    yield side_by_side(
        "postgres",
        "scan 200 k × 10",
        "ADBC",
        lambda: _read(adapter, relation),
        lambda: _adbc(by_adbc, everything),
        pairs=7,
        note="ADBC gives numeric as its text, still to be read",
    )
    yield side_by_side(
        "postgres",
        "scan 200 k × 10",
        "ADBC, numeric as text in SQL, read by Arrow",
        lambda: _read(adapter, relation),
        lambda: _adbc(by_adbc, exact, amount="amount"),
        pairs=7,
    )
    yield side_by_side(
        "postgres",
        "scan 200 k × 10",
        "psycopg, rows to Arrow",
        lambda: _read(adapter, relation),
        lambda: _arrow(by_psycopg.execute(everything, binary=True).fetchall()).num_rows,
        pairs=3,
    )

    keys = list(range(1, ROWS, ROWS // 1_000))[:1_000]
    among = Test(Term("id"), ValueSet.of(*keys))
    listed = f"SELECT {_NAMES} FROM benchmark.result WHERE id = ANY(%s)"
    yield side_by_side(
        "postgres",
        "key set of 1,000",
        "psycopg, rows to Arrow",
        lambda: _read(adapter, relation, among),
        lambda: _arrow(by_psycopg.execute(listed, [keys], binary=True).fetchall()).num_rows,
        pairs=50,
    )
    spelled = f"SELECT {_NAMES} FROM benchmark.result WHERE id IN ({', '.join(map(str, keys))})"
    yield side_by_side(
        "postgres",
        "key set of 1,000",
        "ADBC",
        lambda: _read(adapter, relation, among),
        lambda: _adbc(by_adbc, spelled),
        pairs=50,
    )


def _make_table(owner: psycopg.Connection) -> None:
    columns = ", ".join(f"{name} {type}" for name, type in COLUMNS.items())
    owner.execute("DROP SCHEMA IF EXISTS benchmark CASCADE")
    owner.execute("CREATE SCHEMA benchmark")
    owner.execute(f"CREATE TABLE benchmark.result ({columns}, PRIMARY KEY (id))")
    owner.execute(_FILL)
    owner.execute("VACUUM ANALYZE benchmark.result")


def _read(adapter: PostgresAdapter, relation: TableRelation, *conditions: Condition) -> int:
    """As the runtime reads: verdicts first, then what they allow."""
    asked = Scan(relation=relation, columns=tuple(COLUMNS), conditions=conditions)
    pushed = tuple(verdict.pushed for verdict in adapter.classify(asked))
    wanted = Scan(relation=relation, columns=tuple(COLUMNS), conditions=pushed)
    context = ReadContext(deadline=time.monotonic() + 120)
    return sum(batch.num_rows for split in adapter.splits(wanted) for batch in adapter.read(split, context))


def _arrow(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table([pa.array(values, type) for values, type in zip(zip(*rows), _ARROW)], names=list(COLUMNS))


def _adbc(connection: Any, sql: str, *parameters: int, amount: str | None = None) -> int:
    """`amount`: a column of decimals written as text, to be read."""
    rows = 0
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        for batch in cursor.fetch_record_batch():
            if amount is not None:
                batch.column(amount).cast(pa.decimal128(12, 2))
            rows += batch.num_rows
    return rows
