"""The PostgreSQL of the tests is as awkward as it claims to be, and can be frozen and killed."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


def test_its_database_does_not_sort_by_code_point_and_its_sessions_are_not_in_utc(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        assert connection.execute("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"").fetchone() == (True, False)
        assert connection.execute("SHOW timezone").fetchone() == ("Asia/Kathmandu",)


def test_it_wants_the_password(postgres_server: PostgresServer) -> None:
    server = postgres_server
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=server.host, port=server.port, dbname=server.database, user=server.user, password="wrong")


def test_its_sessions_freeze_with_it(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        postgres_server.pause()
        try:
            connection.pgconn.send_query(b"SELECT 1")
            connection.pgconn.flush()
            assert select.select([connection.pgconn.socket], [], [], 0.3)[0] == []
        finally:
            postgres_server.resume()
        assert select.select([connection.pgconn.socket], [], [], 10)[0] != []
        while connection.pgconn.get_result() is not None:
            pass


def test_what_was_committed_outlives_kill_9(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        connection.execute("CREATE TABLE outlives AS SELECT 7 AS n")
    postgres_server.restart()
    with postgres_server.connect() as connection:
        assert connection.execute("SELECT n FROM outlives").fetchone() == (7,)
        connection.execute("DROP TABLE outlives")
