"""The SQL Server adapter's ODBC path beside pyodbc by hand, over PostgreSQL through psqlODBC: `python -m benchmarks.adapters odbc`.

The TDS test server is for correctness only. So the adapter as it is (its statements, its threads, its pool, its block fetch) reads
PostgreSQL: a cursor between the two puts each text into PostgreSQL's quotes, once. What this says of is the client, not SQL Server.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from typing import Any
from urllib.parse import quote

import adbc_driver_postgresql.dbapi
import pyarrow as pa

from adapters.arrow_types import scan_schema
from adapters.interface import ReadContext, Scan
from adapters.odbc.block_fetch import BlockFetch
from adapters.odbc.driver import pyodbc
from adapters.odbc.handles import StatementHandle
from adapters.odbc.session import Session
from adapters.source_options import Tls
from adapters.sqlserver import SqlServerAdapter
from adapters.sqlserver.connections import Connections
from adapters.sqlserver.facts import Facts
from adapters.sqlserver.native_types import ColumnFact
from adapters.sqlserver.options import SqlServerOptions
from benchmarks.side_by_side import Measured, side_by_side
from catalog.conditions import Condition, Term, Test
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import ValueSet
from tests.servers.postgres import PostgresServer

ROWS = 200_000
COLUMNS = {
    "id": ("integer", "integer", ColumnFact(type="int")),
    "big": ("bigint", "bigint", ColumnFact(type="bigint")),
    "label": ("varchar(60)", "text", ColumnFact(type="nvarchar", length=120, collation="Latin1_General_100_CI_AS")),
    "note": ("varchar(60)", "text", ColumnFact(type="nvarchar", length=120, collation="Latin1_General_100_CI_AS")),
    "score": ("double precision", "double", ColumnFact(type="float")),
    "amount": ("numeric(18,4)", "decimal(18,4)", ColumnFact(type="decimal", precision=18, scale=4)),
    "final": ("boolean", "boolean", ColumnFact(type="bit")),
    "at": ("timestamp", "local_timestamp", ColumnFact(type="datetime2", scale=6)),
    "day": ("date", "date", ColumnFact(type="date")),
    "guid": ("uuid", "uuid", ColumnFact(type="uniqueidentifier")),
}
"""Column to PostgreSQL's type, raw type, and the type it stands for."""

RESULT = SqlTable(
    name="result", columns=tuple(RawColumn(name=name, type=parse_type(raw)) for name, (_, raw, _) in COLUMNS.items()), key=("id",)
)
RELATION = TableRelation(table=RESULT)
_FACTS: Facts = {"result": {name: fact for name, (_, _, fact) in COLUMNS.items()}}
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_FROM = f"SELECT {_NAMES} FROM benchmark_odbc.result"
_FILL = f"""
INSERT INTO benchmark_odbc.result SELECT i, i * 7919::bigint, 'P' || lpad(i::text, 8, '0'),
  CASE WHEN i % 5 = 0 THEN NULL WHEN i % 3 = 0 THEN 'Übergewicht 李 ' || i ELSE 'some text value ' || i END,
  i / 7.0, i / 100.0, i % 3 = 0, '2020-01-01'::timestamp + i * interval '1.5 s', '2020-01-01'::date + i % 1000,
  md5(i::text)::uuid FROM generate_series(1, {ROWS}) AS i
"""


class _Cursor:
    """A pyodbc cursor that gets T-SQL and asks PostgreSQL."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.hstmt, self.fetchmany, self.fetchall = cursor.hstmt, cursor.fetchmany, cursor.fetchall
        self.close, self.cancel, self.setinputsizes = cursor.close, cursor.cancel, cursor.setinputsizes

    def execute(self, sql: str, *parameters: Any) -> _Cursor:
        self._cursor.execute(_in_postgres(sql), *parameters)
        return self


@cache
def _in_postgres(sql: str) -> str:
    """T-SQL's quotes and its way to take a JSON text apart."""
    opened = "OPENJSON(CAST(? AS NVARCHAR(MAX))) WITH ([v] INTEGER '$') AS [k]"
    taken_apart = "(SELECT e::integer FROM json_array_elements_text(CAST(? AS json)) AS e) AS k (v)"
    return sql.replace(opened, taken_apart).replace("[", '"').replace("]", '"')


class _Connection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.add_output_converter, self.close = connection.add_output_converter, connection.close

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection.cursor())


class _Connections(Connections):
    def __init__(self, options: SqlServerOptions, connect: Callable[[], Any]) -> None:
        super().__init__(options, "bench")
        self._by_hand = connect

    def _connect(self) -> Any:
        return _Connection(self._by_hand())


class _OverPostgres(SqlServerAdapter):
    def __init__(self, server: PostgresServer) -> None:
        options = SqlServerOptions(
            host=server.host, port=server.port, database="x", user="x", password="x", schema="benchmark_odbc", tls=Tls("off")
        )
        super().__init__(options, "bench")
        self._connections = _Connections(options, lambda: _odbc(server))

    def _current_facts(self, session: Session, context: ReadContext) -> Facts:  # noqa: ARG002  PostgreSQL has no sys.columns
        return _FACTS


