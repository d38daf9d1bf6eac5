"""The same rows through PyHive, the client that many know: an independent reading of the same server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from adapters.interface import Scan
from adapters.testing.conformance import read_all, rows_of
from adapters.testing.sample import sample_table
from catalog.relations import TableRelation
from tests.integration.hive.sources import opened
from tests.servers.hive import HiveServer

KINDS = ("text", "number_text", "integer", "double", "boolean", "bytes")
"""What PyHive gives as it is: its dates are texts, its decimals lack their scale, its nested values are JSON."""


def test_pyhive_reads_the_same_rows(hive_server: HiveServer, database: str, tmp_path: Path) -> None:
    from pyhive import hive

    table, rows = sample_table(KINDS)
    hive_server.load(table, rows, database)
    scan = Scan(relation=TableRelation(table=table), columns=tuple(column.name for column in table.columns))
    with closing(opened(hive_server, database, {table.name: table})) as adapter:
        statement = adapter.explain(scan)
        ours = [tuple(row.values()) for row in rows_of(read_all(adapter, scan))]
    with (
        closing(
            hive.connect(hive_server.host, hive_server.port, username="x", password="y", auth="CUSTOM", database=database)
        ) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(statement)
        theirs = cursor.fetchall()
    assert sorted(ours, key=lambda row: row[0]) == sorted(theirs, key=lambda row: row[0])
