"""Thrift over HTTPS with HBase's access control: whose certificate is trusted, who may act as whom, and who may read what."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.hbase import open_source
from adapters.interface import Adapter, ReadContext, SourceError
from catalog.source_tables import HBaseTable, RowKey
from tests.adapters.hbase.cells import equal, read, scan_of
from tests.adapters.hbase.layouts import cell, segment, source_of
from tests.integration.hbase.secured import put_over_https
from tests.servers.engines import started
from tests.servers.hbase import SecuredHBaseServer

TABLE = HBaseTable(
    name="people",
    row_key=RowKey(segments=(segment("id", "i32be"),)),
    cells=(cell("name", "d:name", required=True), cell("secret", "s:secret")),
)
OPEN = replace(TABLE, cells=TABLE.cells[:1])
ROWS = 600
LEASE_SECONDS = 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredHBaseServer]:
    settings = {"hbase.client.scanner.timeout.period": str(1000 * LEASE_SECONDS)}
    running = started("hbase", lambda: SecuredHBaseServer(tmp_path_factory.mktemp("secured"), settings))
    try:
        running.create(TABLE.name, {"d": 1, "s": 1})
        rows = {struct.pack(">i", n): {b"d:name": b"n%d" % n, b"s:secret": b"never told"} for n in range(ROWS)}
        put_over_https(running, TABLE.name, rows)
        running.grant("alice", TABLE.name, "d")
        yield running
    finally:
        running.stop()


def patient() -> ReadContext:
    return ReadContext(deadline=time.monotonic() + 60)


def adapter_of(server: SecuredHBaseServer, table: HBaseTable = TABLE, **options: object) -> Adapter:
    return open_source(replace(source_of(table, url=server.url), options={"tls_ca": str(server.authority), **options}))


def refused(adapter: Adapter, table: HBaseTable = TABLE) -> list[SourceError]:
    """The errors of a ping, a scan and a lookup."""
    found = []
    with closing(adapter):
        for act in (
            lambda: adapter.ping(patient()),
            lambda: read(adapter, scan_of(table)),
            lambda: read(adapter, scan_of(table, equal("id", 1))),
        ):
            with pytest.raises(SourceError) as caught:
                act()
            found.append(caught.value)
    return found


def test_the_right_authority_is_trusted_and_every_row_comes(server: SecuredHBaseServer) -> None:
    with closing(adapter_of(server)) as adapter:
        adapter.ping(patient())
        rows = read(adapter, scan_of(TABLE)).rows
        assert [row["id"] for row in rows] == list(range(ROWS))
        assert read(adapter, scan_of(TABLE, equal("id", 7))).rows == [{"id": 7, "name": "n7", "secret": "never told"}]


@pytest.mark.parametrize("tls", ["verify", None])
def test_another_authority_is_not_trusted(server: SecuredHBaseServer, tls: str | None) -> None:
    options = {"tls_ca": str(server.other_authority)} | ({} if tls is None else {"tls": tls})
    assert {error.code for error in refused(adapter_of(server, **options))} == {"S107"}


def test_without_an_authority_that_of_the_machine_decides(server: SecuredHBaseServer) -> None:
    assert {error.code for error in refused(open_source(source_of(TABLE, url=server.url)))} == {"S107"}


def test_another_name_than_the_certificates_is_not_trusted(server: SecuredHBaseServer) -> None:
    assert {error.code for error in refused(adapter_of(server, tls_server_name="hbase.elsewhere"))} == {"S107"}
    by_number = replace(source_of(TABLE, url=f"https://127.0.0.1:{server.port}/"), options={"tls_ca": str(server.authority)})
    with closing(open_source(by_number)) as adapter:
        adapter.ping(patient())


def test_require_encrypts_without_a_look_at_the_certificate(server: SecuredHBaseServer) -> None:
    with closing(open_source(replace(source_of(TABLE, url=server.url), options={"tls": "require"}))) as adapter:
        adapter.ping(patient())


def test_a_server_without_tls_is_no_tls_server(server: SecuredHBaseServer, hbase_server: object) -> None:
    port = hbase_server.port  # type: ignore[attr-defined]
    plain = replace(source_of(TABLE, url=f"https://localhost:{port}/"), options={"tls_ca": str(server.authority), "connect_timeout": 3})
    with closing(open_source(plain)) as adapter, pytest.raises(SourceError) as caught:
        adapter.ping(patient())
    assert caught.value.code in ("S107", "S101")


def test_a_user_reads_the_family_that_was_granted_and_no_other(server: SecuredHBaseServer) -> None:
    with closing(adapter_of(server, OPEN, do_as="alice")) as adapter:
        adapter.ping(patient())
        assert len(read(adapter, scan_of(OPEN)).rows) == ROWS
    for error in refused(adapter_of(server, do_as="alice")):
        assert (error.code, error.fact, error.transient) == ("S108", "the account may not read the table people", False)


def test_a_user_without_any_grant_reads_nothing(server: SecuredHBaseServer) -> None:
    assert {error.code for error in refused(adapter_of(server, do_as="bob"))} == {"S108"}


def test_a_user_whom_nobody_may_act_as_is_refused(server: SecuredHBaseServer) -> None:
    errors = refused(adapter_of(server, do_as="nobody_may_be_me"))
    assert {error.code for error in errors} == {"S106"}
    assert not any("nobody_may_be_me" in error.fact + error.hint for error in errors)


def test_a_lease_that_ends_while_the_reader_rests_costs_no_row(server: SecuredHBaseServer) -> None:
    with closing(adapter_of(server)) as adapter:
        (split,) = adapter.splits(scan_of(TABLE, columns=["id"]))
        ids: list[int] = []
        for number, batch in enumerate(adapter.read(split, patient())):
            ids += batch.column("id").to_pylist()
            if number == 0:
                assert len(ids) < ROWS
                time.sleep(LEASE_SECONDS + 1.5)
    assert ids == list(range(ROWS))


def test_a_frozen_server_is_out_of_time_over_https_too(server: SecuredHBaseServer) -> None:
    with closing(adapter_of(server)) as adapter:
        (split,) = adapter.splits(scan_of(TABLE))
        begun = adapter.read(split, ReadContext(deadline=time.monotonic() + 1))
        server.pause()
        try:
            with pytest.raises(SourceError) as caught:
                list(begun)
            with pytest.raises(SourceError) as new:
                adapter.ping(ReadContext(deadline=time.monotonic() + 0.5))  # the handshake gets no answer
        finally:
            server.resume()
        assert (caught.value.code, new.value.code) == ("S103", "S103")
        assert len(read(adapter, scan_of(TABLE)).rows) == ROWS


def test_an_authority_that_is_no_certificate_is_a_mistake_of_the_configuration(server: SecuredHBaseServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    assert {error.code for error in refused(adapter_of(server, tls_ca=str(empty)))} == {"S110"}
