"""Passwords, certificates and rights, on an instance that asks for them (SQL-standard authorization, CUSTOM provider, TLS)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.testing.conformance import read_all
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER
from tests.integration.hive.sources import opened
from tests.servers.engines import started
from tests.servers.hive import HiveServer, make_certificate, start

TABLE = SqlTable(name="kept", columns=(RawColumn(name="id", type=INTEGER),))
SCAN = Scan(relation=TableRelation(table=TABLE), columns=("id",))


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiveServer]:
    server = started("hive", lambda: start(tmp_path_factory.mktemp("guarded"), "CUSTOM"))
    server.run("CREATE DATABASE rooms", "CREATE TABLE rooms.kept (id INT)")
    yield server
    server.stop()


def read(server: HiveServer, **options: Any) -> int:
    adapter = opened(server, "rooms", {"kept": TABLE}, **options)
    try:
        return sum(batch.num_rows for batch in read_all(adapter, SCAN, ReadContext(deadline=time.monotonic() + 10)))
    finally:
        adapter.close()


def refusal(server: HiveServer, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(server, **options)
    return caught.value


def test_the_right_password_over_a_trusted_certificate_reads(guarded_server: HiveServer) -> None:
    assert read(guarded_server) == 0


def test_tls_can_be_required_without_looking_at_the_certificate(guarded_server: HiveServer) -> None:
    assert read(guarded_server, tls="require", tls_ca=None) == 0


def test_a_wrong_password_is_refused_without_a_word_of_it(guarded_server: HiveServer) -> None:
    error = refusal(guarded_server, password="not the password")
    assert (error.code, error.transient) == ("S106", False)
    assert "not the password" not in f"{error.fact} {error.hint} {error.__cause__} {error.__context__}"
    assert read(guarded_server) == 0


def test_a_certificate_of_somebody_else_is_not_trusted(guarded_server: HiveServer, tmp_path: Path) -> None:
    other = make_certificate(tmp_path / "other.p12", tmp_path / "other.pem")
    error = refusal(guarded_server, tls_ca=str(other))
    assert (error.code, error.transient) == ("S107", False)
    assert read(guarded_server) == 0


def test_a_certificate_for_another_name_is_not_trusted(guarded_server: HiveServer) -> None:
    assert refusal(guarded_server, tls_server_name="hive.elsewhere.example").code == "S107"


def test_tls_at_a_server_without_it_is_refused_and_sends_no_password(hive_server: HiveServer, guarded_server: HiveServer) -> None:
    options = {"auth": "ldap", "user": "a", "password": "b", "tls": "verify", "tls_ca": str(guarded_server.certificate)}
    with pytest.raises(SourceError) as caught:
        read_all(opened(hive_server, "default", {"kept": TABLE}, **options), SCAN, ReadContext(deadline=time.monotonic() + 10))
    assert caught.value.code in ("S107", "S103")


def test_an_account_that_may_not_read_the_table_is_told_so(guarded_server: HiveServer) -> None:
    error = refusal(guarded_server, user="reader", password="reads")
    assert (error.code, error.transient) == ("S108", False)


def test_what_the_gateway_sets_in_a_session_is_allowed_to_accounts_without_rights(guarded_server: HiveServer) -> None:
    adapter = opened(guarded_server, "default", user="reader", password="reads")
    adapter.ping(ReadContext(deadline=time.monotonic() + 10))
    context = ReadContext(deadline=time.monotonic() + 10)
    with adapter._sessions.connection(context) as session:
        names = ("hive.auto.convert.anti.join", "hive.variable.substitute")
        shown = [row for name in names for row in session.query_texts(f"SET {name}", context)]
    assert shown == [("hive.auto.convert.anti.join=false",), ("hive.variable.substitute=false",)]
    adapter.close()
