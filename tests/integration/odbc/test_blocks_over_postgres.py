"""Block fetch with another driver: psqlODBC over PostgreSQL, against what psycopg reads. Rows first, blocks then, and the cursor whole again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyodbc
import pytest

from adapters.odbc.block_fetch import BlockFetch, UnreadableValueError
from adapters.odbc.handles import StatementHandle
from adapters.odbc.result import FIRST_ROWS, Result

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer

COLUMNS = """
    i::int AS id, (i * 4611686018427)::bigint AS big, (i % 300)::smallint AS small, i / 7.0::float8 AS score, (i / 4.0)::real AS half,
    (i * 1.25)::numeric(38,10) AS amount, i % 2 = 0 AS flag, date '0001-01-01' + i * 1000 AS day,
    timestamp '0001-01-01' + i * interval '1000 days 1.000001 s' AS at, md5(i::text)::uuid AS guid,
    (CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN '' ELSE repeat('é李😀', i % 7) || i END)::varchar(60) AS label
"""
"""The years end at 9999 with i = 3,000."""


@pytest.fixture
def connection(postgres_server: PostgresServer) -> Iterator[Any]:
    server = postgres_server
    words = f"DRIVER=PostgreSQL Unicode;SERVER={server.host};PORT={server.port};DATABASE={server.database};UID={server.user};"
    with closing(pyodbc.connect(f"{words}PWD={{{server.password}}};SSLmode=require;BoolsAsChar=0;", autocommit=True)) as found:
        yield found


def read(result: Result) -> list[pa.RecordBatch]:
    batches = []
    while (batch := result.next()) is not None:
        batches.append(batch)
    result.close()
    return batches


@pytest.mark.parametrize("rows", [0, 1, FIRST_ROWS - 1, FIRST_ROWS, FIRST_ROWS + 1, 3_000])
def test_rows_and_blocks_give_what_another_driver_gives(rows: int, connection: Any, postgres_server: PostgresServer) -> None:
    sql = f"SELECT {COLUMNS} FROM generate_series(1, {rows}) AS i ORDER BY i"
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        batches = read(Result(cursor, rows=1_000))
        assert cursor.execute("SELECT 7").fetchval() == 7  # it is pyodbc's again: nothing is bound, one row at a time
    assert sum(batch.num_rows for batch in batches) == rows
    assert max((batch.num_rows for batch in batches), default=0) <= 1_000
    with postgres_server.connect() as owner:
        wanted = [(*row[:9], str(row[9]).upper(), row[10]) for row in owner.execute(sql).fetchall()]
    found = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert found == wanted


def test_no_columns_still_count_rows(connection: Any) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT 1 FROM generate_series(1, 200)")
        assert sum(batch.num_rows for batch in read(Result(cursor, pa.schema([])))) == 200


def test_a_text_longer_than_its_column_says_is_an_error_and_never_cut(connection: Any) -> None:
    """psqlODBC calls a text without a bound 255 signs long."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT repeat('x', i)::varchar AS label FROM generate_series(1, 500) AS i")
        columns = StatementHandle(cursor).columns()
        assert columns[0].size == 255
        with BlockFetch(cursor, columns, rows=1) as blocks:
            assert [array.to_pylist() for (array,) in islice(iter(blocks.next, None), 255)] == [["x" * length] for length in range(1, 256)]
            with pytest.raises(UnreadableValueError) as caught:
                blocks.next()
    assert "xx" not in str(caught.value)


def test_a_wide_row_makes_small_blocks(connection: Any) -> None:
    """A hundred columns of 250 signs are 51 kB a row: 16 MiB hold 328."""
    wide = ", ".join(f"'x'::varchar(250) AS c{number}" for number in range(100))
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT {wide} FROM generate_series(1, 700)")
        with BlockFetch(cursor, StatementHandle(cursor).columns()) as blocks:
            assert blocks.rows == (16 << 20) // (100 * (251 * 2 + 8)) == 328
            assert sum(len(arrays[0]) for arrays in iter(blocks.next, None)) == 700
