"""Addresses, certificates, accounts and rights: what is refused is told for what it is, in time and without the password."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from adapters.interface import Scan, SourceError
from adapters.testing.conformance import read_all, rows_of
from catalog.relations import TableRelation
from tests.integration.postgres.conftest import Ward, context, declared, failing, one_row
from tests.integration.postgres.tables import opened
from tests.servers.certificates import SERVER_NAME
from tests.servers.postgres import start

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer


def refused(server: PostgresServer, schema: str = "public", url: str = "", **options: object) -> SourceError:
    with closing(opened(server, schema, url, **options)) as adapter:
        error = failing(lambda: adapter.ping(context(5)), 3)
    assert server.password not in error.fact + error.hint
    return error


def test_a_wrong_password_is_a_refused_account(postgres_server: PostgresServer) -> None:
    for options in ({"password": "wrong"}, {"user": "nobody"}):
        error = refused(postgres_server, **options)
        assert (error.code, error.transient) == ("S106", False)


def test_an_account_that_may_not_log_in_or_connect_is_refused(ward: Ward) -> None:
    with lesser_account(ward, "NOLOGIN"):
        assert refused(ward.server, user="lesser", password="lesser").code == "S106"


def test_what_the_account_may_not_read_is_told(big: Ward) -> None:
    with lesser_account(big, "LOGIN"), closing(opened(big.server, big.schema, user="lesser", password="lesser")) as adapter:
        error = failing(lambda: one_row(adapter), 3)
        assert (error.code, error.transient) == ("S108", False)
        with big.server.connect() as owner:
            owner.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO lesser").format(sql.Identifier(big.schema)))
        assert failing(lambda: one_row(adapter), 3).code == "S108"
        assert "big" not in adapter.describe()
        with big.server.connect() as owner:
            owner.execute(sql.SQL("GRANT SELECT ON {} TO lesser").format(sql.Identifier(big.schema, "big")))
        assert one_row(adapter) == [{"n": 7}]
        assert "big" in adapter.describe()


@contextmanager
def lesser_account(ward: Ward, rights: str) -> Iterator[None]:
    with ward.server.connect() as owner:
        owner.execute(f"CREATE ROLE lesser {rights} PASSWORD 'lesser'")
    try:
        yield
    finally:
        with ward.server.connect() as owner:
            owner.execute("DROP OWNED BY lesser")
            owner.execute("DROP ROLE lesser")


def test_a_certificate_of_another_authority_is_not_trusted(postgres_server: PostgresServer) -> None:
    error = refused(postgres_server, tls_ca=str(postgres_server.certificates.stranger))
    assert (error.code, error.transient) == ("S107", False)


def test_a_certificate_of_another_name_is_not_trusted(postgres_server: PostgresServer) -> None:
    assert refused(postgres_server, tls_server_name="elsewhere.hospital.test").code == "S107"
    with closing(opened(postgres_server, tls_server_name=SERVER_NAME)) as adapter:
        adapter.ping(context())


def test_without_tls_ca_the_system_says_whom_to_trust(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(postgres_server, tls_ca=None).code == "S107"
    monkeypatch.setenv("SSL_CERT_FILE", str(postgres_server.certificates.authority))
    with closing(opened(postgres_server, tls_ca=None)) as adapter:
        adapter.ping(context())


@pytest.mark.parametrize(("tls", "encrypted"), [("verify", True), ("require", True), ("off", False)])
def test_tls_is_what_was_asked_for(tls: str, encrypted: bool, ward: Ward) -> None:
    ward.run("CREATE VIEW told AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    certificate = {"tls_ca": str(ward.server.certificates.authority)} if tls == "verify" else {}
    with closing(opened(ward.server, ward.schema, tls=tls, **{"tls_ca": None, **certificate})) as adapter:
        scan = Scan(relation=TableRelation(table=declared("told", ssl="boolean")), columns=("ssl",))
        assert rows_of(read_all(adapter, scan)) == [{"ssl": encrypted}]


def test_a_server_without_tls_is_refused_unless_tls_is_off(tmp_path: Path) -> None:
    server = start(tmp_path, ssl="off")
    try:
        assert refused(server).code == "S107"
        with closing(opened(server, tls="off", tls_ca=None)) as adapter:
            adapter.ping(context())
    finally:
        server.stop()


def test_a_file_that_is_no_certificate_is_misconfigured(postgres_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    assert refused(postgres_server, tls_ca=str(tmp_path / "text.pem")).code == "S110"


def test_a_database_that_is_not_there_is_misconfigured(postgres_server: PostgresServer) -> None:
    error = refused(postgres_server, url=f"postgresql://{postgres_server.host}:{postgres_server.port}/nowhere")
    assert (error.code, error.transient) == ("S110", False)


def test_nobody_listens(postgres_server: PostgresServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = refused(postgres_server, url=f"postgresql://127.0.0.1:{taken.getsockname()[1]}/hospital")
    assert (error.code, error.transient) == ("S101", True)


def test_a_host_that_accepts_and_says_nothing_is_given_up(postgres_server: PostgresServer) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        error = refused(postgres_server, url=f"postgresql://127.0.0.1:{deaf.getsockname()[1]}/hospital", connect_timeout=0.5)
    assert (error.code, error.transient) == ("S101", True)


def test_an_unknown_host_is_unreachable(postgres_server: PostgresServer) -> None:
    assert refused(postgres_server, url="postgresql://no-such-host.invalid/hospital").code == "S101"


def test_variables_of_the_environment_say_nothing(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "PGSSLMODE": "disable",
        "PGHOST": "elsewhere",
        "PGOPTIONS": "-c search_path=x",
        "PGTARGETSESSIONATTRS": "standby",
        "PGPASSWORD": "x",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with closing(opened(postgres_server)) as adapter:
        adapter.ping(context())
    assert refused(postgres_server, password="wrong").code == "S106"


def test_files_in_the_home_of_the_account_say_nothing(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sslmode=require libpq would check the certificate by the first file, and take the password from the second."""
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_bytes(postgres_server.certificates.stranger.read_bytes())
    passwords = tmp_path / ".pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(f"*:*:*:*:{postgres_server.password}".replace("\\", "\\\\"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with closing(opened(postgres_server, tls="require", tls_ca=None)) as adapter:
        adapter.ping(context())
    assert refused(postgres_server, password=None).code == "S106"