def _odbc(server: PostgresServer) -> Any:
    words = {
        "DRIVER": "PostgreSQL Unicode", "SERVER": server.host, "PORT": str(server.port), "DATABASE": server.database, "UID": server.user,
        "PWD": f"{{{server.password}}}", "SSLmode": "require", "BoolsAsChar": "0", "UseServerSidePrepare": "1",
    }  # fmt: skip
    return pyodbc().connect("".join(f"{name}={value};" for name, value in words.items()), autocommit=True)


def measure(server: PostgresServer, *, points: int = 1_000) -> list[Measured]:
    """Point lookup, scan and key set of 1,000 over one table of ten columns."""
    with server.connect() as owner:
        owner.execute("DROP SCHEMA IF EXISTS benchmark_odbc CASCADE")
        owner.execute("CREATE SCHEMA benchmark_odbc")
        columns = ", ".join(f'"{name}" {type}' for name, (type, _, _) in COLUMNS.items())
        owner.execute(f"CREATE TABLE benchmark_odbc.result ({columns}, PRIMARY KEY (id))")
        owner.execute(_FILL)
        owner.execute("VACUUM ANALYZE benchmark_odbc.result")
    address = f"postgresql://{server.user}:{quote(server.password)}@{server.host}:{server.port}/{server.database}"
    with (
        closing(_OverPostgres(server)) as adapter,
        closing(_odbc(server)) as by_hand,
        closing(adbc_driver_postgresql.dbapi.connect(address)) as adbc,
    ):
        return list(_measured(adapter, by_hand, adbc, points))


def _measured(adapter: SqlServerAdapter, by_hand: Any, adbc: Any, points: int) -> Iterator[Measured]:
    numbers = itertools.cycle(range(1, ROWS, 37))

    def point() -> int:
        return _read(adapter, Test(Term("id"), ValueSet.of(next(numbers))))

    one = f"{_FROM} WHERE id = CAST(? AS integer)"
    yield side_by_side("odbc", "point lookup", "pyodbc, rows as tuples", point, lambda: _rows(by_hand, one, next(numbers)), pairs=points)
    yield side_by_side("odbc", "point lookup", "pyodbc, rows to Arrow", point, lambda: _arrow(by_hand, one, next(numbers)), pairs=points)

    def scan() -> int:
        return _read(adapter)

    yield side_by_side("odbc", "scan 200 k × 10", "block fetch by hand", scan, lambda: _blocks(by_hand, _FROM), pairs=5)
    yield side_by_side("odbc", "scan 200 k × 10", "pyodbc, rows to Arrow", scan, lambda: _arrow(by_hand, _FROM), pairs=3)
    exact = _FROM.replace('"amount"', "amount::text AS amount").replace('"guid"', "upper(guid::text) AS guid")
    note = "another protocol: numeric and uuid as text"
    yield side_by_side("odbc", "scan 200 k × 10", "ADBC", scan, lambda: _adbc(adbc, exact), pairs=3, note=note)

    keys = list(range(1, ROWS, ROWS // 1_000))[:1_000]
    listed = f"{_FROM} WHERE id IN ({', '.join('?' * len(keys))})"
    wanted = Test(Term("id"), ValueSet.of(*keys))
    yield side_by_side(
        "odbc", "key set of 1,000", "block fetch by hand", lambda: _read(adapter, wanted), lambda: _blocks(by_hand, listed, *keys), pairs=20
    )


def _read(adapter: SqlServerAdapter, *conditions: Condition) -> int:
    """As the runtime reads: verdicts first, then what they allow."""
    asked = Scan(relation=RELATION, columns=tuple(COLUMNS), conditions=conditions)
    pushed = tuple(verdict.pushed for verdict in adapter.classify(asked))
    wanted = Scan(relation=RELATION, columns=tuple(COLUMNS), conditions=pushed)
    context = ReadContext(deadline=time.monotonic() + 120)
    return sum(batch.num_rows for split in adapter.splits(wanted) for batch in adapter.read(split, context))


def _rows(connection: Any, sql: str, *parameters: int) -> int:
    with connection.cursor() as cursor:
        return len(cursor.execute(sql, *parameters).fetchall())


def _arrow(connection: Any, sql: str, *parameters: int) -> int:
    schema = scan_schema(Scan(relation=RELATION, columns=tuple(COLUMNS)))
    with connection.cursor() as cursor:
        cursor.execute(sql, *parameters)
        count = 0
        while rows := cursor.fetchmany(20_000):
            columns = [pa.array(values, field.type) for values, field in zip(zip(*rows), schema)]
            count += pa.RecordBatch.from_arrays(columns, schema=schema).num_rows
        return count


def _blocks(connection: Any, sql: str, *parameters: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, *parameters)
        count = 0
        with BlockFetch(cursor, StatementHandle(cursor).columns()) as blocks:
            while (arrays := blocks.next()) is not None:
                count += len(arrays[0])
        return count


def _adbc(connection: Any, sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())
